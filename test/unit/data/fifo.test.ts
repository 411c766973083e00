/** The list against an array: whatever is pushed, put in front and shifted, across the borders of its chunks. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fifo } from '../../../src/data/fifo.js'

type Step = readonly [verb: 'push' | 'unshift' | 'shift' | 'clear', times: number]

it('holds what an array holds', () => {
  const times = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.constantFrom(1024, 1041))
  const verb = fc.constantFrom('push', 'push', 'unshift', 'shift', 'shift', 'clear')
  const steps = fc.array(fc.tuple(verb, times) as fc.Arbitrary<Step>, { maxLength: 25 })
  fc.assert(
    fc.property(steps, (all) => {
      const list = new Fifo<number>()
      const model: number[] = []
      let next = 0
      for (const [name, count] of all) {
        for (let n = 0; n < count; n++) {
          if (name === 'push') list.push(model[model.push(next++) - 1] as number)
          else if (name === 'unshift') {
            model.unshift(next)
            list.unshift(next++)
          } else if (name === 'shift') expect(list.shift()).toBe(model.shift())
        }
        if (name === 'clear') {
          list.clear()
          model.length = 0
        }
        expect(list.length).toBe(model.length)
        expect(list.peek()).toBe(model[0])
      }
      expect([...list]).toEqual(model)
      while (model.length > 0) expect(list.shift()).toBe(model.shift())
      expect(list.shift()).toBeUndefined()
    }),
  )
})
