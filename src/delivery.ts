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
  /** A delivery was settled that had been before; its consumer gets an error. */
  settledTwice?(delivery: Delivery, how: Settlement): void
}

/** The queue that a delivery belongs to, as far as settling it goes. */
export interface HomeQueue {
  readonly name: string
  /** True when `deliveryCount` tells the failed deliveries. */
  readonly countsFailures: boolean
  /** A delivery was settled by its consumer, who may say why. */
  settle(delivery: Delivery, how: Settlement, reason?: unknown): void
  /** A delivery comes back because its consumer was lost. */
  takeBack(delivery: Delivery): void
  /** Assigns nothing until `release`: what comes back together must all be back first, or order is lost. */
  suspend(): void
  release(): void
}

/** Who has a delivery: a consumer, or the taker of a `get`. */
export interface Recipient {
  readonly queue: HomeQueue
  readonly holder: Settler
  /** True when deliveries are settled as they are handed over. */
  readonly noAck: boolean
  /** True when what it does not settle was only looked at: its end is no failure. */
  readonly tentative?: boolean
  /** A delivery was settled or taken back: its credit is free. */
  settled(): void
  /** The broker ends the consumer. */
  end(reason: string): void
}

/**
 * A delivered message. It is settled once, by one of `ack`, `requeue`, `retry` and `reject`; until then it counts
 * against its consumer's prefetch, and when the channel closes it goes back to its queue.
 */
export class Delivery<Body = unknown> {
  // n.b. one of these is made a message. One class, few fields, no inheritance: a derived one cost a sixth of a delivery.
  /** @internal */
  readonly message: Message
  /** @internal */
  tag: number
  /** @internal */
  settlement: Settlement | 'lost' | undefined
  /** @internal What few deliveries need: decoded body, abort controller, when it was assigned. */
  lazy: { body?: unknown; controller?: AbortControllerLike; assignedAt?: number } | undefined
  /** @internal Its place in the order of arrival. */
  readonly position: number
  /** @internal When it expires, in ms on the broker's clock; 0 = never. */
  readonly deadline: number
  /** @internal Twice the deliveries that failed, and one more when it was handed out before. */
  readonly history: number
  /** @internal Who has it; undefined while nobody has. */
  recipient: Recipient | undefined

  /** Deliveries are made by brokers. @hidden */
  constructor(message: Message, position: number, deadline: number, history: number) {
    this.message = message
    this.tag = 0
    this.settlement = undefined
    this.lazy = undefined
    this.position = position
    this.deadline = deadline
    this.history = history
    this.recipient = undefined
  }

  /** True when the message was handed out before, from this queue, and came back (ACK-12). */
  get redelivered(): boolean {
    return (this.history & 1) === 1
  }

  /** @internal Earlier deliveries that failed. */
  get failures(): number {
    return this.history >> 1
  }

  /** @internal */
  get queue(): HomeQueue {
    return (this.recipient as Recipient).queue
  }

  /** Number of this delivery on its channel, from 1 (ACK-01). */
  get deliveryTag(): number {
    return this.tag
  }

  /**
   * The body. Bytes whose content type is JSON or text are decoded at the first look; with a schema, what it made of them.
   * @throws BodyEncodingError when bytes that claim to be JSON are not; `message.body` bytes stay available as `content`.
   */
  get body(): Body {
    if (this.lazy !== undefined && 'body' in this.lazy) return this.lazy.body as Body
    const { body, properties } = this.message
    if (!(body instanceof Uint8Array)) return body as Body
    return this.become(decodeBody(body, properties.contentType)) as Body
  }

  /** @internal From now on this is the body. */
  become(body: unknown): unknown {
    this.lazy ??= {}
    this.lazy.body = body
    return body
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
    return this.queue.countsFailures ? this.failures : undefined
  }

  /** @internal When it was assigned; kept only for queues with a consumer timeout. */
  get assignedAt(): number {
    return this.lazy?.assignedAt ?? 0
  }

  /** @internal */
  noteAssigned(now: number): void {
    this.lazy ??= {}
    this.lazy.assignedAt = now
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
    this.#settle('ack', undefined)
  }

  /**
   * Gives the message back without calling it a failure (`basic.nack` with requeue): it returns to its place in a
   * classic queue, to the front of a quorum queue, and may come again at once.
   * @throws PreconditionFailedError when it was settled before.
   */
  requeue(): void {
    this.#settle('requeue', undefined)
  }

  /**
   * The work failed; try again (`basic.reject` with requeue): counts towards the queue's delivery limit, and waits for
   * the queue's backoff where it has one.
   * @param error what went wrong, for events
   * @throws PreconditionFailedError when it was settled before.
   */
  retry(error?: unknown): void {
    this.#settle('retry', error)
  }

  /**
   * The message is not wanted (`basic.reject` without requeue): to the dead-letter exchange, or dropped where the queue
   * has none.
   * @param reason why, for events
   * @throws PreconditionFailedError when it was settled before.
   */
  reject(reason?: unknown): void {
    this.#settle('reject', reason)
  }

  /** @internal The entry that goes back to the queue in place of this delivery, which its consumer may still look at. */
  again(failures: number, redelivered: boolean): Delivery {
    return new Delivery(this.message, this.position, this.deadline, failures * 2 + (redelivered ? 1 : 0))
  }

  /** @internal The broker takes the delivery back. */
  lose(): void {
    this.settlement = 'lost'
    this.lazy?.controller?.abort()
  }

  #settle(how: Settlement, reason: unknown): void {
    if (this.settlement === undefined) {
      this.settlement = how
      ;(this.recipient as Recipient).holder.settle(this.tag, how, reason)
    } else if (this.settlement !== 'lost') {
      throw this.#settledBefore(how)
    }
  }

  #settledBefore(how: Settlement): PreconditionFailedError {
    this.recipient?.holder.settledTwice?.(this, how)
    const before = this.recipient?.noAck === true ? 'when it was handed over, by noAck' : `by ${this.settlement}()`
    return new PreconditionFailedError(
      `unknown delivery tag ${this.deliveryTag}`,
      `the delivery was settled before ${before}, and ${how}() came second`,
    )
  }
}
