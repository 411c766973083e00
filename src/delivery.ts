/**
 * A message in the hands of a consumer: what it is, and the four verbs that settle it.
 */
import { type Arguments, NO_ARGUMENTS } from './arguments.js'
import { decodeBody } from './body.js'
import { PreconditionFailedError } from './errors.js'
import { type AbortControllerLike, host, type Signal } from './host.js'
import type { Message, MessageProperties } from './message.js'

/** How a delivery is settled: `basic.ack`, `basic.nack` with requeue, `basic.reject` with requeue, or reject for good. */
export type Settlement = 'ack' | 'requeue' | 'retry' | 'reject'

/** Who takes settlements: the channel that made the delivery. */
export interface Settler {
  /** Settles the delivery with this tag. Synchronous; what it causes on a remote broker comes later. */
  settle(deliveryTag: number, how: Settlement, reason?: unknown): void
}

/**
 * A delivered message. It is settled once, by one of `ack`, `requeue`, `retry` and `reject`; until then it counts
 * against its consumer's prefetch, and when the channel closes it goes back to its queue.
 */
export abstract class Delivery<Body = unknown> {
  /** @internal */
  readonly message: Message
  /** True when the message was handed out before, from this queue, and came back (ACK-12). */
  abstract readonly redelivered: boolean
  /** @internal The channel that it was delivered on. */
  abstract readonly channel: Settler
  /** @internal */
  tag = 0
  /** @internal */
  settlement: Settlement | 'lost' | undefined = undefined
  /** @internal What few deliveries need: decoded body, abort controller. */
  lazy: { body?: unknown; controller?: AbortControllerLike; assignedAt?: number } | undefined = undefined

  /** Deliveries are made by brokers. */
  constructor(message: Message) {
    this.message = message
  }

  /** Number of this delivery on its channel, from 1 (ACK-01). */
  get deliveryTag(): number {
    return this.tag
  }

  /**
   * The body. Bytes whose content type is JSON or text are decoded at the first look.
   * @throws BodyEncodingError when bytes that claim to be JSON are not; `message.body` bytes stay available as `content`.
   */
  get body(): Body {
    const { body } = this.message
    if (!(body instanceof Uint8Array)) return body as Body
    this.lazy ??= {}
    if (!('body' in this.lazy)) this.lazy.body = decodeBody(body, this.message.properties.contentType)
    return this.lazy.body as Body
  }

  /** The body as it was published, never decoded. */
  get content(): unknown {
    return this.message.body
  }

  /** The message's properties. */
  get properties(): MessageProperties {
    return this.message.properties
  }

  /** The message's headers; an empty table when it has none. */
  get headers(): Arguments {
    return this.message.properties.headers ?? NO_ARGUMENTS
  }

  /** The exchange the message was published to: '' for a queue, the dead-letter exchange for a dead letter. */
  get exchange(): string {
    return this.message.exchange
  }

  /** The routing key the message was published with. */
  get routingKey(): string {
    return this.message.routingKey
  }

  /** Earlier deliveries that failed, on quorum queues (`x-delivery-count`, QQ-05); undefined on classic ones. */
  get deliveryCount(): number | undefined {
    return undefined
  }

  /** @internal Number of this attempt, as far as the engine knows. */
  get attempts(): number {
    return this.redelivered ? 2 : 1
  }

  /** How it was settled; `'lost'` when the broker took it back; undefined while it is yours to settle. */
  get settled(): Settlement | 'lost' | undefined {
    return this.settlement
  }

  /**
   * Aborted when the broker takes the delivery back: its channel closed, its queue was deleted, or it timed out.
   * Made at the first look.
   */
  get signal(): Signal {
    this.lazy ??= {}
    if (this.lazy.controller === undefined) {
      this.lazy.controller = new host.AbortController()
      if (this.settlement === 'lost') this.lazy.controller.abort()
    }
    return this.lazy.controller.signal as Signal
  }

  /**
   * The work is done: the message leaves the queue.
   * @throws PreconditionFailedError when it was settled before.
   */
  ack(): void {
    if (this.#settle('ack')) this.channel.settle(this.tag, 'ack')
  }

  /**
   * Gives the message back without calling it a failure (`basic.nack` with requeue): it returns to its place in a
   * classic queue, to the front of a quorum queue, and may come again at once.
   * @throws PreconditionFailedError when it was settled before.
   */
  requeue(): void {
    if (this.#settle('requeue')) this.channel.settle(this.tag, 'requeue')
  }

  /**
   * The work failed; try again (`basic.reject` with requeue): counts towards the queue's delivery limit, and waits for
   * the queue's backoff where it has one.
   * @param error what went wrong, for events
   * @throws PreconditionFailedError when it was settled before.
   */
  retry(error?: unknown): void {
    if (this.#settle('retry')) this.channel.settle(this.tag, 'retry', error)
  }

  /**
   * The message is not wanted (`basic.reject` without requeue): to the dead-letter exchange, or dropped where the queue
   * has none.
   * @param reason why, for events
   * @throws PreconditionFailedError when it was settled before.
   */
  reject(reason?: unknown): void {
    if (this.#settle('reject')) this.channel.settle(this.tag, 'reject', reason)
  }

  /** @internal The broker takes the delivery back. */
  lose(): void {
    this.settlement = 'lost'
    this.lazy?.controller?.abort()
  }

  #settle(how: Settlement): boolean {
    if (this.settlement === undefined) {
      this.settlement = how
      return true
    }
    if (this.settlement === 'lost') return false
    throw new PreconditionFailedError(
      `unknown delivery tag ${this.deliveryTag}`,
      `the delivery was settled before by ${this.settlement}(), and ${how}() came second`,
    )
  }
}
