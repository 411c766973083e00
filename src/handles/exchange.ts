/** An exchange as applications hold it: a name on a bus. The handle says nothing about whether the exchange exists. */
import { type Arguments, NO_ARGUMENTS } from '../arguments.js'
import type { Channel, Connection } from '../channel/channel.js'
import type { BindingDeclaration, ExchangeDeclaration } from '../declarations.js'
import { ClosedError, InvalidOptionError } from '../errors.js'
import type { Awaitable } from '../host.js'
import { checkShortString, describe } from '../names.js'
import { boolean, type Checks, checkOptions, string, table } from '../options.js'
import { ArgumentTable } from './argument-table.js'
import { bindingDeclaration, givenKey } from './binding-declaration.js'
import type { BindingKey } from './binding-key.js'
import type { CheckedPattern, MatchingKeys } from './key-types.js'
import { type DrainedOptions, ExchangeProducer } from './producer.js'
import type { PublishOptions, SendOptions } from './publish-options.js'
import { Schemas } from './schemas.js'
import {
  type InputOf,
  type InputsOf,
  type MessageSchemas,
  type StandardSchema,
  schema,
  schemas,
} from './standard-schema.js'

/** How an exchange is declared. */
export interface ExchangeOptions {
  /**
   * Survives a restart, on engines where anything does; part of redeclare equivalence everywhere.
   * @default true
   */
  readonly durable?: boolean
  /**
   * The exchange goes when the last binding that starts at it does (EX-14).
   * @default false
   */
  readonly autoDelete?: boolean
  /**
   * Takes messages from other exchanges only, no publishes (EX-17).
   * @default false
   */
  readonly internal?: boolean
  /** Exchange that gets what this one finds no destination for (`alternate-exchange`, AE-01). @default none */
  readonly alternateExchange?: string
  /** Arguments by name, for the exchange's type. Unknown ones are stored and not compared, as RabbitMQ does (EX-04). */
  readonly arguments?: Arguments
  /** A schema for each routing key; other routing keys are refused. Of this handle, not of the exchange. @default none */
  readonly messages?: MessageSchemas
  /** One schema for all messages. Of this handle, not of the exchange. @default none */
  readonly body?: StandardSchema
}

/** When an exchange is deleted. */
export interface DeleteExchangeOptions {
  /** Only when nothing is bound to it (EX-12). @default false */
  readonly ifUnused?: boolean
}

/** Bodies of an exchange whose keys are not declared. */
// biome-ignore lint/suspicious/noExplicitAny: an undeclared exchange takes any body, and `unknown` would refuse none but hinder callbacks
export type AnyMessages = any

/** Any type of exchange: the compiler then checks no binding keys. */
// biome-ignore lint/suspicious/noExplicitAny: an exchange of a known type is one of any type, and the other way round
export type AnyType = any

const CHECKS: Checks = {
  durable: boolean,
  autoDelete: boolean,
  internal: boolean,
  alternateExchange: string,
  arguments: table,
  messages: schemas,
  body: schema,
}
const HANDLE_CHECKS: Checks = { messages: schemas, body: schema }
const DELETE_CHECKS: Checks = { ifUnused: boolean }

/**
 * The schemas of an exchange handle or producer.
 * @throws UnknownOptionError, InvalidOptionError.
 */
export function exchangeSchemas(
  title: string,
  options: Pick<ExchangeOptions, 'body' | 'messages'> | undefined,
  what: string,
): Schemas | undefined {
  checkOptions(what, options, HANDLE_CHECKS)
  return Schemas.of(title, options?.body, options?.messages)
}

/**
 * The declaration that the options stand for.
 * @throws UnknownOptionError, InvalidOptionError.
 */
