/** A queue as applications hold it: a name on a bus. The handle says nothing about whether the queue exists. */
import type { Arguments } from '../arguments.js'
import type { Channel, Connection } from '../channel/channel.js'
import type { BindingDeclaration, QueueInfo, QueueStats } from '../declarations.js'
import type { Delivery } from '../delivery.js'
import { BodyInvalidError, ClosedError, InvalidOptionError } from '../errors.js'
import { type Awaitable, andThen, type Signal } from '../host.js'
import { checkShortString } from '../names.js'
import { boolean, type Checks, checkOptions } from '../options.js'
import { bindingDeclaration, givenKey } from './binding-declaration.js'
import type { BindingKey } from './binding-key.js'
import { Consumer, type ConsumerOptions } from './consumer.js'
import { checkGet, type GetOptions, waitForOne } from './get.js'
import { Move, type MoveOptions, type MoveResult, targetOf } from './move.js'
import { type DrainedOptions, QueueProducer } from './producer.js'
import type { PublishOptions, SendOptions } from './publish-options.js'
import { REQUEST_MANY_CHECKS, ReplyParts, type RequestManyOptions } from './reply-parts.js'
import { askedFor, PendingReply, type RequestOptions } from './request.js'
import { Requester } from './requester.js'
import { checkRespond, Responder, type RespondOptions, type ResponseHandler } from './responder.js'
import { ConsumedSchemas, Schemas } from './schemas.js'
import { type InputOf, type OutputOf, type StandardSchema, schema } from './standard-schema.js'
import { abortable } from './wait.js'

/** When a queue is deleted. */
export interface DeleteQueueOptions {
  /** Only without consumers. Classic queues. @default false */
  readonly ifUnused?: boolean
  /** Only without ready messages. Classic queues. @default false */
  readonly ifEmpty?: boolean
}

const DELETE_CHECKS: Checks = { ifUnused: boolean, ifEmpty: boolean }
const PRODUCER_CHECKS: Checks = { body: schema }

/**
 * A queue on a bus. Made by `bus.declareQueue` and `bus.queue`. Its `send` and `publish` share one producer, with a channel
 * of its own, as does each consumer.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 *
 * const bus = new Broker().virtualHost('/')
 * const jobs = await bus.declareQueue<{ id: number }>('jobs', { maxLength: 1_000, messageTtl: 60_000 })
 * await jobs.send({ id: 1 })
 * const delivery = await jobs.get()
 * console.log(delivery?.body.id) // 1
 * delivery?.ack()
 * ```
 */
export class Queue<Body = unknown, Reply = unknown, Input = Body> {
  /** The queue's name. */
  readonly name: string
  readonly #connection: Connection
  readonly #schemas: Schemas | undefined
  readonly #consumed: ConsumedSchemas
  #channel: Channel | undefined
  #producer: QueueProducer<Input> | undefined
  #requester: Requester | undefined
  #closed = false

  /** Use `bus.declareQueue(name)`, or `bus.queue(name)` for one that exists. @hidden */
  constructor(connection: Connection, name: string, schemas?: Schemas, keys: readonly BindingKey[] = []) {
    checkShortString('queue name', name)
    this.#connection = connection
    this.name = name
    this.#schemas = schemas
    this.#consumed = new ConsumedSchemas(schemas)
    for (const key of keys) this.#consumed.learn(key.exchange, key.schemas)
  }

  /** @internal The connection that this handle is of. */
  get connection(): Connection {
    return this.#connection
  }

  /** @internal The virtual host that this handle is of. */
  get home(): unknown {
    return this.#connection.home
  }

