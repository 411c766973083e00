/** The broker that applications construct: it owns the virtual hosts, the time and the end of everything. */
import { BrokerState } from '../broker/broker-state.js'
import type { AlarmResource, BrokerEventName, BrokerEvents } from '../broker/events.js'
import { Rights } from '../broker/rights.js'
import type { UserLimits } from '../broker/users.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import { LocalConnection } from '../channel/connection.js'
import { PlatformClock } from '../clock.js'
import type { Compatibility } from '../declarations.js'
import { ClosedError, InvalidOptionError, NotAllowedError, NotFoundError } from '../errors.js'
import { Bus } from '../handles/bus.js'
import { checkShortString, describe } from '../names.js'
import { checkOptions, didYouMean } from '../options.js'
import { BUILT_IN_QUEUE_ARGUMENTS } from '../queue-arguments/registry.js'
import {
  BROKER_CHECKS,
  type BrokerOptions,
  CLOSE_CHECKS,
  CONNECT_CHECKS,
  type ConnectOptions,
  consumerTimeoutOf,
  typesByName,
} from './broker-options.js'
import { type CloseBrokerOptions, type ClosedBroker, Closing } from './closing.js'
import type { BrokerOverview } from './overview.js'
import {
  addUser,
  type PermissionInfo,
  type PermissionOptions,
  permissionList,
  permissionsOf,
  setUserLimits,
  type TopicPermissionInfo,
  type TopicPermissionOptions,
  topicPermissionList,
  topicPermissionsOf,
  type UserInfo,
  type UserOptions,
  userInfo,
} from './user-options.js'
import { overviewOf, VirtualHost } from './virtual-host.js'

/**
 * Opens a broker to the connections of another entry. n.b. registered, and no private access: the broker may be another
 * copy's of this package.
 * @internal
 */
export const LOGIN: unique symbol = Symbol.for('leveret.login')

