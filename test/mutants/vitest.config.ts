/** The tests, with the mistake named by MUTANT put into the source while it is loaded; nothing is written. */
import { fileURLToPath } from 'node:url'
import { mergeConfig, type Plugin } from 'vitest/config'
import base from '../../vitest.config.js'
import { features } from '../testing/features.js'
import { mutants } from './mutants.js'

function mutate(name: string): Plugin {
  const mutant = [...mutants, ...features].find((known) => known.name === name)
  if (mutant === undefined) throw new Error(`there is no mutant '${name}'`)
  const file = fileURLToPath(new URL(`../../${mutant.file}`, import.meta.url))
  return {
    name: 'leveret:mutant',
    enforce: 'pre',
    transform: (code, id) => (id.split('?')[0] === file ? code.replace(mutant.find, () => mutant.replace) : undefined),
  }
}

const { MUTANT } = process.env

export default mergeConfig(base, {
  plugins: MUTANT === undefined ? [] : [mutate(MUTANT)],
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    fileParallelism: false,
  },
})
