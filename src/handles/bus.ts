/** What an application is written against: one connection to one virtual host, whatever broker is behind it. */
import type { Channel, Connection } from '../channel/channel.js'
import { ClosedError, InvalidOptionError } from '../errors.js'
import { type Awaitable, andThen } from '../host.js'
import { checkShortString, cleanName } from '../names.js'
import { bindingDeclaration } from './binding-declaration.js'
import { type AnyMessages, Exchange, type ExchangeOptions, exchangeDeclaration } from './exchange.js'
import { Queue } from './queue.js'
import { type QueueOptions, queueDeclaration } from './queue-options.js'

/** Types of exchange that every broker has. */
export type ExchangeTypeName = 'direct' | 'fanout' | 'topic' | 'headers' | (string & {})

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

  /**
   * Declares a queue, or checks that it is declared alike, and answers a handle. Without a name the broker makes one up
   * (`amq.gen-…`). `bindings` are made when the queue is.
   * @throws PreconditionFailedError when it exists and is declared otherwise or an argument is wrong, ResourceLockedError
   * for an exclusive queue of another bus, AccessRefusedError for names that begin with `amq.`, NotFoundError for a
   * binding to a missing exchange, InvalidOptionError, UnknownOptionError.
   */
  declareQueue<Body = unknown>(name?: string, options?: QueueOptions): Awaitable<Queue<Body>>
  declareQueue<Body = unknown>(options: QueueOptions): Awaitable<Queue<Body>>
  declareQueue<Body = unknown>(nameOrOptions?: string | QueueOptions, given?: QueueOptions): Awaitable<Queue<Body>> {
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
    return andThen(
      this.#open().declareQueue(declaration, wanted, deadLetter),
      (info) => new Queue<Body>(this.connection, info.name),
    )
  }

  /**
   * A handle of a queue, declared or not: nothing is asked of the broker until the handle is used.
   * @throws InvalidOptionError for a name that is no string, empty, or longer than 255 bytes.
   */
  queue<Body = unknown>(name: string): Queue<Body> {
    if (name === '') throw new InvalidOptionError('queue: expected the name of a queue, got an empty string')
    return new Queue<Body>(this.connection, name)
  }

  /**
   * Declares an exchange, or checks that it is declared alike, and answers a handle. `Messages` maps routing keys to
   * bodies.
   * @throws PreconditionFailedError for an unknown type, or when it exists and is declared otherwise, AccessRefusedError
   * for the default exchange and new names that begin with `amq.`, InvalidOptionError, UnknownOptionError.
   */
  declareExchange<Messages extends object = AnyMessages>(
    name: string,
    type: ExchangeTypeName,
    options?: ExchangeOptions,
  ): Awaitable<Exchange<Messages>> {
    checkShortString('exchange name', name)
    const declaration = exchangeDeclaration(name, type, options)
    return andThen(
      this.#open().declareExchange(declaration),
      () => new Exchange<Messages>(this.connection, cleanName(name)),
    )
  }

  /**
   * A handle of an exchange, declared or not; '' is the default exchange. `Messages` maps routing keys to bodies.
   * @throws InvalidOptionError for a name that is no string or longer than 255 bytes.
   */
  exchange<Messages extends object = AnyMessages>(name: string): Exchange<Messages> {
    return new Exchange<Messages>(this.connection, name)
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
