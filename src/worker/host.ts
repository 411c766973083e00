/** The broker's side of one connection: performs what a worker asks for on channels of its own. */
import {
  type BrokerState,
  type ConsumeOptions,
  type Delivery,
  FrameError,
  type LocalChannel,
  type LocalConnection,
  type LocalSubscription,
  Message,
} from '../internal.js'
import { asError } from './failure.js'
import type { Link, Operation } from './link.js'
import { checkCall, checkConsume } from './shapes.js'
import type { Packed } from './values.js'
import { ASK, HOWS, type Method, TELL } from './verbs.js'

/** Deliveries that may be on their way to a consumer without a limit of its own. */
const WINDOW = 1_000

export class HostConnection {
  readonly #link: Link
  readonly #connection: LocalConnection
  readonly #broker: BrokerState
  readonly #channels = new Map<number, HostChannel>()

  constructor(link: Link, connection: LocalConnection, broker: BrokerState) {
    this.#link = link
    this.#connection = connection
    this.#broker = broker
  }

  take(operation: Operation): void {
    const [verb, first, second, ...rest] = operation
    switch (verb) {
      case ASK.open:
        if (this.#channels.has(first as number)) throw new FrameError(`there is a channel ${String(first)} already`)
        this.#channels.set(first as number, new HostChannel(this.#link, this.#connection, first as number))
        return
      case ASK.publish: {
        const channel = this.#channel(first)
        this.#link.eachMessage(operation, (message) => channel.publish(second === 1, rest[0] as number, message))
        return
      }
      case ASK.settle: {
        const channel = this.#channel(first)
        this.#link.eachNumber(operation, (tag) => channel.settle(second as number, tag, undefined))
        return
      }
      case ASK.settleWhy:
        this.#channel(first).settle(second as number, rest[0] as number, this.#why(rest[1]))
        return
      case ASK.call:
        this.#answer(first as number, () => this.#channel(second).call(rest[0] as Method, this.#link.unpack(rest[1])))
        return
      case ASK.get:
        this.#channel(second).get(first as number, ...(rest as [string, boolean, boolean]))
        return
      case ASK.consume: {
        const [consumer, queue, options] = rest as [number, string, ConsumeOptions]
        this.#answer(first as number, () => this.#channel(second).consume(consumer, queue, options))
        return
      }
      case ASK.cancel: {
        const [consumer, last, ...tags] = rest as [number, number, ...number[]]
        this.#answer(first as number, () => this.#channels.get(second as number)?.cancel(consumer, last, tags))
        return
      }
      case ASK.credit:
        this.#channels.get(first as number)?.credit(second as number, rest[0] as number)
        return
      case ASK.fault:
        this.#broker.events.fault(this.#why(first), second as string)
        return
      case ASK.close:
        this.#answer(first as number, () => this.#close(second as number, rest as [number, ...number[]]))
        return
      case ASK.leave:
        this.#answer(first as number, () => this.#connection.close())
        return
      default:
        throw new FrameError(`operation ${String(verb)} is unknown`)
    }
  }

  publish(channel: number, mandatory: boolean, delay: number, message: Message | Error): void {
    this.#channel(channel).publish(mandatory, delay, message)
  }

  settle(channel: number, how: number, tag: number): void {
    this.#channel(channel).settle(how, tag, undefined)
  }

  /** What was handed over with this tag on a channel, and is not settled. */
  deliveryOf(channel: number, tag: number): Delivery | undefined {
    return this.#channels.get(channel)?.delivery(tag)
  }

  #close(number: number, [last, ...tags]: [number, ...number[]]): void {
    this.#channels.get(number)?.close(last, tags)
    this.#channels.delete(number)
  }

  /** n.b. a channel that closed meanwhile is still spoken to until its other end has heard of it. */
  #channel(number: unknown): HostChannel {
    const channel = this.#channels.get(number as number)
    if (channel === undefined) throw new FrameError(`there is no channel ${String(number)}`)
    return channel
  }

  /** A reason that came; what cannot be made of it is one, too. */
  #why(packed: unknown): unknown {
    try {
      return this.#link.unpack(packed)
    } catch (error) {
      return error
    }
  }

  /** Answers a call by what the function returns or throws. */
  #answer(call: number, act: () => unknown): void {
    let answer: Packed
    try {
      answer = this.#link.pack(act())
    } catch (error) {
      this.#link.say(TELL.failure, call, this.#link.pack(asError(error)))
      return
    }
    this.#link.say(TELL.answer, call, answer)
  }
}

class HostChannel {
  readonly #link: Link
  readonly #number: number
  readonly #connection: LocalConnection
  readonly #channel: LocalChannel
  readonly #consumers = new Map<number, HostConsumer>()
  /** Publishes of the worker, and which of the broker's they are while their confirms are withheld. */
  #publishes = 0
  readonly #pending = new Map<number, number>()

