/**
 * The requests that wait for replies, by their number. Most are over soon: the latest stand in a ring, those that they
 * push out in a map, which costs a tenth of a request where every one goes through it.
 */
import type { Delivery } from '../delivery.js'

/** One request, until it is over. */
export interface Conversation {
  /** Its number, from 1; 0 before it has one. */
  number: number
  /** The same as the correlation id that it goes by. */
  id: string
  /** When it times out; `Infinity` where it sees to that itself. */
  readonly due: number
  /** Takes a reply; false when it belongs to an attempt that is over. */
  replied(delivery: Delivery): boolean
  /** The request failed; whoever calls has forgotten it. */
  failed(error: unknown): void
  /** It is due. */
  timedOut?(): void
}

const RING = 64

export class Conversations {
  readonly #ring = new Array<Conversation | undefined>(RING).fill(undefined)
  readonly #aside = new Map<number, Conversation>()
  #latest: Conversation | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  add(conversation: Conversation): void {
    const slot = conversation.number % RING
    const older = this.#ring[slot]
    if (older !== undefined) this.#aside.set(older.number, older)
    this.#ring[slot] = this.#latest = conversation
    this.#length++
  }

  get(id: string | undefined): Conversation | undefined {
    // n.b. who asks one thing after the other need not have numbers read.
    if (this.#latest?.id === id) return this.#latest
    const number = Number(id)
    const recent = this.#ring[number % RING]
    const found = recent?.number === number ? recent : this.#aside.get(number)
    // n.b. '1e0' and ' 1' are numbers, too, and none of ours.
    return found?.id === id ? found : undefined
  }

  /** Forgets a conversation; false when it is forgotten already. */
  delete({ number }: Conversation): boolean {
    const slot = number % RING
    if (this.#latest?.number === number) this.#latest = undefined
    if (this.#ring[slot]?.number === number) this.#ring[slot] = undefined
    else if (!this.#aside.delete(number)) return false
    this.#length--
    return true
  }

  /** All of them, in the order in which they began. */
  all(): Conversation[] {
    const recent = this.#ring.filter((conversation) => conversation !== undefined)
    return [...this.#aside.values(), ...recent].sort((left, right) => left.number - right.number)
  }
}
