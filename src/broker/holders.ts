/**
 * The channels that may hold deliveries of a queue: those of its consumers, and those kept here because no consumer leads
 * to them any more, of gets and of consumers that are gone. What is done to all that is out is done through them.
 */
import type { HomeQueue } from '../delivery.js'
import type { DeliveryHolder, LocalSubscription } from './local-subscription.js'
import type { BrokerServices } from './services.js'

/** The queue that the deliveries are of. */
export interface HeldQueue extends HomeQueue {
  readonly broker: BrokerServices
  readonly consumers: readonly LocalSubscription[]
}

export class Holders {
  readonly #queue: HeldQueue
  #kept: Set<DeliveryHolder> | undefined

  constructor(queue: HeldQueue) {
    this.#queue = queue
  }

  keep(holder: DeliveryHolder): void {
    this.#kept ??= new Set()
    this.#kept.add(holder)
  }

  forget(holder: DeliveryHolder): void {
    this.#kept?.delete(holder)
  }

  /** All of them, as they are now. */
  all(): Set<DeliveryHolder> {
    const holders = new Set(this.#kept)
    for (const consumer of this.#queue.consumers) holders.add(consumer.holder)
    return holders
  }

  /** Deliveries that are out count from `now`. */
  noteAssigned(now: number): void {
    for (const holder of this.all()) for (const delivery of holder.deliveries(this.#queue)) delivery.noteAssigned(now)
  }

  /** Time at which the oldest delivery still out was assigned; undefined when none is. */
  oldestAssigned(): number | undefined {
    let oldest: number | undefined
    for (const holder of this.all()) {
      for (const delivery of holder.deliveries(this.#queue)) {
        if (oldest === undefined || delivery.assignedAt < oldest) oldest = delivery.assignedAt
      }
    }
    return oldest
  }

  /** Takes back every delivery assigned before this time and cancels the consumers that held them. */
  timeOut(assignedBefore: number, timeout: number): void {
    for (const holder of this.all()) holder.timeOut(this.#queue, assignedBefore, timeout)
    this.#queue.broker.settle()
  }
}
