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
  /** Calls `callback` once, when `now()` is `ms` (at most 2^31 - 1) further on. */
  setTimeout(callback: () => void, ms: number): TimerHandle
  /** Takes a timer back. */
  clearTimeout(handle: TimerHandle): void
  /** True while time passes by itself, so that it may be read once for several uses within a turn. */
  steady?(): boolean
}

/** Platform timers may fire this much early; past that the clock, not the timer, is behind. */
const EARLY = 2

/**
 * The clock of the platform, looked up at call time, so that the fake timers of a test runner work whenever they are
 * installed. When the source of time changes, this clock goes on from where it was, and so do its timers: they are
 * armed again, with what was left of them, the next time that it is asked for anything.
 */
export class PlatformClock implements Clock {
  #source: object | undefined
  #read: () => number = () => 0
  #offset = 0
  #last = 0
  readonly #armed = new Set<PlatformTimer>()

  now(): number {
    const source = timeSource()
    if (source !== this.#source) this.#follow(source)
    let now = this.#read() + this.#offset
    if (now < this.#last) {
      // n.b. the source was put back: its timers were cleared (`clearAllTimers`), or its date set. Time here goes on.
      now = this.#goOnFrom(this.#last)
      this.#armAgain()
    }
    this.#last = now
    return now
  }

  wallTime(): number {
    return Math.floor(Date.now() / 1000)
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    const timer = new PlatformTimer(this.now() + ms, callback)
    this.#armed.add(timer)
    this.#arm(timer, ms)
    return timer
  }

  clearTimeout(handle: TimerHandle): void {
    const timer = handle as PlatformTimer
    if (!this.#armed.delete(timer)) return
    // n.b. a fake timer is cleared only while its fake is in place: one of node:test that is cleared later breaks the next.
    if (timeSource() === this.#source) host.clearTimeout(timer.handle as TimerHandle)
    else timer.disown()
  }

  steady(): boolean {
    const source = timeSource()
    return source === this.#source && source === host.setTimeout
  }

  #follow(source: object): void {
    this.#source = source
    this.#read = readerOf(source)
    // n.b. a whole number, as fake times are: what is due at a fraction of a millisecond is then due at the next tick.
    if (isSinonClock(source)) this.#offset = Math.ceil(this.#last)
    else this.#goOnFrom(this.#last)
    this.#armAgain()
  }

  /** Makes what the source reads now the time `from`, and answers it. */
  #goOnFrom(from: number): number {
    const now = Math.ceil(from)
    this.#offset = now - this.#read()
    return now
  }

  #arm(timer: PlatformTimer, ms: number): void {
    const handle = host.setTimeout(() => {
      const now = this.now()
      // n.b. the timer was armed again meanwhile, or just now, because the source had changed.
      if (timer.handle !== handle) return
      this.#armed.delete(timer)
      // Where only `setTimeout` is faked no clock can be read: that a timer fires is proof that its time has come.
      if (timer.due - now > EARLY) this.#offset += timer.due - now
      timer.callback()
    }, ms)
    timer.own(handle)
  }

  #armAgain(): void {
    const now = this.#read() + this.#offset
    for (const timer of this.#armed) {
      timer.disown()
      this.#arm(timer, Math.max(0, Math.ceil(timer.due - now)))
    }
  }
}

/** A timer that keeps its time, and whether it keeps the process alive, whatever it is armed on. */
class PlatformTimer implements TimerHandle {
  readonly due: number
  readonly callback: () => void
  handle: TimerHandle | undefined
  #referenced = true

  constructor(due: number, callback: () => void) {
    this.due = due
    this.callback = callback
  }

  own(handle: TimerHandle): void {
    this.handle = handle
    if (!this.#referenced) handle.unref?.()
  }

  /** Leaves the platform's timer to itself: it may still fire, and is ignored then. */
  disown(): void {
    this.handle?.unref?.()
    this.handle = undefined
  }

  ref(): void {
    this.#referenced = true
    this.handle?.ref?.()
  }

  unref(): void {
    this.#referenced = false
    this.handle?.unref?.()
  }
}

/** The clock that @sinonjs/fake-timers (Vitest, Jest) leaves on the functions it puts in place. */
interface SinonClock {
  readonly now: number
  /** Time since the fake was installed, which `setSystemTime` does not change. */
  readonly performance?: { now(): number }
}

interface FakeableTimer {
  readonly clock?: SinonClock
  readonly name: string
}

/** What time comes from at the moment: another object for every fake that is installed. */
function timeSource(): object {
  const timer = host.setTimeout as typeof host.setTimeout & FakeableTimer
  if (timer.clock !== undefined) return timer.clock
  // n.b. node:test puts the same `setTimeout` in place every time, and another `Date`; `Date` alone fakes no timers.
  if ((Date as { readonly isMock?: boolean }).isMock === true && timer.name !== 'setTimeout') return Date
  return timer
}

function isSinonClock(source: object): source is SinonClock {
  return typeof source === 'object'
}

function readerOf(source: object): () => number {
  if (source === Date) return Date.now
  if (!isSinonClock(source)) {
    const { performance } = host
    return () => performance.now()
  }
  const { performance, now } = source
  return performance === undefined ? () => source.now - now : () => performance.now()
}
