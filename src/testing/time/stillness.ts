/** When nothing is in flight: not by the clock, but by looking at everything that could go on. */
import type { BrokerState, Delivery, LocalSubscription, Message, QueueState } from '../../internal.js'
import { TestFailedError } from '../errors.js'
import type { Chain } from '../log/causality.js'
import type { Follower, Handling } from '../log/follower.js'
import { words } from './duration.js'

/** Something that keeps the bus from rest. */
interface Hold {
  readonly text: string
  /** It was there when the wait began, or waits for the kit's clock: time may pass. */
  readonly passes: boolean
  /** What is in hand, if that is it. */
  readonly delivery?: Delivery | undefined
}

/** A message that nothing moves but time, or a consumer that is not there yet. */
export interface Parked {
  /**
   * `ready`: in a queue whose consumers have no credit, or that has none; `unhanded`: its consumer takes nothing now;
   * `delayed`: until its next attempt, or until it is published; `held`: its handler failed, and its consumer keeps it.
   */
  readonly what: 'ready' | 'unhanded' | 'delayed' | 'held'
  /** The queue that it is in; undefined for one that is not published yet. */
  readonly queue: string | undefined
  /** The message. */
  readonly message: Message
  /** When that ends, in milliseconds on the kit's clock, where time ends it and it is known. */
  readonly until?: number | undefined
}

/** How long a wait may take. */
export interface Patience {
  /** Milliseconds of real time. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
}

const NONE: ReadonlySet<Delivery> = new Set()

export class Stillness {
  readonly #broker: BrokerState
  readonly #follower: Follower

  constructor(broker: BrokerState, follower: Follower) {
    this.#broker = broker
    this.#follower = follower
  }

  /**
   * Resolves when nothing is in flight; of one chain, if there is one. A handler that waits for this does not wait for itself.
   * @throws (rejects) TestFailedError, with what still holds.
   */
  async rest(what: string, patience: Patience, chain?: Chain): Promise<void> {
    const own = this.#follower.causality.surroundings
    await this.#wait(what, patience, () => this.#holds(chain, own), chain !== undefined)
  }

  /**
   * Resolves when nothing is in flight that began after this call, but for handlers that wait for the kit's clock.
   */
  async restSince(what: string, patience: Patience, before: ReadonlySet<object>): Promise<void> {
    const look = () => this.#holds(undefined, NONE, before).filter(({ passes }) => !passes)
    await this.#wait(what, patience, look, false)
  }

  /**
   * Resolves when only time, or what is not the bus's, could go on: handlers that wait for the kit's clock do not count. What
   * `others` names does.
   */
  async restForNow(what: string, patience: Patience, others: () => Iterable<string>): Promise<void> {
    const own = this.#follower.causality.surroundings
    const look = (): Hold[] => {
      const outside = [...others()].map((text) => ({ text, passes: false }))
      return [...this.#holds(undefined, own).filter(({ passes }) => !passes), ...outside]
    }
    await this.#wait(what, patience, look, false)
  }

  /**
   * The same, but for handlers that wait for the kit's clock, and deliveries that nobody expects to be settled. When it gives
   * up, it answers what is still in flight beside unsettled deliveries.
   */
  async rests(patience: Patience, unexpected: (delivery: Delivery) => boolean): Promise<string[]> {
    const own = this.#follower.causality.surroundings
    const look = () =>
      this.#holds(undefined, own).filter(
        ({ passes, delivery }) => !passes && (delivery === undefined || !unexpected(delivery)),
      )
    try {
      await this.#wait('rests', patience, look, false)
      return []
    } catch {
      return look().flatMap(({ text, delivery }) => (isUnsettled(delivery) ? [] : text))
    }
  }

