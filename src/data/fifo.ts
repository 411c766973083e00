/**
 * A first-in first-out list in chunks: it grows by a chunk at a time and never copies what it holds, however long it
 * gets. Empty, it costs one object; its first chunk is small, later ones are of `CHUNK` slots.
 */
const FIRST_CHUNK = 16
const CHUNK = 1024

interface Chunk<T> {
  readonly slots: (T | undefined)[]
  next: Chunk<T> | undefined
}

export class Fifo<T> {
  #head: Chunk<T> | undefined
  #tail: Chunk<T> | undefined
  #headIndex = 0
  #tailIndex = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    let tail = this.#tail
    if (tail === undefined) {
      tail = { slots: new Array<T | undefined>(FIRST_CHUNK), next: undefined }
      this.#head = this.#tail = tail
    } else if (this.#tailIndex === tail.slots.length) {
      const next = { slots: new Array<T | undefined>(CHUNK), next: undefined }
      tail.next = next
      this.#tail = tail = next
      this.#tailIndex = 0
    }
    tail.slots[this.#tailIndex++] = item
    this.#length++
  }

  /** Puts an item in front of the oldest. */
  unshift(item: T): void {
    const head = this.#head
    if (this.#length === 0 || head === undefined) {
      this.push(item)
      return
    }
    // n.b. only the first chunk may begin elsewhere than at its first slot.
    const rest = this.#headIndex === 0 ? head : { slots: head.slots.slice(this.#headIndex), next: head.next }
    if (head === this.#tail) {
      this.#tail = rest
      this.#tailIndex -= this.#headIndex
    }
    this.#head = { slots: [item], next: rest }
    this.#headIndex = 0
    this.#length++
  }

  /** The oldest item, left in place. */
  peek(): T | undefined {
    return this.#head?.slots[this.#headIndex]
  }

  /** Takes the oldest item. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const head = this.#head as Chunk<T>
    const item = head.slots[this.#headIndex]
    head.slots[this.#headIndex++] = undefined
    if (--this.#length === 0) {
      this.#headIndex = this.#tailIndex = 0
    } else if (this.#headIndex === head.slots.length) {
      this.#head = head.next
      this.#headIndex = 0
    }
    return item
  }

  clear(): void {
    this.#head = this.#tail = undefined
    this.#headIndex = this.#tailIndex = this.#length = 0
  }

  *[Symbol.iterator](): Iterator<T> {
    let index = this.#headIndex
    let left = this.#length
    for (let chunk = this.#head; chunk !== undefined && left > 0; chunk = chunk.next) {
      for (; index < chunk.slots.length && left > 0; index++, left--) yield chunk.slots[index] as T
      index = 0
    }
  }
}
