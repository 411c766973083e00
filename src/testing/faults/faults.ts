/** What a test lets go wrong: scripted, counted, and told at the end where it did not. */
import {
  type BrokerState,
  Bus,
  type Check,
  checkOptions,
  describe,
  hintAt,
  InvalidOptionError,
  type LocalConnection,
  NotFoundError,
  oneOf,
  Queue,
  type QueueState,
  string,
} from '../../internal.js'
import { TestFailedError } from '../errors.js'
import type { Follower } from '../log/follower.js'
import { siteOf } from '../log/site.js'
import { type Duration, milliseconds } from '../time/duration.js'
import { connectionsOf, cutConnection, LostConnections, type Moment, type Network } from './connection-faults.js'
import { Duplicates, Reordering } from './delivery-faults.js'
import { Fault, firedBy, type Interference } from './fault.js'
import { DelayedConfirms, FailedStorage, RejectedConfirms } from './publish-faults.js'
import { type StopPoint, StoppedWorkers, stopNow } from './thread-faults.js'

/** How often a fault fires, and where. */
export interface FaultOptions {
  /** 1 and up; `Infinity` until it is cancelled. @default 1 */
  readonly times?: number
  /** The virtual host of a queue that is named. @default '/' */
  readonly virtualHost?: string
}

/** How confirms are held back. */
export interface DelayOptions extends FaultOptions {
  /** For how long on the kit's clock. @default until `release()` */
  readonly by?: Duration
}

/** How storage fails. */
export interface StorageOptions extends FaultOptions {
  /** The `cause` of the error that publishers get. @default none */
  readonly error?: unknown
}

/** Which connection is lost, and when. */
export interface DropOptions extends FaultOptions {
  /** As its delivery is on the way to a consumer, which never sees it. @default now */
  readonly before?: 'delivery'
  /** When a consumer has its delivery, and before anything that it does with that arrives. @default now */
  readonly after?: 'delivery'
  /** The queue of that delivery, by name or handle. @default any */
  readonly queue?: string | Queue
}

/** Which thread is stopped, and when: at one of these moments, or now. */
export interface StopOptions extends FaultOptions {
  /** As its delivery is on the way to a consumer there, which never sees it. */
  readonly before?: 'delivery'
  /**
   * When a consumer there has its delivery, and its handler has begun; or has acknowledged it. Neither the acknowledgement nor
   * anything else that it does with the delivery arrives.
   */
  readonly after?: 'delivery' | 'ack'
  /**
   * Between two publishes or settlements that it says in one go, of which the first arrives; or while it waits for a queue,
   * exchange or binding to be declared, which is there then.
   */
  readonly during?: 'post' | 'declare'
  /** The queue of that delivery, by name or handle. @default any */
  readonly queue?: string | Queue
}

/** Which alarm. */
export interface BlockOptions {
  /** What the broker is short of. @default 'memory' */
  readonly resource?: 'memory' | 'disk'
}

const times: Check = (value) =>
  value === Number.POSITIVE_INFINITY || (Number.isInteger(value) && (value as number) > 0)
    ? undefined
    : 'an integer from 1 up, or Infinity'
const anything: Check = () => undefined
const CHECKS = { times, virtualHost: string }
const DELAY_CHECKS = { ...CHECKS, by: anything }
const STORAGE_CHECKS = { ...CHECKS, error: anything }
const DROP_CHECKS = { ...CHECKS, before: oneOf('delivery'), after: oneOf('delivery'), queue: anything }
const STOP_CHECKS = {
  ...CHECKS,
  before: oneOf('delivery'),
  after: oneOf('delivery', 'ack'),
  during: oneOf('post', 'declare'),
  queue: anything,
}
const BLOCK_CHECKS = { resource: oneOf('memory', 'disk') }

/** Lets things go wrong. Every call answers a `Fault`, which counts; a kit that is disposed of tells which did not fire. */
export class Faults {
  readonly #broker: BrokerState
  readonly #follower: Follower
  readonly #network: Network
  readonly #all: Fault[] = []

  /** Use `kit.faults`. @hidden */
  constructor(broker: BrokerState, follower: Follower) {
    this.#broker = broker
    this.#follower = follower
    this.#network = { broker, follower }
  }

