/**
 * The iterator of a consumer, over deliveries or batches, written by hand: `return()` of a generator would wait behind a
 * pending `next()`. It pulls: deliveries stay with the broker until a `next()` takes them, so that what was not taken can
 * go back as if unseen.
 */
import type { DeliverySink } from './attachment.js'
import type { DeliverySource } from './delivery-source.js'

interface Waiting<Item> {
  resolve(result: IteratorResult<Item, undefined>): void
  reject(error: unknown): void
}

export class DeliveryIterator<Item> implements AsyncIterableIterator<Item>, DeliverySink {
  /** @internal */
  readonly scoped = false
  readonly #source: DeliverySource<Item>
  #waiting: Waiting<Item>[] = []
  #ended = false
  #error: unknown

  constructor(source: DeliverySource<Item>) {
    this.#source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#ended) return this.#over()
    if (this.#waiting.length === 0) {
      const value = this.#source.take()
      if (value !== undefined) return Promise.resolve({ value, done: false })
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    if (!this.#ended) {
      this.end()
      this.#source.leave()
    }
    return Promise.resolve({ value: undefined, done: true })
  }

  throw(error?: unknown): Promise<IteratorResult<Item, undefined>> {
    void this.return()
    return Promise.reject(error)
  }

  /** There is something to take. */
  ready(): void {
    while (this.#waiting.length > 0) {
      const value = this.#source.take()
      if (value === undefined) return
      this.#waiting.shift()?.resolve({ value, done: false })
    }
  }

  /** The consumer ended by its owner's wish. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    const waiting = this.#waiting
    this.#waiting = []
    for (const { resolve } of waiting) resolve({ value: undefined, done: true })
  }

  /** The broker ended the consumer: whoever waits hears of it, else whoever asks next. */
  fail(error: unknown): boolean {
    if (this.#ended) return true
    const waiting = this.#waiting
    this.#waiting = []
    this.#ended = true
    if (waiting.length === 0) this.#error = error
    for (const { reject } of waiting) reject(error)
    return true
  }

  #over(): Promise<IteratorResult<Item, undefined>> {
    const error = this.#error
    this.#error = undefined
    return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error)
  }
}
