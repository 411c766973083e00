/**
 * Everything a broker reports, in two closed lists: what happens to topology, as typed events named as RabbitMQ's event
 * exchange names them (EVT-03), and what happens to messages, on `node:diagnostics_channel` as `leveret:` and the name.
 * Both are free while nobody listens.
 */
import type { Arguments } from '../arguments.js'
import { Emitter } from '../emitter.js'
import { type DiagnosticsChannel, diagnosticsChannel, warn } from '../host.js'
import type { Message } from '../message.js'

/** Payload of `vhost.created` and `vhost.deleted`. */
export interface VirtualHostEvent {
  /** Name of the virtual host. */
  readonly virtualHost: string
}

/** A queue or exchange by its virtual host and name. */
export interface NamedEvent {
  /** Name of the virtual host. */
  readonly virtualHost: string
  /** Name of the queue or exchange. */
  readonly name: string
}

/** Payload of `queue.created`. */
export interface QueueCreatedEvent extends NamedEvent {
  /** `'classic'` or `'quorum'`. */
  readonly type: string
  /** As declared; an exclusive queue is never durable. */
  readonly durable: boolean
  /** True when it belongs to one connection. */
  readonly exclusive: boolean
  /** True when it goes with its last consumer. */
  readonly autoDelete: boolean
  /** Its arguments by their `x-` names. */
  readonly arguments: Arguments
}

/** Payload of `queue.deleted`. */
export interface QueueDeletedEvent extends NamedEvent {
  /** Ready and unacknowledged messages that went with it. */
  readonly messages: number
}

/** Payload of `exchange.created`. */
export interface ExchangeCreatedEvent extends NamedEvent {
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
}

/** Payload of `binding.created` and `binding.deleted`. */
export interface BindingEvent {
  /** Name of the virtual host. */
  readonly virtualHost: string
  /** Name of the exchange that it starts at. */
  readonly source: string
  /** Name of the queue or exchange that it leads to. */
  readonly destination: string
  /** Which of the two that is. */
  readonly destinationKind: 'queue' | 'exchange'
  /** The binding key. */
  readonly routingKey: string
  /** The binding's arguments: what a headers exchange matches. */
  readonly arguments: Arguments
}

/** Payload of `connection.created` and `connection.closed`. */
export interface ConnectionEvent {
  /** Name of the virtual host. */
  readonly virtualHost: string
  /** Name of the connection. */
  readonly name: string
}

/** Payload of `policy.set` and `policy.cleared`. */
export interface PolicyEvent extends NamedEvent {
  /** True for operator policies. */
  readonly operator: boolean
}

/** Payload of `user.created`, `user.deleted` and the outcomes of a login. */
export interface UserEvent {
  /** Name of the user. */
  readonly user: string
}

/** Payload of `permission.deleted` and `topic.permission.deleted`. */
export interface PermissionEvent extends UserEvent {
  /** Name of the virtual host. */
  readonly virtualHost: string
}

/** Payload of `permission.created`. */
export interface PermissionCreatedEvent extends PermissionEvent {
  /** Regular expression of what may be declared and deleted. */
  readonly configure: string
  /** Regular expression of what may be published to. */
  readonly write: string
  /** Regular expression of what may be consumed. */
  readonly read: string
}

/** Payload of `topic.permission.created`. */
export interface TopicPermissionCreatedEvent extends PermissionEvent {
  /** Name of the topic exchange. */
  readonly exchange: string
  /** Regular expression of the routing keys of publishes. */
  readonly write: string
  /** Regular expression of binding keys. */
  readonly read: string
}

/** Payload of `vhost.limits.set`; -1 is no limit. */
export interface LimitsEvent extends VirtualHostEvent {
  /** Connections at once. */
  readonly maxConnections: number
  /** Queues at once. */
  readonly maxQueues: number
}

/** Payload of `consumer.created` and `consumer.deleted`. */
export interface ConsumerEvent {
  /** Name of the virtual host. */
  readonly virtualHost: string
  /** Name of the queue. */
  readonly queue: string
  /** Name of the consumer. */
  readonly consumerTag: string
}

