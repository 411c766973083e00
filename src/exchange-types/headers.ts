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
import { host } from '../host.js'
import type { Message } from '../message.js'
import { describe } from '../names.js'
import { editDistance } from '../options.js'
import { BindingList } from './binding-list.js'
import type { Destination, ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'
import { isNear } from './near-key.js'
import type { BindingVerdict, HeaderVerdict, Nearness } from './verdict.js'

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
  if (value === null || value === undefined) return true
  const header = headers[name]
  // n.b. RabbitMQ compares what it read, where a timestamp is a number and a string is its bytes (XT-15).
  if ((typeof header === 'object') === (typeof value === 'object')) return sameFieldValue(header, value)
  return sameFieldValue(raw(header), raw(value))
}

function raw(value: FieldValue): FieldValue {
  if (typeof value === 'string') return new host.TextEncoder().encode(value)
  return value instanceof Date ? Math.floor(value.getTime() / 1000) : value
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

  explain(binding: RoutedBinding, _routingKey: string, message: Message): BindingVerdict {
    const headers = message.properties.headers ?? NO_ARGUMENTS
    const match = String(binding.arguments['x-match'] ?? 'all')
    return {
      matched: new HeadersPattern(binding).matches(headers),
      reason: { kind: 'headers', match, headers: verdictsOf(binding.arguments, match, headers) },
    }
  }

  near({ arguments: args }: RoutedBinding, _routingKey: string, message: Message): Nearness | undefined {
    const headers = message.properties.headers ?? NO_ARGUMENTS
    const match = String(args['x-match'] ?? 'all')
    const counted = verdictsOf(args, match, headers).filter(({ verdict }) => verdict !== 'ignored')
    const wrong = counted.filter(({ verdict }) => !AGREEING.includes(verdict))
    if (!match.startsWith('any') && wrong.length > 1) return undefined
    let best: Nearness | undefined
    for (const header of wrong) {
      const near = nearHeader(header, headers, counted.length > 1)
      if (near !== undefined && (best === undefined || near.distance < best.distance)) best = near
    }
    return best
  }
}

const AGREEING: readonly HeaderVerdict['verdict'][] = ['equal', 'present']

/** What each argument of a binding met, in the order of the arguments. */
function verdictsOf(args: Arguments, match: string, headers: Arguments): HeaderVerdict[] {
  const names = Object.keys(args).filter((name) => name !== 'x-match')
  return names.map((name) => {
    const wanted = args[name]
    const actual = Object.hasOwn(headers, name) ? headers[name] : undefined
    return { name, wanted, actual, verdict: verdictOf(headers, name, wanted, match.endsWith('-with-x')) }
  })
}

function verdictOf(headers: Arguments, name: string, wanted: FieldValue, withX: boolean): HeaderVerdict['verdict'] {
  if (!withX && name.startsWith('x-')) return 'ignored'
  if (agrees(headers, name, wanted)) return wanted === null || wanted === undefined ? 'present' : 'equal'
  if (!Object.hasOwn(headers, name)) return 'missing'
  return String(headers[name]) === String(wanted) ? 'other-type' : 'other-value'
}

/** What may be wrong with the one header that disagrees. `others`: the binding asks for more than this one. */
function nearHeader(header: HeaderVerdict, headers: Arguments, others: boolean): Nearness | undefined {
  const { name, wanted, actual, verdict } = header
  if (verdict === 'other-type') {
    const hint = `header '${name}' is ${typed(actual)}, the binding wants ${typed(wanted)}`
    return { distance: 0, hint }
  }
  if (verdict === 'missing') {
    for (const other of Object.keys(headers)) {
      const distance = editDistance(name.toLowerCase(), other.toLowerCase())
      if (isNear(distance, name, other)) return { distance, hint: `header '${other}' is near to '${name}'` }
    }
    return others ? { distance: 4, hint: `only header '${name}' is missing` } : undefined
  }
  const [got, asked] = [describe(actual), describe(wanted)]
  if (typeof actual === 'string' && typeof wanted === 'string') {
    const distance = editDistance(actual.toLowerCase(), wanted.toLowerCase())
    if (isNear(distance, actual, wanted)) return { distance, hint: `header '${name}' is ${got}, near to ${asked}` }
  }
  return others ? { distance: 4, hint: `only header '${name}' differs: it is ${got}, not ${asked}` } : undefined
}

/** A value with its type: what differs where the text is the same. */
function typed(value: FieldValue): string {
  return `the ${typeof value} ${describe(value)}`
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
export function asTerm(value: FieldValue): string {
  if (value === null) return 'undefined'
  if (typeof value === 'string') return value === '' ? '<<>>' : `<<${JSON.stringify(value)}>>`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
