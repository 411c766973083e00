/** What a loop, a callback or a runner takes its deliveries from, or its batches of them. */
import type { HandleTracker } from '../tracker.js'

export interface DeliverySource<Item> {
  /** The next one; undefined when there is none now. */
  take(): Item | undefined
  /** Who follows the handlers, in tests. */
  readonly tracker: HandleTracker | undefined
  /** Its handler threw: it is retried, now or later. */
  failed(item: Item, error: unknown): void
  /** The same without a report. */
  retry(item: Item): void
  /** The loop was left: stops the deliveries. */
  leave(): void
}
