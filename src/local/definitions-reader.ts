/**
 * Reads definitions as they come from JSON: every entry is checked for the fields that it must have, and given RabbitMQ's
 * defaults for those that it may leave out (DEF-08). An error names the element and the field.
 */
import { type Arguments, NO_ARGUMENTS } from '../arguments.js'
import { InvalidOptionError } from '../errors.js'
import { describe } from '../names.js'
import { hintAt } from '../options.js'
import type {
  BindingDefinition,
  Definitions,
  ExchangeDefinition,
  GlobalParameterDefinition,
  ParameterDefinition,
  PermissionDefinition,
  PolicyDefinition,
  QueueDefinition,
  SkippedDefinition,
  TopicPermissionDefinition,
  UserDefinition,
  VirtualHostDefinition,
} from './definitions.js'

/** The entries of each section. */
export interface Sections {
  readonly users: UserDefinition & { readonly tags: readonly string[] }
  readonly vhosts: VirtualHostDefinition
  readonly permissions: PermissionDefinition
  readonly topic_permissions: TopicPermissionDefinition
  readonly exchanges: ExchangeDefinition
  readonly global_parameters: GlobalParameterDefinition
  readonly policies: PolicyDefinition
  readonly parameters: ParameterDefinition
  readonly queues: QueueDefinition
  readonly bindings: BindingDefinition
}

/** An entry that was read, and where it stands. */
export interface Entry<T> {
  readonly path: string
  /** Undefined where entries have none. */
  readonly name: string | undefined
  readonly value: T
}

/** One field: what is expected, what is read of a value that fits, and what stands for a value that is missing. */
interface Field {
  readonly expected: string
  /** Undefined when the value does not fit. */
  readonly read: (value: unknown) => unknown
  /** Undefined where the field is required. */
  readonly fallback?: unknown
  readonly optional?: true
}

const isText = (value: unknown) => (typeof value === 'string' ? value : undefined)
const isFlag = (value: unknown) => (typeof value === 'boolean' ? value : undefined)
const text: Field = { expected: 'a string', read: isText }
const maybe = (field: Field): Field => ({ ...field, optional: true })
const vhost = maybe({ ...text, expected: 'the name of a virtual host' })
const flag = (fallback: boolean): Field => ({ expected: 'true or false', read: isFlag, fallback })
const table: Field = { expected: 'an object', read: tableOf, fallback: NO_ARGUMENTS }
const anything: Field = { expected: 'anything', read: (value) => value, optional: true }

const POLICY: Record<string, Field> = {
  pattern: text,
  'apply-to': { ...text, fallback: 'all' },
  priority: { expected: 'an integer', read: (value) => (Number.isInteger(value) ? value : undefined), fallback: 0 },
  definition: { expected: 'an object', read: tableOf },
}

const FIELDS: { readonly [Name in keyof Sections]: Record<string, Field> } = {
  users: {
    name: text,
    password_hash: maybe(text),
    password: maybe(text),
    hashing_algorithm: maybe(text),
    tags: { expected: 'an array of strings', read: tagsOf },
    limits: maybe(table),
  },
  vhosts: { name: text, limits: anything, metadata: maybe(table), tracing: maybe(flag(false)) },
  permissions: { user: text, vhost: text, configure: text, write: text, read: text },
  topic_permissions: { user: text, vhost: text, exchange: text, write: text, read: text },
  exchanges: {
    name: text,
    vhost,
    type: text,
    durable: flag(true),
    auto_delete: flag(false),
    internal: flag(false),
    arguments: table,
  },
  global_parameters: { name: text, value: anything },
  policies: { name: text, vhost, ...POLICY },
  parameters: { component: text, name: text, vhost, value: anything },
  queues: { name: text, vhost, type: maybe(text), durable: flag(true), auto_delete: flag(false), arguments: table },
  bindings: {
    source: text,
    vhost,
    destination: text,
    destination_type: {
      expected: "'queue' or 'exchange'",
      read: (value) => (value === 'queue' || value === 'exchange' ? value : undefined),
    },
    routing_key: text,
    arguments: table,
  },
}

/** What other versions write beside: about the file, or said again elsewhere. */
const KNOWN_ROOT =
  /^(rabbit_version|rabbitmq_version|product_name|product_version|rabbitmq_definition_format|original_\w+|explanation|metadata|description|tags|limits|default_queue_type|name)$/
