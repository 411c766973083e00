/** The brokers behind the URLs, one for each host and port. They outlive a module, and serve every copy of it. */
import { Broker } from '../internal.js'

/** A connection of amqplib's to one of them. */
interface Client {
  /** Cuts it off, as a network does. */
  drop(): void
  /** Ends it without a word. */
  abandon(): void
}

interface Registry {
  /** By host and port; '' is for all of them. */
  readonly brokers: Map<string, Broker>
  readonly clients: Set<Client>
}

const KEY = Symbol.for('leveret.amqplib')

function registry(): Registry {
  const home = globalThis as { [KEY]?: Registry }
  home[KEY] ??= { brokers: new Map(), clients: new Set() }
  return home[KEY]
}

/** A connection is there; it is forgotten when it says so. */
export const remember = (client: Client): unknown => registry().clients.add(client)
export const forget = (client: Client): unknown => registry().clients.delete(client)

/** Where a URL leads to: this machine has many names. */
export interface Place {
  readonly host: string
  readonly port: number
}

const keyOf = ({ host, port }: Place) => `${/^(localhost|127\.|::1$|$)/.test(host) ? 'localhost' : host}:${port}`

/** The broker at a place; a new one where there is none, a RabbitMQ 3.10 by its behaviour. */
export function brokerAt(place: Place): Broker {
  const { brokers } = registry()
  const key = keyOf(place)
  let broker = brokers.get(key) ?? brokers.get('')
  if (broker === undefined) {
    broker = new Broker({ compatibility: '3.10' })
    brokers.set(key, broker)
  }
  return broker
}

/** From now on this broker is at the place, or everywhere that has no other. */
export function setBroker(broker: Broker, place: Place | undefined): void {
  registry().brokers.set(place === undefined ? '' : keyOf(place), broker)
}

/**
 * Cuts every connection off as a lost network does: each emits `error` and `close`, and can be made anew at once. For
 * tests of what an application does then.
 */
export function dropConnections(): void {
  for (const client of [...registry().clients]) client.drop()
}

/**
 * Forgets everything, for the next test: connections end without an event, the brokers made for URLs close, and those that
 * `useBroker` took are let go. A `connect` after it finds an empty broker.
 */
export async function reset(): Promise<void> {
  const { brokers, clients } = registry()
  const made = [...brokers.values()]
  brokers.clear()
  for (const client of [...clients]) client.abandon()
  await Promise.all(made.map((broker) => broker.close({ timeout: 0 })))
}
