/**
 * What asks: one channel with its consumer of direct replies, and the conversations that wait there by their correlation
 * id. Made when the first request is, one a queue handle.
 */
import type { Channel, ChannelListener, Connection, Subscription } from '../channel/channel.js'
import type { Outcome, SubscriptionListener } from '../declarations.js'
import type { Delivery } from '../delivery.js'
import { Emitter } from '../emitter.js'
import { ClosedError, type LeveretError, PublishRefusedError, UnroutableError } from '../errors.js'
import { Message, type MessageProperties } from '../message.js'
import { REPLY_TO } from '../names.js'
import type { Timer, Timers } from '../timers.js'
import { type Conversation, Conversations } from './conversations.js'
import { messageOf } from './publish-options.js'
import { CREDIT, REPLY } from './reply.js'

/** A reply that nobody waits for. */
export interface StrayReply {
  /** `late`: its request is over, by a reply, a timeout or an abort. `unexpected`: there was no such request. */
  readonly reason: 'late' | 'unexpected'
  /** The reply. */
  readonly delivery: Delivery
}

/** What a requester reports. */
export interface RequesterEvents {
  /** A reply came that nobody waits for: late, a second time, or for no request of this handle. */
  stray: [reply: StrayReply]
}

/** The requests of a queue handle, counted. `queue.requester` is it. */
export class Requester {
  /** @internal */
  readonly timers: Timers
  readonly #connection: Connection
  readonly #queue: string
  readonly #waiting = new Conversations()
  /** Publishes whose confirm comes later: their requests by sequence number. */
  readonly #unconfirmed = new Map<number, Conversation>()
  #channel: Channel | undefined
  #subscription: Subscription | undefined
  /** n.b. the channel's own where it is known: the broker need not put it into every request. */
  #address = REPLY_TO
  #watcher: Timer | undefined
  #events: Emitter<RequesterEvents> | undefined
  #requested = 0
  #answered = 0
  #stray = 0
  #closed = false

  /** Use `queue.requester`. @hidden */
  constructor(connection: Connection, queue: string) {
    this.#connection = connection
    this.#queue = queue
    this.timers = connection.scheduler.timers
    connection.tracker?.requesting(this)
  }

  /** Requests that were made. */
  get requested(): number {
    return this.#requested
  }

  /** Requests that wait for their reply, or for more parts of it. */
  get pending(): number {
    return this.#waiting.length
  }

  /** Requests that ended by a reply, a responder's error among them. */
  get answered(): number {
    return this.#answered
  }

  /** Replies that nobody waited for. */
  get stray(): number {
    return this.#stray
  }

