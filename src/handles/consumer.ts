/**
 * Consumers: what receives. A consumer attaches to its queue when one of its verbs is called, once: `for await`,
 * `consume`, `run`, or one of the two of its `batches`. It owns its channel, so that its end touches no other.
 */
import type { Connection } from '../channel/channel.js'
import type { Delivery } from '../delivery.js'
import { Emitter } from '../emitter.js'
import {
  AbortError,
  type BodyInvalidError,
  ClosedError,
  type ConsumerCancelledError,
  InvalidOptionError,
} from '../errors.js'
import type { AbortSignalLike, Signal } from '../host.js'
import { checkShortString, describe } from '../names.js'
import { boolean, type Checks, checkOptions, integer, signal, string } from '../options.js'
import { Attachment, type DeliverySink } from './attachment.js'
import { Batches, type BatchOptions, checkBatches } from './batches.js'
import { CallbackSink } from './callback-sink.js'
import { CheckedAttachment } from './checked-attachment.js'
import { DeliveryIterator } from './delivery-iterator.js'
import { type Answerer, checkRun, Runner, type RunOptions } from './runner.js'
import { ConsumedSchemas, Schemas } from './schemas.js'
import { type StandardSchema, schema } from './standard-schema.js'
import { checkNotAborted, isAborted } from './wait.js'

/** How a consumer attaches to its queue. */
export interface ConsumerOptions {
  /**
   * Deliveries that may be out unsettled at once, 0 to 65,535; 0 = unlimited.
   * @default 100; for `run`, its concurrency; for `batches`, at least their size
   */
  readonly prefetch?: number
  /**
   * Deliveries are settled when they are handed over; there is nothing to acknowledge, and no second attempt.
   * @default false
   */
  readonly noAck?: boolean
  /**
   * Refuses every other consumer of the queue (CON-05).
   * @default false
   */
  readonly exclusive?: boolean
  /**
   * An integer; consumers of higher priority get messages first, lower ones while those have no credit (CON-10).
   * @default 0
   */
  readonly priority?: number
  /**
   * Name of the consumer, up to 255 bytes.
   * @default generated: `amq.ctag-…`
   */
  readonly consumerTag?: string
  /**
   * Ends the consumer: a loop throws `AbortError`, as does the verb when the signal is aborted already; `consume` and `run`
   * are closed as by `close()`.
   * @default none
   */
  readonly signal?: Signal
  /**
   * The schema of the bodies: a delivery gets what it makes of its body, and one that it refuses is rejected, to the queue's
   * dead-letter exchange, with the issues in the header `x-schema-issues`.
   * @default that of the queue handle, or of the exchange whose `key` the queue was bound by
   */
  readonly body?: StandardSchema
}

/** How a consumer is closed. */
export interface CloseConsumerOptions {
  /**
   * Milliseconds that handlers and deliveries in hand may still take before what is unsettled goes back.
   * @default 30,000 for `run`; 0 for `for await` and `consume`, where only you know whether work goes on
   */
  readonly timeout?: number
  /** Ends the wait: what is unsettled then goes back at once. @default none */
  readonly signal?: Signal
}

/** What a consumer reports. */
export interface ConsumerEvents<Body> {
  /** The broker ended the consumer. */
  cancelled: [error: ConsumerCancelledError]
  /** A handler threw or rejected; the delivery is retried. Unheard, it is a `fault` of the broker. */
  failed: [error: unknown, delivery: Delivery<Body>]
  /** A schema refused the body; the delivery is rejected. Unheard, it is a `fault` of the broker. */
  invalid: [error: BodyInvalidError, delivery: Delivery<Body>]
}

export const CONSUMER_CHECKS: Checks = {
  signal,
  prefetch: integer(0, 65_535, 'deliveries'),
  noAck: boolean,
  exclusive: boolean,
  priority: integer(-(2 ** 31), 2 ** 31 - 1),
  consumerTag: string,
  body: schema,
}

const CLOSE_CHECKS: Checks = { timeout: integer(0, 2 ** 31 - 1, 'ms'), signal }

/** Deliveries out at once, for the verbs with manual settlement. */
const DEFAULT_PREFETCH = 100
const CLOSE_TIMEOUT_MS = 30_000

// n.b. it is an AttachmentOwner without saying so: `failed` and `cancelled` are internal and not in the declarations.
/**
 * Receives the messages of one queue. Made by `queue.createConsumer()`.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 *
 * const broker = new Broker()
 * const jobs = await broker.virtualHost('/').declareQueue<string>('jobs')
 * const worker = jobs.createConsumer().run(async ({ body }) => console.log('done with', body), { concurrency: 10 })
 * worker.on('failed', (error, delivery) => console.error(delivery.body, error))
 * await jobs.send('report')
 * await broker.close({ drain: true })
 * ```
 */
