// The fake timers of three test runners, behind one face, over a platform on which no time passes by itself: what is not
// faked would show as a timer armed there.
import { mock } from 'node:test'
import FakeTimers from '@sinonjs/fake-timers'
import { onTestFinished, vi } from 'vitest'

/** What runs while time is faked. */
export interface Fake {
  /** Lets fake time pass, synchronously. */
  advance(ms: number): void
  /** Sets the fake date, where the fake can. */
  setSystemTime?(time: number): void
  /** Forgets the fake timers, where the fake can. */
  clear?(): void
  uninstall(): void
}

export interface FakeRow {
  readonly name: string
  install(): Fake
}

/**
 * Everything that Jest's modern fake timers replace, but `nextTick`: Jest replaces that of the tests' context alone, here
 * it would be the one on which the test runner talks to its worker. A child process fakes it too (process-life.test.ts).
 */
const JEST = [
  'Date',
  'hrtime',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const

export const vitestFake: FakeRow = {
  name: 'vitest',
  install: () => {
    vi.useFakeTimers()
    return {
      advance: (ms) => void vi.advanceTimersByTime(ms),
      setSystemTime: (time) => void vi.setSystemTime(time),
      clear: () => void vi.clearAllTimers(),
      uninstall: () => void vi.useRealTimers(),
    }
  },
}

export const jestFake: FakeRow = {
  name: '@sinonjs/fake-timers as Jest configures it',
  install: () => {
    const clock = FakeTimers.install({
      now: Date.now(),
      loopLimit: 100_000,
      shouldAdvanceTime: false,
      shouldClearNativeTimers: true,
      toFake: [...JEST],
    })
    return {
      advance: (ms) => void clock.tick(ms),
      setSystemTime: (time) => clock.setSystemTime(time),
      clear: () => clock.reset(),
      uninstall: () => clock.uninstall(),
    }
  },
}

export const nodeFake: FakeRow = {
  name: 'node:test',
  install: () => {
    mock.timers.enable()
    return { advance: (ms) => mock.timers.tick(ms), uninstall: () => mock.timers.reset() }
  },
}

export const FAKES: readonly FakeRow[] = [vitestFake, jestFake, nodeFake]

interface PlatformTimer {
  readonly callback: () => void
  readonly due: number
  referenced: boolean
  ref(): void
  unref(): void
}

/**
 * Takes the place of the platform's `setTimeout` and `performance.now` for one test. Real time passes when the test says
 * so; whatever is still faked at the end of the test is not any more.
 */
export class Platform {
  /** Timers that are armed. */
  readonly timers: PlatformTimer[] = []
  /** Timers that were ever armed. */
  armed = 0
  // n.b. a fraction, as real clocks read.
  time = 1234.567
  #fake: Fake | undefined

  constructor() {
    const platform = this
    const genuine = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout }
    const reading = vi.spyOn(performance, 'now').mockImplementation(() => platform.time)
    Object.assign(globalThis, {
      setTimeout: function setTimeout(callback: () => void, ms: number): PlatformTimer {
        return platform.#arm(callback, ms)
      },
      clearTimeout: function clearTimeout(timer: PlatformTimer): void {
        platform.#forget(timer)
      },
    })
    onTestFinished(() => {
      this.#fake?.uninstall()
      reading.mockRestore()
      Object.assign(globalThis, genuine)
    })
  }

  /** Fakes time from now until `uninstall`, or the end of the test. */
  fake(row: FakeRow): Fake {
    const fake = row.install()
    this.#fake = {
      ...fake,
      uninstall: () => {
        this.#fake = undefined
        fake.uninstall()
      },
    }
    return this.#fake
  }

  /** Lets real time pass. */
  advance(ms: number): void {
    const until = this.time + ms
    for (;;) {
      const [next] = this.timers.filter(({ due }) => due <= until).sort((a, b) => a.due - b.due)
      if (next === undefined) break
      this.#forget(next)
      this.time = next.due
      next.callback()
    }
    this.time = until
  }

  #arm(callback: () => void, ms: number): PlatformTimer {
    this.armed++
    const timer: PlatformTimer = {
      callback,
      due: this.time + ms,
      referenced: true,
      ref: () => {
        timer.referenced = true
      },
      unref: () => {
        timer.referenced = false
      },
    }
    this.timers.push(timer)
    return timer
  }

  #forget(timer: PlatformTimer): void {
    const index = this.timers.indexOf(timer)
    if (index !== -1) this.timers.splice(index, 1)
  }
}

/** Lets the microtasks that are due run, and those that they cause. */
export async function microtasks(): Promise<void> {
  for (let i = 0; i < 50; i++) await null
}
