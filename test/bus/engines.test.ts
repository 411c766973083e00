/** The rows themselves: what an engine cannot do is written down with its reason. */
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
    for (const { cannot } of ENGINES) for (const reason of Object.values(cannot)) expect(reason).not.toBe('')
  })
})
