/** The broker behind the handles: its options, its time, its virtual hosts, and what all of them share. */
import type { BodyMode } from '../body.js'
import type { Clock } from '../clock.js'
import { Fifo } from '../data/fifo.js'
import type { Compatibility } from '../declarations.js'
import { NotAllowedError, NotFoundError } from '../errors.js'
import type { ExchangeType } from '../exchange-types/exchange-type.js'
import { didYouMean } from '../options.js'
import type { QueueArgument, WithheldConfirm } from '../queue-arguments/queue-argument.js'
import { type QueueArguments, queueArgumentsOf } from '../queue-arguments/registry.js'
import { Scheduler, type Task } from '../scheduler.js'
import { Timers } from '../timers.js'
import { type AlarmResource, type BrokerEventName, type BrokerEvents, Events } from './events.js'
import { GUARDS } from './exchange-state.js'
import type { BrokerServices, Tracker } from './services.js'
import { type User, Users } from './users.js'
import { VirtualHostState } from './virtual-host-state.js'

/** Ends an operation that left nothing to do. */
const NOTHING: Task = { run: () => undefined }

const RESOURCES: readonly AlarmResource[] = ['memory', 'disk']

/** What a broker is made of, normalised. */
export interface BrokerSettings {
  readonly clock: Clock
  readonly exchangeTypes: ReadonlyMap<string, ExchangeType>
  readonly queueArguments: readonly QueueArgument[]
  readonly bodies: BodyMode
  readonly highWatermark: number
  readonly compatibility: Compatibility
  /** Of AMQP channels, in ms; `Infinity` is none. */
  readonly consumerTimeout: number
}

export class BrokerState implements BrokerServices {
  readonly events = new Events()
  scheduler: Scheduler
  readonly timers: Timers
  readonly exchangeTypes: ReadonlyMap<string, ExchangeType>
  readonly queueArguments: QueueArguments
  readonly bodies: BodyMode
  readonly highWatermark: number
  readonly compatibility: Compatibility
  readonly consumerTimeout: number
  readonly virtualHosts = new Map<string, VirtualHostState>()
  readonly users: Users
  tracker: Tracker | undefined
  watched = false
  closed = false
  /** Called at the end of every operation while somebody waits for the broker to come to rest. */
  afterOperations: (() => void) | undefined
  /** Ready messages of all queues, for the high watermark. */
  ready = 0
  /** More messages are ready than the high watermark. */
  #high = false
  /** Alarms that were set by hand. */
  readonly #set = new Set<AlarmResource>()
  #alarms: readonly AlarmResource[] = []
  #alarm = false
  #withheld: WithheldConfirm[] = []
  readonly #deferred = new Fifo<Task>()
  #draining = false
  readonly #drain: Task = { run: () => this.settle() }

  constructor(settings: BrokerSettings) {
    this.timers = new Timers(settings.clock)
    this.scheduler = new Scheduler(this.timers)
    this.exchangeTypes = settings.exchangeTypes
    this.queueArguments = queueArgumentsOf(settings.queueArguments)
    this.bodies = settings.bodies
    this.highWatermark = settings.highWatermark
    this.compatibility = settings.compatibility
    this.consumerTimeout = settings.consumerTimeout
    this.users = new Users(this, (...change) => this.#rightsChanged(...change))
    this.createVirtualHost('/')
  }

  /** Makes a virtual host; one that exists is left as it is (VH-01). */
  createVirtualHost(name: string): VirtualHostState {
    let virtualHost = this.virtualHosts.get(name)
    if (virtualHost === undefined) {
      virtualHost = new VirtualHostState(name, this)
      this.virtualHosts.set(name, virtualHost)
      this.announce('vhost.created', () => ({ virtualHost: name }))
      // VH-02: whoever makes it may do everything in it, as through RabbitMQ's management.
      if (this.users.has('guest'))
        this.users.setPermissions('guest', name, { configure: '.*', write: '.*', read: '.*' })
    }
    return virtualHost
  }

  /**
   * The virtual host of this name.
   * @throws NotAllowedError as RabbitMQ answers `connection.open` (CH-18).
   */
  virtualHost(name: string): VirtualHostState {
    const virtualHost = this.virtualHosts.get(name)
    if (virtualHost !== undefined) return virtualHost
    throw new NotAllowedError(`vhost ${name} not found`, didYouMean(name, this.virtualHosts.keys()))
  }

  deleteVirtualHost(name: string): void {
    const virtualHost = this.virtualHosts.get(name)
    if (virtualHost === undefined) throw new NotFoundError(`no vhost '${name}'`)
    this.virtualHosts.delete(name)
    this.users.forget(name)
    virtualHost.delete(`vhost '${name}' is deleted`)
    this.announce('vhost.deleted', () => ({ virtualHost: name }))
    this.settle()
  }

  /** Deletes a user; its connections close (VH-07). */
  deleteUser(name: string): void {
    const user = this.users.find(name)
    this.users.delete(name)
    for (const { connections } of this.virtualHosts.values()) {
      for (const connection of [...connections]) {
        if (connection.rights?.user === user) connection.end(`user '${name}' is deleted`)
      }
    }
    this.settle()
  }

  /** Channels that looked an exchange up before look again. */
  #rightsChanged(user: User, virtualHost: string, exchange?: string): void {
    const { exchanges, connections } = this.virtualHosts.get(virtualHost) ?? {}
    if (exchange !== undefined) {
      const guarded = exchanges?.get(exchange)
      if (guarded !== undefined) guarded.guarded |= GUARDS.rights
    } else if ([...(connections ?? [])].some(({ rights }) => rights?.user === user)) {
      for (const each of exchanges?.values() ?? []) each.guarded |= GUARDS.rights
    }
  }

