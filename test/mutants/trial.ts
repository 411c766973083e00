/** Puts mistakes into the source, one after another, and sees whether the tests notice. */
import { readFileSync } from 'node:fs'
import { bin, inTwos, run } from '../tools/child.js'

/** A mistake, as an edit of one place. */
export interface Mutant {
  /** The mistake, in words. */
  readonly name: string
  readonly file: string
  /** Is in the file exactly once: when the code moves on, the mutant has to follow. */
  readonly find: string
  readonly replace: string
}

/** Tests to run. */
export interface Stage {
  /** Of what `vitest run` takes: folders, parts of names. */
  readonly tests: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

interface Verdict {
  readonly mutant: string
  /** The test that noticed; undefined when none did. */
  readonly killer: string | undefined
}

/** A mutant may make the broker loop for ever, which is noticed too. */
const LIMIT = 180_000

/** Runs the tests; answers the first that failed. */
async function firstFailure(
  stages: readonly Stage[],
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  for (const { tests, env } of stages) {
    const command = [bin('vitest'), 'run', '--config', 'test/mutants/vitest.config.ts', '--bail=1', ...tests]
    const { code, output } = await run(process.execPath, command, {
      timeout: LIMIT,
      env: { NO_COLOR: '1', ...environment, ...env },
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

/** Why a mutant is none; undefined when it is one. */
export function faultOf({ file, find, replace }: Mutant): string | undefined {
  const times = readFileSync(file, 'utf8').split(find).length - 1
  if (times !== 1) return `its text is ${times} times in ${file}, expected once`
  return find === replace ? 'it changes nothing' : undefined
}

/** Tries those with this word in their names. Sets the exit code when one survives, or when they do not fit the source. */
export async function tryAll<Kind extends Mutant>(
  mutants: readonly Kind[],
  word: string,
  stagesOf: (mutant?: Kind) => readonly Stage[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const chosen = mutants.filter(({ name }) => name.includes(word))
  const names = new Set(mutants.map(({ name }) => name))
  const faults = mutants.flatMap((mutant) => {
    const fault = faultOf(mutant)
    return fault === undefined ? [] : `${mutant.name}: ${fault}`
  })
  for (const fault of faults) console.error(fault)
  if (faults.length > 0 || names.size < mutants.length || chosen.length === 0) {
    console.error(`${faults.length} mutants do not fit the source, ${chosen.length} of ${mutants.length} chosen`)
    process.exitCode = 1
    return
  }
  const failure = await firstFailure(stagesOf(), environment)
  if (failure !== undefined) {
    console.error(`the tests fail without any mutant: ${failure}`)
    process.exitCode = 1
    return
  }
  const verdicts = await inTwos(chosen, async (mutant): Promise<Verdict> => {
    const { name } = mutant
    const started = performance.now()
    const killer = await firstFailure(stagesOf(mutant), { ...environment, MUTANT: name })
    const seconds = (performance.now() - started) / 1000
    const verdict = killer === undefined ? 'SURVIVED' : 'killed'
    console.log(`${verdict.padEnd(9)} ${seconds.toFixed(1).padStart(6)} s  ${name.padEnd(70)} ${killer ?? ''}`)
    return { mutant: name, killer }
  })
  const survivors = verdicts.filter(({ killer }) => killer === undefined)
  console.log(`${verdicts.length - survivors.length} of ${verdicts.length} mutants killed`)
  if (survivors.length > 0) process.exitCode = 1
}
