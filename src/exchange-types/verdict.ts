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
export type BindingReason =
  /** A fanout exchange: every binding is matched. */
  | { readonly kind: 'every-binding' }
  /** A direct exchange: binding key and routing key are equal, or are not. */
  | { readonly kind: 'equal-key' }
  | { readonly kind: 'other-key' }
  /** A topic exchange. `left`: words of the routing key that the pattern has no word for. */
  | { readonly kind: 'words'; readonly words: readonly PatternWord[]; readonly left: readonly string[] }
  /** A headers exchange. */
  | { readonly kind: 'headers'; readonly match: string; readonly headers: readonly HeaderVerdict[] }
  /** A type that gives no reasons: its router found the destination, or did not. */
  | { readonly kind: 'router' }
  /** A type's own reason, in words. */
  | { readonly kind: 'other'; readonly text: string }

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
