/**
 * What `virtualHost.explain` foresees, held against what a publish then does: over random topologies of all exchange types,
 * and over queues with random limits, times to live, consumers and backlogs.
 */
import fc from 'fast-check'
import { Broker, type QueueOptions, type QueueStats, type VirtualHost } from 'leveret'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../support/manual-clock.js'
import { turn } from '../support/turn.js'

const WORDS = ['a', 'b', 'c']
const EXCHANGES = ['e0', 'e1', 'e2', 'e3', 'e4']
const QUEUES = ['q0', 'q1', 'q2', 'q3']

const keys = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }).map((words) => words.join('.'))
const patterns = fc
  .array(fc.constantFrom(...WORDS, '*', '#'), { minLength: 1, maxLength: 3 })
  .map((words) => words.join('.'))
const headers = fc.dictionary(fc.constantFrom('h', 'i'), fc.constantFrom(1, '1', 'x'), { noNullPrototype: true })

const exchanges = fc.tuple(
  ...EXCHANGES.map((name) =>
    fc.record({
      name: fc.constant(name),
      type: fc.constantFrom('direct', 'fanout', 'topic', 'topic', 'headers'),
      alternate: fc.option(fc.constantFrom(...EXCHANGES, 'nowhere'), { nil: undefined }),
    }),
  ),
)
const bindings = fc.array(
  fc.record({
    source: fc.constantFrom(...EXCHANGES),
    destination: fc.constantFrom(...EXCHANGES, ...QUEUES, ...QUEUES),
    key: fc.oneof(keys, patterns),
    arguments: headers,
    any: fc.boolean(),
  }),
  { maxLength: 14 },
)
const messages = fc.record({
  exchange: fc.constantFrom('', ...EXCHANGES),
  key: fc.oneof(keys, fc.constantFrom(...QUEUES)),
  headers,
  copies: fc.option(fc.array(fc.oneof(keys, fc.constantFrom(...QUEUES)), { maxLength: 2 }), { nil: undefined }),
  hidden: fc.option(fc.array(keys, { maxLength: 2 }), { nil: undefined }),
})

describe('explain, of random topologies', () => {
  it('finds the queues that a publish then reaches, and no others', async () => {
    let routed = 0
    await fc.assert(
      fc.asyncProperty(
        exchanges,
        bindings,
        fc.array(messages, { minLength: 1, maxLength: 4 }),
        async (made, bound, sent) => {
          const broker = new Broker()
          const host = broker.virtualHost('/')
          for (const { name, type, alternate } of made) {
            await host.declareExchange(name, type, alternate === undefined ? {} : { alternateExchange: alternate })
          }
          for (const name of QUEUES) await host.declareQueue(name)
          for (const { source, destination, key, arguments: args, any } of bound) {
            const binding = host.exchange(source).key(key, any ? { ...args, 'x-match': 'any' } : args)
            if (destination.startsWith('q')) await host.queue(destination).bind(binding)
            else await host.exchange(destination).bind(binding)
          }
          const holding = () => host.queues().map(({ stats }) => stats.enqueued)
          for (const { exchange, key, headers, copies, hidden } of sent) {
            const all = {
              ...headers,
              ...(copies !== undefined && { CC: copies }),
              ...(hidden !== undefined && { BCC: hidden }),
            }
            const explanation = host.explain(exchange, key, { headers: all })
            const before = holding()
            await host.exchange(exchange).send(key, 1, { headers: all })
            const after = holding()
            const reached = QUEUES.filter((_, at) => after[at] !== before[at])
            expect(explanation.queues.map(({ name }) => name).sort()).toEqual(reached)
            expect(explanation.outcome).toBe(reached.length > 0 ? 'accepted' : 'unroutable')
            const text = `${explanation}`
            for (const { name } of explanation.queues) expect(text).toContain(`queue '${name}', by `)
            routed += reached.length
          }
          await broker.close()
        },
      ),
      { numRuns: 300 },
    )
    expect(routed).toBeGreaterThan(200)
  }, 20_000)
})

