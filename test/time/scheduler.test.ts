import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Scheduler } from '../../src/scheduler.js'
import { Timers } from '../../src/timers.js'
import { ManualClock } from '../support/manual-clock.js'
import { FAKES, microtasks, Platform } from './fakes.js'

const make = () => new Scheduler(new Timers(new ManualClock()))

/** Counts steps until the turn is used up. */
function spend(scheduler: Scheduler): number {
  for (let steps = 1; ; steps++) if (scheduler.step()) return steps
}

describe('tasks', () => {
  test('run in a microtask, in order, and not inside of schedule', async () => {
    const scheduler = make()
    const ran: number[] = []
    for (let i = 0; i < 3; i++) scheduler.schedule({ run: () => ran.push(i) })
    expect(ran).toEqual([])
    await microtasks()
    expect(ran).toEqual([0, 1, 2])
  })

  test('that a task schedules run after those that wait', async () => {
    const scheduler = make()
    const ran: string[] = []
    scheduler.schedule({
      run: () => {
        ran.push('first')
        scheduler.schedule({ run: () => ran.push('third') })
      },
    })
    scheduler.schedule({ run: () => ran.push('second') })
    await microtasks()
    expect(ran).toEqual(['first', 'second', 'third'])
  })

  test('that throw stop no other', async () => {
    const scheduler = make()
    const ran: number[] = []
    const broken = new Error('broken')
    const unhandled = new Promise((resolve) => process.once('unhandledRejection', resolve))
    // n.b. Vitest would call it a failure of the run.
    const others = process.listeners('unhandledRejection').slice(0, -1)
    for (const other of others) process.off('unhandledRejection', other)
    onTestFinished(() => {
      for (const other of others) process.on('unhandledRejection', other)
    })
    scheduler.schedule({
      run: () => {
        throw broken
      },
    })
    scheduler.schedule({ run: () => ran.push(1) })
    expect(await unhandled).toBe(broken)
    expect(ran).toEqual([1])
    scheduler.schedule({ run: () => ran.push(2) })
    await microtasks()
    expect(ran).toEqual([1, 2])
  })

  test('wait for the next turn when this one is used up', async () => {
    const scheduler = make()
    const ran: string[] = []
    spend(scheduler)
    scheduler.schedule({ run: () => ran.push('task') })
    await microtasks()
    expect(ran).toEqual([])
    await scheduler.nextTurn()
    await microtasks()
    expect(ran).toEqual(['task'])
  })

  test('that use up the turn leave the others for the next', async () => {
    const scheduler = make()
    const ran: string[] = []
    scheduler.schedule({ run: () => void spend(scheduler) })
    scheduler.schedule({ run: () => ran.push('task') })
    await microtasks()
    expect(ran).toEqual([])
    await scheduler.nextTurn()
    await microtasks()
    expect(ran).toEqual(['task'])
  })
})

describe('a turn', () => {
  test('is used up by 4,096 steps, however fast they are', () => {
    vi.spyOn(performance, 'now').mockReturnValue(1)
    onTestFinished(() => void vi.restoreAllMocks())
    expect(spend(make())).toBe(4096)
  })

  test('is used up by steps in one go', () => {
    vi.spyOn(performance, 'now').mockReturnValue(1)
    onTestFinished(() => void vi.restoreAllMocks())
    const scheduler = make()
    for (let slice = 1; slice <= 16; slice++) scheduler.steps(256)
    expect(scheduler.step()).toBe(true)
  })

  test('is used up after two milliseconds, looked at every 64 steps', () => {
    let now = 1
    const reading = vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => void vi.restoreAllMocks())
    const scheduler = make()
    for (let i = 0; i < 127; i++) {
      expect(scheduler.step()).toBe(false)
      if (i === 100) now = 3.5
    }
    expect(reading).toHaveBeenCalledTimes(1)
    expect(scheduler.step()).toBe(true)
    expect(reading).toHaveBeenCalledTimes(2)
  })

  test('begins anew, with all its steps, after every macrotask turn', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(1)
    onTestFinished(() => void vi.restoreAllMocks())
    const scheduler = make()
    for (let turn = 0; turn < 3; turn++) {
      expect(spend(scheduler)).toBe(4096)
      await scheduler.nextTurn()
    }
  })

  test('that is not used up costs nobody a wait: the answer is one shared promise', () => {
    const scheduler = make()
    expect(scheduler.nextTurn()).toBe(scheduler.nextTurn())
    expect(scheduler.nextTurn()).toBe(make().nextTurn())
  })

  test('is over for all who wait at once, before what comes after them', async () => {
    const scheduler = make()
    const order: string[] = []
    spend(scheduler)
    void scheduler.nextTurn().then(() => order.push('first'))
    void scheduler.nextTurn().then(() => order.push('second'))
    scheduler.schedule({ run: () => order.push('task') })
    await scheduler.nextTurn()
    expect([...order].sort()).toEqual(['first', 'second', 'task'])
  })
})

