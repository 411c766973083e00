/** Why a binding is matched or not, and how near it came: what each type says of itself, held against its router. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Arguments, FieldValue } from '../../../src/arguments.js'
import { BUILT_IN_EXCHANGE_TYPES } from '../../../src/exchange-types/registry.js'
import type { BindingVerdict, Nearness } from '../../../src/exchange-types/verdict.js'
import { Message } from '../../../src/message.js'
import { binding, routed, routerOf } from './routed.js'
import { RABBITMQ_TOPICS, UNUSUAL_TOPICS } from './topic-table.js'

function typeOf(name: string) {
  const type = BUILT_IN_EXCHANGE_TYPES.find((each) => each.name === name)
  if (type === undefined) throw new Error(`no type ${name}`)
  return type
}

/** What the router of a type says of one binding. */
function ask(type: string, bindingKey: string, key: string, args: Arguments = {}, headers: Arguments = {}) {
  const bound = binding('q', bindingKey, args)
  const router = routerOf(typeOf(type), [bound])
  const message = new Message('x', key, 'body', { headers })
  const verdict = router.explain?.(bound, key, message) as BindingVerdict
  return { verdict, near: router.near?.(bound, key, message) as Nearness | undefined }
}

/** A topic verdict in short: the words taken by each word of the pattern, `!` before the one that disagrees. */
function words(pattern: string, key: string): string {
  const { reason, matched } = ask('topic', pattern, key).verdict
  if (reason.kind !== 'words') throw new Error(reason.kind)
  const met = reason.words.map(({ pattern, took, agrees }) => `${agrees ? '' : '!'}${pattern}=${took.join('.')}`)
  return [matched ? 'yes' : 'no', ...met, ...(reason.left.length > 0 ? [`left ${reason.left.join('.')}`] : [])].join(
    ' ',
  )
}

const word = fc.constantFrom('a', 'b', 'c', 'ab', '')
const keys = fc.array(word, { maxLength: 6 }).map((each) => each.join('.'))
const patterns = fc
  .array(fc.oneof(word, fc.constantFrom('*', '#', '#')), { maxLength: 6 })
  .map((each) => each.join('.'))
const values = fc.constantFrom<FieldValue>('s', '1', 1, true, null, [1], '')
const headers = fc.dictionary(fc.constantFrom('a', 'b', 'x-c', 'toString'), values, { noNullPrototype: true })
const modes = fc.constantFrom({}, { 'x-match': 'any' }, { 'x-match': 'all-with-x' }, { 'x-match': 'any-with-x' })