  /**
   * Refuses the next publishes to a queue: `basic.nack`, a `PublishRefusedError`. The queue does not get the message.
   * @throws NotFoundError when there is no such queue, InvalidOptionError, UnknownOptionError, TestFailedError for a kit that
   * is disposed of; so do all of them.
   */
  rejectConfirms(queue: string | Queue, options: FaultOptions = {}): Fault {
    checkOptions('rejectConfirms', options, CHECKS)
    const target = this.#queue('rejectConfirms', queue, options)
    return this.#arm(new RejectedConfirms('rejectConfirms', target, options.times ?? 1, siteOf()), target)
  }

  /** Holds the confirms of the next publishes to a queue back, which gets the messages: until some time, or `release()`. */
  delayConfirms(queue: string | Queue, options: DelayOptions = {}): DelayedConfirms {
    checkOptions('delayConfirms', options, DELAY_CHECKS)
    const by = options.by === undefined ? undefined : milliseconds('delayConfirms: by', options.by)
    const target = this.#queue('delayConfirms', queue, options)
    const { times = 1 } = options
    const fault = new DelayedConfirms('delayConfirms', target, times, siteOf(), this.#follower, by)
    return this.#arm(fault, target)
  }

  /**
   * Fails to store the next messages of a queue. Whoever publishes gets an `InternalError` (541), which costs AMQP's clients
   * their connection, and no other queue has the message either. A dead letter is lost.
   */
  failStorage(queue: string | Queue, options: StorageOptions = {}): Fault {
    checkOptions('failStorage', options, STORAGE_CHECKS)
    const target = this.#queue('failStorage', queue, options)
    return this.#arm(new FailedStorage('failStorage', target, options.times ?? 1, siteOf(), options.error), target)
  }

  /**
   * Delivers the next messages of a queue once more when a consumer has acknowledged them, flagged as redelivered: as if the
   * acknowledgement had been lost.
   */
  duplicate(queue: string | Queue, options: FaultOptions = {}): Fault {
    checkOptions('duplicate', options, CHECKS)
    const target = this.#queue('duplicate', queue, options)
    return this.#arm(new Duplicates('duplicate', target, options.times ?? 1, siteOf()), target)
  }

  /**
   * Lets the next message of a queue be overtaken by the one after it, and so on. A message that is alone waits for another.
   */
  reorder(queue: string | Queue, options: FaultOptions = {}): Fault {
    checkOptions('reorder', options, CHECKS)
    const target = this.#queue('reorder', queue, options)
    const fault = new Reordering('reorder', target, options.times ?? 1, siteOf(), this.#broker)
    this.#arm(fault, target)
    fault.begin(target)
    return fault
  }

  /**
   * Loses a connection, as a network does: now, or with a delivery. What was out comes back, redelivered, and what consumers
   * settle afterwards goes nowhere. Their `leveret/amqplib` connection emits `error` and `close`; a bus is closed, and its
   * consumers get a `ConsumerCancelledError`.
   * @param connection a bus, or a name; of `leveret/amqplib` that is `connection_name` in the `clientProperties`. Without one,
   * every connection but those of `broker.virtualHost`; with a delivery, the one that gets it
   * @throws NotFoundError also when there is no such connection.
   */
  dropConnection(connection?: string | Bus, options?: DropOptions): Fault
  dropConnection(options: DropOptions): Fault
  dropConnection(first?: string | Bus | DropOptions, second?: DropOptions): Fault {
    const isWhich = typeof first === 'string' || first instanceof Bus || first === undefined
    const options = (isWhich ? second : first) ?? {}
    checkOptions('dropConnection', options, DROP_CHECKS)
    this.#checkOpen('dropConnection')
    const connection = isWhich && first !== undefined ? this.#connection(first) : undefined
    const { before, after, queue, times } = options
    if (before !== undefined && after !== undefined) {
      throw new InvalidOptionError("dropConnection: expected before or after: 'delivery', got both")
    }
    if (before === undefined && after === undefined) {
      if (queue === undefined && times === undefined) return this.#dropNow(connection)
      const what = queue === undefined ? 'times' : 'queue'
      throw new InvalidOptionError(`dropConnection: expected before or after: 'delivery' with ${what}, got neither`)
    }
    const target = queue === undefined ? undefined : this.#queue('dropConnection', queue, options)
    const moment: Moment = { when: before === undefined ? 'after' : 'before', connection, queue: target }
    const of = target === undefined ? '' : ` of queue '${target.name}'`
    const what = `dropConnection ${moment.when} a delivery${of}`
    return this.#arm(new LostConnections(what, times ?? 1, siteOf(), this.#network, moment), target)
  }

  #dropNow(which = (connection: LocalConnection) => connection.rights !== undefined): Fault {
    const connections = [...connectionsOf(this.#broker)].filter(which)
    if (connections.length === 0) {
      throw new TestFailedError('dropConnection: no connection is open, but that of kit.bus: drop it by its name')
    }
    for (const connection of connections) cutConnection(this.#network, connection)
    return firedBy('dropConnection', connections.length)
  }

  /**
   * Stops a thread that `leveret/worker` serves, as a crash does: now, or at a moment of its work. A `Worker` is terminated;
   * of anything else the port is closed, and of a `loopback` the connection is cut, whose handles reject then. What it held
   * comes back, redelivered.
   * @param worker its bus, or its name: that of its connection, of a thread of `consumeInWorkers` `thread 0 of queue 'jobs'`.
   * Without one, every thread; at a moment of its work, the one whose moment it is
   * @throws NotFoundError also when there is no such thread, TestFailedError when none is served.
   */
  stopWorker(worker?: string | Bus, options?: StopOptions): Fault
  stopWorker(options: StopOptions): Fault
  stopWorker(first?: string | Bus | StopOptions, second?: StopOptions): Fault {
    const isWhich = typeof first === 'string' || first instanceof Bus || first === undefined
    const options = (isWhich ? second : first) ?? {}
    checkOptions('stopWorker', options, STOP_CHECKS)
    this.#checkOpen('stopWorker')
    const { threads } = this.#follower
    if (threads.all.length === 0) {
      throw new TestFailedError(
        'stopWorker: no thread is served, as serve(kit.broker, worker) or loopback(kit.broker) does',
      )
    }
    const thread = isWhich && first !== undefined ? threads.called(first) : () => true
    const { before, after, during, queue, times } = options
    const moments = Object.entries({ before, after, during }).filter(([, what]) => what !== undefined)
    const [moment] = moments
    if (moments.length > 1 || (queue !== undefined && (moment === undefined || during !== undefined))) {
      const got = moments.length > 1 ? 'more' : during === undefined ? 'a queue and neither' : `during: '${during}'`
      const one = queue === undefined ? 'one of before, after and during' : 'before or after with a queue'
      throw new InvalidOptionError(`stopWorker: expected ${one}, got ${got}`)
    }
    if (moment === undefined) {
      if (times === undefined) return stopNow(threads.all.filter(thread))
      throw new InvalidOptionError('stopWorker: expected one of before, after and during with times, got none')
    }
    const target = queue === undefined ? undefined : this.#queue('stopWorker', queue, options)
    const when = moment.join(' ') as StopPoint['when']
    const of = target === undefined ? '' : ` of queue '${target.name}'`
    const what = `stopWorker ${moment[0]} a${moment[1] === 'ack' ? 'n' : ''} ${moment[1]}${of}`
    return this.#arm(new StoppedWorkers(what, times ?? 1, siteOf(), { when, thread, queue: target }, threads), target)
  }

  /**
   * Ends consumers, as RabbitMQ does when their queue fails over: AMQP's `basic.cancel` by the broker.
   * @param target tag of a consumer, or a queue, all of whose consumers end
   * @throws NotFoundError when there is neither, TestFailedError when the queue has none.
   */
  cancelConsumer(target: string | Queue, options: Pick<FaultOptions, 'virtualHost'> = {}): Fault {
    checkOptions('cancelConsumer', options, { virtualHost: string })
    this.#checkOpen('cancelConsumer')
    const consumers = this.#consumers(target, options)
    for (const consumer of consumers) consumer.end('it was cancelled by a test')
    return firedBy('cancelConsumer', consumers.length)
  }

  #consumers(target: string | Queue, options: FaultOptions): readonly QueueState['consumers'][number][] {
    const { queues } = this.#virtualHost('cancelConsumer', options)
    const all = [...queues.values()].flatMap(({ consumers }) => consumers)
    const tagged = all.filter(({ consumerTag }) => consumerTag === target)
    if (tagged.length > 0) return tagged
    if (typeof target === 'string' && !queues.has(target)) {
      const names = [...all.map(({ consumerTag }) => consumerTag), ...queues.keys()]
      throw new NotFoundError(`no consumer or queue '${target}'`, hintAt(target, names, 'name'))
    }
    const { consumers, name } = this.#queue('cancelConsumer', target, options)
    if (consumers.length === 0) throw new TestFailedError(`cancelConsumer: queue '${name}' has no consumer`)
    return consumers
  }

  /**
   * Fills the memory, or the disk: publishers wait, and AMQP's clients hear `blocked`; until `unblock()`, or `cancel()` of the
   * answer.
   */
  block({ resource = 'memory', ...others }: BlockOptions = {}): Fault {
    checkOptions('block', { resource, ...others }, BLOCK_CHECKS)
    this.#checkOpen('block')
    this.#broker.setAlarm(resource, true)
    const fault = new Fault(`block by ${resource}`, Number.POSITIVE_INFINITY, siteOf())
    fault.fire()
    fault.onEnd = () => this.#broker.setAlarm(resource, false)
    return fault
  }

  /** There is room again, whatever it was that was full. */
  unblock(): void {
    this.#checkOpen('unblock')
    for (const resource of ['memory', 'disk'] as const) this.#broker.setAlarm(resource, false)
  }

  /** What did not go wrong as often as it was told to, in words. */
  get unfired(): string[] {
    return this.#all.map(({ finding }) => finding).filter((finding) => finding !== undefined)
  }

  /** Lets a fault have its way from now on. @internal */
  begin(fault: Interference): void {
    this.#follower.faults = [...this.#follower.faults, fault]
  }

  #arm<Kind extends Fault & Interference>(fault: Kind, queue: QueueState | undefined): Kind {
    this.#all.push(fault)
    this.begin(fault)
    if (fault.hooksOf !== undefined) this.#govern(queue)
    fault.onEnd = () => {
      this.#follower.faults = this.#follower.faults.filter((other) => other !== fault)
      // n.b. not now: the queue may be in the middle of asking.
      if (fault.hooksOf !== undefined) this.#broker.defer({ run: () => this.#govern(queue) })
    }
    return fault
  }

  /** Lets queues ask anew what they are to do. */
  #govern(target: QueueState | undefined): void {
    for (const { name, queues } of this.#broker.virtualHosts.values()) {
      for (const queue of queues.values()) {
        const concerned = target === undefined || (target.name === queue.name && target.virtualHost.name === name)
        if (concerned) queue.govern(queue.policy)
      }
    }
  }

  #virtualHost(what: string, { virtualHost = '/' }: FaultOptions) {
    this.#checkOpen(what)
    return this.#broker.virtualHost(virtualHost)
  }

