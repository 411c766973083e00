// The buckets are RabbitMQ's own: what Erlang 25 answers for `phash2`, `rand:seed_s(exs1024, {K, K, K})` and the loop of
// rabbit_exchange_type_consistent_hash is written down here.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JumpHash, phash2 } from '../../../src/exchange-plugins/erlang-hash.js'
import { consistentHash } from '../../../src/exchange-plugins/index.js'
import type { RoutedBinding, Router } from '../../../src/index.js'
import { Message } from '../../../src/message.js'
import { allRouted, binding, routerOf } from '../exchange-types/routed.js'

const encoder = new TextEncoder()

describe('the hash', () => {
  test.each([
    ['', 13708901],
    ['a', 112802447],
    ['hello world, this is it', 6320050],
    ['elevenbytes', 40652766],
    ['twelve bytes', 93359736],
    ['thirteen byte', 33196846],
    ['grüße', 15367280],
    ['abcdefghijklmnopqrstuvwx', 73490061],
  ])('of %j is what erlang:phash2/1 answers', (text, hash) => {
    expect(phash2(encoder.encode(text))).toBe(hash)
  })

  test('of bytes is that, for every length of the last block', () => {
    const hashes = Array.from({ length: 27 }, (_, length) => phash2(new Uint8Array(length).fill(200)))
    expect(hashes).toEqual([
      13708901, 134034531, 123289753, 122109343, 44347367, 47659624, 109645205, 3462435, 12770473, 120308606, 98283724,
      118178054, 66270725, 68274835, 105852783, 63819542, 88679988, 104833483, 129275317, 130326407, 37404053,
      133470054, 237282, 92043930, 3526105, 87140197, 117139909,
    ])
  })

  test('leads to the buckets that RabbitMQ takes', () => {
    const jump = new JumpHash()
    const buckets = Array.from({ length: 40 }, (_, i) => jump.bucketOf(phash2(encoder.encode(`key${i}`)), 7 + i))
    expect(buckets).toEqual([
      1, 3, 8, 3, 9, 9, 12, 6, 10, 5, 16, 15, 17, 19, 16, 6, 11, 22, 3, 25, 14, 20, 24, 15, 2, 31, 20, 17, 26, 9, 17,
      17, 24, 10, 15, 25, 20, 14, 37, 19,
    ])
  })

  test('leads to a bucket that is there, for any key and number of buckets', () => {
    const jump = new JumpHash()
    fc.assert(
      fc.property(fc.nat(2 ** 27 - 1), fc.integer({ min: 1, max: 10_000 }), (key, buckets) => {
        const bucket = jump.bucketOf(key, buckets)
        expect(Number.isInteger(bucket) && bucket >= 0 && bucket < buckets).toBe(true)
        expect(jump.bucketOf(key, buckets)).toBe(bucket)
      }),
    )
  })
})

const KEYS = Array.from({ length: 2_000 }, (_, i) => `user-${i}`)
const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })

function bindingsOf(all: readonly number[]): RoutedBinding[] {
  return all.map((weight, i) => binding(`q${i}`, String(weight)))
}

function waysOf(router: Router): (string | undefined)[] {
  return KEYS.map((key) => allRouted(router, key)[0])
}

