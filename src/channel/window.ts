/** The channel-wide prefetch (`basic.qos` with global, QOS-04): so many deliveries out, whatever consumer has them. */
import { LocalSubscription } from '../broker/local-subscription.js'
import type { QueueState } from '../broker/queue-state.js'
import type { Delivery } from '../delivery.js'

export class Window {
  readonly #limit: number
  readonly #counted: Set<Delivery>
  #full = false
  /** Whose turn it is when there is room again (QOS-10). */
  #turn = 0

  /** What is out when the limit is set counts, gets too (QOS-07). */
  constructor(limit: number, out: Iterable<Delivery>) {
    this.#limit = limit
    this.#counted = new Set(out)
  }

  /** A delivery is out. */
  took(delivery: Delivery, subscriptions: readonly LocalSubscription[]): void {
    this.#counted.add(delivery)
    this.check(subscriptions)
  }

  /** Stops the consumers where the limit is reached; also consumers without acknowledgement (QOS-06). */
  check(subscriptions: readonly LocalSubscription[]): void {
    if (this.#counted.size < this.#limit) return
    this.#full = true
    for (const subscription of subscriptions) subscription.block()
  }

  /** A delivery is settled or came back. */
  release(delivery: Delivery, subscriptions: readonly LocalSubscription[]): void {
    // n.b. a get that was out when the limit was set holds its place until the limit is set anew (QOS-07).
    if (!(delivery.recipient instanceof LocalSubscription)) return
    if (!this.#counted.delete(delivery) || !this.#full || this.#counted.size >= this.#limit) return
    this.#open(subscriptions)
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
