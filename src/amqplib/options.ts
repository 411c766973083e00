/** What the methods of a connection and of a channel take. */
import type { Credentials } from './credentials.js'

/** A connection, in place of a URL. */
export interface Connect {
  protocol?: string
  hostname?: string
  port?: number
  username?: string
  password?: string
  locale?: string
  frameMax?: number
  maxFrameSize?: number
  heartbeat?: number
  vhost?: string
  channelMax?: number
  credentials?: Credentials
}

/** Options of `assertQueue`. */
export interface AssertQueue {
  exclusive?: boolean
  durable?: boolean
  autoDelete?: boolean
  arguments?: unknown
  messageTtl?: number
  expires?: number
  deadLetterExchange?: string
  deadLetterRoutingKey?: string
  maxLength?: number
  maxPriority?: number
  overflow?: string
  queueMode?: string
}

/** Options of `deleteQueue`. */
export interface DeleteQueue {
  ifUnused?: boolean
  ifEmpty?: boolean
}

/** Options of `assertExchange`. */
export interface AssertExchange {
  durable?: boolean
  internal?: boolean
  autoDelete?: boolean
  alternateExchange?: string
  arguments?: unknown
}

/** Options of `deleteExchange`. */
export interface DeleteExchange {
  ifUnused?: boolean
}

/** Options of `publish` and `sendToQueue`. */
export interface Publish {
  expiration?: string | number
  userId?: string
  CC?: string | string[]
  mandatory?: boolean
  persistent?: boolean
  deliveryMode?: boolean | number
  BCC?: string | string[]
  contentType?: string
  contentEncoding?: string
  headers?: unknown
  priority?: number
  correlationId?: string
  replyTo?: string
  messageId?: string
  timestamp?: number
  type?: string
  appId?: string
}

/** Options of `consume`. */
export interface Consume {
  consumerTag?: string
  noLocal?: boolean
  noAck?: boolean
  exclusive?: boolean
  priority?: number
  arguments?: unknown
}

/** Options of `get`. */
export interface Get {
  noAck?: boolean
}
