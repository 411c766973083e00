// Puts every mutant of mutants.ts into the source, one after another, and sees whether the tests notice. A mutant that
// survives is behaviour that no test holds.
//   npm run mutants                  all mutants
//   npm run mutants -- 'cycle'       those with this word in their name
import { mutants } from './mutants.js'
import { type Stage, tryAll } from './trial.js'

/** Tried one after the other, until one fails: a few runs of the model find most mistakes, and in a second. */
const STAGES: readonly Stage[] = [
  { tests: ['test/model'], env: { MODEL_RUNS: '160' } },
  { tests: ['test/bus', 'test/unit'] },
  { tests: ['test/model'] },
]
/** Shrinking tells nothing here, and a mutant must be killed by the same runs everywhere. */
const ENVIRONMENT = { MODEL_SEED: '1', MODEL_SHRINK: 'no' }

const [word = ''] = process.argv.slice(2)
await tryAll(mutants, word, () => STAGES, ENVIRONMENT)
