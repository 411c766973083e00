// Runs the scenarios on the targets and holds the records against each other, a line per rule:
//   tsx test/conformance/run.ts                          every area, every target that is there
//   tsx test/conformance/run.ts ack dlx                  these areas
//   tsx test/conformance/run.ts --target rabbitmq        this target only
//   tsx test/conformance/run.ts --times 3                each target so often; its records must not differ
//   tsx test/conformance/run.ts --notes                  shows every note
//   tsx test/conformance/run.ts --rules                  a line per rule: proved, differs, or noted on the first target only
//   tsx test/conformance/run.ts --only 'part of a title'
import { parseArgs } from 'node:util'
import { areas } from './areas/index.js'
import type { ScenarioRecord } from './compare.js'
import { allDifferences, prove } from './proof.js'
import { runAll } from './record.js'
import { allRules } from './rules.js'
import { TARGETS } from './targets.js'
import { UNOBSERVABLE } from './unobservable.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: 'string', multiple: true },
    times: { type: 'string', default: '1' },
    notes: { type: 'boolean', default: false },
    rules: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})

const unknown = positionals.filter((area) => !(area in areas))
if (unknown.length > 0) throw new Error(`expected areas of ${Object.keys(areas).join(', ')}; got ${unknown.join(', ')}`)

const scenarios = Object.entries(areas)
  .filter(([area]) => positionals.length === 0 || positionals.includes(area))
  .flatMap(([, all]) => all)
  .filter(({ title }) => title.includes(values.only))

interface Run {
  readonly target: string
  readonly records: readonly ScenarioRecord[]
}

const runs: Run[] = []
for (const target of TARGETS) {
  if (values.target !== undefined && !values.target.includes(target.name)) continue
  for (let time = 1; time <= Number(values.times); time++) {
    const start = Date.now()
    const records = await runAll(target, scenarios)
    if (records === undefined) {
      console.log(`${target.name}: not there`)
      break
    }
    runs.push({ target: target.name, records })
    const crashed = records.filter(({ crash }) => crash !== undefined)
    const skipped = records.filter((each) => each.skipped !== undefined)
    const seconds = ((Date.now() - start) / 1000).toFixed(1)
    console.log(
      `${target.name}: ${records.length} scenarios in ${seconds} s, ${crashed.length} crashed, ${skipped.length} not run`,
    )
    for (const { title, crash } of crashed) console.log(`  crashed: ${title}: ${crash}`)
    for (const each of skipped) console.log(`  not run: ${each.title}: ${each.skipped}`)
  }
}

const [first, ...others] = runs
if (values.notes)
  for (const { title, notes } of first?.records ?? []) {
    console.log(`\n${title}`)
    for (const { rule, what, value } of notes) console.log(`  ${rule} ${what}: ${JSON.stringify(value)}`)
  }

let differing = 0
for (const { target, records } of others) {
  for (const { title, rule, what, left, right } of allDifferences(first?.records ?? [], records)) {
    differing++
    console.log(`\n${rule} differs: ${title}: ${what}`)
    console.log(`  ${first?.target}: ${JSON.stringify(left)}\n  ${target}: ${JSON.stringify(right)}`)
  }
}

const rules = allRules()
const noted = new Set<string>()
for (const { rules: carried, notes, crash } of first?.records ?? []) {
  for (const rule of carried) if (!rules.has(rule)) throw new Error(`no such rule: ${rule}`)
  if (crash === undefined) for (const { rule } of notes) noted.add(rule)
}
const last = others.at(-1)
if (first !== undefined && last !== undefined) {
  const proofs = prove(rules.keys(), first.records, last.records)
  if (values.rules)
    for (const { rule, verdict, notes } of proofs)
      if (verdict !== 'none') console.log(`${rule} ${verdict}, ${notes} notes`)
  const proved = proofs.filter(({ verdict }) => verdict === 'proved')
  console.log(`\n${proved.length} rules proved on ${first.target} and ${last.target}`)
}
const core = [...rules].filter(([, kind]) => kind === 'core').map(([rule]) => rule)
const open = core.filter((rule) => !noted.has(rule) && !(rule in UNOBSERVABLE))
const count = (of: readonly string[]) => of.filter((rule) => noted.has(rule)).length
console.log(
  `\n${noted.size} rules observed on ${first?.target}, ${count(core)} of ${core.length} [core] ones; ${differing} differences`,
)
if (positionals.length === 0 && values.only === '') console.log(`not observed: ${open.join(' ')}`)
if (differing > 0 || runs.some(({ records }) => records.some(({ crash }) => crash !== undefined))) process.exitCode = 1
