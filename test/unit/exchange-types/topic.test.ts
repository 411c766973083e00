import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NO_CONTEXT } from '../../../src/broker/exchange-context.js'
import type { RoutedBinding } from '../../../src/exchange-types/exchange-type.js'
import { topicExchange } from '../../../src/exchange-types/topic.js'
import { TopicTrie } from '../../../src/exchange-types/topic-trie.js'
import { allRouted, binding, routed, routerOf } from './routed.js'
import { RABBITMQ_TOPICS, type TopicTable, UNUSUAL_TOPICS } from './topic-table.js'

/** The definition of a match, word by word: slow, and obviously right. */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#') return matches(rest, words) || (words.length > 0 && matches(pattern, words.slice(1)))
  return words.length > 0 && (first === '*' || first === words[0]) && matches(rest, words.slice(1))
}

const wordsOf = (key: string): string[] => (key === '' ? [] : key.split('.'))
const matchesKey = (bindingKey: string, key: string): boolean => matches(wordsOf(bindingKey), wordsOf(key))

// n.b. 'Aa' and 'BB' have one hash, as have '' and '\0': a router that trusts hashes mixes them up.
const literal = fc.constantFrom('a', 'b', 'c', 'ab', 'a*', '#a', 'é', '', '\0', 'Aa', 'BB', 'AaAa', 'AaBB')
const keys = fc.array(literal, { maxLength: 6 }).map((words) => words.join('.'))
const bindingKeys = fc
  .array(fc.oneof(literal, fc.constantFrom('*', '#')), { maxLength: 6 })
  .map((words) => words.join('.'))

const tables: readonly (readonly [string, TopicTable])[] = [
  ["RabbitMQ's own bindings", RABBITMQ_TOPICS],
  ['unusual bindings', UNUSUAL_TOPICS],
]

describe.each(tables)('topic exchange, %s', (_name, { bindings, routes }) => {
  test.each(routes)('routes key "%s" to what RabbitMQ routes it to', (key, names) => {
    const router = routerOf(
      topicExchange,
      bindings.map(([name, bindingKey]) => binding(name, bindingKey)),
    )
    expect(routed(router, key)).toEqual([...names].sort())
  })

  test('routes as before when every other binding is removed, and nowhere when all are', () => {
    const all = bindings.map(([name, bindingKey]) => binding(name, bindingKey))
    const router = routerOf(topicExchange, all)
    const [removed, kept] = [all.filter((_, index) => index % 2 === 0), all.filter((_, index) => index % 2 === 1)]
    for (const each of removed) router.remove(each)
    const names = new Set(kept.map((each) => each.destination.name))
    for (const [key, expected] of routes) {
      expect(routed(router, key)).toEqual(expected.filter((name) => names.has(name)).sort())
    }
    for (const each of kept) router.remove(each)
    for (const [key] of routes) expect(routed(router, key)).toEqual([])
  })
})

