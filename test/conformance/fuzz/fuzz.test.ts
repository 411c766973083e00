// Two hundred random sequences of operations on leveret and on a live RabbitMQ, the same every time. Where no RabbitMQ
// answers, the row is listed as skipped.
import { expect, test } from 'vitest'
import { bin, run } from '../../tools/child.js'
import { answers } from '../live.js'

test.skipIf(!(await answers()))(
  'random operations come to the same on leveret and on a live RabbitMQ',
  async () => {
    const command = [bin('tsx'), 'test/conformance/fuzz/run.ts', '--runs', '200', '--lanes', '2', '--seed', '42']
    const { code, output } = await run(process.execPath, command, { timeout: 150_000 })
    expect(output).toContain('0 of 2 lanes failed')
    expect(code).toBe(0)
  },
  160_000,
)
