/** `virtualHost.explain`: the way of a message that nobody published. What it says is held against what a publish does. */
import type { Bus, ExchangeType, Explanation, PublishOptions, QueueOptions, RoutedBinding, VirtualHost } from 'leveret'
import { Broker } from 'leveret'
import { describe, expect, it } from 'vitest'
import type { Connection } from '../../src/channel/channel.js'
import { Message } from '../../src/message.js'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, errorOf, sendAll, take, upTo } from './helpers.js'

/** Names of the queues that are said to get a copy. */
const reached = (explanation: Explanation) => explanation.queues.map(({ name }) => name)

/** The verdicts on the bindings of one exchange: `+` where matched. */
function bindingsOf(explanation: Explanation, exchange: string): string[] {
  const found = explanation.exchanges.find(({ name }) => name === exchange)
  return (found?.bindings ?? []).map(({ matched, routingKey, destination }) => {
    return `${matched ? '+' : '-'}${routingKey}>${destination}`
  })
}

/** Everything that a broker shows, to be compared. */
const shown = (broker: Broker) => structuredClone(broker.overview())

const inside = { needs: ['inside'] } as const

onEveryEngine('explain', (scenario) => {
  scenario(
    'walks exchanges, bindings and alternate exchanges in order, and says how each queue is reached',
    inside,
    async ({ bus, host }) => {
      await bus.declareExchange('rest', 'fanout')
      const orders = await bus.declareExchange('orders', 'topic', { alternateExchange: 'rest' })
      const billing = await bus.declareExchange('billing', 'direct', { alternateExchange: 'rest' })
      await bus.declareQueue('audit', { bindings: [orders.key('order.#')] })
      await billing.bind(orders.key('*.paid.*'))
      await bus.declareQueue('mails', { bindings: [orders.key('order.*')] })
      await bus.declareQueue('invoices', { bindings: [billing.key('order.paid')] })
      await bus.declareQueue('lost', { bindings: [bus.exchange('rest').key('')] })

      const explanation = host.explain(host.exchange('orders'), 'order.paid.eu')
      expect(explanation).toMatchObject({ exchange: 'orders', routingKey: 'order.paid.eu', outcome: 'accepted' })
      expect(explanation.exchanges.map(({ name, type, alternate }) => [name, type, alternate?.verdict])).toEqual([
        ['orders', 'topic', 'not-needed'],
        ['billing', 'direct', 'asked'],
        ['rest', 'fanout', undefined],
      ])
      expect(bindingsOf(explanation, 'orders')).toEqual(['+order.#>audit', '+*.paid.*>billing', '-order.*>mails'])
      expect(bindingsOf(explanation, 'billing')).toEqual(['-order.paid>invoices'])
      expect(explanation.queues.map(({ name, path }) => [name, path])).toEqual([
        ['audit', ['orders']],
        ['lost', ['orders', 'billing', 'rest']],
      ])
    },
  )

  scenario('says why an alternate exchange is not asked', inside, async ({ bus, host }) => {
    // AE-01, AE-02, AE-03
    const missing = await bus.declareExchange('missing', 'fanout', { alternateExchange: 'nowhere' })
    await bus.declareExchange('self', 'fanout', { alternateExchange: 'self' })
    const verdict = (name: string) => host.explain(name, '').exchanges.map(({ alternate }) => alternate)
    expect(verdict('missing')).toEqual([{ exchange: 'nowhere', verdict: 'missing' }])
    expect(verdict('self')).toEqual([{ exchange: 'self', verdict: 'visited' }])
    await bus.declareQueue('q', { bindings: [missing.key('')] })
    expect(verdict('missing')).toEqual([{ exchange: 'nowhere', verdict: 'not-needed' }])
  })

  scenario(
    'walks the keys of CC and BCC, which an exchange without keys passes over',
    inside,
    async ({ bus, host }) => {
      // PUB-08, PUB-10, PUB-12
      const direct = await bus.declareExchange('direct', 'direct')
      const fanout = await bus.declareExchange('fanout', 'fanout')
      for (const key of ['a', 'b', 'c', 'd']) await bus.declareQueue(key, { bindings: [direct.key(key)] })
      await bus.declareQueue('all', { bindings: [fanout.key('')] })
      const headers = { CC: ['b', 7], BCC: ['c'] }
      const explanation = host.explain('direct', 'a', { headers })
      expect(explanation.keys).toEqual([
        { key: 'a', from: 'publish' },
        { key: 'b', from: 'CC' },
        { key: 'c', from: 'BCC' },
      ])
      expect(reached(explanation)).toEqual(['a', 'b', 'c'])
      const second = explanation.exchanges[0]?.bindings[1]
      expect(second?.keys.map(({ key, matched }) => [key, matched])).toEqual([
        ['a', false],
        ['b', true],
        ['c', false],
      ])
      expect(reached(host.explain('', 'x', { headers }))).toEqual(['b', 'c'])
      expect(host.explain('fanout', 'a', { headers }).exchanges[0]?.bindings[0]?.keys).toHaveLength(1)
    },
  )

  scenario(
    'gives a queue one copy and an exchange one visit, by the first way there is',
    inside,
    async ({ bus, host }) => {
      // XT-08, E2E-02
      const one = await bus.declareExchange('one', 'fanout')
      const two = await bus.declareExchange('two', 'fanout')
      await two.bind(one.key(''))
      await one.bind(two.key(''))
      await one.bind(one.key('self'))
      const queue = await bus.declareQueue('q', { bindings: [one.key('x'), two.key('')] })
      await queue.bind(one.key('y'))
      const explanation = host.explain('one', '')
      expect(explanation.exchanges.map(({ name }) => name)).toEqual(['one', 'two'])
      expect(explanation.queues.map(({ name, path }) => [name, path])).toEqual([['q', ['one']]])
      const again = explanation.exchanges.map(({ bindings }) => bindings.map((binding) => binding.again))
      expect(again).toEqual([
        [false, true, false, true],
        [true, true],
      ])
    },
  )

  scenario('explains the default exchange by the names of queues', inside, async ({ bus, host }) => {
    for (const name of ['mails', 'jobs']) await bus.declareQueue(name)
    const found = host.explain('', 'jobs')
    expect(bindingsOf(found, '')).toEqual(['+jobs>jobs'])
    const missed = host.explain(host.exchange(''), 'mial')
    expect(missed).toMatchObject({ outcome: 'unroutable', queues: [], exchanges: [{ name: '', bindings: [] }] })
    expect(host.explain('', 'Mails').nearMisses).toMatchObject([{ destination: 'mails', distance: 0 }])
  })

  scenario('finds the address of a channel that takes replies', inside, async ({ bus, host }) => {
    const queue = await bus.declareQueue('q')
    const channel = (bus as unknown as { connection: Connection }).connection.openChannel({})
    const options = { consumerTag: '', prefetch: 0, noAck: true, exclusive: false, priority: 0, once: false }
    const nothing = () => undefined
    const replyTo = 'amq.rabbitmq.reply-to'
    await channel.consume(replyTo, options, { ready: nothing, cancelled: nothing })
    channel.publish(new Message('', 'q', 'ask', { replyTo }), false, 0)
    const asked = await take(queue)
    const explanation = host.explain('', asked.properties.replyTo ?? '', { replyTo })
    expect(explanation).toMatchObject({ outcome: 'accepted', queues: [{ outcome: 'assigned' }] })
    asked.ack()
  })

  scenario('says what becomes of a message that reaches no queue', inside, async ({ bus, host }) => {
    await bus.declareExchange('x', 'topic')
    await bus.declareExchange('inner', 'fanout', { internal: true })
    expect(host.explain('x', 'key').outcome).toBe('unroutable')
    expect(host.explain('x', 'key', { mandatory: true }).outcome).toBe('returned')
    expect(host.explain('inner', 'key')).toMatchObject({ outcome: 'internal', exchanges: [], queues: [] })
  })

  scenario('fails as a publish does', inside, async ({ bus, host }) => {
    await bus.declareExchange('orders', 'topic')
    const cases: [exchange: string, key: string, options?: PublishOptions][] = [
      ['ordrs', 'key'],
      ['orders', 'k'.repeat(256)],
      ['orders', 'key', { expiration: '1s' }],
      ['orders', 'key', { headers: { CC: 'a' } }],
      ['orders', 'key', { priority: 256 }],
      ['orders', 'key', { headers: { a: () => 1 } } as unknown as PublishOptions],
    ]
    for (const [exchange, key, options] of cases) {
      const said = await errorOf(() => host.explain(exchange, key, options))
      const sent = (await errorOf(() => bus.exchange(exchange).send(key, 1, options))) as Error
      expect(said).toMatchObject({ name: sent.name, message: sent.message.replace(/^send:/, 'explain:') })
    }
    expect(() => host.explain('ordrs', 'key')).toThrow("did you mean 'orders'?")
    expect(() => host.explain('orders', 'key', { header: {} } as never)).toThrow("did you mean 'headers'?")
    expect(() => host.explain('orders', 'key', { delay: 1 } as never)).toThrow("unknown option 'delay'")
    expect(() => host.explain(7 as never, 'key')).toThrow('expected an exchange or the name of one, got 7')
    const other = new Broker()
    const foreign = other.virtualHost('/').exchange('orders')
    expect(() => host.explain(foreign, 'key')).toThrow(
      "exchange 'orders' is a handle of another broker or virtual host",
    )
    await other.close()
  })

  scenario(
    'lists what nearly matched, nearest first, but nothing that is reached or was meant',
    inside,
    async ({ bus, host }) => {
      const orders = await bus.declareExchange('orders', 'topic')
      await bus.declareQueue('far', { bindings: [orders.key('order.*')] })
      await bus.declareQueue('near', { bindings: [orders.key('Order.paid.eu')] })
      await bus.declareQueue('reached', { bindings: [orders.key('#'), orders.key('order.paid')] })
      await bus.declareQueue('unlike', { bindings: [orders.key('mail.#')] })
      const { nearMisses } = host.explain('orders', 'order.paid.eu')
      expect(nearMisses.map(({ destination }) => destination)).toEqual(['near', 'far'])
      expect(nearMisses[0]).toEqual({
        exchange: 'orders',
        destination: 'near',
        destinationKind: 'queue',
        bindingKey: 'Order.paid.eu',
        key: 'order.paid.eu',
        distance: 0,
        hint: 'only upper and lower case differ, and keys are compared to the byte',
      })
      // A key that somebody is bound by is no slip for its neighbour.
      const direct = await bus.declareExchange('direct', 'direct')
      await bus.declareQueue('paid', { bindings: [direct.key('paid')] })
      await bus.declareQueue('said', { bindings: [direct.key('said')] })
      expect(host.explain('direct', 'paid').nearMisses).toEqual([])
      expect(host.explain('direct', 'laid').nearMisses).toHaveLength(2)
    },
  )

  scenario('changes nothing', inside, async ({ bus, broker, host, clock }) => {
    const topic = await bus.declareExchange('topic', 'topic')
    const leased = await bus.declareQueue('leased', { expires: 100, bindings: [topic.key('#')] })
    const full = await bus.declareQueue('full', { maxLength: 1, overflow: 'reject-publish-dlx', deadLetter: 'dead' })
    await full.bind(topic.key('#'))
    await full.send(1)
    await bus.declareQueue('short', { maxLength: 1, messageTtl: 0, deadLetter: 'dead', bindings: [topic.key('#')] })
    const worked = await bus.declareQueue<number>('worked', { bindings: [topic.key('never')] })
    const consumers = [1, 2].map((prefetch) => collect(worked.createConsumer({ prefetch })))
    await sendAll(worked, [1, 2])
    await turn()
    clock.advance(99)
    const before = shown(broker)
    const armed = clock.armed
    const first = host.explain('topic', 'a.b')
    host.explain('', 'worked')
    expect(host.explain('topic', 'a.b')).toEqual(first)
    expect(structuredClone(first).queues).toEqual(first.queues)
    expect(shown(broker)).toEqual(before)
    expect(clock.armed).toBe(armed)
    // The turns of consumers are as they were: the first is at its limit, the second is next.
    await worked.send(3)
    await turn()
    expect(consumers.map(bodies)).toEqual([[1], [2, 3]])
    // The lease was not renewed.
    clock.advance(1)
    expect(await errorOf(() => leased.info())).toMatchObject({ code: 'NOT_FOUND' })
  })

  scenario('goes through a thousand exchanges in a row', inside, async ({ bus, host }) => {
    for (let n = 0; n < 1000; n++) {
      const exchange = await bus.declareExchange(`e${n}`, 'fanout')
      if (n > 0) await exchange.bind(`e${n - 1}`, '')
    }
    await bus.declareQueue('q', { bindings: [bus.exchange('e999').key('')] })
    const explanation = host.explain('e0', '')
    expect(explanation.queues[0]?.path).toHaveLength(1000)
    expect(`${explanation}`).toContain("✓ → queue 'q'")
  })

  scenario('leaves the marks of routing alone: a publish after it reaches all', inside, async ({ bus, host }) => {
    const one = await bus.declareExchange('one', 'fanout')
    const two = await bus.declareExchange('two', 'fanout')
    await two.bind(one.key(''))
    const queue = await bus.declareQueue('q', { bindings: [two.key('')] })
    for (let n = 0; n < 3; n++) {
      host.explain('one', '')
      await one.send('', n)
    }
    expect((await queue.info()).messageCount).toBe(3)
  })
})

