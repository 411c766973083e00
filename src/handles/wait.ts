/** A promise that something waits on: it ends by the event, by the caller's signal or by a timeout, and leaves nothing behind. */
import { AbortError, TimeoutError } from '../errors.js'
import { type AbortSignalLike, onAbort, type Signal } from '../host.js'
import type { Timer, Timers } from '../timers.js'

/** What can end a wait besides its event. */
export interface WaitOptions {
  /** What is waited for, for the error. */
  readonly what: string
  readonly signal?: Signal | undefined
  /** Milliseconds. */
  readonly timeout?: number | undefined
  /** True when the broker has the message that is waited for. */
  readonly accepted?: boolean
  /** Called once, when signal or timeout ended the wait. */
  readonly ended?: () => void
}

export class Wait<T> {
  readonly promise: Promise<T>
  readonly #timers: Timers
  readonly #options: WaitOptions
  #resolve!: (value: T) => void
  #reject!: (error: unknown) => void
  #timer: Timer | undefined
  #stopListening: (() => void) | undefined
  #open = true

  constructor(timers: Timers, options: WaitOptions) {
    this.#timers = timers
    this.#options = options
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { what, signal, timeout, accepted } = options
    const abort = (): void => this.#end(new AbortError(what, (signal as AbortSignalLike).reason, accepted))
    if (isAborted(signal)) {
      abort()
      return
    }
    this.#stopListening = onAbort(signal, abort)
    if (timeout !== undefined) this.#timer = timers.after(timeout, () => this.#end(new TimeoutError(what, timeout)))
  }

  /** False when the wait is over. */
  get open(): boolean {
    return this.#open
  }

  resolve(value: T): void {
    if (this.#close()) this.#resolve(value)
  }

  reject(error: unknown): void {
    if (this.#close()) this.#reject(error)
  }

  #end(error: unknown): void {
    if (!this.#close()) return
    this.#reject(error)
    this.#options.ended?.()
  }

  #close(): boolean {
    if (!this.#open) return false
    this.#open = false
    if (this.#timer !== undefined) this.#timers.cancel(this.#timer)
    this.#stopListening?.()
    return true
  }
}

/** The promise, or an `AbortError` if the caller's signal is first. */
export function abortable<T>(
  promise: Promise<T>,
  timers: Timers,
  what: string,
  signal: Signal | undefined,
): Promise<T> {
  const wait = new Wait<T>(timers, { what, signal })
  promise.then(
    (value) => wait.resolve(value),
    (error) => wait.reject(error),
  )
  return wait.promise
}

/** True for a signal that is aborted. */
export function isAborted(signal: Signal | undefined): boolean {
  return (signal as AbortSignalLike | undefined)?.aborted === true
}

/** Throws the `AbortError` of a signal that is aborted already. */
export function checkNotAborted(what: string, signal: Signal | undefined): void {
  if (isAborted(signal)) throw new AbortError(what, (signal as AbortSignalLike).reason)
}
