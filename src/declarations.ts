/**
 * What crosses the seam between handles and brokers as plain data: declarations, normalised, and the answers to them.
 */
import type { Arguments } from './arguments.js'
import type { ConsumerCancelledError } from './errors.js'

/** How a queue is declared, normalised: arguments hold everything that has an `x-` name. */
export interface QueueDeclaration {
  readonly name: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Arguments
  /** True when arguments that nobody knows are kept and have no effect, as RabbitMQ has it (QA-01); else they are refused. */
  readonly lenient?: boolean
}

/** The version of RabbitMQ whose behaviour a broker has, where versions differ. */
export type Compatibility = '3.10' | '4.3'

/** How an exchange is declared, normalised. */
export interface ExchangeDeclaration {
  readonly name: string
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Arguments
}

/** RabbitMQ's queue.declare-ok. */
export interface QueueInfo {
  /** The actual name: generated when '' was declared. */
  readonly name: string
  /** Ready messages. */
  readonly messageCount: number
  /** Consumers attached. */
  readonly consumerCount: number
}

/** One end of a binding: from the exchange `source` to a queue or exchange. */
export interface BindingDeclaration {
  readonly source: string
  readonly destination: string
  readonly destinationKind: 'queue' | 'exchange'
  readonly routingKey: string
  readonly arguments: Arguments
}

/** How a consumer is attached. */
export interface ConsumeOptions {
  /** Name of the consumer on its channel; generated when ''. */
  readonly consumerTag: string
  /** Deliveries that may be out at once; 0 = unlimited. */
  readonly prefetch: number
  /** Settled when handed over; nothing to acknowledge. */
  readonly noAck: boolean
  /** Refuses every other consumer of the queue. */
  readonly exclusive: boolean
  /** Higher goes first (CON-10). */
  readonly priority: number
  /** Takes one delivery for a waiting `get`: no consumer in any count, no cause of auto-delete. */
  readonly once: boolean
}

/** What a consumer is told. Called by the scheduler, never inside a publish, settlement or declare. */
export interface SubscriptionListener {
  /** There is something to `take`. Called again when the turn was used up before all was taken. */
  ready(): void
  /** The broker ended the consumer. What it held unacknowledged stays with its channel. */
  cancelled(error: ConsumerCancelledError): void
}

/**
 * What became of a publish. `accepted`: the broker has taken responsibility. `refused`: it will not (a full queue with
 * reject-publish). `pending`: the answer comes later through `confirmed`, under the sequence number `publishes` had.
 */
export type Outcome = 'accepted' | 'refused' | 'pending'

/** The numbers of one queue at one moment. */
export interface QueueStats {
  /** Messages that entered. */
  readonly enqueued: number
  /** Messages that wait for a consumer. */
  readonly ready: number
  /** Messages that wait for their next attempt. */
  readonly delayed: number
  /** Messages assigned to a consumer or `get` and not settled. */
  readonly unacked: number
  /** Messages acknowledged. */
  readonly acked: number
  /** Messages handed over with nothing to acknowledge. */
  readonly autoAcked: number
  /** Messages whose time to live ran out. */
  readonly expired: number
  /** Messages dropped by a length limit. */
  readonly overflowed: number
  /** Messages rejected. */
  readonly rejected: number
  /** Messages that failed too often. */
  readonly deliveryLimited: number
  /** Messages purged. */
  readonly purged: number
  /** Messages deleted with the queue. */
  readonly deleted: number
  /** Times that a message came back from a consumer, at once or after a wait. Ends nothing. */
  readonly requeued: number
  /** Of the expired, overflowed, rejected and deliveryLimited: those that reached a queue by the dead-letter exchange. */
  readonly deadLettered: number
  /** Those that did not. */
  readonly deadLetterLost: number
  /** Consumers attached. */
  readonly consumers: number
}