  #queue(what: string, target: unknown, options: FaultOptions): QueueState {
    if (typeof target !== 'string' && !(target instanceof Queue)) {
      throw new InvalidOptionError(`${what}: expected the name or the handle of a queue, got ${describe(target)}`)
    }
    const name = typeof target === 'string' ? target : target.name
    const home = this.#home(what, target, options)
    const queue = home.queues.get(name)
    if (queue !== undefined) return queue
    const hint = home.queues.size === 0 ? 'there is none yet' : hintAt(name, [...home.queues.keys()], 'queue')
    throw new NotFoundError(`no queue '${name}' in vhost '${home.name}'`, hint)
  }

  #home(what: string, target: string | Queue, options: FaultOptions) {
    if (typeof target === 'string') return this.#virtualHost(what, options)
    this.#checkOpen(what)
    const home = [...this.#broker.virtualHosts.values()].find((each) => each === target.home)
    if (home !== undefined) return home
    throw new InvalidOptionError(`${what}: queue '${target.name}' is a handle of another broker`)
  }

  #connection(target: string | Bus): (connection: LocalConnection) => boolean {
    const connections = [...connectionsOf(this.#broker)]
    if (target instanceof Bus) {
      const { connection: own } = target as unknown as { readonly connection: LocalConnection }
      if (connections.includes(own)) return (connection) => connection === own
      throw new InvalidOptionError('dropConnection: expected a bus of this broker that is open, got another')
    }
    const names = connections.map(({ name }) => name)
    if (names.includes(target)) return ({ name }) => name === target
    throw new NotFoundError(`no connection '${target}'`, hintAt(target, names, 'connection'))
  }

  #checkOpen(what: string): void {
    if (this.#broker.closed) throw new TestFailedError(`${what}: the kit is disposed`)
  }
}
