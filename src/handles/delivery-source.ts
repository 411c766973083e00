/** What a loop, a callback or a runner takes its deliveries from. */
import type { Delivery } from '../delivery.js'

export interface DeliverySource<Body> {
  /** The next delivery; undefined when there is none now. */
  take(): Delivery<Body> | undefined
  /** The handler of the delivery threw: it is retried, now or later. */
  failed(delivery: Delivery<Body>, error: unknown): void
  /** The same without a report. */
  retry(delivery: Delivery<Body>): void
  /** The loop was left: stops the deliveries. */
  leave(): void
}