  /**
   * Sends a message to this queue by the default exchange; resolves when the broker has taken responsibility.
   * A queue that does not exist makes the message unroutable, not an error: say `mandatory` to hear of it.
   * @throws (rejects) as `QueueProducer.send` does.
   */
  send(body: Input, options?: SendOptions): Promise<void> {
    try {
      return this.#produce().send(body, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Sends a message and waits for nothing; false when it is time to await `drained()`.
   * @throws as `QueueProducer.publish` does.
   */
  publish(body: Input, options?: PublishOptions): boolean {
    return this.#produce().publish(body, options)
  }

  /** Resolves when it is time to `publish` again: full `block` queues have room, and the event loop had a turn. */
  async drained(options?: DrainedOptions): Promise<void> {
    await this.#produce().drained(options)
  }

  /** The producer that `send`, `publish` and `drained` of this handle use: its counters and events. @throws ClosedError */
  get producer(): QueueProducer<Input> {
    return this.#produce()
  }

  /**
   * A further producer, with a channel of its own, and a schema of its own if one is given.
   * @throws ClosedError, UnknownOptionError, InvalidOptionError.
   */
  createProducer(): QueueProducer<Input>
  createProducer<Schema extends StandardSchema>(options: {
    /** Schema of what this producer publishes. */
    readonly body: Schema
  }): QueueProducer<InputOf<Schema>>
  createProducer(options?: { readonly body: StandardSchema }): QueueProducer<Input> {
    this.#checkOpen()
    checkOptions('createProducer', options, PRODUCER_CHECKS)
    const own = Schemas.of(`producer of queue '${this.name}'`, options?.body)
    return new QueueProducer<Input>(this.#connection, this.name, own ?? this.#schemas)
  }

  /**
   * A consumer; it attaches when one of its verbs is called, once: `for await`, `consume`, `run` or those of `batches`.
   * @throws UnknownOptionError, InvalidOptionError, ClosedError.
   */
  createConsumer<Schema extends StandardSchema>(
    options: ConsumerOptions & { readonly body: Schema },
  ): Consumer<OutputOf<Schema>>
  createConsumer(options?: ConsumerOptions): Consumer<Body>
  createConsumer(options?: ConsumerOptions): Consumer<Body> {
    this.#checkOpen()
    return new Consumer<Body>(this.#connection, this.name, options, this.#consumed)
  }

  /**
   * Sends a request to this queue and resolves with the reply of whoever answers it, see `respond`. The request is
   * mandatory, and expires with its timeout.
   * @throws (rejects) UnroutableError when there is no such queue, PublishRefusedError when it is full, TimeoutError,
   * RemoteError when the responder failed, AbortError, ClosedError, BodyEncodingError, BodyInvalidError, InvalidOptionError,
   * UnknownOptionError.
   */
  request(body: Input, options?: RequestOptions): Promise<Reply> {
    try {
      const asked = askedFor('request', options)
      const { requester } = this
      const checking = this.#schemas?.check(this.name, body)
      if (checking === undefined) return new PendingReply<Reply>(requester, body, asked).promise
      const checked = abortable(checking, this.#connection.scheduler.timers, 'request', asked.signal)
      return checked.then(() => new PendingReply<Reply>(requester, body, asked).promise)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Asks for a reply in parts: each loop over it is a request, which begins with the loop. The responder sends no more than
   * `window` parts ahead, and `break` ends it. A plain reply is one part.
   * @throws UnknownOptionError, InvalidOptionError; in the loop, what `request` rejects with, after the parts that came, and
   * ReplyInterruptedError when the responder was lost after some of them.
   */
  requestMany(body: Input, options: RequestManyOptions = {}): AsyncIterable<Reply> {
    checkOptions('requestMany', options, REQUEST_MANY_CHECKS)
    const { window, ...others } = options
    return {
      [Symbol.asyncIterator]: () => {
        const asked = askedFor('requestMany', others)
        const checking = this.#schemas?.check(this.name, body)
        if (checking !== undefined) {
          checking.catch(() => undefined)
          throw new InvalidOptionError(
            'requestMany: the schema of the body answers later, which only request() waits for',
          )
        }
        return new ReplyParts<Reply>(this.requester, body, asked, window)
      },
    }
  }

  /** What `request` and `requestMany` of this handle go by: its counters and events. @throws ClosedError */
  get requester(): Requester {
    this.#checkOpen()
    this.#requester ??= new Requester(this.#connection, this.name)
    return this.#requester
  }

  /**
   * Attaches a consumer that answers requests by what its handler returns: a reply, or an async iterable of parts. A handler
   * that throws answers with its error, and so does a schema that refuses the request. The reply goes out first, then the
   * request is acknowledged; a message that asks for no reply is handled as by `run`.
   * @throws as `createConsumer` and `run` do.
   */
  respond(handler: ResponseHandler<Body, Reply>, options: RespondOptions<Body> = {}): Consumer<Body> {
    checkRespond(handler, options)
    const { concurrency, orderBy, ...others } = options
    const run = { ...(concurrency !== undefined && { concurrency }), ...(orderBy !== undefined && { orderBy }) }
    const responder = new Responder<Body>(this.#connection, handler)
    const consumer = this.createConsumer(others)
    consumer.on('invalid', (error, delivery) => responder.refuse(error, delivery))
    return consumer.answer(responder.handle, run, responder)
  }

  /**
   * Takes one message (`basic.get`); undefined when none is ready. With `wait`, waits for one, behind the queue's
   * consumers. A wait keeps no process alive.
   * @throws (rejects) NotFoundError, ResourceLockedError, TimeoutError, AbortError, ClosedError, ConsumerCancelledError when
   * the queue is deleted meanwhile, BodyInvalidError when the schema refuses the message, which is then rejected,
   * InvalidOptionError, UnknownOptionError.
   */
  get(options: GetOptions & { readonly wait: true }): Promise<Delivery<Body>>
  get(options?: GetOptions): Promise<Delivery<Body> | undefined>
  async get(options: GetOptions = {}): Promise<Delivery<Body> | undefined> {
    const { wait, noAck } = checkGet(options)
    const { scheduler } = this.#connection
    if (scheduler.step()) await scheduler.nextTurn()
    const channel = this.#open()
    const delivery =
      (await channel.get(this.name, noAck)) ??
      (wait ? await waitForOne(this.#connection, channel, this.name, options, this.#waits) : undefined)
    if (delivery !== undefined && !this.#consumed.none) await this.#check(delivery, options.signal)
    return delivery as Delivery<Body> | undefined
  }

  /** Checks what a `get` took; what the schema refuses is rejected. */
  async #check(delivery: Delivery, signal: Signal | undefined): Promise<void> {
    try {
      const checking = this.#consumed.apply(delivery)
      if (checking !== undefined) await abortable(checking, this.#connection.scheduler.timers, 'get', signal)
      // n.b. the handle was closed meanwhile.
      if (delivery.settled === 'lost') this.#checkOpen()
    } catch (error) {
      if (delivery.settled === undefined) {
        if (error instanceof BodyInvalidError) delivery.reject(error)
        else delivery.requeue()
      }
      throw error
    }
  }

  readonly #waits = new Set<{ reject(error: unknown): void }>()

  /**
   * Ready messages and consumers (a passive declare). Renews the lease of `expires`.
   * @throws NotFoundError, ResourceLockedError for an exclusive queue of another bus, ClosedError.
   */
  info(): Awaitable<QueueInfo> {
    return this.#open().checkQueue(this.name)
  }

  /**
   * What became of the queue's messages: numbers that add up at any moment, see `QueueStats`.
   * @throws NotFoundError, ResourceLockedError, ClosedError.
   */
  stats(): Awaitable<QueueStats> {
    return this.#open().queueStats(this.name)
  }

  /**
   * Removes the ready messages and answers how many there were; nothing is dead-lettered.
   * @throws NotFoundError, ResourceLockedError, ClosedError.
   */
  purge(): Awaitable<number> {
    return this.#open().purgeQueue(this.name)
  }

  /**
   * Moves the messages that are ready now to another queue of this bus, oldest first, such as dead letters to where they
   * died. Each is published to the target and, when the target has it, acknowledged here: nothing is lost on the way, and a
   * message whose confirm was outstanding when the bus was closed may be in both. Properties, headers and priority go along,
   * without a `CC` header. A full target with `overflow: 'block'` is waited for. However it ends, what was not moved stays in
   * order; an error has the number of those `moved` before it.
   *
   * @example
   * ```ts
   * import { Broker } from 'leveret'
   *
   * const bus = new Broker().virtualHost('/')
   * const jobs = await bus.declareQueue<number>('jobs', { deadLetter: 'jobs.dead' })
   * const dead = bus.queue<number>('jobs.dead')
   * for (const job of [1, 2, 3]) await dead.send(job)
   * console.log(await dead.moveTo(jobs, { filter: ({ body }) => body !== 2 })) // { moved: 2, kept: 1 }
   * ```
   * @throws (rejects) NotFoundError, also when the queue is deleted meanwhile, UnroutableError when there is no target,
   * PublishRefusedError when it is full, what `filter` throws, AbortError, ClosedError, ResourceLockedError,
   * InvalidOptionError, also for a handle of another broker or virtual host, UnknownOptionError.
   */
  async moveTo(target: Queue<Body> | string, options: MoveOptions<Body> = {}): Promise<MoveResult> {
    this.#open()
    const move = new Move<Body>(this.#connection, this.name, targetOf(target, this.home), options)
    const waiting = { reject: () => void move.close() }
    this.#waits.add(waiting)
    try {
      return await move.run()
    } finally {
      this.#waits.delete(waiting)
    }
  }

  /**
   * Deletes the queue with its messages and bindings, and answers how many were ready; its consumers are cancelled. A
   * missing queue is no error.
   * @throws PreconditionFailedError when it is used or not empty and was not to be, NotImplementedError for such a
   * condition on a quorum queue.
   */
  delete(options: DeleteQueueOptions = {}): Awaitable<number> {
    checkOptions('delete', options, DELETE_CHECKS)
    return this.#open().deleteQueue(this.name, options.ifUnused === true, options.ifEmpty === true)
  }

  /**
   * Binds the queue: by `exchange.key(pattern)`, whose bodies must be among the queue's, or by the exchange's name and a
   * routing key.
   * @throws NotFoundError, AccessRefusedError for the default exchange, PreconditionFailedError for bad arguments.
   */
  bind(key: BindingKey<Body>): Awaitable<void>
  bind(exchange: string, routingKey: string, options?: { readonly arguments?: Arguments }): Awaitable<void>
  bind(key: BindingKey | string, routingKey?: string, options?: { readonly arguments?: Arguments }): Awaitable<void> {
    const given = givenKey('bind', key, routingKey, options)
    return andThen(this.#open().bind(this.#binding('bind', given)), () =>
      this.#consumed.learn(given.exchange, given.schemas),
    )
  }

  /** Removes a binding, given as `bind` was; one that is not there is no error (BIND-04). */
  unbind(key: BindingKey): Awaitable<void>
  unbind(exchange: string, routingKey: string, options?: { readonly arguments?: Arguments }): Awaitable<void>
  unbind(key: BindingKey | string, routingKey?: string, options?: { readonly arguments?: Arguments }): Awaitable<void> {
    return this.#open().unbind(this.#binding('unbind', givenKey('unbind', key, routingKey, options)))
  }

  /**
   * True when the queue is bound like this, given as `bind` is.
   * @throws NotImplementedError where the broker cannot tell, ClosedError.
   */
  isBound(key: BindingKey): Awaitable<boolean>
  isBound(exchange: string, routingKey: string, options?: { readonly arguments?: Arguments }): Awaitable<boolean>
  isBound(
    key: BindingKey | string,
    routingKey?: string,
    options?: { readonly arguments?: Arguments },
  ): Awaitable<boolean> {
    return this.#open().hasBinding(this.#binding('isBound', givenKey('isBound', key, routingKey, options)))
  }

  /** Closes the handle's own producer and gives back what its `get` holds. The queue stays. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#producer?.close()
    await this.#requester?.close()
    await this.#channel?.close()
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #binding(what: string, key: BindingKey): BindingDeclaration {
    return bindingDeclaration(what, key, 'queue', this.name, this.#connection.home)
  }

  #produce(): QueueProducer<Input> {
    if (this.#closed) this.#checkOpen()
    this.#producer ??= this.createProducer()
    return this.#producer
  }

  #open(): Channel {
    if (this.#channel !== undefined && !this.#channel.closed) return this.#channel
    this.#checkOpen()
    this.#channel = this.#connection.openChannel({
      closed: () => {
        for (const waiting of this.#waits) waiting.reject(new ClosedError(`queue '${this.name}'`))
      },
    })
    return this.#channel
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError(`handle of queue '${this.name}'`)
    if (this.#connection.closed) throw new ClosedError(`connection '${this.#connection.name}'`)
  }
}
