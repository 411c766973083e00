/** The worker's side: the seam of the handles, by operations on a link. */
import {
  type BindingDeclaration,
  type Channel,
  type ChannelListener,
  ClosedError,
  Condition,
  type ConsumeOptions,
  Delivery,
  type ExchangeDeclaration,
  type LeveretError,
  Message,
  type Outcome,
  type QueueDeclaration,
  type QueueInfo,
  type QueueStats,
  type Recipient,
  type Scheduler,
  type Settlement,
  type Subscription,
  type SubscriptionListener,
  Unacked,
} from '../internal.js'
import type { Link } from './link.js'
import { type Attached, queueOf, WorkerSubscription } from './subscription.js'
import { ASK, HOWS, type Method } from './verbs.js'

/** Publishes that may be unconfirmed before producers are told to wait. */
const WINDOW = 1_000

/** What a channel needs of its connection. */
export interface ChannelOwner {
  readonly name: string
  readonly closed: boolean
  readonly link: Link
  readonly scheduler: Scheduler
  /** Asks for something, under the number that `ask` is called with. */
  call(ask: (call: number) => void): Promise<unknown>
  /** What can cross of what was thrown. */
  portable(thrown: unknown): unknown
  fault(error: unknown, where: string): void
  /** The channel is gone. */
  forget(channel: number): void
}

export class WorkerChannel implements Channel {
  publishes = 0
  readonly #connection: ChannelOwner
  readonly #number: number
  readonly #listener: ChannelListener
  readonly #subscriptions = new Map<number, WorkerSubscription>()
  /** What was handed over, or waits to be, and is not settled; and what was published and not confirmed. */
  readonly #out = new Unacked()
  readonly #publishing = new Map<number, Message>()
  /** Tag of the last delivery that came. */
  #last = 0
  /** Which of those publishes wait for room in a queue, or in the broker. */
  readonly #withheld = new Set<number>()
  #consumers = 0
  /** There is room to publish again. */
  readonly #drained = new Condition()
  #closed = false

  constructor(connection: ChannelOwner, number: number, listener: ChannelListener) {
    this.#connection = connection
    this.#number = number
    this.#listener = listener
  }

  get closed(): boolean {
    return this.#closed || this.#connection.closed
  }

  get full(): boolean {
    return this.#withheld.size > 0 || this.#publishing.size >= WINDOW
  }

