/**
 * What a channel has out: its consumers, and the deliveries that it numbered for them and for gets, until they are
 * settled or go back to their queues.
 */
import type { Origin } from '../broker/firehose.js'
import { type DeliveryHolder, LocalSubscription } from '../broker/local-subscription.js'
import type { QueueState } from '../broker/queue-state.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import type { Delivery, HomeQueue, Settlement } from '../delivery.js'
import { PreconditionFailedError } from '../errors.js'
import { Unacked } from './unacked.js'

/** The channel that the deliveries are out on. */
export interface DeliveringChannel {
  /** Who uses it, for the firehose. */
  readonly origin: Origin
  /** A delivery or consumer less: there may be nothing left that the channel is to be kept for. */
  rest(): void
  /** A delivery went with its queue, or was out for too long: it is no longer there to be settled. */
  lost(deliveryTag: number): void
  close(): void
}

/** A limit of all consumers of a channel together. */
export interface ChannelWindow {
  change(limit: number): void
  /** A delivery is out. */
  took(delivery: Delivery): void
  /** A delivery is settled or came back. */
  release(delivery: Delivery): void
  /** So many deliveries of consumers are settled. */
  releaseAll(count: number): void
  /** There is a consumer more. */
  check(): void
}

/** A delivery whose queue is gone; the delivery itself would keep its message. */
export interface Lost {
  readonly tag: number
  /** True when a consumer was given it: settled, it makes room in the limit of the channel. */
  readonly counts: boolean
}

export class ChannelDeliveries implements DeliveryHolder {
  readonly channel: DeliveringChannel
  readonly #virtualHost: VirtualHostState
  // n.b. most channels have one consumer of one queue: lists cost a third of maps.
  subscriptions: readonly LocalSubscription[] = []
  queues: readonly QueueState[] = []
  unacked: Unacked | undefined
  /** Deliveries that went with their queue, by tag, where they may still be settled, once. */
  lost: Map<number, Lost> | undefined
  /** Where the consumer of direct replies takes them. */
  replies: QueueState | undefined
  /** The limit of all consumers together. */
  window: ChannelWindow | undefined
  #tags = 0

  constructor(channel: DeliveringChannel, virtualHost: VirtualHostState) {
    this.channel = channel
    this.#virtualHost = virtualHost
  }

  get origin(): Origin {
    return this.channel.origin
  }

  /** The tag of the last delivery. */
  get lastTag(): number {
    return this.#tags
  }

  /** True when there is no consumer, and no delivery is out. */
  get none(): boolean {
    return this.subscriptions.length === 0 && (this.unacked?.length ?? 0) === 0
  }

  /** The lowest tag that waits for a settlement; `Infinity` when none does. */
  get oldestTag(): number {
    let oldest = this.unacked?.lowest ?? Number.POSITIVE_INFINITY
    for (const tag of this.lost?.keys() ?? []) oldest = Math.min(oldest, tag)
    return oldest
  }

  hold(delivery: Delivery, noAck: boolean): void {
    delivery.tag = ++this.#tags
    if (noAck) {
      // n.b. before 4.2 replies used up no numbers (DRT-05).
      if (this.replies !== undefined && delivery.recipient?.queue === this.replies && this.#isOld) this.#tags--
      return
    }
    this.unacked ??= new Unacked()
    this.unacked.add(delivery)
    this.window?.took(delivery)
  }

  get #isOld(): boolean {
    return this.#virtualHost.broker.compatibility === '3.10'
  }

  drop(delivery: Delivery): void {
    this.unacked?.remove(delivery.tag)
    this.window?.release(delivery)
  }

  // Settle

  settle(deliveryTag: number, how: Settlement, reason?: unknown): void {
    const delivery = this.unacked?.remove(deliveryTag)
    if (delivery === undefined) throw new PreconditionFailedError(`unknown delivery tag ${deliveryTag}`)
    this.finish(delivery, how, reason)
  }

  settledTwice(delivery: Delivery, how: Settlement): void {
    this.#virtualHost.broker.tracker?.settledTwice(delivery, how)
  }

