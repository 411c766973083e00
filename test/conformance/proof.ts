// What the records of two targets prove: a rule is proved when notes with its id were made on both, and all of them agree.
import { type Difference, differences, type ScenarioRecord } from './compare.js'

export interface Proof {
  readonly rule: string
  /** proved: noted on both, and the same; differs: noted, and not the same; reference: noted on the first target only. */
  readonly verdict: 'proved' | 'differs' | 'reference' | 'none'
  readonly notes: number
  readonly differences: readonly Difference[]
}

type Records = readonly ScenarioRecord[]

function count(records: Records): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { notes, crash } of records)
    if (crash === undefined) for (const { rule } of notes) counts.set(rule, (counts.get(rule) ?? 0) + 1)
  return counts
}

/** Every difference between two runs of the same scenarios; what one of them could not run is none. */
export function allDifferences(reference: Records, other: Records): Difference[] {
  return reference.flatMap((record, i) => {
    const against = other[i]
    if (against === undefined || record.skipped !== undefined || against.skipped !== undefined) return []
    return differences(record, against)
  })
}

export function prove(rules: Iterable<string>, reference: Records, other: Records): Proof[] {
  const [noted, also, found] = [count(reference), count(other), allDifferences(reference, other)]
  return [...rules].map((rule) => {
    const mine = found.filter((each) => each.rule === rule)
    const notes = noted.get(rule) ?? 0
    const verdict = mine.length > 0 ? 'differs' : notes === 0 ? 'none' : also.has(rule) ? 'proved' : 'reference'
    return { rule, verdict, notes, differences: mine }
  })
}