describe('topic exchange', () => {
  test('keeps the other binding when one of two that differ in arguments only is removed', () => {
    const first = binding('q', 'a.*', { n: 1 })
    const second = { ...first, arguments: { n: 2 } }
    const router = routerOf(topicExchange, [first, second])
    router.remove(first)
    expect(routed(router, 'a.b')).toEqual(['q'])
    router.remove(second)
    expect(routed(router, 'a.b')).toEqual([])
  })

  test('ignores the removal of a binding it does not have', () => {
    const router = routerOf(topicExchange, [binding('q', 'a.*')])
    router.remove(binding('q', 'a.*'))
    router.remove(binding('q', 'b'))
    expect(routed(router, 'a.b')).toEqual(['q'])
  })

  test('finds a binding once, by however many ways its key matches', () => {
    const router = routerOf(topicExchange, [binding('q', '#.a.#.#.a.#')])
    expect(allRouted(router, 'a.a.a.a.a')).toEqual(['q'])
  })

  test('routes to all of 10,000 queues that are bound with one key, and to none when they are unbound', () => {
    const bindings = Array.from({ length: 10_000 }, (_, index) => binding(`q${index}`, 'a.#'))
    const router = routerOf(topicExchange, bindings)
    expect(routed(router, 'a.b.c')).toHaveLength(10_000)
    for (const each of bindings) router.remove(each)
    expect(routed(router, 'a.b.c')).toEqual([])
  })

  test('tells apart 10,000 words that one node leads on by', () => {
    const bindings = Array.from({ length: 10_000 }, (_, index) => binding(`q${index}`, `word-${index}.*`))
    const router = routerOf(topicExchange, bindings)
    for (let index = 0; index < 10_000; index += 7) {
      expect(allRouted(router, `word-${index}.x`)).toEqual([`q${index}`])
    }
    expect(routed(router, 'word-10000.x')).toEqual([])
  })

  test('routes words and keys that are longer than AMQP has them', () => {
    const long = 'x'.repeat(70_000)
    const router = routerOf(topicExchange, [binding('word', `${long}.*`), binding('key', 'a.#.z')])
    expect(routed(router, `${long}.a`)).toEqual(['word'])
    expect(routed(router, `${long}x.a`)).toEqual([])
    expect(routed(router, `a${'.b'.repeat(50_000)}.z`)).toEqual(['key'])
  })

  test('routes a key that comes again as it did the first time, and otherwise once the bindings changed', () => {
    const all = binding('all', '#')
    const router = routerOf(topicExchange, [binding('some', 'a.*'), all])
    for (let i = 0; i < 3; i++) expect(allRouted(router, 'a.b')).toEqual(['all', 'some'])
    router.remove(all)
    for (let i = 0; i < 3; i++) expect(allRouted(router, 'a.b')).toEqual(['some'])
    router.add(all)
    for (let i = 0; i < 3; i++) expect(allRouted(router, 'a.b')).toEqual(['all', 'some'])
  })

  test('routes each of 50,000 keys right, whether keys come again or not', () => {
    const router = routerOf(topicExchange, [binding('even', '*.0'), binding('odd', '*.1')])
    const wrong: string[] = []
    for (const distinct of [50_000, 500, 50_000]) {
      for (let i = 0; i < 50_000; i++) {
        const key = `k${i % distinct}.${i % 2}`
        if (allRouted(router, key).join() !== (i % 2 === 0 ? 'even' : 'odd')) wrong.push(key)
      }
    }
    expect(wrong).toEqual([])
  })

  test('matches any binding key against any key as the definition says', () => {
    fc.assert(
      fc.property(fc.array(bindingKeys, { maxLength: 12 }), fc.array(keys, { maxLength: 8 }), (patterns, published) => {
        const router = routerOf(
          topicExchange,
          patterns.map((pattern, index) => binding(`q${index}`, pattern)),
        )
        for (const key of published) {
          const expected = patterns.flatMap((pattern, index) => (matchesKey(pattern, key) ? [`q${index}`] : []))
          expect(allRouted(router, key)).toEqual(expected.sort())
          expect(allRouted(router, key)).toEqual(expected)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('routes to what is bound at the time, after any adding and removing', () => {
    const toggles = fc.array(fc.tuple(fc.nat(99), keys), { minLength: 1, maxLength: 300 })
    const patterns = fc.array(bindingKeys, { minLength: 100, maxLength: 100 })
    fc.assert(
      fc.property(patterns, toggles, (all, steps) => {
        const bindings = all.map((pattern, index) => binding(`q${index}`, pattern))
        const bound = new Set<RoutedBinding>()
        const router = routerOf(topicExchange, [])
        for (const [index, key] of steps) {
          const each = bindings[index] as RoutedBinding
          if (bound.delete(each)) router.remove(each)
          else {
            bound.add(each)
            router.add(each)
          }
          const expected = [...bound].filter((other) => matchesKey(other.routingKey, key))
          expect(allRouted(router, key)).toEqual(expected.map((other) => other.destination.name).sort())
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('topic trie', () => {
  /** Visits by a key of `length` words, at a trie of one binding key. */
  const visits = (bindingKey: string, length: number): number => {
    const trie = new TopicTrie()
    trie.add(binding('q', bindingKey))
    trie.match(Array(length).fill('a').join('.'), { add() {} })
    return trie.visited
  }

  test.each(['#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.b', '#.#.#.#.#.#.#.#.#.#.#.#', '#.*.#.*.#.*.#.*.#.*.#.*.b'])(
    'visits each node of %s at most once a word',
    (bindingKey) => {
      const nodes = bindingKey.split('.').length + 1
      for (const length of [0, 1, 10, 50, 1_000]) {
        expect(visits(bindingKey, length)).toBeLessThanOrEqual(nodes * (length + 1))
      }
    },
  )

  test('visits no node of the binding keys that part from the routing key at the first word', () => {
    const trie = new TopicTrie()
    for (let index = 0; index < 10_000; index++) trie.add(binding('q', `w${index}.*.a.#`))
    trie.match('w77.x.a.y', { add() {} })
    expect(trie.visited).toBeLessThan(10)
  })

  test('is as large after much adding and removing as after little', () => {
    const sizeAfter = (cycles: number): number => {
      const router = topicExchange.createRouter({}, NO_CONTEXT) as ReturnType<typeof topicExchange.createRouter> & {
        size: number
      }
      for (let index = 0; index < 100; index++) router.add(binding('q', `kept.${index}.*`))
      for (let cycle = 0; cycle < cycles; cycle++) {
        const each = binding('q', `reply.${cycle}.#`)
        router.add(each)
        router.remove(each)
      }
      return router.size
    }
    expect(sizeAfter(10_000)).toBeLessThanOrEqual(2 * sizeAfter(100))
  })
})
