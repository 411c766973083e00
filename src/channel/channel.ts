/**
 * The seam. Handles (producers, consumers, queues, exchanges) know a broker only through these interfaces: the local
 * engine implements them by direct calls, a worker or a real RabbitMQ will by messages. Nothing in here says which.
 */

import type { BodyMode } from '../body.js'
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
import type { Delivery, Settler } from '../delivery.js'
import type { LeveretError } from '../errors.js'
import type { Awaitable } from '../host.js'
import type { Message } from '../message.js'
import type { Scheduler } from '../scheduler.js'
import type { HandleTracker } from '../tracker.js'

/** What a channel tells its owner. Called outside of the owner's own calls, except `returned`, which may come inside `publish`. */
export interface ChannelListener {
  /** The number that the owner gave the channel, where it has one. */
  readonly number?: number
  /** A pending publish was taken (`basic.ack`) or refused (`basic.nack`): by a full queue, or with an error. */
  confirmed?(sequenceNumber: number, accepted: boolean, message?: Message, error?: LeveretError): void
  /**
   * A mandatory message reached no queue. Comes before the confirm of the same publish (CNF-05): within the publish, or
   * later with the number that it had.
   */
  returned?(message: Message, sequenceNumber?: number): void
  /** A delivery went with its queue, or was out for too long: it is no longer there to be settled. */
  lost?(deliveryTag: number): void
  /** The channel is gone; everything it held was given back. */
  closed?(error: LeveretError): void
}

/** A consumer on its queue: deliveries wait here until they are taken. */
export interface Subscription {
  readonly consumerTag: string
  /** Where the replies go that a consumer of direct replies takes, if that is known at once. */
  readonly replyAddress?: string | undefined
  /** True when the queue delays failed deliveries by itself, so that the consumer need not. */
  readonly backsOff: boolean
  /**
   * Hands over the next delivery; undefined when there is none, or when the event loop must have a turn first, which it
   * need not while one goes on with what it began.
   */
  take(goesOn?: boolean): Delivery | undefined
  /** True when so many deliveries wait to be taken; else `ready` is called again when there are more. */
  holds(count: number): boolean
  /**
   * Stops the deliveries. Those not taken go back to their place in the queue, not flagged redelivered; those taken
   * stay to be settled. Idempotent.
   */
  cancel(): Awaitable<void>
  /** Calls back once when every delivery that was taken is settled. */
  whenSettled(callback: () => void): void
}

/** One channel: publishes, consumers and settlements, numbered and ordered among themselves. */
export interface Channel extends Settler {
  readonly closed: boolean
  /** Publishes made on this channel so far; the sequence number of the last one. */
  readonly publishes: number
  /** True when a producer should wait for `drained` before it publishes more. */
  readonly full: boolean
  /**
   * Routes a message. Synchronous, and runs no consumer. `delay` in ms parks it first. The buffers in `transfer` are taken
   * over: detached when it returns, left alone when it throws.
   */
  publish(message: Message, mandatory: boolean, delay: number, transfer?: readonly ArrayBuffer[]): Outcome
  /** Resolves when `full` no longer holds. */
  drained(): Promise<void>
  consume(queue: string, options: ConsumeOptions, listener: SubscriptionListener): Awaitable<Subscription>
  /**
   * The next ready message (`basic.get`); undefined when there is none. A `tentative` one that is not settled when the
   * channel closes goes back as if it had not been taken, to its place and not flagged redelivered.
   */
  get(queue: string, noAck: boolean, tentative?: boolean): Awaitable<Delivery | undefined>

  declareExchange(declaration: ExchangeDeclaration): Awaitable<void>
  deleteExchange(name: string, ifUnused: boolean): Awaitable<void>
  hasExchange(name: string): Awaitable<boolean>
  /**
   * Declares a queue, its dead-letter queue if that is missing, and the bindings, whose destination is the queue whatever
   * they say. Whatever can fail comes before the first change.
   */
  declareQueue(
    declaration: QueueDeclaration,
    bindings?: readonly BindingDeclaration[],
    deadLetter?: string,
  ): Awaitable<QueueInfo>
  checkQueue(name: string): Awaitable<QueueInfo>
  queueStats(name: string): Awaitable<QueueStats>
  /** Answers the number of ready messages that went with it. */
  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): Awaitable<number>
  /** Answers the number of messages removed. */
  purgeQueue(name: string): Awaitable<number>
  bind(binding: BindingDeclaration): Awaitable<void>
  unbind(binding: BindingDeclaration): Awaitable<void>
  /** Throws `NotImplementedError` where the broker cannot tell: AMQP has no question for it. */
  hasBinding(binding: BindingDeclaration): Awaitable<boolean>

  /** Gives back everything unsettled and ends its consumers. Idempotent. */
  close(): Awaitable<void>
}

/** A connection to one virtual host: what a `Bus` stands on. */
export interface Connection {
  readonly virtualHost: string
  readonly closed: boolean
  /** Equal for connections to the same virtual host of the same broker: handles of another are foreign. */
  readonly home: unknown
  /** Name of the connection. */
  readonly name: string
  readonly scheduler: Scheduler
  /** What becomes of native bodies. */
  readonly bodies: BodyMode
  /** Names of the queue arguments that this engine knows, for did-you-mean; undefined when it cannot tell. */
  readonly queueArguments: readonly string[] | undefined
  /** Who follows what is done with the handles, in tests. */
  readonly tracker?: HandleTracker | undefined
  openChannel(listener: ChannelListener): Channel
  /** Reports a failure that has no caller to go to. */
  fault(error: unknown, where: string): void
  close(): Awaitable<void>
}
