/** What a broker shows of itself, as plain data. */
import type { Arguments } from '../arguments.js'
import type { PublishStats } from '../broker/publishing.js'
import type { QueueStats } from '../declarations.js'

/** An exchange. */
export interface ExchangeInfo {
  readonly name: string
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Arguments
  /** Bindings that start at it. */
  readonly bindings: number
}

/** A consumer of a queue. */
export interface ConsumerInfo {
  readonly consumerTag: string
  readonly priority: number
  readonly exclusive: boolean
  readonly noAck: boolean
  /** Deliveries assigned to it and not handed over yet. */
  readonly waiting: number
  /** Deliveries handed over and not settled. */
  readonly unsettled: number
  /** False while it waits behind the single active consumer. */
  readonly active: boolean
}

/** A queue. */
export interface QueueDetails {
  readonly name: string
  readonly type: 'classic' | 'quorum'
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Arguments
  readonly paused: boolean
  readonly stats: QueueStats
  readonly consumers: readonly ConsumerInfo[]
}

/** A virtual host. */
export interface VirtualHostOverview {
  readonly name: string
  /** What became of the publishes. */
  readonly publishes: PublishStats
  /** Names of the connections to it. */
  readonly connections: readonly string[]
  readonly exchanges: readonly ExchangeInfo[]
  readonly queues: readonly QueueDetails[]
}

/** A broker. */
export interface BrokerOverview {
  readonly virtualHosts: readonly VirtualHostOverview[]
  /** Ready messages of all queues. */
  readonly ready: number
  /** True while there are more of them than the high watermark. */
  readonly alarmed: boolean
}
