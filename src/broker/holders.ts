/**
 * The channels that may hold deliveries of a queue: those of its consumers, and those kept here because no consumer leads
 * to them any more, of gets and of consumers that are gone.
 */
import type { DeliveryHolder, LocalSubscription } from './local-subscription.js'

export class Holders {
  #kept: Set<DeliveryHolder> | undefined

  keep(holder: DeliveryHolder): void {
    this.#kept ??= new Set()
    this.#kept.add(holder)
  }

  forget(holder: DeliveryHolder): void {
    this.#kept?.delete(holder)
  }

  /** All of them, given the queue's consumers. */
  all(consumers: readonly LocalSubscription[]): Set<DeliveryHolder> {
    const holders = new Set(this.#kept)
    for (const consumer of consumers) holders.add(consumer.holder)
    return holders
  }
}
