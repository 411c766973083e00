import { describe, expect, test } from 'vitest'
import { directExchange } from '../../../src/exchange-types/direct.js'
import { binding, routed, routerOf } from './routed.js'

describe('direct exchange', () => {
  test('routes where the binding key equals the routing key, case and all', () => {
    const router = routerOf(directExchange, [binding('lower', 'a'), binding('upper', 'A'), binding('longer', 'a.b')])
    expect(routed(router, 'a')).toEqual(['lower'])
    expect(routed(router, 'A')).toEqual(['upper'])
    expect(routed(router, 'a.')).toEqual([])
  })

  test('takes the empty key and wildcards as keys like any other', () => {
    const router = routerOf(directExchange, [binding('empty', ''), binding('star', '*'), binding('hash', '#')])
    expect(routed(router, '')).toEqual(['empty'])
    expect(routed(router, '*')).toEqual(['star'])
    expect(routed(router, 'a')).toEqual([])
  })

  test('routes to every destination of a key', () => {
    const router = routerOf(directExchange, [binding('q1', 'k'), binding('q2', 'k'), binding('q3', 'other')])
    expect(routed(router, 'k')).toEqual(['q1', 'q2'])
  })

  test('keeps the other binding when one of two that differ in arguments only is removed', () => {
    const first = binding('q', 'k', { n: 1 })
    const second = { ...first, arguments: { n: 2 } }
    const router = routerOf(directExchange, [first, second])
    router.remove(first)
    expect(routed(router, 'k')).toEqual(['q'])
    router.remove(second)
    expect(routed(router, 'k')).toEqual([])
  })

  test('ignores the removal of a binding it does not have', () => {
    const router = routerOf(directExchange, [binding('q', 'k')])
    router.remove(binding('q', 'k'))
    router.remove(binding('q', 'unknown'))
    expect(routed(router, 'k')).toEqual(['q'])
  })
})
