/** A topology as one value: declared once, applied to any bus as often as one likes, and compared with what is there. */
import { InvalidOptionError, type LeveretError } from '../errors.js'
import { describe } from '../names.js'
import { type Check, type Checks, checkOptions, hintAt, oneOf, string, table } from '../options.js'
import type { BindingKey } from './binding-key.js'
import type { Bus } from './bus.js'
import { type Exchange, exchangeDeclaration } from './exchange.js'
import type { Queue } from './queue.js'
import { queueDeclaration } from './queue-options.js'
import type {
  CheckedBinding,
  TopologyBinding,
  TopologyExchange,
  TopologyExchanges,
  TopologyHandles,
  TopologyQueue,
  TopologyQueues,
} from './topology-types.js'

/** A topology as it was written. */
export interface TopologyValue {
  /** Exchanges by name. */
  readonly exchanges: TopologyExchanges
  /** Queues by name. */
  readonly queues: TopologyQueues
  /** Bindings between them. */
  readonly bindings: readonly TopologyBinding[]
}

/** Something that a bus lacks, or has otherwise. */
export interface TopologyDifference {
  /** Where it stands in the value, such as `queues.mails`. */
  readonly path: string
  /** `unknown`: the broker cannot tell. */
  readonly problem: 'missing' | 'different' | 'unknown'
  /** What is wrong, in words: RabbitMQ's, where it has some. */
  readonly detail: string
}

const byName: Check = (value) =>
  Object.prototype.toString.call(value) === '[object Object]' ? undefined : 'an object with an entry per name'

const VALUE_CHECKS: Checks = {
  exchanges: byName,
  queues: byName,
  bindings: (value) => (Array.isArray(value) ? undefined : 'an array of bindings'),
}
const BINDING_CHECKS: Checks = {
  from: string,
  to: string,
  key: string,
  arguments: table,
  destinationKind: oneOf('queue', 'exchange'),
}

/** Made by `defineTopology`. It belongs to no bus. */
export class Topology<
  Exchanges extends TopologyExchanges = TopologyExchanges,
  Queues extends TopologyQueues = TopologyQueues,
  Bindings extends readonly unknown[] = readonly TopologyBinding[],
> {
  /** What it was defined by. */
  readonly value: TopologyValue
  /** Never there: it tells the compiler the types of the bindings. */
  declare readonly '~bindings'?: Bindings

  /** Use `defineTopology`. @hidden */
  constructor(value: TopologyValue) {
    this.value = value
  }

  /**
   * Declares the exchanges, then the queues, then the bindings, and answers handles. What is there and declared alike is
   * left as it is. Where it fails, what came before stays, and it may be applied again.
   * @throws (rejects) what `declareExchange`, `declareQueue` and `bind` throw, the path in the value before the message.
   */
  async apply(bus: Bus): Promise<TopologyHandles<Exchanges, Queues, Bindings>> {
    checkBus('apply', bus)
    const exchanges = new Map<string, Exchange>()
    const queues = new Map<string, Queue>()
    for (const [name, declared] of Object.entries(this.value.exchanges)) {
      exchanges.set(name, await at(pathOf('exchanges', name), () => declareExchange(bus, name, declared)))
    }
    for (const [name, declared] of this.#queues()) {
      queues.set(name, await at(pathOf('queues', name), () => bus.declareQueue(name, declared)))
    }
    for (const [index, binding] of this.value.bindings.entries()) {
      const { source, destination } = this.#ends(bus, binding, exchanges, queues)
      await at(`bindings[${index}]`, () => destination.bind(keyOf(source, binding)))
    }
    const handles = { exchanges: Object.fromEntries(exchanges), queues: Object.fromEntries(queues) }
    return handles as TopologyHandles<Exchanges, Queues, Bindings>
  }

  /**
   * What a bus lacks of the topology, or has otherwise; empty when all is there. What it has besides is no difference.
   * Nothing is changed.
   * @throws (rejects) ResourceLockedError, ClosedError, InvalidOptionError, UnknownOptionError.
   */
  async diff(bus: Bus): Promise<TopologyDifference[]> {
    checkBus('diff', bus)
    const found: TopologyDifference[] = []
    for (const [name, declared] of Object.entries(this.value.exchanges)) {
      const path = pathOf('exchanges', name)
      if (await bus.exchange(name).exists()) await compare(found, path, () => declareExchange(bus, name, declared))
      else found.push({ path, problem: 'missing', detail: `no exchange '${name}'` })
    }
    for (const [name, declared] of this.#queues()) {
      const path = pathOf('queues', name)
      if (await queueExists(bus, name)) await compare(found, path, () => bus.declareQueue(name, lone(declared)))
      else found.push({ path, problem: 'missing', detail: `no queue '${name}'` })
      const { deadLetter } = declared
      if (deadLetter !== undefined && !(await queueExists(bus, deadLetter))) {
        found.push({ path: `${path}.deadLetter`, problem: 'missing', detail: `no queue '${deadLetter}'` })
      }
    }
    for (const [index, binding] of this.value.bindings.entries()) {
      const { source, destination } = this.#ends(bus, binding, new Map(), new Map())
      const path = `bindings[${index}]`
      await compare(found, path, async () => {
        if (await destination.isBound(keyOf(source, binding))) return
        const { from, to, key = '' } = binding
        found.push({
          path,
          problem: 'missing',
          detail: `no binding from exchange '${from}' to '${to}' with key '${key}'`,
        })
      })
    }
    return found
  }

  /** The queues; one whose dead-letter queue is declared here too leaves it to that declaration. */
  #queues(): [name: string, declared: TopologyQueue][] {
    const { queues } = this.value
    return Object.entries(queues).map(([name, declared]) => {
      const target = declared.deadLetter
      return [name, target !== undefined && Object.hasOwn(queues, target) ? lone(declared) : declared]
    })
  }

  /** Handles of the two ends of a binding. */
  #ends(
    bus: Bus,
    { from, to, destinationKind }: TopologyBinding,
    exchanges: ReadonlyMap<string, Exchange>,
    queues: ReadonlyMap<string, Queue>,
  ): { source: Exchange; destination: Queue | Exchange } {
    const toQueue = destinationKind === undefined ? Object.hasOwn(this.value.queues, to) : destinationKind === 'queue'
    const destination = toQueue ? (queues.get(to) ?? bus.queue(to)) : (exchanges.get(to) ?? bus.exchange(to))
    return { source: exchanges.get(from) ?? bus.exchange(from), destination }
  }
}