describe('the yield', () => {
  function spyOnImmediate() {
    const genuine = globalThis.setImmediate
    const made: NodeJS.Immediate[] = []
    const setImmediate = (callback: () => void) => {
      const immediate = genuine(callback)
      made.push(immediate)
      return immediate
    }
    Object.defineProperty(setImmediate, 'name', { value: 'setImmediate' })
    globalThis.setImmediate = setImmediate as unknown as typeof genuine
    onTestFinished(() => {
      globalThis.setImmediate = genuine
    })
    return made
  }

  test('is one setImmediate a turn, asked for at the 64th step', async () => {
    const made = spyOnImmediate()
    const scheduler = make()
    for (let i = 0; i < 63; i++) scheduler.step()
    expect(made).toHaveLength(0)
    scheduler.step()
    expect(made).toHaveLength(1)
    spend(scheduler)
    await scheduler.nextTurn()
    expect(made).toHaveLength(1)
  })

  test('keeps the process alive exactly while somebody waits for it', () => {
    const made = spyOnImmediate()
    const scheduler = make()
    spend(scheduler)
    expect(made[0]?.hasRef()).toBe(false)
    void scheduler.nextTurn()
    expect(made[0]?.hasRef()).toBe(true)
  })

  test('keeps the process alive while a task waits for it', () => {
    const made = spyOnImmediate()
    const scheduler = make()
    spend(scheduler)
    scheduler.schedule({ run: () => undefined })
    expect(made[0]?.hasRef()).toBe(true)
  })

  test('never keeps the process alive after unref', async () => {
    const made = spyOnImmediate()
    const scheduler = make()
    spend(scheduler)
    void scheduler.nextTurn()
    scheduler.unref()
    expect(made[0]?.hasRef()).toBe(false)
    await scheduler.nextTurn()
    spend(scheduler)
    void scheduler.nextTurn()
    scheduler.schedule({ run: () => undefined })
    expect(made[1]?.hasRef()).toBe(false)
  })

  interface SpiedPort {
    referenced: boolean
    closed: boolean
  }

  function spyOnPorts() {
    const Genuine = globalThis.MessageChannel
    const ports: SpiedPort[] = []
    class Spied extends Genuine {
      constructor() {
        super()
        const port = this.port1 as unknown as SpiedPort
        const { ref, unref, close } = port as unknown as Record<'ref' | 'unref' | 'close', () => void>
        port.referenced = true
        port.closed = false
        Object.assign(port, {
          ref: () => {
            port.referenced = true
            ref.call(port)
          },
          unref: () => {
            port.referenced = false
            unref.call(port)
          },
          close: () => {
            port.closed = true
            close.call(port)
          },
        })
        ports.push(port)
      }
    }
    globalThis.MessageChannel = Spied
    onTestFinished(() => {
      globalThis.MessageChannel = Genuine
    })
    return ports
  }

  test.each(FAKES)('is a message to itself while $name fakes setImmediate, and leaves no port behind', async (row) => {
    const ports = spyOnPorts()
    new Platform().fake(row)
    const scheduler = make()
    for (let turn = 1; turn <= 3; turn++) {
      spend(scheduler)
      expect(ports).toHaveLength(turn)
      expect(ports.at(-1)?.referenced).toBe(false)
      const next = scheduler.nextTurn()
      expect(ports.at(-1)?.referenced).toBe(true)
      await next
    }
    expect(ports.every((port) => port.closed)).toBe(true)
  })

  test('is a captured setTimeout where there is nothing better', async () => {
    const { setImmediate, MessageChannel } = globalThis
    Object.assign(globalThis, { setImmediate: undefined, MessageChannel: undefined })
    onTestFinished(() => void Object.assign(globalThis, { setImmediate, MessageChannel }))
    const platform = new Platform()
    const scheduler = make()
    platform.fake({ name: 'a dead setTimeout', install: dead })
    spend(scheduler)
    let turned = false
    const next = scheduler.nextTurn().then(() => {
      turned = true
    })
    await microtasks()
    expect(turned).toBe(false)
    expect(platform.timers).toMatchObject([{ referenced: true }])
    platform.advance(0)
    await next

    function dead() {
      const { setTimeout } = globalThis
      globalThis.setTimeout = (() => ({})) as unknown as typeof setTimeout
      return {
        advance: () => undefined,
        uninstall: () => {
          globalThis.setTimeout = setTimeout
        },
      }
    }
  })
})