export class Consumer<Body = unknown> implements AsyncIterable<Delivery<Body>> {
  readonly #connection: Connection
  readonly #queue: string
  readonly #options: ConsumerOptions
  readonly #schemas: ConsumedSchemas | undefined
  #attachment: Attachment<Body> | undefined
  #verb: string | undefined
  #closing: Promise<void> | undefined
  #events: Emitter<ConsumerEvents<Body>> | undefined

  /** Use `queue.createConsumer()`. @hidden */
  constructor(connection: Connection, queue: string, options: ConsumerOptions = {}, schemas?: ConsumedSchemas) {
    checkOptions('createConsumer', options, CONSUMER_CHECKS)
    if (options.consumerTag !== undefined) checkShortString('consumer tag', options.consumerTag)
    this.#connection = connection
    this.#queue = queue
    this.#options = options
    this.#schemas =
      options.body === undefined
        ? schemas
        : new ConsumedSchemas(Schemas.of(`consumer of queue '${queue}'`, options.body))
  }

  /** Name of the consumer; undefined until it is attached, unless it was given. */
  get consumerTag(): string | undefined {
    return this.#attachment?.subscription?.consumerTag ?? this.#options.consumerTag
  }

  /** True once the consumer is closed or was cancelled. */
  get closed(): boolean {
    return this.#closing !== undefined || this.#attachment?.over === true || this.#connection.closed
  }

