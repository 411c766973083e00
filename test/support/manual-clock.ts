/** A clock driven by hand: time passes when a test says so, and every timer that was armed is counted. */
import type { Clock, TimerHandle } from 'leveret'

interface Armed extends TimerHandle {
  readonly due: number
  readonly callback: () => void
}

/** 2026-01-01T00:00:00Z: wall time at time 0 of the clock, in seconds. */
const EPOCH = 1_767_225_600

export class ManualClock implements Clock {
  /** Timers that were armed since the clock was made. */
  armed = 0
  #now = 0
  #timers: Armed[] = []

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return EPOCH + Math.floor(this.#now / 1000)
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    this.armed++
    const timer: Armed = { due: this.#now + ms, callback }
    this.#timers.push(timer)
    return timer
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers = this.#timers.filter((timer) => timer !== handle)
  }

  /** Timers that are armed now. */
  get pending(): number {
    return this.#timers.length
  }

  /** Lets `ms` milliseconds pass; what is due on the way is called at its time, in order. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#now = next.due
      this.clearTimeout(next)
      next.callback()
    }
    this.#now = until
  }

  #next(until: number): Armed | undefined {
    return this.#timers.filter((timer) => timer.due <= until).sort((a, b) => a.due - b.due)[0]
  }
}
