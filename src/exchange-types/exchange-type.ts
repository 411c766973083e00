/**
 * The contract of an exchange type: how a message finds its bindings. An exchange type is pure: it sees bindings, keys
 * and headers, never a queue. The exchange around it owns declare equivalence, listing, auto-delete and events.
 *
 * One file here and one line in `registry.ts` add a built-in type; an application adds its own with the `exchangeTypes`
 * option of the broker.
 */
import type { Arguments } from '../arguments.js'
import type { Message } from '../message.js'
import type { BindingVerdict, Nearness } from './verdict.js'

/** Where a binding leads: a queue or another exchange. Opaque to exchange types; compared by identity. */
export interface Destination {
  /** Which of the two it is. */
  readonly kind: 'queue' | 'exchange'
  /** The name of the queue or exchange. */
  readonly name: string
}

/** One binding as an exchange type sees it. The same object is passed to `add` and later to `remove`. */
export interface RoutedBinding {
  /** Where a matching message goes. */
  readonly destination: Destination
  /** The binding key: a pattern on a topic exchange. */
  readonly routingKey: string
  /** The binding's arguments, for instance `x-match` and the headers of a headers exchange. */
  readonly arguments: Arguments
}

/** Collects the bindings that a message matches. One sink is reused for all publishes: never keep it. */
export interface RouteSink {
  /** Adds a match. Adding a destination twice is allowed: a queue still gets one copy (XT-08). */
  add(destination: Destination): void
}

/** What an exchange does for its router, beyond routing at once. */
export interface RouterContext {
  /** True while nothing is published and the broker asks where a message would go: `route` is to remember nothing then. */
  readonly tentative: boolean
  /**
   * Keeps a message in the exchange for `delay` ms; then the exchange routes it anew, by the bindings of that time. For
   * `route`, which adds no destination then. A message that comes by several keys is held once. Counted as `held`.
   */
  hold(message: Message, delay: number): void
  /** Gives a message to one destination, when the running operation is complete. For `add`: what was published before. */
  deliver(destination: Destination, message: Message): void
}

/** The routing state of one exchange. Called synchronously; must not call user code. */
export interface Router {
  /** Takes a new binding. Called once per distinct binding, before the first `route` that may match it. */
  add(binding: RoutedBinding): void
  /** Forgets a binding that `add` took. */
  remove(binding: RoutedBinding): void
  /**
   * Adds every destination that matches to `sink`. Called once per routing key: once with the message's own key, then
   * once for each CC and BCC key, unless the type is `keyless`.
   */
  route(routingKey: string, message: Message, sink: RouteSink): void
  /**
   * The destination of a key that has exactly one, where the router can tell at once: a message with nothing but this key
   * then needs no walk. Undefined says nothing: `route` is asked.
   */
  sole?(routingKey: string): Destination | undefined
  /**
   * Whether `route` would now add the destination of this binding for this key, and why: for `virtualHost.explain`. Must
   * change nothing. Without it a new router of the same type, with the same bindings, is asked to `route`.
   */
  explain?(binding: RoutedBinding, routingKey: string, message: Message): BindingVerdict
  /** For how many ms `route` would hold the message; undefined when it would not. For `virtualHost.explain`. */
  holds?(message: Message): number | undefined
  /** How near a binding that is not matched came, and what may be wrong; undefined when it is not near. */
  near?(binding: RoutedBinding, routingKey: string, message: Message): Nearness | undefined
}

/** A type of exchange, such as `topic`. */
export interface ExchangeType {
  /** The name that `declareExchange(name, type)` takes. */
  readonly name: string
  /** True when the routing key plays no part: the router is then asked once whatever CC and BCC say (PUB-12). */
  readonly keyless?: boolean
  /** Checks the arguments of a new exchange; throws a `PreconditionFailedError`. Called once, before the exchange exists. */
  validateArguments?(args: Arguments): void
  /** Checks a new binding; throws a `PreconditionFailedError`. Called before the binding is stored. */
  validateBinding?(routingKey: string, args: Arguments): void
  /**
   * The type that a new exchange with these arguments is really of, where they name another one that it routes as. Called
   * once, after `validateArguments`; throws a `PreconditionFailedError`. `typeOf` answers a type of the broker by its name,
   * or throws as for an exchange of that type.
   */
  resolve?(args: Arguments, typeOf: (name: string) => ExchangeType): ExchangeType
  /** Makes the routing state of a new exchange. */
  createRouter(args: Arguments, context: RouterContext): Router
}
