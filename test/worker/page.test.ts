/** The three lines that docs/worker-threads.md begins with, as files of a user's. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { blocksOf } from '../tools/blocks.js'
import { run } from '../tools/child.js'
import { forget, promisesOf } from './recipes.js'

const PAGE = 'docs/worker-threads.md'

describe('what the page of worker threads begins with', { timeout: 60_000 }, () => {
  it('does what it says', async () => {
    const [beginning = ''] = readFileSync(PAGE, 'utf8').split(/^## /m)
    const [main, handler] = blocksOf(PAGE, beginning).blocks.map(({ code }) => code)
    // n.b. in the repository, so that the names of the package lead to its sources.
    mkdirSync('.cache', { recursive: true })
    const folder = mkdtempSync('.cache/page-')
    onTestFinished(() => forget(folder))
    writeFileSync(join(folder, 'main.ts'), main ?? '')
    writeFileSync(join(folder, 'handler.ts'), handler ?? '')
    const { code, output } = await run(process.execPath, ['--import', 'tsx', join(folder, 'main.ts')])
    const promises = promisesOf(main ?? '')
    expect([code, output.trimEnd().split('\n')]).toEqual([0, promises])
    expect(promises).toEqual(['6765'])
  })
})
