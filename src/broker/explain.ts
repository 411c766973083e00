/**
 * The walk of `virtualHost.explain`: the way of a message through exchanges and bindings, with every binding that is
 * passed and why it is matched or not. It goes as `Publishing.#route` goes, and changes nothing: no counter, no mark, no
 * cache, no lease.
 */
import { type Arguments, NO_ARGUMENTS } from '../arguments.js'
import type { Destination, RoutedBinding } from '../exchange-types/exchange-type.js'
import type { BindingVerdict, Nearness } from '../exchange-types/verdict.js'
import type { Message } from '../message.js'
import { deadLetterOf, isCycle } from './dead-letter.js'
import { NO_CONTEXT } from './exchange-context.js'
import type { ExchangeState } from './exchange-state.js'
import { foresee, type QueueForecast } from './foresee.js'
import { stringsOf } from './publishing.js'
import type { QueueState } from './queue-state.js'
import type { VirtualHostState } from './virtual-host-state.js'

/** A routing key of a message. */
export interface ExplainedKey {
  /** The key. */
  readonly key: string
  /** Where it is from: the publish itself, or one of the two headers with further keys. */
  readonly from: 'publish' | 'CC' | 'BCC'
}

/** What a binding says of one of the message's keys. */
export type KeyVerdict = ExplainedKey & BindingVerdict

/** A binding that was looked at. */
export interface ExplainedBinding {
  /** Name of the queue or exchange that it leads to. */
  readonly destination: string
  /** Which of the two it is. */
  readonly destinationKind: 'queue' | 'exchange'
  /** The binding key. */
  readonly routingKey: string
  /** The binding's arguments. */
  readonly arguments: Arguments
  /** True when one of the keys matches. */
  readonly matched: boolean
  /** True when the message had reached the destination by another way already: that does not count twice. */
  readonly again: boolean
  /** A verdict a key; only the first key where the exchange's type does not look at keys. */
  readonly keys: readonly KeyVerdict[]
}

/**
 * Whether the alternate exchange is asked. `asked`: no binding matched. `not-needed`: one did. `missing`: there is no
 * exchange of that name. `visited`: the message has been there.
 */
export type AlternateVerdict = 'asked' | 'not-needed' | 'missing' | 'visited'

/** An exchange that the message visits. */
export interface ExplainedExchange {
  /** Its name; '' is the default exchange. */
  readonly name: string
  /** Name of its type. */
  readonly type: string
  /**
   * Milliseconds that it holds the message before it looks at its bindings: what is said of them, and of all behind them,
   * is of then, should nothing change.
   */
  readonly holds?: number
  /** Its bindings. Of the default exchange, to which every queue is bound, those that are matched. */
  readonly bindings: readonly ExplainedBinding[]
  /** Its alternate exchange. */
  readonly alternate?: {
    /** The name of it. */
    readonly exchange: string
    /** Whether it is asked. */
    readonly verdict: AlternateVerdict
  }
}

/** Where a queue's dead messages go. */
export interface ExplainedDeadLetter {
  /** Name of the dead-letter exchange. */
  readonly exchange: string
  /** The key that they get (`x-dead-letter-routing-key`). Absent: they keep their own. */
  readonly routingKey?: string
  /** True when there is no such exchange. */
  readonly missing: boolean
  /** The queues that this message would reach, were it to expire or to be dropped here. None: it would be lost. */
  readonly queues: readonly string[]
}

/** A queue that gets a copy. */
export interface ExplainedQueue extends QueueForecast {
  /** Its name. */
  readonly name: string
  /** The exchanges on the way, from the one that was published to. */
  readonly path: readonly string[]
  /** Where its dead messages go. Absent: they are dropped. */
  readonly deadLetter?: ExplainedDeadLetter
}

/** A binding that is not matched, and nearly is. */
export interface NearMiss extends Nearness {
  /** The exchange at which it starts. */
  readonly exchange: string
  /** Where it leads. */
  readonly destination: string
  /** Which kind that is. */
  readonly destinationKind: 'queue' | 'exchange'
  /** The binding key. */
  readonly bindingKey: string
  /** The key of the message that is near. */
  readonly key: string
}

/** What the walk found. */
export interface Explained {
  readonly keys: readonly ExplainedKey[]
  readonly exchanges: readonly ExplainedExchange[]
  readonly queues: readonly ExplainedQueue[]
  readonly nearMisses: readonly NearMiss[]
}

/**
 * What would become of the publish. `accepted`: queues get copies. `pending`: so they do, and the confirm waits for room.
 * `refused`: a full queue does not take it; others may have. `unroutable`: no queue gets it, and it is dropped. `returned`:
 * the same of a mandatory message, which comes back. `held`: an exchange holds it, and no queue gets it before that is
 * over. `internal`: the exchange takes no publishes.
 */
