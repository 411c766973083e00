/** A consumer in a worker: its deliveries wait here until they are taken. */
import {
  type ConsumeOptions,
  ConsumerCancelledError,
  type Delivery,
  Fifo,
  type LeveretError,
  type Recipient,
  type Scheduler,
  type Settler,
  type Subscription,
  type SubscriptionListener,
  type Task,
} from '../internal.js'

/** What is known of a consumer once it is attached. */
export interface Attached {
  readonly consumerTag: string
  readonly replyAddress: string | undefined
  readonly backsOff: boolean
  readonly queue: string
  readonly countsFailures: boolean
}

/** What a subscription needs of its channel. */
export interface SubscriptionHolder extends Settler {
  /** Ends the consumer of this number; these deliveries were not taken. */
  cancel(number: number, untaken: readonly Delivery[]): Promise<void>
  /** So many more may come to a consumer without a limit. */
  credit(number: number, count: number): void
  /** Settled as it came, so that nothing of it is kept. */
  forget(delivery: Delivery): void
}

/** Credit is given back by so many at a time. */
const CREDIT = 250

export class WorkerSubscription implements Subscription, Recipient, Task {
  readonly holder: SubscriptionHolder
  readonly noAck: boolean
  consumerTag: string
  backsOff = false
  replyAddress: string | undefined
  queue: Recipient['queue'] = queueOf('', false)
  readonly #number: number
  readonly #scheduler: Scheduler
  readonly #listener: SubscriptionListener
  /** How many come without being asked for again is for us to say. */
  readonly #unlimited: boolean
  readonly #outbox = new Fifo<Delivery>()
  #taken = 0
  #unsettled = 0
  #scheduled = false
  #open = true
  #error: LeveretError | undefined
  #whenSettled: (() => void) | undefined

  constructor(
    channel: SubscriptionHolder,
    scheduler: Scheduler,
    number: number,
    { consumerTag, noAck, prefetch }: ConsumeOptions,
    listener: SubscriptionListener,
  ) {
    this.holder = channel
    this.consumerTag = consumerTag
    this.noAck = noAck
    this.#number = number
    this.#scheduler = scheduler
    this.#listener = listener
    this.#unlimited = noAck || prefetch === 0
  }

  /** The broker attached it. */
  attached({ consumerTag, backsOff, replyAddress, queue, countsFailures }: Attached): void {
    this.consumerTag = consumerTag
    this.backsOff = backsOff
    this.replyAddress = replyAddress
    this.queue = queueOf(queue, countsFailures)
  }

  deliver(delivery: Delivery): void {
    delivery.recipient = this
    this.#outbox.push(delivery)
    this.#wake()
  }

  take(goesOn?: boolean): Delivery | undefined {
    if (this.#outbox.length === 0) return undefined
    if (this.#scheduler.step() && goesOn !== true) {
      this.#wake()
      return undefined
    }
    const delivery = this.#outbox.shift() as Delivery
    if (this.noAck) {
      delivery.settlement = 'ack'
      this.holder.forget(delivery)
    } else {
      this.#unsettled++
    }
    if (this.#unlimited && ++this.#taken === CREDIT) {
      this.#taken = 0
      this.holder.credit(this.#number, CREDIT)
    }
    return delivery
  }

  holds(count: number): boolean {
    return this.#outbox.length >= count
  }

  settled(): void {
    if (!this.noAck) this.#unsettled--
    if (this.#unsettled <= 0) this.#tellSettled()
  }

  whenSettled(callback: () => void): void {
    this.#whenSettled = callback
    if (this.#unsettled <= 0) this.#tellSettled()
  }

  #tellSettled(): void {
    const callback = this.#whenSettled
    this.#whenSettled = undefined
    callback?.()
  }

  async cancel(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.holder.cancel(this.#number, this.#takeOutbox())
  }

  /** The broker's own word for it is `cancelled`. */
  end(): void {
    this.stop()
  }

  /** The broker ended it: what was not taken is no longer ours. */
  cancelled(error: LeveretError): readonly Delivery[] {
    if (!this.#open) return []
    this.#open = false
    this.#error = error
    const untaken = this.#takeOutbox()
    this.#wake()
    return untaken
  }

  /** Its channel is gone, and says so itself. Answers what was not taken. */
  stop(): Delivery[] {
    this.#open = false
    return this.#takeOutbox()
  }

  /** The connection is gone, and nobody wished it. */
  lost(cause: LeveretError): void {
    const wasOpen = this.#open
    this.stop()
    if (wasOpen) this.#listener.cancelled(new ConsumerCancelledError(this.consumerTag, cause.message, cause))
  }

  run(): void {
    this.#scheduled = false
    const error = this.#error
    if (error !== undefined) {
      this.#error = undefined
      this.#listener.cancelled(error as ConsumerCancelledError)
    } else if (this.#open && this.#outbox.length > 0) {
      this.#listener.ready()
    }
  }

  #wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#scheduler.schedule(this)
  }

  #takeOutbox(): Delivery[] {
    const untaken: Delivery[] = []
    for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) untaken.push(next)
    return untaken
  }
}

/** A queue as a delivery knows it here: what happens in it is the broker's. */
export function queueOf(name: string, countsFailures: boolean): Recipient['queue'] {
  const nothing = (): void => undefined
  return { name, countsFailures, settle: nothing, takeBack: nothing, suspend: nothing, release: nothing }
}
