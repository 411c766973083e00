/** What an application is written against: one connection to one virtual host, whatever broker is behind it. */
import type { Channel, Connection } from '../channel/channel.js'
import { ClosedError, InvalidOptionError } from '../errors.js'
import { type Awaitable, andThen } from '../host.js'
import { checkShortString, cleanName } from '../names.js'
import { checkOptions } from '../options.js'
import { bindingDeclaration } from './binding-declaration.js'
import type { BindingKey, BodyOf } from './binding-key.js'
import {
  type AnyMessages,
  type AnyType,
  Exchange,
  type ExchangeOptions,
  exchangeDeclaration,
  exchangeSchemas,
} from './exchange.js'
import { Queue } from './queue.js'
import { type QueueOptions, queueDeclaration } from './queue-options.js'
import { Schemas } from './schemas.js'
import {
  type InputOf,
  type InputsOf,
  type MessageSchemas,
  type OutputOf,
  type OutputsOf,
  type StandardSchema,
  schema,
} from './standard-schema.js'

/** Types of exchange that every broker has. */
export type ExchangeTypeName = 'direct' | 'fanout' | 'topic' | 'headers' | (string & {})

/** How an exchange is declared whose messages are not checked. */
// n.b. the compiler tries overloads with a literal parameter, such as 'topic', before all others: they must not take schemas.
export type UncheckedExchangeOptions = Omit<ExchangeOptions, 'messages' | 'body'>

/**
 * One connection to one virtual host: what declares, publishes and consumes. Write an application against this class; it
 * says nothing about which broker is behind it.
 *
 * @example
 * ```ts
 * import { Broker, type Bus } from 'leveret'
 *
 * async function startAudit(bus: Bus): Promise<void> {
 *   const orders = await bus.declareExchange('orders', 'topic')
 *   const audit = await bus.declareQueue('audit', { bindings: [orders.key('order.#')] })
 *   audit.createConsumer().run(({ routingKey, body }) => console.log(routingKey, body))
 * }
 *
 * const broker = new Broker()
 * const bus = broker.virtualHost('/')
 * await startAudit(bus)
 * await bus.exchange('orders').send('order.created', { id: 1 }) // order.created { id: 1 }
 * await broker.close({ drain: true })
 * ```
 */
export class Bus {
  /** @internal */
  protected readonly connection: Connection
  #channel: Channel | undefined

  /** Made by `broker.virtualHost` and `broker.connect`. @hidden */
  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Name of the virtual host. */
  get virtualHostName(): string {
    return this.connection.virtualHost
  }

  /** True once the bus or its broker is closed. */
  get closed(): boolean {
    return this.connection.closed
  }

