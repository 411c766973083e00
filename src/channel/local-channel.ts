/** A channel to a broker in this process: the seam by direct calls. */

import type { ExchangeState } from '../broker/exchange-state.js'
import type { Origin } from '../broker/firehose.js'
import { type DeliveryHolder, LocalSubscription } from '../broker/local-subscription.js'
import { type Publisher, stringsOf } from '../broker/publishing.js'
import type { QueueState } from '../broker/queue-state.js'
import type { Client, Rights } from '../broker/rights.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import type {
  BindingDeclaration,
  ConsumeOptions,
  ExchangeDeclaration,
  Outcome,
  QueueDeclaration,
  QueueInfo,
  QueueStats,
  SubscriptionListener,
} from '../declarations.js'
import type { Delivery, HomeQueue, Settlement } from '../delivery.js'
import {
  AccessRefusedError,
  ClosedError,
  NotAllowedError,
  PreconditionFailedError,
  ResourceLockedError,
} from '../errors.js'
import { type Message, NO_PROPERTIES, takeOver } from '../message.js'
import { generateName, REPLY_TO } from '../names.js'
import type { WithheldConfirm } from '../queue-arguments/queue-argument.js'
import type { Channel, ChannelListener } from './channel.js'
import { checkMessage } from './check-message.js'
import { Unacked } from './unacked.js'

/** What a channel needs of its connection. */
export interface ChannelOwner extends Client {
  readonly name: string
  readonly closed: boolean
  /** The channel holds something that must go back when the connection ends. */
  remember(channel: LocalChannel): void
  forget(channel: LocalChannel): void
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

export class LocalChannel implements Channel, DeliveryHolder, Publisher {
  /** Its place among the channels of the connection that ever held something, from 1; 0 until it does. */
  number = 0
  readonly #connection: ChannelOwner
  readonly #virtualHost: VirtualHostState
  readonly #listener: ChannelListener
  // n.b. most channels have one consumer of one queue, or none: lists cost a third of maps.
  subscriptions: readonly LocalSubscription[] = []
  queues: readonly QueueState[] = []
  unacked: Unacked | undefined
  /** Deliveries that went with their queue, by tag, where they may still be settled, once. */
  lost: Map<number, Lost> | undefined
  #tags = 0
  #pending = 0
  #drained: { promise: Promise<void>; resolve: () => void } | undefined
  /** The exchange of the last publish: most channels publish to one. */
  #exchange: ExchangeState | undefined
  publishes = 0
  /** Where its consumer of direct replies takes them. */
  #replies: QueueState | undefined
  /** The limit of all its consumers together. */
  window: ChannelWindow | undefined
  #closed = false

  constructor(connection: ChannelOwner, virtualHost: VirtualHostState, listener: ChannelListener) {
    this.#connection = connection
    this.#virtualHost = virtualHost
    this.#listener = listener
  }

  get closed(): boolean {
    return this.#closed || this.#connection.closed
  }

  /** Its connection. */
  get owner(): ChannelOwner {
    return this.#connection
  }

  // Publish

  publish(unchecked: Message, mandatory: boolean, delay: number, transfer?: readonly ArrayBuffer[]): Outcome {
    if (transfer !== undefined) this.#takeOver(unchecked, transfer)
    let exchange = this.#exchange
    if (exchange === undefined || exchange.name !== unchecked.exchange || exchange.guarded !== 0) {
      exchange = this.#exchangeOf(unchecked)
    }
    if (this.closed) this.#checkOpen()
    const message = unchecked.properties === NO_PROPERTIES ? unchecked : this.#check(unchecked)
    this.publishes++
    const { publishing, broker } = this.#virtualHost
    const outcome =
      delay > 0
        ? publishing.publishLater(exchange, message, delay)
        : publishing.publish(exchange, message, mandatory, this)
    broker.settle()
    return outcome
  }

  /**
   * Checks and routes a message now; it is published, there, by the function that is answered (TX-03).
   * @throws as `publish` does.
   */
  prepare(unchecked: Message, mandatory: boolean): () => Outcome {
    const exchange = this.#exchangeOf(unchecked)
    const message = this.#check(unchecked)
    const { publishing, broker } = this.#virtualHost
    const queues = publishing.queuesFor(exchange, message)
    return () => {
      const outcome = publishing.publishTo(queues, message, mandatory, this)
      broker.settle()
      return outcome
    }
  }

