/**
 * A virtual host in the broker: the exchanges, queues and bindings of one namespace, and the rules of declaring and
 * deleting them. Whatever throws here has changed nothing.
 */
import { fieldKind, NO_ARGUMENTS } from '../arguments.js'
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration } from '../declarations.js'
import {
  AccessRefusedError,
  CommandInvalidError,
  NotFoundError,
  NotImplementedError,
  PreconditionFailedError,
} from '../errors.js'
import { directExchange } from '../exchange-types/direct.js'
import type { ExchangeType } from '../exchange-types/exchange-type.js'
import { topicExchange } from '../exchange-types/topic.js'
import { Message, type MessageProperties } from '../message.js'
import { cleanName, generateName } from '../names.js'
import { didYouMean, hintAt } from '../options.js'
import type { DeathReason } from '../queue-arguments/queue-argument.js'
import { Bindings } from './bindings.js'
import { checkAccess, checkNotDefault, checkNotReserved, checkQuorum } from './declaration-checks.js'
import { defaultExchangeType } from './default-exchange.js'
import { ReplyAddresses } from './direct-reply-to.js'
import { checkSameExchange, checkSameQueue } from './equivalence.js'
import { ExchangeState, GUARDS } from './exchange-state.js'
import { Firehose } from './firehose.js'
import { Policies } from './policies.js'
import { Publishing } from './publishing.js'
import { type QueueHome, QueueState } from './queue-state.js'
import type { Client, Rights } from './rights.js'
import type { BrokerServices } from './services.js'
import { VirtualHostLimits } from './virtual-host-limits.js'

/** The exchanges that every virtual host is born with (EX-09). */
const PREDECLARED: readonly (readonly [name: string, type: string, internal: boolean])[] = [
  ['amq.direct', 'direct', false],
  ['amq.fanout', 'fanout', false],
  ['amq.topic', 'topic', false],
  ['amq.headers', 'headers', false],
  ['amq.match', 'headers', false],
  ['amq.rabbitmq.trace', 'topic', true],
]

/** What can hold an exclusive queue, and must be told when the virtual host goes: a connection. */
export interface QueueOwner extends Client {
  readonly name: string
  /** `afterTasks`: its channels close when those whose queues are gone have been told. */
  end(reason: string, afterTasks?: boolean): void
}

export class VirtualHostState implements QueueHome {
  readonly name: string
  readonly broker: BrokerServices
  readonly exchanges = new Map<string, ExchangeState>()
  readonly queues = new Map<string, QueueState>()
  readonly connections = new Set<QueueOwner>()
  readonly replies: ReplyAddresses
  readonly publishing: Publishing
  readonly bindings = new Bindings(this)
  readonly policies = new Policies(this)
  readonly limits = new VirtualHostLimits()
  firehose: Firehose | undefined
  deleted = false

  constructor(name: string, broker: BrokerServices) {
    this.name = name
    this.broker = broker
    this.publishing = new Publishing(name, this.exchanges, broker)
    this.replies = new ReplyAddresses(name, broker)
    this.#addExchange(PREDECLARED_DEFAULT, defaultExchangeType(this.queues, this.replies))
    for (const [exchange, type, internal] of PREDECLARED) {
      this.#addExchange({ ...PREDECLARED_DEFAULT, name: exchange, type, internal }, this.#typeOf(type))
    }
  }

  // Exchanges

