// What keeps a process alive, shown by processes: one for every row. A child that is kept alive by what is idle is killed
// at its limit, one that nothing keeps alive ends before its work is done; either shows in code and output.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { inTwos, type Outcome, run } from '../tools/child.js'
import { Bundle } from './bundle.js'

const bundle = new Bundle()

interface Row {
  readonly what: string
  /** Has `broker`, `bus`, `queue` (named q) and `say`; runs as a module. */
  readonly script: string
  readonly says?: string
  /** @default 0 */
  readonly code?: number
  /** What comes of it after `broker.unref()`; the same when it is not said. */
  readonly unreferenced?: { readonly code: number; readonly says: string | RegExp }
}

const PRELUDE = `
import { createRequire } from 'node:module'
const { Broker } = createRequire(import.meta.url)('./leveret.cjs')
// Holds a message for as long as the exchange's argument says.
const slow = {
  name: 'x-slow',
  createRouter(args, context) {
    let destination, held
    return {
      add: (binding) => (destination = binding.destination),
      remove: () => {},
      route(key, message, sink) {
        if (context.tentative || message === held) return sink.add(destination)
        held = message
        context.hold(message, args.ms)
      },
    }
  },
}
const broker = new Broker({ exchangeTypes: [slow] })
const bus = broker.virtualHost('/')
const queue = await bus.declareQueue('q')
const say = (what) => console.log(what)
`

