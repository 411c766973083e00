/** A broker as definitions, as RabbitMQ writes them: what is importable there, without messages. */

import type {
  Definitions,
  ParameterDefinition,
  PolicyDefinition,
  QueueDefinition,
  Section,
  UserDefinition,
  VirtualHostSection,
} from '../internal.js'
import {
  type Arguments,
  type Broker,
  type Checks,
  checkOptions,
  type FieldValue,
  host,
  type Policy,
  string,
  type VirtualHost,
} from '../internal.js'
import { checkBroker } from './import.js'

/** How definitions are exported. */
export interface ExportOptions {
  /** Only this virtual host, with entries that do not name it. @default all of them, users and permissions too */
  readonly virtualHost?: string
}

const CHECKS: Checks = { virtualHost: string }

/**
 * The broker as RabbitMQ's definitions, to be written as JSON and imported there or here. Exclusive queues, the exchanges that
 * every virtual host has, and bindings of either are left out (DEF-05).
 * @throws UnknownOptionError, InvalidOptionError, NotAllowedError when there is no such virtual host.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { exportDefinitions } from 'leveret/definitions'
 *
 * const broker = new Broker()
 * await broker.virtualHost('/').declareQueue('mails', { messageTtl: 60_000 })
 * const { queues, users } = exportDefinitions(broker)
 * console.log(queues[0]?.arguments, users[0]?.name) // { 'x-message-ttl': 60000 } guest
 * ```
 */
export function exportDefinitions(
  broker: Broker,
  options: ExportOptions & {
    /** Only this one. */
    readonly virtualHost: string
  },
): Required<Pick<Definitions, VirtualHostSection>>
export function exportDefinitions(broker: Broker): Definitions & Required<Pick<Definitions, Section>>
export function exportDefinitions(broker: Broker, options: ExportOptions = {}): Definitions {
  checkBroker('exportDefinitions', broker)
  checkOptions('exportDefinitions', options, CHECKS)
  const { virtualHost } = options
  if (virtualHost !== undefined) return withoutVirtualHost(partsOf(broker.virtualHost(virtualHost)))
  const version = broker.compatibility === '3.10' ? '3.10.8' : '4.3.0'
  const hosts = broker.virtualHosts.map((name) => broker.virtualHost(name))
  const parts = hosts.map(partsOf)
  return {
    rabbit_version: version,
    rabbitmq_version: version,
    users: usersOf(broker),
    vhosts: hosts.map((of) => {
      // n.b. as pairs, as RabbitMQ writes them here; an import goes by the parameter.
      return { name: of.name, limits: Object.entries(limitTable(of)), metadata: { description: '', tags: [] } }
    }),
    permissions: broker.permissions().map(({ virtualHost: vhost, ...rights }) => ({ ...rights, vhost })),
    topic_permissions: broker.topicPermissions().map(({ virtualHost: vhost, ...rights }) => ({ ...rights, vhost })),
    parameters: parts.flatMap(({ parameters }) => parameters),
    global_parameters: [],
    policies: parts.flatMap(({ policies }) => policies),
    exchanges: parts.flatMap(({ exchanges }) => exchanges),
    queues: parts.flatMap(({ queues }) => queues),
    bindings: parts.flatMap(({ bindings }) => bindings),
  }
}

type Parts = Required<Pick<Definitions, VirtualHostSection>>

function usersOf(broker: Broker): UserDefinition[] {
  return broker.users().map(({ name, passwordHash, hashingAlgorithm, tags, limits }) => ({
    name,
    password_hash: passwordHash,
    hashing_algorithm: hashingAlgorithm,
    tags: [...tags],
    limits: defined({ 'max-connections': limits.maxConnections, 'max-channels': limits.maxChannels }),
  }))
}

function partsOf(of: VirtualHost): Parts {
  const vhost = of.name
  const exported = of.queues().filter(({ exclusive }) => !exclusive)
  const names = new Set(exported.map(({ name }) => name))
  return {
    exchanges: of
      .exchanges()
      .filter(({ name }) => name !== '' && !name.startsWith('amq.'))
      .map(({ name, type, durable, autoDelete, internal, arguments: args }) => {
        return { name, vhost, type, durable, auto_delete: autoDelete, internal, arguments: jsonOf(args) }
      }),
    queues: exported.map(({ name, type, durable, autoDelete, arguments: args }): QueueDefinition => {
      return { name, vhost, type, durable, auto_delete: autoDelete, arguments: jsonOf(args) }
    }),
    bindings: of
      .bindings()
      .filter((each) => each.source !== '' && (each.destinationKind === 'exchange' || names.has(each.destination)))
      .map(({ source, destination, destinationKind, routingKey, arguments: args }) => {
        const to = { destination, destination_type: destinationKind }
        return { source, vhost, ...to, routing_key: routingKey, arguments: jsonOf(args) }
      }),
    policies: of.policies().map((policy) => ({ name: policy.name, vhost, ...policyOf(policy) })),
    parameters: [...of.operatorPolicies().map((policy) => operatorPolicyOf(vhost, policy)), ...limitsOf(of)],
  }
}

function policyOf({ pattern, applyTo, priority, definition }: Policy): Omit<PolicyDefinition, 'name'> {
  return { pattern, 'apply-to': applyTo, priority, definition: jsonOf(definition) }
}

function operatorPolicyOf(vhost: string, policy: Policy): ParameterDefinition {
  return { vhost, component: 'operator_policy', name: policy.name, value: policyOf(policy) }
}

function limitTable(of: VirtualHost): Arguments {
  const { maxConnections, maxQueues } = of.limits()
  return defined({ 'max-connections': maxConnections, 'max-queues': maxQueues })
}

function limitsOf(of: VirtualHost): ParameterDefinition[] {
  const value = limitTable(of)
  return Object.keys(value).length === 0 ? [] : [{ vhost: of.name, component: 'vhost-limits', name: 'limits', value }]
}

function defined(limits: Record<string, number | undefined>): Arguments {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined))
}

function withoutVirtualHost(parts: Parts): Parts {
  const bare = <T extends { readonly vhost?: string }>({ vhost: _, ...entry }: T) => entry as T
  return {
    exchanges: parts.exchanges.map(bare),
    queues: parts.queues.map(bare),
    bindings: parts.bindings.map(bare),
    policies: parts.policies.map(bare),
    parameters: parts.parameters.map(bare),
  }
}

function jsonOf(table: Arguments): Arguments {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, plain(value)]))
}

/** A value of a field table as JSON has it, in RabbitMQ's way. */
function plain(value: FieldValue): FieldValue {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Date) return Math.floor(value.getTime() / 1000)
  if (value instanceof Uint8Array) return textOf(value)
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'object' && value !== null ? jsonOf(value as Arguments) : (value ?? null)
}

function textOf(bytes: Uint8Array): string {
  try {
    return new host.TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return `Not UTF-8, base64 is: ${host.btoa(String.fromCharCode(...bytes))}`
  }
}
