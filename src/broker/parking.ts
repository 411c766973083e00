/**
 * Messages that wait on a timer for one queue: retries that back off, and delayed sends on their way to it. While the
 * queue has a consumer they are work, and keep the process alive.
 */
import type { Message } from '../message.js'
import type { Timer, Timers } from '../timers.js'

export class Parking {
  readonly #timers: Timers
  readonly #parked = new Map<Timer, Message>()
  /** Delayed sends that will be routed here; they are parked elsewhere. */
  #expected = 0
  #attended: boolean
  #keepsAlive = false

  constructor(timers: Timers, attended: boolean) {
    this.#timers = timers
    this.#attended = attended
  }

  get length(): number {
    return this.#parked.size
  }

  messages(): Iterable<Message> {
    return this.#parked.values()
  }

  /** Calls `due` in `delay` ms. */
  add(delay: number, message: Message, due: () => void): void {
    const timer = this.#timers.after(delay, () => {
      this.#parked.delete(timer)
      this.#update()
      due()
    })
    this.#parked.set(timer, message)
    this.#update()
  }

  /** One delayed send more, or less, will be routed here. */
  expect(change: 1 | -1): void {
    this.#expected += change
    this.#update()
  }

  setAttended(attended: boolean): void {
    this.#attended = attended
    this.#update()
  }

  clear(): void {
    for (const timer of this.#parked.keys()) this.#timers.cancel(timer)
    this.#parked.clear()
    this.#expected = 0
    this.#update()
  }

  #update(): void {
    const keepsAlive = this.#attended && this.#parked.size + this.#expected > 0
    if (keepsAlive === this.#keepsAlive) return
    this.#keepsAlive = keepsAlive
    if (keepsAlive) this.#timers.keepAlive()
    else this.#timers.letGo()
  }
}