const IDLE: readonly Row[] = [
  { what: 'a broker', script: '' },
  { what: 'a ready message without consumer', script: `await queue.send(1)` },
  { what: 'the TTL of a message', script: `await queue.send(1, { expiration: 60_000 })` },
  { what: 'the TTL of a queue', script: `await (await bus.declareQueue('ttl', { messageTtl: 60_000 })).send(1)` },
  { what: 'the lease of a queue', script: `await bus.declareQueue('lease', { expires: 60_000 })` },
  { what: 'a callback with nothing to do', script: `queue.createConsumer().consume(() => say('never'))` },
  { what: 'a handler with nothing to do', script: `queue.createConsumer().run(() => say('never'))` },
  {
    what: 'a loop that waits',
    script: `(async () => { for await (const delivery of queue.createConsumer()) say('never') })()`,
  },
  {
    what: 'a loop over batches that waits for the first delivery of one',
    script: `(async () => {
      for await (const batch of queue.createConsumer().batches({ size: 2, linger: 60_000 })) say('never')
    })()`,
  },
  {
    what: 'deliveries that linger for a batch that nobody waits for',
    script: `
      const iterator = queue.createConsumer().batches({ size: 1, linger: 60_000 })[Symbol.asyncIterator]()
      await queue.send(1)
      await queue.send(2)
      iterator.next().then(({ value }) => say(value.bodies))`,
    says: '[ 1 ]',
  },
  {
    what: 'a batch that lingered when its consumer was closed',
    script: `
      const consumer = queue.createConsumer()
      consumer.batches({ size: 2, linger: 60_000 }).run(() => say('never'))
      await queue.send(1)
      setImmediate(async () => {
        await consumer.close()
        say((await queue.stats()).ready)
      })`,
    says: '1',
  },
  {
    what: 'a get that waits, with its timeout',
    script: `queue.get({ wait: true, timeout: 60_000 }).then(() => say('never'), () => say('never'))`,
  },
  {
    what: 'a delivery that its user has, with its consumer timeout',
    script: `
      const strict = await bus.declareQueue('strict', { type: 'quorum', consumerTimeout: 60_000 })
      strict.createConsumer().consume(() => say('delivered'))
      await strict.send(1)`,
    says: 'delivered',
  },
  {
    what: 'a ready message that no consumer has credit for',
    script: `
      queue.createConsumer({ prefetch: 1 }).consume(() => say('delivered'))
      await queue.send(1)
      await queue.send(2)`,
    says: 'delivered',
  },
  {
    what: 'a ready message of a paused queue',
    script: `
      queue.createConsumer().consume(() => say('never'))
      bus.pause('q')
      await queue.send(1)`,
  },
  {
    what: 'a parked retry whose queue has no consumer',
    script: `
      const retried = await bus.declareQueue('r', { retry: { attempts: 3, minDelay: 60_000 } })
      await retried.send(1)
      const delivery = await retried.get()
      delivery.retry()
      say((await retried.stats()).delayed)`,
    says: '1',
  },
  {
    what: 'a parked retry whose queue has lost its consumer',
    script: `
      const retried = await bus.declareQueue('r', { retry: { attempts: 3, minDelay: 60_000 } })
      const consumer = retried.createConsumer().consume((delivery) => delivery.retry())
      await retried.send(1)
      setImmediate(async () => {
        await consumer.close()
        say((await retried.stats()).delayed)
      })`,
    says: '1',
  },
  { what: 'a delayed send to a queue without consumer', script: `await queue.send(1, { delay: 60_000 })` },
  {
    what: 'a delayed send to a queue that has lost its consumer',
    script: `
      const consumer = queue.createConsumer().consume(() => say('never'))
      await queue.send(1, { delay: 60_000 })
      await consumer.close()`,
  },
  {
    what: 'a message that an exchange holds for a queue without consumer',
    script: `
      const x = await bus.declareExchange('x', 'x-slow', { arguments: { ms: 60_000 } })
      await queue.bind('x', '')
      await x.send('', 1)`,
  },
  {
    what: 'a message that was held for a queue with a consumer, by an exchange that was deleted',
    script: `
      const x = await bus.declareExchange('x', 'x-slow', { arguments: { ms: 60_000 } })
      await queue.bind('x', '')
      queue.createConsumer().consume(() => say('never'))
      await x.send('', 1)
      await x.delete()`,
  },
  {
    what: 'a delayed send to a queue that was deleted',
    script: `
      queue.createConsumer().on('cancelled', () => {}).consume(() => say('never'))
      await queue.send(1, { delay: 60_000 })
      await queue.delete()`,
  },
  {
    what: 'a send that waits for room',
    script: `
      const full = await bus.declareQueue('full', { maxLength: 1, overflow: 'block' })
      full.publish(1)
      full.send(2).then(() => say('never'), () => say('never'))`,
  },
  {
    what: 'a turn that is used up while nobody waits',
    script: `for (let i = 0; i < 20_000; i++) queue.publish(i)`,
  },
  {
    what: 'a failed delivery whose consumer was closed',
    script: `
      const consumer = queue.createConsumer().on('failed', () => {}).run(() => { throw new Error('no') })
      await queue.send(1)
      setImmediate(async () => {
        await consumer.close()
        say((await queue.stats()).ready)
      })`,
    says: '1',
  },
  { what: 'a responder with nothing to do', script: `queue.respond(() => say('never'))` },
  {
    what: 'a requester whose requests are over',
    script: `
      queue.respond((n) => n * 2)
      say(await queue.request(21))
      await queue.request(1, { signal: AbortSignal.abort() }).catch(({ code }) => say(code))`,
    says: '42\nABORTED',
  },
  {
    what: 'a reply in parts that nobody loops over any more',
    script: `
      queue.respond(async function* () { for (;;) yield 1 })
      await queue.requestMany(1)[Symbol.asyncIterator]().next()
      say('one')`,
    says: 'one',
  },
  {
    what: 'a broker whose close is done',
    script: `
      await bus.declareQueue('lease', { expires: 60_000 })
      await queue.send(1, { delay: 60_000 })
      queue.createConsumer().consume(() => say('never'))
      await broker.close()`,
  },
  {
    what: 'a loop that waits, awaited by the module itself: Node calls that an error',
    script: `for await (const delivery of queue.createConsumer()) say('never')`,
    code: 13,
  },
  {
    what: 'a get that waits, awaited by the module itself: Node calls that an error',
    script: `await queue.get({ wait: true, timeout: 60_000 })`,
    code: 13,
  },
]

const MANY = 30_000

