/** amqplib's API of callbacks, `amqplib/callback_api`, on the brokers of `leveret/amqplib`. */

import type { Callback, CallbackChannel } from '../callback-model.js'
import { CallbackModel } from '../callback-model.js'
import type { Done } from '../channel.js'
import { openConnection, type Connection as RawConnection } from '../connection.js'
import {
  brokerOf,
  type ChannelEvents,
  type ChannelOptions,
  type ConnectionEvents,
  credentials,
  dropConnections,
  type GetMessage,
  IllegalOperationError,
  type Messaging,
  type OnConfirm,
  type OnMessage,
  type Options,
  type RecoveringEvents,
  type Recovery,
  type Replies,
  reset,
  type ServerProperties,
  type SocketOptions,
  useBroker,
} from '../index.js'
import { type Adapter, Recovering, recoveryOf } from '../recovery.js'
import { targetOf } from '../url.js'

/** A connection. */
export interface Connection extends ConnectionEvents {
  readonly connection: { readonly serverProperties: ServerProperties }
  close(callback?: (err: Error) => void): void
  createChannel(callback: (err: Error, channel: Channel) => void): Channel
  createChannel(options: ChannelOptions, callback: (err: Error, channel: Channel) => void): Channel
  createConfirmChannel(callback: (err: Error, confirmChannel: ConfirmChannel) => void): ConfirmChannel
  createConfirmChannel(
    options: ChannelOptions,
    callback: (err: Error, confirmChannel: ConfirmChannel) => void,
  ): ConfirmChannel
  updateSecret(newSecret: Buffer, reason: string, callback?: (err: Error) => void): void
}

/** A channel. */
export interface Channel extends ChannelEvents, Messaging {
  readonly connection: Connection
  close(callback?: (err: Error) => void): void
  assertQueue(queue?: string, options?: Options.AssertQueue, callback?: Callback<Replies.AssertQueue>): void
  checkQueue(queue: string, callback?: Callback<Replies.AssertQueue>): void
  deleteQueue(queue: string, options?: Options.DeleteQueue, callback?: Callback<Replies.DeleteQueue>): void
  purgeQueue(queue: string, callback?: Callback<Replies.PurgeQueue>): void
  bindQueue(queue: string, source: string, pattern: string, args?: unknown, callback?: Callback<Replies.Empty>): void
  unbindQueue(queue: string, source: string, pattern: string, args?: unknown, callback?: Callback<Replies.Empty>): void
  assertExchange(
    exchange: string,
    type: string,
    options?: Options.AssertExchange,
    callback?: Callback<Replies.AssertExchange>,
  ): void
  checkExchange(exchange: string, callback?: Callback<Replies.Empty>): void
  deleteExchange(exchange: string, options?: Options.DeleteExchange, callback?: Callback<Replies.Empty>): void
  bindExchange(
    destination: string,
    source: string,
    pattern: string,
    args?: unknown,
    callback?: Callback<Replies.Empty>,
  ): void
  unbindExchange(
    destination: string,
    source: string,
    pattern: string,
    args?: unknown,
    callback?: Callback<Replies.Empty>,
  ): void
  consume(queue: string, onMessage: OnMessage, options?: Options.Consume, callback?: Callback<Replies.Consume>): void
  cancel(consumerTag: string, callback?: Callback<Replies.Cancel>): void
  get(queue: string, options?: Options.Get, callback?: Callback<GetMessage | false>): void
  prefetch(count: number, global?: boolean, callback?: Callback<Replies.Empty>): void
  recover(callback?: Callback<Replies.Empty>): void
}

/** A channel whose publishes are confirmed. */
export interface ConfirmChannel extends Channel {
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: Options.Publish,
    callback?: OnConfirm,
  ): boolean
  sendToQueue(queue: string, content: Buffer, options?: Options.Publish, callback?: OnConfirm): boolean
  /** Calls back when every publish so far is confirmed, with an error when one was refused or the channel closed. */
  waitForConfirms(callback: (err?: Error) => void): void
}

/** How a connection that is lost is made anew. */
export type RecoveryOptions = Recovery<Connection>

/** A connection that is made anew when it is lost. */
export interface RecoveringConnection extends RecoveringEvents<Connection> {
  waitForConnect(callback: (err: Error, connection: RecoveringConnection) => void): void
  close(callback?: (err: Error) => void): void
  createChannel(callback: (err: Error, channel: Channel) => void): Channel
  createChannel(options: ChannelOptions, callback: (err: Error, channel: Channel) => void): Channel
  createConfirmChannel(callback: (err: Error, confirmChannel: ConfirmChannel) => void): ConfirmChannel
  createConfirmChannel(
    options: ChannelOptions,
    callback: (err: Error, confirmChannel: ConfirmChannel) => void,
  ): ConfirmChannel
  updateSecret(newSecret: Buffer, reason: string, callback?: (err: Error) => void): void
}

