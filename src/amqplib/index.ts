/**
 * amqplib's API of promises on a broker in this process: `import amqp from 'leveret/amqplib'` in place of
 * `import amqp from 'amqplib'`, and no RabbitMQ has to run. What a test needs besides: `brokerOf` looks inside, `useBroker`
 * puts a broker behind a URL, `dropConnections` is a network that fails, `reset` is for the next test.
 */
import type { Broker } from '../index.js'
import { brokerAt, dropConnections, reset, setBroker } from './brokers.js'
import { openConnection, type Connection as RawConnection } from './connection.js'
import { amqplain, external, type PasswordCredentials, plain } from './credentials.js'
import { IllegalOperationError } from './errors.js'
import type * as Options from './options.js'
import { type PromiseChannel, type PromiseConfirmChannel, PromiseModel } from './promise-model.js'
import { type Adapter, Recovering, recoveryOf } from './recovery.js'
import type * as Replies from './replies.js'
import type {
  ChannelEvents,
  ChannelOptions,
  ConnectionEvents,
  GetMessage,
  Messaging,
  OnConfirm,
  OnMessage,
  RecoveringEvents,
  Recovery,
  ServerProperties,
  SocketOptions,
} from './types.js'
import { targetOf } from './url.js'

/** The connection under a `ChannelModel`. */
export interface Connection {
  readonly serverProperties: ServerProperties
}

/** A connection. */
export interface ChannelModel extends ConnectionEvents {
  readonly connection: Connection
  /** Closes it, and its channels with it. */
  close(): Promise<void>
  /** Opens a channel. */
  createChannel(options?: ChannelOptions): Promise<Channel>
  /** Opens a channel whose publishes are confirmed. */
  createConfirmChannel(options?: ChannelOptions): Promise<ConfirmChannel>
  /** Renews the password. */
  updateSecret(newSecret: Buffer, reason: string): Promise<void>
}

