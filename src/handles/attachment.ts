/**
 * A consumer while it is attached to its queue: its channel and subscription, the failed deliveries it holds for a while,
 * and its end. What is done with a delivery is the sink's: a loop, a callback or a runner.
 */
import type { Channel, ChannelListener, Connection, Subscription } from '../channel/channel.js'
import type { ConsumeOptions, SubscriptionListener } from '../declarations.js'
import type { Delivery } from '../delivery.js'
import type { BodyInvalidError, ConsumerCancelledError, LeveretError } from '../errors.js'
import { type AsyncScope, captureAsyncScope, onAbort, type Signal } from '../host.js'
import type { Timer, Timers } from '../timers.js'
import type { HandleTracker } from '../tracker.js'
import { Wait } from './wait.js'

/** A failed delivery is held this long per attempt, on queues that do not back off by themselves. */
const HOLD_MS = 100
const LONGEST_HOLD_MS = 30_000

/** Takes the deliveries of a consumer. */
export interface DeliverySink {
  /** Handlers run in the async context in which they were registered; a loop has its own. */
  readonly scoped: boolean
  /** There is something to `take`. */
  ready(): void
  /** The consumer ended by its owner's wish. */
  end?(): void
  /** Calls back once when no handler runs, which may be later than the settlement of its delivery. */
  whenIdle?(callback: () => void): void
  /** The broker ended the consumer; true when the sink tells its user. */
  fail?(error: LeveretError): boolean
}

/** Who reports to the user. */
export interface AttachmentOwner<Body> {
  /** A handler failed, with these deliveries in hand. */
  failed(error: unknown, deliveries: readonly Delivery<Body>[]): void
  /** A schema refused the body; the delivery is rejected. */
  invalid(error: BodyInvalidError, delivery: Delivery<Body>): void
  /** The broker ended the consumer, and no sink told the user. */
  cancelled(error: ConsumerCancelledError): void
}

export class Attachment<Body> implements SubscriptionListener, ChannelListener {
  readonly #connection: Connection
  readonly #owner: AttachmentOwner<Body>
  readonly #channel: Channel
  readonly #scope: AsyncScope | undefined
  sink!: DeliverySink
  subscription: Subscription | undefined
  /** A remote engine attaches it; whoever ends it must wait for that. */
  #attaching: Promise<void> | undefined
  /** True once the channel is gone or the broker ended the consumer. */
  over = false
  /** True once its owner stopped the deliveries. */
  stopped = false
  #held: Map<Delivery<Body>, Timer> | undefined
  #stopListening: (() => void) | undefined

  constructor(connection: Connection, owner: AttachmentOwner<Body>, scoped: boolean) {
    this.#connection = connection
    this.#owner = owner
    this.#channel = connection.openChannel(this)
    this.#scope = scoped ? captureAsyncScope('leveret.Consumer') : undefined
  }

  /** Starts the deliveries. What goes wrong later than now comes as a cancellation. */
  attach(queue: string, options: ConsumeOptions): void {
    const attached = this.#channel.consume(queue, options, this)
    if (attached instanceof Promise) this.#attaching = this.#attachLater(attached)
    else this.subscription = attached
  }

