/** A message of a queue: where it stands, how often it came back, and, once somebody has it, the delivery itself. */
import { Delivery, type Settlement, type Settler } from '../delivery.js'
import type { Message } from '../message.js'
import type { Entry } from '../message-stores/message-store.js'
import type { QueueType } from '../queue-arguments/queue-argument.js'

/** The queue that a delivery belongs to. */
export interface HomeQueue {
  readonly name: string
  readonly type: QueueType
  /** A delivery was settled by its consumer. */
  settle(delivery: LocalDelivery, how: Settlement, reason?: unknown): void
  /** A delivery comes back because its consumer was lost. */
  takeBack(delivery: LocalDelivery): void
  /** Assigns nothing until `release`: what comes back together must all be back first, or order is lost. */
  suspend(): void
  release(): void
}

/** Who has a delivery: a consumer, or the taker of a `get`. */
export interface Recipient {
  readonly queue: HomeQueue
  readonly holder: Settler
  /** A delivery was settled or taken back: its credit is free. */
  settled(): void
  /** The broker ends the consumer. */
  end(reason: string): void
}

// n.b. one of these is made a message: every field costs eight bytes of garbage each.
export class LocalDelivery extends Delivery implements Entry {
  readonly position: number
  readonly deadline: number
  /** Twice the deliveries that failed, and one more when it was handed out before. */
  readonly #history: number
  /** Who has it; undefined while nobody has. */
  recipient: Recipient | undefined = undefined

  constructor(message: Message, position: number, deadline: number, history = 0) {
    super(message)
    this.position = position
    this.deadline = deadline
    this.#history = history
  }

  override get redelivered(): boolean {
    return (this.#history & 1) === 1
  }

  /** Earlier deliveries that failed. */
  get failures(): number {
    return this.#history >> 1
  }

  override get channel(): Settler {
    return (this.recipient as Recipient).holder
  }

  get queue(): HomeQueue {
    return (this.recipient as Recipient).queue
  }

  override get deliveryCount(): number | undefined {
    return this.queue.type === 'quorum' ? this.failures : undefined
  }

  override get attempts(): number {
    return this.failures + 1
  }

  /** When it was assigned; kept only for queues with a consumer timeout. */
  get assignedAt(): number {
    return this.lazy?.assignedAt ?? 0
  }

  set assignedAt(now: number) {
    this.lazy ??= {}
    this.lazy.assignedAt = now
  }

  /** The entry that goes back to the queue in place of this delivery, which its consumer may still look at. */
  again(failures: number, redelivered: boolean): LocalDelivery {
    return new LocalDelivery(this.message, this.position, this.deadline, failures * 2 + (redelivered ? 1 : 0))
  }
}
