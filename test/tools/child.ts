// What every runner here needs: a child process with a time limit, and no more than two of them at once. Without the
// limit a block or example that never ends would hang the whole test command instead of failing by name.
import { spawn } from 'node:child_process'

export interface Outcome {
  readonly code: number | string
  readonly output: string
  readonly seconds: number
}

export interface RunOptions {
  readonly cwd?: string
  /** Milliseconds after which the child is killed and the outcome's code is `timeout`. */
  readonly timeout?: number
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command to its end; never rejects. `code` is the exit code, the signal that ended it, or `timeout`. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { cwd = process.cwd(), timeout = 120_000, env = {} } = options
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeout)
    const keep = (chunk: string) => {
      output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    const end = (code: number | string) => {
      clearTimeout(timer)
      resolve({ code: late ? 'timeout' : code, output, seconds: (performance.now() - started) / 1000 })
    }
    child.once('error', (error) => {
      output += error.message
      end('error')
    })
    child.once('close', (code, signal) => end(code ?? signal ?? 'unknown'))
  })
}

/** Calls `work` for every item, at most two at a time, and answers in the items' order. */
export async function inTwos<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as Item)
  }
  await Promise.all([lane(), lane()])
  return results
}

/** Prints what failed and the closing line that run-all.ts adds up, and sets the exit code. */
export function conclude(passed: number, failures: readonly string[]): void {
  for (const failure of failures) console.error(`FAILED ${failure}`)
  console.log(`${passed} passed, ${failures.length} failed`)
  if (failures.length > 0) process.exitCode = 1
}

/** The path of a script of an installed package, so that `node` runs it without npx. */
export function bin(name: string): string {
  return `node_modules/.bin/${name}`
}
