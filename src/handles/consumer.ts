/**
 * Consumers: what receives. A consumer attaches to its queue when one of its three verbs is called, once: `for await`,
 * `consume`, `run`. It owns its channel, so that its end touches no other.
 */
import type { Channel, Connection, Subscription } from '../channel/channel.js'
import type { SubscriptionListener } from '../declarations.js'
import type { Delivery } from '../delivery.js'
import { Emitter } from '../emitter.js'
import { ClosedError, type ConsumerCancelledError, InvalidOptionError } from '../errors.js'
import { captureAsyncScope, isThenable } from '../host.js'
import { checkShortString } from '../names.js'
import { boolean, type Checks, checkOptions, integer, string } from '../options.js'
import type { Timer } from '../timers.js'
import { DeliveryIterator } from './delivery-iterator.js'
import { Runner, type RunOptions } from './runner.js'

/** How a consumer attaches to its queue. */
export interface ConsumerOptions {
  /**
   * Deliveries that may be out unsettled at once, 0 to 65,535; 0 = unlimited.
   * @default 100; for `run`, its concurrency
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
}

/** How a consumer is closed. */
export interface CloseConsumerOptions {
  /**
   * Milliseconds that handlers and deliveries in hand may still take before what is unsettled goes back.
   * @default 30,000 for `run`; 0 for `for await` and `consume`, where only you know whether work goes on
   */
  readonly timeout?: number
}

/** What a consumer reports. */
export interface ConsumerEvents<Body> {
  /** The broker ended the consumer. */
  cancelled: [error: ConsumerCancelledError]
  /** A handler threw or rejected; the delivery is retried. Unheard, it is a `fault` of the broker. */
  failed: [error: unknown, delivery: Delivery<Body>]
}

const CONSUMER_CHECKS: Checks = {
  prefetch: integer(0, 65_535, 'deliveries'),
  noAck: boolean,
  exclusive: boolean,
  priority: integer(-(2 ** 31), 2 ** 31 - 1),
  consumerTag: string,
}

const CLOSE_CHECKS: Checks = { timeout: integer(0, 2 ** 31 - 1, 'ms') }

/** Deliveries out at once, for the verbs with manual settlement. */
const DEFAULT_PREFETCH = 100
/** A failed delivery is held this long per attempt, on queues that do not back off by themselves. */
const HOLD_MS = 100
const LONGEST_HOLD_MS = 30_000
const CLOSE_TIMEOUT_MS = 30_000

/** Receives the messages of one queue. Made by `queue.createConsumer()`. */
export class Consumer<Body = unknown> implements AsyncIterable<Delivery<Body>> {
  readonly #connection: Connection
  readonly #queue: string
  readonly #options: ConsumerOptions
  #channel: Channel | undefined
  #subscription: Subscription | undefined
  #verb: string | undefined
  #closing: Promise<void> | undefined
  #cancelled: ConsumerCancelledError | undefined
  #iterator: DeliveryIterator<Body> | undefined
  #runner: Runner<Body> | undefined
  #handle: ((delivery: Delivery<Body>) => unknown) | undefined
  #events: Emitter<ConsumerEvents<Body>> | undefined
  /** Failed deliveries that are held before they are given back. */
  #held: Map<Delivery<Body>, Timer> | undefined

  /** Use `queue.createConsumer()`. */
  constructor(connection: Connection, queue: string, options: ConsumerOptions = {}) {
    checkOptions('createConsumer', options, CONSUMER_CHECKS)
    if (options.consumerTag !== undefined) checkShortString('consumer tag', options.consumerTag)
    this.#connection = connection
    this.#queue = queue
    this.#options = options
  }

  /** Name of the consumer; undefined until it is attached, unless it was given. */
  get consumerTag(): string | undefined {
    return this.#subscription?.consumerTag ?? this.#options.consumerTag
  }

  /** True once the consumer is closed or was cancelled. */
  get closed(): boolean {
    return this.#closing !== undefined || this.#cancelled !== undefined || this.#connection.closed
  }

