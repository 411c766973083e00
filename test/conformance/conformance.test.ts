// leveret/amqplib held against a live RabbitMQ: the same scenarios on both, what they noted compared. Where no RabbitMQ
// answers, the rows are listed as skipped.

import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { areas } from './areas/index.js'
import type { ScenarioRecord } from './compare.js'
import { isKnown, KNOWN, SINCE } from './known.js'
import { answers } from './live.js'
import { allDifferences, type Proof, prove } from './proof.js'
import { runAll } from './record.js'
import { report } from './report.js'
import { allRules } from './rules.js'
import { LEVERET_NOW, TARGETS } from './targets.js'
import { UNOBSERVABLE } from './unobservable.js'

const scenarios = Object.values(areas).flat()
const kinds = allRules()
const PAGE = 'docs/conformance.md'

describe.skipIf(!(await answers()))('conformance with a live RabbitMQ', () => {
  let rabbitmq: ScenarioRecord[]
  let leveret: ScenarioRecord[]
  let now: ScenarioRecord[]
  let proofs: Proof[]

  beforeAll(async () => {
    const [live, own] = TARGETS
    const runs = await Promise.all([live, own, LEVERET_NOW].map((target) => target && runAll(target, scenarios)))
    ;[rabbitmq, leveret, now] = runs.map((records) => records ?? []) as [
      ScenarioRecord[],
      ScenarioRecord[],
      ScenarioRecord[],
    ]
    proofs = prove(kinds.keys(), rabbitmq, leveret)
  }, 240_000)

  test('every scenario runs to its end on RabbitMQ', () => {
    expect(rabbitmq.filter(({ crash }) => crash !== undefined)).toEqual([])
    expect(rabbitmq).toHaveLength(scenarios.length)
  })

  test.each(scenarios.map(({ title }) => title))('%s', (title) => {
    const one = (records: readonly ScenarioRecord[]) => records.filter((record) => record.title === title)
    const found = allDifferences(one(rabbitmq), one(leveret))
    expect(found.filter((each) => !KNOWN.some((known) => isKnown(known, each)))).toEqual([])
  })

  test('every known difference is seen', () => {
    const found = allDifferences(rabbitmq, leveret)
    expect(KNOWN.filter((known) => !found.some((each) => isKnown(known, each)))).toEqual([])
  })

  test('what differs with 4.3 is exactly what is listed', () => {
    const found = allDifferences(leveret, now)
    expect(found.filter((each) => !SINCE.some((known) => isKnown(known, each)))).toEqual([])
    expect(SINCE.filter((known) => !found.some((each) => isKnown(known, each)))).toEqual([])
  })

  test('every rule that users rely on is observed, or there is a reason why it cannot be', () => {
    const core = proofs.filter(({ rule }) => kinds.get(rule) === 'core')
    expect(
      core.filter(({ rule, verdict }) => verdict === 'none' && !(rule in UNOBSERVABLE)).map(({ rule }) => rule),
    ).toEqual([])
    expect(proofs.filter(({ verdict }) => verdict === 'proved').length).toBeGreaterThanOrEqual(300)
  })

  test('the table of the documentation is that of this run', () => {
    const page = report({ proofs, kinds, known: KNOWN, since: SINCE })
    if (process.env['CONFORMANCE_WRITE'] !== undefined) writeFileSync(PAGE, page)
    expect(readFileSync(PAGE, 'utf8')).toBe(page)
  })
})