/** `ms` is how long what is timed takes: short when it is waited for, longer than any child lives when it is not. */
const work = (ms: number): readonly Row[] => [
  {
    what: 'deliveries that were assigned and not handed over',
    script: `
      let handled = 0
      process.on('exit', () => say(handled))
      queue.createConsumer({ prefetch: 0 }).consume((delivery) => {
        handled++
        delivery.ack()
      })
      for (let i = 0; i < ${MANY}; i++) queue.publish(i)`,
    says: String(MANY),
    unreferenced: { code: 0, says: /^\d{1,4}$/ },
  },
  {
    what: 'a backlog that a consumer has credit for',
    script: `
      let handled = 0
      process.on('exit', () => say(handled))
      for (let i = 0; i < ${MANY}; i++) queue.publish(i)
      queue.createConsumer({ prefetch: 1 }).consume((delivery) => {
        handled++
        delivery.ack()
      })`,
    says: String(MANY),
    unreferenced: { code: 0, says: /^\d{1,4}$/ },
  },
  {
    what: 'a backlog that waits for its next slice',
    script: `
      for (let i = 0; i < ${MANY}; i++) queue.publish(i)
      const iterator = queue.createConsumer({ prefetch: 0 })[Symbol.asyncIterator]()
      process.on('exit', () => say(bus.queues()[0].stats.unacked))`,
    says: String(MANY),
    unreferenced: { code: 0, says: /^\d{1,4}$/ },
  },
  {
    what: 'a parked retry whose queue has a consumer',
    script: `
      const retried = await bus.declareQueue('r', { retry: { attempts: 3, minDelay: ${ms} } })
      let attempts = 0
      retried.createConsumer().consume((delivery) => {
        if (++attempts < 3) return delivery.retry()
        say('third attempt')
        delivery.ack()
      })
      await retried.send(1)`,
    says: 'third attempt',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a parked retry whose queue gets a consumer',
    script: `
      const retried = await bus.declareQueue('r', { retry: { attempts: 3, minDelay: ${ms} } })
      await retried.send(1)
      const delivery = await retried.get()
      delivery.retry()
      retried.createConsumer({ noAck: true }).consume(() => say('again'))`,
    says: 'again',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a delayed send to a queue with a consumer',
    script: `
      queue.createConsumer({ noAck: true }).consume(() => say('later'))
      await queue.send(1, { delay: ${ms} })`,
    says: 'later',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a delayed send, by an exchange, to a queue that gets a consumer',
    script: `
      const exchange = await bus.declareExchange('x', 'topic')
      await queue.bind('x', 'a.#')
      await exchange.send('a.b', 1, { delay: ${ms} })
      queue.createConsumer({ noAck: true }).consume(() => say('later'))`,
    says: 'later',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a message that an exchange holds for a queue with a consumer',
    script: `
      const x = await bus.declareExchange('x', 'x-slow', { arguments: { ms: ${ms} } })
      await queue.bind('x', '')
      queue.createConsumer({ noAck: true }).consume(() => say('later'))
      await x.send('', 1)`,
    says: 'later',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a failed delivery that its consumer holds',
    script: `
      let attempts = 0
      queue.createConsumer().on('failed', () => {}).run(() => {
        if (++attempts < ${ms > 100 ? 100 : 2}) throw new Error('not yet')
        say('last attempt')
      })
      await queue.send(1)`,
    says: 'last attempt',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a batch that lingers',
    script: `
      queue.createConsumer().batches({ size: 2, linger: ${ms} }).run((batch) => say(batch.bodies))
      await queue.send(1)`,
    says: '[ 1 ]',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'the close of a broker that waits for a handler, up to its timeout',
    script: `
      queue.createConsumer().run(() => new Promise(() => {}))
      await queue.send(1)
      setImmediate(() => broker.close({ timeout: ${ms} }).then(({ requeued }) => say('requeued ' + requeued)))`,
    says: 'requeued 1',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'the close of a broker that lets consumers work off what is parked',
    script: `
      const retried = await bus.declareQueue('r', { retry: { attempts: 3, minDelay: ${ms} } })
      let attempts = 0
      retried.createConsumer().run(() => {
        if (++attempts < 3) throw new Error('not yet')
      }).on('failed', () => {})
      await retried.send(1)
      broker.close({ drain: true }).then(({ finished }) => say('finished ' + finished))`,
    says: 'finished 1',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'the close of a consumer that waits for its handler',
    script: `
      const consumer = queue.createConsumer().run(() => new Promise((resolve) => setTimeout(resolve, ${ms}).unref()))
      await queue.send(1)
      setImmediate(() => consumer.close().then(() => say('closed')))`,
    says: 'closed',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a pending request, up to its timeout',
    script: `
      queue.respond(() => new Promise(() => {}))
      queue.request(1, { timeout: ${ms} }).catch(({ code }) => say(code))`,
    says: 'TIMEOUT',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a pending request, though two waited before for a part that nobody can read',
    script: `
      queue.createConsumer().consume((delivery) => {
        delivery.ack()
        const { replyTo, correlationId } = delivery.properties
        const properties = { correlationId, contentType: 'application/json', headers: { 'x-leveret-reply': 'part' } }
        bus.queue(replyTo).publish(new TextEncoder().encode('{'), properties)
      })
      const parts = queue.requestMany(1)[Symbol.asyncIterator]()
      await Promise.allSettled([parts.next(), parts.next()])
      const unanswered = await bus.declareQueue('unanswered')
      unanswered.request(1, { timeout: ${ms} }).catch(({ code }) => say(code))`,
    says: 'TIMEOUT',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a loop that waits for a part of a reply, up to its timeout',
    script: `
      queue.respond(async function* () {
        yield 1
        await new Promise(() => {})
      })
      ;(async () => {
        try {
          for await (const part of queue.requestMany(1, { timeout: ${ms} })) say(part)
        } catch ({ code }) {
          say(code)
        }
      })()`,
    says: '1\nTIMEOUT',
    unreferenced: { code: 0, says: '1' },
  },
  {
    what: 'what comes after a close of a consumer that ran into its timeout',
    script: `
      const consumer = queue.createConsumer().consume(() => {})
      await queue.send(1)
      setImmediate(async () => {
        await consumer.close({ timeout: ${ms} })
        queue.createConsumer({ noAck: true }).consume(({ body }) => say(body))
        await queue.send('later', { delay: ${ms} })
      })`,
    says: '1\nlater',
    unreferenced: { code: 0, says: '' },
  },
  {
    what: 'a send that waits for the turn of the event loop',
    script: `
      for (let i = 0; i < ${MANY}; i++) await queue.send(i)
      say('sent')`,
    says: 'sent',
    unreferenced: { code: 13, says: '' },
  },
  {
    what: 'a loop over a backlog, awaited by the module itself',
    script: `
      let left = ${MANY}
      for (let i = 0; i < left; i++) queue.publish(i)
      for await (const delivery of queue.createConsumer()) {
        delivery.ack()
        if (--left === 0) break
      }
      say('all')`,
    says: 'all',
    unreferenced: { code: 13, says: '' },
  },
  {
    what: 'drained, awaited by the module itself',
    script: `
      for (let i = 0; i < ${MANY}; i++) if (!queue.publish(i)) await queue.drained()
      say('all')`,
    says: 'all',
    unreferenced: { code: 13, says: '' },
  },
]

