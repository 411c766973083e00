/** The types of amqplib's API, which need no amqplib: each is assignable to its namesake there, and the other way round. */
import type { EventEmitter } from 'node:events'
import type { ConnectionOptions } from 'node:tls'
import type { Credentials } from './credentials.js'
import type * as Options from './options.js'
import type * as Replies from './replies.js'

/** A listener of any event. */
// biome-ignore lint/suspicious/noExplicitAny: as in amqplib's own types; an event may carry anything
export type AnyListener = (...args: any[]) => void

/** Options of the socket. There is none here: those for it are taken and have nothing to act on. */
export interface SocketOptions extends ConnectionOptions {
  noDelay?: boolean
  timeout?: number
  keepAlive?: boolean
  keepAliveDelay?: number
  clientProperties?: Record<string, unknown>
  credentials?: Credentials
}

/** Options of a channel. */
export interface ChannelOptions {
  /** How many frames may wait before `publish` answers false. @default 1024 */
  highWaterMark?: number
}

/** What every message is delivered with. */
export interface CommonMessageFields {
  deliveryTag: number
  redelivered: boolean
  exchange: string
  routingKey: string
}

/** What a message is delivered with, whichever way. */
export interface MessageFields extends CommonMessageFields {
  messageCount?: number
  consumerTag?: string
}

/** What `get` answers with a message. */
export interface GetMessageFields extends CommonMessageFields {
  messageCount: number
}

/** What a consumer gets with a message. */
export interface ConsumeMessageFields extends CommonMessageFields {
  consumerTag: string
}

/** A record of a death. */
export interface XDeath {
  count: number
  reason: 'rejected' | 'expired' | 'maxlen'
  queue: string
  time: { '!': 'timestamp'; value: number }
  exchange: string
  'original-expiration'?: unknown
  'routing-keys': string[]
}

/** Headers of a message. */
export interface MessagePropertyHeaders {
  'x-first-death-exchange'?: string
  'x-first-death-queue'?: string
  'x-first-death-reason'?: string
  'x-death'?: XDeath[]
  // biome-ignore lint/suspicious/noExplicitAny: as in amqplib's own types, where headers are read without a check
  [key: string]: any
}

/** Properties of a message; what it has not is undefined. */
export interface MessageProperties {
  contentType: string | undefined
  contentEncoding: string | undefined
  headers: MessagePropertyHeaders | undefined
  deliveryMode: number | undefined
  priority: number | undefined
  correlationId: string | undefined
  replyTo: string | undefined
  expiration: string | undefined
  messageId: string | undefined
  timestamp: number | undefined
  type: string | undefined
  userId: string | undefined
  appId: string | undefined
  clusterId: string | undefined
}

/** A message. */
export interface Message {
  content: Buffer
  fields: MessageFields
  properties: MessageProperties
}

/** A message that `get` answered. */
export interface GetMessage extends Message {
  fields: GetMessageFields
}

/** A message that a consumer got. */
export interface ConsumeMessage extends Message {
  fields: ConsumeMessageFields
}

/** What the broker says of itself. */
export interface ServerProperties {
  host: string
  product: string
  version: string
  platform: string
  copyright?: string
  information: string
  [key: string]: string | undefined
}

/** How a connection that is lost is made anew. */
export interface Recovery<Model> {
  /** Milliseconds before the first attempt. @default 100 */
  initialDelay?: number
  /** The longest wait in milliseconds. @default 30,000 */
  maxDelay?: number
  /** What a wait is multiplied with for the next attempt. @default 2 */
  factor?: number
  /** By which part a wait may be shorter or longer, 0 to 1. @default 0.2 */
  jitter?: number
  /** Attempts, until there is a connection. @default no bound */
  maxRetries?: number
  /** The same before the first connection. @default `maxRetries` */
  initialMaxRetries?: number
  /** Called with every connection before it is used. */
  setup?: ((model: Model) => Promise<void>) | ((model: Model, done: (err?: Error) => void) => void)
  /** False: `connect` does not wait for the first connection. @default true */
  waitForConnect?: boolean
  /** Milliseconds before the attempt of this number, from 1. */
  calculateDelay?: (attempt: number) => number
}

/** Events of a connection. */
export interface ConnectionEvents extends EventEmitter {
  on(event: 'close', listener: (err?: Error) => void): this
  on(event: 'error', listener: (err: Error) => void): this
  on(event: 'blocked', listener: (reason: string) => void): this
  on(event: 'unblocked', listener: () => void): this
  on(event: 'update-secret-ok', listener: () => void): this
  on(event: 'handler-error', listener: (err: Error, eventName: string) => void): this
  on(event: string, listener: AnyListener): this
}

/** Events of a connection that recovers. */
export interface RecoveringEvents<Model> extends EventEmitter {
  on(event: 'connect', listener: (model: Model) => void): this
  on(event: 'disconnect', listener: (err: Error) => void): this
  on(event: 'connect-failed', listener: (err: Error) => void): this
  on(event: 'reconnect-scheduled', listener: (info: { attempt: number; delay: number; error: Error }) => void): this
  on(event: 'reconnect-failed', listener: (err: Error) => void): this
  on(event: 'blocked', listener: (reason: string) => void): this
  on(event: 'unblocked', listener: () => void): this
  on(event: 'error', listener: (err: Error) => void): this
  on(event: 'update-secret-ok', listener: () => void): this
  on(event: string, listener: AnyListener): this
}

/** Events of a channel. */
export interface ChannelEvents extends EventEmitter {
  on(event: 'close', listener: () => void): this
  on(event: 'error', listener: (err: Error) => void): this
  on(event: 'drain', listener: () => void): this
  on(event: 'ack', listener: (fields: { deliveryTag: number; multiple: boolean }) => void): this
  on(event: 'nack', listener: (fields: { deliveryTag: number; multiple: boolean; requeue: boolean }) => void): this
  on(event: 'cancel', listener: (fields: { consumerTag: string }) => void): this
  on(event: 'delivery', listener: (message: ConsumeMessage) => void): this
  on(event: 'return', listener: (message: Message) => void): this
  on(event: 'handler-error', listener: (err: Error, eventName: string) => void): this
  on(event: string, listener: AnyListener): this
}

/** What a consumer is called with: a message, or null when the broker ended the consumer. */
export type OnMessage = (msg: ConsumeMessage | null) => void

/** Called with null when the broker has a message, with an error when it refused it. */
// biome-ignore lint/suspicious/noExplicitAny: as in amqplib's own types, which name no type of error here
export type OnConfirm = (err: any, ok: Replies.Empty) => void

/** Publishes and settlements: the same in both APIs. */
export interface Messaging {
  publish(exchange: string, routingKey: string, content: Buffer, options?: Options.Publish): boolean
  sendToQueue(queue: string, content: Buffer, options?: Options.Publish): boolean
  ack(message: Message, allUpTo?: boolean): void
  ackAll(): void
  nack(message: Message, allUpTo?: boolean, requeue?: boolean): void
  nackAll(requeue?: boolean): void
  reject(message: Message, requeue?: boolean): void
}

export type { Credentials, Options, Replies }
