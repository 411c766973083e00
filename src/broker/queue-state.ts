/**
 * A queue in the broker. A message that arrives is assigned to a consumer with credit at once, else stored; what is
 * stored is assigned when a consumer has credit again. Limits, expiry and returns are the hooks' of its arguments.
 */
import type { Arguments } from '../arguments.js'
import type { Compatibility, Outcome, QueueDeclaration, QueueStats } from '../declarations.js'
import { Delivery, type Settlement } from '../delivery.js'
import type { Destination } from '../exchange-types/exchange-type.js'
import type { Message } from '../message.js'
import type {
  ArgumentHost,
  DeathReason,
  QueueHooks,
  QueueType,
  WithheldConfirm,
} from '../queue-arguments/queue-argument.js'
import type { Task } from '../scheduler.js'
import type { Timers } from '../timers.js'
import type { Binding } from './binding.js'
import { Dispatcher } from './dispatcher.js'
import { type MessageEvent, type MessageEventName, messageEvents } from './events.js'
import { deadlineAt, timeToLiveOf } from './head-expiry.js'
import { Holders } from './holders.js'
import type { DeliveryHolder, LocalSubscription, SubscribedQueue } from './local-subscription.js'
import { Parking } from './parking.js'
import type { AppliedPolicy } from './policies.js'
import { QueueCounters } from './queue-counters.js'
import { changeRules, type QueueRules, rulesOf } from './queue-rules.js'
import { ReadyMessages } from './ready-messages.js'
import { Returns } from './returns.js'
import type { BrokerServices } from './services.js'
import { Taker } from './taker.js'

/** Messages assigned from a backlog before others get their turn. */
const SLICE = 256

/** What a queue asks of the virtual host it is in. */
export interface QueueHome {
  readonly name: string
  readonly broker: BrokerServices
  /** Copies every delivery, while it is on. */
  readonly firehose?: { hooksOf(queue: string): QueueHooks } | undefined
  /** Publishes the dead letter of a message; false when it has nowhere to go. */
  deadLetter(queue: QueueState, message: Message, reason: DeathReason, cause?: unknown): boolean
  /** Takes the queue out; `reason` is for its consumers. */
  removeQueue(queue: QueueState, reason: string): void
}

/** Which event and which counter a death is. */
const DEATHS = {
  rejected: 'rejected',
  expired: 'expired',
  maxlen: 'overflowed',
  delivery_limit: 'delivery_limited',
} as const satisfies Record<DeathReason, MessageEventName>

export class QueueState implements Destination, ArgumentHost, SubscribedQueue, Task {
  readonly kind = 'queue'
  readonly name: string
  readonly type: QueueType
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly arguments: Arguments
  readonly virtualHost: QueueHome
  readonly broker: BrokerServices
  /** The connection that owns an exclusive queue. */
  readonly owner: object | undefined
  readonly counters = new QueueCounters()
  policy: AppliedPolicy | undefined
  rules: QueueRules
  deleted = false
  paused = false
  /** Number of the last publish that reached it. */
  visited = 0
  // n.b. most queues are idle: what they do not need yet is not made.
  #incoming: Set<Binding> | undefined
  #dispatcher: Dispatcher | undefined
  #holders: Holders | undefined
  #parking: Parking | undefined
  readonly #ready: ReadyMessages
  #scheduled = false
  #returns: Returns | undefined

  constructor(
    virtualHost: QueueHome,
    declaration: QueueDeclaration,
    type: QueueType,
    owner: object | undefined,
    policy?: AppliedPolicy,
  ) {
    this.virtualHost = virtualHost
    this.broker = virtualHost.broker
    this.name = declaration.name
    this.type = type
    this.durable = declaration.durable
    this.autoDelete = declaration.autoDelete
    this.arguments = declaration.arguments
    this.owner = owner
    this.policy = policy
    this.rules = rulesOf(this)
    this.#ready = new ReadyMessages(this)
  }

  /** As RabbitMQ's error texts name it (GEN-03). */
  get title(): string {
    return `queue '${this.name}' in vhost '${this.virtualHost.name}'`
  }

  get exclusive(): boolean {
    return this.owner !== undefined
  }

  get ready(): number {
    return this.#ready.length
  }

