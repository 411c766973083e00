/** A virtual host of a broker in this process: a bus, and what only a broker in this process can show and do. */
import { type Arguments, NO_ARGUMENTS } from '../arguments.js'
import type { BindingEvent } from '../broker/events.js'
import type { ExchangeState } from '../broker/exchange-state.js'
import type { Policy, PolicyTarget } from '../broker/policies.js'
import type { QueueState } from '../broker/queue-state.js'
import type { VirtualHostState } from '../broker/virtual-host-state.js'
import type { Channel, Connection } from '../channel/channel.js'
import { checkMessage } from '../channel/check-message.js'
import type { QueueStats } from '../declarations.js'
import { InvalidOptionError } from '../errors.js'
import { Bus } from '../handles/bus.js'
import { Exchange } from '../handles/exchange.js'
import { makeMessage } from '../handles/publish-options.js'
import { Queue } from '../handles/queue.js'
import type { Message, MessageProperties } from '../message.js'
import { checkShortString, describe, REPLY_TO } from '../names.js'
import { type Checks, checkOptions, integer, string, table } from '../options.js'
import { EXPLAIN_CHECKS, type ExplainOptions, Explanation } from './explanation.js'
import type { ExchangeInfo, QueueDetails, VirtualHostOverview } from './overview.js'

/** What a virtual host may have at once; -1 and undefined are no limit. */
export interface VirtualHostLimits {
  /** Connections, the broker's own aside; 0 is none at all. */
  readonly maxConnections?: number
  /** Queues of every kind; those that are there can be declared again. */
  readonly maxQueues?: number
}

const limit = integer(-1, Number.MAX_SAFE_INTEGER, '-1 = no limit')
const LIMIT_CHECKS: Checks = { maxConnections: limit, maxQueues: limit }

/** How a policy is made. */
export interface PolicyOptions {
  /** Regular expression that is searched for anywhere in a name: `^jobs\.` are the names that begin so. */
  readonly pattern: string
  /** Keys of RabbitMQ's policies, such as `max-length` or `dead-letter-exchange`, and their values. At least one. */
  readonly definition: Arguments
  /** What it is for. @default 'all'; of operator policies 'queues' */
  readonly applyTo?: PolicyTarget
  /** Of several that match, the one with the highest priority counts; any integer. @default 0 */
  readonly priority?: number
}

const POLICY_CHECKS: Checks = {
  pattern: string,
  definition: table,
  applyTo: string,
  priority: integer(-(2 ** 31), 2 ** 31 - 1),
}

function policyOf(what: string, name: string, options: PolicyOptions, target: PolicyTarget = 'all'): Policy {
  checkShortString(`${what}: name`, name)
  checkOptions(what, options, POLICY_CHECKS)
  const { pattern, definition, applyTo = target, priority = 0 } = options ?? {}
  if (pattern === undefined || definition === undefined) {
    throw new InvalidOptionError(`${what}: expected { pattern, definition, … }`)
  }
  return { name, pattern, applyTo, priority, definition }
}

/** Made by `broker.virtualHost(name)`. */
export class VirtualHost extends Bus {
  readonly #state: VirtualHostState

  /** Use `broker.virtualHost(name)` or `broker.createVirtualHost(name)`. @internal */
  constructor(connection: Connection, state: VirtualHostState) {
    super(connection)
    this.#state = state
  }

  /** Name of the virtual host. */
  get name(): string {
    return this.#state.name
  }

  /**
   * The first ready messages of a queue, in the order in which they would leave; nothing is taken.
   * @param count how many at most
   * @throws NotFoundError.
   */
  peek(queue: string | Queue, count = 1): Message[] {
    if (!Number.isInteger(count) || count < 0) {
      throw new InvalidOptionError(`peek: expected a number of messages from 0 up, got ${describe(count)}`)
    }
    const found: Message[] = []
    if (count === 0) return found
    for (const message of this.#queue(queue).messages()) {
      found.push(message)
      if (found.length === count) break
    }
    return found
  }

  /**
   * Stops handing messages of a queue to its consumers until `resume`; publishes and `get` go on. leveret's own.
   * @throws NotFoundError.
   */
  pause(queue: string | Queue): void {
    this.#queue(queue).pause()
  }

  /**
   * Hands messages to consumers again.
   * @throws NotFoundError.
   */
  resume(queue: string | Queue): void {
    this.#queue(queue).resume()
  }

