/**
 * Where time comes from. Deadlines are milliseconds on a clock that never goes back; wall time is used for nothing but
 * `x-death` and timestamps.
 */
import { host, type TimerHandle } from './host.js'

/** A source of time and of one timer. Pass your own as the broker's `clock` to drive time by hand. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number
  /** Seconds since 1970 for `x-death`; defaults to `Date.now()`. */
  wallTime?(): number
  /** Calls `callback` once, `ms` from now at the earliest (at most 2^31 - 1). */
  setTimeout(callback: () => void, ms: number): TimerHandle
  /** Takes a timer back. */
  clearTimeout(handle: TimerHandle): void
  /** Changes its value when timers armed before no longer fire, as fake timers do when they are installed. */
  generation?(): unknown
  /** True while time passes by itself, so that it may be read once for several uses within a turn. */
  steady?(): boolean
}

interface Fakeable {
  readonly clock?: { readonly now: number }
}

/**
 * The clock of the platform, looked up at call time, so that the fake timers of a test runner work whenever they are
 * installed: @sinonjs/fake-timers (Vitest, Jest) leaves its clock on the functions it puts in place, node:test marks
 * `Date`. When the source of time changes, this clock goes on from where it was.
 */
export class PlatformClock implements Clock {
  #source: unknown
  #offset = 0
  #last = 0
  #clear: ((handle: TimerHandle) => void) | undefined

  now(): number {
    const timer = host.setTimeout as Fakeable & typeof host.setTimeout
    const fake = timer.clock
    const reading = fake !== undefined ? fake.now : isMockDate() ? Date.now() : host.performance.now()
    if (timer !== this.#source) {
      this.#source = timer
      this.#offset = this.#last - reading
    }
    const now = reading + this.#offset
    // n.b. a timer that was moved by hand can put the fake clock back (setSystemTime); time here stands still instead.
    if (now > this.#last) this.#last = now
    return this.#last
  }

  wallTime(): number {
    return Math.floor(Date.now() / 1000)
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    this.#clear = host.clearTimeout
    return host.setTimeout(callback, ms)
  }

  clearTimeout(handle: TimerHandle): void {
    // n.b. the handle belongs to the functions it came from: the fake `clearTimeout` throws on a real handle.
    this.#clear?.call(globalThis, handle)
  }

  generation(): unknown {
    return host.setTimeout
  }

  steady(): boolean {
    return (host.setTimeout as Fakeable).clock === undefined && !isMockDate()
  }
}

function isMockDate(): boolean {
  return (Date as { readonly isMock?: boolean }).isMock === true
}
