// The whole test command in one place, so that no check can be forgotten: every step runs even when an earlier one
// failed, a failing step shows its output, and the last line adds everything up.
//   npm test                  all steps
//   npm test -- lint layers   these steps, and what they need
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bin, type Outcome, run } from './child.js'

interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** The step that has to end first, whatever its outcome. */
  readonly after?: string
}

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const STEP_LIMIT = 420_000
const folder = 'node_modules/.cache/leveret'
const report = join(folder, `vitest-${process.pid}.json`)
const tool = (name: string) => [bin('tsx'), `test/tools/${name}.ts`]

// At most two at once, in this order: what takes long goes first, so that no step runs alone at the end.
const STEPS: readonly Step[] = [
  {
    name: 'tests',
    command: [bin('vitest'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  },
  { name: 'build', command: [bin('tsup')] },
  { name: 'doc-blocks', command: tool('doc-blocks'), after: 'build' },
  { name: 'packed', command: tool('packed'), after: 'build' },
  { name: 'test-types', command: [bin('tsc'), '-p', 'test/tsconfig.json'] },
  { name: 'api-docs', command: [bin('typedoc'), '--emit', 'none'] },
  { name: 'attw', command: [bin('attw'), '--pack', '.', '--profile', 'node16', '--no-color'], after: 'build' },
  { name: 'unused', command: [bin('knip')] },
  { name: 'lint', command: [bin('biome'), 'check', '--error-on-warnings', '.'] },
  { name: 'layers', command: tool('layers') },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'node-types', command: [bin('tsc'), '-p', 'src/amqplib'] },
  { name: 'testing-types', command: [bin('tsc'), '-p', 'src/testing'] },
  { name: 'publint', command: [bin('publint'), 'run', '--strict'], after: 'build' },
  { name: 'size', command: [bin('size-limit')], after: 'build' },
]

/** Vitest and our own tools say how many they checked; any other step counts as one. */
function countsOf(step: Step, { code, output }: Outcome): Counts {
  let counts = { passed: code === 0 ? 1 : 0, failed: 0, skipped: 0 }
  const line = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1)
  if (line !== undefined) counts = { passed: Number(line[1]), failed: Number(line[2]), skipped: 0 }
  if (step.name === 'tests') {
    try {
      const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'))
      counts = { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests }
    } catch {
      counts = { passed: 0, failed: 1, skipped: 0 }
    }
  }
  // A step may fail without a failed check, as when a test file cannot be loaded.
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

function chosen(names: readonly string[]): Step[] {
  const unknown = names.filter((name) => !STEPS.some((step) => step.name === name))
  if (unknown.length > 0) throw new Error(`expected ${STEPS.map(({ name }) => name).join(', ')}, got ${unknown}`)
  const needed = STEPS.filter(({ name }) => names.includes(name)).map(({ after }) => after)
  return STEPS.filter(({ name }) => names.length === 0 || names.includes(name) || needed.includes(name))
}

async function main(): Promise<void> {
  const waiting = chosen(process.argv.slice(2))
  const ended = new Set<string>()
  const total = { passed: 0, failed: 0, skipped: 0 }
  const failedSteps: string[] = []
  mkdirSync(folder, { recursive: true })

  const perform = async (step: Step) => {
    // n.b. attw packs, which would build once more under the other steps' feet.
    const env = { npm_config_ignore_scripts: 'true', FORCE_COLOR: '0' }
    const outcome = await run(process.execPath, step.command, { timeout: STEP_LIMIT, env })
    const counts = countsOf(step, outcome)
    total.passed += counts.passed
    total.failed += counts.failed
    total.skipped += counts.skipped
    ended.add(step.name)
    const verdict = counts.failed === 0 ? 'ok' : `FAILED (${outcome.code})`
    console.log(`${step.name.padEnd(12)} ${outcome.seconds.toFixed(1).padStart(6)} s  ${verdict}`)
    if (counts.failed === 0) return
    failedSteps.push(step.name)
    console.log(outcome.output.replace(/^/gm, '  | '))
  }

  const running = new Set<Promise<void>>()
  while (waiting.length > 0 || running.size > 0) {
    const index = waiting.findIndex(({ after }) => after === undefined || ended.has(after))
    if (running.size === 2 || index < 0) {
      await Promise.race(running)
      continue
    }
    for (const step of waiting.splice(index, 1)) {
      const task: Promise<void> = perform(step).finally(() => running.delete(task))
      running.add(task)
    }
  }

  rmSync(report, { force: true })
  if (failedSteps.length > 0) console.log(`failed steps: ${failedSteps.join(', ')}`)
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
  if (total.failed > 0) process.exitCode = 1
}

await main()