  /**
   * What would become of a message, were it published now: every exchange and binding on its way with the reason why it
   * is matched or not, the queues that get a copy and what would happen there, and the bindings that were nearly matched.
   * As data, and by `toString()` as text. Nothing changes.
   * @throws NotFoundError for a missing exchange, and for the message what `send` rejects with.
   *
   * @example
   * ```ts
   * import { Broker } from 'leveret'
   *
   * const bus = new Broker().virtualHost('/')
   * const orders = await bus.declareExchange('orders', 'topic')
   * await bus.declareQueue('audit', { bindings: [orders.key('order.*')] })
   * const explanation = bus.explain('orders', 'order.paid.eu')
   * console.log(explanation.queues.length, explanation.nearMisses[0]?.hint)
   * // 0 `order.*` takes exactly 2 words, the key has 3: use `order.#`?
   * console.log(`${explanation}`) // the whole story, for people
   * ```
   */
  explain(exchange: string | Exchange, routingKey: string, options: ExplainOptions = {}): Explanation {
    const name = this.#nameOf(exchange)
    checkOptions('explain', options, EXPLAIN_CHECKS)
    const { body = '', mandatory = false, ...properties } = options
    const message = checkMessage(makeMessage(name, routingKey, body, properties, this.connection.bodies), REPLY_TO)
    return new Explanation(this.#state, this.#state.exchange(name), message, mandatory)
  }

  #nameOf(exchange: string | Exchange): string {
    if (typeof exchange === 'string') return exchange
    if (!(exchange instanceof Exchange)) {
      throw new InvalidOptionError(`explain: expected an exchange or the name of one, got ${describe(exchange)}`)
    }
    if (exchange.home === this.connection.home) return exchange.name
    throw new InvalidOptionError(`exchange '${exchange.name}' is a handle of another broker or virtual host`)
  }

  /** The queues, by name. */
  queues(): QueueDetails[] {
    return [...this.#state.queues.values()].map(queueDetails)
  }

  /** The exchanges, by name; '' is the default exchange. */
  exchanges(): ExchangeInfo[] {
    return [...this.#state.exchanges.values()].map((exchange) => exchangeInfo(this.#state, exchange))
  }

  /** The bindings; the implicit ones of the default exchange, by which every queue has its name as a key, included. */
  bindings(): BindingEvent[] {
    const { name } = this.#state
    const bindings: BindingEvent[] = [...this.#state.queues.keys()].map((queue) => ({
      virtualHost: name,
      source: '',
      destination: queue,
      destinationKind: 'queue',
      routingKey: queue,
      arguments: {},
    }))
    for (const exchange of this.#state.exchanges.values()) {
      for (const binding of exchange.bindings.values()) bindings.push(binding.describe(name))
    }
    return bindings
  }

  /**
   * Makes a policy, or changes the one of this name, and applies it at once: what an operator says of the queues and
   * exchanges whose names match.
   * @throws InvalidOptionError in RabbitMQ's words for a pattern, key or value that is wrong, UnknownOptionError.
   *
   * @example
   * ```ts
   * import { Broker } from 'leveret'
   *
   * const host = new Broker().virtualHost('/')
   * const logs = await host.declareQueue('logs.web')
   * host.setPolicy('short logs', { pattern: '^logs\\.', applyTo: 'queues', definition: { 'max-length': 2 } })
   * for (const line of ['a', 'b', 'c']) await logs.send(line)
   * console.log(host.peek(logs, 9).map(({ body }) => body)) // [ 'b', 'c' ]
   * ```
   */
  setPolicy(name: string, options: PolicyOptions): void {
    this.#state.policies.set(policyOf('setPolicy', name, options), false)
  }

  /**
   * Removes a policy; what it governed goes back to its arguments.
   * @throws NotFoundError.
   */
  clearPolicy(name: string): void {
    this.#state.policies.clear(name, false)
  }

  /** The policies. */
  policies(): Policy[] {
    return this.#state.policies.list(false)
  }

  /**
   * Makes an operator policy, or changes the one of this name: limits for queues that no policy can raise.
   * @throws as `setPolicy` does; only limits can be operator policies (POL-09).
   */
  setOperatorPolicy(name: string, options: PolicyOptions): void {
    this.#state.policies.set(policyOf('setOperatorPolicy', name, options, 'queues'), true)
  }

  /**
   * Removes an operator policy.
   * @throws NotFoundError.
   */
  clearOperatorPolicy(name: string): void {
    this.#state.policies.clear(name, true)
  }

  /** The operator policies. */
  operatorPolicies(): Policy[] {
    return this.#state.policies.list(true)
  }