  publish(message: Message, mandatory: boolean, delay: number, transfer?: readonly ArrayBuffer[]): Outcome {
    this.#checkOpen()
    const { link } = this.#connection
    const number = this.publishes + 1
    link.sayMessage(ASK.publish, this.#number, mandatory ? 1 : 0, delay, message, 0, number, transfer)
    this.publishes = number
    this.#publishing.set(number, message)
    return 'pending'
  }

  /** The broker has a publish, and confirms it when there is room for it. */
  withheld(number: number): void {
    if (this.#publishing.has(number)) this.#withheld.add(number)
  }

  /** The broker took a publish. */
  confirmed(number: number): void {
    this.#isConfirmed(number)
    this.#listener.confirmed?.(number, true)
  }

  /** The broker refused a publish, by a full queue or with an error. */
  refused(number: number, error: LeveretError | undefined): void {
    const message = this.#isConfirmed(number)
    this.#listener.confirmed?.(number, false, message, error)
  }

  returned(message: Message | Error, number: number): void {
    if (message instanceof Message) this.#listener.returned?.(message, number)
    else this.#connection.fault(message, 'return of a message to this thread')
  }

  #isConfirmed(number: number): Message | undefined {
    const message = this.#publishing.get(number)
    this.#publishing.delete(number)
    this.#withheld.delete(number)
    if (!this.full) this.#drained.notify()
    return message
  }

  drained(): Promise<void> {
    if (!this.full || this.closed) return this.#connection.scheduler.nextTurn()
    return this.#drained.wait()
  }

  // Deliveries

  settle(deliveryTag: number, how: Settlement, reason?: unknown): void {
    const delivery = this.#out.remove(deliveryTag)
    if (!this.closed) this.#saySettled(deliveryTag, HOWS.indexOf(how), reason)
    // n.b. after that: what waits for it may close the channel.
    delivery?.recipient?.settled()
  }

  #saySettled(tag: number, how: number, reason: unknown): void {
    const { link } = this.#connection
    if (reason === undefined) link.sayNumber(ASK.settle, this.#number, how, tag)
    else link.say(ASK.settleWhy, this.#number, how, tag, link.pack(this.#connection.portable(reason)))
  }

  /** A delivery has come. n.b. what comes for a consumer that was cancelled the broker puts back by itself. */
  delivered(consumer: number, tag: number, history: number, message: Message | Error): void {
    this.#last = tag
    const subscription = this.#subscriptions.get(consumer)
    if (subscription === undefined) return
    if (message instanceof Message) subscription.deliver(this.#hold(tag, history, message))
    else this.#rejectUnread(tag, subscription.noAck, message)
  }

  /** Nothing can be made of a message here, for want of a codec. */
  #rejectUnread(tag: number, noAck: boolean, error: Error): void {
    this.#connection.fault(error, 'hand-over of a message to this thread')
    if (!noAck) this.#saySettled(tag, HOWS.indexOf('reject'), error)
  }

  #hold(tag: number, history: number, message: Message): Delivery {
    const delivery = new Delivery(message, 0, 0, history)
    delivery.tag = tag
    this.#out.add(delivery)
    return delivery
  }

  /** The broker took a delivery back. */
  lost(tag: number): void {
    const delivery = this.#out.remove(tag)
    if (delivery === undefined) return
    delivery.lose()
    delivery.recipient?.settled()
  }

  // Consumers

  async consume(queue: string, options: ConsumeOptions, listener: SubscriptionListener): Promise<Subscription> {
    this.#checkOpen()
    const number = ++this.#consumers
    const subscription = new WorkerSubscription(this, this.#connection.scheduler, number, options, listener)
    // n.b. deliveries may come before the answer is read by whoever awaits it.
    this.#subscriptions.set(number, subscription)
    try {
      const { link } = this.#connection
      const attached = await this.#connection.call((call) => {
        link.say(ASK.consume, call, this.#number, number, queue, options)
      })
      subscription.attached(attached as Attached)
    } catch (error) {
      this.#subscriptions.delete(number)
      throw error
    }
    return subscription
  }

  /** Ends a consumer; the deliveries with these tags were not taken. */
  async cancel(number: number, untaken: readonly Delivery[]): Promise<void> {
    this.#subscriptions.delete(number)
    const tags = this.#forgetAll(untaken)
    if (this.closed) return
    const { link } = this.#connection
    const ask = (call: number): void => link.say(ASK.cancel, call, this.#number, number, this.#last, ...tags)
    // n.b. an end of the connection cancels it, too.
    await this.#connection.call(ask).catch(() => undefined)
  }

  #forgetAll(untaken: readonly Delivery[]): number[] {
    const tags = untaken.map(({ tag }) => tag)
    for (const tag of tags) this.#out.remove(tag)
    return tags
  }

  /** So many more may come to a consumer without a limit. */
  credit(number: number, count: number): void {
    if (!this.closed) this.#connection.link.say(ASK.credit, this.#number, number, count)
  }

  cancelled(number: number, error: LeveretError): void {
    const subscription = this.#subscriptions.get(number)
    this.#subscriptions.delete(number)
    this.#forgetAll(subscription?.cancelled(error) ?? [])
  }

  /** Settled as it came, so that nothing of it is kept. */
  forget(delivery: Delivery): void {
    this.#out.remove(delivery.tag)
  }

  async get(queue: string, noAck: boolean, tentative = false): Promise<Delivery | undefined> {
    this.#checkOpen()
    const { link } = this.#connection
    const got = (await this.#connection.call((call) => {
      link.say(ASK.get, call, this.#number, queue, noAck, tentative)
    })) as Got | undefined
    if (got === undefined) return undefined
    const { tag, history, countsFailures, message } = got
    if (!(message instanceof Message)) {
      if (!noAck && !this.closed) this.#saySettled(tag, HOWS.indexOf('reject'), message)
      throw message
    }
    const delivery = this.#hold(tag, history, message)
    delivery.recipient = takerOf(this, queue, countsFailures, noAck)
    if (noAck) {
      delivery.settlement = 'ack'
      this.#out.remove(tag)
    }
    // n.b. the channel may have closed meanwhile, and what it held went back.
    if (this.closed) this.lost(tag)
    return delivery
  }