  /** What is in flight now: deliveries in hand and confirms that are waited for. */
  inFlight(): ReadonlySet<object> {
    this.#follower.sweep()
    return new Set<object>([...this.#follower.handlings, ...this.#follower.confirms.keys()])
  }

  /** True when nothing is in flight at this moment. */
  get isStill(): boolean {
    return this.#holds().length === 0
  }

  /** What waits for time or for a consumer. */
  parked(): Parked[] {
    const parked: Parked[] = []
    this.#follower.sweep()
    for (const queue of this.#queues()) {
      for (const message of queue.messages()) parked.push({ what: 'ready', queue: queue.name, message })
      for (const message of queue.parked()) parked.push({ what: 'delayed', queue: queue.name, message })
      for (const { message } of unhandedOf(queue)) parked.push({ what: 'unhanded', queue: queue.name, message })
    }
    for (const { delivery, queue, heldUntil } of this.#follower.handlings) {
      if (heldUntil === undefined || delivery.settled !== undefined) continue
      parked.push({ what: 'held', queue, message: delivery.message, until: heldUntil })
    }
    for (const [message, until] of this.#follower.later) {
      parked.push({ what: 'delayed', queue: undefined, message, until })
    }
    return parked
  }

  async #wait(what: string, { timeout, signal }: Patience, look: () => Hold[], ofChain: boolean): Promise<void> {
    const follower = this.#follower
    // n.b. not `setTimeout`, which tests fake and spy on; and a port, to keep the process alive for as long.
    const limit = AbortSignal.timeout(timeout)
    const ended = signal === undefined ? limit : AbortSignal.any([limit, signal])
    ended.addEventListener('abort', () => follower.changed(), { once: true })
    const alive = new MessageChannel()
    alive.port1.on('message', () => undefined)
    try {
      for (let still = false; ; ) {
        const { changes } = follower
        await turn()
        const holds = look()
        const quiet = holds.length === 0 && (ofChain || follower.changes === changes)
        // n.b. twice: what a settled promise lets go on has had its turn then.
        if (quiet && still) return
        still = quiet
        if (ended.aborted) throw this.#tooLate(what, timeout, signal, holds)
        if (holds.length > 0 && follower.changes === changes) {
          await new Promise<void>((resolve) => follower.onChange(resolve))
        }
      }
    } finally {
      alive.port1.close()
    }
  }

  #tooLate(what: string, timeout: number, signal: AbortSignal | undefined, holds: readonly Hold[]): TestFailedError {
    const why = signal?.aborted === true ? 'aborted' : `not done within ${timeout} ms of real time`
    const list = holds.length === 0 ? ['the bus does not come to rest'] : holds.map(({ text }) => text)
    const shown = list.slice(0, 10).map((text) => `\n  - ${text}`)
    const more = list.length > 10 ? `\n  - and ${list.length - 10} more` : ''
    return new TestFailedError(`${what}: ${why}. Still in flight:${shown.join('')}${more}`, signal?.reason)
  }

