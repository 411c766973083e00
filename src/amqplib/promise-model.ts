/** The API of promises. */
import { EventEmitter } from 'node:events'
import { BaseChannel } from './channel.js'
import type { Connection } from './connection.js'
import { forwardEvents } from './model.js'
import type { Operation } from './operations.js'
import * as operations from './operations.js'
import type * as Options from './options.js'
import type * as Replies from './replies.js'
import type { ChannelOptions, GetMessage, OnConfirm, OnMessage } from './types.js'
import { checkTable } from './wire.js'

export class PromiseModel extends EventEmitter {
  readonly connection: Connection

  constructor(connection: Connection) {
    super()
    this.connection = connection
    forwardEvents(connection, this)
  }

  close(): Promise<void> {
    return promised((done) => this.connection.close(done))
  }

  updateSecret(newSecret: Buffer, _reason: string): Promise<void> {
    return promised((done) => this.connection.updateSecret(newSecret, done))
  }

  async createChannel(options?: ChannelOptions): Promise<PromiseChannel> {
    const channel = new PromiseChannel(this.connection, options)
    await channel.ask(operations.openChannel)
    return channel
  }

  async createConfirmChannel(options?: ChannelOptions): Promise<PromiseConfirmChannel> {
    const channel = new PromiseConfirmChannel(this.connection, options)
    await channel.ask(operations.openChannel)
    await channel.ask(operations.selectConfirms)
    return channel
  }
}

function promised(call: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error === null ? resolve() : reject(error))))
}

export class PromiseChannel extends BaseChannel {
  /** Sends a request. `first` sees the reply before anything that comes after it. @internal */
  ask<Reply>(operation: Operation<Reply>, first?: (reply: Reply) => void): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.request(operation, (error, reply) => {
        if (error !== null) return reject(error)
        first?.(reply as Reply)
        resolve(reply as Reply)
      })
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.end(resolve))
  }

  assertQueue(queue?: string, options?: Options.AssertQueue): Promise<Replies.AssertQueue> {
    return this.#request(options, () => operations.assertQueue(queue, options))
  }

  // n.b. of all that may be wrong with a request amqplib throws only arguments that are no object at once.
  #request<Reply>(
    options: { readonly arguments?: unknown } | undefined,
    make: () => Operation<Reply>,
    first?: (reply: Reply) => void,
  ): Promise<Reply> {
    checkTable(options?.arguments)
    return (async () => this.ask(make(), first))()
  }

  async checkQueue(queue: string): Promise<Replies.AssertQueue> {
    return this.ask(operations.checkQueue(queue))
  }

  async deleteQueue(queue: string, options?: Options.DeleteQueue): Promise<Replies.DeleteQueue> {
    return this.ask(operations.deleteQueue(queue, options))
  }

  async purgeQueue(queue: string): Promise<Replies.PurgeQueue> {
    return this.ask(operations.purgeQueue(queue))
  }

  async bindQueue(queue: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty> {
    return this.ask(operations.bindQueue(queue, source, pattern, args))
  }

  async unbindQueue(queue: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty> {
    return this.ask(operations.unbindQueue(queue, source, pattern, args))
  }

  assertExchange(exchange: string, type: string, options?: Options.AssertExchange): Promise<Replies.AssertExchange> {
    return this.#request(options, () => operations.assertExchange(exchange, type, options))
  }

  async checkExchange(exchange: string): Promise<Replies.Empty> {
    return this.ask(operations.checkExchange(exchange))
  }

  async deleteExchange(exchange: string, options?: Options.DeleteExchange): Promise<Replies.Empty> {
    return this.ask(operations.deleteExchange(exchange, options))
  }

  async bindExchange(destination: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty> {
    return this.ask(operations.bindExchange(destination, source, pattern, args))
  }

  async unbindExchange(destination: string, source: string, pattern: string, args?: unknown): Promise<Replies.Empty> {
    return this.ask(operations.unbindExchange(destination, source, pattern, args))
  }

  consume(queue: string, onMessage: OnMessage, options?: Options.Consume): Promise<Replies.Consume> {
    const first = ({ consumerTag }: Replies.Consume) => this.register(consumerTag, onMessage)
    return this.#request(options, () => operations.consume(queue, options), first)
  }

  async cancel(consumerTag: string): Promise<Replies.Cancel> {
    return this.ask(operations.cancel(consumerTag), () => this.unregister(consumerTag))
  }

  async get(queue: string, options?: Options.Get): Promise<GetMessage | false> {
    return this.ask(operations.get(queue, options))
  }

  async prefetch(count: number, global?: boolean): Promise<Replies.Empty> {
    return this.ask(operations.prefetch(count, global))
  }

  /** Same as `prefetch`. */
  qos(count: number, global?: boolean): Promise<Replies.Empty> {
    return this.prefetch(count, global)
  }

  async recover(): Promise<Replies.Empty> {
    return this.ask(operations.recover)
  }
}

export class PromiseConfirmChannel extends PromiseChannel {
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

  async waitForConfirms(): Promise<void> {
    await this.confirms()
  }
}
