import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Arguments, FieldValue } from '../../../src/arguments.js'
import { headersExchange } from '../../../src/exchange-types/headers.js'
import { binding, routed, routerOf } from './routed.js'

/** True when a message with these headers passes a binding with these arguments. */
function passes(args: Arguments, headers?: Arguments): boolean {
  return routed(routerOf(headersExchange, [binding('q', '', args)]), 'any key', headers).length === 1
}

describe('headers exchange', () => {
  test.each<readonly [mode: string | undefined, both: boolean, one: boolean, none: boolean]>([
    [undefined, true, false, false],
    ['all', true, false, false],
    ['any', true, true, false],
    ['all-with-x', true, false, false],
    ['any-with-x', true, true, false],
  ])('x-match %s: passes both headers %s, one %s, none %s', (mode, both, one, none) => {
    const args = { a: 1, b: 'two', ...(mode !== undefined && { 'x-match': mode }) }
    expect(passes(args, { a: 1, b: 'two' })).toBe(both)
    expect(passes(args, { a: 1, b: 'three' })).toBe(one)
    expect(passes(args, { a: 2 })).toBe(none)
    expect(passes(args)).toBe(none)
  })

  test('all and any pass over names that begin with "x-", on either side', () => {
    expect(passes({ 'x-a': 1, b: 1 }, { b: 1 })).toBe(true)
    expect(passes({ 'x-match': 'any', 'x-a': 1, b: 1 }, { 'x-a': 1 })).toBe(false)
  })

  test('all-with-x and any-with-x count names that begin with "x-", but not x-match', () => {
    expect(passes({ 'x-match': 'all-with-x', 'x-a': 1, b: 1 }, { b: 1 })).toBe(false)
    expect(passes({ 'x-match': 'all-with-x', 'x-a': 1, b: 1 }, { 'x-a': 1, b: 1 })).toBe(true)
    expect(passes({ 'x-match': 'any-with-x', 'x-a': 1, b: 1 }, { 'x-a': 1 })).toBe(true)
    expect(passes({ 'x-match': 'any-with-x', b: 1 }, { 'x-match': 'any-with-x' })).toBe(false)
  })

  test('all without names passes every message, any without names passes none', () => {
    for (const headers of [undefined, {}, { a: 1 }]) {
      expect(passes({}, headers)).toBe(true)
      expect(passes({ 'x-match': 'all', 'x-a': 1 }, headers)).toBe(true)
      expect(passes({ 'x-match': 'all-with-x' }, headers)).toBe(true)
      expect(passes({ 'x-match': 'any', 'x-a': 1 }, headers)).toBe(false)
      expect(passes({ 'x-match': 'any-with-x' }, headers)).toBe(false)
    }
  })

  test('a void value asks for the presence of the header only', () => {
    for (const nothing of [null, undefined]) {
      expect(passes({ a: nothing }, { a: 'whatever' })).toBe(true)
      expect(passes({ a: nothing }, { a: null })).toBe(true)
      expect(passes({ a: nothing }, { b: 1 })).toBe(false)
    }
    expect(passes({ a: 'x' }, { a: null })).toBe(false)
  })

  test.each<readonly [FieldValue, FieldValue]>([
    ['1', 1],
    [1, true],
    ['true', true],
    [1, 1.5],
    ['a', 'A'],
    ['', null],
    [
      [1, 2],
      [2, 1],
    ],
    [[1], ['1']],
    [[1], 1],
    [{ a: 1 }, { a: '1' }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [new Date(0), new Date(1000)],
    [new Date(1000), '1'],
    [Uint8Array.of(49), 1],
  ])('%j is not %j', (left, right) => {
    expect(passes({ h: left }, { h: right })).toBe(false)
    if (right !== null) expect(passes({ h: right }, { h: left })).toBe(false)
  })

  test.each<readonly [FieldValue, FieldValue]>([
    [300, 300],
    [5_000_000_000, 5_000_000_000],
    [1.5, 1.5],
    [
      [1, 'a', [true]],
      [1, 'a', [true]],
    ],
    [{ a: { b: [null] } }, { a: { b: [null] } }],
    [new Date(1000), new Date(1000)],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    // n.b. live RabbitMQ has it so (XT-15).
    [new Date(1500), 1],
    [Uint8Array.of(49), '1'],
  ])('%j is %j', (left, right) => {
    expect(passes({ h: left }, { h: right })).toBe(true)
    expect(passes({ h: right }, { h: left })).toBe(true)
  })

  test('names are case-sensitive and never found in a prototype', () => {
    expect(passes({ a: 1 }, { A: 1 })).toBe(false)
    expect(passes({ constructor: null }, {})).toBe(false)
    expect(passes({ toString: null, 'x-match': 'any' })).toBe(false)
    expect(passes({ constructor: null }, { constructor: 1 })).toBe(true)
  })

  test('the routing key and headers that no binding names change nothing', () => {
    const router = routerOf(headersExchange, [binding('q', 'key', { a: 1 })])
    expect(routed(router, 'another key', { a: 1, b: 2, 'x-c': 3 })).toEqual(['q'])
    expect(headersExchange.keyless).toBe(true)
  })

  test('keeps the other binding when one of two to the same queue is removed', () => {
    const first = binding('q', '', { a: 1 })
    const second = { ...first, arguments: { b: 1 } }
    const router = routerOf(headersExchange, [first, second])
    router.remove(first)
    expect(routed(router, '', { a: 1 })).toEqual([])
    expect(routed(router, '', { b: 1 })).toEqual(['q'])
  })

  test.each(['all', 'any', 'all-with-x', 'any-with-x', undefined])('accepts a binding with x-match %s', (mode) => {
    expect(() => headersExchange.validateBinding?.('', { 'x-match': mode })).not.toThrow()
    expect(() => headersExchange.validateBinding?.('', {})).not.toThrow()
  })

  // The texts were recorded from RabbitMQ 3.10.8.
  test.each<readonly [FieldValue, string]>([
    ['some', 'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'],
    ['ALL', 'Invalid x-match field value <<"ALL">>; expected all, any, all-with-x, or any-with-x'],
    ['a"b\\c\nd', 'Invalid x-match field value <<"a\\"b\\\\c\\nd">>; expected all, any, all-with-x, or any-with-x'],
    ['', 'Invalid x-match field value <<>>; expected all, any, all-with-x, or any-with-x'],
    [40_000, 'Invalid x-match field type signedint (value 40000); expected longstr'],
    [1.5, 'Invalid x-match field type double (value 1.5); expected longstr'],
    [5_000_000_000, 'Invalid x-match field type long (value 5000000000); expected longstr'],
    [true, 'Invalid x-match field type bool (value true); expected longstr'],
    [null, 'Invalid x-match field type void (value undefined); expected longstr'],
  ])('refuses a binding with x-match %j as RabbitMQ does', (mode, text) => {
    expect(() => headersExchange.validateBinding?.('', { 'x-match': mode })).toThrow(
      expect.objectContaining({ code: 'PRECONDITION_FAILED', replyText: `PRECONDITION_FAILED - ${text}` }),
    )
  })

  test('refuses a binding whose x-match is an array or a table', () => {
    for (const mode of [['all'], { all: true }]) {
      expect(() => headersExchange.validateBinding?.('', { 'x-match': mode })).toThrow(/Invalid x-match field type/)
    }
  })

  test('agrees with a count of the headers that agree, for any arguments and headers', () => {
    const names = fc.constantFrom('a', 'b', 'x-c', 'x-', 'X-d', 'toString')
    const scalars = fc.constantFrom<FieldValue>('s', '1', 1, 0, true, false, null, '')
    const values = fc.oneof(scalars, fc.array(scalars, { maxLength: 2 }), fc.dictionary(names, scalars, { maxKeys: 2 }))
    const tables: fc.Arbitrary<Arguments> = fc.dictionary(names, values, { maxKeys: 4, noNullPrototype: true })
    const modes = fc.constantFrom(undefined, 'all', 'any', 'all-with-x', 'any-with-x')
    fc.assert(
      fc.property(tables, modes, tables, (args, mode, headers) => {
        const named = Object.entries(args).filter(([name]) => mode?.endsWith('-with-x') || !name.startsWith('x-'))
        const agreeing = named.filter(([name, value]) => {
          const header = Object.entries(headers).find(([other]) => other === name)
          // JSON tells apart all values used here; the keys of the inner tables are put in order first.
          return header !== undefined && (value === null || inOrder(header[1]) === inOrder(value))
        })
        const expected = mode?.startsWith('any') ? agreeing.length > 0 : agreeing.length === named.length
        expect(passes(mode === undefined ? args : { ...args, 'x-match': mode }, headers)).toBe(expected)
      }),
      { numRuns: 1_000 },
    )
  })
})

function inOrder(value: FieldValue): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  )
}
