import { describe, expect, test } from 'vitest'
import { BUILT_IN_EXCHANGE_TYPES } from '../../../src/exchange-types/registry.js'
import { binding, routed, routerOf } from './routed.js'

describe('built-in exchange types', () => {
  test('are the four of AMQP', () => {
    expect(BUILT_IN_EXCHANGE_TYPES.map((type) => type.name)).toEqual(['direct', 'fanout', 'topic', 'headers'])
  })

  test.each(BUILT_IN_EXCHANGE_TYPES)('$name: two exchanges of one type share no bindings', (type) => {
    const one = routerOf(type, [binding('q', 'k')])
    const other = routerOf(type, [])
    expect(routed(one, 'k')).toEqual(['q'])
    expect(routed(other, 'k')).toEqual([])
  })

  test.each(BUILT_IN_EXCHANGE_TYPES)('$name: routes to an exchange as to a queue', (type) => {
    const destination = { kind: 'exchange', name: 'e' } as const
    const router = routerOf(type, [{ destination, routingKey: 'k', arguments: {} }])
    expect(routed(router, 'k')).toEqual(['e'])
  })

  test('are a list that nobody can change', () => {
    expect(Object.isFrozen(BUILT_IN_EXCHANGE_TYPES)).toBe(true)
  })
})
