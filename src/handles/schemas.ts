/**
 * Bodies that are checked when they are published and when they are consumed. What travels is what was published; a
 * consumer gets what the schema makes of it.
 */
import type { Delivery } from '../delivery.js'
import { BodyEncodingError, BodyInvalidError, InvalidOptionError } from '../errors.js'
import { type Awaitable, isThenable } from '../host.js'
import { describe } from '../names.js'
import { hintAt } from '../options.js'
import { type SchemaResult, type StandardSchema, TYPES_ONLY } from './standard-schema.js'

type SchemasByKey = Readonly<Record<string, StandardSchema>>

/** The schemas of one exchange or queue: one for all its messages, or one a routing key. */
export class Schemas {
  /** What they are the schemas of, for errors. */
  readonly #what: string
  readonly #all: StandardSchema | undefined
  readonly #byKey: SchemasByKey

  private constructor(what: string, all: StandardSchema | undefined, byKey: SchemasByKey) {
    this.#what = what
    this.#all = all
    this.#byKey = byKey
  }

  /**
   * The schemas that the options `body` and `messages` name; undefined when there is nothing to check.
   * @throws InvalidOptionError when both are given.
   */
  static of(what: string, body: unknown, messages?: unknown): Schemas | undefined {
    if (body !== undefined && messages !== undefined) {
      throw new InvalidOptionError(
        `${what}: 'body' is one schema for all, 'messages' one a routing key: give one of them`,
      )
    }
    const given = body ?? messages ?? TYPES_ONLY
    if (given === TYPES_ONLY) return undefined
    return new Schemas(what, body as StandardSchema | undefined, (messages ?? {}) as SchemasByKey)
  }

  /**
   * Checks a body that is about to be published; a promise when its schema answers later.
   * @throws BodyInvalidError.
   */
  check(routingKey: string, body: unknown): Promise<void> | undefined {
    const result = this.validate(routingKey, body)
    if (isThenable(result)) return result.then((later) => void this.valueOf(later))
    this.valueOf(result)
    return undefined
  }

  /** Asks the schema of the routing key. @throws BodyInvalidError when there is none. */
  validate(routingKey: string, body: unknown): Awaitable<SchemaResult<unknown>> {
    return this.#schemaOf(routingKey)['~standard'].validate(body)
  }

  /** What the schema made of the body. @throws BodyInvalidError. */
  valueOf(result: SchemaResult<unknown>): unknown {
    if (result.issues !== undefined) throw new BodyInvalidError(this.#what, result.issues)
    return result.value
  }

  /** The body of a delivery as it is checked. @throws BodyInvalidError when its bytes are not what they claim to be. */
  bodyOf(delivery: Delivery): unknown {
    try {
      return delivery.body
    } catch (error) {
      if (error instanceof BodyEncodingError) throw new BodyInvalidError(this.#what, [error])
      throw error
    }
  }

  /** True when there is a schema for the routing key. */
  has(routingKey: string): boolean {
    return this.#all !== undefined || Object.hasOwn(this.#byKey, routingKey)
  }

  #schemaOf(routingKey: string): StandardSchema {
    const found = this.has(routingKey) ? (this.#all ?? this.#byKey[routingKey]) : undefined
    if (found !== undefined) return found
    const hint = hintAt(routingKey, Object.keys(this.#byKey), 'routing key')
    throw new BodyInvalidError(this.#what, [{ message: `no schema for routing key ${describe(routingKey)}; ${hint}` }])
  }
}

/** The schemas by which the consumers of a queue check: the queue's own, else that of the exchange a message came by. */
export class ConsumedSchemas {
  readonly #own: Schemas | undefined
  /** n.b. made when there are some: every queue's handle has one of these. */
  #byExchange: Map<string, Schemas[]> | undefined

  constructor(own: Schemas | undefined) {
    this.#own = own
  }

  /** True when nothing is checked. */
  get none(): boolean {
    return this.#own === undefined && this.#byExchange === undefined
  }

  /** The queue is bound by a key of an exchange, which may have schemas. */
  learn(exchange: string, schemas: Schemas | undefined): void {
    if (schemas === undefined) return
    this.#byExchange ??= new Map()
    const known = this.#byExchange.get(exchange) ?? []
    // n.b. several handles of one exchange may each know some of its routing keys.
    if (!known.includes(schemas)) this.#byExchange.set(exchange, [...known, schemas])
  }

  /**
   * Gives a delivery the body that its schema makes of it; a promise when the schema answers later.
   * @throws BodyInvalidError.
   */
  apply(delivery: Delivery): Promise<void> | undefined {
    const schemas = this.#own ?? this.#of(delivery)
    if (schemas === undefined) return undefined
    const body = schemas.bodyOf(delivery)
    const accept = (result: SchemaResult<unknown>): void => {
      const value = schemas.valueOf(result)
      if (value !== body) delivery.become(value)
    }
    const result = schemas.validate(delivery.routingKey, body)
    if (isThenable(result)) return result.then(accept)
    accept(result)
    return undefined
  }

  #of({ exchange, routingKey }: Delivery): Schemas | undefined {
    const known = this.#byExchange?.get(exchange)
    return known?.find((schemas) => schemas.has(routingKey)) ?? known?.[0]
  }
}
