/** The channel-wide prefetch (`basic.qos` with global, QOS-04): so many deliveries out, whatever consumer has them. */
import type { QueueState } from '../broker/queue-state.js'
import type { Delivery } from '../delivery.js'
import type { ChannelDeliveries, ChannelWindow } from './channel-deliveries.js'
import { isConsumers } from './taken.js'

/** Limits what is out on the channel as a whole; 0 = not at all. */
export function limit(held: ChannelDeliveries, count: number): void {
  if (count > 0 && held.window !== undefined) {
    held.window.change(count)
  } else {
    for (const subscription of held.subscriptions) subscription.unblock()
    held.window = count === 0 ? undefined : new Window(held, count)
    held.window?.check()
    for (const queue of held.queues) queue.assignReady()
  }
  held.settled([])
}

class Window implements ChannelWindow {
  readonly #held: ChannelDeliveries
  #limit: number
  /**
   * Deliveries that are out. n.b. gets are among those that were out at first; nothing takes them off again, nor does
   * another limit (QOS-07).
   */
  #out: number
  #full = false
  /** Whose turn it is when there is room again (QOS-10). */
  #turn = 0

  constructor(held: ChannelDeliveries, limit: number) {
    this.#held = held
    this.#limit = limit
    this.#out = (held.unacked?.length ?? 0) + (held.lost?.size ?? 0)
  }

  change(limit: number): void {
    this.#limit = limit
    this.check()
    this.releaseAll(0)
  }

  took(delivery: Delivery): void {
    if (!isConsumers(delivery)) return
    this.#out++
    this.check()
  }

  /** Stops the consumers where the limit is reached; also consumers without acknowledgement (QOS-06). */
  check(): void {
    if (this.#out < this.#limit) return
    this.#full = true
    for (const subscription of this.#held.subscriptions) subscription.block()
  }

  release(delivery: Delivery): void {
    if (isConsumers(delivery)) this.releaseAll(1)
  }

  releaseAll(count: number): void {
    this.#out = Math.max(this.#out - count, 0)
    if (this.#full && this.#out < this.#limit) this.#open()
  }

  /** The consumers may have more, each queue in its turn. */
  #open(): void {
    this.#full = false
    const { subscriptions } = this.#held
    for (const subscription of subscriptions) subscription.unblock()
    const queues = [...new Set(subscriptions.map(({ queue }) => queue as QueueState))]
    const first = this.#turn++ % Math.max(queues.length, 1)
    for (const queue of [...queues.slice(first), ...queues.slice(0, first)]) queue.assignReady()
  }
}
