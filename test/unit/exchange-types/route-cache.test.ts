import { describe, expect, test } from 'vitest'
import type { Destination } from '../../../src/exchange-types/exchange-type.js'
import { RouteCache } from '../../../src/exchange-types/route-cache.js'

const queue = (name: string): Destination => ({ kind: 'queue', name })
const NOWHERE: readonly Destination[] = []

/** How many of the keys the cache knows. */
const known = (cache: RouteCache, keys: readonly string[]): number =>
  keys.filter((key) => cache.get(key) !== undefined).length

const manyKeys = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `k${from + index}`)

describe('route cache', () => {
  test('knows a route until it is cleared, also one that led nowhere', () => {
    const cache = new RouteCache()
    const destinations = [queue('a'), queue('b')]
    cache.set('k', destinations)
    cache.set('lost', NOWHERE)
    expect(cache.get('k')).toBe(destinations)
    expect(cache.get('lost')).toBe(NOWHERE)
    expect(cache.get('other')).toBeUndefined()
    cache.clear()
    expect(cache.get('k')).toBeUndefined()
  })

  test('does not remember a route to many destinations', () => {
    const cache = new RouteCache()
    cache.set('k', manyKeys(100).map(queue))
    expect(cache.get('k')).toBeUndefined()
  })

  test('never knows more than 1,024 keys', () => {
    const cache = new RouteCache()
    const keys = manyKeys(5_000)
    for (const key of keys) cache.set(key, NOWHERE)
    expect(known(cache, keys)).toBeLessThanOrEqual(1_024)
  })

  test('rests for a while after it filled up with keys that did not come again', () => {
    const cache = new RouteCache()
    for (const key of manyKeys(1_024)) cache.set(key, NOWHERE)
    expect(cache.resting()).toBe(false)
    cache.set('one too many', NOWHERE)
    let routes = 0
    while (cache.resting()) routes++
    expect(routes).toBe(32 * 1_024)
  })

  test('does not rest when keys come again', () => {
    const cache = new RouteCache()
    const keys = manyKeys(1_024)
    for (const key of keys) cache.set(key, NOWHERE)
    expect(known(cache, keys)).toBe(1_024)
    cache.set('one too many', NOWHERE)
    expect(cache.resting()).toBe(false)
    expect(cache.get('one too many')).toBe(NOWHERE)
  })
})
