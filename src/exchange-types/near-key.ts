/** How near a routing key came to a binding key that it does not match, and what its writer may have meant. */
import { editDistance } from '../options.js'
import { matchWords, wordsOf } from './topic-words.js'
import type { Nearness } from './verdict.js'

/** Undefined when they are not near. `topic`: the binding key is a pattern. */
export function nearKey(bindingKey: string, routingKey: string, topic: boolean): Nearness | undefined {
  const [pattern, words] = [wordsOf(bindingKey), wordsOf(routingKey)]
  const fits = (left: string, right: string) =>
    topic ? matchWords(wordsOf(left), wordsOf(right)).matched : left === right
  if (fits(bindingKey.toLowerCase(), routingKey.toLowerCase())) {
    return { distance: 0, hint: 'only upper and lower case differ, and keys are compared to the byte' }
  }
  const wild = /[*#]/.test(bindingKey)
  if (!topic && wild && matchWords(pattern, words).matched) {
    return {
      distance: 1,
      hint: `'${bindingKey}' is a pattern to a topic exchange only: here it is a key like any other`,
    }
  }
  if (topic && /[^.][*#]|[*#][^.]/.test(bindingKey)) {
    // n.b. no regular expression is made of the key: one with many wildcards would take for ever.
    const glob = [...bindingKey].map((character) => (character === '*' ? '#' : character))
    if (matchWords(glob, [...routingKey]).matched) {
      return { distance: 1, hint: '`*` and `#` stand for whole words only, between dots' }
    }
  }
  if (!topic) return wild ? undefined : (nearWord(pattern, words) ?? nearText(bindingKey, routingKey))
  return miscounted(pattern, words) ?? nearWord(pattern, words) ?? (wild ? undefined : nearText(bindingKey, routingKey))
}

/** All words agree, as far as they go, but there are too many or too few. */
function miscounted(pattern: readonly string[], words: readonly string[]): Nearness | undefined {
  const takes = pattern.length
  if (takes === 0) return { distance: 2, hint: 'the empty pattern takes the empty key only: use `#` for every key?' }
  if (pattern.includes('#')) return undefined
  const common = Math.min(takes, words.length)
  const apart = Math.abs(takes - words.length)
  if (apart === 0 || apart > 2 || common < 1) return undefined
  if (!matchWords(pattern.slice(0, common), words.slice(0, common)).matched) return undefined
  const open = pattern.slice(0, common)
  while (open.length > 0 && open.at(-1) === '*') open.pop()
  const onlyStars = pattern.slice(common).every((word) => word === '*')
  if (!onlyStars && open.length === 0) return undefined
  const use = onlyStars ? `: use \`${[...open, '#'].join('.')}\`?` : ''
  const text = `\`${pattern.join('.')}\` takes exactly ${count(takes)}, the key has ${words.length}`
  return { distance: apart + (onlyStars ? 1 : 2), hint: text + use }
}

/** One word differs: by a few characters, or altogether where at least two others agree. */
function nearWord(pattern: readonly string[], words: readonly string[]): Nearness | undefined {
  const { words: met } = matchWords(pattern, words)
  const last = met.at(-1)
  const at = met.length - 1
  if (last === undefined || last.agrees) return undefined
  const wanted = last.pattern
  let best: Nearness | undefined
  // n.b. what is between two `#` has no place: any word may have been meant for it.
  for (const word of last.took.length > 0 ? last.took : words) {
    const distance = editDistance(wanted.toLowerCase(), word.toLowerCase())
    const similar = isNear(distance, wanted, word)
    const others = pattern.filter((other, i) => i !== at && other !== '*' && other !== '#').length
    if (!similar && (others < 2 || last.took.length === 0)) continue
    if (!matchWords(pattern.with(at, word), words).matched) continue
    const far = similar ? distance : 5
    const hint = similar ? `'${word}' is near to '${wanted}'` : `only '${word}' differs from '${wanted}'`
    if (best === undefined || far < best.distance) best = { distance: far, hint }
  }
  return best
}

/** The whole key is mistyped, a dot among it: elsewhere the words tell more. */
function nearText(bindingKey: string, routingKey: string): Nearness | undefined {
  if (wordsOf(bindingKey).length === wordsOf(routingKey).length) return undefined
  const distance = Math.abs(bindingKey.length - routingKey.length) > 2 ? 3 : editDistance(bindingKey, routingKey)
  const near = distance < 3 && isNear(distance, bindingKey, routingKey)
  return near ? { distance, hint: `'${routingKey}' is near to '${bindingKey}'` } : undefined
}

/** True when at most a third of the word, or two characters of it, and never more than half, were mistyped. */
export function isNear(distance: number, left: string, right: string): boolean {
  const length = Math.max(left.length, right.length)
  return distance <= Math.max(2, Math.floor(length / 3)) && distance * 2 <= length
}

function count(words: number): string {
  return words === 1 ? '1 word' : `${words} words`
}
