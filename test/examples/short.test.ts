// The packed package runs them too (test/tools/packed.ts); here they run on the sources, where a failure has a line.
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Child } from './child.js'

const EXAMPLES = readdirSync('examples').filter((file) => file.endsWith('.ts'))

/** n.b. of a busy machine's time; the example itself takes less than three seconds. */
describe('a short example', { timeout: 30_000 }, () => {
  it.each(EXAMPLES)('%s says what it does, checks itself and ends', async (file) => {
    const { code, out, err } = await new Child(process.execPath, ['--import', 'tsx', `examples/${file}`]).ended
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).not.toBe('')
  })
})
