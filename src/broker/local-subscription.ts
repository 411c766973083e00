/** A consumer in the broker: its credit, and the outbox of deliveries that were assigned and not handed over yet. */
import { Fifo } from '../data/fifo.js'
import type { ConsumeOptions, SubscriptionListener } from '../declarations.js'
import type { Delivery, HomeQueue, Recipient, Settler } from '../delivery.js'
import { ConsumerCancelledError } from '../errors.js'
import type { Message } from '../message.js'
import type { Task } from '../scheduler.js'
import { type MessageEventName, messageEvents } from './events.js'
import type { BrokerServices } from './services.js'

/** Credit of a consumer without a prefetch limit. */
const UNLIMITED = 2 ** 30

/** What a subscription needs of its queue. */
export interface SubscribedQueue extends HomeQueue {
  readonly broker: BrokerServices
  readonly backsOff: boolean
  /** A delivery that needs no settlement was handed over. */
  autoAck(delivery: Delivery): void
  /** A consumer without credit has some again. */
  consumerReady(consumer: LocalSubscription): void
  /** A delivery was never handed over: back to its place, as if it had not been assigned. */
  putBack(delivery: Delivery): void
  /** The consumer is gone; `unhanded` are its deliveries that nobody saw. */
  removeConsumer(consumer: LocalSubscription, unhanded: readonly Delivery[]): void
  report(name: MessageEventName, message: Message): void
}

/** What a subscription needs of the channel that holds its deliveries. */
export interface DeliveryHolder extends Settler {
  /** Numbers a delivery, and keeps it until it is settled unless it needs no settlement. */
  hold(delivery: Delivery, noAck: boolean): void
  /** Forgets a delivery that was never handed over. */
  drop(delivery: Delivery): void
  /** The queue is gone, and every delivery of it with it. */
  lose(queue: HomeQueue): void
  /** The deliveries of the queue that are held. */
  deliveries(queue: HomeQueue): Iterable<Delivery>
  /** Takes back the deliveries of the queue that were assigned too long ago, and ends the consumers that had them. */
  timeOut(queue: HomeQueue, assignedBefore: number, timeout: number): void
  /** A consumer of the channel is gone. */
  unsubscribed(subscription: LocalSubscription): void
}

export class LocalSubscription implements Task, Recipient {
  readonly consumerTag: string
  readonly queue: SubscribedQueue
  readonly holder: DeliveryHolder
  readonly noAck: boolean
  readonly exclusive: boolean
  readonly priority: number
  readonly once: boolean
  /** Deliveries that may be out at once, and how many more may now. */
  readonly #limit: number
  credit: number
  /** Neighbours in the dispatcher's ring; undefined outside of it. */
  next: LocalSubscription | undefined = undefined
  previous: LocalSubscription | undefined = undefined
  open = true
  #blocked = false
  readonly #listener: SubscriptionListener
  readonly #broker: BrokerServices
  readonly #outbox = new Fifo<Delivery>()
  #scheduled = false
  /** The listener found nothing more to take: it wants to be woken. While it takes by itself it need not be. */
  #idle = true
  #cancellation: ConsumerCancelledError | undefined
  #whenSettled: (() => void) | undefined

  constructor(queue: SubscribedQueue, holder: DeliveryHolder, options: ConsumeOptions, listener: SubscriptionListener) {
    this.queue = queue
    this.#broker = queue.broker
    this.holder = holder
    this.consumerTag = options.consumerTag
    this.noAck = options.noAck
    this.exclusive = options.exclusive
    this.priority = options.once ? Number.NEGATIVE_INFINITY : options.priority
    this.once = options.once
    this.#limit = options.noAck || options.prefetch === 0 ? UNLIMITED : options.prefetch
    this.credit = this.#limit
    this.#listener = listener
  }

  get replyAddress(): string {
    return this.queue.name
  }

  get backsOff(): boolean {
    return this.queue.backsOff
  }

  /** Tag of the delivery that is taken next. */
  get nextTag(): number {
    return this.#outbox.peek()?.tag ?? Number.POSITIVE_INFINITY
  }

  /** Deliveries assigned and not handed over. */
  get waiting(): number {
    return this.#outbox.length
  }

  /** True while they are about to be handed over. */
  get awake(): boolean {
    return this.#scheduled
  }

