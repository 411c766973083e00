/** Several deliveries in one hand. */
import type { Delivery, Settlement } from '../delivery.js'

/**
 * Deliveries that came together, in order. Settle them one by one, or by the verbs of the batch, which settle what is not
 * settled yet: what you settled before, or the broker took back, they leave as it is, so calling one twice does no harm.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 *
 * const rows = await new Broker().virtualHost('/').declareQueue<number>('rows')
 * for (const row of [1, 2, -3]) await rows.send(row)
 * for await (const batch of rows.createConsumer().batches({ size: 50 })) {
 *   for (const delivery of batch) if (delivery.body < 0) delivery.reject('negative')
 *   batch.ack() // the others
 *   console.log(batch.bodies, batch.deliveries.map(({ settled }) => settled)) // [ 1, 2, -3 ] [ 'ack', 'ack', 'reject' ]
 *   break
 * }
 * ```
 */
export class Batch<Body = unknown> implements Iterable<Delivery<Body>> {
  /** The deliveries, 1 or more. */
  readonly deliveries: readonly Delivery<Body>[]

  /** Batches are made by consumers. @hidden */
  constructor(deliveries: readonly Delivery<Body>[]) {
    this.deliveries = deliveries
  }

  /** How many deliveries there are. */
  get length(): number {
    return this.deliveries.length
  }

  /**
   * The bodies, in order.
   * @throws BodyEncodingError as `delivery.body` does.
   */
  get bodies(): Body[] {
    return this.deliveries.map((delivery) => delivery.body)
  }

  /** Undefined while one of the deliveries is yours to settle; else how the last of them was settled. */
  get settled(): Settlement | 'lost' | undefined {
    return this.deliveries.some(isOpen) ? undefined : this.deliveries.at(-1)?.settled
  }

  /** Goes through the deliveries. */
  [Symbol.iterator](): Iterator<Delivery<Body>> {
    return this.deliveries[Symbol.iterator]()
  }

  /** Acknowledges every delivery that is not settled yet. */
  ack(): void {
    for (const delivery of this.deliveries) if (isOpen(delivery)) delivery.ack()
  }

  /** Gives back every delivery that is not settled yet, not as a failure. */
  requeue(): void {
    for (const delivery of this.deliveries) if (isOpen(delivery)) delivery.requeue()
  }

  /**
   * Every delivery that is not settled yet failed, each for itself: it counts towards its own delivery limit and backoff.
   * @param error what went wrong, for events
   */
  retry(error?: unknown): void {
    for (const delivery of this.deliveries) if (isOpen(delivery)) delivery.retry(error)
  }

  /**
   * Every delivery that is not settled yet is not wanted: to the dead-letter exchange, or dropped where there is none.
   * @param reason why, for events
   */
  reject(reason?: unknown): void {
    for (const delivery of this.deliveries) if (isOpen(delivery)) delivery.reject(reason)
  }
}

/** True while the delivery is its consumer's to settle. */
export function isOpen(delivery: Delivery): boolean {
  return delivery.settled === undefined
}
