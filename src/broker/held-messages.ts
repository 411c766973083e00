/** Messages that exchanges hold until they are due, by exchange: they go with it. */
import type { Timer, Timers } from '../timers.js'
import type { ExchangeState } from './exchange-state.js'
import type { QueueState } from './queue-state.js'

interface HeldMessage {
  timer: Timer | undefined
  /** Where it would go now: what waits for a queue with a consumer keeps the process alive. */
  queues: readonly QueueState[]
}

export class HeldMessages {
  readonly #timers: Timers
  readonly #byExchange = new Map<ExchangeState, Set<HeldMessage>>()
  #length = 0

  constructor(timers: Timers) {
    this.#timers = timers
  }

  get length(): number {
    return this.#length
  }

  lengthOf(exchange: ExchangeState): number {
    return this.#byExchange.get(exchange)?.size ?? 0
  }

  /** Calls `due` in `delay` ms; until then these queues expect the message, once the function that is answered names them. */
  add(exchange: ExchangeState, delay: number, due: () => void): (queues: readonly QueueState[]) => void {
    let messages = this.#byExchange.get(exchange)
    if (messages === undefined) {
      messages = new Set()
      this.#byExchange.set(exchange, messages)
    }
    const held: HeldMessage = { timer: undefined, queues: [] }
    held.timer = this.#timers.after(delay, () => {
      messages.delete(held)
      if (messages.size === 0) this.#byExchange.delete(exchange)
      this.#end(held)
      due()
    })
    messages.add(held)
    this.#length++
    return (queues) => {
      if (!messages.has(held)) return
      held.queues = queues
      for (const queue of queues) queue.parking.expect(1)
    }
  }

  /** Drops the messages of an exchange, and answers how many there were. */
  forget(exchange: ExchangeState): number {
    const messages = this.#byExchange.get(exchange)
    if (messages === undefined) return 0
    this.#byExchange.delete(exchange)
    for (const held of messages) {
      if (held.timer !== undefined) this.#timers.cancel(held.timer)
      this.#end(held)
    }
    const count = messages.size
    messages.clear()
    return count
  }

  #end({ queues }: HeldMessage): void {
    this.#length--
    for (const queue of queues) if (!queue.deleted) queue.parking.expect(-1)
  }

  clear(): void {
    for (const exchange of [...this.#byExchange.keys()]) this.forget(exchange)
  }
}