/**
 * Writes down exchanges, queues and bindings as one value. Nothing is declared until it is applied to a bus.
 * @throws InvalidOptionError, UnknownOptionError, the path in the value before the message.
 *
 * @example
 * ```ts
 * import { Broker, body, defineTopology } from 'leveret'
 *
 * const shop = defineTopology({
 *   exchanges: { orders: { type: 'topic', messages: body<{ 'order.created': { id: number } }>() } },
 *   queues: { audit: { maxLength: 10_000 } },
 *   bindings: [{ from: 'orders', to: 'audit', key: 'order.*' }],
 * })
 * const { exchanges, queues } = await shop.apply(new Broker().virtualHost('/'))
 * await exchanges.orders.send('order.created', { id: 1 })
 * console.log((await queues.audit.get())?.body.id) // 1
 * ```
 */
export function defineTopology<
  // biome-ignore lint/complexity/noBannedTypes: no exchanges are no names, not any name
  const Exchanges extends TopologyExchanges = {},
  // biome-ignore lint/complexity/noBannedTypes: no queues are no names, not any name
  const Queues extends TopologyQueues = {},
  const Bindings extends readonly TopologyBinding[] = readonly [],
>(value: {
  /** Exchanges by name. @default none */
  readonly exchanges?: Exchanges
  /** Queues by name. @default none */
  readonly queues?: Queues
  /** Bindings between them. @default none */
  readonly bindings?: { readonly [At in keyof Bindings]: CheckedBinding<Exchanges, Queues, Bindings[At]> }
}): Topology<Exchanges, Queues, Bindings> {
  checkOptions('defineTopology', entry(value), VALUE_CHECKS)
  const { exchanges = {}, queues = {} } = value
  const bindings = (value.bindings ?? []) as readonly TopologyBinding[]
  for (const [name, declared] of Object.entries(exchanges)) {
    check(pathOf('exchanges', name), () => {
      const { type, ...options } = entry(declared)
      exchangeDeclaration(name, type as string, options)
    })
  }
  for (const [name, declared] of Object.entries(queues)) {
    check(pathOf('queues', name), () => {
      if ('bindings' in entry(declared)) throw new InvalidOptionError("'bindings' stand beside the queues, not in them")
      queueDeclaration(name, declared as TopologyQueue, undefined)
    })
  }
  for (const [index, binding] of bindings.entries()) {
    check(`bindings[${index}]`, () => checkBinding(binding, exchanges, queues))
  }
  return new Topology({ exchanges, queues, bindings })
}

