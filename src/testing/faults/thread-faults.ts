/** Threads that are stopped, with what they were about to say. */
import type { Delivery, QueueState, Saying, TrackedQueue, TrackedThread } from '../../internal.js'
import { TestFailedError } from '../errors.js'
import { connectionOf, type Threads, type WhichThread } from '../log/threads.js'
import { isConsumer } from './connection-faults.js'
import { Fault, firedBy, type Interference, isSameQueue } from './fault.js'

/** Stops those that are there. @throws TestFailedError when there is none. */
export function stopNow(threads: readonly TrackedThread[]): Fault {
  const alive = threads.filter(({ gone }) => !gone)
  if (alive.length === 0) throw new TestFailedError('stopWorker: every thread is gone already')
  for (const thread of alive) thread.stop()
  return firedBy('stopWorker', alive.length)
}

/** When a thread is stopped, and which. */
export interface StopPoint {
  readonly when: 'before delivery' | 'after delivery' | 'after ack' | 'during post' | 'during declare'
  readonly thread: WhichThread
  /** Of the delivery. */
  readonly queue: TrackedQueue | undefined
}

/** Stops threads as they do something. */
export class StoppedWorkers extends Fault implements Interference {
  readonly #point: StopPoint
  readonly #threads: Threads

  /** Made by `kit.faults`. @hidden */
  constructor(what: string, times: number, site: string | undefined, point: StopPoint, threads: Threads) {
    super(what, times, site)
    this.#point = point
    this.#threads = threads
  }

  entering(delivery: Delivery): void {
    const { when } = this.#point
    if (when !== 'before delivery' && when !== 'after delivery') return
    const { recipient } = delivery
    if (!isConsumer(recipient) || !this.#concerns(delivery)) return
    const connection = connectionOf(recipient)
    const thread = this.#threads.of(connection)
    if (thread === undefined || !this.#strikes(thread)) return
    if (when === 'before delivery') thread.stop()
    else thread.stopInHandlers(connection)
  }

  hears(thread: TrackedThread, { nth, acked, declares }: Saying): boolean {
    const { when } = this.#point
    const isIt =
      (when === 'during post' && nth > 0) ||
      (when === 'during declare' && declares) ||
      (when === 'after ack' && this.#concerns(acked()))
    if (!isIt || !this.#strikes(thread)) return true
    thread.stop()
    // n.b. what it declares is there, and only the answer is not.
    return when === 'during declare'
  }

  #strikes(thread: TrackedThread): boolean {
    return !thread.gone && this.#point.thread(thread) && this.fire()
  }

  #concerns(delivery: Delivery | undefined): boolean {
    const { queue } = this.#point
    return delivery !== undefined && (queue === undefined || isSameQueue(delivery.queue as QueueState, queue))
  }
}
