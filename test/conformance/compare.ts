// Holds the records of two runs against each other. What no two runs can share is made equal before: generated names,
// times, and the virtual host's name.
import type { Note } from './scenario.js'

/** What one scenario left behind on one target. */
export interface ScenarioRecord {
  readonly title: string
  readonly rules: readonly string[]
  readonly notes: readonly Note[]
  /** Why it could not be run to its end, or not at all. */
  readonly crash?: string
  readonly skipped?: string
}

export interface Difference {
  readonly title: string
  readonly rule: string
  readonly what: string
  readonly left: unknown
  readonly right: unknown
}

const DAY = 86_400
const GENERATED: readonly [RegExp, string][] = [
  // The suffix by which Trial.name keeps scenarios apart.
  [/~[0-9a-z]{6}/g, ''],
  [/amq\.gen-[A-Za-z0-9_-]{22}/g, 'amq.gen-*'],
  [/amq\.ctag-[A-Za-z0-9_-]{22}/g, 'amq.ctag-*'],
  [/amq\.rabbitmq\.reply-to\.[A-Za-z0-9+/=._-]+/g, 'amq.rabbitmq.reply-to.*'],
]

function isNow(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value - Date.now() / 1000) < DAY
}

/** A value as plain data that two runs can share. */
export function normalise(value: unknown): unknown {
  if (typeof value === 'string') return GENERATED.reduce((text, [from, to]) => text.replace(from, to), value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map(normalise)
  // The order of a table's keys is nothing, where a note does not ask for it.
  const entries: [string, unknown][] = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.some(([key, member]) => key === '!' && member === 'timestamp') && 'value' in value && isNow(value.value))
    return { '!': 'timestamp', value: 'now' }
  return Object.fromEntries(entries.map(([key, member]) => [String(normalise(key)), normalise(member)]))
}

/** Of values that are normalised. */
export function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

const missing = 'no such note'

/** Every note that two records of one scenario do not share; a crash on one side counts as one, under every rule. */
export function differences(left: ScenarioRecord, right: ScenarioRecord): Difference[] {
  const { title } = left
  if (left.crash !== undefined || right.crash !== undefined) {
    const crashes = { what: 'runs to its end', left: left.crash ?? 'yes', right: right.crash ?? 'yes' }
    return left.rules.map((rule) => ({ title, rule, ...crashes }))
  }
  const found: Difference[] = []
  for (let i = 0; i < Math.max(left.notes.length, right.notes.length); i++) {
    const [a, b] = [left.notes[i], right.notes[i]]
    const { rule, what } = (a ?? b) as Note
    if (a === undefined || b === undefined || a.rule !== b.rule || a.what !== b.what || !same(a.value, b.value))
      found.push({
        title,
        rule,
        what,
        left: a === undefined ? missing : a.value,
        right: b === undefined ? missing : b.value,
      })
  }
  return found
}