  /** Declares an exchange, or checks that it is declared alike (EX-03, EX-08). */
  declareExchange(declaration: ExchangeDeclaration, rights?: Rights): void {
    const name = cleanName(declaration.name)
    checkNotDefault(name)
    // n.b. the type is looked at first, even when an exchange of that name exists (EX-06).
    const type = this.#typeOf(declaration.type)
    rights?.check('configure', 'exchange', name)
    this.broker.tracker?.declaring(this.name, { exchange: declaration })
    const existing = this.exchanges.get(name)
    if (existing !== undefined) {
      checkSameExchange(this.#exchangeTitle(name), existing, declaration)
      return
    }
    if (name.startsWith('amq.')) {
      throw new AccessRefusedError(`exchange name '${name}' contains reserved prefix 'amq.*'`)
    }
    const alternate = declaration.arguments['alternate-exchange']
    if (alternate !== undefined && typeof alternate !== 'string') {
      const fault = `invalid type '${fieldKind(alternate)}' for arg 'alternate-exchange'`
      throw new PreconditionFailedError(`${fault} in ${this.#exchangeTitle(name)}`)
    }
    if (alternate !== undefined) {
      rights?.check('read', 'exchange', name)
      rights?.check('write', 'exchange', alternate)
    }
    type.validateArguments?.(declaration.arguments)
    const resolved = type.resolve?.(declaration.arguments, (other) => this.#typeOf(other)) ?? type
    const exchange = this.#addExchange({ ...declaration, name }, resolved)
    exchange.govern(this.policies.of(exchange))
    if (this.broker.users.guard(this.name, name)) exchange.guarded |= GUARDS.rights
    const { durable, autoDelete, internal } = exchange
    this.broker.announce('exchange.created', () => {
      const created = { virtualHost: this.name, name, type: type.name, durable, autoDelete, internal }
      return { ...created, arguments: exchange.arguments }
    })
  }

  /**
   * The exchange of this name.
   * @throws NotFoundError (GEN-03).
   */
  exchange(name: string): ExchangeState {
    const exchange = this.exchanges.get(name)
    if (exchange !== undefined) return exchange
    throw new NotFoundError(`no exchange '${name}' in vhost '${this.name}'`, didYouMean(name, this.exchanges.keys()))
  }

  /** A passive declare (EX-02, EX-07). */
  checkExchange(rawName: string, rights?: Rights): void {
    const name = cleanName(rawName)
    checkNotDefault(name)
    rights?.checkAny('exchange', name)
    this.exchange(name)
  }

  /** Deletes an exchange; a missing one is no error (EX-11). */
  deleteExchange(rawName: string, ifUnused: boolean, rights?: Rights): void {
    const name = cleanName(rawName)
    checkNotDefault(name)
    if (name.startsWith('amq.')) {
      throw new AccessRefusedError(`deletion of system exchange '${name}' in vhost '${this.name}' not allowed`)
    }
    rights?.check('configure', 'exchange', name)
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) return
    if (ifUnused && exchange.bindings.size > 0) throw new PreconditionFailedError(`${this.#exchangeTitle(name)} in use`)
    this.removeExchange(exchange)
  }

  /** As RabbitMQ's error texts name it (GEN-03). */
  #exchangeTitle(name: string): string {
    return `exchange '${name}' in vhost '${this.name}'`
  }

