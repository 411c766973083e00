// Turns each feature of leveret/testing off, one after another, and sees whether its own tests notice. A feature that can be
// off is one that no test holds.
//   npm run features                   all of them
//   npm run features -- 'strict: '     those with this in their name
import { tryAll } from '../mutants/trial.js'
import { features } from './features.js'

const WHOLE = { tests: ['test/testing'] }

const [word = ''] = process.argv.slice(2)
await tryAll(features, word, (feature) =>
  feature === undefined ? [WHOLE] : [{ tests: [`test/testing/${feature.by}.test.ts`] }, WHOLE],
)