/** Who logged in, where. */
export interface Login {
  readonly state: BrokerState
  readonly virtualHost: VirtualHostState
  /** The connection's. */
  readonly name: string
  readonly rights: Rights
}

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
      consumerTimeout: consumerTimeoutOf(options),
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
   * Makes a virtual host and answers its bus; one that exists is left as it is. The user `guest` may do everything in it.
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
   * A further connection: a bus that can be closed on its own, with exclusive queues of its own, and the rights of a user.
   * @throws AccessRefusedError for a wrong user or password, NotAllowedError when there is no such virtual host, the user
   * has no permissions there, or a limit of connections is reached, ClosedError, UnknownOptionError, InvalidOptionError.
   */
  connect(options: ConnectOptions = {}): Bus {
    checkOptions('connect', options, CONNECT_CHECKS)
    const { state, virtualHost, name, rights } = this[LOGIN](options)
    return new Bus(new LocalConnection(state, virtualHost, name, rights))
  }

  /** In RabbitMQ's order: who, where, how many, whether. Whoever is `trusted` needs no password. @internal */
  [LOGIN](options: ConnectOptions, trusted = false): Login {
    this.#checkOpen()
    const { user: name = 'guest', password = options.user === undefined ? 'guest' : undefined } = options
    const { users, compatibility } = this.#state
    const user = trusted ? users.find(name) : users.authenticate(name, password)
    const virtualHost = this.#state.virtualHost(options.virtualHost ?? '/')
    virtualHost.limits.checkConnections(name, virtualHost)
    users.checkConnections(user)
    if (!user.permissions.has(virtualHost.name)) {
      throw new NotAllowedError(`access to vhost '${virtualHost.name}' refused for user '${name}'`)
    }
    return {
      state: this.#state,
      virtualHost,
      name: options.name ?? `connection ${++this.#connections}`,
      rights: new Rights(user, virtualHost.name, compatibility !== '3.10'),
    }
  }

  // Users

  /**
   * Adds a user, or changes the one of this name. It may do nothing until it is given permissions.
   * @throws InvalidOptionError, UnknownOptionError, ClosedError.
   *
   * @example
   * ```ts
   * import { Broker } from 'leveret'
   *
   * const broker = new Broker()
   * broker.addUser('billing', { password: 'secret' })
   * broker.setPermissions('billing', { configure: '^billing\\.', write: '^billing\\.', read: '.*' })
   * const bus = broker.connect({ user: 'billing', password: 'secret' })
   * await bus.declareQueue('billing.jobs')
   * try {
   *   await bus.declareQueue('jobs')
   * } catch (error) {
   *   console.log((error as Error).message)
   *   // ACCESS_REFUSED - configure access to queue 'jobs' in vhost '/' refused for user 'billing'
   * }
   * ```
   */
  addUser(name: string, options?: UserOptions): void {
    this.#checkOpen()
    addUser(this.#state.users, name, options)
  }

  /**
   * Deletes a user; its connections close, with 320 for AMQP clients.
   * @throws NotFoundError, ClosedError.
   */
  deleteUser(name: string): void {
    this.#checkOpen()
    this.#state.deleteUser(name)
  }

  /** The users. A new broker has one, `guest` with the password `guest`, who may do everything. */
  users(): UserInfo[] {
    return [...this.#state.users].map(userInfo)
  }

  /**
   * Gives a user rights in a virtual host, instead of those it had there. They hold from the next operation on.
   * @throws NotFoundError when there is no such user or virtual host, InvalidOptionError, UnknownOptionError, ClosedError.
   */
  setPermissions(user: string, options: PermissionOptions): void {
    this.#checkOpen()
    const { virtualHost, ...permissions } = permissionsOf(options)
    this.#state.users.setPermissions(user, this.#virtualHostNamed(virtualHost), permissions)
  }

  /**
   * Takes all rights in a virtual host from a user. Connections stay open, and may do nothing.
   * @throws NotFoundError when there is no such user, ClosedError.
   */
  clearPermissions(user: string, virtualHost = '/'): void {
    this.#checkOpen()
    this.#state.users.clearPermissions(user, virtualHost)
  }

  /** The permissions of all users. */
  permissions(): PermissionInfo[] {
    return permissionList(this.#state.users)
  }

  /**
   * Limits the keys that a user may publish and bind with on one topic exchange. A user without any may use every key.
   * @throws NotFoundError when there is no such user or virtual host, InvalidOptionError, UnknownOptionError, ClosedError.
   */
  setTopicPermissions(user: string, options: TopicPermissionOptions): void {
    this.#checkOpen()
    const { virtualHost, exchange, ...permissions } = topicPermissionsOf(options)
    this.#state.users.setTopicPermissions(user, this.#virtualHostNamed(virtualHost), exchange, permissions)
  }

  /**
   * Takes the limits of keys on one exchange of a virtual host from a user, or on all of them.
   * @throws NotFoundError when there is no such user, ClosedError.
   */
  clearTopicPermissions(user: string, virtualHost = '/', exchange?: string): void {
    this.#checkOpen()
    this.#state.users.clearTopicPermissions(user, virtualHost, exchange)
  }

  /** The topic permissions of all users. */
  topicPermissions(): TopicPermissionInfo[] {
    return topicPermissionList(this.#state.users)
  }

  /**
   * Limits what a user may have open at once, instead of the limits it had. Nothing that is open closes.
   * @throws NotFoundError, InvalidOptionError, UnknownOptionError, ClosedError.
   */
  setUserLimits(user: string, limits: UserLimits): void {
    this.#checkOpen()
    setUserLimits(this.#state.users, user, limits)
  }

  #virtualHostNamed(name: string): string {
    const { virtualHosts } = this.#state
    if (virtualHosts.has(name)) return name
    throw new NotFoundError(`no vhost '${name}'`, didYouMean(name, virtualHosts.keys()))
  }

  /**
   * Sets RabbitMQ's alarm by hand: producers wait as past the `highWatermark`, AMQP connections that publish are told
   * `connection.blocked`, and consumers go on. For tests of what an application does then.
   * @throws InvalidOptionError, ClosedError.
   */
  setAlarm(resource: AlarmResource): void {
    this.#alarm('setAlarm', resource, true)
  }

  /**
   * Takes the alarm back; producers go on when none is left. One that is not set is no error.
   * @throws InvalidOptionError, ClosedError.
   */
  clearAlarm(resource: AlarmResource): void {
    this.#alarm('clearAlarm', resource, false)
  }

  #alarm(what: string, resource: AlarmResource, on: boolean): void {
    this.#checkOpen()
    if (resource !== 'memory' && resource !== 'disk') {
      throw new InvalidOptionError(`${what}: expected 'memory' or 'disk', got ${describe(resource)}`)
    }
    this.#state.setAlarm(resource, on)
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
    const { ready, alarmed, alarms, virtualHosts } = this.#state
    return { virtualHosts: [...virtualHosts.values()].map(overviewOf), ready, alarmed, alarms }
  }

  /** The version of RabbitMQ whose behaviour the broker has, as its option says. */
  get compatibility(): Compatibility {
    return this.#state.compatibility
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
