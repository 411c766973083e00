/** The API of callbacks. */
import { EventEmitter } from 'node:events'
import { BaseChannel, type Done } from './channel.js'
import type { Connection } from './connection.js'
import { IllegalOperationError } from './errors.js'
import { forwardEvents } from './model.js'
import type { Operation } from './operations.js'
import * as operations from './operations.js'
import type * as Options from './options.js'
import type * as Replies from './replies.js'
import type { ChannelOptions, GetMessage, Message, OnConfirm, OnMessage } from './types.js'

/** A Node callback: called with an error alone, or with null and the reply. */
export type Callback<Reply> = (error: Error, reply: Reply) => void
type Maybe<Reply> = Callback<Reply> | undefined

/** n.b. amqplib's types have no null for the error, and its callbacks get one. */
function call<Reply>(callback: Maybe<Reply>): Done<Reply> {
  const done = callback as Done<Reply> | undefined
  return (error, reply) => (error === null ? done?.(null, reply) : done?.(error))
}

export class CallbackModel extends EventEmitter {
  readonly connection: Connection

  constructor(connection: Connection) {
    super()
    this.connection = connection
    forwardEvents(connection, this)
  }

  close(callback?: (error: Error) => void): void {
    this.connection.close(callback as Done<void>)
  }

  updateSecret(newSecret: Buffer, _reason: string, callback?: (error: Error) => void): void {
    this.connection.updateSecret(newSecret, (error) => (callback as Done<void> | undefined)?.(error))
  }

  createChannel(
    options: ChannelOptions | Maybe<CallbackChannel>,
    callback?: Callback<CallbackChannel>,
  ): CallbackChannel {
    const [given, done] = typeof options === 'function' ? [undefined, options] : [options, callback]
    return this.#open(() => new CallbackChannel(this.connection, given), done, [operations.openChannel])
  }

  createConfirmChannel(
    options: ChannelOptions | Maybe<CallbackConfirmChannel>,
    callback?: Callback<CallbackConfirmChannel>,
  ): CallbackConfirmChannel {
    const [given, done] = typeof options === 'function' ? [undefined, options] : [options, callback]
    const steps = [operations.openChannel, operations.selectConfirms]
    return this.#open(() => new CallbackConfirmChannel(this.connection, given), done, steps)
  }

  #open<Channel extends CallbackChannel>(
    make: () => Channel,
    callback: Maybe<Channel>,
    steps: readonly Operation<unknown>[],
  ): Channel {
    const done = callback as Done<Channel> | undefined
    let channel: Channel
    try {
      channel = make()
    } catch (error) {
      if (error instanceof IllegalOperationError) throw error
      done?.(error as Error)
      // n.b. amqplib answers a channel here that was never opened; whoever got the error does not look at it.
      return undefined as unknown as Channel
    }
    const next = ([step, ...further]: readonly Operation<unknown>[]): void => {
      if (step === undefined) done?.(null, channel)
      else channel.ask(step, (error) => (error === null ? next(further) : done?.(error)))
    }
    next(steps)
    return channel
  }
}

export class CallbackChannel extends BaseChannel {
  /** Sends a request. @internal */
  ask<Reply>(operation: Operation<Reply>, done: Done<Reply>): this {
    this.request(operation, done)
    return this
  }

  close(callback?: (error: Error) => void): void {
    this.end(() => (callback as Done<void> | undefined)?.(null))
  }

  assertQueue(queue?: string, options?: Options.AssertQueue, callback?: Callback<Replies.AssertQueue>): this {
    return this.ask(operations.assertQueue(queue, options), call(callback))
  }

  checkQueue(queue: string, callback?: Callback<Replies.AssertQueue>): this {
    return this.ask(operations.checkQueue(queue), call(callback))
  }

  deleteQueue(queue: string, options?: Options.DeleteQueue, callback?: Callback<Replies.DeleteQueue>): this {
    return this.ask(operations.deleteQueue(queue, options), call(callback))
  }

