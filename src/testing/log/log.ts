/** Everything that happened to the messages of a broker, in order. Recorders, assertions and the timeline read it. */
import type { Delivery, Message } from '../../internal.js'

/** What can happen to a message. */
export type Happening =
  | 'published'
  | 'delivered'
  | 'acked'
  | 'rejected'
  | 'requeued'
  | 'deadLettered'
  | 'expired'
  | 'overflowed'
  | 'deliveryLimited'
  | 'returned'

/** Something that happened to a message. */
export interface Entry {
  readonly what: Happening
  /** Milliseconds on the kit's clock. */
  readonly at: number
  readonly virtualHost: string
  /** The message; for `deadLettered` the dead letter. */
  readonly message: Message
  /** The queue it happened in; undefined for `published` and `returned`. */
  readonly queue?: string | undefined
  /** The queues it went to, for `published` and `deadLettered`. */
  readonly queues?: readonly string[] | undefined
  /** The message whose handler, or whose death, caused this one, for `published` and `deadLettered`. */
  readonly cause?: Message | undefined
  /** The delivery, for `delivered` and what settles it. */
  readonly delivery?: Delivery | undefined
  /** Tag of the consumer, for `delivered`. */
  readonly consumer?: string | undefined
  /** Why: what a consumer gave to `reject(reason)` or `retry(error)`; of a dead letter, the reason in `x-death`. */
  readonly reason?: unknown
  /** Where in the application it was published, or where its consumer settled it. */
  readonly site?: string | undefined
}

export class Log {
  readonly entries: Entry[] = []
  readonly #listeners = new Set<(entry: Entry) => void>()

  add(entry: Entry): void {
    this.entries.push(entry)
    for (const listener of this.#listeners) listener(entry)
  }

  /** Hears of every further entry, until the function that is answered is called. Listeners are the kit's own and never throw. */
  listen(listener: (entry: Entry) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