/** Sends each message to one of its bindings, in turn. */
function roundRobin(explains: boolean): ExchangeType {
  return {
    name: 'x-round-robin',
    keyless: true,
    createRouter() {
      const bindings: RoutedBinding[] = []
      let turns = 0
      return {
        add: (binding) => void bindings.push(binding),
        remove: (binding) => void bindings.splice(bindings.indexOf(binding), 1),
        route(_routingKey, _message, sink) {
          const next = bindings[turns++ % bindings.length]
          if (next !== undefined) sink.add(next.destination)
        },
        ...(explains && {
          explain: (binding: RoutedBinding) => {
            const matched = bindings.indexOf(binding) === turns % bindings.length
            return { matched, reason: { kind: 'other', text: matched ? 'its turn' : 'not its turn' } } as const
          },
        }),
      }
    },
  }
}

describe("an exchange type of a user's own", () => {
  async function start(explains: boolean) {
    const broker = new Broker({ exchangeTypes: [roundRobin(explains)] })
    const host = broker.virtualHost('/')
    const shards = await host.declareExchange('shards', 'x-round-robin')
    for (const name of ['a', 'b']) await host.declareQueue(name, { bindings: [shards.key('')] })
    return { broker, host, shards }
  }

  it('gives its own reasons', async () => {
    const { broker, host, shards } = await start(true)
    await shards.send('', 1)
    const explanation = host.explain('shards', '')
    expect(reached(explanation)).toEqual(['b'])
    expect(`${explanation}`).toContain("✗ '' → queue 'a': not its turn")
    await shards.send('', 2)
    expect(host.queues().map(({ stats }) => stats.ready)).toEqual([1, 1])
    await broker.close()
  })

  it('that gives none is explained by a router like its own, which is left alone', async () => {
    const { broker, host, shards } = await start(false)
    const explanation = host.explain('shards', '')
    expect(reached(explanation)).toEqual(['a'])
    expect(explanation.exchanges[0]?.bindings.map(({ matched, keys }) => [matched, keys[0]?.reason])).toEqual([
      [true, { kind: 'router' }],
      [false, { kind: 'router' }],
    ])
    expect(`${explanation}`).toContain('its type does not route there')
    await shards.send('', 1)
    expect(host.queues().map(({ stats }) => stats.ready)).toEqual([1, 0])
    await broker.close()
  })
})

