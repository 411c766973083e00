/** The kit's ear at the broker: what happens to messages goes to the log, and who handles what is kept track of. */
import {
  Batch,
  type BrokerState,
  type DeathReason,
  type Declaring,
  Delivery,
  type LeveretError,
  type Message,
  type MessageEvent,
  type MessageEventName,
  type QueueHooks,
  type QueueState,
  type Saying,
  type Send,
  type Settlement,
  type TrackedQueue,
  type TrackedThread,
  type Tracker,
  type WithheldConfirm,
} from '../../internal.js'
import { allOf, type Interference } from '../faults/fault.js'
import type { Rule } from '../strict/strictness.js'
import { Causality } from './causality.js'
import { type Happening, Log } from './log.js'
import { type Asking, Notes } from './notes.js'
import { siteOf } from './site.js'
import { connectionOf, Threads } from './threads.js'

/** A delivery from its hand-over until it is settled and its handler is through. */
export interface Handling {
  readonly delivery: Delivery
  /** Name of the queue. */
  readonly queue: string
  /** Tag of the consumer; undefined for a `get`. */
  readonly consumer: string | undefined
  /** Milliseconds on the kit's clock. */
  readonly since: number
  /** Nothing of its handler runs any more. */
  finished: boolean
  /** Promises that its handler returned and that are not settled; and the last of them, which those of a batch share. */
  outcomes: number
  outcome: unknown
  /** Its handler failed, and its consumer keeps it until then. */
  heldUntil: number | undefined
  /** Its handler waits for the kit's clock, so many times. */
  asleep: number
}

const HAPPENINGS: Readonly<Partial<Record<MessageEventName, Happening>>> = {
  requeued: 'requeued',
  rejected: 'rejected',
  expired: 'expired',
  overflowed: 'overflowed',
  delivery_limited: 'deliveryLimited',
  returned: 'returned',
}

/** A consumer, or the taker of a get, as far as it is named. */
interface Taking {
  readonly consumerTag?: string
  readonly once?: boolean
}

export class Follower implements Tracker {
  readonly log = new Log()
  readonly causality = new Causality()
  readonly notes: Notes
  readonly handlings = new Set<Handling>()
  /** Confirms that publishers wait for, and of what. */
  readonly confirms = new Map<WithheldConfirm, Message>()
  /** Messages that will be published later, and when. */
  readonly later = new Map<Message, number>()
  readonly threads = new Threads()
  /** What goes wrong because a test says so. */
  faults: readonly Interference[] = []
  /** Confirms that a fault holds back, and how that ends. */
  readonly heldBack = new WeakMap<WithheldConfirm, string>()
  /** Grows with everything that happens. */
  changes = 0
  readonly #broker: BrokerState
  readonly #handlingOf = new WeakMap<Delivery, Handling>()
  /** What each consumer was handed last. */
  readonly #last = new WeakMap<object, Handling>()
  #wakers: (() => void)[] = []

  constructor(broker: BrokerState, rules: ReadonlySet<Rule>) {
    this.#broker = broker
    this.notes = new Notes(broker, rules, this.causality)
    const others = broker.afterOperations
    broker.afterOperations = () => {
      others?.()
      this.changed()
    }
    broker.track(this)
  }

  get now(): number {
    return this.#broker.timers.now()
  }

  /** Calls back when so many ms have passed on the kit's clock. */
  after(ms: number, callback: () => void): void {
    this.#broker.timers.after(ms, callback)
  }

  /** Something happened that somebody may wait for. */
  changed(): void {
    this.changes++
    const wakers = this.#wakers
    if (wakers.length === 0) return
    this.#wakers = []
    for (const wake of wakers) wake()
  }

  /** Calls once at the next change. */
  onChange(wake: () => void): void {
    this.#wakers.push(wake)
  }

  // Publishes

  published(
    virtualHost: string,
    message: Message,
    queues: readonly TrackedQueue[],
  ): ((confirm: WithheldConfirm) => void) | undefined {
    this.notes.publishing(message)
    const awaited = !this.later.delete(message)
    const answers = this.faults.map((fault) => fault.publishing?.(message, queues as readonly QueueState[], awaited))
    const { cause, site } = this.causality.note(message, this.now, siteOf())
    const names = queues.map(({ name }) => name)
    this.log.add({ what: 'published', at: this.now, virtualHost, message, queues: names, cause, site })
    this.changed()
    return allOf(answers.filter((answer) => answer !== undefined))
  }

  withheld(confirm: WithheldConfirm, message: Message): void {
    this.confirms.set(confirm, message)
  }

  delayed(_virtualHost: string, message: Message, delay: number): void {
    this.notes.publishing(message)
    this.causality.note(message, this.now, siteOf())
    this.later.set(message, this.now + delay)
    this.changed()
  }

  deadLettered(
    letter: Message,
    message: Message,
    from: TrackedQueue,
    to: readonly TrackedQueue[],
    why: DeathReason,
  ): void {
    const { site } = this.causality.note(letter, this.now, this.causality.origin(message)?.site, message)
    this.log.add({
      what: 'deadLettered',
      at: this.now,
      virtualHost: from.virtualHost.name,
      message: letter,
      queue: from.name,
      queues: to.map(({ name }) => name),
      cause: message,
      reason: why,
      site,
    })
    this.changed()
  }

  // Deliveries

