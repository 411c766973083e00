/** Shows how far the index is: a bar that moves on a terminal, a line a second elsewhere. */
import type { WriteStream } from 'node:tty'
import type { Meter } from './meter.js'

const BAR_WIDTH = 24
const BAR_MS = 80
const LINE_MS = 1_000
const CLEAR_LINE = '\r\u001b[K'

const number = new Intl.NumberFormat('en')

export class Progress {
  /** How many files there will be; until it is known there are no percentages. */
  total: number | undefined
  readonly #meter: Meter
  readonly #out: WriteStream
  readonly #timer: NodeJS.Timeout

  constructor(meter: Meter, out: WriteStream) {
    this.#meter = meter
    this.#out = out
    const show = out.isTTY ? () => this.#draw() : () => out.write(`${this.#line()}\n`)
    this.#timer = setInterval(show, out.isTTY ? BAR_MS : LINE_MS)
  }

  /** Prints a line without tearing the bar. */
  print(line: string): void {
    this.#out.write(this.#out.isTTY ? `${CLEAR_LINE}${line}\n` : `${line}\n`)
  }

  /** Takes the bar away; the last plain line stays. */
  stop(): void {
    clearInterval(this.#timer)
    this.#out.write(this.#out.isTTY ? CLEAR_LINE : `${this.#line()}\n`)
  }

  #draw(): void {
    const { done } = this.#meter.standing()
    const share = this.total === undefined ? 0 : Math.min(1, done / Math.max(1, this.total))
    const bar = '█'.repeat(Math.floor(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░')
    // n.b. a line that wraps cannot be taken back.
    this.#out.write(CLEAR_LINE + `${bar} ${this.#line()}`.slice(0, this.#out.columns - 1))
  }

  #line(): string {
    const { found, done, messages, waiting } = this.#meter.standing()
    const total = this.total ?? found
    const percent = this.total === undefined ? '' : `${Math.floor((100 * done) / Math.max(1, total))} %, `
    return (
      `${percent}${number.format(done)} of ${number.format(total)} files, ` +
      `${number.format(messages)} messages, ${number.format(waiting)} waiting`
    )
  }
}
