/**
 * The headers exchange: a message goes where its headers satisfy the binding's arguments.
 *
 * `x-match` says how many of them must agree, and whether names that begin with "x-" count (XT-11, XT-13):
 *
 * | x-match              | agree | names "x-…"          |
 * |----------------------|-------|----------------------|
 * | all (default)        | all   | ignored              |
 * | any                  | one   | ignored              |
 * | all-with-x           | all   | count, but `x-match` |
 * | any-with-x           | one   | count, but `x-match` |
 */
import { type Arguments, type FieldValue, fieldKind, NO_ARGUMENTS, sameFieldValue } from '../arguments.js'
import { PreconditionFailedError } from '../errors.js'
import type { Message } from '../message.js'
import { BindingList } from './binding-list.js'
import type { Destination, ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'

/** The four values of x-match. */
const MATCHES: readonly FieldValue[] = ['all', 'any', 'all-with-x', 'any-with-x']

/** A binding's arguments, read once when it is made. */
class HeadersPattern {
  readonly destination: Destination
  readonly #any: boolean
  readonly #names: readonly string[]
  readonly #values: readonly FieldValue[]

  constructor({ destination, arguments: args }: RoutedBinding) {
    const match = args['x-match'] ?? 'all'
    const withX = match === 'all-with-x' || match === 'any-with-x'
    const names = Object.keys(args).filter((name) => name !== 'x-match' && (withX || !name.startsWith('x-')))
    this.destination = destination
    this.#any = match === 'any' || match === 'any-with-x'
    this.#names = names
    this.#values = names.map((name) => args[name])
  }

  /** "all" ends at the first header that disagrees, "any" at the first that agrees; without names: true, false (XT-16). */
  matches(headers: Arguments): boolean {
    const names = this.#names
    for (let i = 0; i < names.length; i++) {
      if (agrees(headers, names[i] as string, this.#values[i]) === this.#any) return this.#any
    }
    return !this.#any
  }
}

/** A void value asks for the presence of the header only (XT-14). */
function agrees(headers: Arguments, name: string, value: FieldValue): boolean {
  // n.b. `name in headers` would find "constructor" in every message.
  if (!Object.hasOwn(headers, name)) return false
  return value === null || value === undefined || sameFieldValue(headers[name], value)
}

class HeadersRouter implements Router {
  readonly #bindings = new BindingList<HeadersPattern>()

  add(binding: RoutedBinding): void {
    this.#bindings.add(binding, new HeadersPattern(binding))
  }

  remove(binding: RoutedBinding): void {
    this.#bindings.remove(binding)
  }

  route(_routingKey: string, message: Message, sink: RouteSink): void {
    const headers = message.properties.headers ?? NO_ARGUMENTS
    for (const pattern of this.#bindings.entries) if (pattern.matches(headers)) sink.add(pattern.destination)
  }
}

/** Routes by the headers of the message; the routing key plays no part. */
export const headersExchange: ExchangeType = {
  name: 'headers',
  keyless: true,
  validateBinding(_routingKey, args) {
    const match = args['x-match']
    if (match === undefined || MATCHES.includes(match)) return
    throw new PreconditionFailedError(
      typeof match === 'string'
        ? `Invalid x-match field value ${asTerm(match)}; expected all, any, all-with-x, or any-with-x`
        : `Invalid x-match field type ${fieldKind(match)} (value ${asTerm(match)}); expected longstr`,
    )
  },
  createRouter: () => new HeadersRouter(),
}

/** A value as RabbitMQ's error texts print it: an Erlang term. */
function asTerm(value: FieldValue): string {
  if (value === null) return 'undefined'
  if (typeof value === 'string') return value === '' ? '<<>>' : `<<${JSON.stringify(value)}>>`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
