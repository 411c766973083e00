/** A binding to come: an exchange, a key and arguments. Made by `exchange.key(pattern)`, used by queues. */
import type { Arguments } from '../arguments.js'

/** Where a binding is to start, and what it is to match. Plain data: `exchange.key(pattern)` makes it. */
export interface BindingKey {
  /** Name of the exchange. */
  readonly exchange: string
  /** The binding key: a pattern on a topic exchange. */
  readonly routingKey: string
  /** The binding's arguments: what a headers exchange matches. */
  readonly arguments: Arguments
  /** @internal The virtual host that the exchange handle is of: a key of another is refused. */
  readonly home?: unknown
}
