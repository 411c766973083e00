// Requests leave nothing behind, however they end: counted, and weighed in a process that can collect its garbage.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run } from '../tools/child.js'
import { Bundle } from './bundle.js'

const bundle = new Bundle()

/** Makes `many` requests by `how` in waves, twice, and says what the second lot left. */
const script = (how: string, prepare: string, lots: number): string => `
import { createRequire } from 'node:module'
const { Broker } = createRequire(import.meta.url)('./leveret.cjs')
let now = 0
let armed = []
const clock = {
  now: () => now,
  setTimeout: (callback, ms) => {
    const timer = { callback, due: now + ms }
    armed.push(timer)
    return timer
  },
  clearTimeout: (timer) => { armed = armed.filter((other) => other !== timer) },
}
const pass = (ms) => {
  now += ms
  for (const timer of armed.filter(({ due }) => due <= now)) {
    clock.clearTimeout(timer)
    timer.callback()
  }
}
const turn = async () => { for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve)) }
const broker = new Broker({ clock })
const bus = broker.virtualHost('/')
const queue = await bus.declareQueue('q')
const shared = new AbortController().signal
let listeners = 0
const [add, remove] = [shared.addEventListener, shared.removeEventListener]
shared.addEventListener = function (...args) { listeners++; add.apply(this, args) }
shared.removeEventListener = function (...args) { listeners--; remove.apply(this, args) }
const WAVE = 1_000
${prepare}
const wave = ${how}
const used = () => {
  for (let i = 0; i < 4; i++) gc()
  return process.memoryUsage().heapUsed
}
const lot = async () => { for (let i = 0; i < ${lots}; i++) { await wave(i); await turn() } }
await lot()
const before = used()
await lot()
await turn()
const grown = used() - before
const { requested, pending } = queue.requester
const { ready, unacked } = await queue.stats()
console.log(JSON.stringify({ requested, pending, ready, unacked, listeners, timers: armed.length <= 1, grown: grown < 300_000 ? 0 : grown }))
// n.b. a queue may have a look at its head to come: that is its own.
await queue.delete()
await bus.close()
console.log(armed.length)
`

const ANSWER = `queue.respond((n) => n, { concurrency: 10 })`
const FAIL = `queue.respond(async () => { throw new Error('no') }, { concurrency: 10 })`
const all = (request: string, further = '') => `async (i) => {
  const asked = Array.from({ length: WAVE }, (_, n) => ${request})
  const settled = Promise.allSettled(asked)
  ${further}
  await settled
}`

const ROWS: readonly {
  readonly what: string
  readonly how: string
  readonly prepare: string
  readonly lots?: number
}[] = [
  { what: 'answered', how: all('queue.request(n)'), prepare: ANSWER, lots: 50 },
  { what: 'answered, with a signal that all share', how: all('queue.request(n, { signal: shared })'), prepare: ANSWER },
  {
    what: 'answered, each with a timeout of its own',
    how: all('queue.request(n, { timeout: 1_000 + n * 7 })'),
    prepare: ANSWER,
  },
  { what: 'failed', how: all('queue.request(n, { signal: shared })'), prepare: FAIL },
  {
    what: 'timed out',
    lots: 50,
    how: all(
      'queue.request(n, { signal: shared, timeout: 1_000 + (n % 7) })',
      'await turn(); pass(2_000); await turn()',
    ),
    prepare: '',
  },
  {
    what: 'aborted',
    lots: 50,
    how: all(
      'queue.request(n, { signal: controllers[n].signal })',
      'for (const controller of controllers) controller.abort()\n  controllers = signals()\n  await queue.purge()',
    ),
    prepare:
      'const signals = () => Array.from({ length: WAVE }, () => new AbortController())\nlet controllers = signals()',
  },
  {
    what: 'unroutable',
    how: all('missing.request(n, { signal: shared })', 'await queue.request(1)'),
    prepare: `${ANSWER}\nconst missing = bus.queue('missing')`,
  },
  {
    what: 'answered in parts',
    how: `async () => {
      const loop = async (n) => { for await (const part of queue.requestMany(n, { signal: shared })) if (part === 3) break }
      await Promise.all(Array.from({ length: WAVE }, (_, n) => loop(n % 6)))
    }`,
    prepare: 'queue.respond(async function* (n) { for (let i = 0; i < n; i++) yield i }, { concurrency: 10 })',
  },
]

describe('requests, 100,000 or 20,000 of them, leave nothing behind when they are', () => {
  test.each(ROWS)('$what', { timeout: 60_000 }, async ({ what, how, prepare, lots = 10 }) => {
    const file = join(bundle.folder, `leak-${ROWS.findIndex((row) => row.what === what)}.mjs`)
    writeFileSync(file, script(how, prepare, lots))
    const { code, output } = await run(process.execPath, ['--expose-gc', '--no-warnings', file], { timeout: 50_000 })
    const [counts = '', armed] = output.split('\n')
    expect({ code, ...JSON.parse(counts) }).toEqual({
      code: 0,
      requested: what === 'unroutable' ? 2 * lots : 2_000 * lots,
      pending: 0,
      ready: 0,
      unacked: 0,
      listeners: 0,
      timers: true,
      grown: 0,
    })
    expect(armed).toBe('0')
  })
})