  constructor(link: Link, connection: LocalConnection, number: number) {
    this.#link = link
    this.#connection = connection
    this.#number = number
    this.#channel = connection.openChannel({
      returned: (message) => link.say(TELL.returned, number, this.#publishes, link.packMessage(message)),
      confirmed: (sequenceNumber) => this.#confirmed(sequenceNumber),
      lost: (tag) => link.sayNumber(TELL.lost, number, 0, tag),
      closed: (error) => link.say(TELL.channelClosed, number, link.pack(error)),
    })
  }

  publish(mandatory: boolean, delay: number, message: Message | Error): void {
    const number = ++this.#publishes
    try {
      if (!(message instanceof Message)) throw message
      const outcome = this.#channel.publish(message, mandatory, delay)
      if (outcome === 'accepted') this.#tell(number)
      else if (outcome === 'refused') this.#link.say(TELL.refused, this.#number, number, 0)
      else {
        this.#pending.set(this.#channel.publishes, number)
        this.#link.sayNumber(TELL.withheld, this.#number, 0, number)
      }
    } catch (error) {
      this.#link.say(TELL.refused, this.#number, number, this.#link.pack(asError(error)))
    }
  }

  #confirmed(sequenceNumber: number): void {
    const number = this.#pending.get(sequenceNumber)
    this.#pending.delete(sequenceNumber)
    if (number !== undefined) this.#tell(number)
  }

  #tell(number: number): void {
    this.#link.sayNumber(TELL.confirmed, this.#number, 0, number)
  }

  delivery(tag: number): Delivery | undefined {
    return this.#channel.deliveries.unacked?.get(tag)
  }

  settle(how: number, tag: number, reason: unknown): void {
    const verb = HOWS[how]
    if (verb === undefined) throw new FrameError(`deliveries cannot be settled by ${how}`)
    const { deliveries } = this.#channel
    const delivery = this.delivery(tag)
    // n.b. what the broker took back is no longer there to be settled.
    if (delivery === undefined) return
    if (isUnhanded(delivery)) throw new FrameError(`delivery ${tag} was not handed over`)
    deliveries.unacked?.remove(tag)
    delivery.settlement = verb
    deliveries.finish(delivery, verb, reason)
  }

  call(method: Method, args: unknown): unknown {
    checkCall(method, args)
    return (this.#channel[method] as (...args: unknown[]) => unknown).apply(this.#channel, args)
  }

  get(call: number, queue: string, noAck: boolean, tentative: boolean): void {
    const link = this.#link
    let delivery: Delivery | undefined
    try {
      delivery = this.#channel.get(queue, noAck, tentative)
      if (delivery === undefined) {
        link.say(TELL.answer, call, link.pack(undefined))
        return
      }
      const { tag, history, message } = delivery
      link.say(TELL.got, call, tag, history, delivery.queue.countsFailures, link.packMessage(message))
    } catch (error) {
      if (delivery?.settled === undefined) delivery?.reject(error)
      link.say(TELL.failure, call, link.pack(asError(error)))
    }
  }

  consume(number: number, queue: string, options: ConsumeOptions): unknown {
    checkConsume(queue, options)
    const fault = (error: unknown, where: string): void => this.#connection.fault(error, where)
    const consumer = new HostConsumer(this.#link, this.#number, number, options, fault)
    const subscription = this.#channel.consume(queue, options, {
      ready: () => consumer.ready(),
      cancelled: (error) => {
        this.#consumers.delete(number)
        this.#link.say(TELL.cancelled, this.#number, number, this.#link.pack(error))
      },
    })
    consumer.subscription = subscription
    this.#consumers.set(number, consumer)
    const { consumerTag, replyAddress, backsOff } = subscription
    const { name, countsFailures } = subscription.queue
    return { consumerTag, replyAddress, backsOff, queue: name, countsFailures }
  }

  /** Ends a consumer. What was not taken at the other end was never handed over. */
  cancel(number: number, last: number, tags: readonly number[]): void {
    const consumer = this.#consumers.get(number)
    if (consumer === undefined) return
    this.#consumers.delete(number)
    this.#untake(consumer.subscription, last, new Set(tags))
    consumer.subscription.cancel()
  }

  /** What was not taken at the other end, or is still on its way there, nobody saw. */
  #untake(subscription: LocalSubscription, last: number, tags: ReadonlySet<number>): void {
    const unseen: Delivery[] = []
    for (const delivery of this.#channel.deliveries.unacked ?? []) {
      if (delivery.recipient !== subscription || isUnhanded(delivery)) continue
      if (delivery.tag > last || tags.has(delivery.tag)) unseen.push(delivery)
    }
    subscription.untake(unseen)
  }

  credit(number: number, count: number): void {
    this.#consumers.get(number)?.more(count)
  }

  close(last: number, tags: readonly number[]): void {
    const unseen = new Set(tags)
    for (const { subscription } of this.#consumers.values()) this.#untake(subscription, last, unseen)
    this.#consumers.clear()
    this.#channel.close()
  }
}

/** True for what its consumer was assigned and did not take yet. */
function isUnhanded({ recipient, tag }: Delivery): boolean {
  return tag >= ((recipient as Partial<LocalSubscription>).nextTag ?? Number.POSITIVE_INFINITY)
}

/** A consumer, whose deliveries go over as they come, up to a window where nothing else limits them. */
class HostConsumer {
  subscription!: LocalSubscription
  readonly #link: Link
  readonly #channel: number
  readonly #number: number
  readonly #noAck: boolean
  readonly #fault: (error: unknown, where: string) => void
  #window: number

  constructor(
    link: Link,
    channel: number,
    number: number,
    { noAck, prefetch }: ConsumeOptions,
    fault: (error: unknown, where: string) => void,
  ) {
    this.#link = link
    this.#fault = fault
    this.#channel = channel
    this.#number = number
    this.#noAck = noAck
    this.#window = noAck || prefetch === 0 ? WINDOW : Number.POSITIVE_INFINITY
  }

  ready(): void {
    const { subscription } = this
    while (this.#window > 0) {
      const delivery = subscription.take()
      if (delivery === undefined) return
      this.#window--
      const { tag, history, message } = delivery
      try {
        this.#link.sayMessage(TELL.deliver, this.#channel, this.#number, 0, message, history, tag)
      } catch (error) {
        this.#fault(error, `hand-over of a message of queue '${delivery.queue.name}' to another thread`)
        if (!this.#noAck) delivery.reject(error)
      }
    }
  }

  more(count: number): void {
    this.#window += count
    this.ready()
  }
}