describe('a ring of weights', () => {
  test('gives each destination its share, to a few standard deviations, and each message to one', () => {
    fc.assert(
      fc.property(weights, (all) => {
        const router = routerOf(consistentHash, bindingsOf(all))
        const total = all.reduce((sum, weight) => sum + weight, 0)
        const counts = new Map<string, number>()
        // n.b. an expectation for each of so many keys would take longer than the routing.
        const astray: string[] = []
        for (const key of KEYS) {
          const ways = allRouted(router, key)
          if (ways.length !== 1) astray.push(key)
          counts.set(ways[0] as string, (counts.get(ways[0] as string) ?? 0) + 1)
        }
        expect(astray).toEqual([])
        for (const [i, weight] of all.entries()) {
          const share = weight / total
          const deviation = Math.sqrt(KEYS.length * share * (1 - share))
          expect(Math.abs((counts.get(`q${i}`) ?? 0) - KEYS.length * share)).toBeLessThanOrEqual(6 * deviation + 1)
        }
      }),
      { numRuns: 20 },
    )
  })

  test('sends a key elsewhere for a new binding only to the new destination, and back when it goes', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 20 }), (all, weight) => {
        const router = routerOf(consistentHash, bindingsOf(all))
        const before = waysOf(router)
        const added = binding('new', String(weight))
        router.add(added)
        const after = waysOf(router)
        expect(after.filter((way, i) => way !== 'new' && way !== before[i])).toEqual([])
        router.remove(added)
        expect(waysOf(router)).toEqual(before)
      }),
      { numRuns: 10 },
    )
  })

  test('closes the gap where a binding goes: what is left is as if it had never been there', () => {
    fc.assert(
      fc.property(weights, fc.nat(), (all, which) => {
        const bindings = bindingsOf(all)
        const router = routerOf(consistentHash, bindings)
        const gone = bindings.splice(which % bindings.length, 1)[0] as RoutedBinding
        router.remove(gone)
        expect(waysOf(router)).toEqual(waysOf(routerOf(consistentHash, bindings)))
      }),
      { numRuns: 10 },
    )
  })

  test('lets the first binding of a destination decide, and the first that goes take all its buckets', () => {
    const [a, b] = [binding('a', '1'), binding('b', '1')]
    const more = { ...a, routingKey: '50' }
    const router = routerOf(consistentHash, [a, b, more])
    expect(waysOf(router)).toEqual(waysOf(routerOf(consistentHash, [a, b])))
    router.remove(a)
    expect(new Set(waysOf(router))).toEqual(new Set(['b']))
    router.remove(more)
    expect(new Set(waysOf(router))).toEqual(new Set(['b']))
  })

  test('takes a weight as Erlang reads an integer', () => {
    expect(waysOf(routerOf(consistentHash, [binding('a', '+3'), binding('b', '007')]))).toEqual(
      waysOf(routerOf(consistentHash, [binding('a', '3'), binding('b', '7')])),
    )
  })
})

describe('what is hashed', () => {
  function wayOf(args: Record<string, string>, properties: Message['properties'], key = 'k'): string | undefined {
    const router = consistentHash.createRouter(args, { tentative: false, hold: () => {}, deliver: () => {} })
    for (const each of bindingsOf([5, 5, 5, 5])) router.add(each)
    let way: string | undefined
    router.route(key, new Message('x', key, '', properties), { add: ({ name }) => (way = name) })
    return way
  }
  const bySameKey = (text: string) => wayOf({}, {}, text)

  test.each([
    [{ 'hash-header': 'user' }, (value: string) => ({ headers: { user: value } })],
    [{ 'hash-header': 'x-user' }, (value: string) => ({ headers: { 'x-user': value } })],
    [{ 'hash-property': 'message_id' }, (messageId: string) => ({ messageId })],
    [{ 'hash-property': 'correlation_id' }, (correlationId: string) => ({ correlationId })],
  ])('is, by %j, what a routing key of the same text would be', (args, propertiesOf) => {
    for (const value of KEYS.slice(0, 50)) {
      expect(wayOf(args, propertiesOf(value))).toBe(bySameKey(value))
      expect(wayOf(args, propertiesOf(value), 'another key')).toBe(bySameKey(value))
    }
  })

  test('is the decimal text of a timestamp', () => {
    for (let timestamp = 1_700_000_000; timestamp < 1_700_000_020; timestamp++) {
      expect(wayOf({ 'hash-property': 'timestamp' }, { timestamp })).toBe(bySameKey(String(timestamp)))
    }
  })

  test('is one and the same for all messages without the header or property', () => {
    for (const args of [{ 'hash-header': 'constructor' }, { 'hash-property': 'timestamp' }]) {
      expect(new Set(KEYS.slice(0, 50).map((key) => wayOf(args, {}, key))).size).toBe(1)
    }
  })

  test('is the value of a header of any type, equal for equal values', () => {
    const way = (user: NonNullable<Message['properties']['headers']>[string]) =>
      wayOf({ 'hash-header': 'user' }, { headers: { user } })
    for (const pair of [
      [5, 5n],
      [-5, -5n],
      [true, true],
      [false, false],
      [1.5, 1.5],
      [{ a: [1] }, { a: [1] }],
    ] as const) {
      expect(way(pair[0])).toBe(way(pair[1]))
    }
    expect(new Set(KEYS.map((_, i) => way(i))).size).toBe(4)
    expect(new Set(KEYS.map((_, i) => way(i + 0.5))).size).toBe(4)
  })
})
