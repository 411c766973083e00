/** Definitions into a broker: a merge, in RabbitMQ's order (DEF-07). */

import type { Definitions, ParameterDefinition, PolicyDefinition, SkippedDefinition } from '../internal.js'
import {
  type Broker,
  boolean,
  type Channel,
  type Checks,
  checkOptions,
  DefinitionsReader,
  describe,
  type Entry,
  InvalidOptionError,
  limitsOf,
  oneOf,
  operatorPolicyOf,
  PreconditionFailedError,
  placed,
  type Sections,
  string,
  type UserLimits,
  type VirtualHost,
  type VirtualHostLimits,
} from '../internal.js'

/** How definitions are imported. */
export interface ImportOptions {
  /** Where everything goes that a file of one virtual host holds; it must exist. @default as the entries say */
  readonly virtualHost?: string
  /**
   * What becomes of queues and exchanges of types that the broker does not have, such as streams, and of their bindings.
   * @default 'refuse'
   */
  readonly unsupported?: 'refuse' | 'skip'
  /**
   * Deletes the user `guest` and the virtual host `/` first, as they are not made by a node that boots with definitions
   * (DEF-10).
   * @default false
   */
  readonly boot?: boolean
}

/** What an import did not take. */
export interface ImportedDefinitions {
  /** Everything that was left out, and why. */
  readonly skipped: readonly SkippedDefinition[]
}

const CHECKS: Checks = { virtualHost: string, unsupported: oneOf('refuse', 'skip'), boot: boolean }

/**
 * Imports RabbitMQ's definitions. It is a merge: queues and exchanges that exist are left as they are, users, permissions,
 * policies and parameters are overwritten, nothing is deleted. What cannot be read changes nothing; where the broker refuses
 * an entry, what came before it stays (DEF-09).
 * @param definitions as `JSON.parse` makes them of a file
 * @throws InvalidOptionError with the path of the element and field, and for an entry that is refused what the broker throws,
 * with its path and name before the message.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { importDefinitions } from 'leveret/definitions'
 *
 * const broker = new Broker()
 * const { skipped } = importDefinitions(broker, {
 *   vhosts: [{ name: 'shop' }],
 *   queues: [{ name: 'mails', vhost: 'shop', durable: true, auto_delete: false, arguments: {} }],
 *   global_parameters: [{ name: 'cluster_name', value: 'rabbit@shop' }],
 * })
 * console.log(broker.virtualHost('shop').queues().length) // 1
 * console.log(skipped[0]?.path) // definitions.global_parameters[0]
 * ```
 */
export function importDefinitions(
  broker: Broker,
  definitions: Definitions,
  options: ImportOptions = {},
): ImportedDefinitions {
  checkBroker('importDefinitions', broker)
  checkOptions('importDefinitions', options, CHECKS)
  const what = new Import(broker, new DefinitionsReader(definitions), options)
  try {
    return { skipped: what.run() }
  } finally {
    what.close()
  }
}

/** @throws InvalidOptionError. */
export function checkBroker(what: string, broker: unknown): void {
  if (typeof (broker as Partial<Broker> | undefined)?.virtualHost === 'function') return
  throw new InvalidOptionError(`${what}: expected a broker, got ${describe(broker)}`)
}

/** Sections that are not part of one virtual host. */
const GLOBAL = ['users', 'vhosts', 'permissions', 'topic_permissions', 'global_parameters'] as const

type Located = Entry<{ readonly vhost?: string }>

/** A virtual host, and what it has of exchanges and queues by now. */
class Target {
  readonly host: VirtualHost
  // n.b. a broker in this process answers at once: its promises are none.
  readonly channel: Channel
  readonly exchange: Set<string>
  readonly queue: Set<string>

  constructor(host: VirtualHost) {
    this.host = host
    this.channel = host.openChannel()
    this.exchange = new Set(host.exchanges().map(({ name }) => name))
    this.queue = new Set(host.queues().map(({ name }) => name))
  }
}

class Import {
  readonly #broker: Broker
  readonly #options: ImportOptions
  readonly #sections: { readonly [Name in keyof Sections]: readonly Entry<Sections[Name]>[] }
  readonly #isOld: boolean
  readonly #targets = new Map<string, Target>()
  readonly #skipped: SkippedDefinition[]