  /**
   * Turns RabbitMQ's firehose on or off: a copy of every publish goes to the topic exchange `amq.rabbitmq.trace` with the
   * key `publish.` and the exchange, of every delivery with `deliver.` and the queue; its headers tell the rest.
   * @throws InvalidOptionError.
   *
   * @example
   * ```ts
   * import { Broker } from 'leveret'
   *
   * const host = new Broker().virtualHost('/')
   * const seen = await host.declareQueue('seen', { bindings: [host.exchange('amq.rabbitmq.trace').key('publish.#')] })
   * host.trace(true)
   * await host.exchange('amq.fanout').send('order.paid', 1)
   * host.trace(false)
   * const copy = await seen.get()
   * console.log(copy?.routingKey, copy?.headers['routing_keys']) // publish.amq.fanout [ 'order.paid' ]
   * ```
   */
  trace(on: boolean): void {
    if (typeof on !== 'boolean') throw new InvalidOptionError(`trace: expected true or false, got ${describe(on)}`)
    this.#state.trace(on)
  }

  /** An exchange that plug-ins publish to, and what publishes. @internal */
  serverExchange(name: string): (routingKey: string, properties: () => MessageProperties) => void {
    return this.#state.serverExchange(name)
  }

  /** True while the firehose is on. */
  get tracing(): boolean {
    return this.#state.firehose !== undefined
  }

  /**
   * Limits what the virtual host may have, instead of the limits it had. Nothing that is there goes.
   * @throws InvalidOptionError, UnknownOptionError.
   */
  setLimits(limits: VirtualHostLimits): void {
    checkOptions('setLimits', limits, LIMIT_CHECKS)
    this.#state.limits.set(limits, this.#state)
  }

  /** The limits that are set. */
  limits(): VirtualHostLimits {
    return this.#state.limits.list()
  }

  /** @internal A channel of the broker's own connection, for definitions: what it declares it takes as RabbitMQ does. */
  openChannel(): Channel {
    return this.connection.openChannel({})
  }

  /** Closes every connection but the broker's own, as an operator does: AMQP clients are told 320 and the reason. */
  closeConnections(reason: string): void {
    for (const connection of [...this.#state.connections]) if (connection.rights !== undefined) connection.end(reason)
  }

  /** What is there and what became of the messages. */
  overview(): VirtualHostOverview {
    return overviewOf(this.#state)
  }

  #queue(queue: string | Queue): QueueState {
    if (typeof queue !== 'string' && !(queue instanceof Queue)) {
      throw new InvalidOptionError(`expected a queue or the name of one, got ${describe(queue)}`)
    }
    if (typeof queue !== 'string' && queue.home !== this.connection.home) {
      throw new InvalidOptionError(`queue '${queue.name}' is a handle of another broker or virtual host`)
    }
    const name = typeof queue === 'string' ? queue : queue.name
    // n.b. who owns the broker may look into every queue, exclusive ones of other connections too.
    return this.#state.queues.get(name) ?? this.#state.queue(name, this.connection)
  }
}

/** The overview of a virtual host. */
export function overviewOf(state: VirtualHostState): VirtualHostOverview {
  return {
    name: state.name,
    publishes: state.publishing.stats,
    connections: [...state.connections].map((connection) => connection.name),
    exchanges: [...state.exchanges.values()].map((exchange) => exchangeInfo(state, exchange)),
    queues: [...state.queues.values()].map(queueDetails),
  }
}

function exchangeInfo(state: VirtualHostState, exchange: ExchangeState): ExchangeInfo {
  const { name, durable, autoDelete, internal, arguments: args } = exchange
  const numbers = { bindings: exchange.bindings.size, held: state.publishing.heldBy(exchange) }
  const policy = exchange.policy?.policy
  return { name, type: exchange.type.name, durable, autoDelete, internal, arguments: args, policy, ...numbers }
}

function queueDetails(queue: QueueState): QueueDetails {
  const { name, type, durable, exclusive, autoDelete, paused } = queue
  const stats: QueueStats = queue.stats
  const consumers = queue.consumers.map((consumer) => ({
    consumerTag: consumer.consumerTag,
    priority: consumer.priority,
    exclusive: consumer.exclusive,
    noAck: consumer.noAck,
    waiting: consumer.waiting,
    unsettled: consumer.unsettled,
    active: !queue.rules.singleActiveConsumer || queue.activeConsumer === consumer,
  }))
  const { policy, operatorPolicy, definition: effectivePolicyDefinition = NO_ARGUMENTS } = queue.policy ?? {}
  const policies = { policy, operatorPolicy, effectivePolicyDefinition }
  const declared = { name, type, durable, exclusive, autoDelete, arguments: queue.arguments }
  return { ...declared, ...policies, paused, stats, consumers }
}