const queueOptions: fc.Arbitrary<QueueOptions> = fc.record(
  {
    maxLength: fc.integer({ min: 0, max: 2 }),
    maxLengthBytes: fc.integer({ min: 0, max: 5 }),
    overflow: fc.constantFrom('drop-head' as const, 'reject-publish' as const, 'reject-publish-dlx' as const),
    messageTtl: fc.constantFrom(0, 1000),
    maxPriority: fc.constant(2),
    singleActiveConsumer: fc.boolean(),
    deadLetterExchange: fc.constant(''),
    deadLetterRoutingKey: fc.constant('dead'),
  },
  { requiredKeys: ['deadLetterExchange', 'deadLetterRoutingKey'] },
)
const one = fc.record({
  body: fc.constantFrom('', 'a', 'bcd'),
  priority: fc.constantFrom(0, 1, 2, 3),
})
const cases = fc.record({
  options: queueOptions,
  block: fc.boolean(),
  backlog: fc.array(one, { maxLength: 4 }),
  consumers: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }),
  paused: fc.boolean(),
  get: fc.boolean(),
  last: one,
  expiration: fc.option(fc.constantFrom(0, 500), { nil: undefined }),
})

/** What changed. */
function changes(before: QueueStats, after: QueueStats): Partial<QueueStats> {
  const names = ['enqueued', 'ready', 'unacked', 'expired', 'overflowed', 'deadLettered'] as const
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]]))
}

async function settled(host: VirtualHost): Promise<QueueStats> {
  await turn()
  return host.queue('q').stats()
}

describe('explain, of random queues', () => {
  it('foresees what becomes of the next message there', async () => {
    const seen = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(cases, async ({ options, block, backlog, consumers, paused, get, last, expiration }) => {
        const clock = new ManualClock()
        const broker = new Broker({ clock })
        const host = broker.virtualHost('/')
        await host.declareQueue('dead')
        const limited = options.maxLength !== undefined || options.maxLengthBytes !== undefined
        const blocks = block && limited
        const queue = await host.declareQueue('q', { ...options, ...(blocks && { overflow: 'block' as const }) })
        for (const { body, priority } of backlog) queue.publish(body, { priority })
        for (const prefetch of consumers) queue.createConsumer({ prefetch }).consume(() => undefined)
        if (paused) host.pause('q')
        const waiting = new AbortController()
        if (get) queue.get({ wait: true, signal: waiting.signal }).catch(() => undefined)
        const before = await settled(host)

        const properties = {
          messageId: 'last',
          priority: last.priority,
          ...(expiration !== undefined && { expiration }),
        }
        const explanation = host.explain('', 'q', { ...properties, body: last.body })
        const forecast = explanation.queues[0]
        expect(forecast?.name).toBe('q')
        const producer = queue.createProducer()
        producer.publish(last.body, properties)
        const after = await settled(host)

        const drops = forecast?.limit?.drops ?? 0
        const outcome = forecast?.outcome ?? 'none'
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
        const taken = { enqueued: 1, unacked: 0, expired: 0, overflowed: drops, deadLettered: drops }
        const nothing = { enqueued: 0, ready: 0, unacked: 0, expired: 0, overflowed: 0, deadLettered: 0 }
        const expected = {
          assigned: { ...nothing, enqueued: 1, unacked: 1 },
          stored: { ...taken, ready: 1 - drops },
          withheld: { ...taken, ready: 1 },
          expired: { ...taken, ready: 0 - drops, expired: 1, deadLettered: drops + 1 },
          dropped: { ...taken, ready: 1 - drops },
          refused: nothing,
          none: {},
        }
        expect(changes(before, after)).toEqual(expected[outcome])
        expect(producer.refused).toBe(explanation.outcome === 'refused' ? 1 : 0)
        const ready = host.peek('q', 99)
        if (outcome === 'stored' || outcome === 'withheld') {
          expect(ready.length).toBeGreaterThan(forecast?.ahead ?? 0)
          expect(ready[forecast?.ahead ?? -1]).toMatchObject({ properties: { messageId: 'last' } })
        }
        waiting.abort()
        const closing = broker.close({ timeout: 1 })
        clock.advance(1)
        await closing
      }),
      { numRuns: 1_000 },
    )
    expect([...seen.keys()].sort()).toEqual(['assigned', 'dropped', 'expired', 'refused', 'stored', 'withheld'])
  }, 20_000)
})