  async #attachLater(attached: Promise<Subscription>): Promise<void> {
    try {
      this.subscription = await attached
      this.ready()
    } catch (error) {
      if (!this.over) this.cancelled(error as ConsumerCancelledError)
    }
  }

  /** Calls `aborted` when the signal is, unless the consumer is over by then. */
  endBy(signal: Signal | undefined, aborted: () => void): void {
    if (signal !== undefined) this.#stopListening = onAbort(signal, aborted)
  }

  /** The next delivery; undefined when there is none now. */
  take(goesOn?: boolean): Delivery<Body> | undefined {
    return this.subscription?.take(goesOn) as Delivery<Body> | undefined
  }

  /** True while the next delivery waits for something else than the broker. */
  get checking(): boolean {
    return false
  }

  get timers(): Timers {
    return this.#connection.scheduler.timers
  }

  get tracker(): HandleTracker | undefined {
    return this.#connection.tracker
  }

  ready(): void {
    if (this.#scope === undefined) this.sink.ready()
    else this.#scope.runInAsyncScope(this.sink.ready, this.sink)
  }

  failed(delivery: Delivery<Body>, error: unknown): void {
    this.failedTogether([delivery], error)
  }

  failedTogether(deliveries: readonly Delivery<Body>[], error: unknown): void {
    this.#owner.failed(error, deliveries)
    for (const delivery of deliveries) this.retry(delivery, error)
  }

  /** Retries a delivery: at once on a queue that backs off by itself, else after a while. */
  retry(delivery: Delivery<Body>, error?: unknown): void {
    if (delivery.settled !== undefined) return
    if (this.subscription?.backsOff === true || this.over) {
      delivery.retry(error)
      return
    }
    const { timers } = this.#connection.scheduler
    const hold = Math.min(HOLD_MS * (delivery.failures + 1), LONGEST_HOLD_MS)
    const timer = timers.after(hold, () => {
      this.#letGo(delivery)
      if (delivery.settled === undefined) delivery.retry(error)
    })
    this.#held ??= new Map()
    this.#held.set(delivery, timer)
    this.tracker?.held(delivery, timer.due)
    // n.b. a held delivery is work that keeps the process alive.
    timers.keepAlive()
  }

  /** Stops the deliveries; what was not taken goes back. The channel goes when what was taken is settled. */
  async cancel(): Promise<void> {
    await this.#stop()
    this.#closeWhenSettled()
  }

  async #stop(): Promise<void> {
    this.stopped = true
    if (this.#attaching !== undefined) await this.#attaching
    await this.subscription?.cancel()
    this.sink.end?.()
  }

  /** Stops the deliveries now, and closes the channel when what was taken is settled. */
  leave(): void {
    this.stopped = true
    this.#setOver()
    void this.subscription?.cancel()
    this.#closeWhenSettled()
  }

  /** Stops the deliveries, waits up to `timeout` ms or an abort for what was taken, and gives back the rest. */
  async close(timeout: number, signal?: Signal): Promise<void> {
    if (timeout > 0) {
      await this.#stop()
      this.#setOver()
      for (const delivery of [...(this.#held?.keys() ?? [])]) {
        this.#letGo(delivery)
        if (delivery.settled === undefined) delivery.retry()
      }
      await this.#finished(timeout, signal)
    }
    // n.b. without a wait it is the channel that gives back everything, and keeps the order.
    await this.#channel.close()
  }

  cancelled(error: ConsumerCancelledError): void {
    this.#setOver()
    if (this.sink.fail?.(error) !== true) this.#owner.cancelled(error)
    this.#closeWhenSettled()
  }

  closed(): void {
    this.#setOver()
    for (const delivery of [...(this.#held?.keys() ?? [])]) this.#letGo(delivery)
    this.sink.end?.()
  }

  #setOver(): void {
    this.over = true
    this.#stopListening?.()
  }

  #closeWhenSettled(): void {
    if (this.subscription === undefined) void this.#channel.close()
    else this.subscription.whenSettled(() => void this.#channel.close())
  }

  /** Resolves when everything in hand is settled and no handler runs, at the deadline, or when aborted. */
  async #finished(timeout: number, signal: Signal | undefined): Promise<void> {
    const { timers } = this.#connection.scheduler
    const wait = new Wait<void>(timers, { what: 'close', timeout, signal })
    timers.keepAlive()
    this.subscription?.whenSettled(() => {
      if (this.sink.whenIdle === undefined) wait.resolve()
      else this.sink.whenIdle(() => wait.resolve())
    })
    await wait.promise.catch(() => undefined)
    timers.letGo()
  }

  #letGo(delivery: Delivery<Body>): void {
    const timer = this.#held?.get(delivery)
    if (timer === undefined) return
    this.#held?.delete(delivery)
    const { timers } = this.#connection.scheduler
    timers.cancel(timer)
    timers.letGo()
  }
}