  /** n.b. first comes what refuses the message, and only then what others see of it. */
  #takeOver(message: Message, transfer: readonly ArrayBuffer[]): void {
    this.#writable(message)
    this.#check(message)
    takeOver(message, transfer)
  }

  #check(unchecked: Message): Message {
    return checkMessage(unchecked, this.#replies?.name, this.#connection.rights)
  }

  #exchangeOf(message: Message): ExchangeState {
    const exchange = this.#writable(message)
    this.#virtualHost.firehose?.published(exchange, this.#check(message), this.origin)
    this.#exchange = exchange
    return exchange
  }

  #writable(message: Message): ExchangeState {
    this.#checkOpen()
    const name = message.exchange
    const { rights } = this.#connection
    rights?.check('write', 'exchange', name)
    const exchange = this.#virtualHost.exchange(name)
    if (exchange.internal) {
      throw new AccessRefusedError(`cannot publish to internal exchange '${name}' in vhost '${this.#virtualHost.name}'`)
    }
    if (rights !== undefined && exchange.type.name === 'topic') this.#checkTopics(rights, message)
    return exchange
  }

  /** Who uses the channel, for the firehose. */
  get origin(): Origin {
    const { name, rights } = this.#connection
    return { connection: name, channel: this.#listener.number ?? this.number, user: rights?.user.name ?? 'none' }
  }

  #checkTopics(rights: Rights, { exchange, routingKey, properties: { headers } }: Message): void {
    rights.checkTopic('write', exchange, routingKey)
    // USR-08: the copies since RabbitMQ 4.
    if (this.#virtualHost.broker.compatibility === '3.10') return
    for (const name of ['CC', 'BCC'])
      for (const key of stringsOf(headers?.[name])) rights.checkTopic('write', exchange, key)
  }

  returned(message: Message): void {
    this.#listener.returned?.(message)
  }

  pending(confirms: number): WithheldConfirm {
    this.#pending++
    this.#connection.remember(this)
    return new PendingConfirm(this, this.publishes, confirms)
  }

  /** A publish that was pending is confirmed. */
  confirm(sequenceNumber: number): void {
    this.#pending--
    this.#listener.confirmed?.(sequenceNumber, true)
    if (this.#pending === 0) {
      this.#drained?.resolve()
      this.#drained = undefined
      this.#rest()
    }
  }

  get full(): boolean {
    return this.#pending > 0 || this.#virtualHost.broker.alarmed
  }

  drained(): Promise<void> {
    const { scheduler } = this.#virtualHost.broker
    if (this.#pending === 0) return scheduler.nextTurn()
    if (this.#drained === undefined) {
      let resolve!: () => void
      const promise = new Promise<void>((done) => {
        resolve = done
      })
      this.#drained = { promise, resolve }
    }
    return this.#drained.promise
  }

  // Deliveries

  hold(delivery: Delivery, noAck: boolean): void {
    delivery.tag = ++this.#tags
    if (noAck) {
      // n.b. before 4.2 replies used up no numbers (DRT-05).
      if (this.#replies !== undefined && delivery.recipient?.queue === this.#replies && this.#isOld) this.#tags--
      return
    }
    this.unacked ??= new Unacked()
    this.unacked.add(delivery)
    this.window?.took(delivery)
  }

  get #isOld(): boolean {
    return this.#virtualHost.broker.compatibility === '3.10'
  }

  /** The tag of the last delivery. */
  get lastTag(): number {
    return this.#tags
  }

  /** The lowest tag that waits for a settlement; `Infinity` when none does. */
  get oldestTag(): number {
    let oldest = this.unacked?.lowest ?? Number.POSITIVE_INFINITY
    for (const tag of this.lost?.keys() ?? []) oldest = Math.min(oldest, tag)
    return oldest
  }

  drop(delivery: Delivery): void {
    this.unacked?.remove(delivery.tag)
    this.window?.release(delivery)
  }

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
    if (this.subscriptions.length === 0) this.#rest()
    const { broker } = this.#virtualHost
    broker.tracker?.left(delivery)
    broker.settle()
  }

  /** Ends an operation that settled these. */
  settled(deliveries: readonly Delivery[]): void {
    if (this.subscriptions.length === 0) this.#rest()
    const { broker } = this.#virtualHost
    if (broker.tracker !== undefined) for (const delivery of deliveries) broker.tracker.left(delivery)
    broker.settle()
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
      this.#listener.lost?.(delivery.tag)
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
      if (!this.#closed) this.#listener.lost?.(delivery.tag)
      delivery.queue.takeBack(delivery)
      this.window?.release(delivery)
    }
  }

  // Consumers

  consume(name: string, options: ConsumeOptions, listener: SubscriptionListener): LocalSubscription {
    this.#checkOpen()
    const consumerTag = options.consumerTag === '' ? generateName('amq.ctag-') : options.consumerTag
    if (this.subscriptions.some((other) => other.consumerTag === consumerTag)) {
      throw new NotAllowedError(`attempt to reuse consumer tag '${consumerTag}'`)
    }
    const queue = name === REPLY_TO ? this.#takeReplies(options.noAck) : this.#readable(name)
    const inUse = queue.consumers.some((consumer) => consumer.exclusive)
    const impossible = options.exclusive && (queue.consumerCount > 0 || queue.rules.singleActiveConsumer)
    if (!options.once && (inUse || impossible)) throw new AccessRefusedError(`${queue.title} in exclusive use`)
    const subscription = new LocalSubscription(queue, this, { ...options, consumerTag }, listener)
    this.subscriptions = [...this.subscriptions, subscription]
    this.#remember(queue)
    this.window?.check()
    queue.addConsumer(subscription)
    const { broker, name: virtualHost } = this.#virtualHost
    if (!options.once) broker.announce('consumer.created', () => ({ virtualHost, queue: queue.name, consumerTag }))
    broker.settle()
    return subscription
  }

  #takeReplies(noAck: boolean): QueueState {
    if (!noAck) throw new PreconditionFailedError('reply consumer cannot acknowledge', 'use noAck: true')
    if (this.#replies !== undefined) throw new PreconditionFailedError('reply consumer already set')
    this.#replies = this.#virtualHost.replies.open()
    return this.#replies
  }

  unsubscribed(subscription: LocalSubscription): void {
    const { consumerTag, queue } = subscription
    if (queue === this.#replies) this.#replies = undefined
    this.subscriptions = this.subscriptions.filter((other) => other !== subscription)
    const { broker, name: virtualHost } = this.#virtualHost
    this.#rest()
    if (subscription.once) return
    broker.announce('consumer.deleted', () => ({ virtualHost, queue: queue.name, consumerTag }))
  }

  get(name: string, noAck: boolean, tentative = false): Delivery | undefined {
    this.#checkOpen()
    const queue = this.#readable(name)
    // GET-06
    if (queue.type === 'quorum' && queue.rules.singleActiveConsumer) {
      const fault = 'basic.get operations are not supported by quorum queues with single active consumer'
      throw new ResourceLockedError(`cannot obtain access to locked ${queue.title}. ${fault}`)
    }
    const delivery = queue.get(this, noAck, tentative)
    if (delivery !== undefined) this.#remember(queue)
    if (noAck) this.#rest()
    this.#virtualHost.broker.settle()
    return delivery
  }

  // Topology

  declareExchange(declaration: ExchangeDeclaration): void {
    this.#operate(() => this.#virtualHost.declareExchange(declaration, this.#connection.rights))
  }

  deleteExchange(name: string, ifUnused: boolean): void {
    this.#operate(() => this.#virtualHost.deleteExchange(name, ifUnused, this.#connection.rights))
  }

  /** A passive declare (EX-02). */
  checkExchange(name: string): void {
    this.#operate(() => this.#virtualHost.checkExchange(name, this.#connection.rights))
  }

  /** A queue as error texts name it. @throws as `checkQueue`. */
  queueOf(name: string): { readonly title: string; readonly type: string } {
    return this.#operate(() => this.#queue(name))
  }

  /** Ready messages of the queue that a delivery is of. */
  readyOf(delivery: Delivery): number {
    return (delivery.queue as QueueState).ready
  }

  hasExchange(name: string): boolean {
    return this.#operate(() => this.#virtualHost.exchanges.has(name))
  }

  declareQueue(
    declaration: QueueDeclaration,
    bindings: readonly BindingDeclaration[] = [],
    deadLetter?: string,
  ): QueueInfo {
    if (declaration.name === REPLY_TO || declaration.name.startsWith(`${REPLY_TO}.`)) {
      return this.checkQueue(declaration.name)
    }
    return this.#operate(() =>
      infoOf(this.#virtualHost.declareQueueWith(declaration, bindings, deadLetter, this.#connection)),
    )
  }

  checkQueue(name: string): QueueInfo {
    return this.#operate(() => {
      // n.b. how a responder learns whether the requester is still there (DRT-06).
      if (name === REPLY_TO || this.#virtualHost.replies.has(name)) return { name, messageCount: 0, consumerCount: 1 }
      this.#connection.rights?.checkAny('queue', name)
      const queue = this.#queue(name)
      queue.touch()
      return infoOf(queue)
    })
  }

  queueStats(name: string): QueueStats {
    return this.#operate(() => this.#queue(name).stats)
  }

  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): number {
    return this.#operate(() => this.#virtualHost.deleteQueue(name, ifUnused, ifEmpty, this.#connection))
  }

  purgeQueue(name: string): number {
    return this.#operate(() => this.#readable(name).purge())
  }

  bind(binding: BindingDeclaration): void {
    this.#operate(() => this.#virtualHost.bind(binding, this.#connection))
  }

  unbind(binding: BindingDeclaration): void {
    this.#operate(() => this.#virtualHost.unbind(binding, this.#connection))
  }

  hasBinding(binding: BindingDeclaration): boolean {
    return this.#operate(() => this.#virtualHost.hasBinding(binding))
  }

  #operate<T>(operation: () => T): T {
    this.#checkOpen()
    const answer = operation()
    this.#virtualHost.broker.settle()
    return answer
  }

  // The end

  close(): void {
    if (this.#closed) return
    this.#closed = true
    const queues = this.queues
    const consumed = new Set<HomeQueue>(this.subscriptions.map(({ queue }) => queue))
    for (const queue of queues) queue.suspend()
    for (const subscription of this.subscriptions) subscription.cancel()
    // n.b. RabbitMQ's channel tells the queues that it consumes from; others see that it is gone, after that. So what the
    // former have too much of now is in the latter before these have theirs back.
    this.#giveBackTo(queues.filter((queue) => consumed.has(queue)))
    this.#virtualHost.broker.settle()
    this.#giveBackTo(queues.filter((queue) => !consumed.has(queue)))
    this.#connection.forget(this)
    this.#drained?.resolve()
    this.#drained = undefined
    this.#listener.closed?.(new ClosedError(`channel of connection '${this.#connection.name}'`))
    this.#virtualHost.broker.settle()
  }

  #giveBackTo(queues: readonly QueueState[]): void {
    this.#takeBack(({ queue }) => queues.includes(queue as QueueState))
    for (const queue of queues) {
      queue.forgetHolder(this)
      queue.release()
    }
  }

  /** The channel holds deliveries of the queue from now on, or may. */
  #remember(queue: QueueState): void {
    if (!this.queues.includes(queue)) this.queues = [...this.queues, queue]
    this.#connection.remember(this)
  }

  /** A channel that holds nothing is forgotten by everybody, so that handles may be made and dropped freely. */
  #rest(): void {
    if (this.subscriptions.length > 0 || this.#pending > 0 || (this.unacked?.length ?? 0) > 0) return
    for (const queue of this.queues) queue.forgetHolder(this)
    this.queues = []
    this.#connection.forget(this)
  }

  /** A queue that is read from. */
  #readable(name: string): QueueState {
    this.#connection.rights?.check('read', 'queue', name)
    return this.#queue(name)
  }

  #queue(name: string): QueueState {
    return this.#virtualHost.queue(name, this.#connection)
  }

  #checkOpen(): void {
    if (this.closed) throw new ClosedError(`channel of connection '${this.#connection.name}'`)
  }
}

/** The confirm of a publish that waits for full queues: given when the last of them has room. */
class PendingConfirm implements WithheldConfirm {
  readonly #channel: LocalChannel
  readonly #sequenceNumber: number
  #waitingFor: number

  constructor(channel: LocalChannel, sequenceNumber: number, waitingFor: number) {
    this.#channel = channel
    this.#sequenceNumber = sequenceNumber
    this.#waitingFor = waitingFor
  }

  get open(): boolean {
    return this.#waitingFor > 0 && !this.#channel.closed
  }

  release(): void {
    if (--this.#waitingFor === 0) this.#channel.confirm(this.#sequenceNumber)
  }
}

function infoOf(queue: QueueState): QueueInfo {
  return { name: queue.name, messageCount: queue.ready, consumerCount: queue.consumerCount }
}
