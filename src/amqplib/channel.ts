/**
 * What the channels of both APIs have in common: one request at a time, publishes and settlements at once, and what the
 * broker says turned into callbacks and events in amqplib's order.
 */
import { EventEmitter } from 'node:events'
import type {
  AmqpChannel,
  AmqpChannelListener,
  Delivery,
  Message as EngineMessage,
  LeveretError,
  MethodId,
} from '../internal.js'
import type { Connection } from './connection.js'
import { inNextTurn, safeEmit } from './emit.js'
import { IllegalOperationError, isLeveretError, type ServerError, serverError, stackCapture } from './errors.js'
import { longField } from './fields.js'
import type { Operation } from './operations.js'
import type * as Options from './options.js'
import type { ChannelOptions, Message, OnMessage } from './types.js'
import { contentOf, copyOf, decodeProperties, encodeProperties, required, shortString } from './wire.js'

/** Called with a reply, or with why there is none. */
export type Done<Reply> = (error: Error | null, reply?: Reply) => void

/** A request that waits for its reply, or for its turn. */
interface Request {
  readonly operation: Operation<unknown>
  readonly done: Done<unknown>
}

type OnConfirmed = (error: Error | null) => void

/** Frames that the pipe to the broker takes, on its way in and on its way out, for each of the `highWaterMark`. */
const PIPE_ENDS = 2
/** From this size on, bodies travel in a frame of their own. */
const OWN_FRAME = 1900

export class BaseChannel extends EventEmitter implements AmqpChannelListener {
  readonly connection: Connection
  readonly #amqp: AmqpChannel
  readonly #consumers = new Map<string, OnMessage>()
  /** Replies to the last consume, if nothing has yet. */
  #begin: (() => void) | undefined
  /** What is sent throws this from the moment the channel closes. */
  #illegal: { readonly text: string; readonly stack: string } | undefined
  #closed = false
  #current: Request | undefined
  #waiting: Request[] = []
  /** Callbacks of the publishes that are not confirmed, by number. */
  #unconfirmed = new Map<number, OnConfirmed | undefined>()
  #published = 0
  #lostConfirms = false
  /** Frames on their way, for what `publish` answers. */
  #frames = 0
  #full = false
  readonly #mostFrames: number

  constructor(connection: Connection, options: ChannelOptions = {}) {
    super()
    this.connection = connection
    this.#mostFrames = PIPE_ENDS * (options?.highWaterMark || 1024) - 1
    this.#amqp = connection.openChannel(this, this)
  }

  /** What the broker knows the channel by. @internal */
  get engine(): AmqpChannel {
    return this.#amqp
  }

  /** Number of the channel. */
  get ch(): number {
    return this.#amqp.number
  }

