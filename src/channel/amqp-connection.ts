/**
 * AMQP's own connection on a broker in this process: numbered channels, and errors that end them all. Underneath is a
 * connection of the seam, whose exclusive queues go with it.
 */
import type { BrokerState } from '../broker/broker-state.js'
import type { Rights } from '../broker/rights.js'
import type { User } from '../broker/users.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import type { Compatibility } from '../declarations.js'
import { ChannelError, ClosedError, ConnectionForcedError, type LeveretError, NotAllowedError } from '../errors.js'
import type { Scheduler } from '../scheduler.js'
import type { Timers } from '../timers.js'
import type { AmqpChannel, AmqpChannelListener, MethodId } from './amqp-channel.js'
import type { ChannelListener } from './channel.js'
import { LocalConnection } from './connection.js'
import { type AmqpChannelOwner, LocalAmqpChannel } from './local-amqp-channel.js'
import type { LocalChannel } from './local-channel.js'
import { METHODS, NO_METHOD } from './methods.js'

/** What a connection says unasked. Never called inside a method of the connection or its channels. */
export interface AmqpConnectionListener {
  /** `connection.close` by the broker. */
  closed(error: LeveretError, method: MethodId): void
  /** The network is gone, and the client is to notice by itself, as at the end of a socket. Else it hears `closed`. */
  lost?(): void
  /** `connection.blocked`: the broker has an alarm, and the connection published (CH-22). */
  blocked?(reason: string): void
  /** `connection.unblocked`. */
  unblocked?(): void
}

/** How a connection is opened. */
export interface AmqpConnectionSettings {
  readonly name: string
  /** What the user that logged in may do. */
  readonly rights: Rights
  /** Channels that may be open at once; 0 = as many as numbers reach. */
  readonly channelMax: number
}

/** Numbers of channels are 16 bits, and 0 is the connection itself. */
const MOST_CHANNELS = 65_535

export class AmqpConnection implements AmqpChannelOwner {
  readonly channelMax: number
  readonly #connection: LocalConnection
  readonly #broker: BrokerState
  readonly #listener: AmqpConnectionListener
  readonly #user: User
  readonly #channels = new Map<number, LocalAmqpChannel>()
  #closed = false
  #blocked = false

  constructor(
    broker: BrokerState,
    virtualHost: VirtualHostState,
    settings: AmqpConnectionSettings,
    listener: AmqpConnectionListener,
  ) {
    this.#user = settings.rights.user
    this.channelMax = settings.channelMax === 0 ? MOST_CHANNELS : settings.channelMax
    this.#broker = broker
    this.#listener = listener
    this.#connection = new LocalConnection(broker, virtualHost, settings.name, settings.rights, {
      ended: (reason) => this.#lose(new ConnectionForcedError(reason), NO_METHOD),
      cut: () => this.#cut(),
    })
  }

  get name(): string {
    return this.#connection.name
  }

  /** Name of the user that logged in. */
  get user(): string {
    return this.#user.name
  }

  get virtualHost(): string {
    return this.#connection.virtualHost
  }

  get scheduler(): Scheduler {
    return this.#connection.scheduler
  }

  /** What is said of the connection and its channels is said in order. */
  get lane(): object {
    return this.#connection
  }

  get compatibility(): Compatibility {
    return this.#broker.compatibility
  }

  get timers(): Timers {
    return this.#broker.timers
  }

  get consumerTimeout(): number {
    return this.#broker.consumerTimeout
  }

  get closed(): boolean {
    return this.#closed
  }

  /** True from `blocked` to `unblocked`: what the client sends meanwhile is to wait (CH-23). */
  get blocked(): boolean {
    return this.#blocked
  }

  /**
   * Opens a channel, under the lowest number that is free unless one is given.
   * @throws NotAllowedError past `channelMax` (CH-15) or the limit of the user (LIM-04), ChannelError for a number that is
   * taken (CH-01); the connection is closed by then. ClosedError.
   */
  createChannel(listener: AmqpChannelListener, number = this.#freeNumber()): AmqpChannel {
    if (this.#closed) throw new ClosedError(`connection '${this.name}'`)
    const fault = this.#faultOf(number)
    if (fault !== undefined) {
      this.fail(fault, METHODS['channel.open'])
      throw fault
    }
    const channel = new LocalAmqpChannel(number, this, listener)
    this.#channels.set(number, channel)
    this.#user.channels++
    return channel
  }

  #freeNumber(): number {
    let number = 1
    while (this.#channels.has(number)) number++
    return number
  }

  #faultOf(number: number): LeveretError | undefined {
    if (this.#channels.has(number)) return new ChannelError("second 'channel.open' seen")
    const [open, most] = [this.#channels.size + 1, this.channelMax]
    const { name, channels, limits } = this.#user
    const { maxChannels: limit = -1 } = limits
    if (limit >= 0 && channels >= limit) {
      const text = `number of channels opened for user '${name}' has reached the maximum allowed user limit of (${limit})`
      return new NotAllowedError(text)
    }
    if (open <= most && number <= MOST_CHANNELS) return undefined
    return new NotAllowedError(
      `number of channels opened (${open - 1}) has reached the negotiated channel_max (${most})`,
    )
  }

  /** Closes the connection by the client's wish: its channels, then its exclusive queues (CH-07). Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#endChannels()
    this.#connection.close()
  }

  // For its channels

  openChannel(listener: ChannelListener): LocalChannel {
    return this.#connection.openChannel(listener)
  }

  forget(channel: LocalAmqpChannel): void {
    if (this.#channels.delete(channel.number)) this.#user.channels--
  }

  published(): void {
    if (!this.#broker.alarmed || this.#blocked) return
    this.#blocked = true
    const reason = `low on ${this.#broker.alarms.join(' & ')}`
    this.#later(() => this.#listener.blocked?.(reason))
    const release = (): void => {
      this.#blocked = false
      this.#later(() => this.#closed || this.#listener.unblocked?.())
    }
    this.#broker.withhold({ release })
  }

  channelFailed(error: LeveretError): void {
    this.#broker.tracker?.failed(this.name, error)
  }

  fail(error: LeveretError, method: MethodId): void {
    if (this.#closed) return
    this.#broker.tracker?.failed(this.name, error)
    this.close()
    this.#later(() => this.#listener.closed(error, method))
  }

  /** The connection underneath is gone. */
  #lose(error: LeveretError, method: MethodId): void {
    if (this.#closed) return
    this.#closed = true
    this.#endChannels()
    this.#later(() => this.#listener.closed(error, method))
  }

  #cut(): void {
    this.#listener.lost?.()
    this.#connection.end('the network is gone')
  }

  #later(run: () => void): void {
    this.scheduler.schedule({ run, lane: this.lane })
  }

  #endChannels(): void {
    for (const channel of [...this.#channels.values()]) channel.end()
  }
}
