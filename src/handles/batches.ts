/**
 * Deliveries by the batch. While a batch forms its deliveries stay with the broker, as those of a loop do, so that what
 * was not handed over can go back as if unseen; they are taken together when it is full or has lingered long enough.
 */
import type { Delivery } from '../delivery.js'
import type { LeveretError } from '../errors.js'
import { type Checks, checkOptions, integer } from '../options.js'
import type { Timer } from '../timers.js'
import type { HandleTracker } from '../tracker.js'
import type { Attachment, DeliverySink } from './attachment.js'
import { Batch, isOpen } from './batch.js'
import { DeliveryIterator } from './delivery-iterator.js'
import type { DeliverySource } from './delivery-source.js'
import { checkRun, RUN_BATCHES_CHECKS, Runner } from './runner.js'

/** When a batch is handed over. */
export interface BatchOptions {
  /**
   * Deliveries of a full batch, 1 to 65,535.
   * @default 100
   */
  readonly size?: number
  /**
   * Milliseconds, 0 to 2,147,483,647, that a batch which is not full waits for more after its first delivery came.
   * @default 0: a batch is what is there
   */
  readonly linger?: number
}

/** How a handler of batches is run. */
export interface RunBatchesOptions {
  /**
   * Handlers that may run at once, 1 to 65,535.
   * @default 1
   */
  readonly concurrency?: number
}

const BATCH_CHECKS: Checks = { size: integer(1, 65_535, 'deliveries'), linger: integer(0, 2 ** 31 - 1, 'ms') }

const MOST = 65_535

/**
 * Checks when batches are handed over.
 * @throws InvalidOptionError, UnknownOptionError.
 */
export function checkBatches(options: BatchOptions): Required<BatchOptions> {
  checkOptions('batches', options, BATCH_CHECKS)
  const { size = 100, linger = 0 } = options
  return { size, linger }
}

/** Attaches a consumer by a verb: with the sink that is made for it, and so many deliveries out at once by default. */
export type Attach<Body, Owner> = (
  verb: 'batches' | 'run',
  prefetch: number,
  makeSink: (attachment: Attachment<Body>) => DeliverySink,
) => Owner

/**
 * The batches of one consumer: loop over them, or run a handler. Made by `consumer.batches()`; the consumer attaches when
 * one of the two is done.
 */
export class Batches<Body, Owner> implements AsyncIterable<Batch<Body>> {
  readonly #options: Required<BatchOptions>
  readonly #attach: Attach<Body, Owner>

  /** Use `consumer.batches()`. @hidden */
  constructor(options: Required<BatchOptions>, attach: Attach<Body, Owner>) {
    this.#options = options
    this.#attach = attach
  }

  /**
   * Attaches by `for await`, with manual settlement. The end is that of a loop over deliveries: what no batch brought goes
   * back in order and not flagged, the batch in hand stays yours to settle.
   * @throws as the loop over deliveries does.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch<Body>> {
    let iterator!: DeliveryIterator<Batch<Body>>
    this.#attach('batches', Math.max(100, this.#options.size), (attachment) => {
      const forming = new FormingBatch<Body>(attachment, this.#options)
      forming.sink = iterator = new DeliveryIterator(forming)
      return forming
    })
    return iterator
  }

  /**
   * Attaches with a handler whose outcome settles every delivery of its batch that is not settled yet, as `run` does for
   * one: resolve = ack, throw = retry of each, by its own backoff, return `'retry'`, `'requeue'` or `'reject'` = those. A
   * handler that throws is one `failed` event for each of them.
   * @throws as the loop does when it begins, UnknownOptionError.
   */
  run(handler: (batch: Batch<Body>) => unknown, options: RunBatchesOptions = {}): Owner {
    checkRun(handler, options, RUN_BATCHES_CHECKS)
    const { concurrency = 1 } = options
    const prefetch = Math.min(MOST, Math.max(100, this.#options.size * concurrency))
    return this.#attach('run', prefetch, (attachment) => {
      const forming = new FormingBatch<Body>(attachment, this.#options)
      forming.sink = new Runner<Batch<Body>>(forming, handler, { concurrency })
      return forming
    })
  }
}

/** What a loop or a runner takes batches from: stands between them and the consumer's deliveries. */
class FormingBatch<Body> implements DeliverySink, DeliverySource<Batch<Body>> {
  sink!: DeliverySink
  readonly #attachment: Attachment<Body>
  readonly #size: number
  readonly #linger: number
  /** When the first delivery that no batch brought yet was seen, on the broker's clock. */
  #since: number | undefined
  #timer: Timer | undefined
  /** The batch is complete; only the event loop, or a schema that answers later, is waited for. */
  #complete = false
  #taken: Delivery<Body>[] = []