  /** A ready message more; past the high watermark producers wait (ALM-02). */
  becameReady(): void {
    if (++this.ready > this.highWatermark && !this.#high) {
      this.#high = true
      this.#alarmsChanged()
    }
  }

  becameLess(by: number): void {
    this.ready -= by
    if (this.#high && this.ready <= this.highWatermark) {
      this.#high = false
      this.#alarmsChanged()
    }
  }

  /** Sets an alarm by hand, or takes it back. */
  setAlarm(resource: AlarmResource, on: boolean): void {
    if (on) this.#set.add(resource)
    else this.#set.delete(resource)
    this.#alarmsChanged()
    this.settle()
  }

  /** The alarms that are on. The high watermark is one of memory. */
  get alarms(): readonly AlarmResource[] {
    return this.#alarms
  }

  #alarmsChanged(): void {
    const former = this.#alarms
    this.#alarms = RESOURCES.filter((resource) => this.#set.has(resource) || (resource === 'memory' && this.#high))
    const { ready, highWatermark } = this
    for (const resource of RESOURCES) {
      const on = this.#alarms.includes(resource)
      if (on === former.includes(resource)) continue
      this.announce(on ? 'alarm.set' : 'alarm.cleared', () => ({ resource, ready, highWatermark }))
    }
    this.#alarm = this.#alarms.length > 0
    this.watched = this.#alarm || this.tracker !== undefined
    if (this.#alarm) return
    const released = this.#withheld
    this.#withheld = []
    for (const confirm of released) confirm.release()
  }

  get alarmed(): boolean {
    return this.#alarm
  }

  /** From now on the tracker follows everything. */
  track(tracker: Tracker): void {
    this.tracker = tracker
    this.watched = true
  }

  withhold(confirm: WithheldConfirm): void {
    this.#withheld.push(confirm)
  }

  defer(task: Task): void {
    this.#deferred.push(task)
    // n.b. operations end with `settle`; the task is for the rare cause that is no operation.
    if (this.#deferred.length === 1 && !this.#draining) this.scheduler.schedule(this.#drain)
  }

  settle(): void {
    if (this.#deferred.length > 0 || this.afterOperations !== undefined) this.#settle()
  }

  rested(): void {
    if (this.afterOperations !== undefined) this.defer(NOTHING)
  }

  #settle(): void {
    if (this.#draining) return
    if (this.#deferred.length > 0) this.#runDeferred()
    this.afterOperations?.()
  }

  #runDeferred(): void {
    this.#draining = true
    try {
      for (let task = this.#deferred.shift(); task !== undefined; task = this.#deferred.shift()) task.run()
    } finally {
      this.#draining = false
    }
  }

  /** Ends everything: connections close, virtual hosts go. */
  close(): void {
    this.closed = true
    for (const virtualHost of this.virtualHosts.values()) virtualHost.close()
    this.settle()
    this.timers.clear()
  }

  announce<Name extends BrokerEventName>(name: Name, payload: () => BrokerEvents[Name][0]): void {
    if (!this.events.heard) return
    const event = payload()
    this.defer({ run: () => this.events.emit(name, ...([event] as unknown as BrokerEvents[Name])) })
  }
}