  /** The deliveries assigned and not handed over. */
  outbox(): Iterable<Delivery> {
    return this.#outbox
  }

  /** Deliveries handed over and not settled. */
  get unsettled(): number {
    const credit = this.#blocked ? this.credit + UNLIMITED : this.credit
    return this.noAck ? 0 : this.#limit - credit - this.#outbox.length
  }

  /** Takes a delivery that the queue assigned to this consumer. */
  assign(delivery: Delivery): void {
    delivery.recipient = this
    this.holder.hold(delivery, this.noAck)
    this.#outbox.push(delivery)
    if (this.#idle) this.#wake()
  }

  take(goesOn?: boolean): Delivery | undefined {
    const broker = this.#broker
    if (this.#outbox.length === 0) {
      this.#idle = true
      // n.b. whoever goes on with what it began, as a batch, is not through with it.
      if (goesOn !== true) broker.tracker?.idle(this)
      return undefined
    }
    if (broker.scheduler.step() && goesOn !== true) {
      this.#wake()
      return undefined
    }
    const delivery = this.#outbox.shift() as Delivery
    if (this.noAck) {
      this.queue.autoAck(delivery)
      // n.b. no settlement will end this operation, and a broker that drains waits for the end of one.
      broker.rested()
    }
    if (messageEvents.delivered.hasSubscribers) this.queue.report('delivered', delivery.message)
    broker.tracker?.entering(delivery)
    return delivery
  }

  holds(count: number): boolean {
    if (this.#outbox.length >= count) return true
    this.#idle = true
    return false
  }

  /** A delivery of this consumer was settled, or taken back. */
  settled(): void {
    if (!this.noAck && this.credit++ === 0 && this.open) this.queue.consumerReady(this)
    if (this.#whenSettled !== undefined && this.unsettled === 0) this.#tellSettled()
  }

  /** Gets no more, whatever its credit, until `unblock`: its channel has a limit for all its consumers. */
  block(): void {
    if (this.#blocked) return
    this.#blocked = true
    // n.b. by its credit, which is looked at anyway; and a small integer, as it must stay.
    this.credit -= UNLIMITED
  }

  unblock(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.credit += UNLIMITED
    if (this.credit > 0 && this.open) this.queue.consumerReady(this)
  }

  whenSettled(callback: () => void): void {
    this.#whenSettled = callback
    if (this.unsettled === 0) this.#tellSettled()
  }

  /** Deliveries that were taken for somebody who saw none of them: they wait again, before those that came later. */
  untake(deliveries: readonly Delivery[]): void {
    this.#broker.tracker?.untaken(deliveries)
    for (const delivery of [...deliveries].reverse()) this.#outbox.unshift(delivery)
  }

  cancel(): void {
    if (!this.open) return
    this.open = false
    this.#broker.tracker?.ended(this)
    this.queue.removeConsumer(this, this.#takeUnhanded())
    this.holder.unsubscribed(this)
    this.#broker.settle()
  }

  /** Gives back what was assigned and not handed over. */
  returnUnhanded(): void {
    for (const delivery of this.#takeUnhanded()) this.queue.putBack(delivery)
  }

  #takeUnhanded(): Delivery[] {
    const unhanded: Delivery[] = []
    for (let next = this.#outbox.shift(); next !== undefined; next = this.#outbox.shift()) {
      this.holder.drop(next)
      if (!this.noAck && this.credit++ === 0 && this.open) this.queue.consumerReady(this)
      unhanded.push(next)
    }
    return unhanded
  }

  /** The broker ends the consumer; its owner hears of it when it is this task's turn. */
  end(reason: string): void {
    if (!this.open) return
    this.cancel()
    this.#cancellation = new ConsumerCancelledError(this.consumerTag, reason)
    this.#wake()
  }

  run(): void {
    this.#scheduled = false
    if (this.#cancellation !== undefined) {
      const cancellation = this.#cancellation
      this.#cancellation = undefined
      this.#listener.cancelled(cancellation)
    } else if (this.open && this.#outbox.length > 0) {
      this.#idle = false
      this.#listener.ready()
    }
  }

  #wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#broker.scheduler.schedule(this)
  }

  #tellSettled(): void {
    const callback = this.#whenSettled
    this.#whenSettled = undefined
    callback?.()
  }
}
