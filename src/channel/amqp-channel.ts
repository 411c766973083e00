/**
 * AMQP's own channel, for those who speak the protocol: a facade of a client library, a listener on a socket. The handles
 * need less, and stand on `Channel`. Every method is one of the protocol. It acts at once and throws what RabbitMQ would
 * close the channel or the connection with; by then that is done, and the listener hears of it after all that came before.
 */
import type { Arguments } from '../arguments.js'
import type { QueueInfo } from '../declarations.js'
import type { Delivery } from '../delivery.js'
import type { LeveretError } from '../errors.js'
import type { Message, MessageProperties } from '../message.js'

/** Class and method of the protocol, as `channel.close` names the one that failed (GEN-02); 0 and 0 where none did. */
export interface MethodId {
  /** Number of the class. */
  readonly classId: number
  /** Number of the method in its class. */
  readonly methodId: number
}

/** What a channel says unasked. Never called inside a method of the channel. */
export interface AmqpChannelListener {
  /** `basic.deliver`. */
  delivered(consumerTag: string, delivery: Delivery): void
  /** `basic.cancel`: the broker ended the consumer (CCN-01). */
  cancelled(consumerTag: string): void
  /** `basic.return` of a mandatory message. */
  returned(message: Message): void
  /** `basic.ack` or `basic.nack` of a publish in confirm mode. */
  confirmed(sequenceNumber: number, accepted: boolean): void
  /** `channel.close` by the broker; not called when the connection closes. */
  closed(error: LeveretError, method: MethodId): void
}

/** Flags of `exchange.declare`. */
export interface ExchangeFlags {
  readonly passive?: boolean
  readonly durable?: boolean
  readonly autoDelete?: boolean
  readonly internal?: boolean
  readonly arguments?: Arguments
}

/** Flags of `queue.declare`. */
export interface QueueFlags {
  readonly passive?: boolean
  readonly durable?: boolean
  readonly exclusive?: boolean
  readonly autoDelete?: boolean
  readonly arguments?: Arguments
}

/** Flags of `basic.consume`. */
export interface ConsumeFlags {
  readonly consumerTag?: string
  readonly noAck?: boolean
  readonly exclusive?: boolean
  readonly arguments?: Arguments
}

/** Flags of `basic.publish`. */
export interface PublishFlags {
  readonly mandatory?: boolean
  readonly immediate?: boolean
}

/** `basic.get-ok`. */
export interface GotMessage {
  readonly delivery: Delivery
  /** Ready messages left in the queue. */
  readonly messageCount: number
}

export interface AmqpChannel {
  /** Number of the channel on its connection, from 1. */
  readonly number: number
  readonly closed: boolean

  exchangeDeclare(name: string, type: string, flags?: ExchangeFlags): void
  exchangeDelete(name: string, ifUnused?: boolean): void
  exchangeBind(destination: string, source: string, routingKey: string, args?: Arguments): void
  exchangeUnbind(destination: string, source: string, routingKey: string, args?: Arguments): void

  queueDeclare(name: string, flags?: QueueFlags): QueueInfo
  queueBind(queue: string, exchange: string, routingKey: string, args?: Arguments): void
  queueUnbind(queue: string, exchange: string, routingKey: string, args?: Arguments): void
  queuePurge(queue: string): number
  queueDelete(queue: string, ifUnused?: boolean, ifEmpty?: boolean): number

  basicPublish(
    exchange: string,
    routingKey: string,
    body: unknown,
    properties?: MessageProperties,
    flags?: PublishFlags,
  ): void
  /** Answers the consumer's tag. */
  basicConsume(queue: string, flags?: ConsumeFlags): string
  basicCancel(consumerTag: string): void
  basicGet(queue: string, noAck?: boolean): GotMessage | undefined
  basicAck(deliveryTag: number, multiple?: boolean): void
  basicNack(deliveryTag: number, multiple?: boolean, requeue?: boolean): void
  basicReject(deliveryTag: number, requeue?: boolean): void
  basicRecover(requeue?: boolean): void
  basicQos(prefetchSize: number, prefetchCount: number, global?: boolean): void

  confirmSelect(): void
  txSelect(): void
  txCommit(): void
  txRollback(): void
  channelFlow(active: boolean): void

  /** Closes the channel by the client's wish: gives everything back, rolls a transaction back. Idempotent. */
  close(): void
}
