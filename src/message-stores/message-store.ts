/**
 * The contract of a message store: the ready messages of one queue, in the order in which they leave it. A store knows
 * positions and deadlines, not consumers, limits or acknowledgements.
 */
import type { Message } from '../message.js'

/** A message that is stored. */
export interface Stored {
  readonly message: Message
  /** When it expires, in ms on the broker's clock; 0 = never. */
  readonly deadline: number
}

/** A message of a queue once it has left the store: what differs per queue, and is needed to put it back. */
export interface Entry extends Stored {
  /** Its place in the order of arrival. */
  readonly position: number
}

/** Makes the queue's entry of a fresh message, when it leaves the store for the first time. */
export interface EntryFactory<E extends Entry> {
  makeEntry(message: Message, position: number, deadline: number): E
}

/** The ready messages of a queue. */
export interface MessageStore<E extends Entry> {
  /** Ready messages. */
  readonly length: number
  /** Gives a message that is assigned at once the position that it would have had. */
  claim(message: Message): number
  /** Appends a message. */
  push(message: Message, deadline: number): void
  /**
   * Puts an entry back: to its old place, or to the front in order of return, as the queue's type has it; `first` when it
   * goes ahead of all that returned.
   */
  giveBack(entry: E, first?: boolean): void
  /** Deadline of the message that leaves next; 0 = never, or empty. */
  headDeadline(): number
  /** Takes the message that leaves next. Only when not empty. */
  shift(): E
  /** Forgets everything. */
  clear(): void
  /** The messages in the order in which they would leave, each with its deadline. */
  stored(): Iterable<Stored>
}