  /** Calls `listener` at every such event. */
  on<Name extends keyof ConsumerEvents<Body>>(
    name: Name,
    listener: (...payload: ConsumerEvents<Body>[Name]) => void,
  ): this {
    this.#events ??= new Emitter<ConsumerEvents<Body>>(['cancelled', 'failed', 'invalid'], (error, event) => {
      this.#connection.fault(error, `listener of '${event}' of the ${this.#title}`)
    })
    this.#events.on(name, listener)
    return this
  }

  /** Takes a listener back. */
  off<Name extends keyof ConsumerEvents<Body>>(
    name: Name,
    listener: (...payload: ConsumerEvents<Body>[Name]) => void,
  ): this {
    this.#events?.off(name, listener)
    return this
  }

  /**
   * Attaches by `for await`, with manual settlement. `break` cancels the consumer: what was prefetched and not handed
   * over goes back, in order and not flagged; the delivery in hand stays yours to settle.
   * @throws NotFoundError, ResourceLockedError, AccessRefusedError when the queue is in exclusive use, InvalidOptionError
   * when the consumer is attached already, ClosedError; in the loop, ConsumerCancelledError when the broker ends the consumer.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Delivery<Body>> {
    const attachment = this.#claim('for await', false)
    const iterator = new DeliveryIterator<Delivery<Body>>(attachment)
    this.#attach(attachment, iterator, DEFAULT_PREFETCH)
    return iterator
  }

  /**
   * Attaches with a callback that gets every delivery, with manual settlement: the fastest way. A callback that throws,
   * or whose promise rejects, with the delivery unsettled, is a failed delivery: it is retried.
   * @throws as the loop does when it begins.
   */
  consume(callback: (delivery: Delivery<Body>) => unknown): this {
    if (typeof callback !== 'function') {
      throw new InvalidOptionError(`consume: expected a function, got ${describe(callback)}`)
    }
    const attachment = this.#claim('consume', true)
    this.#attach(attachment, new CallbackSink<Body>(attachment, callback), DEFAULT_PREFETCH)
    return this
  }

  /**
   * Attaches with a handler whose outcome settles the delivery: resolve = ack, throw = retry, return `'retry'`, `'requeue'` or
   * `'reject'` = those. On a queue without backoff a failed delivery is held for 100 ms times its attempts, at most 30 s,
   * before it goes back. Close it with `close`, which lets running handlers finish.
   * @throws as the loop does when it begins, UnknownOptionError.
   */
  run(handler: (delivery: Delivery<Body>) => unknown, options: RunOptions<Body> = {}): this {
    checkRun(handler, options)
    return this.answer(handler, options)
  }

  /** @internal The same for a handler whose outcome is answered. */
  answer(
    handler: (delivery: Delivery<Body>) => unknown,
    options: RunOptions<Body>,
    answerer?: Answerer<Delivery<Body>>,
  ): this {
    const attachment = this.#claim('run', true)
    const runner = new Runner<Delivery<Body>>(attachment, handler, options, answerer)
    this.#attach(attachment, runner, runner.concurrency)
    return this
  }

  /**
   * Takes deliveries by the batch: `for await` with manual settlement, or `run` with a handler whose outcome settles every
   * delivery of the batch. The consumer attaches when one of the two is done. A batch is handed over when it is full, or
   * when it has lingered; a prefetch that is not given is at least its size.
   *
   * @example
   * ```ts
   * import { Broker } from 'leveret'
   *
   * const broker = new Broker()
   * const rows = await broker.virtualHost('/').declareQueue<number>('rows')
   * rows.createConsumer().batches({ size: 3, linger: 50 }).run(async (batch) => console.log(batch.bodies)) // 0 1 2, then 3
   * for (let row = 0; row < 4; row++) await rows.send(row)
   * await broker.close({ drain: true })
   * ```
   * @throws UnknownOptionError, InvalidOptionError, also for a consumer with a prefetch below `size`, where no batch is ever
   * full.
   */
  batches(options: BatchOptions = {}): Batches<Body, this> {
    const checked = checkBatches(options)
    const { prefetch = 0, noAck } = this.#options
    if (prefetch > 0 && prefetch < checked.size && noAck !== true) {
      throw new InvalidOptionError(
        `batches: a prefetch of ${prefetch} lets no batch of ${checked.size} deliveries fill; expected at least that, or 0`,
      )
    }
    return new Batches(checked, (verb, defaultPrefetch, makeSink) => {
      const attachment = this.#claim(verb, verb === 'run')
      this.#attach(attachment, makeSink(attachment), defaultPrefetch)
      return this
    })
  }

  /**
   * Stops the deliveries, without waiting and without closing: what was not handed over goes back, what was is still
   * yours to settle. Idempotent.
   */
  async cancel(): Promise<void> {
    this.#verb ??= 'cancel'
    await this.#attachment?.cancel()
  }

  /**
   * Stops the deliveries, lets running handlers and deliveries in hand finish up to `timeout`, gives back the rest
   * flagged redelivered, and closes the channel. Idempotent.
   * @throws (rejects) UnknownOptionError, InvalidOptionError.
   */
  close(options: CloseConsumerOptions = {}): Promise<void> {
    try {
      checkOptions('close', options, CLOSE_CHECKS)
    } catch (error) {
      return Promise.reject(error)
    }
    const timeout = isAborted(options.signal) ? 0 : (options.timeout ?? (this.#verb === 'run' ? CLOSE_TIMEOUT_MS : 0))
    this.#closing ??= this.#attachment?.close(timeout, options.signal) ?? Promise.resolve()
    return this.#closing
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #title(): string {
    return `consumer '${this.consumerTag ?? ''}' of queue '${this.#queue}'`
  }

  /** Takes the consumer for one of its verbs. */
  #claim(verb: string, scoped: boolean): Attachment<Body> {
    if (this.closed) throw new ClosedError(this.#title)
    if (this.#verb !== undefined) {
      throw new InvalidOptionError(
        `${verb}: the ${this.#title} is attached by '${this.#verb}' already; create another consumer`,
      )
    }
    checkNotAborted(verb, this.#options.signal)
    this.#verb = verb
    const schemas = this.#schemas
    if (schemas === undefined || schemas.none) return new Attachment<Body>(this.#connection, this, scoped)
    return new CheckedAttachment<Body>(this.#connection, this, scoped, schemas)
  }

  #attach(attachment: Attachment<Body>, sink: DeliverySink, defaultPrefetch: number): void {
    const {
      prefetch = defaultPrefetch,
      noAck = false,
      exclusive = false,
      priority = 0,
      consumerTag = '',
    } = this.#options
    attachment.sink = sink
    attachment.attach(this.#queue, { consumerTag, prefetch, noAck, exclusive, priority, once: false })
    attachment.endBy(this.#options.signal, () => this.#aborted(attachment))
    this.#attachment = attachment
  }

  /** The signal of the consumer: a loop throws, the other forms close. */
  #aborted(attachment: Attachment<Body>): void {
    const { signal } = this.#options
    const error = new AbortError(this.#title, (signal as AbortSignalLike | undefined)?.reason)
    if (attachment.sink.fail?.(error) === true) attachment.leave()
    else void this.close()
  }

  /** @internal */
  failed(error: unknown, deliveries: readonly Delivery<Body>[]): void {
    let heard: boolean | undefined
    for (const delivery of deliveries) heard = this.#events?.emit('failed', error, delivery)
    // n.b. once, however many there are: it is one error.
    if (heard !== true) this.#connection.fault(error, `handler of the ${this.#title}`)
  }

  /** @internal */
  invalid(error: BodyInvalidError, delivery: Delivery<Body>): void {
    const heard = this.#events?.emit('invalid', error, delivery)
    if (heard !== true) this.#connection.fault(error, this.#title)
  }

  /** @internal */
  cancelled(error: ConsumerCancelledError): void {
    const heard = this.#events?.emit('cancelled', error)
    if (heard !== true) this.#connection.fault(error, this.#title)
  }
}
