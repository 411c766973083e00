// The differences that are known, each with its reason: from RabbitMQ 3.10.8, and of the present RabbitMQ from 3.10. A
// difference that is not here fails the suite, and so does one that is here and is not seen.

export interface Known {
  readonly rule: string
  /** Title of the scenario. */
  readonly title: string
  /** What the note says; all notes of the rule in this scenario where it is left out. */
  readonly what?: string
  /** Why. */
  readonly why: string
}

/** Where leveret, with `compatibility: '3.10'`, does otherwise than RabbitMQ 3.10.8. */
export const KNOWN: readonly Known[] = []

/** Where leveret, with `compatibility: '4.3'`, does otherwise than with '3.10': as RabbitMQ does since. */
export const SINCE: readonly Known[] = []

/** True when the difference is one of these. */
export function isKnown(known: Known, difference: { title: string; rule: string; what: string }): boolean {
  const { title, rule, what } = difference
  return known.title === title && known.rule === rule && (known.what === undefined || known.what === what)
}
