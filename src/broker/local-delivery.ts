/** A message of a queue: where it stands, how often it failed, and, once a consumer has it, the delivery itself. */
import { Delivery, type Settlement } from '../delivery.js'
import type { Message } from '../message.js'
import type { Entry } from '../message-stores/message-store.js'
import type { QueueType } from '../queue-arguments/queue-argument.js'

/** The queue that a delivery belongs to. */
export interface HomeQueue {
  readonly name: string
  readonly type: QueueType
  /** A delivery was settled by its consumer. */
  settle(delivery: LocalDelivery, how: Settlement): void
  /** A delivery comes back because its consumer was lost. */
  takeBack(delivery: LocalDelivery): void
  /** Assigns nothing until `release`: what comes back together must all be back first, or order is lost. */
  suspend(): void
  release(): void
}

/** The consumer that has a delivery. */
export interface HoldingConsumer {
  /** A delivery was settled or taken back: its credit is free. */
  settled(): void
  /** The broker ends the consumer. */
  end(reason: string): void
}

export class LocalDelivery extends Delivery implements Entry {
  readonly queue: HomeQueue
  readonly position: number
  readonly deadline: number
  /** Earlier deliveries that failed. */
  readonly failures: number
  /** The consumer that has it; undefined for a `get`. */
  consumer: HoldingConsumer | undefined = undefined
  /** When it was assigned; kept only for queues with a consumer timeout. */
  assignedAt = 0

  constructor(
    message: Message,
    queue: HomeQueue,
    position: number,
    deadline: number,
    failures: number,
    redelivered: boolean,
  ) {
    super(message, redelivered)
    this.queue = queue
    this.position = position
    this.deadline = deadline
    this.failures = failures
  }

  override get deliveryCount(): number | undefined {
    return this.queue.type === 'quorum' ? this.failures : undefined
  }

  override get attempts(): number {
    return this.failures + 1
  }

  /** The entry that goes back to the queue in place of this delivery, which its consumer may still look at. */
  again(failures: number, redelivered: boolean): LocalDelivery {
    return new LocalDelivery(this.message, this.queue, this.position, this.deadline, failures, redelivered)
  }
}
