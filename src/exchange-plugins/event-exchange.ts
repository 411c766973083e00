/**
 * The event exchange: what happens to the topology of a broker, as messages (EVT-01 to EVT-04). RabbitMQ has it as the
 * plug-in `rabbitmq_event_exchange`.
 */
import type { Arguments, Broker, BrokerEventName, BrokerEvents, FieldValue } from '../internal.js'

const EXCHANGE = 'amq.rabbitmq.event'

/** The events that RabbitMQ has; the others are leveret's own. */
const NAMES = [
  'vhost.created',
  'vhost.deleted',
  'vhost.limits.set',
  'exchange.created',
  'exchange.deleted',
  'queue.created',
  'queue.deleted',
  'binding.created',
  'binding.deleted',
  'connection.created',
  'connection.closed',
  'consumer.created',
  'consumer.deleted',
  'policy.set',
  'policy.cleared',
  'user.created',
  'user.deleted',
  'user.authentication.success',
  'user.authentication.failure',
  'permission.created',
  'permission.deleted',
  'topic.permission.created',
  'topic.permission.deleted',
  'alarm.set',
  'alarm.cleared',
] as const satisfies readonly BrokerEventName[]

/** Where RabbitMQ's name of a property is not ours with underscores. */
const PROPERTIES: Readonly<Record<string, string>> = {
  virtualHost: 'vhost',
  source: 'source_name',
  destination: 'destination_name',
}

/**
 * Publishes the events of a broker to the internal topic exchange `amq.rabbitmq.event`, which it makes: the name of the
 * event is the routing key, its properties are the headers, the body is empty. Nothing is published while nothing is bound.
 * @param virtualHost name of the virtual host that gets the exchange
 * @throws NotAllowedError when there is no such virtual host, ClosedError.
 * @returns what ends it; the exchange stays
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { publishEvents } from 'leveret/exchange-types'
 *
 * const broker = new Broker()
 * const stop = publishEvents(broker)
 * const host = broker.virtualHost('/')
 * const seen = await host.declareQueue('seen', { bindings: [host.exchange('amq.rabbitmq.event').key('queue.*')] })
 * await host.declareQueue('jobs')
 * const event = await seen.get()
 * console.log(event?.routingKey, event?.headers['name']) // queue.created jobs
 * stop()
 * ```
 */
export function publishEvents(broker: Broker, virtualHost = '/'): () => void {
  const publish = broker.virtualHost(virtualHost).serverExchange(EXCHANGE)
  const listeners = NAMES.map((name) => {
    const listener = (event: BrokerEvents[typeof name][0]): void => {
      publish(name, () => {
        const now = Date.now()
        const headers = { ...headersOf(name, event as unknown as Arguments), timestamp_in_ms: now }
        return { headers, deliveryMode: 2, timestamp: Math.floor(now / 1000) }
      })
    }
    broker.on(name, listener as (...payload: BrokerEvents[typeof name]) => void)
    return [name, listener] as const
  })
  return () => {
    for (const [name, listener] of listeners) broker.off(name, listener as (...payload: unknown[]) => void)
  }
}

function headersOf(event: string, payload: Arguments): Record<string, FieldValue> {
  const headers: Record<string, FieldValue> = {}
  for (const [name, value] of Object.entries(payload)) headers[headerOf(event, name)] = value
  return headers
}

function headerOf(event: string, name: string): string {
  // n.b. of permissions the user is one property of many, elsewhere it is what the event is about.
  if (name === 'user' && event.startsWith('user.')) return 'name'
  return PROPERTIES[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