  /** Everything that is in flight, of one chain if there is one. */
  #holds(chain?: Chain, own: ReadonlySet<Delivery> = NONE, before?: ReadonlySet<object>): Hold[] {
    const holds: Hold[] = []
    const follower = this.#follower
    follower.sweep()
    const concerns = (message: Message): boolean =>
      chain === undefined || chain.includes(follower.causality.origin(message)?.chain)
    const hold = (text: string, passes = false, delivery?: Delivery): void =>
      void holds.push({ text, passes, delivery })
    // Consumers that go on by themselves, and then take what is assigned to them, or has to wait for that; and whether
    // time may pass meanwhile.
    const busy = new Map<unknown, boolean>()
    // n.b. behind others of its key a delivery waits for a handler that sleeps, and has none of its own; a batch shares one.
    const asleep = [...follower.handlings].filter((handling) => handling.asleep > 0)
    const sleepers = new Set(asleep.flatMap((handling) => [recipientOf(handling), handling.outcome ?? handling]))
    for (const handling of follower.handlings) {
      if (handling.heldUntil !== undefined && handling.delivery.settled === undefined) continue
      // n.b. a loop shares its context with who began it: only of a handler that returned a promise it is known to be its own.
      if (own.has(handling.delivery) && handling.outcomes > 0) continue
      const sleeps =
        handling.asleep > 0 || sleepers.has(handling.outcomes === 0 ? recipientOf(handling) : handling.outcome)
      const passes = sleeps || before?.has(handling) === true
      busy.set(recipientOf(handling), passes && busy.get(recipientOf(handling)) !== false)
      if (concerns(handling.delivery.message)) hold(this.#describe(handling), passes, handling.delivery)
    }
    for (const [confirm, message] of follower.confirms) {
      if (!concerns(message)) continue
      const held = follower.heldBack.get(confirm)
      const why = held ?? (this.#broker.alarmed ? 'the broker has an alarm' : 'a queue is full')
      hold(`confirm of ${this.#nameOf(message)}: ${why}`, held !== undefined || before?.has(confirm))
    }
    for (const queue of this.#queues()) {
      const takers = takersOf(queue)
      for (const consumer of takers) {
        if (!consumer.awake && !busy.has(consumer)) continue
        const waiting = [...consumer.outbox()].filter(({ message }) => concerns(message)).length
        const passes = !consumer.awake && busy.get(consumer) === true
        if (waiting > 0) hold(`${waiting} to be handed to ${nameOf(consumer)} of queue '${queue.name}'`, passes)
      }
      const goesOn = queue.assigning || takers.some((consumer) => busy.has(consumer))
      const ready = goesOn ? [...queue.messages()].filter(concerns).length : 0
      const passes = !queue.assigning && takers.every((consumer) => busy.get(consumer) !== false)
      if (ready > 0) hold(`${ready} ready in queue '${queue.name}', whose consumers are busy`, passes)
    }
    if (chain === undefined && !this.#broker.scheduler.idle) hold('the broker has work to do')
    return holds
  }

  #describe(handling: Handling): string {
    const { delivery, queue, consumer, since, asleep } = handling
    const { timers } = this.#broker
    const who = consumer === undefined ? 'a get' : `consumer '${consumer}'`
    const what = `${this.#nameOf(delivery.message)}, in the hands of ${who} of queue '${queue}'`
    const age = timers.now() - since
    const when = `since ${words(since)}${age > 0 ? ` (for ${words(age)})` : ''} on the kit's clock`
    if (asleep > 0) return `${what}, ${when}: its handler sleeps on the kit's clock, so advance() it`
    const state =
      delivery.settled === undefined ? 'not settled' : `settled by ${delivery.settled}(), its handler goes on`
    return `${what}, ${when}: ${state}`
  }

  #nameOf(message: Message): string {
    const { exchange, routingKey } = message
    const site = this.#follower.causality.origin(message)?.site
    const where = exchange === '' ? `'${routingKey}'` : `'${routingKey}' of exchange '${exchange}'`
    return `message to ${where}${site === undefined ? '' : ` published at ${site}`}`
  }

  *#queues(): Iterable<QueueState> {
    for (const { queues, replies } of this.#broker.virtualHosts.values()) {
      yield* queues.values()
      yield* replies.all()
    }
  }
}

function isUnsettled(delivery: Delivery | undefined): boolean {
  return delivery !== undefined && delivery.settled === undefined
}

function recipientOf({ delivery }: Handling): unknown {
  return delivery.recipient
}

/** Consumers and waiting gets. */
function takersOf(queue: QueueState): LocalSubscription[] {
  return [...queue.consumers, ...queue.gets]
}

/** What consumers were assigned and do not take now. */
function unhandedOf(queue: QueueState): Delivery[] {
  return takersOf(queue).flatMap((consumer) => (consumer.awake ? [] : [...consumer.outbox()]))
}

function nameOf({ consumerTag, once }: LocalSubscription): string {
  return once ? 'a get' : `consumer '${consumerTag}'`
}

/** A macrotask that no fake stands in for. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.once('message', () => {
      port1.close()
      resolve()
    })
    port2.postMessage(undefined)
  })
}
