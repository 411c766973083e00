/** Producers: what publishes. Each owns its channel, opened when it is first used. */
import type { BodyMode } from '../body.js'
import type { Channel, Connection } from '../channel/channel.js'
import type { Outcome } from '../declarations.js'
import { Emitter } from '../emitter.js'
import { ClosedError, InvalidOptionError, type LeveretError, PublishRefusedError, UnroutableError } from '../errors.js'
import type { Signal } from '../host.js'
import type { Message } from '../message.js'
import { checkShortString } from '../names.js'
import { type Checks, checkOptions, signal } from '../options.js'
import type { Scheduler } from '../scheduler.js'
import { checkPublishOptions, makeMessage, type PublishOptions, type SendOptions } from './publish-options.js'
import type { Schemas } from './schemas.js'
import { abortable, checkNotAborted, Wait } from './wait.js'
import { type WritableBodies, type WritableOptions, writableOf } from './writable.js'

/** What a producer reports of messages that were published, not sent: nobody waits for those. */
export interface ProducerEvents {
  /** A mandatory message reached no queue. */
  returned: [message: Message]
  /** A full queue refused the message. */
  refused: [message: Message]
}

/** How `drained` waits. */
export interface DrainedOptions {
  /** Ends the wait with an `AbortError`. */
  readonly signal?: Signal
}

const DRAINED_CHECKS: Checks = { signal }

const done: Promise<void> = Promise.resolve()

/** What all producers share. */
export abstract class Producer {
  /** @internal */
  protected readonly connection: Connection
  readonly #what: string
  readonly #bodies: BodyMode
  readonly #scheduler: Scheduler
  #channel: Channel | undefined
  #closed = false
  #events: Emitter<ProducerEvents> | undefined
  #waiting: Map<number, Wait<void>> | undefined
  /** @internal The schemas of what is published; undefined when nothing is checked. */
  protected readonly schemas: Schemas | undefined
  /** The message that was just published, as it came back. */
  #wasReturned: Message | undefined
  #published = 0
  #returned = 0
  #refused = 0

  /** Made by `createProducer` of a queue or exchange. `what` names it in errors. @hidden */
  constructor(connection: Connection, what: string, schemas?: Schemas) {
    this.connection = connection
    this.#what = what
    this.schemas = schemas
    this.#bodies = connection.bodies
    this.#scheduler = connection.scheduler
    if (connection.tracker !== undefined) this.sendTo = connection.tracker.sending(this.sendTo.bind(this))
  }

  /** Messages that were sent or published by this producer. */
  get published(): number {
    return this.#published
  }

  /** Mandatory messages that reached no queue. */
  get returned(): number {
    return this.#returned
  }

  /** Messages that a full queue refused. */
  get refused(): number {
    return this.#refused
  }

  /** True once `close` was called, or the bus or broker is closed. */
  get closed(): boolean {
    return this.#closed || this.connection.closed
  }

