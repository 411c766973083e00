/**
 * What comes back to a queue: requeued, failed, or with the consumer or channel that had it. It waits first, goes to its
 * place, or dies of one delivery too many.
 */
import type { Arguments } from '../arguments.js'
import type { Compatibility } from '../declarations.js'
import type { Delivery, Settlement } from '../delivery.js'
import type { Message } from '../message.js'
import type { DeathReason, QueueType } from '../queue-arguments/queue-argument.js'
import type { MessageEventName } from './events.js'
import type { Parking } from './parking.js'
import type { QueueCounters } from './queue-counters.js'
import type { QueueRules } from './queue-rules.js'
import type { ReadyMessages } from './ready-messages.js'

/** The queue that deliveries come back to. */
export interface ReturnsOwner {
  readonly type: QueueType
  readonly compatibility: Compatibility
  readonly arguments: Arguments
  readonly rules: QueueRules
  readonly counters: QueueCounters
  readonly parking: Parking
  readonly deleted: boolean
  /** A message of the queue ends. */
  die(message: Message, reason: DeathReason, cause?: unknown): void
  /** Tells those who listen. */
  report(name: MessageEventName, message: Message, reason?: unknown): void
  /** What was parked is ready again. */
  unparked(): void
}

export class Returns {
  readonly #queue: ReturnsOwner
  readonly #ready: ReadyMessages
  /** While deliveries come back together: those that were never handed over. */
  #unhanded: Delivery[] | undefined

  constructor(queue: ReturnsOwner, ready: ReadyMessages) {
    this.#queue = queue
    this.#ready = ready
  }

  /** True from `suspend` to `release`. */
  get suspended(): boolean {
    return this.#unhanded !== undefined
  }

  /** Before 4.3 what was given back went behind everything else, in quorum queues without a delivery limit. */
  get #toTail(): boolean {
    const { compatibility, type, arguments: args } = this.#queue
    return compatibility === '3.10' && type === 'quorum' && args['x-delivery-limit'] === undefined
  }

  /** Drops nothing until `release`, and puts back last what was never handed over. */
  suspend(): void {
    this.#unhanded = []
    this.#ready.suspend()
  }

  release(): void {
    const unhanded = this.#unhanded ?? []
    this.#unhanded = undefined
    if (this.#queue.deleted) return
    for (const delivery of unhanded) if (delivery.recipient?.tentative !== true) this.putBack(delivery)
    // n.b. what was looked at was at the head: it goes ahead of all that came back, the last one first.
    for (const delivery of unhanded.reverse()) if (delivery.recipient?.tentative === true) this.putBack(delivery, true)
    this.#ready.release()
  }

  /** A delivery comes back because its consumer was lost. */
  takeBack(delivery: Delivery): void {
    if (delivery.recipient?.tentative === true) this.#unhanded?.push(delivery)
    else if (!this.#queue.deleted) this.comeBack(delivery, 'retry', undefined, true)
    delivery.recipient?.settled()
  }

  /** A consumer is gone that was assigned these, and nobody saw them. */
  takeUnhanded(unhanded: readonly Delivery[]): void {
    for (const delivery of unhanded) {
      // n.b. what was handed over is older, and goes back first (ACK-11).
      if (this.#unhanded !== undefined) this.#unhanded.push(delivery)
      else this.putBack(delivery)
    }
  }

  /** A delivery was never handed over: back to its place, as if it had not been assigned. */
  putBack(delivery: Delivery, first?: boolean): void {
    if (this.#queue.deleted) return
    this.#ready.giveBack(delivery.again(delivery.failures, delivery.redelivered), first)
  }

  /** A delivery was given back by its consumer, or was `lost` with it. */
  comeBack(delivery: Delivery, how: Settlement, reason?: unknown, lost = false): void {
    const queue = this.#queue
    // QQ-05: before 4.3 a plain requeue counts as well.
    const fails = how === 'retry' || queue.compatibility === '3.10'
    const failures = fails ? delivery.failures + 1 : delivery.failures
    let delay = 0
    for (const hook of queue.rules.hooks) {
      const fate = hook.comesBack?.(failures, how)
      if (fate === 'delivery_limit') {
        queue.die(delivery.message, fate, reason)
        return
      }
      if (fate !== undefined) delay = fate
    }
    queue.counters.requeued++
    queue.report('requeued', delivery.message, reason)
    const entry = delivery.again(failures, true)
    if (delay > 0) this.#park(entry, delay)
    else if (this.#toTail && !lost) this.#ready.giveBackToTail(entry)
    else this.#ready.giveBack(entry)
  }

  #park(entry: Delivery, delay: number): void {
    this.#queue.parking.add(delay, entry.message, () => {
      this.#ready.unpark(entry)
      this.#queue.unparked()
    })
    this.#ready.parked(entry)
  }
}