const WORK = work(30)

/** The same once more, after `broker.unref()`. */
const UNREFERENCED = work(60_000).map((row): Row => ({ ...row, script: `broker.unref()\n${row.script}` }))

const outcomes = new Map<Row, Outcome>()

beforeAll(async () => {
  const rows = [...IDLE, ...WORK, ...UNREFERENCED]
  const results = await inTwos(rows, (row) => child(`row-${rows.indexOf(row)}.mjs`, `${PRELUDE}${row.script}`))
  for (const [index, row] of rows.entries()) outcomes.set(row, results[index] as Outcome)
}, 120_000)

function child(file: string, script: string, args: readonly string[] = []): Promise<Outcome> {
  writeFileSync(join(bundle.folder, file), script)
  return run(process.execPath, ['--no-warnings', ...args, join(bundle.folder, file)], { timeout: 10_000 })
}

/** What the child said, without what Node says of a module that never ends. */
function said({ output }: Outcome): string {
  return output
    .split('\n')
    .filter((line) => !/unsettled top-level await|^file:|^\s*\^|^for await|^await |^\s*for |^\s*$/.test(line))
    .join('\n')
}

describe('nothing is kept alive by', () => {
  test.each(IDLE)('$what', (row) => {
    const outcome = outcomes.get(row) as Outcome
    expect({ code: outcome.code, says: said(outcome) }).toEqual({ code: row.code ?? 0, says: row.says ?? '' })
  })
})

describe('the process stays for, and no longer than for,', () => {
  test.each(WORK)('$what', (row) => {
    const outcome = outcomes.get(row) as Outcome
    expect({ code: outcome.code, says: said(outcome) }).toEqual({ code: row.code ?? 0, says: row.says ?? '' })
  })
})

