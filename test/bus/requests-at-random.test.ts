// Requests, responders that come, go, fail and dawdle, aborts and time, in any order: every request ends exactly once, at
// the moment and in the way that a model of a few lines says.

import fc from 'fast-check'
import { Broker, type Bus, type Consumer } from 'leveret'
import { expect, test } from 'vitest'
import { expectConserved } from '../support/conservation.js'
import { ManualClock } from '../support/manual-clock.js'
import { turn } from '../support/turn.js'

type Step =
  | { readonly does: 'ask'; readonly timeout: number; readonly parts: boolean }
  | { readonly does: 'abort' | 'reply' | 'fail' | 'close'; readonly which: number }
  | { readonly does: 'respond'; readonly concurrency: number }
  | { readonly does: 'disconnect'; readonly which: number }
  | { readonly does: 'pass'; readonly ms: number }

const which = fc.nat(20)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('ask' as const),
      timeout: fc.integer({ min: 0, max: 50 }),
      parts: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('reply' as const, 'fail' as const), which }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('abort' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('respond' as const), concurrency: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('close' as const, 'disconnect' as const), which }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 40 }) }) },
)

interface Asked {
  readonly number: number
  readonly due: number
  readonly parts: boolean
  readonly abort: AbortController
  /** What the model says became of it. */
  expected: string
  /** What did, in the order in which it did. */
  readonly outcomes: string[]
}

interface Handling {
  readonly number: number
  readonly bus: Bus
  readonly lost: () => boolean
  resolve(value: string | AsyncIterable<string>): void
  reject(error: unknown): void
}

async function play(steps: readonly Step[]): Promise<void> {
  const clock = new ManualClock()
  const broker = new Broker({ clock })
  const queue = await broker.connect().declareQueue<number, string>('q')
  const { requester } = queue
  const asked: Asked[] = []
  let handling: Handling[] = []
  const responders: { readonly bus: Bus; readonly consumer: Consumer<number> }[] = []
  const pick = <T>(from: readonly T[], at: number): T | undefined => from[at % Math.max(1, from.length)]
  const settle = (one: Asked | undefined, outcome: string): void => {
    if (one?.expected === '') one.expected = outcome
  }

  const perform = async (what: Step): Promise<void> => {
    switch (what.does) {
      case 'ask': {
        const number = asked.length
        const abort = new AbortController()
        const { timeout, parts } = what
        const one: Asked = { number, due: clock.now() + timeout, parts, abort, expected: '', outcomes: [] }
        asked.push(one)
        const options = { timeout, signal: abort.signal }
        const reply = parts ? whole(queue.requestMany(number, options)) : queue.request(number, options)
        reply.then(
          (answer) => one.outcomes.push(answer),
          (error) => one.outcomes.push(error.code === 'REMOTE' ? error.remote.message : error.code),
        )
        break
      }
      case 'abort': {
        const one = pick(asked, what.which)
        one?.abort.abort()
        settle(one, 'ABORTED')
        break
      }
      case 'reply':
      case 'fail': {
        const one = pick(handling, what.which)
        if (one === undefined) break
        handling = handling.filter((other) => other !== one)
        const outcome = `${what.does} to ${one.number}`
        if (what.does === 'reply') one.resolve(asked[one.number]?.parts === true ? split(outcome) : outcome)
        else one.reject(new Error(outcome))
        // n.b. a handler without its connection says nothing. One whose consumer is closed may be the first to answer, but
        // not in parts: of those another has to begin.
        const says = what.does === 'reply' && asked[one.number]?.parts === true ? !one.lost() : !one.bus.closed
        if (says) settle(asked[one.number], outcome)
        break
      }
      case 'respond': {
        const bus = broker.connect()
        const consumer = bus.queue<number, string>('q').respond(
          (number, delivery) =>
            new Promise((resolve, reject) => {
              handling.push({ number, bus, lost: () => delivery.settled === 'lost', resolve, reject })
            }),
          { concurrency: what.concurrency },
        )
        responders.push({ bus, consumer })
        break
      }
      case 'close':
        await pick(responders, what.which)?.consumer.close({ timeout: 0 })
        break
      case 'disconnect':
        await pick(responders, what.which)?.bus.close()
        break
      case 'pass':
        clock.advance(what.ms)
        for (const one of asked) if (one.due <= clock.now()) settle(one, 'TIMEOUT')
        break
      default:
        what satisfies never
    }
  }

  const check = (): void => {
    for (const { number, expected, outcomes } of asked) {
      expect(outcomes, `request ${number}`).toEqual(expected === '' ? [] : [expected])
    }
    const open = asked.filter(({ expected }) => expected === '').length
    expect(requester.pending).toBe(open)
  }

  for (const what of steps) {
    await perform(what)
    await turn()
    check()
    expectConserved(broker)
  }
  await queue.close()
  for (const one of asked) settle(one, 'CLOSED')
  await turn()
  check()
  for (const one of handling) one.resolve('too late')
  for (const { bus } of responders) await bus.close()
  await turn()
  check()
  expectConserved(broker)
  await broker.close()
  expect(clock.pending).toBe(0)
}

/** A reply in as many parts as it has letters. */
async function* split(text: string): AsyncIterable<string> {
  yield* text
}

/** A reply that came in parts. */
async function whole(parts: AsyncIterable<string>): Promise<string> {
  const all: string[] = []
  for await (const part of parts) all.push(part)
  return all.join('')
}

test('every request ends once, as it must, whatever happens in whatever order', { timeout: 60_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), play), { numRuns: 400 })
})
