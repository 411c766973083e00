/** Topologies as definitions, and definitions as topologies: exchanges, queues and bindings of one virtual host. */
import { NO_ARGUMENTS } from '../arguments.js'
import { InvalidOptionError } from '../errors.js'
import { exchangeDeclaration } from '../handles/exchange.js'
import { queueDeclaration } from '../handles/queue-options.js'
import { defineTopology, Topology } from '../handles/topology.js'
import type { TopologyBinding, TopologyExchange, TopologyQueue } from '../handles/topology-types.js'
import { describe } from '../names.js'
import type { BindingDefinition, Definitions, ExchangeDefinition, QueueDefinition } from './definitions.js'
import { DefinitionsReader } from './definitions-reader.js'

/**
 * The topology as RabbitMQ's definitions, to be written as JSON and imported there. Dead-letter queues that `deadLetter`
 * names are among the queues; exclusive queues are left out, as RabbitMQ leaves them out.
 * @param virtualHost name that the definitions carry
 */
export function toDefinitions(
  topology: Pick<Topology, 'value'>,
  virtualHost = '/',
): Required<Pick<Definitions, 'exchanges' | 'queues' | 'bindings'>> {
  if (!(topology instanceof Topology)) {
    throw new InvalidOptionError(`toDefinitions: expected what defineTopology answers, got ${describe(topology)}`)
  }
  const { value } = topology
  const vhost = virtualHost
  const exchanges = Object.entries(value.exchanges).map(([name, { type, ...options }]): ExchangeDefinition => {
    const { durable, autoDelete, internal, arguments: args } = exchangeDeclaration(name, type, options)
    return { name, vhost, type, durable, auto_delete: autoDelete, internal, arguments: args }
  })
  const targets = Object.values(value.queues).flatMap(({ deadLetter }) => deadLetter ?? [])
  const missing = [...new Set(targets)].filter((name) => !Object.hasOwn(value.queues, name))
  const declared = [...Object.entries(value.queues), ...missing.map((name) => [name, {}] as const)]
  const queues = declared.flatMap(([name, options]): QueueDefinition[] => {
    const { durable, exclusive, autoDelete, arguments: args } = queueDeclaration(name, options, undefined)
    return exclusive ? [] : [{ name, vhost, durable, auto_delete: autoDelete, arguments: args }]
  })
  const bindings = value.bindings.map(
    ({ from, to, key = '', arguments: args = NO_ARGUMENTS, destinationKind }): BindingDefinition => ({
      source: from,
      vhost,
      destination: to,
      destination_type: destinationKind ?? (Object.hasOwn(value.queues, to) ? 'queue' : 'exchange'),
      routing_key: key,
      arguments: args,
    }),
  )
  return { exchanges, queues, bindings }
}

/**
 * The topology that RabbitMQ's definitions describe: exchanges, queues and bindings. Their bodies are unknown.
 * @param virtualHost whose part of the definitions is read; entries without one belong to every virtual host
 * @throws InvalidOptionError with the path of the entry.
 */
export function fromDefinitions(definitions: Definitions, virtualHost = '/'): Topology {
  const reader = new DefinitionsReader(definitions)
  const [all, declared, bound] = [reader.read('exchanges'), reader.read('queues'), reader.read('bindings')]
  const isHere = ({ value: { vhost } }: { value: { vhost?: string } }) => (vhost ?? virtualHost) === virtualHost
  const names = new Set([...all, ...declared].map(({ value: { vhost } }) => vhost ?? virtualHost))
  if (names.size > 0 && !names.has(virtualHost)) {
    const known = [...names].map((name) => `'${name}'`).join(', ')
    throw new InvalidOptionError(`definitions have nothing of virtual host '${virtualHost}', but of ${known}`)
  }
  const exchanges: Record<string, TopologyExchange> = {}
  for (const { value } of all.filter(isHere)) {
    const { name, type, durable, auto_delete, internal, arguments: args } = value
    // n.b. every virtual host has those.
    if (name === '' || name.startsWith('amq.')) continue
    exchanges[name] = { type, durable, autoDelete: auto_delete, internal, arguments: args }
  }
  const queues: Record<string, TopologyQueue> = {}
  for (const { value } of declared.filter(isHere)) {
    const { name, durable, auto_delete, arguments: args } = value
    queues[name] = { durable, autoDelete: auto_delete, arguments: args }
  }
  const bindings = bound.filter(isHere).map(
    ({ value }): TopologyBinding => ({
      from: value.source,
      to: value.destination,
      key: value.routing_key,
      arguments: value.arguments,
      destinationKind: value.destination_type,
    }),
  )
  return defineTopology({ exchanges, queues, bindings: bindings as [] }) as unknown as Topology
}
