import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fanoutExchange } from '../../../src/exchange-types/fanout.js'
import { binding, routed, routerOf } from './routed.js'

describe('fanout exchange', () => {
  test('routes to every binding, whatever the keys and arguments', () => {
    const router = routerOf(fanoutExchange, [binding('a', 'x'), binding('b'), binding('c', 'y', { 'x-match': 'any' })])
    expect(routed(router, 'z')).toEqual(['a', 'b', 'c'])
    expect(fanoutExchange.keyless).toBe(true)
  })

  test('keeps the other binding when one of two to the same queue is removed', () => {
    const first = binding('q', 'k')
    const second = { ...first, routingKey: 'other' }
    const router = routerOf(fanoutExchange, [first, second])
    router.remove(first)
    expect(routed(router, '')).toEqual(['q'])
    router.remove(second)
    expect(routed(router, '')).toEqual([])
  })

  test('routes to exactly what is bound after any adding and removing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 200 }), (toggles) => {
        const bindings = Array.from({ length: 41 }, (_, index) => binding(`q${index}`))
        const bound = new Set<number>()
        const router = routerOf(fanoutExchange, [])
        for (const index of toggles) {
          const each = bindings[index]
          if (each === undefined) continue
          if (bound.delete(index)) router.remove(each)
          else {
            bound.add(index)
            router.add(each)
          }
        }
        expect(routed(router, '')).toEqual([...bound].map((index) => `q${index}`).sort())
      }),
    )
  })
})
