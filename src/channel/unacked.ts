/**
 * The deliveries of a channel that are out, by delivery tag. Tags are consecutive, so a delivery stands at its number in
 * chunks of slots; a chunk goes when its last delivery does, so that one delivery that is never settled holds one chunk,
 * however far the tags have run since.
 */
import type { LocalDelivery } from '../broker/local-delivery.js'

const SHIFT = 7
const CHUNK = 1 << SHIFT
const MASK = CHUNK - 1

interface Chunk {
  readonly slots: (LocalDelivery | undefined)[]
  live: number
}

export class Unacked {
  /** Chunks in order of tags; the first begins at tag `#base << SHIFT`. */
  readonly #chunks: (Chunk | undefined)[] = []
  #base = 0
  #spare: Chunk | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Keeps a delivery under its tag, which is higher than every one before. */
  add(tag: number, delivery: LocalDelivery): void {
    const number = tag >>> SHIFT
    if (this.#chunks.length === 0) this.#base = number
    let chunk = this.#chunks[number - this.#base]
    if (chunk === undefined) {
      chunk = this.#spare ?? { slots: new Array<LocalDelivery | undefined>(CHUNK), live: 0 }
      this.#spare = undefined
      while (this.#chunks.length < number - this.#base) this.#chunks.push(undefined)
      this.#chunks[number - this.#base] = chunk
    }
    chunk.slots[tag & MASK] = delivery
    chunk.live++
    this.#length++
  }

  /** Takes the delivery with this tag; undefined when it is not out. */
  remove(tag: number): LocalDelivery | undefined {
    const index = (tag >>> SHIFT) - this.#base
    const chunk = this.#chunks[index]
    const delivery = chunk?.slots[tag & MASK]
    if (chunk === undefined || delivery === undefined) return undefined
    chunk.slots[tag & MASK] = undefined
    this.#length--
    // n.b. the last chunk stays even when empty: the next tag is likely to be in it.
    if (--chunk.live === 0 && index < this.#chunks.length - 1) this.#free(index, chunk)
    return delivery
  }

  /** The deliveries in order of their tags. */
  *[Symbol.iterator](): Iterator<LocalDelivery> {
    for (const chunk of [...this.#chunks]) {
      if (chunk === undefined) continue
      for (const delivery of [...chunk.slots]) if (delivery !== undefined) yield delivery
    }
  }

  #free(index: number, chunk: Chunk): void {
    this.#spare = chunk
    this.#chunks[index] = undefined
    while (this.#chunks.length > 1 && this.#isGone(this.#chunks[0])) {
      this.#chunks.shift()
      this.#base++
    }
  }

  #isGone(chunk: Chunk | undefined): boolean {
    return chunk === undefined || chunk.live === 0
  }
}