  /** Sends a request, when those before it have their replies. */
  protected request<Reply>(operation: Operation<Reply>, done: Done<Reply>): void {
    this.#checkOpen()
    const request = { operation, done } as Request
    if (this.#current === undefined) this.#send(request)
    else this.#waiting.push(request)
  }

  #send(request: Request): void {
    this.#current = request
    this.connection.send(() => this.#ask(request))
  }

  #ask(request: Request): void {
    // n.b. the client does not know yet that the broker closed the channel, and will get no reply.
    if (this.#amqp.closed) return
    let reply: unknown
    let failed = false
    const answer = (): void => this.connection.later(() => failed || this.#replied(request, reply))
    // n.b. a consumer's tag comes before its deliveries; what a cancelled one still had comes before that reply.
    const early = request.operation.name === 'BasicConsume'
    if (early) {
      this.#begin = () => this.#replied(request, reply)
      answer()
    }
    try {
      reply = request.operation.run(this.#amqp)
      if (!early) answer()
    } catch (error) {
      failed = true
      if (!this.#isReported(error)) throw error
    }
  }

  /** True for what the listener hears of; anything else is the caller's fault. */
  #isReported(error: unknown): boolean {
    return isLeveretError(error) && (error.scope !== 'call' || error.code === 'CLOSED')
  }

  #replied(request: Request, reply: unknown): void {
    if (this.#current !== request || this.#illegal !== undefined) return
    this.#current = undefined
    const next = this.#waiting.shift()
    if (next !== undefined) this.#send(next)
    request.done(null, reply)
  }

  protected register(consumerTag: string, onMessage: OnMessage): void {
    this.#consumers.set(consumerTag, onMessage)
  }

  protected unregister(consumerTag: string): void {
    this.#consumers.delete(consumerTag)
  }

  // Messages

  publish(exchange: string, routingKey: string, content: Buffer, options?: Options.Publish): boolean {
    this.#checkOpen()
    if (!Buffer.isBuffer(content)) throw new TypeError('content is not a buffer')
    const to = shortString('exchange', exchange)
    const key = shortString('routingKey', routingKey)
    const properties = options ? encodeProperties(options) : undefined
    const mandatory = !!options?.mandatory
    const body = copyOf(content)
    if (this.connection.held) {
      this.connection.send(() => this.perform(() => this.#amqp.basicPublish(to, key, body, properties, { mandatory })))
    } else if (!this.#amqp.closed) {
      try {
        this.#amqp.basicPublish(to, key, body, properties, mandatory ? MANDATORY : undefined)
      } catch (error) {
        if (!this.#isReported(error)) throw error
      }
    }
    return this.#pass(content.length < OWN_FRAME ? 1 : 2)
  }

  sendToQueue(queue: string, content: Buffer, options?: Options.Publish): boolean {
    return this.publish('', queue, content, options)
  }

  /** Counts frames that go through the pipe, which is empty again in the next turn. */
  #pass(frames: number): boolean {
    if (this.#frames === 0) inNextTurn(this.#flushed)
    this.#frames += frames
    if (this.#frames < this.#mostFrames) return true
    this.#full = true
    return false
  }

  readonly #flushed = (): void => {
    if (this.#closed) return
    if (this.connection.held) {
      // n.b. a broker that does not read empties no pipe.
      this.connection.send(this.#flushed)
      return
    }
    this.#frames = 0
    if (!this.#full) return
    this.#full = false
    this.connection.guard(() => safeEmit(this, 'drain'))
  }

  ack(message: Message, allUpTo?: boolean): void {
    const tag = longField('deliveryTag', message.fields.deliveryTag)
    this.#checkOpen()
    if (this.connection.held) this.connection.send(() => this.perform(() => this.#amqp.basicAck(tag, !!allUpTo)))
    else if (!this.#amqp.closed) {
      // n.b. no closure, as in `publish`: both are once a message.
      try {
        this.#amqp.basicAck(tag, !!allUpTo)
      } catch (error) {
        if (!this.#isReported(error)) throw error
      }
    }
  }

  ackAll(): void {
    this.#settle(() => this.#amqp.basicAck(0, true))
  }

  nack(message: Message, allUpTo?: boolean, requeue = true): void {
    const tag = longField('deliveryTag', message.fields.deliveryTag)
    this.#settle(() => this.#amqp.basicNack(tag, !!allUpTo, !!requeue))
  }

  nackAll(requeue = true): void {
    this.#settle(() => this.#amqp.basicNack(0, true, !!requeue))
  }

  reject(message: Message, requeue = true): void {
    const tag = longField('deliveryTag', required('deliveryTag', message.fields.deliveryTag))
    this.#settle(() => this.#amqp.basicReject(tag, !!requeue))
  }

  #settle(settle: () => void): void {
    this.#checkOpen()
    if (this.connection.held) this.connection.send(() => this.perform(settle))
    else this.perform(settle)
  }

  /** Does what has no reply; what is wrong with it the broker reports. @internal */
  perform(task: () => void): void {
    if (this.#amqp.closed) return
    try {
      task()
    } catch (error) {
      if (!this.#isReported(error)) throw error
    }
  }

  // Confirms

  /** The publish just made is to be confirmed. */
  protected expectConfirm(callback: OnConfirmed | undefined): void {
    this.#unconfirmed.set(++this.#published, callback)
  }

  /** Resolves when every publish so far is confirmed. */
  protected confirms(): Promise<unknown> {
    if (this.#lostConfirms) return Promise.reject(new Error('channel closed'))
    const all = [...this.#unconfirmed].map(
      ([number, callback]) =>
        new Promise<void>((resolve, reject) => {
          this.#unconfirmed.set(number, (error) => {
            callback?.(error)
            if (error === null) resolve()
            else reject(error)
          })
        }),
    )
    return Promise.all(all)
  }

  confirmed(deliveryTag: number, accepted: boolean): void {
    if (this.#illegal !== undefined) return
    this.connection.guard(() => {
      const callback = this.#unconfirmed.get(deliveryTag)
      this.#unconfirmed.delete(deliveryTag)
      callback?.(accepted ? null : new Error('message nacked'))
      if (accepted) safeEmit(this, 'ack', { deliveryTag, multiple: false })
      else safeEmit(this, 'nack', { deliveryTag, multiple: false, requeue: true })
    })
  }

  // What the broker says

  delivered(consumerTag: string, delivery: Delivery): void {
    if (this.#illegal !== undefined) return
    const { message } = delivery
    const delivered = {
      fields: {
        consumerTag,
        deliveryTag: delivery.tag,
        redelivered: delivery.redelivered,
        exchange: message.exchange,
        routingKey: message.routingKey,
      },
      properties: decodeProperties(message, delivery.failures > 0 ? delivery.deliveryCount : undefined),
      content: contentOf(message),
    }
    try {
      const consumer = this.#consumerOf(consumerTag)
      consumer(delivered)
      if (this.listenerCount('delivery') > 0) this.emit('delivery', delivered)
    } catch (error) {
      this.#failed(error, 'delivery')
    }
  }

  #consumerOf(consumerTag: string): OnMessage {
    // n.b. in the order of the channel a delivery may come in another consumer's turn: the reply to the consume goes first.
    let onMessage = this.#consumers.get(consumerTag)
    if (onMessage === undefined) {
      this.#begin?.()
      onMessage = this.#consumers.get(consumerTag)
    }
    if (!onMessage) throw new Error(`Unknown consumer: ${consumerTag}`)
    return onMessage
  }

  returned({ exchange, routingKey, ...message }: EngineMessage): void {
    if (this.#illegal !== undefined) return
    const envelope = message as EngineMessage
    const fields = { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey }
    const back = { fields, properties: decodeProperties(envelope), content: contentOf(envelope) }
    try {
      this.emit('return', back)
    } catch (error) {
      this.#failed(error, 'return')
    }
  }

  /** A consumer or a listener threw: as amqplib has it, the client closes the channel and says why. */
  #failed(thrown: unknown, event: string): void {
    if (this.listenerCount('handler-error') > 0) {
      inNextTurn(() => this.emit('handler-error', thrown, event))
      return
    }
    const error: ServerError = thrown instanceof Error ? thrown : new Error(String(thrown))
    if (this.#illegal !== undefined) return
    this.#close('Error while processing message', () => {
      error.code = 541
      safeEmit(this, 'error', error)
    })
  }

  cancelled(consumerTag: string): void {
    if (this.#illegal !== undefined || !this.connection.can('consumer_cancel_notify')) return
    this.connection.guard(() => {
      const onMessage = this.#consumerOf(consumerTag)
      try {
        onMessage(null)
      } catch (error) {
        if (this.listenerCount('handler-error') === 0) throw error
        inNextTurn(() => this.emit('handler-error', error, 'cancel'))
      }
      this.#consumers.delete(consumerTag)
      safeEmit(this, 'cancel', { consumerTag })
    })
  }

  closed(error: LeveretError, method: MethodId): void {
    if (this.#illegal !== undefined) return
    this.connection.guard(() => {
      const request = this.#current
      this.#current = undefined
      const fault = serverError('Channel closed by server: ', error, method)
      if (request?.operation.is(method.classId, method.methodId)) {
        request.done(serverError(`Operation failed: ${request.operation.name}; `, error, method))
      } else request?.done(serverError('Channel closed by server: ', error, method))
      const stack = stackCapture(fault.message)
      safeEmit(this, 'error', fault)
      this.toClosed(stack)
    })
  }

  // The end

  protected end(done: () => void): void {
    this.#checkOpen()
    this.#close('Goodbye', done)
  }

  /** Closes the channel by the client's wish; `done` comes before `close`. */
  #close(reason: string, done: () => void): void {
    this.#illegal = { text: 'Channel closing', stack: stackCapture(`closeBecause called: ${reason}`) }
    this.connection.send(() => {
      this.#amqp.close()
      this.connection.later(() => {
        if (this.#closed) return
        done()
        this.toClosed(stackCapture('ChannelCloseOk frame received'))
      })
    })
  }

  /** The channel is gone, or its connection. */
  toClosed(stack: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#illegal = { text: 'Channel closed', stack }
    const requests = this.#current === undefined ? this.#waiting : [this.#current, ...this.#waiting]
    this.#current = undefined
    this.#waiting = []
    for (const { done } of requests) done(new Error('Channel ended, no reply will be forthcoming'))
    this.connection.releaseChannel(this)
    const unconfirmed = this.#unconfirmed
    this.#unconfirmed = new Map()
    this.#lostConfirms = unconfirmed.size > 0
    const lost = new Error('channel closed')
    for (const callback of unconfirmed.values()) callback?.(lost)
    safeEmit(this, 'close')
  }

  #checkOpen(): void {
    if (this.#illegal !== undefined) throw new IllegalOperationError(this.#illegal.text, this.#illegal.stack)
    this.connection.checkOpen()
  }
}

const MANDATORY = { mandatory: true }
