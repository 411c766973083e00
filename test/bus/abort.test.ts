/** AbortSignal: every call that waits, in every phase of its wait. A further waiting call is a further row. */
import type { Bus, Signal } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { type Capability, type OpenEngine, onEveryEngine, type Scenario } from './engines.js'
import { drain, errorOf } from './helpers.js'

/** A call that waits. */
interface Waiting {
  readonly name: string
  /** True when the broker has taken over what the call asked for before it waits. */
  readonly accepted: boolean
  /** Begins the call in a state in which it waits. */
  begin(bus: Bus, signal: Signal): Promise<unknown>
  /** Ends the wait by what it waits for. */
  complete(bus: Bus): Promise<unknown>
  /** What the queue holds after an abort before the call, and during the wait. */
  readonly left: readonly [before: number, during: number]
  readonly needs?: readonly Capability[]
}

const completeByDrain = (bus: Bus) => drain(bus.queue('full'))
const waitsOnFullQueue = { accepted: true, complete: completeByDrain, left: [0, 1] } as const
const drainedOptions = { accepted: false, complete: completeByDrain, left: [1, 1], needs: ['same-turn'] } as const

const WAITS: readonly Waiting[] = [
  { name: 'queue.send', ...waitsOnFullQueue, begin: (bus, signal) => bus.queue('full').send(1, { signal }) },
  {
    name: 'queue.createProducer().send',
    ...waitsOnFullQueue,
    begin: (bus, signal) => bus.queue('full').createProducer().send(1, { signal }),
  },
  { name: 'exchange.send', ...waitsOnFullQueue, begin: (bus, signal) => bus.exchange('x').send('', 1, { signal }) },
  {
    name: 'exchange.createProducer().send',
    ...waitsOnFullQueue,
    begin: (bus, signal) => bus.exchange('x').createProducer().send('', 1, { signal }),
  },
  {
    name: 'queue.drained',
    ...drainedOptions,
    begin: (bus, signal) => {
      const queue = bus.queue('full')
      queue.publish(1)
      return queue.drained({ signal })
    },
  },
  {
    name: 'exchange.drained',
    ...drainedOptions,
    begin: (bus, signal) => {
      const exchange = bus.exchange('x')
      exchange.publish('', 1)
      return exchange.drained({ signal })
    },
  },
  {
    name: 'queue.get with wait',
    accepted: false,
    begin: (bus, signal) => bus.queue('empty').get({ wait: true, signal }),
    complete: (bus) => bus.queue('empty').send(1),
    left: [0, 0],
  },
  {
    name: 'queue.get with wait and timeout',
    accepted: false,
    begin: (bus, signal) => bus.queue('empty').get({ wait: true, timeout: 1000, signal }),
    complete: (bus) => bus.queue('empty').send(1),
    left: [0, 0],
  },
]

/** A signal that counts its listeners. */
function countingSignal() {
  const controller = new AbortController()
  const { signal } = controller
  const listeners = new Set<unknown>()
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners.add(args[1])
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.delete(args[1])
    remove(...args)
  }
  return { signal, abort: (reason: unknown) => controller.abort(reason), listeners: () => listeners.size }
}

async function prepare({ bus }: OpenEngine): Promise<void> {
  const exchange = await bus.declareExchange('x', 'fanout')
  await bus.declareQueue('full', { maxLength: 0, overflow: 'block', bindings: [exchange.key('')] })
  await bus.declareQueue('empty')
}

const REASON = new Error('enough')

onEveryEngine('an abort', (scenario: Scenario) => {
  for (const { name, accepted, begin, complete, left, needs = [] } of WAITS) {
    const aborted = (taken: boolean) => ({
      name: 'AbortError',
      code: 'ABORTED',
      cause: REASON,
      accepted: taken,
    })

    scenario(`before ${name} leaves nothing done`, { needs: ['block', ...needs] }, async (engine) => {
      await prepare(engine)
      const { bus } = engine
      const { signal, abort, listeners } = countingSignal()
      abort(REASON)
      expect(await errorOf(() => begin(bus, signal))).toMatchObject(aborted(false))
      expect(listeners()).toBe(0)
      expect(await bus.queue('full').info()).toMatchObject({ messageCount: left[0] })
    })

    for (const [moment, ticks] of [
      ['in the turn of the call', 0],
      ['a microtask later', 1],
      ['much later', 50],
    ] as const) {
      scenario(`during ${name} ends the wait (${moment})`, { needs: ['block', ...needs] }, async (engine) => {
        await prepare(engine)
        const { bus, clock } = engine
        const { signal, abort, listeners } = countingSignal()
        const error = errorOf(() => begin(bus, signal))
        for (let i = 0; i < ticks; i++) await Promise.resolve()
        if (ticks === 50) await turn()
        if (ticks === 50) expect(listeners()).toBe(1)
        abort(REASON)
        expect(await error).toMatchObject(aborted(accepted))
        expect([listeners(), clock.pending]).toEqual([0, 0])
        expect(await bus.queue('full').info()).toMatchObject({ messageCount: left[1] })
        // n.b. what comes now is for the next who asks, not for the call that gave up.
        await bus.queue('empty').send('next')
        expect((await bus.queue('empty').get())?.body).toBe('next')
      })
    }

    scenario(`after ${name} has no effect, and found no listener`, { needs: ['block', ...needs] }, async (engine) => {
      await prepare(engine)
      const { bus, clock } = engine
      const { signal, abort, listeners } = countingSignal()
      const call = begin(bus, signal)
      await turn()
      expect(listeners()).toBe(1)
      await complete(bus)
      await call
      expect([listeners(), clock.pending]).toEqual([0, 0])
      abort(REASON)
      await turn()
    })
  }

  scenario('of a send that need not wait adds no listener', { needs: ['same-turn'] }, async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    const { signal, listeners } = countingSignal()
    let added = false
    const add = signal.addEventListener
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      added = true
      add(...args)
    }
    await queue.send(1, { signal })
    await queue.get({ wait: true, signal })
    expect([added, listeners()]).toEqual([false, 0])
  })
})