/** Payload of `queue.backlog`: 100,000 messages are ready in a queue without a limit. Once a queue. */
export interface BacklogEvent extends NamedEvent {
  /** Ready messages of the queue. */
  readonly ready: number
}

/** What a broker can be short of. */
export type AlarmResource = 'memory' | 'disk'

/** Payload of `alarm.set` and `alarm.cleared`: an alarm by hand, or more messages than the `highWatermark`. */
export interface AlarmEvent {
  /** What the broker is short of: memory past its `highWatermark`, or as `setAlarm` says. */
  readonly resource: AlarmResource
  /** Ready messages of all queues. */
  readonly ready: number
  /** What the broker was told to bear. */
  readonly highWatermark: number
}

/** Payload of `fault`: an error that had no caller to go to. */
export interface FaultEvent {
  /** What was thrown. */
  readonly error: unknown
  /** Where it was thrown, such as `handler of the consumer 'amq.ctag-…' of queue 'jobs'`. */
  readonly where: string
}

/**
 * The events of a broker and their payloads. The names up to `alarm` are those of RabbitMQ's event exchange (EVT-03), the
 * others leveret's own. Each is emitted when the operation that caused it is complete.
 */
export interface BrokerEvents {
  /** A virtual host was made. */
  'vhost.created': [event: VirtualHostEvent]
  /** A virtual host was deleted, with everything in it. */
  'vhost.deleted': [event: VirtualHostEvent]
  /** An exchange was declared that did not exist. */
  'exchange.created': [event: ExchangeCreatedEvent]
  /** An exchange was deleted, also by its `autoDelete`. */
  'exchange.deleted': [event: NamedEvent]
  /** A queue was declared that did not exist. */
  'queue.created': [event: QueueCreatedEvent]
  /** A queue was deleted, also by its `autoDelete` or `expires`, or with its connection. */
  'queue.deleted': [event: QueueDeletedEvent]
  /** A binding was made that did not exist. */
  'binding.created': [event: BindingEvent]
  /** A binding was removed, also with one of its ends. */
  'binding.deleted': [event: BindingEvent]
  /** A connection was made: a bus of its own. */
  'connection.created': [event: ConnectionEvent]
  /** A connection was closed. */
  'connection.closed': [event: ConnectionEvent]
  /** A consumer was attached to its queue. */
  'consumer.created': [event: ConsumerEvent]
  /** A consumer was cancelled, by its owner or by the broker. */
  'consumer.deleted': [event: ConsumerEvent]
  /** A policy was made or changed. */
  'policy.set': [event: PolicyEvent]
  /** A policy was removed. */
  'policy.cleared': [event: PolicyEvent]
  /** A user was added. */
  'user.created': [event: UserEvent]
  /** A user was deleted; its connections close. */
  'user.deleted': [event: UserEvent]
  /** A connection logged in. */
  'user.authentication.success': [event: UserEvent]
  /** A login was refused. */
  'user.authentication.failure': [event: UserEvent]
  /** Rights in a virtual host were given or changed. */
  'permission.created': [event: PermissionCreatedEvent]
  /** Rights in a virtual host were taken away. */
  'permission.deleted': [event: PermissionEvent]
  /** Rights on a topic exchange were given or changed. */
  'topic.permission.created': [event: TopicPermissionCreatedEvent]
  /** Rights on topic exchanges were taken away. */
  'topic.permission.deleted': [event: PermissionEvent]
  /** The limits of a virtual host were changed. */
  'vhost.limits.set': [event: LimitsEvent]
  /** More messages are ready than the high watermark, or `setAlarm` was called: producers wait from now on. */
  'alarm.set': [event: AlarmEvent]
  /** That is over: producers go on, unless another alarm is on. */
  'alarm.cleared': [event: AlarmEvent]
  /** A queue was purged; `messages` were removed. */
  'queue.purged': [event: QueueDeletedEvent]
  /** A queue without a limit has grown to 100,000 ready messages. Unheard, it is a warning of the process. */
  'queue.backlog': [event: BacklogEvent]
  /** An error that has no caller to go to: of a handler or listener. Unheard, it is a warning of the process. */
  fault: [event: FaultEvent]
}

