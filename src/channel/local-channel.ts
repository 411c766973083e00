/** A channel to a broker in this process: the seam by direct calls. */

import type { ExchangeState } from '../broker/exchange-state.js'
import type { Origin } from '../broker/firehose.js'
import { LocalSubscription } from '../broker/local-subscription.js'
import { type Publisher, stringsOf } from '../broker/publishing.js'
import type { QueueState } from '../broker/queue-state.js'
import type { Client, Rights } from '../broker/rights.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import { Condition } from '../condition.js'
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
import type { Delivery, Settlement } from '../delivery.js'
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
import { ChannelDeliveries, type DeliveringChannel } from './channel-deliveries.js'
import { checkMessage } from './check-message.js'

/** What a channel needs of its connection. */
export interface ChannelOwner extends Client {
  readonly name: string
  readonly closed: boolean
  /** The channel holds something that must go back when the connection ends. */
  remember(channel: LocalChannel): void
  forget(channel: LocalChannel): void
}

export class LocalChannel implements Channel, DeliveringChannel, Publisher {
  /** Its place among the channels of the connection that ever held something, from 1; 0 until it does. */
  number = 0
  readonly #connection: ChannelOwner
  readonly #virtualHost: VirtualHostState
  readonly #listener: ChannelListener
  #deliveries: ChannelDeliveries | undefined
  #pending = 0
  #drained: Condition | undefined
  /** The exchange of the last publish: most channels publish to one. */
  #exchange: ExchangeState | undefined
  publishes = 0
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

  /** What it has out. n.b. most channels only publish: they have none. */
  get deliveries(): ChannelDeliveries {
    this.#deliveries ??= new ChannelDeliveries(this, this.#virtualHost)
    return this.#deliveries
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
    return checkMessage(unchecked, this.#deliveries?.replies?.name, this.#connection.rights)
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
    if (this.#pending > 0) return
    this.#drained?.notify()
    this.rest()
  }

  get full(): boolean {
    return this.#pending > 0 || this.#virtualHost.broker.alarmed
  }

  drained(): Promise<void> {
    if (this.#pending === 0) return this.#virtualHost.broker.scheduler.nextTurn()
    this.#drained ??= new Condition()
    return this.#drained.wait()
  }

  // Deliveries

  settle(deliveryTag: number, how: Settlement, reason?: unknown): void {
    this.deliveries.settle(deliveryTag, how, reason)
  }

  lost(deliveryTag: number): void {
    if (!this.#closed) this.#listener.lost?.(deliveryTag)
  }

  // Consumers

  consume(name: string, options: ConsumeOptions, listener: SubscriptionListener): LocalSubscription {
    this.#checkOpen()
    const { deliveries } = this
    const consumerTag = options.consumerTag === '' ? generateName('amq.ctag-') : options.consumerTag
    if (deliveries.subscriptions.some((other) => other.consumerTag === consumerTag)) {
      throw new NotAllowedError(`attempt to reuse consumer tag '${consumerTag}'`)
    }
    const queue = name === REPLY_TO ? this.#takeReplies(options.noAck) : this.#readable(name)
    const inUse = queue.consumers.some((consumer) => consumer.exclusive)
    const impossible = options.exclusive && (queue.consumerCount > 0 || queue.rules.singleActiveConsumer)
    if (!options.once && (inUse || impossible)) throw new AccessRefusedError(`${queue.title} in exclusive use`)
    const subscription = new LocalSubscription(queue, deliveries, { ...options, consumerTag }, listener)
    deliveries.subscriptions = deliveries.subscriptions.concat(subscription)
    this.#remember(queue)
    deliveries.window?.check()
    queue.addConsumer(subscription)
    const { broker, name: virtualHost } = this.#virtualHost
    if (!options.once) broker.announce('consumer.created', () => ({ virtualHost, queue: queue.name, consumerTag }))
    broker.settle()
    return subscription
  }

  #takeReplies(noAck: boolean): QueueState {
    if (!noAck) throw new PreconditionFailedError('reply consumer cannot acknowledge', 'use noAck: true')
    if (this.deliveries.replies !== undefined) throw new PreconditionFailedError('reply consumer already set')
    this.deliveries.replies = this.#virtualHost.replies.open()
    return this.deliveries.replies
  }

  get(name: string, noAck: boolean, tentative = false): Delivery | undefined {
    this.#checkOpen()
    const queue = this.#readable(name)
    // GET-06
    if (queue.type === 'quorum' && queue.rules.singleActiveConsumer) {
      const fault = 'basic.get operations are not supported by quorum queues with single active consumer'
      throw new ResourceLockedError(`cannot obtain access to locked ${queue.title}. ${fault}`)
    }
    const delivery = queue.get(this.deliveries, noAck, tentative)
    if (delivery !== undefined) this.#remember(queue)
    if (noAck) this.rest()
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
    this.#operate(() => this.#virtualHost.bindings.add(binding, this.#connection))
  }

  unbind(binding: BindingDeclaration): void {
    this.#operate(() => this.#virtualHost.bindings.remove(binding, this.#connection))
  }

  hasBinding(binding: BindingDeclaration): boolean {
    return this.#operate(() => this.#virtualHost.bindings.has(binding))
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
    this.#deliveries?.giveBack()
    this.#connection.forget(this)
    this.#drained?.notify()
    this.#listener.closed?.(new ClosedError(`channel of connection '${this.#connection.name}'`))
    this.#virtualHost.broker.settle()
  }

  /** The channel holds deliveries of the queue from now on, or may. */
  #remember(queue: QueueState): void {
    this.deliveries.remember(queue)
    this.#connection.remember(this)
  }

  /** A channel that holds nothing is forgotten by everybody, so that handles may be made and dropped freely. */
  rest(): void {
    if (this.#pending > 0 || this.#deliveries?.none === false) return
    this.#deliveries?.forgetQueues()
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
