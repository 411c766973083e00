import fc from 'fast-check'
import { describe, it } from 'vitest'
import { type Command, commands } from './commands.js'
import { topologies } from './topologies.js'
import { Trial } from './trial.js'

/** Runs of 100 commands, over all topologies; `MODEL_RUNS` and `MODEL_SEED` repeat or extend what CI does. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 2_400)
const SEED = Number(process.env['MODEL_SEED'] ?? Date.now() % 2 ** 31)
/** `MODEL_SHRINK=no`: whether it fails is all that is asked. */
const SHRINK = process.env['MODEL_SHRINK'] !== 'no'

describe('a broker and the model of it', () => {
  it.each(topologies)('agree after every command on $name', { timeout: 600_000 }, async (topology) => {
    const property = fc.asyncProperty(commands, async (run) => {
      const trial = new Trial(topology)
      await perform(trial, run)
    })
    const numRuns = Math.ceil(RUNS / topologies.length)
    const result = await fc.check(property, { numRuns, seed: SEED, endOnFailure: !SHRINK })
    const [run] = result.counterexample ?? []
    if (run !== undefined) throw await failure(new Trial(topology), run, result.seed)
  })
})

async function perform(trial: Trial, run: readonly Command[]): Promise<void> {
  for (const command of run) {
    const waiting = trial.run(command)
    if (waiting !== undefined) await waiting
  }
  await trial.finish()
}

/** What the shortest run that fails does, in words. */
async function failure(trial: Trial, run: readonly Command[], seed: number): Promise<Error> {
  const error = await perform(trial, run).then(
    () => 'it passed when it was repeated',
    (thrown) => thrown,
  )
  const title = `after ${trial.story.length} commands (MODEL_SEED=${seed})`
  return new Error(`${title}\n  ${trial.story.join('\n  ')}\n${String(error)}`, { cause: error })
}