/** Name of an event of a broker. */
export type BrokerEventName = keyof BrokerEvents

/** What is published on the `leveret:message.…` diagnostics channels. */
export interface MessageEvent {
  /** Name of the virtual host. */
  readonly virtualHost: string
  /** The message; of `dead_lettered` its dead letter. */
  readonly message: Message
  /** The queue it happened in; undefined for `published` and `returned`. */
  readonly queue?: string
  /**
   * Why: for `dead_lettered`, the `reason` in `x-death`; for `rejected`, `requeued` and `delivery_limited`, what the
   * consumer gave to `reject(reason)` or `retry(error)`.
   */
  readonly reason?: unknown
}

/** What can happen to a message. */
export type MessageEventName =
  | 'published'
  | 'returned'
  | 'delivered'
  | 'acked'
  | 'requeued'
  | 'rejected'
  | 'expired'
  | 'overflowed'
  | 'delivery_limited'
  | 'dead_lettered'

const names: readonly MessageEventName[] = [
  'published',
  'returned',
  'delivered',
  'acked',
  'requeued',
  'rejected',
  'expired',
  'overflowed',
  'delivery_limited',
  'dead_lettered',
]

const silent: DiagnosticsChannel = { hasSubscribers: false, publish: () => undefined }

/** The diagnostics channels by event; `hasSubscribers` is all that a message costs while nobody listens. */
export const messageEvents = Object.freeze(
  Object.fromEntries(names.map((name) => [name, diagnosticsChannel(`leveret:message.${name}`) ?? silent])),
) as Readonly<Record<MessageEventName, DiagnosticsChannel>>

/** The names again, as values: a listener of a misspelt event would never be called. */
const BROKER_EVENT_NAMES = Object.keys({
  'vhost.created': true,
  'vhost.deleted': true,
  'exchange.created': true,
  'exchange.deleted': true,
  'queue.created': true,
  'queue.deleted': true,
  'binding.created': true,
  'binding.deleted': true,
  'connection.created': true,
  'connection.closed': true,
  'consumer.created': true,
  'consumer.deleted': true,
  'policy.set': true,
  'policy.cleared': true,
  'user.created': true,
  'user.deleted': true,
  'user.authentication.success': true,
  'user.authentication.failure': true,
  'permission.created': true,
  'permission.deleted': true,
  'topic.permission.created': true,
  'topic.permission.deleted': true,
  'vhost.limits.set': true,
  'alarm.set': true,
  'alarm.cleared': true,
  'queue.purged': true,
  'queue.backlog': true,
  fault: true,
} satisfies Record<BrokerEventName, true>) as BrokerEventName[]

/** The typed events of one broker. */
export class Events extends Emitter<BrokerEvents> {
  constructor() {
    super(BROKER_EVENT_NAMES, (error, name) => {
      // n.b. a failing listener of faults would be told of itself for ever.
      if (name === 'fault') warnOf(error, `listener of '${name}'`)
      else this.fault(error, `listener of '${name}'`)
    })
  }

  /** Reports an error that has no caller to go to: to `fault` listeners, else as a warning of the process. */
  fault(error: unknown, where: string): void {
    if (!this.emit('fault', { error, where })) warnOf(error, where)
  }

  /** Warns of a queue that grows without a limit: its listeners, else the process. */
  backlog(event: BacklogEvent): void {
    if (this.emit('queue.backlog', event)) return
    const { name, ready, virtualHost } = event
    const queue = `queue '${name}' in vhost '${virtualHost}'`
    warn(new Error(`leveret: ${ready} messages are ready in ${queue}, which has no limit`))
  }
}

function warnOf(error: unknown, where: string): void {
  warn(new Error(`leveret: ${where} failed: ${String(error)}`, { cause: error }))
}
