/** What an exchange type says of one binding and one message, as plain data: matched or not, why, and how near it was. */
import type { FieldValue } from '../arguments.js'

/** One word of a topic pattern and what it met, in the order of the pattern. */
export interface PatternWord {
  /** The word of the binding key: a literal, `*` or `#`. */
  readonly pattern: string
  /** The words of the routing key that it took; none of a `#` that stands for nothing, or where the key has no word left. */
  readonly took: readonly string[]
  /** False of the word that disagrees, which is the last one listed. */
  readonly agrees: boolean
}

/** One argument of a headers binding and the header that it met. */
export interface HeaderVerdict {
  /** Its name. */
  readonly name: string
  /** What the binding asks for; null or undefined asks that the header be there. */
  readonly wanted: FieldValue
  /** What the message has; undefined where it has no such header. */
  readonly actual: FieldValue
  /**
   * `equal`, and `present` for a void argument, agree. `missing`, `other-value` and `other-type` (the string '1' and the
   * number 1) do not. `ignored`: the name begins with "x-" and `x-match` does not count those.
   */
  readonly verdict: 'equal' | 'present' | 'missing' | 'other-value' | 'other-type' | 'ignored'
}

/** Why a binding is matched or not; a closed union by `kind`. */
export type BindingReason = KeyReason | WordsReason | HeadersReason | OtherReason

/** A reason that needs no more words. */
export interface KeyReason {
  /**
   * `every-binding`: a fanout exchange asks for nothing. `equal-key`, `other-key`: of a direct exchange. `router`: a type
   * that gives no reasons; its router found the destination, or did not.
   */
  readonly kind: 'every-binding' | 'equal-key' | 'other-key' | 'router'
}

/** Why a topic exchange matches a pattern or not. */
export interface WordsReason {
  /** Tells it from other reasons. */
  readonly kind: 'words'
  /** The words of the pattern, up to the one that disagrees. */
  readonly words: readonly PatternWord[]
  /** The words of the routing key that the pattern has no word for. */
  readonly left: readonly string[]
}

/** Why a headers exchange matches a binding or not. */
export interface HeadersReason {
  /** Tells it from other reasons. */
  readonly kind: 'headers'
  /** The binding's `x-match`. */
  readonly match: string
  /** The arguments but `x-match`, each with the header that it met. */
  readonly headers: readonly HeaderVerdict[]
}

/** The reason of an exchange type of a user's own. */
export interface OtherReason {
  /** Tells it from other reasons. */
  readonly kind: 'other'
  /** The reason, in a few words. */
  readonly text: string
}

/** What an exchange type says of a binding and one routing key. */
export interface BindingVerdict {
  /** True when the message goes to the binding's destination. */
  readonly matched: boolean
  /** Why. */
  readonly reason: BindingReason
}

/** How far a message was from a binding that it does not match. */
export interface Nearness {
  /** 0 is nearest; what is further than a few is not near. */
  readonly distance: number
  /** What to look at, as a sentence without a full stop. */
  readonly hint: string
}