  /** Settles what was taken out. */
  finish(delivery: Delivery, how: Settlement, reason: unknown): void {
    delivery.queue.settle(delivery, how, reason)
    this.window?.release(delivery)
    if (this.subscriptions.length === 0) this.channel.rest()
    const { broker } = this.#virtualHost
    broker.tracker?.left(delivery)
    broker.settle()
  }

  /** Ends an operation that settled these. */
  settled(deliveries: readonly Delivery[]): void {
    if (this.subscriptions.length === 0) this.channel.rest()
    const { broker } = this.#virtualHost
    if (broker.tracker !== undefined) for (const delivery of deliveries) broker.tracker.left(delivery)
    broker.settle()
  }

  // A queue, and what is out of it

  /** The channel holds deliveries of the queue from now on, or may. */
  remember(queue: QueueState): void {
    if (!this.queues.includes(queue)) this.queues = this.queues.concat(queue)
  }

  /** The channel holds nothing of any queue. */
  forgetQueues(): void {
    for (const queue of this.queues) queue.holders.forget(this)
    this.queues = []
  }

  *deliveries(queue: HomeQueue): Iterable<Delivery> {
    if (this.unacked === undefined) return
    for (const delivery of this.unacked) if (delivery.queue === queue) yield delivery
  }

  lose(queue: HomeQueue): void {
    for (const delivery of this.deliveries(queue)) {
      this.unacked?.remove(delivery.tag)
      this.lost?.set(delivery.tag, { tag: delivery.tag, counts: delivery.recipient instanceof LocalSubscription })
      delivery.lose()
      this.channel.lost(delivery.tag)
      delivery.recipient?.settled()
    }
  }

  timeOut(queue: HomeQueue, assignedBefore: number, timeout: number): void {
    const late = [...this.deliveries(queue)].filter((delivery) => delivery.assignedAt <= assignedBefore)
    const reason = `a delivery was not settled within ${timeout} ms`
    const recipients = new Set(late.map((delivery) => delivery.recipient))
    queue.suspend()
    for (const recipient of recipients) recipient?.end(reason)
    this.#takeBack((delivery) => delivery.queue === queue && recipients.has(delivery.recipient))
    queue.release()
  }

  /** Gives deliveries back to their queues, in order, as failed: their consumer is lost. */
  #takeBack(which: (delivery: Delivery) => boolean): void {
    if (this.unacked === undefined) return
    for (const delivery of this.unacked) {
      if (!which(delivery)) continue
      this.unacked.remove(delivery.tag)
      delivery.lose()
      this.channel.lost(delivery.tag)
      delivery.queue.takeBack(delivery)
      this.window?.release(delivery)
    }
  }

  // The end

  unsubscribed(subscription: LocalSubscription): void {
    const { consumerTag, queue } = subscription
    if (queue === this.replies) this.replies = undefined
    this.subscriptions = this.subscriptions.filter((other) => other !== subscription)
    this.channel.rest()
    if (subscription.once) return
    const { broker, name: virtualHost } = this.#virtualHost
    broker.announce('consumer.deleted', () => ({ virtualHost, queue: queue.name, consumerTag }))
  }

  /** Ends the consumers, and gives back whatever is out. */
  giveBack(): void {
    const { queues } = this
    const consumed = new Set<HomeQueue>(this.subscriptions.map(({ queue }) => queue))
    for (const queue of queues) queue.suspend()
    for (const subscription of this.subscriptions) subscription.cancel()
    // n.b. RabbitMQ's channel tells the queues that it consumes from; others see that it is gone, after that. So what the
    // former have too much of now is in the latter before these have theirs back.
    this.#giveBackTo(queues.filter((queue) => consumed.has(queue)))
    this.#virtualHost.broker.settle()
    this.#giveBackTo(queues.filter((queue) => !consumed.has(queue)))
  }

  #giveBackTo(queues: readonly QueueState[]): void {
    this.#takeBack(({ queue }) => queues.includes(queue as QueueState))
    for (const queue of queues) {
      queue.holders.forget(this)
      queue.release()
    }
  }
}
