/** What the parts of a broker share, whatever virtual host they are in. Implemented by `BrokerState`. */
import type { BindingDeclaration, Compatibility, ExchangeDeclaration, QueueDeclaration } from '../declarations.js'
import type { Delivery, Settlement } from '../delivery.js'
import type { LeveretError } from '../errors.js'
import type { ExchangeType } from '../exchange-types/exchange-type.js'
import type { Message } from '../message.js'
import type { DeathReason, QueueHooks, WithheldConfirm } from '../queue-arguments/queue-argument.js'
import type { QueueArguments } from '../queue-arguments/registry.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { Timers } from '../timers.js'
import type { HandleTracker } from '../tracker.js'
import type { BrokerEventName, BrokerEvents, Events, MessageEvent, MessageEventName } from './events.js'

/** A queue as a tracker sees it. */
export interface TrackedQueue {
  readonly name: string
  readonly virtualHost: { readonly name: string }
}

/** A declaration, by what is declared. */
export type Declaring =
  | { readonly queue: QueueDeclaration }
  | { readonly exchange: ExchangeDeclaration }
  | { readonly binding: BindingDeclaration }

/** A connection of another thread, as a tracker sees it. */
export interface TrackedWire {
  /** What stands for the virtual host at the other end. */
  readonly home: string
}

/** Another thread that is served, or what stands for one, as a tracker sees it. */
export interface TrackedThread {
  /** What its connections are to be called; undefined where nobody said. */
  readonly name: string | undefined
  /** True once it is stopped, or served no longer. */
  readonly gone: boolean
  /** By the connections that they are here. */
  readonly wires: ReadonlyMap<object, TrackedWire>
  /** Ends it without a word, as a crash does. What it says from now on does not arrive. */
  stop(): void
  /** The same as soon as it has handed over what was sent to it so far: to handlers, of whom nothing arrives any more. */
  stopInHandlers(connection: object): void
}

/** Something that another thread says. */
export interface Saying {
  /** Which of the publishes and settlements of its post, from 0. */
  readonly nth: number
  /** The delivery that is acknowledged by it. */
  acked(): Delivery | undefined
  /** It declares a queue, an exchange or a binding, and waits until that is done. */
  readonly declares: boolean
}

/** Follows a message from its publish into the handlers it causes; installed by test kits, else absent. */
export interface Tracker extends HandleTracker {
  /** A message was routed to these queues and is about to be enqueued. May answer who withholds its confirm. */
  published(
    virtualHost: string,
    message: Message,
    queues: readonly TrackedQueue[],
  ): ((confirm: WithheldConfirm) => void) | undefined
  /** A publish waits for this confirm, for as long as that is open. */
  withheld(confirm: WithheldConfirm, message: Message): void
  /** A message is published when so many ms have passed; `published` follows then. */
  delayed(virtualHost: string, message: Message, delay: number): void
  /** A message died in a queue, and its dead letter went to others. */
  deadLettered(
    letter: Message,
    message: Message,
    from: TrackedQueue,
    to: readonly TrackedQueue[],
    why: DeathReason,
  ): void
  /** A delivery is about to be handed over. */
  entering(delivery: Delivery): void
  /** These were on their way to another thread, where nobody saw them: as if they had not been handed over. */
  untaken(deliveries: readonly Delivery[]): void
  /** A consumer is cancelled. */
  ended(subscription: object): void
  /** The consumer has settled it. Nothing is said of one that needs no settlement, or that the broker took back. */
  left(delivery: Delivery): void
  /** A consumer settled a delivery that it had settled before. */
  settledTwice(delivery: Delivery, how: Settlement): void
  /** Something else happened to a message, as the diagnostics channels tell; by a delivery's settlement or by time. */
  happened(name: MessageEventName, event: MessageEvent): void
  /** A queue, exchange or binding is about to be declared, be it there or not. */
  declaring(virtualHost: string, what: Declaring): void
  /** An error of a client closed its channel, or its connection. */
  failed(connection: string, error: LeveretError): void
  /** Another thread is served. */
  serving(thread: TrackedThread): void
  /** A thread says something over a connection, which is performed unless it does not arrive. */
  hears(thread: TrackedThread, connection: object, saying: Saying, perform: () => void): void
  /** What is to be done to a queue, beside its arguments. */
  hooksOf(queue: TrackedQueue): readonly QueueHooks[]
}

export interface BrokerServices {
  readonly events: Events
  readonly scheduler: Scheduler
  readonly timers: Timers
  readonly exchangeTypes: ReadonlyMap<string, ExchangeType>
  readonly queueArguments: QueueArguments
  readonly tracker: Tracker | undefined
  /** True while a publish takes more than routing: an alarm is on, or a tracker follows. */
  readonly watched: boolean
  readonly compatibility: Compatibility
  readonly users: {
    /** True when anybody has topic permissions on this exchange. */
    guard(virtualHost: string, exchange: string): boolean
  }
  /** True while the broker holds more ready messages than its high watermark. */
  readonly alarmed: boolean
  /** Takes a confirm until the broker is below its high watermark again. */
  withhold(confirm: WithheldConfirm): void
  /** A ready message more. */
  becameReady(): void
  /** Ready messages less. */
  becameLess(by: number): void
  /**
   * Puts off what a running operation caused (a dead letter, an event of a message) until the operation is complete:
   * nothing may change queues, or call listeners, in the middle of a publish.
   */
  defer(task: Task): void
  /** Emits an event when the running operation is complete. Its payload is made only when anybody listens. */
  announce<Name extends BrokerEventName>(name: Name, payload: () => BrokerEvents[Name][0]): void
  /** Ends an operation: runs what it put off, in order, and what that puts off in turn. */
  settle(): void
  /** Something came to its end in no operation: whoever waits for the broker to come to rest looks again, later. */
  rested(): void
}
