import { expect, test, vi } from 'vitest'
import { PlatformClock } from '../../src/clock.js'
import { Timers } from '../../src/timers.js'
import { ManualClock } from '../support/manual-clock.js'
import { jestFake, microtasks, nodeFake, Platform, vitestFake } from './fakes.js'

const LONGEST = 2 ** 31 - 1

function make() {
  const clock = new ManualClock()
  return { clock, timers: new Timers(clock) }
}

test('timers fire at their time, not before, in order of their time and then of arming', () => {
  const { clock, timers } = make()
  const fired: string[] = []
  const arm = (name: string, ms: number) => timers.after(ms, () => fired.push(`${name} at ${timers.now()}`))
  arm('c', 20)
  arm('a', 10)
  arm('d', 20)
  arm('b', 10)
  clock.advance(9)
  expect(fired).toEqual([])
  clock.advance(11)
  expect(fired).toEqual(['a at 10', 'b at 10', 'c at 20', 'd at 20'])
})

test('10,000 timers due at one instant fire at it, in arming order', () => {
  const { clock, timers } = make()
  const fired: number[] = []
  for (let i = 0; i < 10_000; i++) timers.after(1000, () => fired.push(i))
  clock.advance(999)
  expect(fired).toEqual([])
  clock.advance(1)
  expect(fired).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
})

test('one timer of the clock is armed at a time, however many deadlines there are', () => {
  const { clock, timers } = make()
  for (let i = 0; i < 1000; i++) timers.after(5000 + i, () => undefined)
  expect(clock.pending).toBe(1)
  expect(clock.armed).toBe(1)
  timers.after(10, () => undefined)
  expect(clock.pending).toBe(1)
  expect(clock.armed).toBe(2)
  clock.advance(10)
  expect(clock.pending).toBe(1)
  clock.advance(10_000)
  expect(clock.pending).toBe(0)
})

test('what timers add while they run is armed for once, and runs in the same go when it is due', () => {
  const { clock, timers } = make()
  const fired: string[] = []
  timers.after(10, () => {
    timers.after(5, () => fired.push('five later'))
    timers.after(7, () => fired.push('seven later'))
    timers.after(3, () => fired.push('three later'))
    timers.after(0, () => fired.push('at once'))
  })
  const before = clock.armed
  clock.advance(10)
  expect(fired).toEqual(['at once'])
  expect(clock.armed).toBe(before + 1)
  clock.advance(7)
  expect(fired).toEqual(['at once', 'three later', 'five later', 'seven later'])
})

test.each([
  ['exactly the longest time of a platform timer', LONGEST],
  ['one millisecond more', LONGEST + 1],
  ['ten years', 315_360_000_000],
])('a wait of %s is armed in pieces that the platform can wait for', (_what, ms) => {
  const { clock, timers } = make()
  const waits: number[] = []
  const setTimeout = clock.setTimeout.bind(clock)
  clock.setTimeout = (callback, wait) => {
    waits.push(wait)
    return setTimeout(callback, wait)
  }
  const fired = vi.fn()
  timers.after(ms, fired)
  clock.advance(ms - 1)
  expect(fired).not.toHaveBeenCalled()
  clock.advance(1)
  expect(fired).toHaveBeenCalledOnce()
  expect(Math.max(...waits)).toBeLessThanOrEqual(LONGEST)
  expect(waits).toHaveLength(Math.ceil(ms / LONGEST))
  expect(clock.pending).toBe(0)
})

test('a cancelled timer does not fire, and cancelling again, or after it fired, does nothing', () => {
  const { clock, timers } = make()
  const fired: string[] = []
  const first = timers.after(10, () => fired.push('first'))
  const second = timers.after(10, () => fired.push('second'))
  timers.cancel(first)
  timers.cancel(first)
  clock.advance(10)
  timers.cancel(second)
  expect(fired).toEqual(['second'])
})

test('a timer that another cancels in the same go does not fire', () => {
  const { clock, timers } = make()
  const fired: string[] = []
  timers.after(10, () => {
    fired.push('first')
    timers.cancel(second)
  })
  const second = timers.after(10, () => fired.push('second'))
  timers.after(10, () => fired.push('third'))
  clock.advance(10)
  expect(fired).toEqual(['first', 'third'])
})

