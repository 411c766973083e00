/** A connection as amqplib's channels know it: what is sent waits where RabbitMQ would not read it, and events come later. */
import { EventEmitter } from 'node:events'
import {
  type AmqpChannel,
  type AmqpChannelListener,
  type AmqpConnection,
  type Broker,
  type LeveretError,
  openConnection as openAmqpConnection,
} from '../internal.js'
import { brokerAt, forget, remember } from './brokers.js'
import { loginOf } from './credentials.js'
import { inNextTurn, safeEmit } from './emit.js'
import { closeMessage, IllegalOperationError, isLeveretError, serverError, stackCapture } from './errors.js'
import type { ServerProperties } from './types.js'
import type { Target } from './url.js'

/** What a connection does to its channels. */
export interface ConnectedChannel {
  toClosed(stack: string): void
}

/** RabbitMQ 3.10.8's, with what its clients may expect of it (CH-10). */
const SERVER_PROPERTIES = {
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    consumer_priorities: true,
    authentication_failure_close: true,
    per_consumer_qos: true,
    direct_reply_to: true,
  },
  cluster_name: 'rabbit@leveret',
  copyright: 'Copyright (c) 2007-2022 VMware, Inc. or its affiliates.',
  information: 'Licensed under the MPL 2.0. Website: https://rabbitmq.com',
  platform: 'Erlang/OTP 25.2.3',
  product: 'RabbitMQ',
  version: '3.10.8',
}

const NO_CHANNEL = { number: 0, closed: true, close: () => undefined } as Partial<AmqpChannel> as AmqpChannel

export class Connection extends EventEmitter {
  readonly serverProperties = SERVER_PROPERTIES as unknown as ServerProperties
  /** Stands for the socket: whoever destroys it cuts the connection off. */
  readonly stream = { destroy: (): void => this.drop(), end: (): void => this.drop() }
  readonly #amqp: AmqpConnection
  readonly #channels = new Set<ConnectedChannel>()
  readonly #capabilities: Target['capabilities']
  /** What is sent while the broker does not read. */
  #held: (() => void)[] = []
  /** What sending throws, once the connection is closing. */
  #illegal: { readonly text: string; readonly stack: string } | undefined
  #blocked = false
  /** The network is gone and the client has not noticed: replies and confirms that were on their way are lost. */
  #cut = false
  #closed = false