  constructor(attachment: Attachment<Body>, options: Required<BatchOptions>) {
    this.#attachment = attachment
    this.#size = options.size
    this.#linger = options.linger
  }

  get tracker(): HandleTracker | undefined {
    return this.#attachment.tracker
  }

  take(): Batch<Body> | undefined {
    const { subscription } = this.#attachment
    if (subscription !== undefined) this.tracker?.idle(subscription)
    this.#complete ||= this.#isComplete()
    if (!this.#complete) return undefined
    this.#stopLingering()
    const taken = this.#taken
    while (taken.length < this.#size) {
      const delivery = this.#attachment.take(taken.length > 0)
      if (delivery === undefined) break
      taken.push(delivery)
    }
    const { checking } = this.#attachment
    this.#complete = checking && taken.length < this.#size
    if (this.#complete || taken.length === 0) return undefined
    this.#taken = []
    this.#since = undefined
    this.#noteFirst()
    return new Batch(taken)
  }

  /** True when what waits makes a batch; else it is looked at again when there is more, or when it lingered enough. */
  #isComplete(): boolean {
    const { subscription, timers } = this.#attachment
    if (this.#linger === 0 || subscription === undefined) return true
    if (subscription.holds(this.#size)) return true
    this.#noteFirst()
    if (this.#since === undefined) return false
    const due = this.#since + this.#linger
    if (timers.now() >= due) return true
    if (this.#timer === undefined) {
      this.#timer = timers.at(due, () => {
        this.#stopLingering()
        this.#attachment.ready()
      })
      // n.b. a batch that lingers is work that keeps the process alive.
      timers.keepAlive()
    }
    return false
  }

  /** Deliveries linger from when they came, whether or not anybody waits for a batch then. */
  #noteFirst(): void {
    if (this.#linger === 0) return
    if (this.#attachment.subscription?.holds(1) !== true) this.#since = undefined
    else this.#since ??= this.#attachment.timers.now()
  }

  #stopLingering(): void {
    if (this.#timer === undefined) return
    const { timers } = this.#attachment
    timers.cancel(this.#timer)
    timers.letGo()
    this.#timer = undefined
  }

  failed(batch: Batch<Body>, error: unknown): void {
    const open = batch.deliveries.filter(isOpen)
    this.#attachment.failedTogether(open.length > 0 ? open : batch.deliveries, error)
  }

  retry(batch: Batch<Body>): void {
    for (const delivery of batch) this.#attachment.retry(delivery)
  }

  leave(): void {
    this.#stopLingering()
    this.#attachment.leave()
    this.#giveBack()
  }

  get scoped(): boolean {
    return this.sink.scoped
  }

  ready(): void {
    this.#noteFirst()
    this.sink.ready()
  }

  end(): void {
    this.#stopLingering()
    this.#giveBack()
    this.sink.end?.()
  }

  fail(error: LeveretError): boolean {
    this.#stopLingering()
    this.#giveBack()
    return this.sink.fail?.(error) === true
  }

  whenIdle(callback: () => void): void {
    if (this.sink.whenIdle === undefined) callback()
    else this.sink.whenIdle(callback)
  }

  /** What was taken for a batch that nobody gets: only where a schema answers later. */
  #giveBack(): void {
    for (const delivery of this.#taken.splice(0)) if (isOpen(delivery)) delivery.requeue()
  }
}