describe.each(BUILT_IN_EXCHANGE_TYPES.map(({ name }) => name))('exchange type %s', (name) => {
  test('says of every binding what its router does, and looks for near misses without failing', () => {
    const one = fc.tuple(name === 'topic' ? patterns : keys, headers, modes)
    fc.assert(
      fc.property(fc.array(one, { maxLength: 5 }), keys, headers, (bound, key, sent) => {
        const bindings = bound.map(([bindingKey, args, mode], i) => binding(`q${i}`, bindingKey, { ...args, ...mode }))
        const router = routerOf(typeOf(name), bindings)
        const message = new Message('x', key, 'body', { headers: sent })
        const said = bindings.filter((each) => router.explain?.(each, key, message).matched)
        expect(said.map(({ destination }) => destination.name)).toEqual(routed(router, key, sent))
        for (const each of bindings) if (!said.includes(each)) router.near?.(each, key, message)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('topic exchange', () => {
  test.each([RABBITMQ_TOPICS, UNUSUAL_TOPICS])("agrees with RabbitMQ's own answers", ({ bindings, routes }) => {
    for (const [key, names] of routes) {
      const said = bindings.filter(([, pattern]) => ask('topic', pattern, key).verdict.matched)
      expect(said.map(([name]) => name).sort()).toEqual([...names].sort())
    }
  })

  test.each([
    ['a.b', 'a.b', 'yes a=a b=b'],
    ['a.*.c', 'a.b.c', 'yes a=a *=b c=c'],
    ['a.#', 'a', 'yes a=a #='],
    ['a.#', 'a.b.c', 'yes a=a #=b.c'],
    ['#.c.#', 'a.b.c.d', 'yes #=a.b c=c #=d'],
    ['#.a.#.a', 'a.b.a', 'yes #= a=a #=b a=a'],
    ['*.#', 'a.b', 'yes *=a #=b'],
    ['', '', 'yes'],
    ['a.*', 'a.b.c', 'no a=a *=b left c'],
    ['a.*', 'a', 'no a=a !*='],
    ['a.b.c', 'a.x.c', 'no a=a !b=x'],
    ['a.#.c', 'a.b.d', 'no a=a #=b !c=d'],
    ['a.#.c', 'a', 'no a=a #= !c='],
    ['#.b.#', 'x.y', 'no #=x.y !b='],
    ['#.b.c.#', 'x.b.y', 'no #=x b=b !c=y'],
    ['', 'a', 'no left a'],
    ['a*', 'ab', 'no !a*=ab'],
  ])('tells word by word how %s meets %s', (pattern, key, expected) => {
    expect(words(pattern, key)).toBe(expected)
  })
})

describe('headers exchange', () => {
  test('tells header by header', () => {
    const args = { a: 1, b: 'two', c: null, d: '4', e: 5, 'x-f': 6 }
    const { verdict } = ask('headers', '', '', args, { a: 1, b: 'too', c: 'any', d: 4 })
    expect(verdict).toEqual({
      matched: false,
      reason: {
        kind: 'headers',
        match: 'all',
        headers: [
          { name: 'a', wanted: 1, actual: 1, verdict: 'equal' },
          { name: 'b', wanted: 'two', actual: 'too', verdict: 'other-value' },
          { name: 'c', wanted: null, actual: 'any', verdict: 'present' },
          { name: 'd', wanted: '4', actual: 4, verdict: 'other-type' },
          { name: 'e', wanted: 5, actual: undefined, verdict: 'missing' },
          { name: 'x-f', wanted: 6, actual: undefined, verdict: 'ignored' },
        ],
      },
    })
  })

  test('counts names that begin with "x-" where x-match says so', () => {
    const { verdict } = ask('headers', '', '', { 'x-match': 'any-with-x', 'x-a': 1 }, { 'x-a': 1 })
    expect(verdict).toMatchObject({ matched: true, reason: { match: 'any-with-x', headers: [{ verdict: 'equal' }] } })
  })
})

describe('near misses', () => {
  test.each([
    ['order.paid', 'Order.Paid', 'only upper and lower case differ, and keys are compared to the byte'],
    ['order.paid', 'order.piad', "'piad' is near to 'paid'"],
    ['order.paid', 'order/paid', "'order/paid' is near to 'order.paid'"],
    ['jobs', 'jobs ', "'jobs ' is near to 'jobs'"],
    ['order.*', 'order.paid', "'order.*' is a pattern to a topic exchange only: here it is a key like any other"],
    ['order.*', 'other', undefined],
    ['order.paid', 'order.created', undefined],
    ['jobs.1', 'jobs.2', undefined],
    ['', 'a', undefined],
    ['orders', 'mails', undefined],
  ])('of a direct binding by %s and the key %s', (bindingKey, key, hint) => {
    expect(ask('direct', bindingKey, key).near?.hint).toBe(hint)
  })

  test.each([
    ['order.*', 'order.paid.eu', '`order.*` takes exactly 2 words, the key has 3: use `order.#`?'],
    ['order.*', 'order', '`order.*` takes exactly 2 words, the key has 1: use `order.#`?'],
    ['order.paid', 'order.paid.eu', '`order.paid` takes exactly 2 words, the key has 3: use `order.paid.#`?'],
    ['order.paid.eu', 'order.paid', '`order.paid.eu` takes exactly 3 words, the key has 2'],
    ['*', 'order.paid', '`*` takes exactly 1 word, the key has 2: use `#`?'],
    ['', 'order.paid', 'the empty pattern takes the empty key only: use `#` for every key?'],
    ['Order.#', 'order.paid', 'only upper and lower case differ, and keys are compared to the byte'],
    ['order*', 'order.paid', '`*` and `#` stand for whole words only, between dots'],
    ['order.p*', 'order.paid', '`*` and `#` stand for whole words only, between dots'],
    ['ordr.#', 'order.paid.eu', "'order' is near to 'ordr'"],
    ['#.ordr.#', 'x.order.y', "'order' is near to 'ordr'"],
    ['order.*.eu', 'order.paid.us', undefined],
    ['order.paid.*.eu', 'order.paid.now.us', "only 'us' differs from 'eu'"],
    ['order.paid', 'order-paid', "'order-paid' is near to 'order.paid'"],
    ['order.*', 'user.created', undefined],
    ['*.paid.*', 'order', undefined],
    ['order.*', 'order.a.b.c.d', undefined],
    ['mail.#', 'order.paid', undefined],
  ])('of a topic binding by %s and the key %s', (pattern, key, hint) => {
    expect(ask('topic', pattern, key).near?.hint).toBe(hint)
  })

  test.each<readonly [Arguments, Arguments, string | undefined]>([
    [{ n: 1 }, { n: '1' }, "header 'n' is the string '1', the binding wants the number 1"],
    [{ n: '1' }, { n: 1 }, "header 'n' is the number 1, the binding wants the string '1'"],
    [{ type: 'png' }, { Type: 'png' }, "header 'Type' is near to 'type'"],
    [{ type: 'photo' }, { type: 'Photo' }, "header 'type' is 'Photo', near to 'photo'"],
    [{ type: 'photo' }, { type: 'text' }, undefined],
    [{ type: 'photo', size: 1 }, { type: 'text', size: 1 }, "only header 'type' differs: it is 'text', not 'photo'"],
    [{ type: 'photo', size: 1 }, { type: 'photo' }, "only header 'size' is missing"],
    [{ type: 'photo', size: 1 }, {}, undefined],
    [
      { 'x-match': 'any', type: 'photo', n: 1 },
      { n: '1' },
      "header 'n' is the string '1', the binding wants the number 1",
    ],
    [{ 'x-id': 1, n: 1 }, { n: 2 }, undefined],
  ])('of a headers binding by %j and the headers %j', (args, sent, hint) => {
    expect(ask('headers', '', '', args, sent).near?.hint).toBe(hint)
  })

  test('are nearer the fewer characters differ', () => {
    const distances = ['Order.paid', 'order.paix', 'order.piad'].map(
      (key) => ask('topic', 'order.paid', key).near?.distance,
    )
    expect(distances).toEqual([0, 1, 2])
  })

  test('are looked for in time, whatever wildcards a key has', () => {
    const started = performance.now()
    ask('topic', '*a'.repeat(120), `${'a'.repeat(240)}b`)
    ask('topic', '#.a.'.repeat(60), 'a.'.repeat(120))
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
