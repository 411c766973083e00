/** The broker that applications construct: it owns the virtual hosts, the time and the end of everything. */
import type { BodyMode } from '../body.js'
import { BrokerState } from '../broker/broker-state.js'
import type { BrokerEventName, BrokerEvents } from '../broker/events.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import { AmqpConnection, type AmqpConnectionListener, type AmqpConnectionSettings } from '../channel/amqp-connection.js'
import { LocalConnection } from '../channel/connection.js'
import { type Clock, PlatformClock } from '../clock.js'
import type { Compatibility } from '../declarations.js'
import { ClosedError, InvalidOptionError } from '../errors.js'
import type { ExchangeType } from '../exchange-types/exchange-type.js'
import { BUILT_IN_EXCHANGE_TYPES } from '../exchange-types/registry.js'
import { Bus } from '../handles/bus.js'
import { checkShortString, describe } from '../names.js'
import { boolean, type Checks, checkOptions, integer, oneOf, signal, string } from '../options.js'
import { BUILT_IN_QUEUE_ARGUMENTS } from '../queue-arguments/registry.js'
import { type CloseBrokerOptions, type ClosedBroker, Closing } from './closing.js'
import type { BrokerOverview } from './overview.js'
import { overviewOf, VirtualHost } from './virtual-host.js'

/** How a broker is made. */
export interface BrokerOptions {
  /**
   * What becomes of native bodies: passed on by reference, copied by structured clone, or turned into bytes and back as
   * a remote broker will.
   * @default 'reference'
   */
  readonly bodies?: BodyMode
  /** Further exchange types. A name that is taken is an error. @default none */
  readonly exchangeTypes?: readonly ExchangeType[]
  /**
   * Ready messages, of all queues together, past which producers wait: `send` resolves later and `publish` returns false
   * until consumers have caught up (ALM-02). 1 and up, or `Infinity`.
   * @default 5,000,000
   */
  readonly highWatermark?: number
  /**
   * The version of RabbitMQ whose behaviour the broker has, where versions differ: see the list of differences in the docs.
   * @default '4.3'
   */
  readonly compatibility?: Compatibility
  /** Where time comes from. @default the platform's clock and timers, looked up when they are used */
  readonly clock?: Clock
}

/** How a further connection is made. */
export interface ConnectOptions {
  /** Name of the virtual host, which must exist. @default '/' */
  readonly virtualHost?: string
  /** Name of the connection, for overviews and events. @default generated */
  readonly name?: string
}

const BROKER_CHECKS: Checks = {
  bodies: oneOf('reference', 'clone', 'encoded'),
  exchangeTypes: (value) => (Array.isArray(value) ? undefined : 'an array of exchange types'),
  compatibility: oneOf('3.10', '4.3'),
  highWatermark: (value) =>
    value === Number.POSITIVE_INFINITY ? undefined : integer(1, Number.MAX_SAFE_INTEGER)(value),
  clock: (value) => {
    const { now, setTimeout, clearTimeout } = Object(value) as Partial<Clock>
    return [now, setTimeout, clearTimeout].every((method) => typeof method === 'function')
      ? undefined
      : 'a Clock: { now, setTimeout, clearTimeout }'
  },
}
const CONNECT_CHECKS: Checks = { virtualHost: string, name: string }
const CLOSE_CHECKS: Checks = { drain: boolean, timeout: integer(0, 2 ** 31 - 1, 'ms'), signal }

/**
 * A RabbitMQ in this process. Messages live in memory, as long as the process does.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 *
 * const broker = new Broker()
 * const jobs = await broker.virtualHost('/').declareQueue<number>('jobs')
 * jobs.createConsumer().run(({ body }) => console.log(body))
 * await jobs.send(1)
 * console.log(await broker.close({ drain: true })) // { finished: 1, requeued: 0, dropped: 0 }
 * ```
 */
export class Broker {
  readonly #state: BrokerState
  /** The bus that `virtualHost` answers, with the virtual host's implicit connection, by name. */
  readonly #buses = new Map<string, VirtualHost>()
  #connections = 0
  #closing: Promise<ClosedBroker> | undefined