function checkBus(what: string, bus: unknown): void {
  if (typeof (bus as Partial<Bus> | undefined)?.declareQueue === 'function') return
  throw new InvalidOptionError(`${what}: expected a bus, such as broker.virtualHost('/'), got ${describe(bus)}`)
}

function pathOf(part: string, name: string): string {
  return /^\w+$/.test(name) ? `${part}.${name}` : `${part}['${name}']`
}

function entry(declared: unknown): Record<string, unknown> {
  if (byName(declared) === undefined) return declared as Record<string, unknown>
  throw new InvalidOptionError(`expected an object of options, got ${describe(declared)}`)
}

function checkBinding(binding: TopologyBinding, exchanges: TopologyExchanges, queues: TopologyQueues): void {
  entry(binding)
  checkOptions('binding', binding, BINDING_CHECKS)
  const { from, to, destinationKind } = binding
  if (from === undefined || to === undefined) throw new InvalidOptionError("expected 'from' and 'to'")
  if (!Object.hasOwn(exchanges, from) && !from.startsWith('amq.'))
    throw unknownName('from', 'exchange', from, exchanges)
  const isExchange = Object.hasOwn(exchanges, to) || to.startsWith('amq.')
  const isQueue = Object.hasOwn(queues, to)
  if (isExchange && isQueue && destinationKind === undefined) {
    throw new InvalidOptionError(`to: '${to}' is an exchange and a queue: say which by 'destinationKind'`)
  }
  const known =
    destinationKind === 'queue' ? isQueue : destinationKind === 'exchange' ? isExchange : isQueue || isExchange
  if (!known) throw unknownName('to', destinationKind ?? 'queue or exchange', to, { ...exchanges, ...queues })
}

function unknownName(where: string, kind: string, name: string, known: object): InvalidOptionError {
  const names = Object.keys(known)
  const hint = names.length === 0 ? 'it has none' : hintAt(name, names, 'name')
  return new InvalidOptionError(`${where}: the topology has no ${kind} ${describe(name)}; ${hint}`)
}

function declareExchange(bus: Bus, name: string, { type, ...options }: TopologyExchange): Promise<Exchange> | Exchange {
  return bus.declareExchange(name, type, options)
}

/** The same queue without declaring its dead-letter queue. */
function lone({ deadLetter, ...declared }: TopologyQueue): TopologyQueue {
  if (deadLetter === undefined) return declared
  return { ...declared, deadLetterExchange: '', deadLetterRoutingKey: deadLetter }
}

function keyOf(source: Exchange, { key = '', arguments: args }: TopologyBinding): BindingKey {
  return source.key(key, args)
}

async function queueExists(bus: Bus, name: string): Promise<boolean> {
  try {
    await bus.queue(name).info()
    return true
  } catch (error) {
    if (own(error)?.code === 'NOT_FOUND') return false
    throw error
  }
}

/** Notes what an operation has to say of a part of the topology. */
async function compare(found: TopologyDifference[], path: string, operation: () => unknown): Promise<void> {
  try {
    await at(path, operation)
  } catch (error) {
    const { code, message = '', replyText = '' } = own(error) ?? {}
    if (code === 'PRECONDITION_FAILED') found.push({ path, problem: 'different', detail: replyText })
    else if (code === 'NOT_IMPLEMENTED') found.push({ path, problem: 'unknown', detail: message })
    else throw error
  }
}

/** Runs a part; an error says where in the value it comes from. */
async function at<T>(path: string, operation: () => T | Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    throw placed(path, error)
  }
}

function check(path: string, operation: () => void): void {
  try {
    operation()
  } catch (error) {
    throw placed(path, error)
  }
}

/** The same error, the path in the value before its message. */
export function placed(path: string, error: unknown): unknown {
  // n.b. the class, code and reply text are what callers test: only the words for people change.
  const known = own(error)
  if (known !== undefined) {
    const { message } = known
    known.message = `${path}: ${message}`
    // n.b. a stack that is put together when it is first read has the new words already.
    if (known.stack?.includes(known.message) === false) known.stack = known.stack.replace(message, known.message)
  }
  return error
}

/** An error of leveret. */
// n.b. not by its class: the bus may be of another copy of the package than the topology.
function own(error: unknown): LeveretError | undefined {
  return error instanceof Error && 'code' in error && 'scope' in error ? (error as LeveretError) : undefined
}
