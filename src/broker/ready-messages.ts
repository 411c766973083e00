/**
 * The ready messages of a queue: the store they stand in, the limits that count them, and their expiry at the head. What
 * is assigned to consumers has left here.
 */
import { Delivery } from '../delivery.js'
import type { Message } from '../message.js'
import { FifoStore } from '../message-stores/fifo-store.js'
import type { EntryFactory, MessageStore } from '../message-stores/message-store.js'
import { PriorityStore } from '../message-stores/priority-store.js'
import type { DeathReason, QueueType } from '../queue-arguments/queue-argument.js'
import type { Timers } from '../timers.js'
import { type ExpiringQueue, HeadExpiry } from './head-expiry.js'
import type { QueueRules } from './queue-rules.js'
import type { BrokerServices } from './services.js'

/** Ready messages in a queue without a limit that are worth a warning. */
const BACKLOG = 100_000

/** The queue that the messages are ready in. */
export interface ReadyOwner {
  readonly name: string
  readonly type: QueueType
  readonly virtualHost: { readonly name: string }
  readonly broker: BrokerServices
  readonly rules: QueueRules
  /** A message of the queue ends. */
  die(message: Message, reason: DeathReason): void
}

export class ReadyMessages implements EntryFactory<Delivery>, ExpiringQueue {
  readonly #owner: ReadyOwner
  readonly #store: MessageStore<Delivery>
  #expiry: HeadExpiry | undefined
  /** Of what came back to the tail: the store keeps no history of what has not left it yet. */
  #histories: Map<Message, number> | undefined
  /** What has come back since `suspend`. */
  #back: Message[] | undefined
  #warned = false

  constructor(owner: ReadyOwner) {
    this.#owner = owner
    const { maxPriority } = owner.rules
    this.#store =
      maxPriority === undefined
        ? new FifoStore(this, owner.type === 'quorum' ? 'front' : 'position')
        : new PriorityStore(this, maxPriority)
  }

  get length(): number {
    return this.#store.length
  }

  get timers(): Timers {
    return this.#owner.broker.timers
  }

  get headDeadline(): number {
    return this.#store.headDeadline()
  }