  purgeQueue(queue: string, callback?: Callback<Replies.PurgeQueue>): this {
    return this.ask(operations.purgeQueue(queue), call(callback))
  }

  bindQueue(queue: string, source: string, pattern: string, args?: unknown, callback?: Callback<Replies.Empty>): this {
    return this.ask(operations.bindQueue(queue, source, pattern, args), call(callback))
  }

  unbindQueue(
    queue: string,
    source: string,
    pattern: string,
    args?: unknown,
    callback?: Callback<Replies.Empty>,
  ): this {
    return this.ask(operations.unbindQueue(queue, source, pattern, args), call(callback))
  }

  assertExchange(
    exchange: string,
    type: string,
    options?: Options.AssertExchange,
    callback?: Callback<Replies.AssertExchange>,
  ): this {
    return this.ask(operations.assertExchange(exchange, type, options), call(callback))
  }

  checkExchange(exchange: string, callback?: Callback<Replies.Empty>): this {
    return this.ask(operations.checkExchange(exchange), call(callback))
  }

  deleteExchange(exchange: string, options?: Options.DeleteExchange, callback?: Callback<Replies.Empty>): this {
    return this.ask(operations.deleteExchange(exchange, options), call(callback))
  }

  bindExchange(
    destination: string,
    source: string,
    pattern: string,
    args?: unknown,
    callback?: Callback<Replies.Empty>,
  ): this {
    return this.ask(operations.bindExchange(destination, source, pattern, args), call(callback))
  }

  unbindExchange(
    destination: string,
    source: string,
    pattern: string,
    args?: unknown,
    callback?: Callback<Replies.Empty>,
  ): this {
    return this.ask(operations.unbindExchange(destination, source, pattern, args), call(callback))
  }

  consume(queue: string, onMessage: OnMessage, options?: Options.Consume, callback?: Callback<Replies.Consume>): this {
    const done = call(callback)
    return this.ask(operations.consume(queue, options), (error, reply) => {
      if (error === null && reply !== undefined) this.register(reply.consumerTag, onMessage)
      done(error, reply)
    })
  }

  cancel(consumerTag: string, callback?: Callback<Replies.Cancel>): this {
    const done = call(callback)
    return this.ask(operations.cancel(consumerTag), (error, reply) => {
      if (error === null) this.unregister(consumerTag)
      done(error, reply)
    })
  }

  get(queue: string, options?: Options.Get, callback?: Callback<GetMessage | false>): this {
    return this.ask(operations.get(queue, options), call(callback))
  }

  override ack(message: Message, allUpTo?: boolean): this {
    super.ack(message, allUpTo)
    return this
  }

  override ackAll(): this {
    super.ackAll()
    return this
  }

  override nack(message: Message, allUpTo?: boolean, requeue?: boolean): this {
    super.nack(message, allUpTo, requeue)
    return this
  }

  override nackAll(requeue?: boolean): this {
    super.nackAll(requeue)
    return this
  }

  override reject(message: Message, requeue?: boolean): this {
    super.reject(message, requeue)
    return this
  }

  prefetch(count: number, global?: boolean, callback?: Callback<Replies.Empty>): this {
    return this.ask(operations.prefetch(count, global), call(callback))
  }

  recover(callback?: Callback<Replies.Empty>): this {
    return this.ask(operations.recover, call(callback))
  }
}

export class CallbackConfirmChannel extends CallbackChannel {
  override publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: Options.Publish,
    callback?: OnConfirm,
  ): boolean {
    const more = super.publish(exchange, routingKey, content, options)
    this.expectConfirm(callback as ((error: Error | null) => void) | undefined)
    return more
  }

  override sendToQueue(queue: string, content: Buffer, options?: Options.Publish, callback?: OnConfirm): boolean {
    return this.publish('', queue, content, options, callback)
  }

  waitForConfirms(callback: (error?: Error) => void): void {
    this.confirms().then(() => callback(), callback)
  }
}
