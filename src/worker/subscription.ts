/** A consumer in a worker: its deliveries wait here until they are taken. */
import {
  type ConsumeOptions,
  type ConsumerCancelledError,
  type Delivery,
  Fifo,
  type LeveretError,
  type Recipient,
  type Scheduler,
  type Subscription,
  type SubscriptionListener,
  type Task,
} from '../internal.js'
import { type Attached, queueOf, type WorkerChannel } from './channel.js'

/** Credit is given back by so many at a time. */
const CREDIT = 250

export class WorkerSubscription implements Subscription, Recipient, Task {
  readonly holder: WorkerChannel
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
    channel: WorkerChannel,
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

  /** Its channel is gone, and says so itself. */
  stop(): void {
    this.#open = false
    this.#takeOutbox()
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