  /** Calls `listener` at every such event. A listener that throws is reported as a `fault` of the broker. */
  on<Name extends keyof ProducerEvents>(name: Name, listener: (...payload: ProducerEvents[Name]) => void): this {
    this.#events ??= new Emitter<ProducerEvents>(['returned', 'refused'], (error, event) => {
      this.connection.fault(error, `listener of '${event}' of the ${this.#what}`)
    })
    this.#events.on(name, listener)
    return this
  }

  /** Takes a listener back. */
  off<Name extends keyof ProducerEvents>(name: Name, listener: (...payload: ProducerEvents[Name]) => void): this {
    this.#events?.off(name, listener)
    return this
  }

  /**
   * Resolves when it is time to publish again after `publish` returned false: the queues with `overflow: 'block'` that
   * this producer filled have room again, and the event loop had a turn.
   * @throws (rejects) AbortError, UnknownOptionError, InvalidOptionError.
   */
  drained(options?: DrainedOptions): Promise<void> {
    if (options === undefined) return this.#channel === undefined ? done : this.#channel.drained()
    try {
      checkOptions('drained', options, DRAINED_CHECKS)
      checkNotAborted('drained', options.signal)
    } catch (error) {
      return Promise.reject(error)
    }
    return abortable(this.drained(), this.#scheduler.timers, 'drained', options.signal)
  }

  /** Closes the producer's channel. Sends that wait for a confirm reject with `ClosedError`. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#channel?.close()
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal Publishes and waits for the confirm. */
  protected sendTo(
    exchange: string,
    routingKey: string,
    body: unknown,
    options: SendOptions | undefined,
  ): Promise<void> {
    let outcome: Outcome
    try {
      if (options !== undefined) {
        checkPublishOptions('send', options, true)
        checkNotAborted('send', options.signal)
      }
      if (this.schemas !== undefined) {
        const checking = this.schemas.check(routingKey, body)
        if (checking !== undefined) return this.#sendChecked(checking, exchange, routingKey, body, options)
      }
      outcome = this.#publish(makeMessage(exchange, routingKey, body, options, this.#bodies), options)
    } catch (error) {
      return Promise.reject(error)
    }
    if (outcome === 'accepted' && this.#wasReturned === undefined) {
      return this.#scheduler.step() ? this.#scheduler.nextTurn() : done
    }
    return this.#answerLater(outcome, exchange, routingKey, options)
  }

  /** Publishes what its schema, which answers later, finds nothing wrong with. */
  async #sendChecked(
    checking: Promise<void>,
    exchange: string,
    routingKey: string,
    body: unknown,
    options: SendOptions | undefined,
  ): Promise<void> {
    await abortable(checking, this.#scheduler.timers, 'send', options?.signal)
    const outcome = this.#publish(makeMessage(exchange, routingKey, body, options, this.#bodies), options)
    if (outcome !== 'accepted' || this.#wasReturned !== undefined) {
      await this.#answerLater(outcome, exchange, routingKey, options)
    } else if (this.#scheduler.step()) {
      await this.#scheduler.nextTurn()
    }
  }

  /** @internal Publishes, and reports what becomes of the message by events. */
  protected publishTo(
    exchange: string,
    routingKey: string,
    body: unknown,
    options: PublishOptions | undefined,
  ): boolean {
    if (options !== undefined) checkPublishOptions('publish', options, false)
    if (this.schemas !== undefined) checkNow(this.schemas.check(routingKey, body))
    const message = makeMessage(exchange, routingKey, body, options, this.#bodies)
    const outcome = this.#publish(message, options)
    if (outcome !== 'accepted' || this.#wasReturned !== undefined) this.#report(outcome, message)
    const full = this.#scheduler.step()
    return !full && !(this.#channel as Channel).full
  }

  /** Says what became of a message that nobody waits for. */
  #report(outcome: Outcome, message: Message): void {
    if (this.#wasReturned !== undefined) {
      this.#returned++
      this.#events?.emit('returned', this.#wasReturned)
    } else if (outcome === 'refused') {
      this.#refused++
      this.#events?.emit('refused', message)
    }
  }

  #publish(message: Message, options: PublishOptions | undefined): Outcome {
    const channel = this.#channel ?? this.#open()
    this.#wasReturned = undefined
    const outcome = channel.publish(message, options?.mandatory === true, options?.delay ?? 0, options?.transfer)
    this.#published++
    return outcome
  }

  #open(): Channel {
    if (this.closed) throw new ClosedError(this.#what)
    this.#channel = this.connection.openChannel({
      returned: (message, sequenceNumber) => {
        if (sequenceNumber === undefined) this.#wasReturned = message
        else this.#returnedLater(message, sequenceNumber)
      },
      confirmed: (...how) => this.#confirmed(...how),
      closed: (error) => this.#lost(error),
    })
    return this.#channel
  }

  #answerLater(
    outcome: Outcome,
    exchange: string,
    routingKey: string,
    options: SendOptions | undefined,
  ): Promise<void> {
    if (this.#wasReturned !== undefined) {
      this.#returned++
      return Promise.reject(new UnroutableError(exchange, routingKey))
    }
    if (outcome === 'refused') {
      this.#refused++
      return Promise.reject(new PublishRefusedError(exchange, routingKey))
    }
    const sequenceNumber = (this.#channel as Channel).publishes
    const wait = new Wait<void>(this.connection.scheduler.timers, {
      what: 'send',
      signal: options?.signal,
      accepted: true,
      ended: () => this.#waiting?.delete(sequenceNumber),
    })
    this.#waiting ??= new Map()
    this.#waiting.set(sequenceNumber, wait)
    return wait.promise
  }

  #confirmed(sequenceNumber: number, accepted: boolean, message?: Message, error?: LeveretError): void {
    const wait = this.#waiting?.get(sequenceNumber)
    this.#waiting?.delete(sequenceNumber)
    if (accepted) {
      wait?.resolve()
      return
    }
    if (error === undefined) this.#refused++
    const { exchange = '', routingKey = '' } = message ?? {}
    if (wait !== undefined) wait.reject(error ?? new PublishRefusedError(exchange, routingKey))
    else if (error !== undefined) this.connection.fault(error, `publish of the ${this.#what}`)
    else if (message !== undefined) this.#events?.emit('refused', message)
  }

  #returnedLater(message: Message, sequenceNumber: number): void {
    this.#returned++
    const wait = this.#waiting?.get(sequenceNumber)
    this.#waiting?.delete(sequenceNumber)
    if (wait === undefined) this.#events?.emit('returned', message)
    else wait.reject(new UnroutableError(message.exchange, message.routingKey))
  }

  #lost(error: LeveretError): void {
    this.#closed = true
    const why = error.scope === 'connection' ? error : new ClosedError(this.#what)
    for (const wait of this.#waiting?.values() ?? []) wait.reject(why)
    this.#waiting = undefined
  }
}

