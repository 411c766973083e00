/**
 * The port of a test kit, as far as handles serve it: who follows what applications do with them. Absent but in tests, and
 * then a field is all that it costs.
 */
import type { Delivery } from './delivery.js'

/** How a producer sends. */
export type Send = (
  exchange: string,
  routingKey: string,
  body: unknown,
  options: { readonly mandatory?: boolean } | undefined,
) => Promise<void>

export interface HandleTracker {
  /** A producer was made; it sends by what is answered. */
  sending(send: Send): Send
  /** A handle was made that will ask and wait for replies. */
  requesting(requester: { readonly what: string; readonly pending: number }): void
  /** A consumer asks for a delivery, and there is none to hand over yet. */
  idle(subscription: object): void
  /** A delivery that was handed over before is about to be handled: it stood behind another of its key. */
  itsTurn(item: unknown): void
  /** The handler of a delivery, or of a batch of them, goes on until `outcome` is settled. */
  handling(item: unknown, outcome: PromiseLike<unknown>): void
  /** Its handler failed, and the consumer keeps the delivery until this time. */
  held(delivery: Delivery, until: number): void
}