  /** @throws UnknownOptionError, InvalidOptionError. */
  constructor(options: BrokerOptions = {}) {
    checkOptions('new Broker', options, BROKER_CHECKS)
    this.#state = new BrokerState({
      clock: options.clock ?? new PlatformClock(),
      exchangeTypes: typesByName(options.exchangeTypes ?? []),
      queueArguments: BUILT_IN_QUEUE_ARGUMENTS,
      bodies: options.bodies ?? 'reference',
      highWatermark: options.highWatermark ?? 5_000_000,
      compatibility: options.compatibility ?? '4.3',
    })
  }

  /**
   * The bus of a virtual host, over the implicit connection that lives as long as the broker.
   * @param name '/' always exists
   * @throws NotAllowedError when there is no such virtual host, ClosedError.
   */
  virtualHost(name = '/'): VirtualHost {
    this.#checkOpen()
    return this.#bus(this.#state.virtualHost(name))
  }

  /**
   * Makes a virtual host and answers its bus; one that exists is left as it is.
   * @throws InvalidOptionError for a bad name, ClosedError.
   */
  createVirtualHost(name: string): VirtualHost {
    this.#checkOpen()
    checkShortString('virtual host', name)
    if (name === '') throw new InvalidOptionError("virtual host: expected a name, got ''")
    return this.#bus(this.#state.createVirtualHost(name))
  }

  /**
   * Deletes a virtual host with everything in it: consumers are cancelled, nothing is dead-lettered, connections close.
   * @throws NotFoundError, ClosedError.
   */
  deleteVirtualHost(name: string): void {
    this.#checkOpen()
    this.#buses.delete(name)
    this.#state.deleteVirtualHost(name)
  }

  /** Names of the virtual hosts. */
  get virtualHosts(): string[] {
    return [...this.#state.virtualHosts.keys()]
  }

  /**
   * A further connection: a bus that can be closed on its own, with exclusive queues of its own.
   * @throws NotAllowedError when there is no such virtual host, ClosedError, UnknownOptionError, InvalidOptionError.
   */
  connect(options: ConnectOptions = {}): Bus {
    this.#checkOpen()
    checkOptions('connect', options, CONNECT_CHECKS)
    const state = this.#state.virtualHost(options.virtualHost ?? '/')
    return new Bus(new LocalConnection(this.#state, state, options.name ?? `connection ${++this.#connections}`))
  }

  /** @internal A connection that speaks AMQP's own model, for facades and listeners. */
  openConnection(
    options: Partial<AmqpConnectionSettings> & { readonly virtualHost?: string },
    listener: AmqpConnectionListener,
  ): AmqpConnection {
    this.#checkOpen()
    const state = this.#state.virtualHost(options.virtualHost ?? '/')
    const { name = `connection ${++this.#connections}`, user = 'guest', channelMax = 2047 } = options
    return new AmqpConnection(this.#state, state, { name, user, channelMax }, listener)
  }

  /** Calls `listener` at every such event, see `BrokerEvents`. A listener that throws is reported as a `fault`. */
  on<Name extends BrokerEventName>(name: Name, listener: (...payload: BrokerEvents[Name]) => void): this {
    this.#state.events.on(name, listener)
    return this
  }

  /** Takes a listener back. */
  off<Name extends BrokerEventName>(name: Name, listener: (...payload: BrokerEvents[Name]) => void): this {
    this.#state.events.off(name, listener)
    return this
  }

  /** What is there, and what became of the messages. */
  overview(): BrokerOverview {
    const { ready, alarmed, virtualHosts } = this.#state
    return { virtualHosts: [...virtualHosts.values()].map(overviewOf), ready, alarmed }
  }

  /** From now on the broker keeps no process alive, whatever it still has to do. */
  unref(): this {
    this.#state.timers.unref()
    this.#state.scheduler.unref()
    return this
  }

  /** True once `close` was called. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Ends the broker: stops handing out messages, lets consumers finish what they have up to the timeout, and answers what
   * was finished, given back and dropped. With `drain`, consumers first work off what is ready. Idempotent.
   * @throws (rejects) UnknownOptionError, InvalidOptionError.
   */
  close(options: CloseBrokerOptions = {}): Promise<ClosedBroker> {
    try {
      checkOptions('close', options, CLOSE_CHECKS)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#closing ??= new Closing(this.#state, options).done
    return this.#closing
  }

  /** Same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #bus(state: VirtualHostState): VirtualHost {
    let bus = this.#buses.get(state.name)
    if (bus === undefined || bus.closed) {
      bus = new VirtualHost(new LocalConnection(this.#state, state, `virtual host ${state.name}`), state)
      this.#buses.set(state.name, bus)
    }
    return bus
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('broker')
  }
}

function typesByName(further: readonly ExchangeType[]): Map<string, ExchangeType> {
  const types = new Map(BUILT_IN_EXCHANGE_TYPES.map((type) => [type.name, type]))
  for (const type of further) {
    if (typeof type?.name !== 'string' || typeof type.createRouter !== 'function') {
      throw new InvalidOptionError(`exchangeTypes: expected { name, createRouter, … }, got ${describe(type)}`)
    }
    if (types.has(type.name)) throw new InvalidOptionError(`exchangeTypes: there is a type '${type.name}' already`)
    types.set(type.name, type)
  }
  return types
}
