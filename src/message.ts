/**
 * The envelope of a message: what was published, immutable from then on. What differs from queue to queue (position,
 * deadline, delivery count) lives with the queue; a dead letter is a new envelope that shares the body.
 */
import type { Arguments } from './arguments.js'
import { cloneBody, sizeOfBody } from './body.js'

/** The properties of a message: AMQP 0-9-1's thirteen, in camelCase. All optional; absent stays absent (PUB-17). */
export interface MessageProperties {
  /** MIME type of the body. */
  readonly contentType?: string
  /** MIME encoding of the body. */
  readonly contentEncoding?: string
  /** Application headers; also what a headers exchange routes by. */
  readonly headers?: Arguments
  /** 2 = persistent, 1 = transient. Carried, and without effect while messages live in memory. */
  readonly deliveryMode?: 1 | 2
  /** 0 to 255; acts on queues with `maxPriority` (PRI-01). */
  readonly priority?: number
  /** Application's correlation identifier. */
  readonly correlationId?: string
  /** Where a reply is expected. */
  readonly replyTo?: string
  /** Milliseconds the message may wait in a queue, as a decimal string (PUB-13) or a number. */
  readonly expiration?: string | number
  /** Application's message identifier. */
  readonly messageId?: string
  /** Seconds since 1970, as AMQP has it. */
  readonly timestamp?: number
  /** Application's message type. */
  readonly type?: string
  /** Must be the connection's user (PUB-14). */
  readonly userId?: string
  /** The publishing application. */
  readonly appId?: string
}

/** The properties of a message that has none; shared, so that a bare message costs nothing for them. */
export const NO_PROPERTIES: MessageProperties = Object.freeze({})

/** A published message: one object per publish, shared by every queue that holds a copy. */
export class Message {
  /** The body, by reference, or its encoded bytes. */
  readonly body: unknown
  /** The exchange it was published to; the dead-letter exchange for a dead letter. */
  readonly exchange: string
  /** The routing key it was published with. */
  readonly routingKey: string
  /** Its properties. */
  readonly properties: MessageProperties
  /**
   * @internal What few messages need: the size of the body in bytes, once somebody asked; the keys of a BCC header, which
   * route, now and when the message dies, and which no consumer sees (PUB-10); whether its history of deaths is the broker's.
   */
  rare: { size?: number; bcc?: readonly string[]; dead?: true } | undefined

  /** Makes an envelope. The body belongs to the bus from here on. */
  constructor(exchange: string, routingKey: string, body: unknown, properties: MessageProperties) {
    this.exchange = exchange
    this.routingKey = routingKey
    this.body = body
    this.properties = properties
    this.rare = undefined
  }
}

/**
 * Moves buffers of the body into it: they are detached where they were. For a message that nobody has yet.
 * @throws BodyEncodingError; nothing is detached then.
 */
export function takeOver(message: Message, transfer: readonly ArrayBuffer[]): void {
  const mutable: { body: unknown } = message
  mutable.body = cloneBody(message.body, transfer)
}

/**
 * Size of the message's body in bytes, computed at the first look.
 * @throws BodyEncodingError when the body has no size on a wire.
 */
export function measure(message: Message): number {
  message.rare ??= {}
  message.rare.size ??= sizeOfBody(message.body)
  return message.rare.size
}
