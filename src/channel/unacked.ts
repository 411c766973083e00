/**
 * The deliveries of a channel that are out, by delivery tag. Tags are consecutive, so a delivery stands in a ring at its
 * number. The few that stay out while the tags run on make way and stand aside in a map, so that one delivery that is
 * never settled costs nothing, however many follow it.
 */
import type { Delivery } from '../delivery.js'

const SMALLEST = 16
/** The ring never grows beyond this: a copy of it must not be felt. */
const LARGEST = 131_072

export class Unacked {
  #ring: (Delivery | undefined)[] = new Array<Delivery | undefined>(SMALLEST)
  #mask = SMALLEST - 1
  #aside: Map<number, Delivery> | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Keeps a delivery under its tag, which is higher than every one before. */
  add(delivery: Delivery): void {
    const slot = delivery.tag & this.#mask
    const older = this.#ring[slot]
    this.#length++
    if (older === undefined) this.#ring[slot] = delivery
    else this.#makeRoom(older, delivery)
  }

  /** The delivery with this tag; undefined when it is not out. */
  get(tag: number): Delivery | undefined {
    const delivery = this.#ring[tag & this.#mask]
    return delivery?.tag === tag ? delivery : this.#aside?.get(tag)
  }

  /** Takes the delivery with this tag; undefined when it is not out. */
  remove(tag: number): Delivery | undefined {
    const slot = tag & this.#mask
    const delivery = this.#ring[slot]
    if (delivery === undefined || delivery.tag !== tag) return this.#removeAside(tag)
    this.#ring[slot] = undefined
    this.#length--
    return delivery
  }

  /** The lowest tag that is out; `Infinity` when none is. */
  get lowest(): number {
    let lowest = Number.POSITIVE_INFINITY
    for (const delivery of this.#ring) if (delivery !== undefined && delivery.tag < lowest) lowest = delivery.tag
    for (const tag of this.#aside?.keys() ?? []) if (tag < lowest) lowest = tag
    return lowest
  }

  /** The deliveries in order of their tags. */
  [Symbol.iterator](): Iterator<Delivery> {
    const all = this.#ring.filter((delivery) => delivery !== undefined)
    // n.b. one at a time: there may be more of them than a call takes arguments.
    if (this.#aside !== undefined) for (const delivery of this.#aside.values()) all.push(delivery)
    return all.sort((left, right) => left.tag - right.tag)[Symbol.iterator]()
  }

  #makeRoom(older: Delivery, delivery: Delivery): void {
    const size = this.#ring.length
    // n.b. a ring that is mostly empty is in the way of a straggler, not too small.
    if (size < LARGEST && this.#length * 4 > size) this.#grow(size * 2)
    else {
      this.#aside ??= new Map()
      this.#aside.set(older.tag, older)
      this.#ring[older.tag & this.#mask] = undefined
    }
    this.#length--
    this.add(delivery)
  }

  #grow(size: number): void {
    const ring = this.#ring
    this.#ring = new Array<Delivery | undefined>(size)
    this.#mask = size - 1
    for (const delivery of ring) if (delivery !== undefined) this.#ring[delivery.tag & this.#mask] = delivery
  }

  #removeAside(tag: number): Delivery | undefined {
    const delivery = this.#aside?.get(tag)
    if (delivery === undefined) return undefined
    this.#aside?.delete(tag)
    this.#length--
    return delivery
  }
}
