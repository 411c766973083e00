/**
 * Everything a broker reports, in two closed lists: what happens to topology, as typed events named as RabbitMQ's event
 * exchange names them (EVT-03), and what happens to messages, on `node:diagnostics_channel` as `leveret:` and the name.
 * Both are free while nobody listens.
 */
import type { Arguments } from '../arguments.js'
import { Emitter } from '../emitter.js'
import { type DiagnosticsChannel, diagnosticsChannel, warn } from '../host.js'
import type { Message } from '../message.js'
import type { DeathReason } from '../queue-arguments/queue-argument.js'

/** A queue or exchange by its virtual host and name. */
export interface NamedEvent {
  readonly virtualHost: string
  readonly name: string
}

/** Payload of `queue.created`. */
export interface QueueCreatedEvent extends NamedEvent {
  readonly type: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Arguments
}

/** Payload of `queue.deleted`. */
export interface QueueDeletedEvent extends NamedEvent {
  /** Ready and unacknowledged messages that went with it. */
  readonly messages: number
}

/** Payload of `exchange.created`. */
export interface ExchangeCreatedEvent extends NamedEvent {
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Arguments
}

/** Payload of `binding.created` and `binding.deleted`. */
export interface BindingEvent {
  readonly virtualHost: string
  readonly source: string
  readonly destination: string
  readonly destinationKind: 'queue' | 'exchange'
  readonly routingKey: string
  readonly arguments: Arguments
}

/** Payload of `connection.created` and `connection.closed`. */
export interface ConnectionEvent {
  readonly virtualHost: string
  readonly name: string
}

/** Payload of `consumer.created` and `consumer.deleted`. */
export interface ConsumerEvent {
  readonly virtualHost: string
  readonly queue: string
  readonly consumerTag: string
}

/** Payload of `queue.backlog`: 100,000 messages are ready in a queue without a limit. Once a queue. */
export interface BacklogEvent extends NamedEvent {
  readonly ready: number
}

/** Payload of `alarm.set` and `alarm.cleared`: the broker holds more messages than its `highWatermark`. */
export interface AlarmEvent {
  readonly ready: number
  readonly highWatermark: number
}

/** Payload of `fault`: an error that had no caller to go to. */
export interface FaultEvent {
  readonly error: unknown
  /** Where it was thrown, such as `handler of consumer 'amq.ctag-…' on queue 'jobs'`. */
  readonly where: string
}

/** The events of a broker and their payloads. The names up to `alarm` are RabbitMQ's, the others leveret's own. */
export interface BrokerEvents {
  'vhost.created': [event: { readonly virtualHost: string }]
  'vhost.deleted': [event: { readonly virtualHost: string }]
  'exchange.created': [event: ExchangeCreatedEvent]
  'exchange.deleted': [event: NamedEvent]
  'queue.created': [event: QueueCreatedEvent]
  'queue.deleted': [event: QueueDeletedEvent]
  'binding.created': [event: BindingEvent]
  'binding.deleted': [event: BindingEvent]
  'connection.created': [event: ConnectionEvent]
  'connection.closed': [event: ConnectionEvent]
  'consumer.created': [event: ConsumerEvent]
  'consumer.deleted': [event: ConsumerEvent]
  'alarm.set': [event: AlarmEvent]
  'alarm.cleared': [event: AlarmEvent]
  'queue.purged': [event: QueueDeletedEvent]
  'queue.backlog': [event: BacklogEvent]
  fault: [event: FaultEvent]
}

/** Name of an event of a broker. */
export type BrokerEventName = keyof BrokerEvents

/** What is published on the `leveret:message.…` diagnostics channels. */
export interface MessageEvent {
  readonly virtualHost: string
  readonly message: Message
  /** The queue it happened in; undefined for `published` and `returned`. */
  readonly queue?: string
  /** For `dead_lettered`: why it died. */
  readonly reason?: DeathReason
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

/** The typed events of one broker. */
export class Events extends Emitter<BrokerEvents> {
  constructor() {
    super((error, name) => {
      // n.b. a failing listener of faults would be told of itself for ever.
      if (name === 'fault') warnOf(error, `listener of '${name}'`)
      else this.fault(error, `listener of '${name}'`)
    })
  }

  /** Reports an error that has no caller to go to: to `fault` listeners, else as a warning of the process. */
  fault(error: unknown, where: string): void {
    if (this.listenerCount('fault') > 0) this.emit('fault', { error, where })
    else warnOf(error, where)
  }

  /** Warns of a queue that grows without a limit: its listeners, else the process. */
  backlog(event: BacklogEvent): void {
    const { name, ready, virtualHost } = event
    if (this.listenerCount('queue.backlog') > 0) this.emit('queue.backlog', event)
    else
      warn(
        new Error(
          `leveret: ${ready} messages are ready in queue '${name}' in vhost '${virtualHost}', which has no limit`,
        ),
      )
  }
}

function warnOf(error: unknown, where: string): void {
  warn(new Error(`leveret: ${where} failed: ${String(error)}`, { cause: error }))
}