  // Topology

  declareExchange(declaration: ExchangeDeclaration): Promise<void> {
    return this.#call('declareExchange', declaration) as Promise<void>
  }

  deleteExchange(name: string, ifUnused: boolean): Promise<void> {
    return this.#call('deleteExchange', name, ifUnused) as Promise<void>
  }

  hasExchange(name: string): Promise<boolean> {
    return this.#call('hasExchange', name) as Promise<boolean>
  }

  declareQueue(
    declaration: QueueDeclaration,
    bindings?: readonly BindingDeclaration[],
    deadLetter?: string,
  ): Promise<QueueInfo> {
    return this.#call('declareQueue', declaration, bindings, deadLetter) as Promise<QueueInfo>
  }

  checkQueue(name: string): Promise<QueueInfo> {
    return this.#call('checkQueue', name) as Promise<QueueInfo>
  }

  queueStats(name: string): Promise<QueueStats> {
    return this.#call('queueStats', name) as Promise<QueueStats>
  }

  deleteQueue(name: string, ifUnused: boolean, ifEmpty: boolean): Promise<number> {
    return this.#call('deleteQueue', name, ifUnused, ifEmpty) as Promise<number>
  }

  purgeQueue(name: string): Promise<number> {
    return this.#call('purgeQueue', name) as Promise<number>
  }

  bind(binding: BindingDeclaration): Promise<void> {
    return this.#call('bind', binding) as Promise<void>
  }

  unbind(binding: BindingDeclaration): Promise<void> {
    return this.#call('unbind', binding) as Promise<void>
  }

  hasBinding(binding: BindingDeclaration): Promise<boolean> {
    return this.#call('hasBinding', binding) as Promise<boolean>
  }

  async #call(method: Method, ...args: unknown[]): Promise<unknown> {
    this.#checkOpen()
    const { link } = this.#connection
    return this.#connection.call((call) => link.say(ASK.call, call, this.#number, method, link.pack(args)))
  }

  // The end

  async close(): Promise<void> {
    if (this.closed) return
    const { link } = this.#connection
    const tags = this.#forgetAll([...this.#subscriptions.values()].flatMap((subscription) => subscription.stop()))
    const closing = this.#connection.call((call) => link.say(ASK.close, call, this.#number, this.#last, ...tags))
    this.end(new ClosedError(`channel of connection '${this.#connection.name}'`))
    await closing.catch(() => undefined)
  }

  /** The channel is gone: everything it held was given back. */
  end(error: LeveretError): void {
    if (this.#closed) return
    this.#closed = true
    this.#connection.forget(this.#number)
    for (const subscription of this.#subscriptions.values()) {
      if (error.scope === 'connection') subscription.lost(error)
      else subscription.stop()
    }
    this.#subscriptions.clear()
    this.#publishing.clear()
    this.#withheld.clear()
    for (const { tag } of this.#out) this.lost(tag)
    this.#drained.notify()
    this.#listener.closed?.(error)
  }

  #checkOpen(): void {
    if (this.closed) throw new ClosedError(`channel of connection '${this.#connection.name}'`)
  }
}

/** A message that was got. */
export interface Got {
  readonly tag: number
  readonly history: number
  readonly countsFailures: boolean
  /** Or why nothing can be made of it here. */
  readonly message: Message | Error
}

function takerOf(holder: WorkerChannel, name: string, countsFailures: boolean, noAck: boolean): Recipient {
  return { queue: queueOf(name, countsFailures), holder, noAck, settled: () => undefined, end: () => undefined }
}
