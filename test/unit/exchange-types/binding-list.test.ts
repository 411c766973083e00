import { describe, expect, test } from 'vitest'
import { BindingList } from '../../../src/exchange-types/binding-list.js'
import { binding } from './routed.js'

// Below and above the length from which the list keeps an index.
describe.each([5, 500])('list of %i bindings', (length) => {
  const bindings = Array.from({ length }, (_, index) => binding(`q${index}`))
  const filled = (): BindingList<string> => {
    const list = new BindingList<string>()
    for (const each of bindings) list.add(each, each.destination.name)
    return list
  }
  const names = (from = 0): string[] =>
    bindings
      .slice(from)
      .map((each) => each.destination.name)
      .sort()

  test.each([
    ['from the front', bindings],
    ['from the back', bindings.toReversed()],
    ['from the middle', [...bindings.slice(length / 2), ...bindings.slice(0, length / 2)]],
  ])('keeps all others when bindings are removed %s', (_where, order) => {
    const list = filled()
    const left = new Set(names())
    for (const each of order) {
      list.remove(each)
      left.delete(each.destination.name)
      expect(list.entries.toSorted()).toEqual([...left].sort())
    }
  })

  test('ignores the second removal of a binding', () => {
    const list = filled()
    for (let times = 0; times < 2; times++) list.remove(bindings[0] as (typeof bindings)[number])
    expect(list.entries.toSorted()).toEqual(names(1))
  })

  test('takes a binding again that it had lost', () => {
    const list = filled()
    for (const each of bindings) list.remove(each)
    for (const each of bindings) list.add(each, each.destination.name)
    expect(list.entries.toSorted()).toEqual(names())
  })
})
