/**
 * The consumers of an AMQP channel: what `basic.consume` checks, and deliveries in the order of their tags, which is one
 * for all consumers of the channel.
 */
import { type Arguments, fieldKind } from '../arguments.js'
import type { LocalSubscription } from '../broker/local-subscription.js'
import type { Compatibility } from '../declarations.js'
import { NotImplementedError, PreconditionFailedError } from '../errors.js'
import { REPLY_TO } from '../names.js'
import type { AcknowledgementTimeout } from './acknowledgement-timeout.js'
import type { AmqpChannelListener, ConsumeFlags } from './amqp-channel.js'
import type { LocalChannel } from './local-channel.js'

/** The channel that the consumers are on. */
interface ConsumingChannel {
  readonly compatibility: Compatibility
  /** Starts when a delivery is out. */
  readonly timeout: AcknowledgementTimeout | undefined
  /** Tells something when the method that goes on is over. */
  notice(tell: () => void): void
}

export class AmqpConsumers {
  /** For consumers that start from now on (QOS-02). */
  prefetch = 0
  /** True while they have a common limit. */
  limited = false
  readonly #home: ConsumingChannel
  readonly #channel: LocalChannel
  readonly #listener: AmqpChannelListener
  readonly #all = new Map<string, LocalSubscription>()

  constructor(home: ConsumingChannel, channel: LocalChannel, listener: AmqpChannelListener) {
    this.#home = home
    this.#channel = channel
    this.#listener = listener
  }

  /** Starts a consumer, and answers its tag. */
  consume(queue: string, flags: ConsumeFlags): string {
    const { consumerTag = '', noAck = false, exclusive = false } = flags
    const priority = flags.arguments === undefined ? 0 : this.#priorityOf(queue, flags.arguments)
    const alone = exclusive && !this.#isQuorum(queue)
    if (this.limited && this.#home.compatibility === '3.10' && this.#isQuorum(queue)) {
      throw new NotImplementedError(`${this.#channel.queueOf(queue).title} does not support global qos`)
    }
    const options = { consumerTag, prefetch: this.prefetch, noAck, exclusive: alone, priority, once: false }
    const subscription: LocalSubscription = this.#channel.consume(queue, options, {
      ready: () => this.#deliver(subscription),
      cancelled: () => {
        this.#all.delete(subscription.consumerTag)
        this.#home.notice(() => this.#listener.cancelled(subscription.consumerTag))
      },
    })
    this.#all.set(subscription.consumerTag, subscription)
    return subscription.consumerTag
  }

  /** Quorum queues know no exclusive consumers (CON-06), and no limit of a channel (QOS-14). */
  #isQuorum(queue: string): boolean {
    return queue !== REPLY_TO && this.#channel.queueOf(queue).type === 'quorum'
  }

  /** What the consumer's arguments say of it; a consumer of direct replies may say anything. */
  #priorityOf(queue: string, args: Arguments): number {
    const { 'x-priority': priority, 'x-stream-offset': offset } = args
    if (queue === REPLY_TO || (priority === undefined && offset === undefined)) return 0
    const { title, type } = this.#channel.queueOf(queue)
    if (offset !== undefined) {
      throw new PreconditionFailedError(`invalid arg 'x-stream-offset' for ${title} of queue type rabbit_${type}_queue`)
    }
    if (typeof priority === 'number' && Number.isInteger(priority)) return priority
    const fault = `"expected integer, got ${fieldKind(priority)}"`
    throw new PreconditionFailedError(`invalid arg 'x-priority' for ${title}: ${fault}`)
  }

  /** Ends a consumer; one that is not there is no error. */
  cancel(consumerTag: string): void {
    const subscription = this.#all.get(consumerTag)
    if (subscription === undefined) return
    // CON-13: what was assigned is out on the channel, and stays out.
    this.#handOut(subscription)
    this.#all.delete(consumerTag)
    void subscription.cancel()
  }

  /** Hands over what a consumer was assigned. */
  #deliver(subscription: LocalSubscription): void {
    this.#start()
    if (this.#all.size > 1) {
      this.#deliverInOrder()
      return
    }
    const { consumerTag } = subscription
    for (let next = subscription.take(); next !== undefined; next = subscription.take()) {
      this.#listener.delivered(consumerTag, next)
    }
  }

  /** The same for all consumers, by delivery tag: that is the order in which one channel brings them. */
  #deliverInOrder(): void {
    const consumers = [...this.#all.values()]
    for (;;) {
      let first: LocalSubscription | undefined
      for (const each of consumers) if (each.nextTag < (first?.nextTag ?? Number.POSITIVE_INFINITY)) first = each
      const next = first?.take()
      if (first === undefined || next === undefined) break
      this.#listener.delivered(first.consumerTag, next)
    }
    // n.b. who has nothing more must ask once, to be woken again.
    for (const each of consumers) if (each.nextTag === Number.POSITIVE_INFINITY) each.take()
  }

  /** Hands over what all were assigned, inside a method: it is out now, and the listener hears of it later. */
  handOut(): void {
    for (const subscription of this.#all.values()) this.#handOut(subscription)
  }

  #handOut(subscription: LocalSubscription): void {
    this.#start()
    const { consumerTag } = subscription
    for (let next = subscription.take(true); next !== undefined; next = subscription.take(true)) {
      const delivery = next
      this.#home.notice(() => this.#listener.delivered(consumerTag, delivery))
    }
  }

  #start(): void {
    const { timeout } = this.#home
    if (timeout?.idle) timeout.start()
  }

  /** Forgets the consumers: what they were assigned is out, and the channel gives it back. */
  clear(): void {
    // n.b. what was assigned was out on the channel: it comes back as redelivered (ACK-11).
    for (const subscription of this.#all.values()) while (subscription.take(true) !== undefined);
    this.#all.clear()
  }
}