  entering(delivery: Delivery): void {
    const taking = delivery.recipient as Taking & object
    // n.b. whoever gets one goes on in its own context, whatever it was about.
    const isGet = taking.consumerTag === undefined || taking.once === true
    const consumer = isGet ? undefined : taking.consumerTag
    const queue = delivery.queue.name
    const handling: Handling = {
      delivery,
      queue,
      consumer,
      since: this.now,
      finished: isGet,
      outcomes: 0,
      outcome: undefined,
      heldUntil: undefined,
      asleep: 0,
    }
    this.handlings.add(handling)
    this.#handlingOf.set(delivery, handling)
    if (!isGet) {
      this.#finishLast(taking)
      this.#last.set(taking, handling)
    }
    this.notes.delivered()
    this.#add('delivered', delivery, { consumer, site: undefined })
    if (delivery.recipient?.noAck === true) this.#add('acked', delivery)
    for (const fault of this.faults) fault.entering?.(delivery)
    // n.b. last: a fault may end the consumer, which has the delivery all the same.
    if (!isGet) this.causality.enter(delivery, taking)
    this.changed()
  }

  idle(subscription: object): void {
    this.#finishLast(subscription)
    this.causality.wait(subscription)
    this.changed()
  }

  ended(subscription: object): void {
    this.#finishLast(subscription)
    this.causality.leave(subscription)
    this.changed()
  }

  untaken(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const handling = this.#handlingOf.get(delivery)
      if (handling !== undefined) this.handlings.delete(handling)
    }
    this.changed()
  }

  itsTurn(item: unknown): void {
    for (const delivery of deliveriesOf(item)) this.causality.enter(delivery, delivery.recipient as object)
  }

  handling(item: unknown, outcome: PromiseLike<unknown>): void {
    const handlings = deliveriesOf(item).map((delivery) => this.#handlingOf.get(delivery))
    for (const handling of handlings) {
      if (handling === undefined) continue
      handling.outcomes++
      handling.outcome = outcome
    }
    const through = (): void => {
      for (const handling of handlings) if (handling !== undefined) this.#through(handling)
      this.changed()
    }
    outcome.then(through, through)
  }

  held(delivery: Delivery, until: number): void {
    const handling = this.#handlingOf.get(delivery)
    if (handling !== undefined) handling.heldUntil = until
    this.notes.held.add(delivery)
    this.changed()
  }

  left(delivery: Delivery): void {
    if (delivery.settlement === 'ack') this.#add('acked', delivery)
    for (const fault of this.faults) fault.left?.(delivery)
    this.changed()
  }

  settledTwice(delivery: Delivery, how: Settlement): void {
    this.notes.twice(delivery, how)
    this.changed()
  }

  happened(name: MessageEventName, event: MessageEvent): void {
    const what = HAPPENINGS[name]
    if (what === undefined) return
    const { virtualHost, message, queue, reason } = event
    const site = siteOf()
    this.log.add({ what, at: this.now, virtualHost, message, queue, reason, site })
    if (what === 'requeued' && queue !== undefined) this.notes.requeued(virtualHost, queue, message, site)
    this.changed()
  }

  serving(thread: TrackedThread): void {
    this.threads.all.push(thread)
  }

  hears(thread: TrackedThread, connection: object, saying: Saying, perform: () => void): void {
    if (!this.faults.every((fault) => fault.hears?.(thread, saying) !== false)) return
    if (this.causality.isKnown) perform()
    else this.causality.within(this.#inHandOf(connection), perform)
  }

  /** What a connection has had for the longest time: what it says is taken to be of that, as nobody knows better. */
  #inHandOf(connection: object): Delivery | undefined {
    for (const { delivery, heldUntil } of this.handlings) {
      const { settlement, recipient } = delivery
      if (settlement !== undefined || heldUntil !== undefined || recipient === undefined) continue
      if (connectionOf(recipient) === connection) return delivery
    }
    return undefined
  }

  hooksOf(queue: TrackedQueue): readonly QueueHooks[] {
    return this.faults.flatMap((fault) => fault.hooksOf?.(queue as QueueState) ?? [])
  }

  declaring(virtualHost: string, what: Declaring): void {
    this.notes.declaring(virtualHost, what)
  }

  failed(connection: string, error: LeveretError): void {
    this.notes.failed(connection, error)
    this.changed()
  }

  sending(send: Send): Send {
    return this.notes.sending(send)
  }

  requesting(requester: Asking): void {
    this.notes.requesters.push(requester)
  }

  /** The delivery that is being handled where this is called, unless it is settled and through. */
  get current(): Handling | undefined {
    const delivery = this.causality.current
    return delivery === undefined ? undefined : this.#handlingOf.get(delivery)
  }

  /** Forgets the deliveries that are settled and whose handlers are through. */
  sweep(): void {
    for (const handling of this.handlings) {
      if (handling.delivery.settled !== undefined && handling.finished && handling.outcomes === 0) {
        this.handlings.delete(handling)
      }
    }
    for (const confirm of this.confirms.keys()) if (confirm.open !== true) this.confirms.delete(confirm)
  }

  /** Whoever asks for the next one is through with the last, unless it returned a promise. */
  #finishLast(subscription: object): void {
    const last = this.#last.get(subscription)
    if (last !== undefined) last.finished = true
  }

  #through(handling: Handling): void {
    handling.outcomes--
    handling.finished = true
  }

  #add(what: Happening, delivery: Delivery, more: { consumer?: string | undefined; site?: undefined } = {}): void {
    const { message, queue } = delivery
    const { name: virtualHost } = (queue as unknown as TrackedQueue).virtualHost
    const site = 'site' in more ? undefined : siteOf()
    const { consumer } = more
    this.log.add({ what, at: this.now, virtualHost, message, queue: queue.name, delivery, consumer, site })
  }
}

function deliveriesOf(item: unknown): readonly Delivery[] {
  if (item instanceof Batch) return item.deliveries
  return item instanceof Delivery ? [item] : []
}
