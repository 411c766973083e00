/**
 * From publish to queues: routing over exchanges, bindings and alternate exchanges, then one copy to each queue found.
 * Everything is decided before the first copy is enqueued.
 */
import type { FieldValue } from '../arguments.js'
import type { Outcome } from '../declarations.js'
import type { Destination, RouterContext, RouteSink } from '../exchange-types/exchange-type.js'
import { type Message, measure, NO_PROPERTIES } from '../message.js'
import type { DeathReason, WithheldConfirm } from '../queue-arguments/queue-argument.js'
import { deadLetterOf, isCycle } from './dead-letter.js'
import { messageEvents } from './events.js'
import { type ContextHome, ExchangeContext } from './exchange-context.js'
import type { ExchangeState } from './exchange-state.js'
import { HeldMessages } from './held-messages.js'
import { Parking } from './parking.js'
import type { QueueState } from './queue-state.js'
import type { BrokerServices } from './services.js'

/** Who published: hears of returns and of confirms that come later. */
export interface Publisher {
  /** A mandatory message reached no queue. */
  returned(message: Message): void
  /** The confirm of the publish that is going on will come by this. */
  pending(confirms: number): WithheldConfirm
}

const nobody: Publisher = {
  returned: () => undefined,
  pending: () => ({ release: () => undefined }),
}

/** What became of the publishes to a virtual host: published = routed + unroutable + returned + refused + held. */
export interface PublishStats {
  /**
   * Sent or published by applications; dead letters are none. A message that an exchange holds counts a second time if it
   * was returned, or went elsewhere as well.
   */
  readonly published: number
  /** Reached a queue. */
  readonly routed: number
  /** Reached no queue, and were not mandatory. */
  readonly unroutable: number
  /** Mandatory, and reached no queue. */
  readonly returned: number
  /** Refused by a full queue. */
  readonly refused: number
  /** Delayed sends that are not due yet, and messages that exchanges hold. */
  readonly held: number
}

export class Publishing implements RouteSink, ContextHome {
  readonly #virtualHost: string
  readonly #exchanges: ReadonlyMap<string, ExchangeState>
  readonly #broker: BrokerServices
  // n.b. one set of lists for all publishes: none begins inside another.
  readonly #queues: QueueState[] = []
  readonly #toVisit: ExchangeState[] = []
  #found = 0
  #matches = 0
  #visit = 0
  #published = 0
  #unroutable = 0
  #returned = 0
  #refused = 0
  readonly #held: Parking
  readonly #heldByExchanges: HeldMessages
  /** Number of the last route in which an exchange held the message. */
  #heldAt = -1
  #tentative = false

  constructor(virtualHost: string, exchanges: ReadonlyMap<string, ExchangeState>, broker: BrokerServices) {
    this.#virtualHost = virtualHost
    this.#exchanges = exchanges
    this.#broker = broker
    this.#held = new Parking(broker.timers, false)
    this.#heldByExchanges = new HeldMessages(broker.timers)
  }

