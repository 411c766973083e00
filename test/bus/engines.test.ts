/** The rows themselves: what an engine cannot do is written down with its reason. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ENGINES } from './engines.js'

describe('the engines of the Bus suite', () => {
  it('lists what each engine cannot do, with a reason', () => {
    const lacks = Object.fromEntries(ENGINES.map(({ name, cannot }) => [name, Object.keys(cannot)]))
    const wire = ['same-turn', 'by-reference', 'throws-at-once', 'outbox']
    expect(lacks).toEqual({
      local: [],
      'worker, without a thread': wire,
      'worker, by ports': [...wire, 'time', 'microtasks'],
    })
  })

  it('are told of in docs/rabbitmq-differences.md: all that one cannot do, and nothing else', () => {
    const page = readFileSync('docs/rabbitmq-differences.md', 'utf8')
    const [, table = ''] = /^\| what \| why \|\n\|---\|---\|\n((?:\|.*\n)+)/m.exec(page) ?? []
    const told = [...table.matchAll(/ \| ([^|]+) \|$/gm)].map(([, reason]) => reason)
    const reasons = new Set(ENGINES.flatMap(({ cannot }) => Object.values(cannot)))
    expect(told).toEqual([...reasons])
    expect(told.length).toBeGreaterThan(5)
  })
})
