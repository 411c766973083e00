/** AMQP's channel on a broker in this process: a channel of the seam, and what the protocol has besides. */
import { type Arguments, NO_ARGUMENTS } from '../arguments.js'
import type { BindingDeclaration, Compatibility, QueueInfo } from '../declarations.js'
import type { Settlement } from '../delivery.js'
import {
  ClosedError,
  type LeveretError,
  NotFoundError,
  NotImplementedError,
  PreconditionFailedError,
} from '../errors.js'
import { Message, type MessageProperties, NO_PROPERTIES } from '../message.js'
import { REPLY_TO } from '../names.js'
import type { Scheduler } from '../scheduler.js'
import type { Timers } from '../timers.js'
import { AcknowledgementTimeout, timedOut } from './acknowledgement-timeout.js'
import type {
  AmqpChannel,
  AmqpChannelListener,
  ConsumeFlags,
  ExchangeFlags,
  GotMessage,
  MethodId,
  PublishFlags,
  QueueFlags,
} from './amqp-channel.js'
import { AmqpConsumers } from './amqp-consumers.js'
import type { ChannelDeliveries } from './channel-deliveries.js'
import type { LocalChannel } from './local-channel.js'
import { METHODS, type MethodName, NO_METHOD } from './methods.js'
import { settleOne, settleTaken, takeOut } from './taken.js'
import { Transaction } from './transaction.js'
import { limit } from './window.js'

const NO_FLAGS: PublishFlags = {}

/** What a channel needs of its connection. */
export interface AmqpChannelOwner {
  readonly compatibility: Compatibility
  readonly scheduler: Scheduler
  readonly timers: Timers
  /** How long a delivery may stay unacknowledged, in ms; `Infinity` is for ever. */
  readonly consumerTimeout: number
  /** Whose events keep their order. */
  readonly lane: object
  /** Opens the channel of the seam underneath. */
  openChannel(listener: ConstructorParameters<typeof LocalChannel>[2]): LocalChannel
  /** The channel is closed: its number is free. */
  forget(channel: LocalAmqpChannel): void
  /** A channel made an error that RabbitMQ closes the connection for (GEN-01). */
  fail(error: LeveretError, method: MethodId): void
  /** A channel made an error that closes it. */
  channelFailed(error: LeveretError): void
  /** A channel published: a broker with an alarm blocks the connection then. */
  published(): void
}

export class LocalAmqpChannel implements AmqpChannel {
  readonly number: number
  readonly #connection: AmqpChannelOwner
  readonly #listener: AmqpChannelListener
  readonly #channel: LocalChannel
  readonly #held: ChannelDeliveries
  readonly #consumers: AmqpConsumers
  /** What is to be told, in order: nothing is said inside a method. */
  #notices: (() => void)[] = []
  /** Name of the queue that was declared last (GEN-08). */
  #currentQueue: string | undefined
  /** Publishes before `confirm.select`, which have no number (CNF-02). */
  #unnumbered: number | undefined
  #transaction: Transaction | undefined
  readonly #timeout: AcknowledgementTimeout | undefined
  /** True when the publish to the default exchange that is going on came back. */
  #returned = false
  #closed = false