  get stats(): PublishStats {
    const [unroutable, returned, refused] = [this.#unroutable, this.#returned, this.#refused]
    const held = this.#held.length + this.#heldByExchanges.length
    const published = this.#published
    return {
      published,
      routed: published - unroutable - returned - refused - held,
      unroutable,
      returned,
      refused,
      held,
    }
  }

  /** Routes a message and enqueues its copies. */
  publish(exchange: ExchangeState, message: Message, mandatory: boolean, publisher: Publisher): Outcome {
    const outcome = this.#publish(exchange, message, mandatory, publisher)
    this.#published++
    return outcome
  }

  /** Holds a message for `delay` ms, then publishes it to the exchange of that name, should there be one. */
  publishLater(exchange: ExchangeState, message: Message, delay: number): Outcome {
    // n.b. a delayed send to a queue with a consumer is work that keeps the process alive, wherever it waits.
    const queues = this.wouldReach(exchange, message)
    for (const queue of queues) if (queue.rules.measures) measure(message)
    this.#published++
    this.#broker.tracker?.delayed(this.#virtualHost, message, delay)
    for (const queue of queues) queue.parking.expect(1)
    this.#held.add(delay, message, () => {
      for (const queue of queues) if (!queue.deleted) queue.parking.expect(-1)
      this.#publishHeld(this.#exchanges.get(exchange.name), message, `delayed send to exchange '${exchange.name}'`)
      this.#broker.settle()
    })
    return 'accepted'
  }

  #publishHeld(target: ExchangeState | undefined, message: Message, what: string): void {
    try {
      if (target === undefined) this.#unroutable++
      else this.#publish(target, message, false, nobody)
    } catch (error) {
      this.#unroutable++
      this.#broker.events.fault(error, what)
    }
  }

  // What routers ask for

  contextOf(exchange: ExchangeState): RouterContext {
    return new ExchangeContext(exchange, this)
  }

  get tentative(): boolean {
    return this.#tentative
  }

  get visit(): number {
    return this.#visit
  }

  /** Takes a message out of the route that is going on, into the exchange. */
  hold(exchange: ExchangeState, message: Message, delay: number): void {
    this.#published++
    this.#heldAt = this.#visit
    this.#broker.tracker?.delayed(this.#virtualHost, message, delay)
    const expect = this.#heldByExchanges.add(exchange, delay, () => {
      this.#publishHeld(exchange, message, `message held by exchange '${exchange.name}'`)
      this.#broker.settle()
    })
    // n.b. not now: one route at a time.
    this.#broker.defer({ run: () => expect(exchange.deleted ? [] : this.wouldReach(exchange, message)) })
  }

  /** Gives a message to a queue, or to those behind an exchange, when the running operation is complete. */
  deliver(destination: Destination, message: Message): void {
    this.#broker.defer({ run: () => this.#deliver(destination as QueueState | ExchangeState, message) })
  }

  #deliver(destination: QueueState | ExchangeState, message: Message): void {
    if (destination.deleted) return
    try {
      const queues = destination.kind === 'queue' ? [destination] : this.queuesFor(destination, message)
      for (const queue of queues) {
        if (queue.rules.measures) measure(message)
        queue.enqueue(message)
      }
    } catch (error) {
      this.#broker.events.fault(error, `replay to ${destination.kind} '${destination.name}'`)
    }
  }

  /** How many messages an exchange holds. */
  heldBy(exchange: ExchangeState): number {
    return this.#heldByExchanges.lengthOf(exchange)
  }

  /** The exchange is gone, and what it held with it. */
  forget(exchange: ExchangeState): void {
    this.#unroutable += this.#heldByExchanges.forget(exchange)
  }

  /** The same as `queuesFor` when nothing is published. */
  wouldReach(exchange: ExchangeState, message: Message): QueueState[] {
    this.#tentative = true
    try {
      return this.queuesFor(exchange, message)
    } finally {
      this.#tentative = false
    }
  }

  /** Queues that the message would reach now. */
  queuesFor(exchange: ExchangeState, message: Message): QueueState[] {
    this.#route(exchange, message, undefined)
    return this.#queues.slice(0, this.#found)
  }

  /**
   * Publishes the dead letter of a message. False when it has nowhere to go: no dead-letter exchange, no such exchange,
   * no queue behind it, or only queues that it died in before without being rejected (DLX-12).
   */
  deadLetter(queue: QueueState, message: Message, reason: DeathReason, cause?: unknown): boolean {
    const { deadLetter } = queue.rules
    const exchange = deadLetter && this.#exchanges.get(deadLetter.exchange)
    if (deadLetter === undefined || exchange === undefined) return false
    const { timers, compatibility } = this.#broker
    const letter = deadLetterOf(message, queue.name, reason, deadLetter, timers.wallTime(), cause, compatibility)
    this.#route(exchange, letter, deadLetter.routingKey)
    const reached: QueueState[] = []
    for (let i = 0; i < this.#found; i++) {
      const target = this.#queues[i] as QueueState
      if (reason !== 'rejected' && isCycle(target.name, letter)) continue
      if (target.rules.measures && !this.#isMeasurable(letter, target)) continue
      if (target.enqueue(letter) !== 'refused') reached.push(target)
    }
    const wentOn = reached.length > 0 || this.#heldAt === this.#visit
    if (wentOn) this.#broker.tracker?.deadLettered(letter, message, queue, reached, reason)
    if (wentOn && messageEvents.dead_lettered.hasSubscribers) queue.report('dead_lettered', letter, reason)
    return wentOn
  }

  #isMeasurable(letter: Message, target: QueueState): boolean {
    try {
      measure(letter)
      return true
    } catch (error) {
      this.#broker.events.fault(error, `dead letter to ${target.title}`)
      return false
    }
  }

  /** Forgets the delayed sends. */
  clear(): void {
    this.#held.clear()
    this.#heldByExchanges.clear()
  }

  #publish(exchange: ExchangeState, message: Message, mandatory: boolean, publisher: Publisher): Outcome {
    // n.b. a message without headers has no copies to route: where its key leads to one queue, that is all there is.
    const { properties } = message
    if ((properties === NO_PROPERTIES || properties.headers === undefined) && !this.#broker.watched) {
      const sole = exchange.router.sole?.(message.routingKey)
      if (sole !== undefined && sole.kind === 'queue') return this.#publishToOne(sole as QueueState, message, publisher)
    }
    return this.#publishToMany(exchange, message, mandatory, publisher)
  }

  #publishToMany(exchange: ExchangeState, message: Message, mandatory: boolean, publisher: Publisher): Outcome {
    this.#route(exchange, message, undefined)
    return this.#enqueue(message, mandatory, publisher)
  }

  /** Publishes a message that was routed before, as far as those queues are still there (TX-03). */
  publishTo(queues: readonly QueueState[], message: Message, mandatory: boolean, publisher: Publisher): Outcome {
    this.#visit++
    // n.b. a queue that is gone took its copy with it: that is no reason to return the message.
    const left = queues.filter(({ deleted }) => !deleted)
    if (left.length === 0 && queues.length > 0) {
      this.#published++
      this.#unroutable++
      return 'accepted'
    }
    this.#found = left.length
    for (const [index, queue] of left.entries()) this.#queues[index] = queue
    const outcome = this.#enqueue(message, mandatory, publisher)
    this.#published++
    return outcome
  }

  /** Enqueues a message in the queues that were found. */
  #enqueue(message: Message, mandatory: boolean, publisher: Publisher): Outcome {
    const found = this.#found
    if (found === 0) return this.#reachedNothing(message, mandatory, publisher)
    const queues = this.#queues
    if (found === 1 && !this.#broker.watched) return this.#publishToOne(queues[0] as QueueState, message, publisher)
    for (let i = 0; i < found; i++) if ((queues[i] as QueueState).rules.measures) measure(message)
    const withhold = this.#broker.tracker?.published(this.#virtualHost, message, queues.slice(0, found))
    let refused = false
    let pending = 0
    for (let i = 0; i < found; i++) {
      const outcome = (queues[i] as QueueState).enqueue(message)
      if (outcome === 'refused') refused = true
      else if (outcome === 'pending') pending = this.#withhold(queues[i] as QueueState, pending)
    }
    if (messageEvents.published.hasSubscribers) this.#report('published', message)
    if (refused) {
      this.#refused++
      return 'refused'
    }
    if (pending > 0 || this.#broker.watched) return this.#pending(message, pending, publisher, withhold)
    return 'accepted'
  }

  /** The same for a single queue, which is where most messages go. */
  #publishToOne(queue: QueueState, message: Message, publisher: Publisher): Outcome {
    if (queue.rules.measures) measure(message)
    const outcome = queue.enqueue(message)
    if (messageEvents.published.hasSubscribers) this.#report('published', message)
    if (outcome === 'refused') this.#refused++
    else if (outcome === 'pending') queue.withhold(publisher.pending(1))
    return outcome
  }

  #reachedNothing(message: Message, mandatory: boolean, publisher: Publisher): Outcome {
    // n.b. a mandatory message that is held is returned all the same, and goes on when it is due (XT-34).
    if (this.#heldAt === this.#visit && !mandatory) {
      this.#published--
      return 'accepted'
    }
    this.#broker.tracker?.published(this.#virtualHost, message, [])
    if (messageEvents.published.hasSubscribers) this.#report('published', message)
    if (!mandatory) {
      this.#unroutable++
      return 'accepted'
    }
    this.#returned++
    this.#broker.tracker?.happened('returned', { virtualHost: this.#virtualHost, message })
    if (messageEvents.returned.hasSubscribers) this.#report('returned', message)
    publisher.returned(message)
    return 'accepted'
  }

  readonly #blocked: QueueState[] = []

  #withhold(queue: QueueState, pending: number): number {
    this.#blocked[pending] = queue
    return pending + 1
  }

  /** The publisher hears of the message when every full queue and the broker have room again. */
  #pending(
    message: Message,
    blocked: number,
    publisher: Publisher,
    withhold?: (confirm: WithheldConfirm) => void,
  ): Outcome {
    const { alarmed } = this.#broker
    const awaited = blocked + (alarmed ? 1 : 0) + (withhold === undefined ? 0 : 1)
    if (awaited === 0) return 'accepted'
    const confirm = publisher.pending(awaited)
    this.#broker.tracker?.withheld(confirm, message)
    withhold?.(confirm)
    for (let i = 0; i < blocked; i++) (this.#blocked[i] as QueueState).withhold(confirm)
    if (alarmed) this.#broker.withhold(confirm)
    this.#blocked.length = 0
    return 'pending'
  }

  /** Finds the queues of a message: its exchange, the exchanges behind it, alternate exchanges where one finds nothing. */
  #route(exchange: ExchangeState, message: Message, routingKey: string | undefined): void {
    this.#found = 0
    // n.b. left behind only where an exchange type threw.
    if (this.#toVisit.length > 0) this.#toVisit.length = 0
    const visit = ++this.#visit
    exchange.visited = visit
    this.#routeThrough(exchange, message, routingKey)
    if (this.#toVisit.length === 0) return
    for (let next = this.#toVisit.pop(); next !== undefined; next = this.#toVisit.pop()) {
      this.#routeThrough(next, message, routingKey)
    }
  }

  #routeThrough(exchange: ExchangeState, message: Message, routingKey: string | undefined): void {
    this.#matches = 0
    const { router } = exchange
    router.route(routingKey ?? message.routingKey, message, this)
    // n.b. a dead-letter routing key replaces every key that the message had, CC and BCC too (DLX-03).
    if (routingKey === undefined && exchange.type.keyless !== true) {
      const copies = message.properties.headers?.['CC']
      if (copies !== undefined) for (const key of stringsOf(copies)) router.route(key, message, this)
      const hidden = message.rare?.bcc
      if (hidden !== undefined) for (const key of hidden) router.route(key, message, this)
    }
    if (this.#matches === 0 && exchange.alternate !== undefined) {
      const alternate = this.#exchanges.get(exchange.alternate)
      if (alternate !== undefined) this.add(alternate)
    }
  }

  /** Takes a destination that an exchange found; each counts once. */
  add(destination: Destination): void {
    this.#matches++
    const target = destination as QueueState | ExchangeState
    if (target.visited === this.#visit) return
    target.visited = this.#visit
    if (target.kind === 'queue') this.#queues[this.#found++] = target
    else this.#toVisit.push(target)
  }

  #report(name: 'published' | 'returned', message: Message): void {
    const event = { virtualHost: this.#virtualHost, message }
    this.#broker.defer({ run: () => messageEvents[name].publish(event) })
  }
}

/** The strings of a CC or BCC header; other elements are ignored (PUB-08). */
export function stringsOf(value: FieldValue): string[] {
  return Array.isArray(value) ? value.filter((element): element is string => typeof element === 'string') : []
}
