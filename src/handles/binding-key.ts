/** A binding to come: an exchange, a key and arguments. Made by `exchange.key(pattern)`, used by queues. */
import type { Arguments } from '../arguments.js'
import type { Schemas } from './schemas.js'

/**
 * Where a binding is to start, and what it is to match. Plain data: `exchange.key(pattern)` makes it. `Body` is the type of
 * the bodies that can come by it.
 */
export interface BindingKey<Body = unknown> {
  /** Name of the exchange. */
  readonly exchange: string
  /** The binding key: a pattern on a topic exchange. */
  readonly routingKey: string
  /** The binding's arguments: what a headers exchange matches. */
  readonly arguments: Arguments
  /** @internal The virtual host that the exchange handle is of: a key of another is refused. */
  readonly home?: unknown
  /** @internal The schemas of the exchange's messages. */
  readonly schemas?: Schemas | undefined
  /** Never there: it tells the compiler the type of the bodies. */
  readonly '~body'?: Body | undefined
}

type IsAny<T> = 0 extends 1 & T ? true : false

/** Type of the bodies that can come by any of these bindings; `unknown` where none of them tells. */
export type BodyOf<Keys extends readonly BindingKey[]> =
  Keys[number] extends BindingKey<infer Body> ? (IsAny<Body> extends true ? unknown : Body) : never