/** Nobody waits for the schema of a `publish`. */
function checkNow(checking: Promise<void> | undefined): void {
  if (checking === undefined) return
  checking.catch(() => undefined)
  throw new InvalidOptionError('publish: the schema of the body answers later: use send(), which waits for it')
}

/** Publishes to one queue, by the default exchange. Made by `queue.createProducer()`. */
export class QueueProducer<Body = unknown> extends Producer {
  readonly #queue: string

  /** Use `queue.createProducer()`. @hidden */
  constructor(connection: Connection, queue: string, schemas?: Schemas) {
    super(connection, `producer of queue '${queue}'`, schemas)
    this.#queue = queue
  }

  /**
   * Publishes a message and resolves when the broker has taken responsibility for it. While a queue with
   * `overflow: 'block'` is full, that is when it has room again.
   * @throws (rejects) PublishRefusedError, UnroutableError, AbortError, ClosedError, BodyEncodingError, BodyInvalidError,
   * PreconditionFailedError, InvalidOptionError, UnknownOptionError.
   */
  send(body: Body, options?: SendOptions): Promise<void> {
    return this.sendTo('', this.#queue, body, options)
  }

  /**
   * Publishes a message and waits for nothing. Returns false when it is time to await `drained()`.
   * @throws ClosedError, BodyEncodingError, BodyInvalidError, PreconditionFailedError, InvalidOptionError (also for a schema
   * that answers later: use `send`), UnknownOptionError.
   */
  publish(body: Body, options?: PublishOptions): boolean {
    return this.publishTo('', this.#queue, body, options)
  }

  /**
   * A `WritableStream` whose chunks are bodies: each is written when `send` resolves, so that a pipe stops while the queue is
   * full and makes publishers wait. Aborted, it ends that wait; a `send` that fails ends it with the error. It sends by a
   * producer of its own, which is closed with it.
   *
   * @example
   * ```ts
   * import { Broker } from 'leveret'
   *
   * const jobs = await new Broker().virtualHost('/').declareQueue<number>('jobs')
   * await ReadableStream.from([1, 2, 3]).pipeTo(jobs.producer.writable())
   * console.log((await jobs.info()).messageCount) // 3
   * ```
   * @throws UnknownOptionError, InvalidOptionError, also where the platform has no streams.
   */
  writable(options?: WritableOptions): WritableBodies<Body> {
    const own = new QueueProducer<Body>(this.connection, this.#queue, this.schemas)
    return writableOf<Body>(
      (body, all) => own.send(body, all),
      () => own.close(),
      options,
    )
  }
}

/** Publishes to one exchange. Made by `exchange.createProducer()`. */
export class ExchangeProducer<Messages extends object> extends Producer {
  readonly #exchange: string

  /** Use `exchange.createProducer()`. @hidden */
  constructor(connection: Connection, exchange: string, schemas?: Schemas) {
    super(connection, `producer of exchange '${exchange}'`, schemas)
    this.#exchange = exchange
  }

  /**
   * Publishes a message with a routing key and resolves when the broker has taken responsibility for it.
   * @throws (rejects) NotFoundError when the exchange does not exist, and all that `QueueProducer.send` does.
   */
  send<Key extends keyof Messages & string>(
    routingKey: Key,
    body: Messages[Key],
    options?: SendOptions,
  ): Promise<void> {
    return this.sendTo(this.#exchange, routingKey, body, options)
  }

  /**
   * Publishes a message with a routing key and waits for nothing. Returns false when it is time to await `drained()`.
   * @throws NotFoundError when the exchange does not exist, and all that `QueueProducer.publish` does.
   */
  publish<Key extends keyof Messages & string>(
    routingKey: Key,
    body: Messages[Key],
    options?: PublishOptions,
  ): boolean {
    return this.publishTo(this.#exchange, routingKey, body, options)
  }

  /**
   * A `WritableStream` whose chunks are the bodies of one routing key, see `QueueProducer.writable`.
   * @throws UnknownOptionError, InvalidOptionError, also where the platform has no streams.
   */
  writable<Key extends keyof Messages & string>(
    routingKey: Key,
    options?: WritableOptions,
  ): WritableBodies<Messages[Key]> {
    checkShortString('routing key', routingKey)
    const own = new ExchangeProducer<Messages>(this.connection, this.#exchange, this.schemas)
    return writableOf<Messages[Key]>(
      (body, all) => own.send(routingKey, body, all),
      () => own.close(),
      options,
    )
  }
}
