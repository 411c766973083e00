// The list by which features are turned off, see off.ts: it fits the source, and nothing is missing in it.
import { readFileSync } from 'node:fs'
import { matchers } from 'leveret/testing'
import { expect, test } from 'vitest'
import { Faults } from '../../src/testing/faults/faults.js'
import * as testing from '../../src/testing/index.js'
import { RULES } from '../../src/testing/strict/strictness.js'
import { faultOf } from '../mutants/trial.js'
import { features } from './features.js'

const named = new Set(features.map(({ name }) => name))

test('every feature can be turned off by an edit of one place', () => {
  const faults = features.flatMap(({ name, ...feature }) => faultOf({ name, ...feature }) ?? []).sort()
  expect(faults).toEqual([])
  expect(named.size).toBe(features.length)
})

test('every rule, recorder, matcher, assertion and fault is a feature', () => {
  const happenings =
    /export type Happening =\n(?: {2}\| .*\n)+/.exec(readFileSync('src/testing/log/log.ts', 'utf8'))?.[0] ?? ''
  const faults = Object.getOwnPropertyNames(Faults.prototype).filter(
    (name) => !/^(constructor|unfired|begin)$/.test(name),
  )
  const expected = [
    ...RULES.map((rule) => `strict: ${rule}`),
    ...[...happenings.matchAll(/'(\w+)'/g)].map(([, name]) => `recorder: ${name}`),
    ...Object.keys(matchers).map((name) => `matcher: ${name}`),
    ...Object.keys(testing).flatMap((name) => (name.startsWith('assert') ? `assertion: ${name}` : [])),
    ...faults.map((name) => `fault: ${name}`),
  ]
  expect(expected.filter((name) => !named.has(name))).toEqual([])
  expect(expected.length).toBeGreaterThan(45)
})
