/** A connection to a broker in this process: its channels, and the exclusive queues that end with it. */

import type { BodyMode } from '../body.js'
import type { BrokerState } from '../broker/broker-state.js'
import type { Rights } from '../broker/rights.js'
import type { QueueOwner, VirtualHostState } from '../broker/virtual-host-state.js'
import { ClosedError } from '../errors.js'
import type { Scheduler } from '../scheduler.js'
import type { HandleTracker } from '../tracker.js'
import type { ChannelListener, Connection } from './channel.js'
import { type ChannelOwner, LocalChannel } from './local-channel.js'

/** Who speaks another protocol over a connection. */
export interface ConnectionOwner {
  /** The broker ended the connection. */
  ended(reason: string): void
  /** The network is gone, and the client is to find out by itself. Without it, it hears of `ended`. */
  cut?(): void
}

export class LocalConnection implements Connection, QueueOwner, ChannelOwner {
  readonly name: string
  readonly #broker: BrokerState
  readonly #state: VirtualHostState
  readonly #channels = new Set<LocalChannel>()
  readonly owner: ConnectionOwner | undefined
  readonly rights: Rights | undefined
  #numbers = 0
  closed = false

  /** Without `rights` it may do everything. */
  constructor(
    broker: BrokerState,
    virtualHost: VirtualHostState,
    name: string,
    rights?: Rights,
    owner?: ConnectionOwner,
  ) {
    this.#broker = broker
    this.rights = rights
    if (rights !== undefined) rights.user.connections++
    this.owner = owner
    this.#state = virtualHost
    this.name = name
    virtualHost.connections.add(this)
    broker.announce('connection.created', () => ({ virtualHost: virtualHost.name, name }))
    broker.settle()
  }

  get virtualHost(): string {
    return this.#state.name
  }

  get home(): object {
    return this.#state
  }

  get scheduler(): Scheduler {
    return this.#broker.scheduler
  }

  get bodies(): BodyMode {
    return this.#broker.bodies
  }

  get queueArguments(): readonly string[] {
    return this.#broker.queueArguments.names
  }

  get tracker(): HandleTracker | undefined {
    return this.#broker.tracker
  }

  openChannel(listener: ChannelListener): LocalChannel {
    if (this.closed) throw new ClosedError(`connection '${this.name}'`)
    return new LocalChannel(this, this.#state, listener)
  }

  // n.b. only channels that hold something are kept: the many that merely publish can be forgotten by everybody.
  remember(channel: LocalChannel): void {
    if (channel.number === 0) channel.number = ++this.#numbers
    this.#channels.add(channel)
  }

  forget(channel: LocalChannel): void {
    this.#channels.delete(channel)
  }

  fault(error: unknown, where: string): void {
    this.#broker.events.fault(error, where)
  }

  close(): void {
    this.end(`connection '${this.name}' was closed`)
  }

  end(reason: string, afterTasks = false): void {
    if (this.closed) return
    this.closed = true
    if (this.rights !== undefined) this.rights.user.connections--
    // n.b. consumers that were just cancelled hear of that first: a channel that closes ends them without a word.
    const close = (): void => {
      this.#closeChannels()
      this.owner?.ended(reason)
    }
    if (afterTasks) this.#broker.scheduler.schedule({ run: close })
    else close()
    for (const queue of [...this.#state.queues.values()]) {
      if (queue.owner === this) this.#state.removeQueue(queue, reason)
    }
    this.#state.connections.delete(this)
    this.#broker.announce('connection.closed', () => ({ virtualHost: this.#state.name, name: this.name }))
    this.#broker.settle()
  }

  #closeChannels(): void {
    // n.b. in the order in which they first took a message or consumer, whatever they held in between.
    for (const channel of [...this.#channels].sort((a, b) => a.number - b.number)) channel.close()
  }
}
