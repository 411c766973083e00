// Starts an example as its reader does, and waits for what it prints instead of for time.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export class Child {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #looks = new Set<() => void>()
  readonly ended: Promise<Ended>
  #out = ''
  #err = ''

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(command, args, { env: { ...process.env, ...env } })
    this.#process = child
    child.stdin.end()
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.#out += chunk
      for (const look of this.#looks) look()
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#err += chunk
    })
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, out: this.#out, err: this.#err }))
    })
    onTestFinished(() => void child.kill('SIGKILL'))
  }

  /** Resolves when the output matches; rejects when the process ends without. */
  printed(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!pattern.test(this.#out)) return
        this.#looks.delete(look)
        resolve()
      }
      this.#looks.add(look)
      look()
      this.ended.then(() => reject(new Error(`${pattern} was not printed, but:\n${this.#out}${this.#err}`)), reject)
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }
}
