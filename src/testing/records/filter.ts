/** Which records a test means. */
import {
  type Arguments,
  type Checks,
  checkOptions,
  type Exchange,
  type MatchingKeys,
  type MessageProperties,
  matchWords,
  type Queue,
  string,
  wordsOf,
} from '../../internal.js'
import { difference } from './difference.js'
import type { Kind, Known } from './known.js'
import { preview } from './preview.js'
import type { Recorded } from './record.js'

/** Any exchange handle. */
// biome-ignore lint/suspicious/noExplicitAny: whatever its messages are, they are inferred
export type AnyExchange = Exchange<any, any, any>
/** Any queue handle. */
// biome-ignore lint/suspicious/noExplicitAny: whatever its bodies are, they are inferred
export type AnyQueue = Queue<any, any, any>

/** The body that a filter by handles stands for: of the exchange's messages whose keys are matched, else of the queue. */
export type FilteredBody<E, Key extends string, Q> =
  E extends Exchange<infer Messages, infer _Type, infer _Inputs>
    ? Messages[MatchingKeys<keyof Messages & string, Key, 'topic'> & keyof Messages]
    : Q extends Queue<infer Body, infer _Reply, infer _Input>
      ? Body
      : unknown

/** What is to be alike: parts of the value, a regular expression for a string. */
export type Pattern<Value> = unknown extends Value
  ? Value
  : Value extends string
    ? Value | RegExp
    : Value extends Uint8Array | Date | ((...args: never[]) => unknown)
      ? Value
      : Value extends readonly (infer Item)[]
        ? readonly Pattern<Item>[]
        : Value extends object
          ? { readonly [Key in keyof Value]?: Pattern<Value[Key]> | undefined }
          : Value

/** Parts of a body, or a predicate. */
export type BodyFilter<Body> =
  // biome-ignore lint/suspicious/noExplicitAny: a predicate over a body that nothing is known of may name its type
  unknown extends Body ? object | Primitive | ((body: any) => boolean) : Pattern<Body> | ((body: Body) => boolean)

type Primitive = string | number | bigint | boolean | null

/** Which messages are meant: those for which everything holds that is given. Of objects, parts are enough. */
export interface MessageFilter<
  E extends string | AnyExchange = string,
  Key extends string = string,
  Q extends string | AnyQueue = string,
> {
  /** The exchange that the message was published to, or its handle, which types the body; '' for messages sent to a queue. */
  readonly exchange?: E
  /** The routing key, or a pattern as topic exchanges take it: `order.*`, `order.#`. */
  readonly key?: Key
  /** The queue that it happened in; of `published`, one that the message reached. Or its handle, which types the body. */
  readonly queue?: Q
  /**
   * Parts of the body: objects need only what is named here, lists as many items, strings may be matched by a regular
   * expression, anything by `expect.any(…)` and its like. Or a predicate.
   */
  readonly body?: BodyFilter<FilteredBody<E, Key, Q>>
  /** Headers, or parts of them. */
  readonly headers?: Readonly<Record<string, unknown>> | Arguments
  /** Properties, or parts of them. */
  readonly properties?: Readonly<Partial<Record<keyof MessageProperties, unknown>>>
}

/** One thing that has to hold. */
export interface Criterion {
  readonly field: keyof MessageFilter
  /** What is asked for. */
  readonly wanted: string
  /** How a record misses it; undefined when it holds. */
  misses(record: Recorded): string | undefined
  /** Throws for a name that no message can ever have to do with. */
  check?(): void
}

const object: Checks[string] = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'an object'
const anything: Checks[string] = () => undefined

const CHECKS: Checks = {
  exchange: anything,
  key: string,
  queue: anything,
  body: anything,
  headers: object,
  properties: object,
}

/**
 * What has to hold.
 * @throws UnknownOptionError, InvalidOptionError. Names are looked at by `check`, as they may be declared later.
 */
export function criteriaOf(
  what: string,
  filter: MessageFilter<never, never, never> | object,
  known: Known,
): Criterion[] {
  checkOptions(what, filter, CHECKS)
  const { exchange, key, queue, body, headers, properties } = filter as MessageFilter
  const criteria: Criterion[] = []
  const named = (kind: Kind, given: unknown, isIt: (record: Recorded, name: string) => boolean): void => {
    const name = known.nameOf(`${what}: option '${kind}'`, kind, given)
    criteria.push({
      field: kind,
      wanted: `'${name}'`,
      misses: (record) =>
        isIt(record, name) ? undefined : `${kind}: expected '${name}', got ${placeOf(kind, record)}`,
      check: () => known.check(`${what}: option '${kind}'`, kind, name),
    })
  }
  const alike = (field: 'headers' | 'properties', wanted: object): void => {
    criteria.push({ field, wanted: preview(wanted), misses: (record) => difference(wanted, record[field], field) })
  }
  if (exchange !== undefined) named('exchange', exchange, (record, name) => record.exchange === name)
  if (key !== undefined) {
    const pattern = wordsOf(key)
    criteria.push({
      field: 'key',
      wanted: `'${key}'`,
      misses: ({ routingKey }) =>
        routingKey === key || matchWords(pattern, wordsOf(routingKey)).matched
          ? undefined
          : `key: expected '${key}', got '${routingKey}'`,
    })
  }
  if (queue !== undefined) named('queue', queue, isInQueue)
  if (body !== undefined) {
    criteria.push({ field: 'body', wanted: preview(body), misses: (record) => bodyMisses(body, record) })
  }
  if (headers !== undefined) alike('headers', headers)
  if (properties !== undefined) alike('properties', properties)
  return criteria
}

function isInQueue(record: Recorded, name: string): boolean {
  return record.queue === undefined ? record.queues.includes(name) : record.queue === name
}

function placeOf(kind: Kind, { exchange, queue, queues }: Recorded): string {
  if (kind === 'exchange') return exchange === '' ? "'' (the default exchange)" : `'${exchange}'`
  const names = queue === undefined ? queues : [queue]
  return names.length === 0 ? 'none' : names.map((name) => `'${name}'`).join(', ')
}

function bodyMisses(wanted: unknown, { body, content }: Recorded): string | undefined {
  if (typeof wanted !== 'function') {
    // n.b. who asks for bytes means the bytes, also where they are JSON.
    return difference(wanted, wanted instanceof Uint8Array ? content : body, 'body')
  }
  try {
    const answer: unknown = wanted(body)
    // n.b. as array.filter takes it.
    return answer ? undefined : `body: the predicate says ${preview(answer)} of ${preview(body)}`
  } catch (error) {
    // n.b. one that reads what only some bodies have does not mean the others.
    return `body: the predicate throws ${preview(String(error))} at ${preview(body)}`
  }
}