  /** Calls `listener` at every such event. A listener that throws is reported as a `fault` of the broker. */
  on<Name extends keyof RequesterEvents>(name: Name, listener: (...payload: RequesterEvents[Name]) => void): this {
    this.#events ??= new Emitter<RequesterEvents>(['stray'], (error, event) => {
      this.#connection.fault(error, `listener of '${event}' of the requester of queue '${this.#queue}'`)
    })
    this.#events.on(name, listener)
    return this
  }

  /** Takes a listener back. */
  off<Name extends keyof RequesterEvents>(name: Name, listener: (...payload: RequesterEvents[Name]) => void): this {
    this.#events?.off(name, listener)
    return this
  }

  /** @internal What is asked for, for errors. */
  get what(): string {
    return `request to queue '${this.#queue}'`
  }

  /**
   * @internal Publishes a request, numbers it, and answers when it is due: its message expires by the same time. What
   * refuses it comes as a failure of the conversation.
   * @throws ClosedError, BodyEncodingError, PreconditionFailedError.
   */
  ask(
    conversation: Conversation,
    body: unknown,
    timeout: number,
    further: MessageProperties | undefined,
    transfer: readonly ArrayBuffer[] | undefined,
  ): number {
    const channel = this.#channel ?? this.#open()
    const number = this.#requested + 1
    const id = String(number)
    const asked = { correlationId: id, replyTo: this.#address, expiration: String(timeout) }
    const properties: MessageProperties = further === undefined ? asked : { ...further, ...asked }
    const message = messageOf('', this.#queue, body, properties, this.#connection.bodies, transfer)
    conversation.number = number
    conversation.id = id
    this.#waiting.add(conversation)
    const due = this.timers.stop() + timeout
    let outcome: Outcome
    try {
      outcome = channel.publish(message, true, 0, transfer)
    } catch (error) {
      this.#waiting.delete(conversation)
      throw error
    } finally {
      this.timers.pass()
    }
    this.#requested++
    if (outcome === 'refused') this.#fail(conversation, new PublishRefusedError('', this.#queue))
    else if (outcome === 'pending') this.#unconfirmed.set(channel.publishes, conversation)
    this.#watch(due)
    return due
  }

  /** @internal The request is over. */
  end(conversation: Conversation, answered: boolean): void {
    if (this.#waiting.delete(conversation) && answered) this.#answered++
  }

  /** @internal Tells a responder how many more parts are wanted; 0 ends them. */
  grant(address: string, credit: number): void {
    const channel = this.#channel
    if (channel === undefined || channel.closed) return
    channel.publish(new Message('', address, undefined, { headers: { [CREDIT]: credit } }), false, 0)
  }

  /** @internal Why a request may have gone unanswered. */
  async whyUnanswered(): Promise<string | undefined> {
    try {
      const stats = await this.#channel?.queueStats(this.#queue)
      return stats?.consumers === 0 ? 'the queue has no responder' : undefined
    } catch {
      return 'the queue is gone'
    }
  }

  /** @internal */
  async close(): Promise<void> {
    this.#closed = true
    this.#failAll(new ClosedError(`requester of queue '${this.#queue}'`))
    await this.#channel?.close()
  }

  /**
   * Looks after the deadlines at `due`, or before. n.b. one timer for all of them, which no reply takes back: a timer for
   * each took a tenth of a request, and to arm the platform's for each as long as the rest of it.
   */
  #watch(due: number): void {
    if (this.#watcher !== undefined) {
      if (this.#watcher.due <= due) return
      this.timers.cancel(this.#watcher)
    }
    this.#watcher = this.timers.at(due, () => this.#look())
  }

  #look(): void {
    this.#watcher = undefined
    const now = this.timers.now()
    let next = Number.POSITIVE_INFINITY
    for (const conversation of this.#waiting.all()) {
      if (conversation.due <= now) conversation.timedOut?.()
      else next = Math.min(next, conversation.due)
    }
    if (next < Number.POSITIVE_INFINITY) this.#watch(next)
  }

  #open(): Channel {
    if (this.#closed) throw new ClosedError(`requester of queue '${this.#queue}'`)
    const channelListener: ChannelListener = {
      returned: ({ properties }) =>
        this.#fail(this.#waiting.get(properties.correlationId), new UnroutableError('', this.#queue)),
      confirmed: (sequenceNumber, accepted, _, error) => this.#confirmed(sequenceNumber, accepted, error),
      closed: (error) => this.#lost(error),
    }
    const channel = this.#connection.openChannel(channelListener)
    const replies: SubscriptionListener = {
      ready: () => this.#ready(),
      cancelled: (error) => this.#lost(error.cause ?? error),
    }
    const options = { consumerTag: '', prefetch: 0, noAck: true, exclusive: false, priority: 0, once: false }
    const attached = channel.consume(REPLY_TO, options, replies)
    this.#channel = channel
    // n.b. what a channel is asked for comes in order: requests may follow at once.
    if (attached instanceof Promise) {
      attached.then(
        (subscription) => {
          this.#subscription = subscription
          this.#ready()
        },
        (error) => this.#lost(error),
      )
    } else {
      this.#subscription = attached
      this.#address = attached.replyAddress ?? REPLY_TO
    }
    return channel
  }

  #ready(): void {
    for (let reply = this.#subscription?.take(); reply !== undefined; reply = this.#subscription?.take()) {
      const conversation = this.#waiting.get(reply.properties.correlationId)
      if (conversation === undefined || !conversation.replied(reply)) this.#strayed(reply)
    }
  }

  #strayed(delivery: Delivery): void {
    this.#stray++
    const { correlationId, replyTo } = delivery.properties
    // n.b. whoever goes on sending parts has not heard that the request is over.
    if (replyTo !== undefined && delivery.headers[REPLY] === 'part') this.grant(replyTo, 0)
    if (this.#events === undefined) return
    const number = Number(correlationId)
    const reason = String(number) === correlationId && number > 0 && number <= this.#requested ? 'late' : 'unexpected'
    this.#events.emit('stray', { reason, delivery })
  }

  #confirmed(sequenceNumber: number, accepted: boolean, error?: LeveretError): void {
    const conversation = this.#unconfirmed.get(sequenceNumber)
    this.#unconfirmed.delete(sequenceNumber)
    if (!accepted) this.#fail(conversation, error ?? new PublishRefusedError('', this.#queue))
  }

  #fail(conversation: Conversation | undefined, error: unknown): void {
    if (conversation !== undefined && this.#waiting.delete(conversation)) conversation.failed(error)
  }

  #failAll(error: unknown): void {
    for (const conversation of this.#waiting.all()) this.#fail(conversation, error)
  }

  /** The channel is gone: the next request opens another. */
  #lost(error: unknown): void {
    this.#channel = this.#subscription = undefined
    this.#address = REPLY_TO
    this.#unconfirmed.clear()
    if (this.#watcher !== undefined) this.timers.cancel(this.#watcher)
    this.#watcher = undefined
    this.#failAll(error)
  }
}
