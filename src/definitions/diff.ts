/** Drift: where a broker is not what definitions say. */

import type { Definitions, PolicyDefinition, Section } from '../internal.js'
import {
  type Arguments,
  type Broker,
  type Checks,
  canonical,
  checkOptions,
  DefinitionsReader,
  type Entry,
  type FieldValue,
  isTable,
  limitsOf,
  NO_ARGUMENTS,
  operatorPolicyOf,
  type Sections,
  string,
} from '../internal.js'
import { exportDefinitions } from './export.js'
import { checkBroker, isReserved, LIMITS } from './import.js'

/** What definitions are compared with. */
export interface DiffOptions {
  /** The virtual host that a file of one virtual host is compared with. @default as the entries say */
  readonly virtualHost?: string
}

/** Something that the definitions and the broker do not agree on. */
export interface DefinitionDifference {
  /** Where it stands, by names: `queues['/'].mails.arguments['x-max-length']`. */
  readonly path: string
  /** `missing`: the broker does not have it; `extra`: only the broker has it. */
  readonly problem: 'missing' | 'different' | 'extra'
  /** What the definitions say; undefined of something extra. */
  readonly expected: unknown
  /** What the broker has; undefined of something missing. */
  readonly found: unknown
}

const CHECKS: Checks = { virtualHost: string }

/**
 * Lists the drift: what the broker lacks, has otherwise, or has besides, of the sections that the definitions have. Nothing
 * changes. What an import leaves out is not compared.
 * @param definitions as `JSON.parse` makes them of a file
 * @throws InvalidOptionError with the path of the element and field, UnknownOptionError, NotAllowedError when there is no
 * such virtual host.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { diffDefinitions, exportDefinitions } from 'leveret/definitions'
 *
 * const broker = new Broker()
 * const host = broker.virtualHost('/')
 * await host.declareQueue('mails', { maxLength: 10 })
 * const definitions = exportDefinitions(broker)
 *
 * await host.queue('mails').delete()
 * await host.declareQueue('mails', { maxLength: 20 })
 * await host.declareQueue('audit')
 * for (const { path, problem } of diffDefinitions(broker, definitions)) console.log(problem, path)
 * // different queues['/'].mails.arguments['x-max-length']
 * // extra queues['/'].audit
 * ```
 */
export function diffDefinitions(
  broker: Broker,
  definitions: Definitions,
  options: DiffOptions = {},
): DefinitionDifference[] {
  checkBroker('diffDefinitions', broker)
  checkOptions('diffDefinitions', options, CHECKS)
  const { virtualHost } = options
  const exported = virtualHost === undefined ? exportDefinitions(broker) : exportDefinitions(broker, { virtualHost })
  const [wanted, actual] = [new DefinitionsReader(definitions), new DefinitionsReader(exported)]
  const ends = endsOf([wanted, actual], virtualHost)
  const differences: DefinitionDifference[] = []
  for (const section of SECTIONS) {
    if (!wanted.has(section) || !actual.has(section)) continue
    const [mine, theirs] = [itemsOf(wanted, section, virtualHost, ends), itemsOf(actual, section, virtualHost, ends)]
    for (const [identity, { path, value, fields }] of mine) {
      const found = theirs.get(identity)
      if (found !== undefined) compare(path, fields, found.fields, differences)
      else differences.push({ path, problem: 'missing', expected: value, found: undefined })
    }
    for (const [identity, { path, value }] of theirs) {
      if (!mine.has(identity)) differences.push({ path, problem: 'extra', expected: undefined, found: value })
    }
  }
  return differences
}

/** In the order of an import. */
const SECTIONS = [
  'users',
  'vhosts',
  'permissions',
  'topic_permissions',
  'exchanges',
  'policies',
  'parameters',
  'queues',
  'bindings',
] as const satisfies readonly Section[]

/** An entry: the whole, and what of it is compared. */
interface Item {
  readonly path: string
  readonly value: unknown
  readonly fields: Readonly<Record<string, unknown>>
}

/** Adds an entry by its names, with what of it is compared; a binding has its arguments among its names. */
type Identify = (names: readonly string[], fields: Readonly<Record<string, unknown>>, args?: Arguments) => void