  /** Calls `listener` at every such event. */
  on<Name extends keyof ConsumerEvents<Body>>(
    name: Name,
    listener: (...payload: ConsumerEvents<Body>[Name]) => void,
  ): this {
    this.#events ??= new Emitter<ConsumerEvents<Body>>((error, event) => {
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
   * @throws ConsumerCancelledError, in the loop, when the broker ends the consumer.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Delivery<Body>> {
    this.#claim('for await')
    const iterator = new DeliveryIterator<Body>(
      () => this.#subscription?.take() as Delivery<Body> | undefined,
      () => this.#leave(),
    )
    this.#iterator = iterator
    this.#attach(this.#options.prefetch ?? DEFAULT_PREFETCH, () => iterator.ready())
    return iterator
  }

  /**
   * Attaches with a callback that gets every delivery, with manual settlement: the fastest way. A callback that throws,
   * or whose promise rejects, with the delivery unsettled, is a failed delivery: it is retried.
   */
  consume(callback: (delivery: Delivery<Body>) => unknown): this {
    if (typeof callback !== 'function')
      throw new InvalidOptionError(`consume: expected a function, got ${typeof callback}`)
    this.#claim('consume')
    this.#handle = callback
    this.#attach(
      this.#options.prefetch ?? DEFAULT_PREFETCH,
      this.#inScope(() => this.#handOver()),
    )
    return this
  }

  /**
   * Attaches with a handler whose outcome settles the delivery: resolve = ack, throw = retry, return `'requeue'` or
   * `'reject'` = those. Close it with `close`, which lets running handlers finish.
   */
  run(handler: (delivery: Delivery<Body>) => unknown, options: RunOptions<Body> = {}): this {
    const runner = new Runner<Body>(handler, options, {
      take: () => this.#subscription?.take() as Delivery<Body> | undefined,
      failed: (delivery, error) => this.#failed(delivery, error),
    })
    this.#claim('run')
    this.#runner = runner
    this.#attach(
      this.#options.prefetch ?? runner.concurrency,
      this.#inScope(() => runner.ready()),
    )
    return this
  }

  /**
   * Stops the deliveries, without waiting and without closing: what was not handed over goes back, what was is still
   * yours to settle. Idempotent.
   */
  async cancel(): Promise<void> {
    this.#verb ??= 'cancel'
    await this.#subscription?.cancel()
    this.#iterator?.end()
  }

  /**
   * Stops the deliveries, lets running handlers and deliveries in hand finish up to `timeout`, gives back the rest
   * flagged redelivered, and closes the channel. Idempotent.
   */
  close(options: CloseConsumerOptions = {}): Promise<void> {
    try {
      checkOptions('close', options, CLOSE_CHECKS)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#closing ??= this.#close(options.timeout ?? (this.#runner === undefined ? 0 : CLOSE_TIMEOUT_MS))
    return this.#closing
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #title(): string {
    return `consumer '${this.consumerTag ?? ''}' of queue '${this.#queue}'`
  }

  #claim(verb: string): void {
    if (this.closed) throw new ClosedError(this.#title)
    if (this.#verb !== undefined) {
      throw new InvalidOptionError(
        `${verb}: the ${this.#title} is attached by '${this.#verb}' already; create another consumer`,
      )
    }
    this.#verb = verb
  }

  #attach(prefetch: number, ready: () => void): void {
    const { noAck = false, exclusive = false, priority = 0, consumerTag = '' } = this.#options
    const listener: SubscriptionListener = { ready, cancelled: (error) => this.#ended(error) }
    this.#channel = this.#connection.openChannel({ closed: () => this.#channelClosed() })
    const options = { consumerTag, prefetch, noAck, exclusive, priority, once: false }
    const attached = this.#channel.consume(this.#queue, options, listener)
    if (!(attached instanceof Promise)) {
      this.#subscription = attached
      return
    }
    attached.then(
      (subscription) => {
        this.#subscription = subscription
        ready()
      },
      (error) => this.#ended(error as ConsumerCancelledError),
    )
  }

  /** Handlers run in the async context in which they were registered, never in a publisher's. */
  #inScope(ready: () => void): () => void {
    const scope = captureAsyncScope('leveret.Consumer')
    return scope === undefined ? ready : () => scope.runInAsyncScope(ready, undefined)
  }

