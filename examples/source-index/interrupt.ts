/** Ctrl-C and SIGTERM: the first asks for a graceful end, a second one ends the process. */
import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** n.b. what runs us, such as tsx, may pass one Ctrl-C on twice when the answer takes it too long. */
const SAME_MS = 500

export class Interrupt {
  /** What the process exits with: 0 until it is interrupted. */
  exitCode = 0
  readonly #controller = new AbortController()
  readonly #listener: (signal: (typeof SIGNALS)[number]) => void

  constructor(report: (signal: string) => void) {
    let first = 0
    this.#listener = (signal) => {
      if (this.exitCode === 0) {
        first = performance.now()
        this.exitCode = 128 + constants.signals[signal]
        report(signal)
        this.#controller.abort()
      } else if (performance.now() - first > SAME_MS) {
        process.exit(this.exitCode)
      }
    }
    for (const signal of SIGNALS) process.on(signal, this.#listener)
  }

  /** Aborted by the first interrupt. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** From here on a signal ends the process, as it does by default. */
  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener)
  }
}
