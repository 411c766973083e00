import { mock } from 'node:test'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Clock, PlatformClock } from '../../src/clock.js'
import { Broker } from '../../src/index.js'
import { Timers } from '../../src/timers.js'
import { FAKES, jestFake, nodeFake, Platform, vitestFake } from './fakes.js'

describe('the clock of the platform', () => {
  test('begins at zero and goes on as the platform does', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const start = clock.now()
    platform.advance(10.25)
    expect(start).toBeGreaterThanOrEqual(0)
    expect(start).toBeLessThan(1)
    expect(clock.now() - start).toBeCloseTo(10.25, 9)
  })

  test('never goes back, and goes on from where it was when its source is put back', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    clock.now()
    platform.time += 100
    const before = clock.now()
    platform.time -= 50
    expect(clock.now()).toBeGreaterThanOrEqual(before)
    platform.time += 10
    expect(clock.now()).toBeGreaterThanOrEqual(before + 10)
    expect(clock.now()).toBeLessThan(before + 11)
  })

  test('arms one platform timer a timer, and takes it back', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const called = vi.fn()
    const timer = clock.setTimeout(called, 20)
    clock.setTimeout(called, 10)
    expect(platform.timers).toHaveLength(2)
    clock.clearTimeout(timer)
    clock.clearTimeout(timer)
    expect(platform.timers).toHaveLength(1)
    platform.advance(9)
    expect(called).not.toHaveBeenCalled()
    platform.advance(1)
    expect(called).toHaveBeenCalledOnce()
    platform.advance(100)
    expect(called).toHaveBeenCalledOnce()
  })

  test('takes no timer that fires a millisecond early for a proof that its time has come', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const start = clock.now()
    clock.setTimeout(() => undefined, 20)
    platform.time += 19
    platform.timers[0]?.callback()
    expect(clock.now() - start).toBeCloseTo(19, 9)
  })

  test('keeps the process alive as it is told', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const timer = clock.setTimeout(() => undefined, 20)
    expect(platform.timers[0]?.referenced).toBe(true)
    timer.unref?.()
    expect(platform.timers[0]?.referenced).toBe(false)
    timer.ref?.()
    expect(platform.timers[0]?.referenced).toBe(true)
  })
})

describe.each(FAKES)('while time is faked by $name, the clock', (row) => {
  test('goes on from where it was when the fake is installed, and when it is removed', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    clock.now()
    platform.advance(100.25)
    const before = clock.now()
    const fake = platform.fake(row)
    const installed = clock.now()
    expect(installed).toBe(Math.ceil(before))
    platform.advance(1000)
    expect(clock.now()).toBe(installed)
    fake.advance(500)
    expect(clock.now()).toBe(installed + 500)
    fake.uninstall()
    expect(clock.now()).toBe(installed + 500)
    platform.advance(5)
    expect(clock.now()).toBeCloseTo(installed + 505, 9)
  })

  test('fires timers when fake time comes, and reads that time in them', () => {
    const platform = new Platform()
    const fake = platform.fake(row)
    const clock = new PlatformClock()
    const start = clock.now()
    const called: number[] = []
    clock.setTimeout(() => called.push(clock.now() - start), 1000)
    fake.advance(999)
    expect(called).toEqual([])
    fake.advance(1)
    expect(called).toEqual([1000])
    expect(platform.armed).toBe(0)
  })

  test('moves what was armed before to the fake, with what was left of it, at the next look', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const called = vi.fn()
    clock.setTimeout(called, 1000)
    platform.advance(400.25)
    clock.now()
    const fake = platform.fake(row)
    clock.now()
    expect(platform.timers).toMatchObject([{ referenced: false }])
    platform.advance(5000)
    fake.advance(598)
    expect(called).not.toHaveBeenCalled()
    fake.advance(1)
    expect(called).toHaveBeenCalledOnce()
  })

  test('counts whole milliseconds, so that what is armed at a fraction is due at the tick, neither late nor early', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const timers = new Timers(clock)
    timers.after(3, () => undefined)
    let late = 0
    for (let i = 0; i < 200; i++) {
      platform.time += 0.1 + i / 7
      clock.now()
      const fake = platform.fake(row)
      const called = vi.fn()
      timers.after(10 + i, called)
      fake.advance(9 + i)
      expect(called).not.toHaveBeenCalled()
      fake.advance(1)
      if (called.mock.calls.length === 0) late++
      fake.advance(5)
      fake.uninstall()
      clock.now()
    }
    expect(late).toBe(0)
  })

  test('ignores a real timer that fires while time is faked, and arms it on the fake', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const called = vi.fn()
    clock.setTimeout(called, 1000)
    const fake = platform.fake(row)
    platform.advance(1000)
    expect(called).not.toHaveBeenCalled()
    fake.advance(999)
    expect(called).not.toHaveBeenCalled()
    fake.advance(1)
    expect(called).toHaveBeenCalledOnce()
  })

  test('moves what was armed on the fake back to the platform, with what was left of it, at the next look', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const fake = platform.fake(row)
    const called = vi.fn()
    clock.setTimeout(called, 1000).unref?.()
    fake.advance(400)
    clock.now()
    fake.uninstall()
    expect(platform.timers).toEqual([])
    clock.now()
    expect(platform.timers).toMatchObject([{ referenced: false }])
    platform.advance(599)
    expect(called).not.toHaveBeenCalled()
    platform.advance(2)
    expect(called).toHaveBeenCalledOnce()
  })

  test('finds every new fake, even when nobody looked between two of them', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const called = vi.fn()
    const first = platform.fake(row)
    clock.setTimeout(called, 1000)
    first.advance(400)
    clock.now()
    first.uninstall()
    const second = platform.fake(row)
    clock.now()
    second.advance(599)
    expect(called).not.toHaveBeenCalled()
    second.advance(1)
    expect(called).toHaveBeenCalledOnce()
  })

  test('leaves the timers of a fake that is gone alone, so that the next fake works', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const fake = platform.fake(row)
    const timer = clock.setTimeout(() => undefined, 50)
    fake.uninstall()
    const next = platform.fake(row)
    clock.clearTimeout(timer)
    const order: number[] = []
    for (const ms of [5, 3, 9, 1, 7]) globalThis.setTimeout(() => order.push(ms), ms)
    next.advance(10)
    expect(order).toEqual([1, 3, 5, 7, 9])
  })

  test('is not steady', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    clock.now()
    expect(clock.steady()).toBe(true)
    const fake = platform.fake(row)
    expect(clock.steady()).toBe(false)
    clock.now()
    expect(clock.steady()).toBe(false)
    fake.uninstall()
    clock.now()
    expect(clock.steady()).toBe(true)
  })
})