  get consumers(): readonly LocalSubscription[] {
    return this.#dispatcher === undefined ? NO_CONSUMERS : this.#dispatcher.consumers
  }

  /** Gets that wait for a message. */
  get gets(): readonly LocalSubscription[] {
    return this.#dispatcher?.gets ?? NO_CONSUMERS
  }

  get consumerCount(): number {
    return this.consumers.length
  }

  /** Bindings that end here. */
  get incoming(): Set<Binding> {
    this.#incoming ??= new Set()
    return this.#incoming
  }

  /** Quorum queues tell how often a delivery failed (QQ-05). */
  get countsFailures(): boolean {
    return this.type === 'quorum'
  }

  /** True when failed deliveries wait before they come again. */
  get backsOff(): boolean {
    return this.rules.backsOff
  }

  /** The consumer that alone gets messages, on a queue with a single active consumer. */
  get activeConsumer(): LocalSubscription | undefined {
    return this.#dispatcher?.active
  }

  get timers(): Timers {
    return this.broker.timers
  }

  get compatibility(): Compatibility {
    return this.broker.compatibility
  }

  /** Parked messages: retries that wait. */
  get delayed(): number {
    return this.#parking?.length ?? 0
  }

  get stats(): QueueStats {
    return this.counters.stats(this.ready, this.delayed, this.consumerCount)
  }

  /** The ready messages in the order in which they would leave. */
  messages(): Iterable<Message> {
    return this.#ready.messages()
  }

  /** Ready messages from `from` up to `end` that expire as soon as the ones before them are gone. */
  dueBetween(from: number, end: number): number {
    return this.#ready.dueBetween(from, end)
  }

  parked(): Iterable<Message> {
    return this.#parking?.messages() ?? []
  }

  /** A policy was set, changed or cleared: what the queue is to do now is done at once (POL-05). */
  govern(policy: AppliedPolicy | undefined): void {
    const former = this.rules
    this.policy = policy
    this.rules = rulesOf(this, former)
    if (!former.timesDeliveries && this.rules.timesDeliveries) this.holders.noteAssigned(this.timers.now())
    changeRules(former, this.rules)
    this.#ready.expire()
  }

  // Publish: admit -> assign, else store -> limits -> expiry

  /** Takes a routed message. */
  enqueue(message: Message): Outcome {
    const { admit } = this.rules
    if (admit !== undefined && admit.admit?.(message) === false) return 'refused'
    this.counters.enqueued++
    const ttl = timeToLiveOf(message, this.rules.timeToLive)
    if (this.#ready.length === 0) {
      const consumer = this.#next()
      if (consumer !== undefined) {
        // n.b. whoever is assigned at once needs a deadline only to come back with: the time of this turn is good enough.
        const deadline = ttl === undefined ? 0 : deadlineAt(this.timers.turnTime(), ttl)
        const position = this.#ready.claim(message)
        this.#assign(consumer, new Delivery(message, position, deadline, 0))
        return 'accepted'
      }
    }
    const deadline = ttl === undefined ? 0 : deadlineAt(this.timers.now(), ttl)
    return this.#ready.push(message, deadline) ? 'pending' : 'accepted'
  }

  /** Takes the confirm of the publish that `enqueue` just called pending. */
  withhold(confirm: WithheldConfirm): void {
    for (const hook of this.rules.hooks) hook.withhold?.(confirm)
  }

  /** Takes a message a second time, flagged: as after an acknowledgement that was lost. For tests. */
  repeat(message: Message): void {
    this.counters.enqueued++
    this.#ready.giveBackToTail(new Delivery(message, 0, 0, 1))
    this.assignReady()
  }

  /** Lets every second of the ready messages pass the one ahead of it, so many times, and answers how often. For tests. */
  swap(times: number): number {
    return this.#ready.swap(times)
  }

  /** Lets so many consumers pass their turn. For tests. */
  passTurns(count: number): void {
    for (let i = 0; i < count; i++) {
      const consumer = this.#next()
      if (consumer !== undefined) this.#dispatcher?.rotate(consumer)
    }
  }

  // Assign