const KNOWN_FIELDS: { readonly [Name in keyof Sections]?: readonly string[] } = {
  vhosts: ['description', 'tags', 'default_queue_type', 'protected_from_deletion'],
  queues: ['exclusive', 'policy'],
  exchanges: ['policy'],
  bindings: ['properties_key'],
}

export class DefinitionsReader {
  /** What nobody knows. */
  readonly unknown: SkippedDefinition[] = []
  readonly #definitions: Definitions

  /** @throws InvalidOptionError. */
  constructor(definitions: Definitions) {
    if (typeof definitions !== 'object' || definitions === null || Array.isArray(definitions)) {
      throw new InvalidOptionError(
        `definitions: expected an object, as JSON.parse makes it, got ${describe(definitions)}`,
      )
    }
    this.#definitions = definitions
    for (const key of Object.keys(definitions)) {
      if (Object.hasOwn(FIELDS, key) || KNOWN_ROOT.test(key)) continue
      const reason = `unknown section; ${hintAt(key, Object.keys(FIELDS), 'section')}`
      this.unknown.push({ path: `definitions.${key}`, name: undefined, reason })
    }
  }

  /** True when the definitions have this section, be it empty. */
  has(section: keyof Sections): boolean {
    return this.#definitions[section] !== undefined
  }

  /** True of files that are older than the field `hashing_algorithm`. */
  get isBeforeHashingAlgorithms(): boolean {
    const { rabbitmq_version, rabbit_version } = this.#definitions
    return /^(2|3\.[0-5])\./.test(String(rabbitmq_version ?? rabbit_version))
  }

  /** The entries of a section. @throws InvalidOptionError. */
  read<Name extends keyof Sections>(section: Name): Entry<Sections[Name]>[] {
    const all: unknown = this.#definitions[section] ?? []
    if (!Array.isArray(all)) {
      throw new InvalidOptionError(`definitions.${section}: expected an array, got ${describe(all)}`)
    }
    return all.map((entry, index) => {
      const path = `definitions.${section}[${index}]`
      const name = isText(Object(entry).name)
      this.#lookForUnknown(section, entry, path, name)
      return { path, name, value: fieldsOf(path, entry, FIELDS[section]) as unknown as Sections[Name] }
    })
  }

  #lookForUnknown(section: keyof Sections, entry: unknown, path: string, name: string | undefined): void {
    const known = Object.keys(FIELDS[section])
    for (const key of Object.keys(Object(entry))) {
      if (known.includes(key) || KNOWN_FIELDS[section]?.includes(key)) continue
      this.unknown.push({ path: `${path}.${key}`, name, reason: `unknown field; ${hintAt(key, known, 'field')}` })
    }
  }
}

/** The policy that a parameter of the component `operator_policy` holds. @throws InvalidOptionError. */
export function operatorPolicyOf({ path, value: { name, value } }: Entry<ParameterDefinition>): PolicyDefinition {
  return { name, ...fieldsOf(`${path}.value`, tableOf(value), POLICY) } as unknown as PolicyDefinition
}

/** Limits by RabbitMQ's names. @throws InvalidOptionError. */
export function limitsOf(path: string, value: unknown): Arguments {
  const limits = tableOf(value)
  if (limits !== undefined) return limits
  throw new InvalidOptionError(`${path}: expected an object, got ${describe(value)}`)
}

function fieldsOf(path: string, entry: unknown, fields: Record<string, Field>): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const [name, { read, expected, fallback, optional }] of Object.entries(fields)) {
    // n.b. null: an entry need not be an object.
    const value = (entry as Record<string, unknown> | null | undefined)?.[name]
    if (value === undefined && optional === true) continue
    const fit = value === undefined ? fallback : read(value)
    if (fit === undefined) {
      throw new InvalidOptionError(`${path}.${name}: expected ${expected}, got ${describe(value)}`)
    }
    found[name] = fit
  }
  return found
}

/** n.b. RabbitMQ itself writes some objects as lists of pairs, and an empty one as an empty list. */
function tableOf(value: unknown): Arguments | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return value as Arguments
  const arePairs = value.every((pair) => Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string')
  return arePairs ? Object.fromEntries(value) : undefined
}

/** One string with commas in old files. */
function tagsOf(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return value.split(',').flatMap((tag) => tag.trim() || [])
  return Array.isArray(value) && value.every((tag) => typeof tag === 'string') ? value : undefined
}
