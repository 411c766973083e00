/**
 * Whose turn it is: the consumers of a queue, in rings by priority. The next delivery goes to the first of the highest
 * ring, which then goes to its back (CON-09). A consumer without credit leaves its ring, and comes to the back of it when
 * it has credit again: a quorum queue sends it away at once, a classic queue when its turn comes, so that it keeps its
 * place if it has credit by then. Waiting gets stand in the lowest ring of all: they take what no consumer has credit
 * for.
 */
import type { LocalSubscription } from './local-subscription.js'

interface Ring {
  readonly priority: number
  first: LocalSubscription | undefined
  lower: Ring | undefined
}

const NONE: readonly LocalSubscription[] = []

export class Dispatcher {
  /** All consumers, in order of registration; waiting gets are none. */
  consumers: readonly LocalSubscription[] = NONE
  /** Waiting gets, in order of registration. */
  gets: readonly LocalSubscription[] = NONE
  /** The single active consumer, on a queue that has one. */
  active: LocalSubscription | undefined = undefined
  readonly #singleActive: boolean
  /** True when consumers leave their ring with their last credit. */
  readonly #strict: boolean
  #highest: Ring | undefined

  constructor(singleActive: boolean, strict: boolean) {
    this.#singleActive = singleActive
    this.#strict = strict
  }

  /** The consumer that gets the next message; undefined when none has credit. `paused` leaves the waiting gets only. */
  next(paused: boolean): LocalSubscription | undefined {
    if (!paused && this.#singleActive && this.active !== undefined && this.active.credit > 0) return this.active
    for (let ring = this.#highest; ring !== undefined; ring = ring.lower) {
      for (let { first } = ring; first !== undefined; first = ring.first) {
        if ((paused || this.#singleActive) && !first.once) break
        if (first.credit > 0) return first
        this.makeUnready(first)
      }
    }
    return undefined
  }

  /** Whom `next` would answer. Nobody leaves a ring: that would change who is next later. */
  foresee(paused: boolean): LocalSubscription | undefined {
    if (!paused && this.#singleActive && this.active !== undefined && this.active.credit > 0) return this.active
    for (let ring = this.#highest; ring !== undefined; ring = ring.lower) {
      let consumer = ring.first
      do {
        if (consumer === undefined || ((paused || this.#singleActive) && !consumer.once)) break
        if (consumer.credit > 0) return consumer
        consumer = consumer.next
      } while (consumer !== ring.first)
    }
    return undefined
  }

  add(consumer: LocalSubscription): void {
    if (consumer.once) {
      this.gets = this.gets.concat(consumer)
    } else {
      // n.b. a list that is spread has room for 16 more.
      this.consumers = this.consumers.concat(consumer)
      if (this.#singleActive) this.active ??= consumer
    }
    this.makeReady(consumer)
  }

  remove(consumer: LocalSubscription): void {
    this.makeUnready(consumer)
    if (consumer.once) this.gets = this.gets.filter((other) => other !== consumer)
    else this.consumers = this.consumers.filter((other) => other !== consumer)
    if (this.active !== consumer) return
    // CON-17: the highest priority among those who wait, then the earliest.
    this.active = this.consumers.reduce<LocalSubscription | undefined>(
      (best, other) => (best === undefined || other.priority > best.priority ? other : best),
      undefined,
    )
  }

  /** The consumer has credit: to the back of its ring, unless it kept its place. */
  makeReady(consumer: LocalSubscription): void {
    if (consumer.next !== undefined) return
    const ring = this.#ring(consumer.priority)
    const { first } = ring
    if (first === undefined) {
      consumer.next = consumer.previous = consumer
      ring.first = consumer
    } else {
      const last = first.previous as LocalSubscription
      consumer.previous = last
      consumer.next = first
      last.next = first.previous = consumer
    }
  }

  /** The consumer was found without credit, or is gone. */
  makeUnready(consumer: LocalSubscription): void {
    const { next, previous } = consumer
    if (next === undefined || previous === undefined) return
    const ring = this.#ring(consumer.priority)
    if (next === consumer) {
      ring.first = undefined
    } else {
      previous.next = next
      next.previous = previous
      if (ring.first === consumer) ring.first = next
    }
    consumer.next = consumer.previous = undefined
  }

  /** The consumer got a message: the one after it is next. */
  rotate(consumer: LocalSubscription): void {
    if (consumer.credit === 0 && (this.#strict || consumer.once)) this.makeUnready(consumer)
    else if (consumer.next !== consumer) this.#ring(consumer.priority).first = consumer.next
  }

  #ring(priority: number): Ring {
    let higher: Ring | undefined
    let ring = this.#highest
    while (ring !== undefined && ring.priority > priority) {
      higher = ring
      ring = ring.lower
    }
    if (ring?.priority === priority) return ring
    const added: Ring = { priority, first: undefined, lower: ring }
    if (higher === undefined) this.#highest = added
    else higher.lower = added
    return added
  }
}
