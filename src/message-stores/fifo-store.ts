/**
 * Messages in order of arrival. A fresh message costs a slot, no object: its position follows from the counts, its
 * deadline stands in a column that chunks have only when a message of theirs has one.
 *
 * What was delivered and came back stands apart and leaves first: everything that ever left the store is older than
 * everything that is still in it.
 */
import { Fifo } from '../data/fifo.js'
import { Heap } from '../data/heap.js'
import type { Message } from '../message.js'
import type { Entry, EntryFactory, MessageStore, Stored } from './message-store.js'

const FIRST_CHUNK = 16
const CHUNK = 1024

interface Chunk {
  readonly messages: (Message | undefined)[]
  deadlines: Float64Array | undefined
  next: Chunk | undefined
}

/** Where returned messages go: `'position'` their old place (classic queues), `'front'` in order of return (quorum). */
export type ReturnOrder = 'position' | 'front'

function makeChunk(size: number): Chunk {
  return { messages: new Array<Message | undefined>(size), deadlines: undefined, next: undefined }
}

export class FifoStore<E extends Entry> implements MessageStore<E> {
  readonly #entries: EntryFactory<E>
  readonly #returnOrder: ReturnOrder
  #head: Chunk | undefined
  #tail: Chunk | undefined
  #headIndex = 0
  #tailIndex = 0
  /** Fresh messages held. */
  #fresh = 0
  /** Position of the next message to arrive. */
  #next = 1
  #returned: Heap<E> | Fifo<E> | undefined

  constructor(entries: EntryFactory<E>, returnOrder: ReturnOrder) {
    this.#entries = entries
    this.#returnOrder = returnOrder
  }

  get length(): number {
    return this.#returned === undefined ? this.#fresh : this.#fresh + this.#returned.length
  }

  claim(_message: Message): number {
    return this.#next++
  }

  push(message: Message, deadline: number): void {
    let tail = this.#tail
    if (tail === undefined) {
      this.#head = this.#tail = tail = makeChunk(FIRST_CHUNK)
    } else if (this.#tailIndex === tail.messages.length) {
      this.#tail = tail = tail.next = makeChunk(CHUNK)
      this.#tailIndex = 0
    }
    if (deadline !== 0) tail.deadlines ??= new Float64Array(tail.messages.length)
    if (tail.deadlines !== undefined) tail.deadlines[this.#tailIndex] = deadline
    tail.messages[this.#tailIndex++] = message
    this.#fresh++
    this.#next++
  }

  giveBack(entry: E, first = false): void {
    this.#returned ??= this.#returnOrder === 'position' ? new Heap<E>((a, b) => a.position < b.position) : new Fifo<E>()
    if (first && this.#returned instanceof Fifo) this.#returned.unshift(entry)
    else this.#returned.push(entry)
  }

  headDeadline(): number {
    if (this.#returned !== undefined && this.#returned.length > 0) return this.#returned.peek()?.deadline ?? 0
    return this.#fresh === 0 ? 0 : (this.#head?.deadlines?.[this.#headIndex] ?? 0)
  }

  shift(): E {
    const returned = this.#returned
    if (returned !== undefined && returned.length > 0) {
      return (returned instanceof Heap ? returned.pop() : returned.shift()) as E
    }
    const head = this.#head as Chunk
    const index = this.#headIndex
    const message = head.messages[index] as Message
    const deadline = head.deadlines === undefined ? 0 : (head.deadlines[index] as number)
    head.messages[index] = undefined
    // n.b. positions of the fresh messages are consecutive: a message is assigned without being stored only when none is.
    const position = this.#next - this.#fresh
    if (--this.#fresh === 0) {
      this.#headIndex = this.#tailIndex = 0
    } else if (index + 1 === head.messages.length) {
      this.#head = head.next
      this.#headIndex = 0
    } else {
      this.#headIndex = index + 1
    }
    return this.#entries.makeEntry(message, position, deadline)
  }

  clear(): void {
    this.#head = this.#tail = this.#returned = undefined
    this.#headIndex = this.#tailIndex = this.#fresh = 0
  }

  *stored(): Iterable<Stored> {
    const returned = this.#returned
    if (returned !== undefined) yield* returned instanceof Heap ? returned.sorted() : returned
    let index = this.#headIndex
    let left = this.#fresh
    for (let chunk = this.#head; chunk !== undefined && left > 0; chunk = chunk.next) {
      for (; index < chunk.messages.length && left > 0; index++, left--) {
        yield { message: chunk.messages[index] as Message, deadline: chunk.deadlines?.[index] ?? 0 }
      }
      index = 0
    }
  }
}