  constructor(broker: Broker, { virtualHost, credentials, channelMax, capabilities, name }: Target) {
    super()
    this.#capabilities = capabilities
    const [user, password] = loginOf(credentials)
    const most = channelMax === 0 ? 2047 : Math.min(channelMax, 2047)
    const login = { virtualHost, user, password, channelMax: most, ...(name !== undefined && { name }) }
    this.#amqp = openAmqpConnection(broker, login, {
      // n.b. in an event of its own, as a socket's end: promises that replies have resolved have had their turn.
      closed: (error) => inNextTurn(() => this.guard(() => this.#closedByServer(error))),
      lost: () => this.drop(),
      blocked: (reason) =>
        this.guard(() => {
          if (!this.can('connection.blocked')) return
          this.#blocked = true
          safeEmit(this, 'blocked', reason)
        }),
      unblocked: () => this.guard(() => this.#unblocked()),
    })
    remember(this)
  }

  /** What the broker knows the connection by. @internal */
  get engine(): AmqpConnection {
    return this.#amqp
  }

  /** True when the client said so of itself: else it is not told (CCN-02). */
  can(capability: string): boolean {
    return this.#capabilities[capability] === true
  }

  /** Runs something that came from the broker: what a listener throws costs the connection, as in amqplib. */
  guard(task: () => void): void {
    if (this.#cut) return
    try {
      task()
    } catch (error) {
      if (this.#closed) crash(error)
      else this.#lose(error as Error)
    }
  }

  /** Does something when all that came before is done, in no call of the application's. */
  later(task: () => void): void {
    this.#amqp.scheduler.schedule({ run: () => this.guard(task), lane: this.#amqp.lane })
  }

  /** Sends something, or keeps it until the broker reads again (CH-23). */
  send(task: () => void): void {
    if (this.held) this.#held.push(task)
    else task()
  }

  /** True while what is sent has to wait. */
  get held(): boolean {
    return this.#amqp.blocked || this.#held.length > 0
  }

  checkOpen(): void {
    if (this.#illegal !== undefined) throw new IllegalOperationError(this.#illegal.text, this.#illegal.stack)
  }

  /** Opens a channel under a number that is free. */
  openChannel(channel: ConnectedChannel, listener: AmqpChannelListener): AmqpChannel {
    if (this.#channels.size >= this.#amqp.channelMax) throw new Error('No channels left to allocate')
    this.checkOpen()
    this.#channels.add(channel)
    try {
      return this.#amqp.createChannel(listener)
    } catch (error) {
      if (!isLeveretError(error)) throw error
      // n.b. the client does not know yet that the connection is lost, by this or before: there is just no answer.
      return NO_CHANNEL
    }
  }

  releaseChannel(channel: ConnectedChannel): void {
    this.#channels.delete(channel)
  }

  close(callback?: (error: Error | null) => void): void {
    if (this.#closed) {
      callback?.(new IllegalOperationError(this.#illegal?.text ?? '', this.#illegal?.stack))
      return
    }
    this.checkOpen()
    const finish = (): void => {
      callback?.(null)
      this.#toClosed(stackCapture('ConnectionCloseOk received'))
    }
    this.#amqp.close()
    // n.b. a broker that does not read answers no close either.
    if (this.#blocked) {
      finish()
      return
    }
    this.#illegal = { text: 'Connection closing', stack: stackCapture('closeBecause called: Cheers, thanks') }
    this.later(() => {
      if (!this.#closed) finish()
    })
  }

  updateSecret(newSecret: Buffer, callback: (error: Error | null) => void): void {
    this.checkOpen()
    if (!Buffer.isBuffer(newSecret)) throw new TypeError("Field 'newSecret' is the wrong type; must be a Buffer")
    this.once('update-secret-ok', () => callback(null))
    this.send(() => this.later(() => this.#closed || safeEmit(this, 'update-secret-ok')))
  }

  /** The network is gone. */
  drop(): void {
    if (this.#illegal !== undefined || this.#cut) return
    this.#cut = true
    this.#amqp.close()
    // n.b. a socket's end is an event of its own: no promise that a reply has resolved is still waiting for its turn then.
    inNextTurn(() => {
      this.#cut = false
      if (!this.#closed) this.guard(() => this.#lose(new Error('Unexpected close')))
    })
  }

  abandon(): void {
    this.removeAllListeners()
    for (const channel of this.#channels) (channel as unknown as EventEmitter).removeAllListeners()
    this.#amqp.close()
    this.#toClosed(stackCapture('reset'))
  }

  #unblocked(): void {
    this.#blocked = false
    const held = this.#held
    this.#held = []
    for (const task of held) task()
    if (this.can('connection.blocked')) safeEmit(this, 'unblocked')
  }

  #closedByServer(error: LeveretError): void {
    if (this.#closed) return
    const fault = serverError('Connection closed: ', error)
    const stack = stackCapture(fault.message)
    // n.b. an operator's wish is no error.
    if (error.replyCode !== 320) safeEmit(this, 'error', fault)
    this.#toClosed(stack, fault)
  }

  #lose(error: Error): void {
    this.#amqp.close()
    try {
      safeEmit(this, 'error', error)
    } catch (unheard) {
      crash(unheard)
    }
    this.#toClosed(stackCapture('Socket error'), error)
  }

  #toClosed(stack: string, error?: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.#illegal = { text: `Connection closed (${error ?? 'by client'})`, stack }
    for (const channel of [...this.#channels]) channel.toClosed(stack)
    forget(this)
    this.#held = []
    safeEmit(this, 'close', error)
  }
}

/** An error that nobody listens to ends the process, as from any emitter. */
function crash(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

/**
 * Connects. The callback comes later.
 * @throws Error for a bad protocol.
 */
export function openConnection(target: Target, callback: (error: Error | null, connection?: Connection) => void): void {
  void Promise.resolve().then(() => {
    const broker = brokerAt(target)
    let connection: Connection
    try {
      if (broker.closed) throw refused(target)
      const { mechanism } = target.credentials
      if (mechanism !== 'PLAIN' && mechanism !== 'AMQPLAIN') {
        throw new Error(`SASL mechanism ${mechanism} is not provided by the server`)
      }
      connection = new Connection(broker, target)
    } catch (error) {
      callback(isLeveretError(error) ? handshakeError(error) : (error as Error))
      return
    }
    connection.later(() => callback(null, connection))
  })
}

/** n.b. amqplib expects a refused login to come early, and shows no other reason. */
function handshakeError(error: LeveretError): Error {
  return new Error(
    error.replyCode === 403
      ? `Handshake terminated by server: ${closeMessage(error)}`
      : 'Expected ConnectionOpenOk; got <ConnectionClose channel:0>',
  )
}

function refused({ host, port }: Target): Error {
  const details = { errno: -111, code: 'ECONNREFUSED', syscall: 'connect', address: host, port }
  return Object.assign(new Error(`connect ECONNREFUSED ${host}:${port}`), details)
}
