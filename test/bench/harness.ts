/**
 * What a bench is made of. A bar compares variants; each variant has a process of its own, because several workloads
 * through one closure make V8 compile for all of them and run about twice as slow. The processes take turns, round by
 * round: what disturbs the machine disturbs all of them, and only ratios within a round mean anything.
 */

/** What one round of a variant measured, by name: `ns` and `cpu` a message, `bytes` a message, `ms` of the longest turn. */
export type Figures = Readonly<Record<string, number>>

/** Runs one round. */
export type Round = () => Figures | Promise<Figures>

export interface Variant {
  /** Warms up and answers the function that runs a round. */
  readonly prepare: () => Round | Promise<Round>
  /** Flags of `node`, such as `--expose-gc`. */
  readonly flags?: readonly string[]
}

/** Looks a figure up, the time of a message when none is named: of one round, or the medians of all. */
export type Lookup = (variant: string, figure?: string) => number

export interface Comparison {
  readonly title: string
  /** The value of one round, usually a ratio of two variants. */
  readonly value: (of: Lookup) => number
  readonly atLeast?: number
  /** A bound that depends on other figures gets their medians. */
  readonly atMost?: number | ((of: Lookup) => number)
  /** What the value counts; a ratio when there is none. */
  readonly unit?: string
}

/** A comparison that was made. */
export interface Result {
  readonly title: string
  readonly unit: string
  readonly median: number
  readonly low: number
  readonly high: number
  readonly atLeast?: number
  readonly atMost?: number
  /** Undefined when there is no bar: a figure for the record. */
  readonly passed?: boolean
}

export interface Bar {
  readonly id: string
  readonly title: string
  readonly variants: Readonly<Record<string, Variant>>
  readonly comparisons: readonly Comparison[]
  /** Rounds for each that is asked for: more where a round is short and noisy, fewer where it is long. */
  readonly roundsFactor?: number
  /** Figures that come from a bench with a runner of its own. */
  readonly further?: (folder: string) => Promise<readonly Result[]>
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Runs `work` on `count` messages and answers the nanoseconds of one: `ns` on the clock, `cpu` of processor time, in
 * which other processes do not count and the threads of the garbage collector do.
 */
export async function timed(count: number, work: (count: number) => unknown): Promise<Figures> {
  const used = process.cpuUsage()
  const start = performance.now()
  await work(count)
  const ns = ((performance.now() - start) * 1e6) / count
  const { user, system } = process.cpuUsage(used)
  return { ns, cpu: ((user + system) * 1e3) / count }
}

/** A variant that does `work` on `count` messages a round, after `warmUp` of them. */
export function variant(
  count: number,
  warmUp: number,
  prepare: () => ((count: number) => unknown) | Promise<(count: number) => unknown>,
): Variant {
  return {
    prepare: async () => {
      const work = await prepare()
      // n.b. in several calls: V8 swaps the code of a loop in better at its next call than in its middle.
      for (let i = 0; i < 4; i++) await work(warmUp / 4)
      return () => timed(count, work)
    },
  }
}

/** A promise that ends after so many calls of `tick`: how a round waits for the last message. */
export class Countdown {
  #left = 0
  #resolve: () => void = () => undefined

  start(count: number): Promise<void> {
    this.#left = count
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  tick(): void {
    if (--this.#left === 0) this.#resolve()
  }
}

/** A body that must not be optimised away is added up here. */
export const seen = { sum: 0 }

/** Bytes in use on the heap and in typed arrays, garbage taken out. Needs `--expose-gc`. */
export function heapUsed(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  const { heapUsed: used, external } = process.memoryUsage()
  return used + external
}

export const nextMacrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
