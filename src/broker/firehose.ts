/**
 * The firehose of a virtual host: a copy of every publish and every delivery, to the exchange `amq.rabbitmq.trace`
 * (TRC-01 to TRC-05). There is one only while it is on: nothing asks for it else.
 */
import type { FieldValue } from '../arguments.js'
import type { Delivery } from '../delivery.js'
import { Message, type MessageProperties } from '../message.js'
import type { QueueHooks } from '../queue-arguments/queue-argument.js'
import type { ExchangeState } from './exchange-state.js'
import { type Publishing, stringsOf } from './publishing.js'
import type { BrokerServices } from './services.js'

/** Whose channel it was. */
export interface Origin {
  readonly connection: string
  readonly channel: number
  readonly user: string
}

interface TracedHost {
  readonly name: string
  readonly broker: BrokerServices
  readonly publishing: Publishing
  readonly exchanges: ReadonlyMap<string, ExchangeState>
}

const TRACE = 'amq.rabbitmq.trace'
const NOBODY: Origin = { connection: '', channel: 0, user: 'none' }

export class Firehose {
  readonly #host: TracedHost

  constructor(host: TracedHost) {
    this.#host = host
  }

  /** A message is about to be routed. */
  published(exchange: ExchangeState, message: Message, origin: Origin): void {
    const queues = this.#host.publishing.wouldReach(exchange, message).map(({ name }) => name)
    this.#copy(`publish.${exchange.name}`, message, origin, { routed_queues: queues })
  }

  /** What tells of the deliveries of a queue. */
  hooksOf(queue: string): QueueHooks {
    return {
      timesDeliveries: true,
      assigned: (_, delivery) => {
        // n.b. later: who gets it is not known yet.
        this.#host.broker.defer({ run: () => this.#delivered(queue, delivery) })
      },
    }
  }

  #delivered(queue: string, delivery: Delivery): void {
    // n.b. or its copies would be copied for ever (TRC-04).
    if (delivery.message.exchange === TRACE) return
    const { origin = NOBODY } = (delivery.recipient?.holder ?? {}) as { readonly origin?: Origin }
    this.#copy(`deliver.${queue}`, delivery.message, origin, { redelivered: delivery.redelivered ? 1 : 0 })
  }

  #copy(routingKey: string, message: Message, origin: Origin, more: Readonly<Record<string, FieldValue>>): void {
    const exchange = this.#host.exchanges.get(TRACE) as ExchangeState
    const { properties, rare } = message
    const headers = {
      exchange_name: message.exchange,
      routing_keys: [message.routingKey, ...stringsOf(properties.headers?.['CC']), ...(rare?.bcc ?? [])],
      properties: tableOf(properties),
      node: 'leveret@localhost',
      vhost: this.#host.name,
      ...origin,
      ...more,
    }
    this.#host.publishing.deliver(exchange, new Message(TRACE, routingKey, message.body, { headers }))
  }
}

/** Properties as AMQP's grammar names them. */
function tableOf(properties: MessageProperties): Record<string, FieldValue> {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      name === 'expiration' ? String(value) : value,
    ]),
  )
}