  constructor(number: number, connection: AmqpChannelOwner, listener: AmqpChannelListener) {
    this.number = number
    this.#connection = connection
    this.#listener = listener
    this.#channel = connection.openChannel({
      number,
      returned: (message) => {
        this.#returned = message.exchange === ''
        this.#notice(() => listener.returned(message))
      },
      confirmed: (sequenceNumber, accepted) => this.#confirm(sequenceNumber, accepted),
    })
    this.#held = this.#channel.deliveries
    this.#held.lost = new Map()
    if (connection.consumerTimeout !== Number.POSITIVE_INFINITY) {
      this.#timeout = new AcknowledgementTimeout(connection, this.#held, () => this.#timedOut())
    }
    const { compatibility } = connection
    const home = { compatibility, timeout: this.#timeout, notice: (tell: () => void) => this.#notice(tell) }
    this.#consumers = new AmqpConsumers(home, this.#channel, listener)
  }

  get closed(): boolean {
    return this.#closed
  }

  get lane(): object {
    return this.#connection.lane
  }

  // Exchanges

  exchangeDeclare(name: string, type: string, flags: ExchangeFlags = {}): void {
    const { passive = false, durable = false, autoDelete = false, internal = false } = flags
    const args = flags.arguments ?? NO_ARGUMENTS
    this.#run('exchange.declare', () => {
      if (passive) this.#channel.checkExchange(name)
      else this.#channel.declareExchange({ name, type, durable, autoDelete, internal, arguments: args })
    })
  }

  exchangeDelete(name: string, ifUnused = false): void {
    this.#run('exchange.delete', () => this.#channel.deleteExchange(name, ifUnused))
  }

  exchangeBind(destination: string, source: string, routingKey: string, args: Arguments = NO_ARGUMENTS): void {
    const binding = { source, destination, destinationKind: 'exchange', routingKey, arguments: args } as const
    this.#run('exchange.bind', () => this.#channel.bind(binding))
  }

  exchangeUnbind(destination: string, source: string, routingKey: string, args: Arguments = NO_ARGUMENTS): void {
    const binding = { source, destination, destinationKind: 'exchange', routingKey, arguments: args } as const
    this.#run('exchange.unbind', () => this.#channel.unbind(binding))
  }

  // Queues

  queueDeclare(name: string, flags: QueueFlags = {}): QueueInfo {
    const { passive = false, durable = false, exclusive = false, autoDelete = false } = flags
    const args = flags.arguments ?? NO_ARGUMENTS
    return this.#run('queue.declare', () => {
      const info = passive
        ? this.#channel.checkQueue(name)
        : this.#channel.declareQueue({ name, durable, exclusive, autoDelete, arguments: args, lenient: true })
      this.#currentQueue = info.name
      return info
    })
  }

  queueBind(queue: string, exchange: string, routingKey: string, args: Arguments = NO_ARGUMENTS): void {
    this.#run('queue.bind', () => this.#channel.bind(this.#binding(queue, exchange, routingKey, args)))
  }

  queueUnbind(queue: string, exchange: string, routingKey: string, args: Arguments = NO_ARGUMENTS): void {
    this.#run('queue.unbind', () => this.#channel.unbind(this.#binding(queue, exchange, routingKey, args)))
  }

  queuePurge(queue: string): number {
    return this.#run('queue.purge', () => this.#channel.purgeQueue(this.#queueName(queue)))
  }

  queueDelete(queue: string, ifUnused = false, ifEmpty = false): number {
    return this.#run('queue.delete', () => this.#channel.deleteQueue(this.#queueName(queue), ifUnused, ifEmpty))
  }

  /** An empty name is the queue declared last (GEN-08). */
  #queueName(name: string): string {
    const found = name === '' ? this.#currentQueue : name
    if (found === undefined) throw new NotFoundError('no previously declared queue')
    return found
  }

  #binding(queue: string, source: string, routingKey: string, args: Arguments): BindingDeclaration {
    const destination = this.#queueName(queue)
    // GEN-09: only where both are empty.
    const key = queue === '' && routingKey === '' ? destination : routingKey
    return { source, destination, destinationKind: 'queue', routingKey: key, arguments: args }
  }

  // Messages

  basicPublish(
    exchange: string,
    routingKey: string,
    body: unknown,
    properties: MessageProperties = NO_PROPERTIES,
    flags: PublishFlags = NO_FLAGS,
  ): void {
    this.#checkOpen()
    // n.b. no closure, as in `#run`: this is once a message.
    try {
      this.#publish(
        new Message(exchange, routingKey, body, properties),
        flags.mandatory === true,
        flags.immediate === true,
      )
    } catch (error) {
      this.#report(error, 'basic.publish')
      throw error
    }
  }

  #publish(message: Message, mandatory: boolean, immediate: boolean): void {
    if (immediate) throw new NotImplementedError('immediate=true')
    const channel = this.#channel
    if (this.#transaction !== undefined) {
      this.#transaction.publishes(channel.prepare(message, mandatory))
      return
    }
    this.#returned = false
    const outcome = channel.publish(message, mandatory, 0)
    if (mandatory && this.#connection.compatibility === '3.10') this.#returnReply(message)
    this.#connection.published()
    if (this.#unnumbered !== undefined && outcome !== 'pending')
      this.#confirm(channel.publishes, outcome === 'accepted')
  }

  /** n.b. an address for replies was no queue in 3.10: a mandatory reply came back, wherever it went (DRT-07). */
  #returnReply(message: Message): void {
    if (message.exchange !== '' || !message.routingKey.startsWith(`${REPLY_TO}.`)) return
    if (!this.#returned) this.#notice(() => this.#listener.returned(message))
  }

  basicGet(queue: string, noAck = false): GotMessage | undefined {
    return this.#run('basic.get', () => {
      const name = this.#queueName(queue)
      const delivery = this.#channel.get(name, noAck)
      if (delivery === undefined) return undefined
      if (this.#timeout?.idle) this.#timeout.start()
      return { delivery, messageCount: this.#channel.readyOf(delivery) }
    })
  }

  basicConsume(queue: string, flags: ConsumeFlags = {}): string {
    return this.#run('basic.consume', () => this.#consumers.consume(this.#queueName(queue), flags))
  }

  basicCancel(consumerTag: string): void {
    this.#run('basic.cancel', () => this.#consumers.cancel(consumerTag))
  }

  // Settlements

  basicAck(deliveryTag: number, multiple = false): void {
    this.#settle('basic.ack', deliveryTag, multiple, 'ack')
  }

  basicNack(deliveryTag: number, multiple = false, requeue = true): void {
    this.#settle('basic.nack', deliveryTag, multiple, requeue ? 'requeue' : 'reject')
  }

  basicReject(deliveryTag: number, requeue = true): void {
    this.#settle('basic.reject', deliveryTag, false, requeue ? 'retry' : 'reject')
  }

  basicRecover(requeue = true): void {
    this.#run('basic.recover', () => {
      if (!requeue) throw new NotImplementedError('requeue=false')
      this.#consumers.handOut()
      settleTaken(this.#held, takeOut(this.#held, 0, true), 'requeue')
    })
  }

  #settle(method: MethodName, deliveryTag: number, multiple: boolean, how: Settlement): void {
    this.#checkOpen()
    try {
      if (this.#transaction !== undefined) {
        this.#transaction.settles(takeOut(this.#held, deliveryTag, multiple), how)
      } else if (multiple) settleTaken(this.#held, takeOut(this.#held, deliveryTag, true), how)
      else settleOne(this.#held, deliveryTag, how)
    } catch (error) {
      this.#report(error, method)
      throw error
    }
  }

  basicQos(prefetchSize: number, prefetchCount: number, global = false): void {
    this.#run('basic.qos', () => {
      if (prefetchSize !== 0) throw new NotImplementedError(`prefetch_size!=0 (${prefetchSize})`)
      // QOS-05: a limit for each consumer takes the limit of the channel away.
      limit(this.#held, global ? prefetchCount : 0)
      this.#consumers.limited = global && prefetchCount > 0
      if (!global) this.#consumers.prefetch = prefetchCount
    })
  }

  // Confirms and transactions

  confirmSelect(): void {
    this.#run('confirm.select', () => {
      if (this.#transaction !== undefined) throw new PreconditionFailedError('cannot switch from tx to confirm mode')
      this.#unnumbered ??= this.#channel.publishes
    })
  }

  txSelect(): void {
    this.#run('tx.select', () => {
      if (this.#unnumbered !== undefined) throw new PreconditionFailedError('cannot switch from confirm to tx mode')
      this.#transaction ??= new Transaction(this.#held)
    })
  }

  txCommit(): void {
    this.#run('tx.commit', () => this.#openTransaction().commit())
  }

  txRollback(): void {
    this.#run('tx.rollback', () => this.#openTransaction().rollback())
    if (this.#timeout?.idle) this.#timeout.start()
  }

  #openTransaction(): Transaction {
    if (this.#transaction === undefined) throw new PreconditionFailedError('channel is not transactional')
    return this.#transaction
  }

  channelFlow(active: boolean): void {
    this.#run('channel.flow', () => {
      if (!active) throw new NotImplementedError('active=false')
    })
  }

  #confirm(publish: number, accepted: boolean): void {
    if (this.#unnumbered === undefined || publish <= this.#unnumbered) return
    const sequenceNumber = publish - this.#unnumbered
    this.#notice(() => this.#listener.confirmed(sequenceNumber, accepted))
  }

  // Telling, failing, closing

  #notice(tell: () => void): void {
    if (this.#notices.push(tell) === 1) this.#connection.scheduler.schedule(this)
  }

  /** Tells what there is to tell. */
  run(): void {
    const notices = this.#notices
    this.#notices = []
    for (const tell of notices) tell()
  }

  #run<T>(method: MethodName, operation: () => T): T {
    this.#checkOpen()
    try {
      return operation()
    } catch (error) {
      this.#report(error, method)
      throw error
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError(`channel ${this.number}`)
  }

  #report(error: unknown, method: MethodName): void {
    // n.b. by its scope, as another copy of the package may have made it.
    if (error instanceof Error && 'scope' in error) this.#fail(error as LeveretError, METHODS[method])
  }

  #fail(error: LeveretError, method: MethodId): void {
    if (error.scope === 'connection') this.#connection.fail(error, method)
    else if (error.scope === 'channel') {
      this.#connection.channelFailed(error)
      this.end()
      this.#notice(() => this.#listener.closed(error, method))
    }
  }

  #timedOut(): void {
    this.#fail(timedOut(this.number, this.#connection.consumerTimeout), NO_METHOD)
  }

  close(): void {
    this.end()
  }

  /** Gives everything back, without a word to the listener. */
  end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#timeout?.stop()
    this.#transaction?.rollback()
    this.#consumers.clear()
    this.#channel.close()
    this.#connection.forget(this)
  }
}