export type ExplainedOutcome = 'accepted' | 'pending' | 'refused' | 'unroutable' | 'returned' | 'held' | 'internal'

/** What the walk found, and what comes of it. */
export interface ExplainedPublish extends Explained {
  readonly exchange: string
  readonly routingKey: string
  readonly outcome: ExplainedOutcome
  readonly alarmed: boolean
}

/** Explains a message that was checked as for a publish. */
export function explain(host: VirtualHostState, exchange: ExchangeState, message: Message): Explained {
  const walk = new Walk(host, message, undefined)
  walk.from(exchange)
  const known: KnownWays = new Map()
  const queues = [...walk.queues].map(([queue, path]) => ({
    name: queue.name,
    path,
    ...foresee(queue, message),
    ...deadLetterFrom(host, queue, message, known),
  }))
  return { keys: walk.keys, exchanges: walk.exchanges, queues, nearMisses: walk.nearMisses() }
}

/** Where dead letters go, by exchange and key: many queues have the same. */
type KnownWays = Map<string, readonly string[]>

/** Types to which it is all the same where a message died: headers exchanges may look at `x-death` and the like. */
const BY_KEY: readonly string[] = ['direct', 'fanout', 'topic']

function deadLetterFrom(
  host: VirtualHostState,
  queue: QueueState,
  message: Message,
  known: KnownWays,
): { deadLetter: ExplainedDeadLetter } | undefined {
  const target = queue.rules.deadLetter
  if (target === undefined) return undefined
  const { exchange: name, routingKey } = target
  const exchange = host.exchanges.get(name)
  const letter = deadLetterOf(message, queue.name, 'expired', target, 0)
  const way = JSON.stringify([name, routingKey])
  let reached = known.get(way)
  if (reached === undefined) {
    const walk = new Walk(host, letter, routingKey)
    if (exchange !== undefined) walk.from(exchange)
    reached = [...walk.queues.keys()].map((found) => found.name)
    if (walk.exchanges.every(({ type }) => BY_KEY.includes(type))) known.set(way, reached)
  }
  const queues = reached.filter((found) => !isCycle(found, letter))
  const missing = exchange === undefined
  return { deadLetter: { exchange: name, ...(routingKey !== undefined && { routingKey }), missing, queues } }
}

class Walk {
  readonly exchanges: ExplainedExchange[] = []
  /** The queues that were reached, and how. */
  readonly queues = new Map<QueueState, readonly string[]>()
  readonly keys: readonly ExplainedKey[]
  readonly #host: VirtualHostState
  readonly #message: Message
  /** Exchanges and queues that were reached. */
  readonly #reached = new Set<Destination>()
  readonly #missed: [ExchangeState, RoutedBinding, readonly ExplainedKey[]][] = []

  /** `deadLetterKey` replaces every key of the message (DLX-03). */
  constructor(host: VirtualHostState, message: Message, deadLetterKey: string | undefined) {
    this.#host = host
    this.#message = message
    const from = (copies: readonly string[], name: 'CC' | 'BCC') => copies.map((key) => ({ key, from: name }))
    this.keys = [{ key: message.routingKey, from: 'publish' }]
    if (deadLetterKey !== undefined) return
    const copies = stringsOf(message.properties.headers?.['CC'])
    this.keys = [...this.keys, ...from(copies, 'CC'), ...from(message.rare?.bcc ?? [], 'BCC')]
  }