/** Calls back with what a promise becomes. */
function answer<T>(promise: Promise<T>, callback: unknown): void {
  const done = (typeof callback === 'function' ? callback : () => undefined) as Done<T>
  promise.then((value) => done(null, value), done)
}

class RecoveringCallbackModel extends Recovering<CallbackModel, CallbackChannel> {
  waitForConnect(callback: unknown): this {
    answer(
      this.connected().then(() => this),
      callback,
    )
    return this
  }

  close(callback?: unknown): this {
    answer(this.end(), callback)
    return this
  }

  updateSecret(newSecret: Buffer, reason: string, callback?: unknown): this {
    answer(this.renewSecret(newSecret, reason), callback)
    return this
  }

  createChannel(options: unknown, callback?: unknown): this {
    return this.#create(options, callback, false)
  }

  createConfirmChannel(options: unknown, callback?: unknown): this {
    return this.#create(options, callback, true)
  }

  #create(options: unknown, callback: unknown, confirm: boolean): this {
    const [given, done] = typeof options === 'function' ? [undefined, options] : [options, callback]
    answer(this.openChannel(given as ChannelOptions | undefined, confirm), done)
    return this
  }
}

/** A promise of what a callback is called with. */
function promised<T>(call: (callback: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value as T)))
  })
}

type Url = string | Options.Connect | undefined

function adapterTo(url: Url, options?: SocketOptions): Adapter<CallbackModel, CallbackChannel> {
  return {
    open: () => promised((done) => open(url, options, done)),
    close: (model) => promised((done) => model.close(done)),
    createChannel: (model, of, confirm) =>
      promised((done) => {
        if (confirm) model.createConfirmChannel(of, done as Callback<CallbackChannel>)
        else model.createChannel(of, done as Callback<CallbackChannel>)
      }),
    updateSecret: (model, newSecret, reason) => promised((done) => model.updateSecret(newSecret, reason, done)),
  }
}

function open(url: Url, options: SocketOptions | undefined, done: Done<CallbackModel>): void {
  openConnection(targetOf(url, options), (error, connection) => {
    if (error === null) done(null, new CallbackModel(connection as RawConnection))
    else done(error)
  })
}

/**
 * Connects to the broker at this URL, as `connect` of `leveret/amqplib` does.
 * @throws Error for a bad protocol; everything else goes to the callback.
 *
 * @example
 * ```ts
 * import { connect } from 'leveret/amqplib/callback_api'
 *
 * connect('amqp://localhost', (error, connection) => {
 *   if (error) throw error
 *   connection.createChannel((failed, channel) => {
 *     if (failed) throw failed
 *     channel.assertQueue('jobs', {}, () => connection.close())
 *   })
 * })
 * ```
 */
export function connect(callback: (err: Error, connection: Connection) => void): void
export function connect(url: string | Options.Connect, callback: (err: Error, connection: Connection) => void): void
export function connect(
  url: string | Options.Connect,
  socketOptions: SocketOptions,
  callback: (err: Error, connection: Connection) => void,
): void
export function connect(
  url: string | Options.Connect,
  socketOptions: SocketOptions & { recovery: RecoveryOptions | true },
  callback?: (err: Error, connection: RecoveringConnection) => void,
): RecoveringConnection
export function connect(...given: readonly unknown[]): unknown {
  const callback = given.find((each) => typeof each === 'function')
  const [first, second] = given.filter((each) => typeof each !== 'function')
  const [url, options] = [first as Url, (second || undefined) as SocketOptions | undefined]
  const recovery = recoveryOf<CallbackModel>(options)
  if (recovery === undefined) return open(url, options, callback as Done<CallbackModel>)
  const recovering = new RecoveringCallbackModel(adapterTo(url, options), recovery)
  if (recovering.waits) recovering.waitForConnect(callback)
  else answer(Promise.resolve(recovering), callback)
  return recovering
}

export type * from '../index.js'
export type { Callback }
export { brokerOf, credentials, dropConnections, IllegalOperationError, reset, useBroker }

/** What `import amqp from 'amqplib/callback_api'` has. */
const callbackApi = { connect, credentials, IllegalOperationError, brokerOf, useBroker, dropConnections, reset }
export default callbackApi