  /** The messages in the order in which they would leave. */
  *messages(): Iterable<Message> {
    for (const { message } of this.#store.stored()) yield message
  }

  /** Messages that would expire one after another, if the first that leaves were the one at `from`; at most up to `end`. */
  dueBetween(from: number, end: number): number {
    const now = this.timers.now()
    const behind = [...this.#store.stored()].slice(from, end)
    const live = behind.findIndex(({ deadline }) => deadline === 0 || deadline > now)
    return live < 0 ? behind.length : live
  }

  /** The entry of a message that leaves the store for the first time. */
  makeEntry(message: Message, position: number, deadline: number): Delivery {
    const history = this.#histories?.get(message)
    if (history === undefined) return new Delivery(message, position, deadline, 0)
    this.#histories?.delete(message)
    return new Delivery(message, position, deadline, history)
  }

  /** Gives a message that is assigned at once the position that it would have had. */
  claim(message: Message): number {
    return this.#store.claim(message)
  }

  /** Takes a message. True when its publisher is to wait. */
  push(message: Message, deadline: number): boolean {
    this.#store.push(message, deadline)
    return this.#becameReady(message, deadline)
  }

  /** Takes an entry back, to the place that the queue's type gives it. */
  giveBack(entry: Delivery, first?: boolean): void {
    this.#store.giveBack(entry, first)
    this.#cameBack(entry.message, entry.deadline)
  }

  /** Takes an entry back behind everything else. */
  giveBackToTail({ message, deadline, history }: Delivery): void {
    this.#histories ??= new Map()
    this.#histories.set(message, history)
    this.#store.push(message, deadline)
    this.#cameBack(message, deadline)
  }

  #cameBack(message: Message, deadline: number): void {
    if (this.#back === undefined) {
      this.#becameReady(message, deadline)
      return
    }
    this.#owner.broker.becameReady()
    this.#back.push(message)
  }

  /** What comes back dies of no limit and no deadline until `release`: all of it is back before the first of it goes. */
  suspend(): void {
    this.#back = []
  }

  release(): void {
    const back = this.#back ?? []
    this.#back = undefined
    const { stored } = this.#owner.rules
    if (stored !== undefined) for (const message of back) for (const hook of stored) hook.stored?.(message)
    else if (this.length >= BACKLOG) this.#warnOfBacklog()
    this.expire()
  }

  /** A message of the queue waits for its next attempt. Limits count it, and so hear of it now. */
  parked(entry: Delivery): void {
    const { stored } = this.#owner.rules
    if (stored === undefined) return
    if (this.#back !== undefined) {
      this.#back.push(entry.message)
      return
    }
    for (const hook of stored) hook.stored?.(entry.message)
    this.expire()
  }

  /** A parked message is ready again; the limits know it already. */
  unpark(entry: Delivery): void {
    this.#store.giveBack(entry)
    this.#owner.broker.becameReady()
    for (const hook of this.#owner.rules.hooks) hook.unparked?.()
    this.expire()
  }

  /** The head, out of the store. */
  takeHead(): Delivery {
    const entry = this.#store.shift()
    this.#owner.broker.becameLess(1)
    const { removed } = this.#owner.rules
    if (removed !== undefined) for (const hook of removed) hook.removed?.(entry.message)
    return entry
  }

  /** Lets every second message pass the one ahead of it, so many times; of another priority none can. Answers how often. */
  swap(times: number): number {
    const taken: Delivery[] = []
    while (taken.length < 2 * times && this.length > 0) taken.push(this.takeHead())
    let swapped = 0
    for (let i = 1; i < taken.length; i += 2) {
      const [before, after] = [taken[i - 1] as Delivery, taken[i] as Delivery]
      if (this.#owner.rules.maxPriority !== undefined && !areEqual(before, after)) continue
      taken[i - 1] = new Delivery(after.message, before.position, after.deadline, after.history)
      taken[i] = new Delivery(before.message, after.position, before.deadline, before.history)
      swapped++
    }
    for (const entry of taken.reverse()) this.giveBack(entry, true)
    return swapped
  }

  /** Lets the expired at the head die, and waits for the next that will. */
  expire(): void {
    if (this.#store.headDeadline() === 0 || this.#back !== undefined) return
    this.#expiry ??= new HeadExpiry(this)
    this.#expiry.look()
  }

  expireHead(): void {
    this.#owner.die(this.takeHead().message, 'expired')
  }

  settleExpiry(): void {
    this.#owner.broker.settle()
  }

  /** Forgets the messages. */
  clear(): void {
    this.#histories = undefined
    const left = this.#store.length
    if (this.#owner.rules.removed !== undefined) while (this.#store.length > 0) this.takeHead()
    else {
      this.#store.clear()
      this.#owner.broker.becameLess(left)
    }
  }

  /** Lets go of the timer. */
  dispose(): void {
    this.#expiry?.clear()
  }

  /** A message was stored or put back. True when its publisher is to wait. */
  #becameReady(message: Message, deadline: number): boolean {
    this.#owner.broker.becameReady()
    let withheld = false
    const { stored } = this.#owner.rules
    if (stored !== undefined) {
      for (const hook of stored) if (hook.stored?.(message) === true) withheld = true
    } else if (this.#store.length === BACKLOG) this.#warnOfBacklog()
    // n.b. after the limits: whatever they drop is dropped, expired or not, and may uncover an expired head.
    // n.b. one at the head that was never to wait is this one, as those before it died when they came there: dead, it
    // makes no room by leaving later.
    if (withheld && deadline < 0 && this.#store.headDeadline() === deadline) withheld = false
    if (deadline !== 0 || stored !== undefined) this.expire()
    return withheld
  }

  #warnOfBacklog(): void {
    if (this.#warned) return
    this.#warned = true
    const { broker, name, virtualHost } = this.#owner
    const event = { virtualHost: virtualHost.name, name, ready: this.length }
    broker.defer({ run: () => broker.events.backlog(event) })
  }
}

function areEqual({ message }: Delivery, { message: other }: Delivery): boolean {
  return (message.properties.priority ?? 0) === (other.properties.priority ?? 0)
}