/** A channel. */
export interface Channel extends ChannelEvents, Messaging {
  readonly connection: Connection
  close(): Promise<void>
  assertQueue(queue?: string, options?: Options.AssertQueue): Promise<Replies.AssertQueue>
  checkQueue(queue: string): Promise<Replies.AssertQueue>
  deleteQueue(queue: string, options?: Options.DeleteQueue): Promise<Replies.DeleteQueue>
  purgeQueue(queue: string): Promise<Replies.PurgeQueue>
  bindQueue(queue: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty>
  unbindQueue(queue: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty>
  assertExchange(exchange: string, type: string, options?: Options.AssertExchange): Promise<Replies.AssertExchange>
  checkExchange(exchange: string): Promise<Replies.Empty>
  deleteExchange(exchange: string, options?: Options.DeleteExchange): Promise<Replies.Empty>
  bindExchange(destination: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty>
  unbindExchange(destination: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty>
  consume(queue: string, onMessage: OnMessage, options?: Options.Consume): Promise<Replies.Consume>
  cancel(consumerTag: string): Promise<Replies.Cancel>
  get(queue: string, options?: Options.Get): Promise<GetMessage | false>
  prefetch(count: number, global?: boolean): Promise<Replies.Empty>
  recover(): Promise<Replies.Empty>
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
  /** Resolves when every publish so far is confirmed, rejects when one was refused or the channel closed. */
  waitForConfirms(): Promise<void>
}

/** How a connection that is lost is made anew. */
export type RecoveryOptions = Recovery<ChannelModel>

/** A connection that is made anew when it is lost. */
export interface RecoveringChannelModel extends RecoveringEvents<ChannelModel> {
  /** Resolves once there was a connection. */
  waitForConnect(): Promise<this>
  close(): Promise<void>
  createChannel(options?: ChannelOptions): Promise<Channel>
  createConfirmChannel(options?: ChannelOptions): Promise<ConfirmChannel>
  updateSecret(newSecret: Buffer, reason: string): Promise<void>
}

class RecoveringPromiseModel extends Recovering<PromiseModel, PromiseChannel> {
  async waitForConnect(): Promise<this> {
    await this.connected()
    return this
  }

  close(): Promise<void> {
    return this.end()
  }

  createChannel(options?: ChannelOptions): Promise<PromiseChannel> {
    return this.openChannel(options, false)
  }

  createConfirmChannel(options?: ChannelOptions): Promise<PromiseConfirmChannel> {
    return this.openChannel(options, true) as Promise<PromiseConfirmChannel>
  }

  updateSecret(newSecret: Buffer, reason: string): Promise<void> {
    return this.renewSecret(newSecret, reason)
  }
}

function adapterTo(
  url: string | Options.Connect | undefined,
  options?: SocketOptions,
): Adapter<PromiseModel, PromiseChannel> {
  return {
    open: () => open(url, options),
    close: (model) => model.close(),
    createChannel: (model, of, confirm) => (confirm ? model.createConfirmChannel(of) : model.createChannel(of)),
    updateSecret: (model, newSecret, reason) => model.updateSecret(newSecret, reason),
  }
}

async function open(url: string | Options.Connect | undefined, options?: SocketOptions): Promise<PromiseModel> {
  const target = targetOf(url, options)
  return new Promise((resolve, reject) => {
    openConnection(target, (error, connection) => {
      if (error === null) resolve(new PromiseModel(connection as RawConnection))
      else reject(error)
    })
  })
}

/**
 * Connects to the broker at this URL. Two connections to one host and port share a broker; it behaves as RabbitMQ 3.10, and
 * its user is guest with the password guest.
 * @throws (rejects) Error as amqplib does: a wrong user or password, a virtual host that is not there, a bad protocol.
 *
 * @example
 * ```ts
 * import { connect } from 'leveret/amqplib'
 *
 * const connection = await connect('amqp://localhost')
 * const channel = await connection.createChannel()
 * await channel.assertQueue('jobs')
 * channel.sendToQueue('jobs', Buffer.from('hello'))
 * await channel.consume('jobs', (message) => {
 *   if (message === null) return
 *   console.log(message.content.toString())
 *   channel.ack(message)
 * })
 * ```
 */
export function connect(
  url: string | Options.Connect,
  socketOptions: SocketOptions & { recovery: RecoveryOptions | true },
): Promise<RecoveringChannelModel>
export function connect(url: string | Options.Connect, socketOptions?: SocketOptions): Promise<ChannelModel>
export async function connect(
  url?: string | Options.Connect,
  socketOptions?: SocketOptions & { recovery?: RecoveryOptions | true },
): Promise<ChannelModel | RecoveringChannelModel> {
  const recovery = recoveryOf<PromiseModel>(socketOptions)
  if (recovery === undefined) return open(url, socketOptions)
  const recovering = new RecoveringPromiseModel(adapterTo(url, socketOptions), recovery)
  return recovering.waits ? recovering.waitForConnect() : recovering
}

/** Ways of a client to say who it is: the socket's option `credentials`. */
export const credentials: {
  plain(username: string, password: string): PasswordCredentials
  amqplain(username: string, password: string): PasswordCredentials
  external(): { mechanism: string; response(): Buffer }
} = { plain, amqplain, external }

/**
 * The broker that `connect` reaches by this URL, to look inside; it is made if nobody connected yet.
 * @param url @default 'amqp://localhost'
 *
 * @example
 * ```ts
 * import { brokerOf, connect } from 'leveret/amqplib'
 *
 * const connection = await connect('amqp://localhost')
 * const channel = await connection.createChannel()
 * await channel.assertQueue('jobs')
 * channel.sendToQueue('jobs', Buffer.from('hello'))
 * const bus = brokerOf().virtualHost('/')
 * console.log(bus.peek('jobs').length) // 1
 * ```
 */
export function brokerOf(url?: string | Options.Connect): Broker {
  return brokerAt(targetOf(url))
}

/**
 * Puts a broker of yours behind a URL, or behind every URL that has no other. It keeps the `compatibility` that it was made
 * with.
 * @param url @default every URL
 */
export function useBroker(broker: Broker, url?: string | Options.Connect): void {
  setBroker(broker, url === undefined ? undefined : targetOf(url))
}

export type { PasswordCredentials } from './credentials.js'
export type {
  AnyListener,
  ChannelEvents,
  ChannelOptions,
  CommonMessageFields,
  ConnectionEvents,
  ConsumeMessage,
  ConsumeMessageFields,
  Credentials,
  GetMessage,
  GetMessageFields,
  Message,
  MessageFields,
  MessageProperties,
  MessagePropertyHeaders,
  Messaging,
  OnConfirm,
  OnMessage,
  Options,
  RecoveringEvents,
  Recovery,
  Replies,
  ServerProperties,
  SocketOptions,
  XDeath,
} from './types.js'
export { dropConnections, IllegalOperationError, reset }

/** What `import amqp from 'amqplib'` has. */
const amqplib = { connect, credentials, IllegalOperationError, brokerOf, useBroker, dropConnections, reset }
export default amqplib
