/** A clock that stands still: time passes when a test says so. No timer of the platform is ever armed. */
import { type Clock, Heap } from '../../internal.js'

type TimerHandle = ReturnType<Clock['setTimeout']>

interface Armed extends TimerHandle {
  readonly due: number
  readonly order: number
  callback: (() => void) | undefined
}

/** 2026-01-01T00:00:00Z: wall time at time 0 of the clock, in seconds. */
const EPOCH = 1_767_225_600

export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  readonly #timers = new Heap<Armed>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order))

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return EPOCH + Math.floor(this.#now / 1000)
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    const timer: Armed = { due: this.#now + ms, order: this.#order++, callback }
    this.#timers.push(timer)
    return timer
  }

  clearTimeout(handle: TimerHandle): void {
    ;(handle as Armed).callback = undefined
  }

  /** When the next timer is due; undefined when there is none. */
  get nextDue(): number | undefined {
    for (;;) {
      const next = this.#timers.peek()
      if (next === undefined) return undefined
      if (next.callback !== undefined) return next.due
      this.#timers.pop()
    }
  }

  /** Goes to this time, which is not before now, and calls what is due by then, in the order of its time and arming. */
  goTo(time: number): void {
    this.#now = Math.max(this.#now, time)
    for (let due = this.nextDue; due !== undefined && due <= this.#now; due = this.nextDue) {
      const { callback } = this.#timers.pop() as Armed
      callback?.()
    }
  }
}