  #next(): LocalSubscription | undefined {
    return this.#returns?.suspended === true ? undefined : this.#dispatcher?.next(this.paused)
  }

  /** Who would be assigned a message that came now, were none ready. */
  foresee(): LocalSubscription | undefined {
    return this.#dispatcher?.foresee(this.paused)
  }

  #assign(consumer: LocalSubscription, delivery: Delivery): void {
    if (!consumer.noAck) consumer.credit--
    ;(this.#dispatcher as Dispatcher).rotate(consumer)
    if (this.rules.timesDeliveries) this.#noteTime(delivery)
    consumer.assign(delivery)
  }

  /** Assigns ready messages while there are consumers with credit, a slice at a time. */
  assignReady(): void {
    for (let left = SLICE; this.#ready.length > 0; left--) {
      this.#ready.expire()
      const consumer = this.#ready.length === 0 ? undefined : this.#next()
      if (consumer === undefined) return
      if (left === 0) {
        this.broker.scheduler.steps(SLICE)
        this.#schedule()
        return
      }
      this.#assign(consumer, this.#ready.takeHead())
    }
  }

  run(): void {
    this.#scheduled = false
    this.assignReady()
  }

  /** True while ready messages are being assigned, a slice at a time. */
  get assigning(): boolean {
    return this.#scheduled
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.broker.scheduler.schedule(this)
  }

  // Settle

  /** A delivery of this queue was settled by its consumer, who may say why. */
  settle(delivery: Delivery, how: Settlement, reason?: unknown): void {
    if (how === 'ack' && !this.deleted) {
      this.counters.acked++
      if (messageEvents.acked.hasSubscribers) this.report('acked', delivery.message)
    } else if (!this.deleted) {
      this.#settleOtherwise(delivery, how, reason)
    }
    delivery.recipient?.settled()
    if (this.#ready.length > 0 && !this.deleted) this.assignReady()
  }

  // n.b. apart from `settle`, which stays small enough to become part of its callers.
  #settleOtherwise(delivery: Delivery, how: Settlement, reason: unknown): void {
    if (how === 'reject') this.die(delivery.message, 'rejected', reason)
    else this.#comingBack.comeBack(delivery, how, reason)
  }

  get #comingBack(): Returns {
    this.#returns ??= new Returns(this, this.#ready)
    return this.#returns
  }

  takeBack(delivery: Delivery): void {
    this.#comingBack.takeBack(delivery)
  }

  suspend(): void {
    this.#comingBack.suspend()
  }

  release(): void {
    this.#comingBack.release()
    if (!this.deleted) this.assignReady()
  }

  putBack(delivery: Delivery): void {
    this.#comingBack.putBack(delivery)
  }

  /** What was parked is ready again. */
  unparked(): void {
    this.assignReady()
    this.broker.settle()
  }

  /** What waits on a timer for this queue, its own retries and delayed sends that will be routed here. */
  get parking(): Parking {
    this.#parking ??= new Parking(this.timers, this.consumerCount > 0)
    return this.#parking
  }

  // Death

  /** A message of the queue ends by `reason`; `cause` is what its consumer said. */
  die(message: Message, reason: DeathReason, cause?: unknown): void {
    const name = DEATHS[reason]
    this.counters[name]++
    this.report(name, message, cause)
    // n.b. deferred: a dead letter is published after the operation that caused it, in order, never inside it.
    this.broker.defer({
      run: () => {
        if (this.virtualHost.deadLetter(this, message, reason, cause)) this.counters.deadLettered++
        else this.counters.deadLetterLost++
      },
    })
  }

  deadLetterRefused(message: Message): void {
    this.broker.defer({ run: () => this.virtualHost.deadLetter(this, message, 'maxlen') })
  }

  dropHead(): void {
    this.die(this.#ready.takeHead().message, 'maxlen')
  }

  // Get, purge, delete

  /** The head for a `get`; undefined when nothing is ready. */
  get(holder: DeliveryHolder, noAck: boolean, tentative: boolean): Delivery | undefined {
    this.#used()
    this.#ready.expire()
    if (this.#ready.length === 0) return undefined
    const delivery = this.#ready.takeHead()
    delivery.recipient = new Taker(this, holder, noAck, tentative)
    this.#ready.expire()
    if (this.rules.timesDeliveries) this.#noteTime(delivery)
    if (noAck) this.autoAck(delivery)
    else this.holders.keep(holder)
    holder.hold(delivery, noAck)
    this.broker.tracker?.entering(delivery)
    if (messageEvents.delivered.hasSubscribers) this.report('delivered', delivery.message)
    return delivery
  }

  /** A delivery that needs no settlement was handed over. */
  autoAck(delivery: Delivery): void {
    delivery.settlement = 'ack'
    this.counters.autoAcked++
  }

  purge(): number {
    const purged = this.ready
    this.#ready.clear()
    this.counters.purged += purged
    this.broker.announce('queue.purged', () => ({
      virtualHost: this.virtualHost.name,
      name: this.name,
      messages: purged,
    }))
    return purged
  }

  /** The queue is gone from its virtual host: its consumers end, its messages are no more. Answers the ready ones. */
  delete(reason: string): number {
    const { ready, delayed, stats } = this
    this.deleted = true
    this.counters.deleted += ready + delayed + stats.unacked
    const holders = this.holders.all()
    for (const consumer of this.consumers) consumer.end(reason)
    for (const get of this.gets) get.end(reason)
    for (const holder of holders) holder.lose(this)
    this.clear()
    return ready
  }

  /** Lets go of the messages and of every timer. */
  clear(): void {
    this.#ready.clear()
    this.#parking?.clear()
    this.#ready.dispose()
    for (const hook of this.rules.hooks) hook.dispose?.()
  }

  /** The lease ran out (`x-expires`). */
  expire(): void {
    this.virtualHost.removeQueue(this, `queue '${this.name}' expired`)
    this.broker.settle()
  }

  /** The queue was declared again or asked about, which is no use of a quorum queue (TTL-17). */
  touch(): void {
    if (this.type === 'classic') this.#used()
  }

  #used(): void {
    for (const hook of this.rules.hooks) hook.used?.()
  }

  /** Stops handing messages to consumers; gets go on. */
  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.assignReady()
    this.broker.settle()
  }

  // Consumers

  addConsumer(consumer: LocalSubscription): void {
    this.#dispatcher ??= new Dispatcher(this.rules.singleActiveConsumer, this.type === 'quorum')
    this.#dispatcher.add(consumer)
    if (!consumer.once) this.#consumersChanged()
    this.assignReady()
  }

  /** The consumer is gone; `unhanded` are its deliveries that nobody saw. */
  removeConsumer(consumer: LocalSubscription, unhanded: readonly Delivery[]): void {
    this.#dispatcher?.remove(consumer)
    if (consumer.unsettled > 0) this.holders.keep(consumer.holder)
    if (unhanded.length > 0) this.#comingBack.takeUnhanded(unhanded)
    if (this.deleted) return
    if (!consumer.once) this.#consumersChanged()
    this.assignReady()
    if (this.autoDelete && !consumer.once && this.consumerCount === 0) {
      this.virtualHost.removeQueue(this, `queue '${this.name}' was deleted with its last consumer`)
    }
  }

  /** A consumer without credit has some again. */
  consumerReady(consumer: LocalSubscription): void {
    this.#dispatcher?.makeReady(consumer)
  }

  #consumersChanged(): void {
    this.#parking?.setAttended(this.consumerCount > 0)
    for (const hook of this.rules.hooks) hook.consumersChanged?.()
  }

  get holders(): Holders {
    this.#holders ??= new Holders(this)
    return this.#holders
  }

  #noteTime(delivery: Delivery): void {
    const now = this.timers.turnTime()
    delivery.noteAssigned(now)
    for (const hook of this.rules.hooks) hook.assigned?.(now, delivery)
  }

  // Events

  report(name: MessageEventName, message: Message, reason?: unknown): void {
    const { tracker } = this.broker
    const isHeard = messageEvents[name].hasSubscribers
    if (!isHeard && tracker === undefined) return
    const about = { virtualHost: this.virtualHost.name, queue: this.name, message }
    const event: MessageEvent = reason === undefined ? about : { ...about, reason }
    tracker?.happened(name, event)
    if (!isHeard) return
    this.broker.defer({ run: () => messageEvents[name].publish(event) })
  }
}

const NO_CONSUMERS: readonly LocalSubscription[] = []