  /** Goes from an exchange to all that is behind it. */
  from(first: ExchangeState): void {
    const toVisit: [ExchangeState, readonly string[]][] = [[first, []]]
    this.#reached.add(first)
    for (let next = toVisit.pop(); next !== undefined; next = toVisit.pop()) {
      const path = [...next[1], next[0].name]
      // n.b. the last is visited first: in the order of the bindings, as they are pushed in reverse.
      for (const behind of this.#visit(next[0], path).reverse()) toVisit.push([behind, path])
    }
  }

  /** The exchanges that this one leads to, and nothing before it did. */
  #visit(exchange: ExchangeState, path: readonly string[]): ExchangeState[] {
    const { name, type } = exchange
    const keys = type.keyless === true ? this.keys.slice(0, 1) : this.keys
    const bindings: ExplainedBinding[] = []
    const next: ExchangeState[] = []
    const judge = this.#judge(exchange, keys)
    for (const binding of this.#bindingsOf(exchange)) {
      const { destination, routingKey, arguments: args } = binding
      const verdicts = keys.map((key) => ({ ...key, ...judge(binding, key.key) }))
      const matched = verdicts.some((verdict) => verdict.matched)
      if (!matched) this.#missed.push([exchange, binding, keys])
      if (!matched && name === '') continue
      const again = matched && this.#reached.has(destination)
      const to = { destination: destination.name, destinationKind: destination.kind }
      bindings.push({ ...to, routingKey, arguments: args, matched, again, keys: verdicts })
      if (!matched || again) continue
      this.#reached.add(destination)
      if (destination.kind === 'queue') this.queues.set(destination as QueueState, path)
      else next.push(destination as ExchangeState)
    }
    const holds = exchange.router.holds?.(this.#message)
    const alternate = this.#alternateOf(exchange, bindings)
    const more = { ...(holds !== undefined && { holds }), ...(alternate !== undefined && { alternate }) }
    this.exchanges.push({ name, type: type.name, ...more, bindings })
    if (alternate?.verdict === 'asked') next.push(this.#host.exchange(alternate.exchange))
    for (const each of next) this.#reached.add(each)
    return next
  }

  #alternateOf({ alternate }: ExchangeState, bindings: readonly ExplainedBinding[]): ExplainedExchange['alternate'] {
    if (alternate === undefined) return undefined
    const exchange = this.#host.exchanges.get(alternate)
    const asked = exchange === undefined ? 'missing' : this.#reached.has(exchange) ? 'visited' : 'asked'
    return { exchange: alternate, verdict: bindings.some(({ matched }) => matched) ? 'not-needed' : asked }
  }

  /** The bindings that came near, nearest first; none to what the message reaches by another. */
  nearMisses(): NearMiss[] {
    const misses: NearMiss[] = []
    for (const [exchange, binding, keys] of this.#missed) {
      const { destination, routingKey: bindingKey } = binding
      if (this.#reached.has(destination)) continue
      let best: NearMiss | undefined
      for (const { key } of keys) {
        const near = exchange.router.near?.(binding, key, this.#message)
        // n.b. a key that somebody is bound by, to the letter, is hardly a slip of the pen for another.
        if (near === undefined || (near.distance > 0 && this.#isBound(exchange, key))) continue
        if (best !== undefined && best.distance <= near.distance) continue
        const to = { destination: destination.name, destinationKind: destination.kind }
        best = { exchange: exchange.name, ...to, bindingKey, key, ...near }
      }
      if (best !== undefined) misses.push(best)
    }
    return misses.sort((left, right) => left.distance - right.distance)
  }

  #isBound(exchange: ExchangeState, key: string): boolean {
    if (exchange.type.keyless === true) return false
    return exchange.name === '' ? this.#host.queues.has(key) : this.#boundKeys(exchange).has(key)
  }

  readonly #keysOf = new Map<ExchangeState, ReadonlySet<string>>()

  #boundKeys(exchange: ExchangeState): ReadonlySet<string> {
    let keys = this.#keysOf.get(exchange)
    if (keys === undefined) {
      keys = new Set([...exchange.bindings.values()].map(({ routingKey }) => routingKey))
      this.#keysOf.set(exchange, keys)
    }
    return keys
  }

  #bindingsOf(exchange: ExchangeState): Iterable<RoutedBinding> {
    if (exchange.name !== '') return exchange.bindings.values()
    const bound = new Map<string, Destination>(this.#host.queues)
    // n.b. there are destinations that are in no list, such as the addresses of direct reply-to.
    for (const { key } of this.keys)
      exchange.router.route(key, this.#message, { add: (found) => void bound.set(key, found) })
    return [...bound].map(([routingKey, destination]) => ({ destination, routingKey, arguments: NO_ARGUMENTS }))
  }

  /** What judges the bindings of an exchange: its router, else a router like it, as its own may count what it routes. */
  #judge(
    exchange: ExchangeState,
    keys: readonly ExplainedKey[],
  ): (binding: RoutedBinding, key: string) => BindingVerdict {
    const { router, type } = exchange
    const message = this.#message
    if (router.explain !== undefined) return (binding, key) => router.explain?.(binding, key, message) ?? UNKNOWN
    const copy = type.createRouter(exchange.arguments, NO_CONTEXT)
    for (const binding of exchange.bindings.values()) copy.add(binding)
    const found = new Map<string, Set<Destination>>()
    for (const { key } of keys) {
      const destinations = new Set<Destination>()
      copy.route(key, message, { add: (destination) => void destinations.add(destination) })
      found.set(key, destinations)
    }
    return ({ destination }, key) => ({ ...UNKNOWN, matched: found.get(key)?.has(destination) === true })
  }
}

const UNKNOWN: BindingVerdict = { matched: false, reason: { kind: 'router' } }
