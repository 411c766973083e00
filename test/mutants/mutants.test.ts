// The lists of mistakes are run by hand (`npm run mutants`, `npx tsx test/conformance/mutate.ts`): this is what keeps them
// fitting while the source moves on.
import { expect, test } from 'vitest'
import { CONFORMANCE_MUTANTS } from '../conformance/mutants.js'
import { mutants } from './mutants.js'
import { faultOf } from './trial.js'

test.each([
  ['mutants', mutants],
  ['CONFORMANCE_MUTANTS', CONFORMANCE_MUTANTS.map((mutant) => ({ name: mutant.rule, ...mutant }))],
])('every one of the %s is an edit of one place', (_, list) => {
  const faults = list.flatMap((mutant) => {
    const fault = faultOf(mutant)
    return fault === undefined ? [] : `${mutant.name}: ${fault}`
  })
  expect(faults).toEqual([])
  expect(list.length).toBeGreaterThan(20)
})
