/** What a broker shows of itself, as plain data. */
import type { Arguments } from '../arguments.js'
import type { AlarmResource } from '../broker/events.js'
import type { PublishStats } from '../broker/publishing.js'
import type { QueueStats } from '../declarations.js'

/** An exchange. */
export interface ExchangeInfo {
  /** Its name; '' is the default exchange. */
  readonly name: string
  /** Name of its type, such as `topic`. */
  readonly type: string
  /** As declared. */
  readonly durable: boolean
  /** True when it goes with the last binding that starts at it. */
  readonly autoDelete: boolean
  /** True when it takes messages from other exchanges only. */
  readonly internal: boolean
  /** Its arguments by name, `alternate-exchange` among them. */
  readonly arguments: Arguments
  /** Name of the policy that counts for it; undefined when none does. */
  readonly policy: string | undefined
  /** Bindings that start at it. */
  readonly bindings: number
  /** Messages that it holds until they are due; only exchanges of type `x-delayed-message` and the like do. */
  readonly held: number
}

/** A consumer of a queue. */
export interface ConsumerInfo {
  /** Its name. */
  readonly consumerTag: string
  /** Its priority; higher ones get messages first. */
  readonly priority: number
  /** True when it refuses every other consumer of the queue. */
  readonly exclusive: boolean
  /** True when deliveries are settled as they are handed over. */
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
  /** Its name. */
  readonly name: string
  /** Its type. */
  readonly type: 'classic' | 'quorum'
  /** As declared; an exclusive queue is never durable. */
  readonly durable: boolean
  /** True when it belongs to one connection. */
  readonly exclusive: boolean
  /** True when it goes with its last consumer. */
  readonly autoDelete: boolean
  /** Its arguments by their `x-` names. */
  readonly arguments: Arguments
  /** Name of the policy that counts for it; undefined when none does. */
  readonly policy: string | undefined
  /** Name of the operator policy that counts for it; undefined when none does. */
  readonly operatorPolicy: string | undefined
  /** What the two say together, without the arguments (POL-13). */
  readonly effectivePolicyDefinition: Arguments
  /** True from `pause` to `resume`. */
  readonly paused: boolean
  /** Its numbers. */
  readonly stats: QueueStats
  /** Its consumers, in order of registration. */
  readonly consumers: readonly ConsumerInfo[]
}

/** A virtual host. */
export interface VirtualHostOverview {
  /** Its name. */
  readonly name: string
  /** What became of the publishes. */
  readonly publishes: PublishStats
  /** Names of the connections to it. */
  readonly connections: readonly string[]
  /** Its exchanges, the predeclared ones included. */
  readonly exchanges: readonly ExchangeInfo[]
  /** Its queues. */
  readonly queues: readonly QueueDetails[]
}

/** A broker. */
export interface BrokerOverview {
  /** Its virtual hosts. */
  readonly virtualHosts: readonly VirtualHostOverview[]
  /** Ready messages of all queues. */
  readonly ready: number
  /** True while there are more of them than the high watermark, or an alarm is set by hand. */
  readonly alarmed: boolean
  /** The alarms that are on. */
  readonly alarms: readonly AlarmResource[]
}
