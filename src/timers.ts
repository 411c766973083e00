/**
 * All timers of a broker on one armed platform timer: due ones fire in order of their time, then of arming. Thousands of
 * retries, delays and deadlines cost one `setTimeout`.
 */
import type { Clock } from './clock.js'
import { Heap } from './data/heap.js'
import type { TimerHandle } from './host.js'

/** The longest time a platform timer can be armed for; a longer wait is armed again. */
const LONGEST = 2 ** 31 - 1

/** How often `turnTime` answers without a look at the clock. */
const READS_PER_LOOK = 64

const resolved = Promise.resolve()

/** Anything that wants to be called at a time. Its owner may keep it to cancel it. */
export interface Timer {
  readonly due: number
  readonly order: number
  callback: (() => void) | undefined
}

export class Timers {
  readonly #clock: Clock
  readonly #queue = new Heap<Timer>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order))
  #order = 0
  #cancelled = 0
  #handle: TimerHandle | undefined
  /** What the armed timer fires for; nothing due later needs another. */
  #armedFor = Number.POSITIVE_INFINITY
  #keptAlive = 0
  #unreferenced = false
  #turnTime = 0
  #turnReads = 0
  #turnEnds = false
  readonly #fire = (): void => this.#fired()
  readonly #endTurn = (): void => {
    this.#turnReads = 0
    this.#turnEnds = false
  }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds on the broker's clock. */
  now(): number {
    return this.#clock.now()
  }

  /**
   * The time, read once in a while within a turn: for what may be off by the length of the turn. A look at a real clock
   * costs as much as half a delivery; a fake one costs nothing, and moves within a turn.
   */
  turnTime(): number {
    const steady = this.#clock.steady?.() === true
    if (steady && this.#turnReads > 0) {
      this.#turnReads--
      return this.#turnTime
    }
    this.#turnTime = this.now()
    if (steady) {
      this.#turnReads = READS_PER_LOOK
      if (!this.#turnEnds) {
        this.#turnEnds = true
        void resolved.then(this.#endTurn)
      }
    }
    return this.#turnTime
  }

  /** The time, and that of the turn as well until `pass`, which must follow: n.b. a turn of its own took a twentieth of a request. */
  stop(): number {
    this.#turnTime = this.now()
    this.#turnReads = this.#clock.steady?.() === true ? READS_PER_LOOK : 0
    return this.#turnTime
  }

  /** Time goes on after `stop`. */
  pass(): void {
    this.#turnReads = 0
  }

  /** Seconds since 1970. */
  wallTime(): number {
    return this.#clock.wallTime?.() ?? Math.floor(Date.now() / 1000)
  }

  /** Calls `callback` at `due` or as soon after it as the platform allows. */
  at(due: number, callback: () => void): Timer {
    const timer = { due, order: this.#order++, callback }
    this.#queue.push(timer)
    if (due < this.#armedFor) this.#arm()
    return timer
  }

  /** Calls `callback` in `ms` milliseconds. */
  after(ms: number, callback: () => void): Timer {
    return this.at(this.now() + ms, callback)
  }

  cancel(timer: Timer): void {
    if (timer.callback === undefined) return
    timer.callback = undefined
    // n.b. cancelled timers stay in the heap until they are half of it: taking one out of the middle costs a search.
    if (++this.#cancelled > 32 && this.#cancelled * 2 > this.#queue.length) {
      this.#queue.filter((queued) => queued.callback !== undefined)
      this.#cancelled = 0
    }
    this.#dropCancelled()
    if (this.#queue.length === 0) this.#disarm()
  }

  /** From now on until `letGo` the armed timer keeps the process alive: there is work that waits for it. */
  keepAlive(): void {
    if (++this.#keptAlive === 1 && !this.#unreferenced) this.#handle?.ref?.()
  }

  letGo(): void {
    if (--this.#keptAlive === 0) this.#handle?.unref?.()
  }

  /** True while timers keep the process alive. */
  get keepsAlive(): boolean {
    return this.#keptAlive > 0 && !this.#unreferenced
  }

  /** Never keeps the process alive again. */
  unref(): void {
    this.#unreferenced = true
    this.#handle?.unref?.()
  }

  /** Forgets every timer. */
  clear(): void {
    // n.b. their owners may still cancel them, which is to count for nothing.
    this.#queue.filter((timer) => {
      timer.callback = undefined
      return false
    })
    this.#cancelled = 0
    this.#disarm()
  }

  #arm(): void {
    this.#disarm()
    const next = this.#queue.peek()
    if (next === undefined) return
    const now = this.now()
    const wait = Math.min(Math.max(0, Math.ceil(next.due - now)), LONGEST)
    this.#armedFor = now + wait
    this.#handle = this.#clock.setTimeout(this.#fire, wait)
    if (!this.keepsAlive) this.#handle.unref?.()
  }

  #disarm(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    if (this.#handle === undefined) return
    this.#clock.clearTimeout(this.#handle)
    this.#handle = undefined
  }

  #fired(): void {
    this.#handle = undefined
    this.#turnReads = 0
    // n.b. what timers add while they run is armed for at the end, all at once.
    this.#armedFor = Number.NEGATIVE_INFINITY
    const now = this.now()
    try {
      for (let next = this.#queue.peek(); next !== undefined && next.due <= now; next = this.#queue.peek()) {
        this.#queue.pop()
        const { callback } = next
        next.callback = undefined
        if (callback === undefined) this.#cancelled--
        else callback()
      }
    } finally {
      this.#dropCancelled()
      this.#arm()
    }
  }

  #dropCancelled(): void {
    while (this.#queue.peek()?.callback === undefined && this.#queue.length > 0) {
      this.#queue.pop()
      this.#cancelled--
    }
  }
}