  // n.b. `Omit`: an intersection with `bindings` of two array types costs the compiler a thousand instantiations a call.
  /**
   * Declares a queue, or checks that it is declared alike, and answers a handle. Without a name the broker makes one up
   * (`amq.gen-…`). `bindings` are made when the queue is.
   * @throws PreconditionFailedError when it exists and is declared otherwise or an argument is wrong, ResourceLockedError
   * for an exclusive queue of another bus, AccessRefusedError for names that begin with `amq.`, NotFoundError for a
   * binding to a missing exchange, InvalidOptionError, UnknownOptionError.
   */
  declareQueue<Body = unknown, Reply = unknown>(name?: string): Awaitable<Queue<Body, Reply>>
  declareQueue<const Schema extends StandardSchema>(
    name: string,
    options: QueueOptions & { readonly body: Schema },
  ): Awaitable<Queue<OutputOf<Schema>, unknown, InputOf<Schema>>>
  declareQueue<const Keys extends readonly BindingKey[]>(
    name: string,
    options: Omit<QueueOptions, 'bindings'> & { readonly bindings: Keys },
  ): Awaitable<Queue<BodyOf<Keys>>>
  declareQueue<Body = unknown, Reply = unknown>(
    name: string | undefined,
    options: QueueOptions<Body> | undefined,
  ): Awaitable<Queue<Body, Reply>>
  declareQueue<const Schema extends StandardSchema>(
    options: QueueOptions & { readonly body: Schema },
  ): Awaitable<Queue<OutputOf<Schema>, unknown, InputOf<Schema>>>
  declareQueue<const Keys extends readonly BindingKey[]>(
    options: Omit<QueueOptions, 'bindings'> & { readonly bindings: Keys },
  ): Awaitable<Queue<BodyOf<Keys>>>
  declareQueue<Body = unknown, Reply = unknown>(options: QueueOptions<Body>): Awaitable<Queue<Body, Reply>>
  declareQueue(nameOrOptions?: string | QueueOptions, given?: QueueOptions): Awaitable<Queue> {
    const named = typeof nameOrOptions !== 'object'
    const name = (named ? nameOrOptions : undefined) ?? ''
    const options = named ? given : nameOrOptions
    checkShortString('queue name', name)
    const declaration = queueDeclaration(name, options, this.connection.queueArguments)
    const { bindings = [], deadLetter } = options ?? {}
    if (deadLetter !== undefined) {
      checkShortString('deadLetter', deadLetter)
      if (deadLetter === '') throw new InvalidOptionError("deadLetter: expected the name of a queue, got ''")
    }
    const wanted = bindings.map((key) => bindingDeclaration('bindings', key, 'queue', name, this.connection.home))
    return andThen(this.#open().declareQueue(declaration, wanted, deadLetter), (info) => {
      const schemas = Schemas.of(`queue '${info.name}'`, options?.body)
      return new Queue(this.connection, info.name, schemas, bindings)
    })
  }

  /**
   * A handle of a queue, declared or not: nothing is asked of the broker until the handle is used.
   * @throws InvalidOptionError for a name that is no string, empty, or longer than 255 bytes.
   */
  queue<Schema extends StandardSchema>(
    name: string,
    options: {
      /** Schema of the bodies that this handle publishes and consumes. */
      readonly body: Schema
    },
  ): Queue<OutputOf<Schema>, unknown, InputOf<Schema>>
  queue<Body = unknown, Reply = unknown>(name: string): Queue<Body, Reply>
  queue(name: string, options?: { readonly body: StandardSchema }): Queue {
    if (name === '') throw new InvalidOptionError('queue: expected the name of a queue, got an empty string')
    checkOptions('queue', options, { body: schema })
    return new Queue(this.connection, name, Schemas.of(`queue '${name}'`, options?.body))
  }

  /**
   * Declares an exchange, or checks that it is declared alike, and answers a handle. `Messages` maps routing keys to
   * bodies.
   * @throws PreconditionFailedError for an unknown type, or when it exists and is declared otherwise, AccessRefusedError
   * for the default exchange and new names that begin with `amq.`, InvalidOptionError, UnknownOptionError.
   */
  declareExchange<const S extends MessageSchemas, Type extends ExchangeTypeName>(
    name: string,
    type: Type,
    options: ExchangeOptions & { readonly messages: S },
  ): Awaitable<Exchange<OutputsOf<S>, Type, InputsOf<S>>>
  declareExchange<const S extends StandardSchema>(
    name: string,
    type: ExchangeTypeName,
    options: ExchangeOptions & { readonly body: S },
  ): Awaitable<Exchange<Record<string, OutputOf<S>>, AnyType, Record<string, InputOf<S>>>>
  declareExchange<Messages extends object = AnyMessages>(
    name: string,
    type: 'topic',
    options?: UncheckedExchangeOptions,
  ): Awaitable<Exchange<Messages, 'topic'>>
  declareExchange<Messages extends object = AnyMessages>(
    name: string,
    type: 'direct',
    options?: UncheckedExchangeOptions,
  ): Awaitable<Exchange<Messages, 'direct'>>
  declareExchange<Body = AnyMessages[string]>(
    name: string,
    type: 'fanout' | 'headers',
    options?: UncheckedExchangeOptions,
  ): Awaitable<Exchange<Record<string, Body>>>
  declareExchange<Messages extends object = AnyMessages>(
    name: string,
    type: ExchangeTypeName,
    options?: UncheckedExchangeOptions,
  ): Awaitable<Exchange<Messages>>
  declareExchange(name: string, type: ExchangeTypeName, options: ExchangeOptions = {}): Awaitable<unknown> {
    checkShortString('exchange name', name)
    const declaration = exchangeDeclaration(name, type, options)
    const schemas = Schemas.of(`exchange '${name}'`, options.body, options.messages)
    return andThen(
      this.#open().declareExchange(declaration),
      () => new Exchange(this.connection, cleanName(name), schemas),
    )
  }

  /**
   * A handle of an exchange, declared or not; '' is the default exchange. `Messages` maps routing keys to bodies.
   * @throws InvalidOptionError for a name that is no string or longer than 255 bytes.
   */
  exchange<const S extends MessageSchemas>(
    name: string,
    options: {
      /** A schema for each routing key that this handle publishes with. */
      readonly messages: S
    },
  ): Exchange<OutputsOf<S>, AnyType, InputsOf<S>>
  exchange<const S extends StandardSchema>(
    name: string,
    options: {
      /** One schema for all messages that this handle publishes. */
      readonly body: S
    },
  ): Exchange<Record<string, OutputOf<S>>, AnyType, Record<string, InputOf<S>>>
  exchange<Messages extends object = AnyMessages, Type extends string = AnyType>(name: string): Exchange<Messages, Type>
  exchange(name: string, options?: Pick<ExchangeOptions, 'body' | 'messages'>): unknown {
    return new Exchange(this.connection, name, exchangeSchemas(`exchange '${name}'`, options, 'exchange'))
  }

  /** Closes the bus: gives back what its consumers hold and deletes its exclusive queues. Idempotent. */
  async close(): Promise<void> {
    await this.connection.close()
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #open(): Channel {
    if (this.connection.closed) throw new ClosedError(`connection '${this.connection.name}'`)
    this.#channel ??= this.connection.openChannel({})
    return this.#channel
  }
}