export function exchangeDeclaration(name: string, type: string, options: ExchangeOptions = {}): ExchangeDeclaration {
  const what = `declareExchange('${name}')`
  if (typeof type !== 'string')
    throw new InvalidOptionError(`${what}: expected a type such as 'topic', got ${describe(type)}`)
  checkOptions(what, options, CHECKS)
  const { durable = true, autoDelete = false, internal = false, alternateExchange, arguments: raw } = options
  const args = new ArgumentTable(what, raw)
  if (alternateExchange !== undefined) args.set('alternate-exchange', alternateExchange, 'alternateExchange')
  return { name, type, durable, autoDelete, internal, arguments: args.table }
}

/**
 * An exchange on a bus. Made by `bus.declareExchange` and `bus.exchange`. `Messages` maps routing keys to bodies.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 *
 * const bus = new Broker().virtualHost('/')
 * const orders = await bus.declareExchange<{ 'order.paid': { id: number } }>('orders', 'topic')
 * const paid = await bus.declareQueue('paid', { bindings: [orders.key('*.paid')] })
 * await orders.send('order.paid', { id: 1 })
 * console.log((await paid.info()).messageCount) // 1
 * ```
 */
export class Exchange<
  Messages extends object = AnyMessages,
  Type extends string = AnyType,
  Inputs extends object = Messages,
