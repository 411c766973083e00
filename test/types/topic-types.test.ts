// The compiler and the broker have to agree on what a topic pattern matches: the same tables that hold the router hold the
// types, and so do patterns and keys that nobody thought of.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { topicExchange } from '../../src/exchange-types/topic.js'
import { binding, routed, routerOf } from '../unit/exchange-types/routed.js'
import { RABBITMQ_TOPICS, type TopicTable, UNUSUAL_TOPICS } from '../unit/exchange-types/topic-table.js'
import { compile } from './compile.js'

const COMPILE_LIMIT = 60_000

const HEAD = `import type { Exchange, MatchingKeys } from 'leveret'
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): T | undefined => undefined
`

const quoted = (text: string): string => `'${text.replaceAll('\0', '\\0')}'`
const unionOf = (keys: readonly string[]): string => (keys.length === 0 ? 'never' : keys.map(quoted).join(' | '))

/** For every routing key an exchange that has no other, and every pattern on it: as it stands, or expected to be refused. */
function pairsOf(
  patterns: readonly string[],
  keys: readonly string[],
  matches: (pattern: string, key: string) => boolean,
): string {
  const blocks = keys.map((key, at) => {
    const lines = patterns.map((pattern) => {
      const expectation = matches(pattern, key) ? '' : '// @ts-expect-error\n'
      return `${expectation}x${at}.key(${quoted(pattern)})\n`
    })
    return `declare const x${at}: Exchange<{ ${quoted(key)}: ${at} }, 'topic'>\n${lines.join('')}`
  })
  return blocks.join('')
}

/** All routing keys on one exchange: what each pattern matches of them, and no more. */
function unionsOf(
  patterns: readonly string[],
  keys: readonly string[],
  matches: (pattern: string, key: string) => boolean,
): string {
  const lines = patterns.map((pattern) => {
    const matched = keys.filter((key) => matches(pattern, key))
    return `is<Equal<MatchingKeys<Keys, ${quoted(pattern)}, 'topic'>, ${unionOf(matched)}>>()\n`
  })
  return `type Keys = ${unionOf(keys)}\n${lines.join('')}`
}

const tables: readonly (readonly [string, TopicTable])[] = [
  ["RabbitMQ's own bindings", RABBITMQ_TOPICS],
  ['unusual bindings', UNUSUAL_TOPICS],
]

describe.each(tables)('the types of a topic exchange, %s', (_name, { bindings, routes }) => {
  const patterns = bindings.map(([, pattern]) => pattern)
  const keys = routes.map(([key]) => key)
  const reached = new Map(routes.map(([key, names]) => [key, new Set(names)]))
  const matches = (pattern: string, key: string): boolean =>
    bindings.some(([name, bindingKey]) => bindingKey === pattern && reached.get(key)?.has(name))

  test(
    'take every pattern that RabbitMQ matches with the only key, and refuse every other',
    () => {
      expect(compile(HEAD + pairsOf(patterns, keys, matches)).faults).toEqual([])
    },
    COMPILE_LIMIT,
  )

  test(
    'answer for each pattern the keys that RabbitMQ matches',
    () => {
      expect(compile(HEAD + unionsOf(patterns, keys, matches)).faults).toEqual([])
    },
    COMPILE_LIMIT,
  )
})

test(
  'the types of a topic exchange agree with its router on random patterns and keys',
  () => {
    const literal = fc.constantFrom('a', 'b', 'ab', 'a*', '#a', 'é', '', '**')
    const words = (word: fc.Arbitrary<string>) => fc.array(word, { maxLength: 6 }).map((all) => all.join('.'))
    const distinct = (keys: fc.Arbitrary<string>, count: number) =>
      fc.uniqueArray(keys, { minLength: count, maxLength: count })
    // n.b. one program for all of them: a run of fast-check would start the compiler each time.
    const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)
    const patterns = fc.sample(distinct(words(fc.oneof(literal, fc.constantFrom('*', '#'))), 80), {
      seed,
      numRuns: 1,
    })[0]
    const keys = fc.sample(distinct(words(literal), 80), { seed, numRuns: 1 })[0]
    if (patterns === undefined || keys === undefined) throw new Error('expected a sample')
    const router = routerOf(
      topicExchange,
      patterns.map((pattern) => binding(pattern, pattern)),
    )
    const reached = new Map(keys.map((key) => [key, new Set(routed(router, key))]))
    const source = unionsOf(patterns, keys, (pattern, key) => reached.get(key)?.has(pattern) === true)
    expect(compile(HEAD + source).faults, `FC_SEED=${seed}`).toEqual([])
  },
  COMPILE_LIMIT,
)