  constructor(broker: Broker, reader: DefinitionsReader, options: ImportOptions) {
    this.#broker = broker
    this.#options = options
    this.#isOld = reader.isBeforeHashingAlgorithms
    this.#sections = {
      users: reader.read('users'),
      vhosts: reader.read('vhosts'),
      permissions: reader.read('permissions'),
      topic_permissions: reader.read('topic_permissions'),
      exchanges: reader.read('exchanges'),
      global_parameters: reader.read('global_parameters'),
      policies: reader.read('policies'),
      parameters: reader.read('parameters'),
      queues: reader.read('queues'),
      bindings: reader.read('bindings'),
    }
    this.#skipped = reader.unknown
  }

  run(): readonly SkippedDefinition[] {
    const { exchanges, policies, queues, bindings } = this.#sections
    const parameters = this.#sections.parameters.map((entry) => [entry, this.#parameterOf(entry)] as const)
    for (const entry of [...exchanges, ...policies, ...this.#sections.parameters, ...queues, ...bindings]) {
      this.#nameOf(entry)
    }
    const { virtualHost, boot } = this.#options
    if (virtualHost !== undefined) {
      this.#target(virtualHost)
      for (const name of GLOBAL) for (const entry of this.#sections[name]) this.#skip(entry, NOT_HERE)
    } else {
      if (boot === true) this.#removeDefaults()
      this.#importGlobal()
    }
    // n.b. what the file limits holds from the end on: what is in it was there when it was written.
    this.#checkQueueLimits()
    for (const entry of exchanges) this.#at(entry, () => this.#exchange(entry))
    for (const entry of policies) this.#at(entry, () => this.#policy(entry, entry.value, 'setPolicy'))
    for (const [entry, apply] of parameters) if (entry.value.component !== LIMITS) this.#at(entry, apply)
    for (const entry of queues) this.#at(entry, () => this.#queue(entry))
    for (const entry of bindings) this.#at(entry, () => this.#binding(entry))
    for (const [entry, apply] of parameters) if (entry.value.component === LIMITS) this.#at(entry, apply)
    return this.#skipped
  }

  close(): void {
    for (const { channel } of this.#targets.values()) void channel.close()
  }

  #removeDefaults(): void {
    if (this.#broker.users().some(isGuest)) this.#broker.deleteUser('guest')
    if (this.#broker.virtualHosts.includes('/')) this.#broker.deleteVirtualHost('/')
  }

  #importGlobal(): void {
    const broker = this.#broker
    for (const entry of this.#sections.users) this.#at(entry, () => this.#user(entry))
    for (const entry of this.#sections.vhosts) {
      const { name, tracing, metadata } = entry.value
      this.#at(entry, () => {
        const isNew = !broker.virtualHosts.includes(name)
        const host = broker.createVirtualHost(name)
        if (tracing !== undefined) host.trace(tracing)
        // n.b. who may do what in it stands in the file.
        if (isNew && broker.users().some(isGuest)) broker.clearPermissions('guest', name)
      })
      const type = metadata?.['default_queue_type'] ?? 'undefined'
      if (!['undefined', 'classic', 'rabbit_classic_queue'].includes(String(type))) {
        this.#skip(
          { ...entry, path: `${entry.path}.metadata.default_queue_type` },
          'queues are classic by default here',
        )
      }
    }
    for (const entry of this.#sections.permissions) {
      const { user, vhost: virtualHost, configure, write, read } = entry.value
      this.#at(entry, () => broker.setPermissions(user, { virtualHost, configure, write, read }))
    }
    for (const entry of this.#sections.topic_permissions) {
      const { user, vhost: virtualHost, exchange, write, read } = entry.value
      this.#at(entry, () => broker.setTopicPermissions(user, { virtualHost, exchange, write, read }))
    }
    for (const entry of this.#sections.global_parameters) this.#skip(entry, 'this broker has no global parameters')
  }

  #user(entry: Entry<Sections['users']>): void {
    const { value } = entry
    const { name, password_hash: passwordHash, password, tags, limits } = value
    const md5 = this.#isOld ? 'rabbit_password_hashing_md5' : undefined
    const { hashing_algorithm: hashingAlgorithm = md5 } = value
    const secret = passwordHash !== undefined ? { passwordHash } : password !== undefined ? { password } : {}
    this.#broker.addUser(name, { ...secret, ...(hashingAlgorithm !== undefined && { hashingAlgorithm }), tags })
    if (limits === undefined) return
    const { 'max-connections': maxConnections, 'max-channels': maxChannels, ...others } = limits
    this.#skipKeys({ ...entry, path: `${entry.path}.limits` }, others)
    this.#broker.setUserLimits(name, { maxConnections, maxChannels } as UserLimits)
  }

  /** As RabbitMQ does before the first queue, by the limits that the virtual hosts have now. */
  #checkQueueLimits(): void {
    for (const name of new Set(this.#sections.queues.map((entry) => this.#nameOf(entry)))) {
      if (!this.#broker.virtualHosts.includes(name)) continue
      const { host, queue } = this.#target(name)
      const { maxQueues = Number.POSITIVE_INFINITY } = host.limits()
      const here = this.#sections.queues.filter((entry) => this.#nameOf(entry) === name)
      const added = new Set(here.map(({ value }) => value.name).filter((each) => !isReserved(each) && !queue.has(each)))
      if (added.size === 0 || queue.size + added.size <= maxQueues) continue
      throw placed(
        'definitions.queues',
        new PreconditionFailedError(
          `Adding ${added.size} queue(s) to virtual host "${name}" would exceed the limit of ${maxQueues} queue(s). ` +
            `This virtual host currently has ${queue.size} queue(s) defined. Import aborted!`,
        ),
      )
    }
  }

  #exchange(entry: Entry<Sections['exchanges']>): void {
    const { channel, exchange } = this.#targetOf(entry)
    const { name, type, durable, auto_delete: autoDelete, internal, arguments: args } = entry.value
    if (name === '' || isReserved(name)) {
      this.#skip(entry, RESERVED)
      return
    }
    if (exchange.has(name)) return
    try {
      void channel.declareExchange({ name, type, durable, autoDelete, internal, arguments: args })
    } catch (error) {
      if (!/exchange type '/.test(String((error as Error).message))) throw error
      const missing = `this broker has no exchange type '${type}'`
      if (this.#options.unsupported !== 'skip') {
        throw PLUGINS.includes(type) ? placed(`${missing}, leveret/exchange-types has it`, error) : error
      }
      this.#skip(entry, missing)
      return
    }
    exchange.add(name)
  }

  #queue(entry: Entry<Sections['queues']>): void {
    const { channel, queue } = this.#targetOf(entry)
    const { name, durable, auto_delete: autoDelete, arguments: args } = entry.value
    if (queue.has(name)) return
    const type = args['x-queue-type'] ?? 'classic'
    const isLeftOut = this.#options.unsupported === 'skip' && type !== 'classic' && type !== 'quorum'
    if (isLeftOut || isReserved(name)) {
      this.#skip(entry, isLeftOut ? `this broker has no queue type '${type}'` : RESERVED)
      return
    }
    void channel.declareQueue({ name, durable, exclusive: false, autoDelete, arguments: args, lenient: true })
    queue.add(name)
  }

  #binding(entry: Entry<Sections['bindings']>): void {
    const target = this.#targetOf(entry)
    const { source, destination, destination_type: kind, routing_key: routingKey, arguments: args } = entry.value
    // n.b. every queue has those by itself.
    if (source === '') return
    // n.b. RabbitMQ exports bindings of exclusive queues and internal exchanges, and neither of these.
    const ends = [['exchange', source] as const, [kind, destination] as const]
    const missing = ends.find(([end, name]) => !target[end].has(name))
    if (missing !== undefined) {
      this.#skip(entry, `no ${missing[0]} '${missing[1]}' in vhost '${target.host.name}'`)
      return
    }
    void target.channel.bind({ source, destination, destinationKind: kind, routingKey, arguments: args })
  }

  #policy(entry: Located, policy: PolicyDefinition, how: 'setPolicy' | 'setOperatorPolicy'): void {
    const { name, pattern, 'apply-to': applyTo, priority, definition } = policy
    this.#targetOf(entry).host[how](name, { pattern, applyTo, priority, definition })
  }

  /** What a parameter does. It is read before anything is done. */
  #parameterOf(entry: Entry<ParameterDefinition>): () => void {
    const { component, value } = entry.value
    if (component === 'operator_policy') {
      const policy = operatorPolicyOf(entry)
      return () => this.#policy(entry, policy, 'setOperatorPolicy')
    }
    if (component !== LIMITS) return () => this.#skip(entry, `this broker has no component '${component}'`)
    const path = `${entry.path}.value`
    const { 'max-connections': maxConnections, 'max-queues': maxQueues, ...others } = limitsOf(path, value)
    return () => {
      this.#skipKeys({ ...entry, path }, others)
      this.#targetOf(entry).host.setLimits({ maxConnections, maxQueues } as VirtualHostLimits)
    }
  }

  #at({ path, name }: Entry<unknown>, operation: () => void): void {
    try {
      operation()
    } catch (error) {
      throw placed(name === undefined ? path : `${path} '${name}'`, error)
    }
  }

  #skip({ path, name }: Entry<unknown>, reason: string): void {
    this.#skipped.push({ path, name, reason })
  }

  #skipKeys(entry: Entry<unknown>, table: object): void {
    for (const key of Object.keys(table)) this.#skip({ ...entry, path: `${entry.path}.${key}` }, 'unknown limit')
  }

  /** Name of the virtual host that an entry goes to. @throws InvalidOptionError (DEF-06). */
  #nameOf({ path, value: { vhost } }: Located): string {
    const name = this.#options.virtualHost ?? vhost
    if (name !== undefined) return name
    const hint = "a file of one virtual host needs the option 'virtualHost'"
    throw new InvalidOptionError(`${path}.vhost: expected the name of a virtual host, got undefined; ${hint}`)
  }

  #targetOf(entry: Located): Target {
    return this.#target(this.#nameOf(entry))
  }

  #target(name: string): Target {
    const target = this.#targets.get(name) ?? new Target(this.#broker.virtualHost(name))
    this.#targets.set(name, target)
    return target
  }
}

/** The component that has the limits of a virtual host. */
export const LIMITS = 'vhost-limits'
const NOT_HERE = 'not part of one virtual host'
const RESERVED = "names that begin with 'amq.' are the broker's own"
/** The types of `leveret/exchange-types`. */
const PLUGINS: readonly string[] = ['x-consistent-hash', 'x-random', 'x-delayed-message', 'x-recent-history']

function isGuest({ name }: { readonly name: string }): boolean {
  return name === 'guest'
}

/** True of names that only the broker gives (DEF-08). */
export function isReserved(name: string): boolean {
  return name.startsWith('amq.')
}