> {
  /** The exchange's name. */
  readonly name: string
  readonly #connection: Connection
  readonly #schemas: Schemas | undefined
  #channel: Channel | undefined
  #producer: ExchangeProducer<Inputs> | undefined
  #closed = false

  /** Use `bus.declareExchange(name, type)`, or `bus.exchange(name)` for one that exists. @hidden */
  constructor(connection: Connection, name: string, schemas?: Schemas) {
    checkShortString('exchange name', name)
    this.#connection = connection
    this.name = name
    this.#schemas = schemas
  }

  /** @internal The virtual host that this handle is of. */
  get home(): unknown {
    return this.#connection.home
  }

  /**
   * Publishes a message; resolves when the broker has taken responsibility.
   * A message that no queue wants is dropped: say `mandatory` to hear of it.
   * @throws (rejects) as `ExchangeProducer.send` does.
   */
  send<Key extends keyof Inputs & string>(routingKey: Key, body: Inputs[Key], options?: SendOptions): Promise<void> {
    try {
      return this.#produce().send(routingKey, body, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Publishes a message and waits for nothing; false when it is time to await `drained()`.
   * @throws as `ExchangeProducer.publish` does.
   */
  publish<Key extends keyof Inputs & string>(routingKey: Key, body: Inputs[Key], options?: PublishOptions): boolean {
    return this.#produce().publish(routingKey, body, options)
  }

  /** Resolves when it is time to `publish` again: full `block` queues have room, and the event loop had a turn. */
  async drained(options?: DrainedOptions): Promise<void> {
    await this.#produce().drained(options)
  }

  /** The producer that `send`, `publish` and `drained` of this handle use: its counters and events. @throws ClosedError */
  get producer(): ExchangeProducer<Inputs> {
    return this.#produce()
  }

  /**
   * A further producer, with a channel of its own, and schemas of its own if they are given.
   * @throws ClosedError, UnknownOptionError, InvalidOptionError.
   */
  createProducer(): ExchangeProducer<Inputs>
  createProducer<S extends MessageSchemas>(options: {
    /** A schema for each routing key that this producer publishes with. */
    readonly messages: S
  }): ExchangeProducer<InputsOf<S>>
  createProducer<S extends StandardSchema>(options: {
    /** One schema for all that this producer publishes. */
    readonly body: S
  }): ExchangeProducer<Record<string, InputOf<S>>>
  createProducer(options?: Pick<ExchangeOptions, 'body' | 'messages'>): ExchangeProducer<object> {
    this.#checkOpen()
    const own = exchangeSchemas(`producer of exchange '${this.name}'`, options, 'createProducer')
    return new ExchangeProducer<object>(this.#connection, this.name, own ?? this.#schemas)
  }

  /**
   * A binding to this exchange, for `declareQueue({ bindings })` and `bind`: the key or pattern, and the arguments that a
   * headers exchange matches. Nothing is bound yet. The compiler refuses a pattern that no routing key of `Messages` matches.
   * @throws InvalidOptionError for a pattern that is no string or longer than 255 bytes.
   */
  key<const Pattern extends string>(
    pattern: CheckedPattern<keyof Messages & string, Pattern, Type>,
    args: Arguments = NO_ARGUMENTS,
  ): BindingKey<Messages[Extract<MatchingKeys<keyof Messages & string, Pattern, Type>, keyof Messages>]> {
    checkShortString('binding key', pattern)
    const { home } = this.#connection
    return { exchange: this.name, routingKey: pattern, arguments: args, home, schemas: this.#schemas }
  }

  /**
   * Binds this exchange to another: what reaches `source` and matches goes on to this one. By `source.key(pattern)`, whose
   * bodies must be among this exchange's, or by the source's name and a routing key. One that is there already is left as it is.
   * @throws NotFoundError, AccessRefusedError for the default exchange, PreconditionFailedError for bad arguments,
   * InvalidOptionError for a key of another broker or virtual host, ClosedError.
   */
  bind(key: BindingKey<Messages[keyof Messages]>): Awaitable<void>
  bind(source: string, routingKey: string, options?: { readonly arguments?: Arguments }): Awaitable<void>
  bind(key: BindingKey | string, routingKey?: string, options?: { readonly arguments?: Arguments }): Awaitable<void> {
    return this.#open().bind(this.#binding('bind', givenKey('bind', key, routingKey, options)))
  }

  /** Removes a binding to another exchange, given as `bind` was; one that is not there is no error (E2E-04). */
  unbind(key: BindingKey): Awaitable<void>
  unbind(source: string, routingKey: string, options?: { readonly arguments?: Arguments }): Awaitable<void>
  unbind(key: BindingKey | string, routingKey?: string, options?: { readonly arguments?: Arguments }): Awaitable<void> {
    return this.#open().unbind(this.#binding('unbind', givenKey('unbind', key, routingKey, options)))
  }

  /** True when there is such a binding to another exchange, given as `bind` is. @throws NotImplementedError, ClosedError. */
  isBound(key: BindingKey): Awaitable<boolean>
  isBound(source: string, routingKey: string, options?: { readonly arguments?: Arguments }): Awaitable<boolean>
  isBound(
    key: BindingKey | string,
    routingKey?: string,
    options?: { readonly arguments?: Arguments },
  ): Awaitable<boolean> {
    return this.#open().hasBinding(this.#binding('isBound', givenKey('isBound', key, routingKey, options)))
  }

  /** True when the exchange exists. @throws ClosedError. */
  exists(): Awaitable<boolean> {
    return this.#open().hasExchange(this.name)
  }

  /**
   * Deletes the exchange with its bindings. A missing exchange is no error (EX-11).
   * @throws PreconditionFailedError when it is used and was not to be, AccessRefusedError for `amq.` exchanges.
   */
  delete(options: DeleteExchangeOptions = {}): Awaitable<void> {
    checkOptions('delete', options, DELETE_CHECKS)
    return this.#open().deleteExchange(this.name, options.ifUnused === true)
  }

  /** Closes the handle's own producer. The exchange stays. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#producer?.close()
    await this.#channel?.close()
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #binding(what: string, key: BindingKey): BindingDeclaration {
    return bindingDeclaration(what, key, 'exchange', this.name, this.#connection.home)
  }

  #produce(): ExchangeProducer<Inputs> {
    if (this.#closed) this.#checkOpen()
    this.#producer ??= this.createProducer()
    return this.#producer
  }

  #open(): Channel {
    this.#checkOpen()
    this.#channel ??= this.#connection.openChannel({})
    return this.#channel
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError(`handle of exchange '${this.name}'`)
    if (this.#connection.closed) throw new ClosedError(`connection '${this.#connection.name}'`)
  }
}