onEveryEngine('explain, of a queue', (scenario) => {
  const explained = (host: VirtualHost, options?: Parameters<VirtualHost['explain']>[2]) => {
    const queue = host.explain('', 'q', options).queues.find(({ name }) => name === 'q')
    if (queue === undefined) throw new Error('expected a queue')
    return queue
  }
  const declare = (bus: Bus, options?: QueueOptions) => bus.declareQueue<unknown>('q', options)

  scenario('says which consumer or get is given the message at once', inside, async ({ bus, host }) => {
    const queue = await declare(bus)
    const consumer = queue.createConsumer({ prefetch: 1 })
    const got = collect(consumer)
    await turn()
    expect(explained(host)).toEqual({
      name: 'q',
      path: [''],
      outcome: 'assigned',
      ahead: 0,
      consumer: { consumerTag: host.queues()[0]?.consumers[0]?.consumerTag, get: false },
      paused: false,
    })
    await queue.send(1)
    await turn()
    expect(explained(host)).toMatchObject({ outcome: 'stored', waits: 'no-credit' })
    const waiting = queue.get({ wait: true })
    await turn()
    expect(explained(host)).toMatchObject({ outcome: 'assigned', consumer: { get: true } })
    host.pause('q')
    expect(explained(host)).toMatchObject({ outcome: 'assigned', consumer: { get: true }, paused: true })
    await queue.send(2)
    expect((await waiting)?.body).toBe(2)
    expect(explained(host)).toMatchObject({ outcome: 'stored', waits: 'paused', ahead: 0 })
    got[0]?.ack()
    await turn()
    expect(explained(host)).toMatchObject({ outcome: 'stored', waits: 'paused' })
    host.resume('q')
    expect(explained(host)).toMatchObject({ outcome: 'assigned', consumer: { get: false } })
  })

  scenario(
    'says that it would stand behind a backlog that is still being handed out',
    { needs: ['inside', 'same-turn'] },
    async ({ bus, host }) => {
      const queue = await declare(bus)
      for (const n of upTo(300)) queue.publish(n)
      const consumer = queue.createConsumer({ prefetch: 0 })
      collect(consumer)
      // A backlog is assigned in slices of 256.
      expect(explained(host)).toMatchObject({ outcome: 'stored', waits: 'behind-others', ahead: 44 })
      await turn()
      expect(explained(host)).toMatchObject({ outcome: 'assigned', ahead: 0 })
    },
  )

  scenario('says that only the single active consumer counts', inside, async ({ bus, host }) => {
    const queue = await declare(bus, { singleActiveConsumer: true })
    collect(queue.createConsumer({ prefetch: 1 }))
    collect(queue.createConsumer())
    await turn()
    const [active] = host.queues()[0]?.consumers ?? []
    expect(explained(host).consumer).toEqual({ consumerTag: active?.consumerTag, get: false })
    await queue.send(1)
    expect(explained(host)).toMatchObject({ outcome: 'stored', waits: 'no-credit' })
  })

  scenario(
    'says behind how many it would stand, with priorities behind its own and above',
    inside,
    async ({ bus, host }) => {
      const queue = await declare(bus, { maxPriority: 2 })
      expect(explained(host)).toMatchObject({ outcome: 'stored', waits: 'no-consumer', ahead: 0 })
      for (const priority of [0, 1, 2, 9]) await queue.send(priority, { priority })
      const ahead = [undefined, 0, 1, 2, 3].map((priority) => {
        return explained(host, priority === undefined ? {} : { priority }).ahead
      })
      expect(ahead).toEqual([4, 4, 3, 2, 2])
    },
  )

  scenario('takes the smaller time to live', inside, async ({ bus, host }) => {
    // TTL-01, TTL-06
    const queue = await declare(bus, { messageTtl: 1000 })
    expect(explained(host).timeToLive).toEqual({ ms: 1000, queue: 1000 })
    expect(explained(host, { expiration: 5 }).timeToLive).toEqual({ ms: 5, queue: 1000, message: 5 })
    expect(explained(host, { expiration: '9000' }).timeToLive).toEqual({ ms: 1000, queue: 1000, message: 9000 })
    expect(explained(host, { expiration: 0 })).toMatchObject({ outcome: 'expired' })
    await queue.send(1)
    expect(explained(host, { expiration: 0 })).toMatchObject({ outcome: 'stored', timeToLive: { ms: 0 } })
  })

  scenario('says where the dead go, and whether anybody gets them', inside, async ({ bus, host }) => {
    // DLX-02, DLX-03, DLX-12
    const target = async (options: QueueOptions) => {
      const queue = await declare(bus, { messageTtl: 0, ...options })
      const { deadLetter } = explained(host, { headers: { CC: ['copy'] } })
      await queue.delete()
      return deadLetter
    }
    await bus.declareQueue('copy')
    await bus.declareQueue('dead')
    expect(await target({})).toBeUndefined()
    const byKey = { exchange: '', routingKey: 'dead', missing: false, queues: ['dead'] }
    expect(await target({ deadLetter: 'dead' })).toEqual(byKey)
    expect(await target({ deadLetterExchange: '' })).toEqual({ exchange: '', missing: false, queues: ['copy'] })
    expect(await target({ deadLetterExchange: 'none' })).toEqual({ exchange: 'none', missing: true, queues: [] })
    expect(await target({ deadLetterExchange: '', deadLetterRoutingKey: 'q' })).toMatchObject({ queues: [] })
  })

  scenario(
    'follows a dead letter by the headers it will have, and each queue of many by its own',
    inside,
    async ({ bus, host }) => {
      const all = await bus.declareExchange('all', 'fanout')
      const graves = await bus.declareExchange('graves', 'headers')
      const options = { messageTtl: 0, deadLetterExchange: 'graves', bindings: [all.key('')] }
      for (const name of ['one', 'two']) {
        await bus.declareQueue(name, options)
        const args = { 'x-match': 'all-with-x', 'x-first-death-queue': name }
        await bus.declareQueue(`${name}.dead`, { bindings: [graves.key('', args)] })
      }
      const round = { messageTtl: 0, deadLetterExchange: 'all', bindings: [all.key('')] }
      for (const name of ['three', 'four']) await bus.declareQueue(name, round)
      const said = host.explain('all', '').queues.map(({ name, deadLetter }) => [name, deadLetter?.queues])
      expect(said).toEqual([
        ['one', ['one.dead']],
        ['two', ['two.dead']],
        ['three', ['one', 'two', 'four']],
        ['four', ['one', 'two', 'three']],
      ])
    },
  )

  scenario('says of a full queue what its overflow would do', inside, async ({ bus, host }) => {
    // LEN-03, LEN-06, LEN-09
    const limit = async (options: QueueOptions, filled: number, body?: unknown) => {
      const queue = await declare(bus, options)
      for (const n of upTo(filled)) await queue.send(`${n}`)
      const { outcome, ahead, limit } = explained(host, body === undefined ? {} : { body })
      const result = [host.explain('', 'q', { body }).outcome, outcome, ahead, limit?.full, limit?.drops]
      await queue.delete()
      return result
    }
    expect(await limit({ maxLength: 2 }, 1)).toEqual(['accepted', 'stored', 1, false, 0])
    expect(await limit({ maxLength: 2 }, 2)).toEqual(['accepted', 'stored', 1, true, 1])
    expect(await limit({ maxLength: 0 }, 0)).toEqual(['accepted', 'dropped', 0, true, 1])
    expect(await limit({ maxLengthBytes: 2 }, 2, 'ab')).toEqual(['accepted', 'stored', 0, true, 2])
    expect(await limit({ maxLengthBytes: 2 }, 2, 'abc')).toEqual(['accepted', 'dropped', 0, true, 3])
    expect(await limit({ maxLengthBytes: 2 }, 2)).toEqual(['accepted', 'stored', 2, false, 0])
    expect(await limit({ maxLength: 1, overflow: 'reject-publish' }, 0)).toEqual(['accepted', 'stored', 0, false, 0])
    expect(await limit({ maxLength: 1, overflow: 'reject-publish' }, 1)).toEqual(['refused', 'refused', 1, true, 0])
    expect(await limit({ maxLength: 0, overflow: 'reject-publish-dlx' }, 0)).toEqual(['refused', 'refused', 0, true, 0])
    expect(await limit({ maxLength: 1, overflow: 'block' }, 1)).toEqual(['pending', 'withheld', 1, true, 0])
  })

  for (const options of [{}, { maxPriority: 2 }, { type: 'quorum' }] satisfies QueueOptions[]) {
    const kind = Object.values(options)[0] ?? 'classic'
    scenario(`foresees that a drop uncovers what is dead already (${kind})`, inside, async ({ bus, host }) => {
      // TTL-04: behind a live head nothing expires
      const queue = await declare(bus, { ...options, maxLength: 3 })
      for (const n of upTo(3)) await queue.send(n, n === 2 ? { expiration: 0 } : {})
      expect(explained(host)).toMatchObject({ outcome: 'stored', ahead: 1, limit: { drops: 1 } })
      await queue.send(4)
      expect(host.peek('q', 9).map(({ body }) => body)).toEqual([3, 4])
      await queue.purge()
      for (const n of upTo(3)) await queue.send(n, n > 1 ? { expiration: 0 } : {})
      expect(explained(host, { expiration: 0 })).toMatchObject({ outcome: 'expired', ahead: 0, limit: { drops: 1 } })
      await queue.send(4, { expiration: 0 })
      expect(await queue.stats()).toMatchObject({ ready: 0 })
    })
  }

  const tiny = { needs: ['inside'], broker: { highWatermark: 1 } } as const
  scenario('says that confirms wait while the broker is above its high watermark', tiny, async ({ bus, host }) => {
    const queue = await declare(bus)
    expect(host.explain('', 'q')).toMatchObject({ outcome: 'accepted', alarmed: false })
    for (const n of upTo(2)) queue.publish(n)
    await turn()
    expect(host.explain('', 'q')).toMatchObject({ outcome: 'pending', alarmed: true })
  })
})
