/** What docs/worker-threads.md says of a program as a whole, tried on files of a user's. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { blocksOf } from '../tools/blocks.js'
import { type Outcome, run } from '../tools/child.js'
import { forget, promisesOf } from './recipes.js'

const PAGE = 'docs/worker-threads.md'

/** Runs a program that has a handler beside it. */
function program(main: string, handler: string): Promise<Outcome> {
  // n.b. in the repository, so that the names of the package lead to its sources.
  mkdirSync('.cache', { recursive: true })
  const folder = mkdtempSync('.cache/page-')
  onTestFinished(() => forget(folder))
  writeFileSync(join(folder, 'main.ts'), main)
  writeFileSync(join(folder, 'handler.ts'), handler)
  return run(process.execPath, ['--import', 'tsx', join(folder, 'main.ts')], { timeout: 60_000 })
}

describe('a program that gives a queue to threads', { timeout: 90_000 }, () => {
  it('does what the page of worker threads begins with', async () => {
    const [beginning = ''] = readFileSync(PAGE, 'utf8').split(/^## /m)
    const [main = '', handler = ''] = blocksOf(PAGE, beginning).blocks.map(({ code }) => code)
    const { code, output } = await program(main, handler)
    expect([code, output]).toEqual([0, '6765\n'])
    expect(promisesOf(main)).toEqual(['6765'])
  })

  it('is kept alive by threads that have nothing to do, until they are closed', async () => {
    const main = `
      import { Broker } from 'leveret'
      import { consumeInWorkers } from 'leveret/worker'
      const jobs = await new Broker().virtualHost('/').declareQueue('jobs')
      const workers = await consumeInWorkers(jobs, new URL('./handler.ts', import.meta.url))
      const end = async () => {
        console.log('alive')
        await workers.close()
      }
      // Whoever is not alive any more sees no such timer.
      setTimeout(end, 100).unref()`
    expect(await program(main, 'export default () => undefined')).toMatchObject({ code: 0, output: 'alive\n' })
  })
})
