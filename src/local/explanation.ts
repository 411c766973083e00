/** What `virtualHost.explain` answers: the way of a message that nobody published, as data and as text. */

import type { ExchangeState } from '../broker/exchange-state.js'
import {
  type Explained,
  type ExplainedExchange,
  type ExplainedKey,
  type ExplainedOutcome,
  type ExplainedQueue,
  explain,
  type NearMiss,
} from '../broker/explain.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import { PUBLISH_CHECKS } from '../handles/publish-options.js'
import type { Message, MessageProperties } from '../message.js'
import type { Checks } from '../options.js'
import { explanationText } from './explanation-text.js'

/** The message to explain: its properties, of which `headers` (CC and BCC among them) and `expiration` matter most. */
export interface ExplainOptions extends MessageProperties {
  /** Its body, where queues limit their bytes. @default '' */
  readonly body?: unknown
  /** True if it is to come back when no queue gets it. @default false */
  readonly mandatory?: boolean
}

const { delay: _, ...asPublished } = PUBLISH_CHECKS
export const EXPLAIN_CHECKS: Checks = { ...asPublished, body: () => undefined }

/** Made by `virtualHost.explain`. Plain data, but for `toString`. */
export class Explanation {
  /** The exchange. */
  readonly exchange: string
  /** The routing key. */
  readonly routingKey: string
  /** What would become of the publish. */
  readonly outcome: ExplainedOutcome
  /** True while the broker holds more ready messages than its high watermark: confirms wait. */
  readonly alarmed: boolean
  /** The routing key, and those of CC and BCC. */
  readonly keys: readonly ExplainedKey[]
  /** The exchanges that are visited, in order; those behind a binding come after all bindings of its exchange. */
  readonly exchanges: readonly ExplainedExchange[]
  /** The queues that get a copy, each once. A queue that refuses it is among them. */
  readonly queues: readonly ExplainedQueue[]
  /** Bindings that are not matched and nearly are, nearest first; none to what the message reaches anyhow. */
  readonly nearMisses: readonly NearMiss[]

  /** Use `virtualHost.explain`. @internal */
  constructor(host: VirtualHostState, exchange: ExchangeState, message: Message, mandatory: boolean) {
    this.exchange = exchange.name
    this.routingKey = message.routingKey
    this.alarmed = host.broker.alarmed
    const { keys, exchanges, queues, nearMisses } = exchange.internal ? NOWHERE : explain(host, exchange, message)
    this.keys = keys
    this.exchanges = exchanges
    this.queues = queues
    this.nearMisses = nearMisses
    this.outcome = exchange.internal ? 'internal' : this.#outcome(mandatory)
  }

  /** The explanation for people: a tree of exchanges and bindings, the queues, and the near misses. */
  toString(): string {
    return explanationText(this)
  }

  #outcome(mandatory: boolean): ExplainedOutcome {
    const holding = new Set(this.exchanges.filter(({ holds }) => holds !== undefined).map(({ name }) => name))
    const queues = this.queues.filter(({ path }) => !path.some((name) => holding.has(name)))
    if (queues.length === 0) return mandatory ? 'returned' : holding.size > 0 ? 'held' : 'unroutable'
    if (queues.some(({ outcome }) => outcome === 'refused')) return 'refused'
    return this.alarmed || queues.some(({ outcome }) => outcome === 'withheld') ? 'pending' : 'accepted'
  }
}

const NOWHERE: Explained = { keys: [], exchanges: [], queues: [], nearMisses: [] }
