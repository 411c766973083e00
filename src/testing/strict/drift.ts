/** Definitions of a production broker against what an application declares: where they differ, one of them is wrong. */
import {
  type Arguments,
  type BindingDeclaration,
  type BindingDefinition,
  type Checks,
  canonical,
  checkOptions,
  type Definitions,
  DefinitionsReader,
  describe,
  didYouMean,
  type ExchangeDefinition,
  type FieldValue,
  InvalidOptionError,
  type QueueDefinition,
  string,
  Topology,
  toDefinitions,
} from '../../internal.js'
import type { Declared } from '../log/notes.js'
import type { Flaw } from './declarations.js'

/** How definitions are held against a kit's broker. */
export interface ExpectDefinitionsOptions {
  /** The virtual host of the definitions that the kit's '/' stands for. @default '/' */
  readonly virtualHost?: string
}

const CHECKS: Checks = { virtualHost: string }

/** What the queues, exchanges and bindings of an application must be. */
export class ExpectedDefinitions {
  readonly #exchanges = new Map<string, ExchangeDefinition>()
  readonly #queues = new Map<string, QueueDefinition>()
  readonly #bindings: BindingDefinition[] = []
  readonly #root: string

  /** @throws InvalidOptionError, UnknownOptionError. */
  constructor(given: unknown, options: ExpectDefinitionsOptions = {}) {
    checkOptions('expectDefinitions', options, CHECKS)
    this.#root = options.virtualHost ?? '/'
    const reader = new DefinitionsReader(definitionsOf(given, this.#root))
    const [exchanges, queues] = [reader.read('exchanges'), reader.read('queues')]
    for (const { value } of exchanges) this.#exchanges.set(this.#key(value.vhost, value.name), value)
    for (const { value } of queues) this.#queues.set(this.#key(value.vhost, value.name), value)
    for (const { value } of reader.read('bindings')) this.#bindings.push(value)
    const hosts = new Set([...exchanges, ...queues].map(({ value: { vhost } }) => vhost ?? this.#root))
    if (hosts.size > 0 && !hosts.has(this.#root)) {
      const known = [...hosts].map((name) => `'${name}'`).join(', ')
      const hint = `they have ${known}: say which by the option 'virtualHost'`
      throw new InvalidOptionError(`expectDefinitions: expected definitions of virtual host '${this.#root}'; ${hint}`)
    }
  }

  /** Where the declarations differ, each once. */
  drift(declared: readonly Declared[]): Flaw[] {
    const flaws = new Map<string, Flaw>()
    // n.b. no definitions have these: they go with their connection.
    const own = new Set(declared.flatMap(({ what }) => ('queue' in what && isOwn(what.queue) ? what.queue.name : [])))
    for (const { virtualHost, what, site } of declared) {
      const found =
        'queue' in what
          ? this.#ofQueue(virtualHost, what.queue)
          : 'exchange' in what
            ? this.#ofExchange(virtualHost, what.exchange)
            : this.#ofBinding(virtualHost, what.binding, own)
      for (const { name, text } of found) {
        if (!flaws.has(text)) flaws.set(text, { names: [name], text, site, about: text })
      }
    }
    return [...flaws.values()]
  }

  #ofQueue(virtualHost: string, queue: Extract<Declared['what'], { queue: unknown }>['queue']): Difference[] {
    const { name, durable, autoDelete } = queue
    if (isOwn(queue)) return []
    const expected = this.#queues.get(this.#key(virtualHost, name, true))
    if (expected === undefined) return [missing('queue', name, namesIn(this.#queues))]
    return differences(`queue '${name}'`, name, [
      ['durable', expected.durable, durable],
      ['auto_delete', expected.auto_delete, autoDelete],
      ...pairs(typed(expected.arguments), typed(queue.arguments)),
    ])
  }

  #ofExchange(
    virtualHost: string,
    {
      name,
      type,
      durable,
      autoDelete,
      internal,
      arguments: args,
    }: Extract<Declared['what'], { exchange: unknown }>['exchange'],
  ): Difference[] {
    if (name.startsWith('amq.')) return []
    const expected = this.#exchanges.get(this.#key(virtualHost, name, true))
    if (expected === undefined) return [missing('exchange', name, namesIn(this.#exchanges))]
    return differences(`exchange '${name}'`, name, [
      ['type', expected.type, type],
      ['durable', expected.durable, durable],
      ['auto_delete', expected.auto_delete, autoDelete],
      ['internal', expected.internal, internal],
      ...pairs(expected.arguments, args),
    ])
  }

  #ofBinding(virtualHost: string, binding: BindingDeclaration, own: ReadonlySet<string>): Difference[] {
    const { source, destination, destinationKind, routingKey, arguments: args } = binding
    if (source === '' || destination.startsWith('amq.gen-') || own.has(destination)) return []
    const between = this.#bindings.filter(
      (each) =>
        this.#key(each.vhost, '') === this.#key(virtualHost, '', true) &&
        each.source === source &&
        each.destination === destination &&
        each.destination_type === destinationKind,
    )
    if (between.some((each) => each.routing_key === routingKey && same(each.arguments, args))) return []
    const what = `the binding of ${destinationKind} '${destination}' to exchange '${source}'`
    const given = `${what} by key '${routingKey}'${shown(args)}`
    const others = between.map((each) => `'${each.routing_key}'${shown(each.arguments)}`)
    const hint = others.length === 0 ? 'have none between these two' : `have it by key ${others.join(', ')}`
    return [{ name: destination, text: `${given} is not in the definitions, which ${hint}` }]
  }

  /** n.b. entries of a file of one virtual host do not name it. */
  #key(virtualHost: string | undefined, name: string, isKits = false): string {
    const host = virtualHost === undefined || (isKits && virtualHost === '/') ? this.#root : virtualHost
    return JSON.stringify([host, name])
  }
}

interface Difference {
  readonly name: string
  readonly text: string
}

type Field = readonly [name: string, expected: unknown, declared: unknown]

function definitionsOf(given: unknown, virtualHost: string): Definitions {
  if (given instanceof Topology) return toDefinitions(given, virtualHost)
  if (typeof given !== 'string') return given as Definitions
  try {
    return JSON.parse(given)
  } catch (error) {
    const hint = `got ${describe(given.slice(0, 30))}: ${(error as Error).message}`
    throw new InvalidOptionError(`expectDefinitions: expected definitions as JSON or an object, or a topology, ${hint}`)
  }
}

function isOwn({ name, exclusive }: { readonly name: string; readonly exclusive: boolean }): boolean {
  return exclusive || name === '' || name.startsWith('amq.')
}

function namesIn(map: ReadonlyMap<string, { readonly name: string }>): string[] {
  return [...map.values()].map(({ name }) => name)
}

function missing(kind: string, name: string, known: readonly string[]): Difference {
  const near = didYouMean(name, known)
  return { name, text: `${kind} '${name}' is not in the definitions${near === undefined ? '' : `; ${near}`}` }
}

function differences(what: string, name: string, fields: readonly Field[]): Difference[] {
  return fields
    .filter(([, expected, declared]) => canonical(expected as FieldValue) !== canonical(declared as FieldValue))
    .map(([field, expected, declared]) => {
      const words = `${field} is ${wordFor(expected)} in the definitions, and declared as ${wordFor(declared)}`
      return { name, text: `${what}: ${words}` }
    })
}

function wordFor(value: unknown): string {
  return value === undefined ? 'absent' : describe(value)
}

function pairs(expected: Arguments, declared: Arguments): Field[] {
  const names = new Set([...Object.keys(expected), ...Object.keys(declared)])
  return [...names].map((name) => [`argument '${name}'`, expected[name], declared[name]])
}

/** n.b. classic is the type of a queue that names none (Q-12). */
function typed({ 'x-queue-type': type, ...others }: Arguments): Arguments {
  return type === undefined || type === 'classic' ? others : { 'x-queue-type': type, ...others }
}

function same(left: Arguments, right: Arguments): boolean {
  return canonical(left) === canonical(right)
}

function shown(args: Arguments): string {
  return Object.keys(args).length === 0 ? '' : ` with ${JSON.stringify(args)}`
}
