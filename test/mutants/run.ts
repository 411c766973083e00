// Puts every mutant of mutants.ts into the source, one after another, and sees whether the tests notice. A mutant that
// survives is behaviour that no test holds.
//   npm run mutants                  all mutants
//   npm run mutants -- 'cycle'       those with this word in their name
import { readFileSync } from 'node:fs'
import { bin, inTwos, run } from '../tools/child.js'
import { type Mutant, mutants } from './mutants.js'

interface Verdict {
  readonly mutant: string
  /** The test that noticed; undefined when none did. */
  readonly killer: string | undefined
  readonly seconds: number
}

/** Tried one after the other, until one fails: a few runs of the model find most mistakes, and in a second. */
const STAGES = [
  { folders: ['test/model'], env: { MODEL_RUNS: '160' } },
  { folders: ['test/bus', 'test/unit'], env: {} },
  { folders: ['test/model'], env: {} },
]
/** A mutant may make the broker loop for ever, which is noticed too. */
const LIMIT = 180_000
/** Shrinking tells nothing here, and a mutant must be killed by the same runs everywhere. */
const ENVIRONMENT = { MODEL_SEED: '1', MODEL_SHRINK: 'no', NO_COLOR: '1' }

/** Runs the tests; answers the first that failed. */
async function firstFailure(environment: Readonly<Record<string, string>>): Promise<string | undefined> {
  for (const { folders, env } of STAGES) {
    const command = [bin('vitest'), 'run', '--config', 'test/mutants/vitest.config.ts', '--bail=1', ...folders]
    const { code, output } = await run(process.execPath, command, {
      timeout: LIMIT,
      env: { ...environment, ...env },
    })
    if (code === 'timeout') return `no end within ${LIMIT / 1000} s`
    if (code === 0) continue
    // n.b. a source that cannot be loaded fails too, and proves nothing.
    const test = /^ *FAIL +(.* > .*)$/m.exec(output)?.[1]
    if (test !== undefined) return test
    throw new Error(`no test failed, yet the exit code is ${code}:\n${output.trim().slice(-2_000)}`)
  }
  return undefined
}

async function tryMutant({ name }: Mutant): Promise<Verdict> {
  const started = performance.now()
  const killer = await firstFailure({ ...ENVIRONMENT, MUTANT: name })
  const seconds = (performance.now() - started) / 1000
  const verdict = killer === undefined ? 'SURVIVED' : 'killed'
  console.log(`${verdict.padEnd(9)} ${seconds.toFixed(1).padStart(6)} s  ${name.padEnd(70)} ${killer ?? ''}`)
  return { mutant: name, killer, seconds }
}

function faultOf({ file, find, replace }: Mutant): string | undefined {
  const times = readFileSync(file, 'utf8').split(find).length - 1
  if (times !== 1) return `its text is ${times} times in ${file}, expected once`
  return find === replace ? 'it changes nothing' : undefined
}

async function main(): Promise<void> {
  const [word = ''] = process.argv.slice(2)
  const chosen = mutants.filter(({ name }) => name.includes(word))
  const names = new Set(mutants.map(({ name }) => name))
  const faults = mutants
    .map((mutant) => ({ mutant, fault: faultOf(mutant) }))
    .filter(({ fault }) => fault !== undefined)
  for (const { mutant, fault } of faults) console.error(`${mutant.name}: ${fault}`)
  if (faults.length > 0 || names.size < mutants.length || chosen.length === 0) {
    console.error(`${faults.length} mutants do not fit the source, ${chosen.length} of ${mutants.length} chosen`)
    process.exitCode = 1
    return
  }
  const failure = await firstFailure(ENVIRONMENT)
  if (failure !== undefined) {
    console.error(`the tests fail without any mutant: ${failure}`)
    process.exitCode = 1
    return
  }
  const verdicts = await inTwos(chosen, tryMutant)
  const survivors = verdicts.filter(({ killer }) => killer === undefined)
  console.log(`${verdicts.length - survivors.length} of ${verdicts.length} mutants killed`)
  if (survivors.length > 0) process.exitCode = 1
}

await main()