  #addExchange(declaration: ExchangeDeclaration, type: ExchangeType): ExchangeState {
    const exchange = new ExchangeState(declaration, type, (source) => this.publishing.contextOf(source))
    if (this.firehose !== undefined) exchange.guarded |= GUARDS.traced
    this.exchanges.set(exchange.name, exchange)
    return exchange
  }

  /** Takes an exchange out. */
  removeExchange(exchange: ExchangeState): void {
    exchange.deleted = true
    exchange.guarded |= GUARDS.deleted
    this.exchanges.delete(exchange.name)
    this.publishing.forget(exchange)
    for (const binding of [...exchange.bindings.values(), ...exchange.incoming]) this.bindings.take(binding)
    this.broker.announce('exchange.deleted', () => ({ virtualHost: this.name, name: exchange.name }))
  }

  #typeOf(name: string): ExchangeType {
    const type = this.broker.exchangeTypes.get(name)
    if (type !== undefined) return type
    const known = [...this.broker.exchangeTypes.keys()]
    // EX-05
    const Fault = this.broker.compatibility === '3.10' ? CommandInvalidError : PreconditionFailedError
    throw new Fault(`${name === '' ? 'invalid' : 'unknown'} exchange type '${name}'`, hintAt(name, known, 'type'))
  }

  // Queues

  /**
   * Declares a queue, the queue for its dead messages if that is missing, and its bindings. Whatever can fail comes before
   * the first change: a queue is not left behind without its bindings.
   */
  declareQueueWith(
    declaration: QueueDeclaration,
    bindings: readonly BindingDeclaration[],
    deadLetter: string | undefined,
    owner: Client,
  ): QueueState {
    const { rights } = owner
    const declared = cleanName(declaration.name)
    const queueName = declared === '' ? generateName('amq.gen-') : declared
    for (const { source, routingKey, arguments: args } of bindings) {
      const name = cleanName(source)
      rights?.check('write', 'queue', queueName)
      checkNotDefault(name)
      rights?.check('read', 'exchange', name)
      const { type } = this.exchange(name)
      if (type.name === 'topic') rights?.checkTopic('read', name, routingKey)
      type.validateBinding?.(routingKey, args)
    }
    if (deadLetter !== undefined) {
      rights?.check('configure', 'queue', deadLetter)
      if (this.queues.has(deadLetter)) this.queue(deadLetter, owner).touch()
      else checkNotReserved(deadLetter)
      const missing = [queueName, deadLetter].filter((name) => !this.queues.has(name))
      if (missing.length > 1) this.limits.checkQueues(deadLetter, this, 1)
    }
    const queue = this.declareQueue(declaration, owner, queueName)
    // n.b. each step is an operation: listeners hear of it before the next.
    this.broker.settle()
    if (deadLetter !== undefined && !this.queues.has(deadLetter)) {
      const plain = { durable: true, exclusive: false, autoDelete: false, arguments: NO_ARGUMENTS }
      this.declareQueue({ ...plain, name: deadLetter }, owner)
      this.broker.settle()
    }
    for (const binding of bindings) {
      this.bindings.add({ ...binding, destination: queue.name }, owner)
      this.broker.settle()
    }
    return queue
  }

  /** Declares a queue, or checks that it is declared alike. `name` is the one made up for '', or its own. */
  declareQueue(declaration: QueueDeclaration, owner: Client, name = cleanName(declaration.name)): QueueState {
    const declared = cleanName(declaration.name)
    const { rights } = owner
    checkNotReserved(declared)
    rights?.check('configure', 'queue', name)
    this.broker.tracker?.declaring(this.name, { queue: declaration })
    const existing = this.queues.get(name)
    if (existing !== undefined) {
      checkSameQueue(existing, declaration, owner)
      existing.touch()
      return existing
    }
    this.limits.checkQueues(name, this)
    const { queueArguments } = this.broker
    const title = `queue '${name}' in vhost '${this.name}'`
    const deadLetterExchange = declaration.arguments['x-dead-letter-exchange']
    if (typeof deadLetterExchange === 'string') {
      rights?.check('read', 'queue', name)
      rights?.check('write', 'exchange', deadLetterExchange)
    }
    const type = queueArguments.typeOf(title, declaration.arguments)
    queueArguments.check(title, type, declaration.arguments, declaration.lenient)
    if (type === 'quorum') checkQuorum(title, { ...declaration, name: declared })
    // n.b. an exclusive queue is never durable, whatever was declared.
    const durable = declaration.durable && !declaration.exclusive
    const queue = new QueueState(
      this,
      { ...declaration, name, durable },
      type,
      declaration.exclusive ? owner : undefined,
      this.policies.of({ kind: 'queue', name, type }),
    )
    this.queues.set(name, queue)
    this.broker.announce('queue.created', () => {
      const { autoDelete, exclusive } = queue
      return { virtualHost: this.name, name, type, durable, exclusive, autoDelete, arguments: queue.arguments }
    })
    return queue
  }

  /**
   * The queue of this name, for a connection that may use it.
   * @throws NotFoundError (GEN-03), ResourceLockedError for an exclusive queue of another connection.
   */
  queue(name: string, owner: object): QueueState {
    const queue = this.queues.get(name)
    if (queue === undefined) {
      throw new NotFoundError(`no queue '${name}' in vhost '${this.name}'`, didYouMean(name, this.queues.keys()))
    }
    checkAccess(queue, owner)
    return queue
  }

  /** Deletes a queue and answers the number of ready messages in it; a missing one is no error. */
  deleteQueue(rawName: string, ifUnused: boolean, ifEmpty: boolean, owner: Client): number {
    const name = cleanName(rawName)
    owner.rights?.check('configure', 'queue', name)
    const queue = this.queues.get(name)
    if (queue === undefined) return 0
    checkAccess(queue, owner)
    if (queue.type === 'quorum' && (ifUnused || ifEmpty)) {
      const flag = ifUnused ? 'if-unused' : 'if-empty'
      throw new NotImplementedError(
        `cannot delete ${queue.title}. queue.delete operations with ${flag} flag set are not supported by quorum queues`,
      )
    }
    if (ifEmpty && queue.ready > 0) throw new PreconditionFailedError(`${queue.title} not empty`)
    if (ifUnused && queue.consumerCount > 0) throw new PreconditionFailedError(`${queue.title} in use`)
    return this.removeQueue(queue, `queue '${queue.name}' was deleted`)
  }

  /** Takes a queue out; `reason` is for its consumers. Answers the number of ready messages. */
  removeQueue(queue: QueueState, reason: string): number {
    if (queue.deleted) return 0
    this.queues.delete(queue.name)
    const messages = queue.stats.ready + queue.stats.unacked + queue.stats.delayed
    const ready = queue.delete(reason)
    for (const binding of [...queue.incoming]) this.bindings.take(binding)
    this.broker.announce('queue.deleted', () => ({ virtualHost: this.name, name: queue.name, messages }))
    return ready
  }

  /** Makes an internal topic exchange that the broker itself publishes to, unless it is there; answers what publishes. */
  serverExchange(name: string): (routingKey: string, properties: () => MessageProperties) => void {
    if (!this.exchanges.has(name)) this.#addExchange({ ...PREDECLARED_DEFAULT, name, internal: true }, topicExchange)
    return (routingKey, properties) => {
      const exchange = this.exchanges.get(name)
      if (exchange === undefined || exchange.bindings.size === 0) return
      this.publishing.deliver(exchange, new Message(name, routingKey, new Uint8Array(0), properties()))
    }
  }

  /** Turns the firehose on or off (TRC-01). */
  trace(on: boolean): void {
    if (on === (this.firehose !== undefined)) return
    this.firehose = on ? new Firehose(this) : undefined
    for (const exchange of this.exchanges.values()) exchange.guarded ^= GUARDS.traced
    for (const queue of this.queues.values()) queue.govern(queue.policy)
  }

  deadLetter(queue: QueueState, message: Message, reason: DeathReason, cause?: unknown): boolean {
    return this.publishing.deadLetter(queue, message, reason, cause)
  }

  // The end

  /** Takes everything out; nothing is dead-lettered (VH-03). */
  delete(reason: string): void {
    this.deleted = true
    for (const queue of [...this.queues.values()]) this.removeQueue(queue, reason)
    for (const exchange of [...this.exchanges.values()]) if (exchange.name !== '') this.removeExchange(exchange)
    this.publishing.clear()
    for (const connection of [...this.connections]) connection.end(reason, true)
  }

  /** The broker closes: connections first, so that what they hold counts as given back and nobody is told of queues. */
  close(): void {
    for (const connection of [...this.connections]) connection.end('the broker was closed')
    for (const queue of this.queues.values()) {
      // n.b. the overview of a closed broker is read: what was dropped must not look like unacknowledged.
      queue.counters.deleted += queue.ready + queue.delayed
      queue.clear()
    }
    this.publishing.clear()
  }
}

const PREDECLARED_DEFAULT: ExchangeDeclaration = Object.freeze({
  name: '',
  type: directExchange.name,
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: NO_ARGUMENTS,
})