test('nothing stays armed when the last timer is cancelled, nor after clear', () => {
  const { clock, timers } = make()
  const all = Array.from({ length: 100 }, (_, i) => timers.after(100 + i, () => undefined))
  for (const timer of all) timers.cancel(timer)
  expect(clock.pending).toBe(0)
  const kept = timers.after(100, () => undefined)
  timers.clear()
  expect(clock.pending).toBe(0)
  timers.cancel(kept)
  const fired = vi.fn()
  timers.after(50, fired)
  clock.advance(50)
  expect(fired).toHaveBeenCalledOnce()
})

test('ten thousand timers that are made and cancelled leave the others in order', () => {
  const { clock, timers } = make()
  const fired: number[] = []
  const done = vi.fn(() => undefined)
  const kept = [300, 100, 200].map((ms) => timers.after(ms, () => fired.push(ms)))
  const cancelled = Array.from({ length: 10_000 }, () => timers.after(50_000, done))
  for (const timer of cancelled) timers.cancel(timer)
  clock.advance(100_000)
  expect(fired).toEqual([100, 200, 300])
  expect(done).not.toHaveBeenCalled()
  expect(kept.every((timer) => timer.callback === undefined)).toBe(true)
})

test('a timer that throws stops no other', () => {
  const { clock, timers } = make()
  const fired: string[] = []
  timers.after(10, () => {
    throw new Error('broken')
  })
  timers.after(10, () => fired.push('second'))
  timers.after(20, () => fired.push('third'))
  expect(() => clock.advance(10)).toThrow('broken')
  clock.advance(20)
  expect(fired).toEqual(['second', 'third'])
})

test('the armed timer keeps the process alive exactly while something asks for it', () => {
  const platform = new Platform()
  const timers = new Timers(new PlatformClock())
  const referenced = () => platform.timers.map((timer) => timer.referenced)
  timers.after(1000, () => undefined)
  expect(referenced()).toEqual([false])
  timers.keepAlive()
  timers.keepAlive()
  expect(referenced()).toEqual([true])
  timers.after(10, () => undefined)
  expect(referenced()).toEqual([true])
  timers.letGo()
  expect(referenced()).toEqual([true])
  timers.letGo()
  expect(referenced()).toEqual([false])
})

test('after unref nothing keeps the process alive any more', () => {
  const platform = new Platform()
  const timers = new Timers(new PlatformClock())
  timers.keepAlive()
  timers.after(1000, () => undefined)
  timers.unref()
  timers.after(10, () => undefined)
  timers.keepAlive()
  expect(platform.timers.map((timer) => timer.referenced)).toEqual([false])
  expect(timers.keepsAlive).toBe(false)
})

test('the time of a turn is read once in 64, and anew in the next turn', async () => {
  const platform = new Platform()
  const timers = new Timers(new PlatformClock())
  const readings = vi.mocked(performance.now)
  timers.now()
  readings.mockClear()
  const first = timers.turnTime()
  platform.time += 1
  for (let i = 0; i < 64; i++) expect(timers.turnTime()).toBe(first)
  expect(readings).toHaveBeenCalledOnce()
  expect(timers.turnTime()).toBeCloseTo(first + 1, 6)
  platform.time += 1
  await microtasks()
  expect(timers.turnTime()).toBeCloseTo(first + 2, 6)
})

test('the time of a turn is read anew once a timer has fired in it, as a faked one may', () => {
  const platform = new Platform()
  const timers = new Timers(new PlatformClock())
  timers.after(10, () => undefined)
  const before = timers.turnTime()
  platform.advance(10)
  expect(timers.turnTime()).toBeGreaterThanOrEqual(before + 10)
})

test.each([vitestFake, jestFake, nodeFake])('the time of a turn is read always while $name fakes it', (row) => {
  const platform = new Platform()
  const timers = new Timers(new PlatformClock())
  const before = timers.turnTime()
  const fake = platform.fake(row)
  const installed = timers.turnTime()
  expect(installed).toBe(Math.ceil(before))
  fake.advance(5)
  expect(timers.turnTime()).toBe(installed + 5)
  fake.uninstall()
  platform.time += 1
  expect(timers.turnTime()).toBeCloseTo(installed + 5, 6)
})