  #handOver(): void {
    const subscription = this.#subscription
    const handle = this.#handle
    if (subscription === undefined || handle === undefined) return
    for (let next = subscription.take(); next !== undefined; next = subscription.take()) {
      const delivery = next as Delivery<Body>
      try {
        const result = handle(delivery)
        if (isThenable(result)) this.#watch(result, delivery)
      } catch (error) {
        this.#failed(delivery, error)
      }
    }
  }

  #watch(result: PromiseLike<unknown>, delivery: Delivery<Body>): void {
    result.then(undefined, (error) => this.#failed(delivery, error))
  }

  /** A delivery failed: it is retried, at once on a queue that backs off by itself, else after a while. */
  #failed(delivery: Delivery<Body>, error: unknown): void {
    if (this.#events !== undefined && this.#events.listenerCount('failed') > 0)
      this.#events.emit('failed', error, delivery)
    else this.#connection.fault(error, `handler of the ${this.#title}`)
    if (delivery.settled !== undefined) return
    if (this.#subscription?.backsOff === true || this.closed) {
      delivery.retry(error)
      return
    }
    const { timers } = this.#connection.scheduler
    const hold = Math.min(HOLD_MS * delivery.attempts, LONGEST_HOLD_MS)
    const timer = timers.after(hold, () => {
      this.#letGo(delivery)
      if (delivery.settled === undefined) delivery.retry(error)
    })
    this.#held ??= new Map()
    this.#held.set(delivery, timer)
    // n.b. a held delivery is work that keeps the process alive.
    timers.keepAlive()
  }

  #letGo(delivery: Delivery<Body>): void {
    const timer = this.#held?.get(delivery)
    if (timer === undefined) return
    this.#held?.delete(delivery)
    const { timers } = this.#connection.scheduler
    timers.cancel(timer)
    timers.letGo()
  }

  #releaseHeld(): void {
    for (const delivery of [...(this.#held?.keys() ?? [])]) {
      this.#letGo(delivery)
      if (delivery.settled === undefined) delivery.retry()
    }
  }

  /** The iterator was left: cancel now, close the channel when the delivery in hand is settled. */
  #leave(): void {
    const subscription = this.#subscription
    this.#closing ??= Promise.resolve()
    void subscription?.cancel()
    subscription?.whenSettled(() => void this.#channel?.close())
  }

  async #close(timeout: number): Promise<void> {
    const subscription = this.#subscription
    await subscription?.cancel()
    this.#iterator?.end()
    this.#releaseHeld()
    if (subscription !== undefined && timeout > 0) await this.#settled(subscription, timeout)
    await this.#channel?.close()
  }

  /** Resolves when everything in hand is settled, or at the deadline. */
  #settled(subscription: Subscription, timeout: number): Promise<void> {
    const { timers } = this.#connection.scheduler
    return new Promise((resolve) => {
      timers.keepAlive()
      const timer = timers.after(timeout, () => {
        timers.letGo()
        resolve()
      })
      subscription.whenSettled(() => {
        if (timer.callback === undefined) return
        timers.cancel(timer)
        timers.letGo()
        resolve()
      })
    })
  }

  #ended(error: ConsumerCancelledError): void {
    this.#cancelled = error
    this.#releaseHeld()
    if (this.#iterator !== undefined) this.#iterator.fail(error)
    else if (this.#events !== undefined && this.#events.listenerCount('cancelled') > 0) {
      this.#events.emit('cancelled', error)
    } else {
      this.#connection.fault(error, this.#title)
    }
    this.#subscription?.whenSettled(() => void this.#channel?.close())
  }

  #channelClosed(): void {
    this.#closing ??= Promise.resolve()
    for (const delivery of [...(this.#held?.keys() ?? [])]) this.#letGo(delivery)
    this.#iterator?.end()
  }
}