/** The entries of a section, by their names. */
function itemsOf(
  reader: DefinitionsReader,
  section: (typeof SECTIONS)[number],
  virtualHost: string | undefined,
  ends: ReadonlySet<string>,
): Map<string, Item> {
  const items = new Map<string, Item>()
  for (const entry of reader.read(section)) {
    const { value } = entry
    const vhost = virtualHost ?? (value as { vhost?: string }).vhost ?? ''
    const add: Identify = (names, fields, args = NO_ARGUMENTS) => {
      const path = section + names.map(step).join('')
      const shown = Object.keys(args).length > 0 ? path + step(JSON.stringify(args)) : path
      // n.b. tables are the same whatever the order of their keys.
      items.set(path + canonical(args), { path: shown, value, fields })
    }
    identify[section](entry as never, vhost, add, ends)
  }
  return items
}

type Identifiers = {
  readonly [Name in (typeof SECTIONS)[number]]: (
    entry: Entry<Sections[Name]>,
    vhost: string,
    add: Identify,
    ends: ReadonlySet<string>,
  ) => void
}

const identify: Identifiers = {
  users: ({ value: { name, password_hash, hashing_algorithm, tags, limits } }, _, add) =>
    add([name], { password_hash, hashing_algorithm, tags: [...tags].sort(), limits }),
  vhosts: ({ value: { name } }, _, add) => add([name], {}),
  permissions: ({ value: { user, configure, write, read } }, vhost, add) =>
    add([vhost, user], { configure, write, read }),
  topic_permissions: ({ value: { user, exchange, write, read } }, vhost, add) =>
    add([vhost, user, exchange], { write, read }),
  exchanges({ value: { name, type, durable, auto_delete, internal, arguments: args } }, vhost, add) {
    if (name !== '' && !isReserved(name)) {
      add([vhost, name], { type, durable, auto_delete, internal, arguments: args })
    }
  },
  policies: ({ value }, vhost, add) => add([vhost, value.name], policyFields(value)),
  parameters(entry, vhost, add) {
    const { component, name, value } = entry.value
    const names = [vhost, component, name]
    if (component === 'operator_policy') add(names, policyFields(operatorPolicyOf(entry)))
    if (component !== LIMITS) return
    // n.b. a negative limit is none.
    const limits = Object.entries(limitsOf(entry.path, value)).filter(([, limit]) => !(Number(limit) < 0))
    if (limits.length > 0) add(names, Object.fromEntries(limits))
  },
  queues({ value: { name, durable, auto_delete, arguments: args } }, vhost, add) {
    const { 'x-queue-type': type = 'classic', ...others } = args
    //
    const typed = type === 'classic' ? others : args
    if (!isReserved(name)) add([vhost, name], { durable, auto_delete, arguments: typed })
  },
  bindings(
    { value: { source, destination, destination_type: kind, routing_key: key, arguments: args } },
    vhost,
    add,
    ends,
  ) {
    if (source === '' || !hasEnd(ends, 'exchange', vhost, source) || !hasEnd(ends, kind, vhost, destination)) return
    add([vhost, source, kind, destination, key], {}, args)
  },
}

function policyFields({ pattern, 'apply-to': applyTo, priority, definition }: PolicyDefinition): Item['fields'] {
  return { pattern, 'apply-to': applyTo, priority, definition }
}

/** Queues and exchanges that bindings can be of: those that an import takes, and those that are there. */
function endsOf(readers: readonly DefinitionsReader[], virtualHost: string | undefined): Set<string> {
  const ends = new Set<string>()
  for (const reader of readers) {
    for (const kind of ['queue', 'exchange'] as const) {
      for (const { value } of reader.read(`${kind}s`)) {
        if (!isReserved(value.name)) ends.add(JSON.stringify([kind, virtualHost ?? value.vhost, value.name]))
      }
    }
  }
  return ends
}

function hasEnd(ends: ReadonlySet<string>, kind: string, vhost: string, name: string): boolean {
  return (kind === 'exchange' && isReserved(name)) || ends.has(JSON.stringify([kind, vhost, name]))
}

/** Notes the fields that differ; tables by their keys. A field that the definitions leave open is not compared. */
function compare(
  path: string,
  expected: Item['fields'],
  found: Item['fields'],
  differences: DefinitionDifference[],
): void {
  for (const [name, wanted] of Object.entries(expected)) {
    if (wanted === undefined) continue
    const [here, actual] = [path + step(name), found[name]]
    if (isTable(wanted) && isTable(actual)) {
      const keys = new Set([...Object.keys(wanted), ...Object.keys(actual)])
      const every = Object.fromEntries([...keys].map((key) => [key, wanted[key] ?? null]))
      compare(here, every, actual, differences)
    } else if (canonical(wanted as FieldValue) !== canonical(actual as FieldValue)) {
      differences.push({ path: here, problem: 'different', expected: wanted, found: actual })
    }
  }
}

function step(name: string): string {
  return /^\w+$/.test(name) ? `.${name}` : `['${name}']`
}
