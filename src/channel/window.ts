/** The channel-wide prefetch (`basic.qos` with global, QOS-04): so many deliveries out, whatever consumer has them. */
import type { LocalSubscription } from '../broker/local-subscription.js'
import type { QueueState } from '../broker/queue-state.js'

export class Window {
  #limit: number
  /**
   * Deliveries that are out. n.b. gets are among those that were out at first; nothing takes them off again, nor does
   * another limit (QOS-07).
   */
  #out: number
  #full = false
  /** Whose turn it is when there is room again (QOS-10). */
  #turn = 0

  constructor(limit: number, out: number) {
    this.#limit = limit
    this.#out = out
  }

  change(limit: number, subscriptions: readonly LocalSubscription[]): void {
    this.#limit = limit
    this.check(subscriptions)
    this.release(0, subscriptions)
  }

  /** A consumer was given a delivery. */
  took(subscriptions: readonly LocalSubscription[]): void {
    this.#out++
    this.check(subscriptions)
  }

  /** Stops the consumers where the limit is reached; also consumers without acknowledgement (QOS-06). */
  check(subscriptions: readonly LocalSubscription[]): void {
    if (this.#out < this.#limit) return
    this.#full = true
    for (const subscription of subscriptions) subscription.block()
  }

  /** So many deliveries of consumers are settled or came back. */
  release(count: number, subscriptions: readonly LocalSubscription[]): void {
    this.#out = Math.max(this.#out - count, 0)
    if (this.#full && this.#out < this.#limit) this.#open(subscriptions)
  }

  /** The consumers may have more, each queue in its turn. */
  #open(subscriptions: readonly LocalSubscription[]): void {
    this.#full = false
    for (const subscription of subscriptions) subscription.unblock()
    const queues = [...new Set(subscriptions.map(({ queue }) => queue as QueueState))]
    const first = this.#turn++ % Math.max(queues.length, 1)
    for (const queue of [...queues.slice(first), ...queues.slice(0, first)]) queue.assignReady()
  }
}
