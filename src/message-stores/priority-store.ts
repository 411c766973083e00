/**
 * A queue with `maxPriority`: one first-in first-out store a level, highest level first (PRI-01). The head, which
 * expires and which `drop-head` drops, is the head of the highest level that holds a message (TTL-11, LEN-13).
 */
import type { Message } from '../message.js'
import { FifoStore } from './fifo-store.js'
import type { Entry, EntryFactory, MessageStore, Stored } from './message-store.js'

export class PriorityStore<E extends Entry> implements MessageStore<E> {
  readonly #levels: FifoStore<E>[]
  #length = 0

  /** `highest` is the queue's `x-max-priority`; 0 acts as 1 (QA-07). */
  constructor(entries: EntryFactory<E>, highest: number) {
    this.#levels = Array.from({ length: Math.max(1, highest) + 1 }, () => new FifoStore<E>(entries, 'position'))
  }

  get length(): number {
    return this.#length
  }

  claim(message: Message): number {
    return this.#level(message).claim(message)
  }

  push(message: Message, deadline: number): void {
    this.#level(message).push(message, deadline)
    this.#length++
  }

  giveBack(entry: E): void {
    this.#level(entry.message).giveBack(entry)
    this.#length++
  }

  headDeadline(): number {
    return this.#highest()?.headDeadline() ?? 0
  }

  shift(): E {
    this.#length--
    return (this.#highest() as FifoStore<E>).shift()
  }

  clear(): void {
    for (const level of this.#levels) level.clear()
    this.#length = 0
  }

  *stored(): Iterable<Stored> {
    for (let level = this.#levels.length - 1; level >= 0; level--) yield* (this.#levels[level] as FifoStore<E>).stored()
  }

  #level(message: Message): FifoStore<E> {
    const priority = Math.min(message.properties.priority ?? 0, this.#levels.length - 1)
    return this.#levels[priority] as FifoStore<E>
  }

  #highest(): FifoStore<E> | undefined {
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const store = this.#levels[level] as FifoStore<E>
      if (store.length > 0) return store
    }
    return undefined
  }
}
