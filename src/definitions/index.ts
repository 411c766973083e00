/**
 * `leveret/definitions`: topologies in the shape of RabbitMQ's definitions, as `rabbitmqctl export_definitions` and the
 * management plug-in write them: exchanges, queues and bindings of one virtual host. Users, permissions, policies and
 * parameters are not read.
 */
import {
  type Arguments,
  defineTopology,
  describe,
  exchangeDeclaration,
  InvalidOptionError,
  NO_ARGUMENTS,
  queueDeclaration,
  Topology,
  type TopologyBinding,
  type TopologyExchange,
  type TopologyQueue,
} from '../internal.js'

/** The parts of RabbitMQ's definitions that a topology can be written as. */
export interface Definitions {
  /** Exchanges. */
  readonly exchanges?: readonly ExchangeDefinition[]
  /** Queues. */
  readonly queues?: readonly QueueDefinition[]
  /** Bindings. */
  readonly bindings?: readonly BindingDefinition[]
}

/** An exchange in definitions. */
export interface ExchangeDefinition {
  /** Its name. */
  readonly name: string
  /** Name of its virtual host. */
  readonly vhost?: string
  /** Name of its type. */
  readonly type: string
  /** Survives a restart. */
  readonly durable: boolean
  /** Goes with its last binding. */
  readonly auto_delete: boolean
  /** Takes messages from other exchanges only. */
  readonly internal: boolean
  /** Arguments by name. */
  readonly arguments: Arguments
}

/** A queue in definitions. */
export interface QueueDefinition {
  /** Its name. */
  readonly name: string
  /** Name of its virtual host. */
  readonly vhost?: string
  /** Survives a restart. */
  readonly durable: boolean
  /** Goes with its last consumer. */
  readonly auto_delete: boolean
  /** Arguments by their `x-` names. */
  readonly arguments: Arguments
}

/** A binding in definitions. */
export interface BindingDefinition {
  /** The exchange that it starts at. */
  readonly source: string
  /** Name of its virtual host. */
  readonly vhost?: string
  /** What it ends at. */
  readonly destination: string
  /** What that is. */
  readonly destination_type: 'queue' | 'exchange'
  /** The binding key. */
  readonly routing_key: string
  /** What a headers exchange matches. */
  readonly arguments: Arguments
}

/**
 * The topology as RabbitMQ's definitions, to be written as JSON and imported there. Dead-letter queues that `deadLetter`
 * names are among the queues; exclusive queues are left out, as RabbitMQ leaves them out.
 * @param virtualHost name that the definitions carry
 */
export function toDefinitions(topology: Pick<Topology, 'value'>, virtualHost = '/'): Required<Definitions> {
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
 * The topology that RabbitMQ's definitions describe. Their bodies are unknown.
 * @param virtualHost whose part of the definitions is read; entries without one belong to every virtual host
 * @throws InvalidOptionError with the path of the entry.
 */
export function fromDefinitions(definitions: Definitions, virtualHost = '/'): Topology {
  if (typeof definitions !== 'object' || definitions === null) {
    throw new InvalidOptionError(
      `definitions: expected an object, as JSON.parse makes it, got ${describe(definitions)}`,
    )
  }
  const exchanges: Record<string, TopologyExchange> = {}
  for (const { name, type, durable, auto_delete, internal, arguments: args } of list('exchanges')) {
    // n.b. every virtual host has those.
    if (name === '' || name.startsWith('amq.')) continue
    exchanges[name] = { type, durable, autoDelete: auto_delete, internal, arguments: args }
  }
  const queues: Record<string, TopologyQueue> = {}
  for (const { name, durable, auto_delete, arguments: args } of list('queues')) {
    queues[name] = { durable, autoDelete: auto_delete, arguments: args }
  }
  const all = [...(definitions.exchanges ?? []), ...(definitions.queues ?? [])]
  const names = new Set(all.map(({ vhost }) => vhost ?? virtualHost))
  if (names.size > 0 && !names.has(virtualHost)) {
    const known = [...names].map((name) => `'${name}'`).join(', ')
    throw new InvalidOptionError(`definitions have nothing of virtual host '${virtualHost}', but of ${known}`)
  }
  const bindings = list('bindings').map(
    ({ source, destination, destination_type, routing_key, arguments: args }): TopologyBinding => ({
      from: source,
      to: destination,
      key: routing_key,
      arguments: args,
      destinationKind: destination_type,
    }),
  )
  return defineTopology({ exchanges, queues, bindings: bindings as [] }) as unknown as Topology

  function list<Name extends keyof Definitions>(name: Name): readonly NonNullable<Definitions[Name]>[number][] {
    const all: unknown = definitions?.[name] ?? []
    if (!Array.isArray(all))
      throw new InvalidOptionError(`definitions.${name}: expected an array, got ${describe(all)}`)
    const wanted = NAMES[name]
    for (const [index, each] of all.entries()) {
      const wrong = wanted.find((field) => typeof each?.[field] !== 'string')
      if (wrong !== undefined) {
        throw new InvalidOptionError(
          `definitions.${name}[${index}].${wrong}: expected a string, got ${describe(each?.[wrong])}`,
        )
      }
    }
    return all.filter(({ vhost }) => vhost === undefined || vhost === virtualHost)
  }
}

/** The strings that an entry must have. */
const NAMES = {
  exchanges: ['name', 'type'],
  queues: ['name'],
  bindings: ['source', 'destination', 'destination_type', 'routing_key'],
} as const satisfies Record<keyof Definitions, readonly string[]>
