/**
 * A topic pattern against a routing key, word by word, for whoever wants to know why: routing itself is `topic-trie.ts`.
 * What is before the first `#` has to stand at the beginning of the key, what is behind the last one at its end, and what
 * is between two of them anywhere: there the first place that fits is as good as any.
 */
import type { PatternWord } from './verdict.js'

/** The words of a key: the empty key has none (XT-04). */
export function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

/** Matched or not, and what each word of the pattern met, up to the one that disagrees. */
export function matchWords(
  pattern: readonly string[],
  key: readonly string[],
): { matched: boolean; words: PatternWord[]; left: readonly string[] } {
  const words: PatternWord[] = []
  let at = 0
  for (let from = 0; from <= pattern.length; ) {
    const end = pattern.indexOf('#', from)
    const part = pattern.slice(from, end < 0 ? undefined : end)
    if (from > 0) {
      const start = end < 0 ? Math.max(at, key.length - part.length) : placeOf(part, key, at)
      words.push({ pattern: '#', took: key.slice(at, start), agrees: true })
      at = start
    }
    for (const word of part) {
      const took = key.slice(at, ++at)
      const agrees = took.length > 0 && (word === '*' || word === took[0])
      words.push({ pattern: word, took, agrees })
      if (!agrees) return { matched: false, words, left: [] }
    }
    if (end < 0) break
    from = end + 1
  }
  const left = key.slice(at)
  return { matched: left.length === 0, words, left }
}

/** Where a part of a pattern fits first; else where most of it does; else the end of the key. */
function placeOf(part: readonly string[], key: readonly string[], from: number): number {
  let best = key.length
  let most = 0
  for (let at = from; at <= key.length; at++) {
    const wrong = part.findIndex((word, i) => at + i >= key.length || (word !== '*' && word !== key[at + i]))
    if (wrong < 0) return at
    if (wrong > most) {
      most = wrong
      best = at
    }
  }
  return best
}