describe.each([vitestFake, jestFake])('while time is faked by $name, the clock', (row) => {
  test.each([-3_600_000, 3_600_000])('passes no time when the date is moved by %i ms', (step) => {
    const platform = new Platform()
    const fake = platform.fake(row)
    const clock = new PlatformClock()
    const called = vi.fn()
    clock.setTimeout(called, 1000)
    fake.advance(300)
    const before = clock.now()
    fake.setSystemTime?.(Date.now() + step)
    expect(clock.now()).toBe(before)
    fake.advance(699)
    expect(called).not.toHaveBeenCalled()
    fake.advance(1)
    expect(called).toHaveBeenCalledOnce()
    expect(clock.now()).toBe(before + 700)
  })

  test('arms its timers again, at the next look, when the fake forgot them', () => {
    const platform = new Platform()
    const fake = platform.fake(row)
    const clock = new PlatformClock()
    const called = vi.fn()
    clock.setTimeout(called, 1000)
    fake.advance(300)
    const before = clock.now()
    fake.clear?.()
    expect(clock.now()).toBe(before)
    fake.advance(699)
    expect(called).not.toHaveBeenCalled()
    fake.advance(1)
    expect(called).toHaveBeenCalledOnce()
  })

  test('counts the fake time that passed before anybody looked', () => {
    const platform = new Platform()
    const clock = new PlatformClock()
    const before = clock.now()
    const fake = platform.fake(row)
    fake.advance(700)
    expect(clock.now()).toBe(Math.ceil(before) + 700)
  })

  test('reads wall time from the fake date', () => {
    const platform = new Platform()
    const fake = platform.fake(row)
    fake.setSystemTime?.(1_700_000_000_999)
    expect(new PlatformClock().wallTime()).toBe(1_700_000_000)
  })
})

describe('with the parts of node:test that fake less than all', () => {
  test('a fake `setTimeout` alone moves the clock: what fires is due', () => {
    const platform = new Platform()
    const fake = platform.fake({ ...nodeFake, install: () => enable(['setTimeout']) })
    const clock = new PlatformClock()
    const start = clock.now()
    const called: number[] = []
    clock.setTimeout(() => called.push(clock.now() - start), 1000)
    fake.advance(999)
    expect(called).toEqual([])
    fake.advance(1)
    expect(called).toHaveLength(1)
    expect(called[0]).toBeCloseTo(1000, 6)
  })

  test('a fake `Date` alone changes nothing', () => {
    const platform = new Platform()
    platform.fake({ ...nodeFake, install: () => enable(['Date']) })
    const clock = new PlatformClock()
    const called = vi.fn()
    clock.setTimeout(called, 1000)
    expect(clock.steady()).toBe(true)
    platform.advance(999)
    expect(called).not.toHaveBeenCalled()
    platform.advance(1)
    expect(called).toHaveBeenCalledOnce()
  })

  function enable(apis: ('setTimeout' | 'Date')[]) {
    mock.timers.enable({ apis })
    return { advance: (ms: number) => mock.timers.tick(ms), uninstall: () => mock.timers.reset() }
  }
})

test('a platform without ref and unref will do', () => {
  new Platform()
  const setTimeout = vi.spyOn(globalThis, 'setTimeout').mockReturnValue(1 as never)
  onTestFinished(() => setTimeout.mockRestore())
  const timer = new PlatformClock().setTimeout(() => undefined, 10)
  expect(() => {
    timer.unref?.()
    timer.ref?.()
  }).not.toThrow()
})

test.each([
  ['an empty object', {}],
  ['a string', 'Date'],
  ['without clearTimeout', { now: () => 0, setTimeout: () => ({}) }],
  ['with a time that is no function', { now: 0, setTimeout: () => ({}), clearTimeout: () => undefined }],
])('a broker refuses as a clock: %s', (_what, clock) => {
  expect(() => new Broker({ clock: clock as unknown as Clock })).toThrow(/clock.*must be a Clock/)
})