describe('after broker.unref() the process does not stay for', () => {
  test.each(UNREFERENCED)('$what', (row) => {
    const outcome = outcomes.get(row) as Outcome
    expect(row.unreferenced).toBeDefined()
    const { code, says } = row.unreferenced ?? { code: -1, says: '' }
    expect(outcome.code).toBe(code)
    if (typeof says === 'string') expect(said(outcome)).toBe(says)
    else expect(said(outcome)).toMatch(says)
  })
})

describe('in a process of its own', () => {
  test('everything goes on while every function that Jest fakes is faked', async () => {
    const fakeTimers = createRequire(import.meta.url).resolve('@sinonjs/fake-timers')
    const script = `
      import { createRequire } from 'node:module'
      const require = createRequire(import.meta.url)
      const FakeTimers = require(${JSON.stringify(fakeTimers)})
      const log = console.log
      const clock = FakeTimers.install({ toFake: Object.keys(FakeTimers.timers), shouldClearNativeTimers: true })
      const { Broker } = require('./leveret.cjs')
      const bus = new Broker().virtualHost('/')
      const queue = await bus.declareQueue('q', { messageTtl: 1000 })
      let handled = 0
      const consumer = queue.createConsumer().consume((delivery) => { handled++; delivery.ack() })
      for (let i = 0; i < 20_000; i++) await queue.send(i)
      await consumer.close()
      for (let i = 0; i < 20_000; i++) if (!queue.publish(i)) await queue.drained()
      let left = 10_000
      for await (const delivery of queue.createConsumer()) {
        delivery.ack()
        if (--left === 0) break
      }
      clock.tick(999)
      const before = (await queue.stats()).expired
      clock.tick(1)
      const { expired } = await queue.stats()
      clock.uninstall()
      log([handled, before, expired].join(' '))`
    expect(await child('jest.mjs', script)).toMatchObject({ code: 0, output: '20000 0 10000\n' })
  })

  test('a node --test suite sees everything at its fake time, however often it fakes time anew', async () => {
    const script = `
      const { test, mock } = require('node:test')
      const assert = require('node:assert')
      let broker
      for (const when of ['before the import', 'after the import', 'after the first timer was armed', 'again']) {
        test(when, async () => {
          if (when === 'before the import') mock.timers.enable({ apis: ['setTimeout', 'Date'] })
          const { Broker } = require('./leveret.cjs')
          if (when === 'after the import') mock.timers.enable()
          broker ??= new Broker()
          const bus = broker.createVirtualHost(when)
          if (when === 'after the first timer was armed') {
            await bus.declareQueue('lease', { expires: 3_600_000 })
            mock.timers.enable()
          }
          if (when === 'again') mock.timers.enable()
          const queue = await bus.declareQueue('q', { messageTtl: 1000, deadLetter: 'dead' })
          await queue.send('late')
          await queue.send('delayed', { delay: 1500, expiration: 60_000 })
          const empty = await bus.declareQueue('empty')
          const timeout = assert.rejects(empty.get({ wait: true, timeout: 1200 }), { code: 'TIMEOUT' })
          for (let i = 0; i < 9; i++) await null
          mock.timers.tick(999)
          assert.equal((await queue.stats()).expired, 0)
          mock.timers.tick(1)
          assert.equal((await queue.stats()).expired, 1)
          assert.equal((await bus.queue('dead').info()).messageCount, 1)
          mock.timers.tick(199)
          mock.timers.tick(1)
          await timeout
          mock.timers.tick(299)
          assert.equal((await queue.info()).messageCount, 0)
          mock.timers.tick(1)
          assert.equal((await queue.info()).messageCount, 1)
          mock.timers.reset()
        })
      }`
    const outcome = await child('suite.cjs', script, ['--test', '--test-reporter=tap'])
    expect(outcome.output).toContain('# pass 4')
    expect(outcome.output).toContain('# fail 0')
    expect(outcome.code).toBe(0)
  })

  test('no function is used that fake timers replace and no test wants to advance', () => {
    const text = readFileSync(join(bundle.folder, 'leveret.cjs'), 'utf8')
    expect(text).not.toMatch(/queueMicrotask\(|nextTick|hrtime|setInterval/)
  })
})
