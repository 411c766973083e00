/**
 * Expiry of a queue's messages: only the head expires, behind a live message nothing does (TTL-04), and it does so by
 * itself, without anybody asking (TTL-05).
 */
import type { Message } from '../message.js'
import type { Timer, Timers } from '../timers.js'

/** What expiry needs of its queue. */
export interface ExpiringQueue {
  readonly timers: Timers
  /** Deadline of the message that leaves next; 0 = never, or there is none. */
  readonly headDeadline: number
  /** The head is dead. */
  expireHead(): void
  /** Ends an operation that a timer began. */
  settleExpiry(): void
}

export class HeadExpiry {
  readonly #queue: ExpiringQueue
  #timer: Timer | undefined

  constructor(queue: ExpiringQueue) {
    this.#queue = queue
  }

  /** Lets the run of expired messages at the head die, and looks again when the next is due. */
  look(): void {
    const queue = this.#queue
    const now = queue.timers.now()
    let deadline = queue.headDeadline
    for (; deadline !== 0 && deadline <= now; deadline = queue.headDeadline) queue.expireHead()
    if (deadline !== 0) this.#lookAt(deadline)
  }

  clear(): void {
    if (this.#timer !== undefined) this.#queue.timers.cancel(this.#timer)
    this.#timer = undefined
  }

  #lookAt(deadline: number): void {
    // n.b. a timer that is armed too early looks again; moving it at every change of the head would cost a heap each.
    if (this.#timer !== undefined && this.#timer.due <= deadline) return
    this.clear()
    this.#timer = this.#queue.timers.at(deadline, () => {
      this.#timer = undefined
      this.look()
      this.#queue.settleExpiry()
    })
  }
}

/** How long a message may wait in a queue: the shorter of what it and the queue say (TTL-01); undefined = for ever. */
export function timeToLiveOf(message: Message, queueTtl: number | undefined): number | undefined {
  const { expiration } = message.properties
  if (expiration === undefined) return queueTtl
  return Math.min(Number(expiration), queueTtl ?? Number.POSITIVE_INFINITY)
}

/** Before any time of any clock; a small integer, as deadlines are. */
const PAST = -(2 ** 30)

/** Rounded up, so that no message expires early; 0 stands for never. A time to live of 0 is over already (TTL-06). */
export function deadlineAt(now: number, ttl: number): number {
  return ttl === 0 ? PAST : Math.ceil(now + ttl) || -1
}
