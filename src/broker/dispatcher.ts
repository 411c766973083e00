/**
 * Whose turn it is: the consumers of a queue that have credit, in rings by priority. The next delivery goes to the first
 * of the highest ring, which then goes to its back (CON-09); a consumer without credit stands in no ring, and comes to
 * the back of its own when it has credit again.
 */
import type { LocalSubscription } from './local-subscription.js'

interface Level {
  readonly priority: number
  first: LocalSubscription | undefined
}

export class Dispatcher {
  /** All consumers, in order of registration; waiting gets are none. */
  readonly consumers: LocalSubscription[] = []
  readonly #singleActive: boolean
  /** Highest priority first. */
  readonly #levels: Level[] = []
  /** Waiting gets: they take what no consumer has credit for. */
  readonly #getters: Level = { priority: Number.NEGATIVE_INFINITY, first: undefined }
  #active: LocalSubscription | undefined

  constructor(singleActive: boolean) {
    this.#singleActive = singleActive
  }

  /** The consumer that gets the next message; undefined when none has credit. */
  next(): LocalSubscription | undefined {
    if (this.#singleActive) return this.#active?.previous === undefined ? this.#getters.first : this.#active
    for (const level of this.#levels) if (level.first !== undefined) return level.first
    return this.#getters.first
  }

  /** The single active consumer. */
  get active(): LocalSubscription | undefined {
    return this.#active
  }

  add(consumer: LocalSubscription): void {
    if (!consumer.once) {
      this.consumers.push(consumer)
      if (this.#singleActive) this.#active ??= consumer
    }
    this.makeReady(consumer)
  }

  remove(consumer: LocalSubscription): void {
    this.makeUnready(consumer)
    const index = this.consumers.indexOf(consumer)
    if (index !== -1) this.consumers.splice(index, 1)
    if (this.#active !== consumer) return
    // CON-17: the highest priority among those who wait, then the earliest.
    this.#active = this.consumers.reduce<LocalSubscription | undefined>(
      (best, other) => (best === undefined || other.priority > best.priority ? other : best),
      undefined,
    )
  }

  /** The consumer has credit: to the back of its ring. */
  makeReady(consumer: LocalSubscription): void {
    const level = this.#level(consumer)
    const { first } = level
    if (first === undefined) {
      consumer.next = consumer.previous = consumer
      level.first = consumer
    } else {
      const last = first.previous as LocalSubscription
      consumer.previous = last
      consumer.next = first
      last.next = first.previous = consumer
    }
  }

  /** The consumer is out of credit, or gone. */
  makeUnready(consumer: LocalSubscription): void {
    const { next, previous } = consumer
    if (next === undefined || previous === undefined) return
    const level = this.#level(consumer)
    if (next === consumer) {
      level.first = undefined
    } else {
      previous.next = next
      next.previous = previous
      if (level.first === consumer) level.first = next
    }
    consumer.next = consumer.previous = undefined
  }

  /** The consumer got a message: the one after it is next. */
  rotate(consumer: LocalSubscription): void {
    if (consumer.next !== consumer) this.#level(consumer).first = consumer.next
  }

  #level(consumer: LocalSubscription): Level {
    if (consumer.once) return this.#getters
    const { priority } = consumer
    for (const level of this.#levels) if (level.priority === priority) return level
    const level: Level = { priority, first: undefined }
    this.#levels.push(level)
    this.#levels.sort((a, b) => b.priority - a.priority)
    return level
  }
}
