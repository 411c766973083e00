/** Consumers: who gets which message, how many, and how it is settled. */
import { expect } from 'vitest'
import { turn, until } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, errorOf, hasQueue, sendAll, take, upTo } from './helpers.js'

onEveryEngine('consumers', (scenario) => {
  scenario('of one queue take turns', async ({ bus, connect }) => {
    // CON-09, CON-24
    const queue = await bus.declareQueue<number>('q')
    const one = collect(queue.createConsumer())
    await turn()
    const two = collect((await connect()).queue<number>('q').createConsumer())
    await turn()
    await sendAll(queue, upTo(6))
    await turn()
    expect([bodies(one), bodies(two)]).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ])
  })

  scenario('without credit are passed over, and get no more than their prefetch', async ({ bus }) => {
    // CON-11, CON-24, QOS-08, QOS-12
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(3))
    const stuck = collect(queue.createConsumer({ prefetch: 1 }))
    const free = collect(queue.createConsumer({ prefetch: 2 }))
    await turn()
    await sendAll(queue, [4, 5])
    await turn()
    expect([bodies(stuck), bodies(free)]).toEqual([[1], [2, 3]])
    free[0]?.ack()
    free[1]?.requeue()
    await turn()
    expect(bodies(free)).toEqual([2, 3, 4, 3])
    stuck[0]?.reject()
    await turn()
    expect([bodies(stuck), bodies(free)]).toEqual([
      [1, 5],
      [2, 3, 4, 3],
    ])
  })

  scenario('with a prefetch of 0 get everything', async ({ bus }) => {
    // QOS-03
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(1000))
    const got = collect(queue.createConsumer({ prefetch: 0 }))
    await until(() => got.length === 1000)
    expect(bodies(got)).toEqual(upTo(1000))
  })

  for (const [verb, attach, expected] of [
    ['consume', (consumer, got) => void consumer.consume((delivery) => void got.push(delivery.body)), 100],
    ['run', (consumer, got) => void consumer.run((delivery) => new Promise(() => got.push(delivery.body))), 1],
    [
      'run with concurrency 7',
      (consumer, got) =>
        void consumer.run((delivery) => new Promise(() => got.push(delivery.body)), { concurrency: 7 }),
      7,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (consumer: import('leveret').Consumer, got: unknown[]) => void,
    number,
  ])[]) {
    scenario(`get ${expected} at once by ${verb} when no prefetch is given`, async ({ bus }) => {
      const queue = await bus.declareQueue('q')
      await sendAll(queue, upTo(150))
      const got: unknown[] = []
      const consumer = queue.createConsumer()
      attach(consumer, got)
      await turn()
      expect(got).toHaveLength(expected)
      expect(await queue.stats()).toMatchObject({ ready: 150 - expected, unacked: expected })
      await consumer.close({ timeout: 0 })
    })
  }

  scenario('of higher priority come first, as long as they have credit', async ({ bus }) => {
    // CON-10
    const queue = await bus.declareQueue<number>('q')
    const low = collect(queue.createConsumer({ priority: -1 }))
    const middle = collect(queue.createConsumer())
    const high = collect(queue.createConsumer({ priority: 10, prefetch: 1 }))
    await sendAll(queue, upTo(3))
    await turn()
    high[0]?.ack()
    await queue.send(4)
    await turn()
    expect([bodies(high), bodies(middle), bodies(low)]).toEqual([[1, 4], [2, 3], []])
  })

  scenario('that are exclusive stand alone', { needs: ['throws-at-once'] }, async ({ bus }) => {
    // CON-05
    const queue = await bus.declareQueue('q')
    const refused = {
      code: 'ACCESS_REFUSED',
      replyCode: 403,
      replyText: "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
    }
    const first = queue.createConsumer()
    collect(first)
    expect(await errorOf(() => collect(queue.createConsumer({ exclusive: true })))).toMatchObject(refused)
    await first.close()
    const alone = queue.createConsumer({ exclusive: true, prefetch: 1 })
    collect(alone)
    expect(await errorOf(() => collect(queue.createConsumer()))).toMatchObject(refused)
    await sendAll(queue, [1, 2])
    expect((await take(queue)).body).toBe(2) // GET-03
    await alone.close()
    collect(queue.createConsumer())
  })

  scenario('that need no acknowledgement are done when they are handed over', async ({ bus }) => {
    // CON-08, QOS-06, ACK-02
    const queue = await bus.declareQueue('q')
    const consumer = queue.createConsumer({ noAck: true, prefetch: 1 })
    const got = collect(consumer)
    await sendAll(queue, upTo(3))
    await turn()
    expect(bodies(got)).toEqual([1, 2, 3])
    expect(await queue.stats()).toMatchObject({ autoAcked: 3, unacked: 0, ready: 0 })
    expect(await errorOf(() => got[0]?.ack())).toMatchObject({
      code: 'PRECONDITION_FAILED',
      replyText: 'PRECONDITION_FAILED - unknown delivery tag 1',
    })
    await consumer.close()
    expect(await queue.get()).toBeUndefined()
  })

  scenario('have a tag, given or made up, and it may be used on every channel', async ({ bus }) => {
    // CON-02, CON-03
    const queue = await bus.declareQueue('q')
    const [generated, mine, also] = [
      queue.createConsumer(),
      queue.createConsumer({ consumerTag: 'mine' }),
      queue.createConsumer({ consumerTag: 'mine' }),
    ]
    expect([generated.consumerTag, mine.consumerTag]).toEqual([undefined, 'mine'])
    for (const consumer of [generated, mine, also]) collect(consumer)
    await turn()
    expect(generated.consumerTag).toMatch(/^amq\.ctag-[\w-]{22}$/)
    expect((await queue.info()).consumerCount).toBe(3)
  })

  const atOnce = { needs: ['throws-at-once'] } as const
  scenario('hear at once that their queue is missing or belongs to another', atOnce, async ({ bus, connect }) => {
    // CON-04
    expect(await errorOf(() => collect(bus.queue('none').createConsumer()))).toMatchObject({ code: 'NOT_FOUND' })
    await bus.declareQueue('mine', { exclusive: true })
    const consumer = (await connect()).queue('mine').createConsumer()
    expect(await errorOf(() => collect(consumer))).toMatchObject({ code: 'RESOURCE_LOCKED' })
  })

  scenario('see what was published, where, and that it comes again', async ({ bus }) => {
    // CON-14, ACK-01, PUB-17, PUB-18
    const exchange = await bus.declareExchange('x', 'fanout')
    const queue = await bus.declareQueue('q', { bindings: [exchange.key('')] })
    const properties = {
      contentType: 'text/plain',
      priority: 3,
      timestamp: 12,
      headers: { a: [1, null] },
      appId: 'app',
    }
    const got = collect(queue.createConsumer())
    await exchange.send('some.key', '', properties)
    await turn()
    got[0]?.requeue()
    await turn()
    for (const [i, delivery] of got.entries()) {
      expect(delivery).toMatchObject({ body: '', exchange: 'x', routingKey: 'some.key', deliveryTag: i + 1 })
      expect(delivery.properties).toEqual(properties)
      expect([delivery.headers, delivery.redelivered]).toEqual([{ a: [1, null] }, i > 0])
    }
    expect(got).toHaveLength(2)
  })

  scenario('settle in four ways', { needs: ['same-turn'] }, async ({ bus }) => {
    // ACK-07
    const queue = await bus.declareQueue<string>('q', { deadLetter: 'dead' })
    const once = new Set<string>()
    const got = collect(queue.createConsumer(), (delivery) => {
      const { body } = delivery
      if (once.has(body)) delivery.ack()
      else delivery[body as 'ack' | 'requeue' | 'retry' | 'reject']()
      once.add(body)
    })
    await sendAll(queue, ['ack', 'requeue', 'retry', 'reject'])
    await turn()
    expect(got.map(({ body, settled }) => [body, settled])).toEqual([
      ['ack', 'ack'],
      ['requeue', 'requeue'],
      ['requeue', 'ack'],
      ['retry', 'retry'],
      ['retry', 'ack'],
      ['reject', 'reject'],
    ])
    expect(await drain(bus.queue('dead'))).toEqual(['reject'])
    expect(await queue.stats()).toMatchObject({ acked: 3, rejected: 1, ready: 0, unacked: 0 })
  })

  scenario('get the order of their producers', async ({ bus, connect }) => {
    // ORD-01, ORD-02, ORD-03
    const queue = await bus.declareQueue<string>('q')
    const producers = { a: queue.createProducer(), b: (await connect()).queue<string>('q').createProducer() }
    const got = collect(queue.createConsumer(), (delivery) => delivery.ack())
    for (const number of upTo(500)) {
      producers.a.publish(`a${number}`)
      void producers.b.send(`b${number}`)
    }
    await until(() => got.length === 1000)
    for (const name of ['a', 'b']) {
      const order = bodies(got).filter((body) => body.startsWith(name))
      expect(order).toEqual(upTo(500).map((number) => `${name}${number}`))
    }
  })
})

onEveryEngine('a single active consumer', (scenario) => {
  scenario('gets everything, and the next in line takes over', { needs: ['inside'] }, async ({ bus, host }) => {
    // CON-16, CON-17
    const queue = await bus.declareQueue<number>('q', { singleActiveConsumer: true })
    const consumers = [0, 0, 5, 5].map((priority) => queue.createConsumer({ priority }))
    const got = consumers.map((consumer) => collect(consumer, (delivery) => delivery.ack()))
    const active = () => host.queues()[0]?.consumers.map((consumer) => consumer.active)
    await sendAll(queue, [1, 2])
    await turn()
    expect([active(), (await queue.info()).consumerCount]).toEqual([[true, false, false, false], 4])
    await consumers[0]?.cancel()
    await sendAll(queue, [3])
    await turn()
    expect(active()).toEqual([false, true, false])
    await consumers[2]?.close()
    await sendAll(queue, [4])
    await turn()
    expect(got.map(bodies)).toEqual([[1, 2], [], [3], [4]])
  })

  scenario('that closes gives back what it had, first and in order', async ({ bus }) => {
    // CON-18
    const queue = await bus.declareQueue<number>('q', { singleActiveConsumer: true })
    const first = queue.createConsumer({ prefetch: 3 })
    const had = collect(first)
    await sendAll(queue, upTo(5))
    await turn()
    const got = collect(queue.createConsumer())
    had[1]?.ack()
    await turn()
    await first.close()
    await turn()
    expect(bodies(had)).toEqual([1, 2, 3, 4])
    expect(got.map(({ body, redelivered }) => [body, redelivered])).toEqual([
      [1, true],
      [3, true],
      [4, true],
      [5, false],
    ])
  })

  scenario('cannot be exclusive as well', { needs: ['throws-at-once'] }, async ({ bus }) => {
    // CON-06
    const queue = await bus.declareQueue('q', { singleActiveConsumer: true })
    expect(await errorOf(() => collect(queue.createConsumer({ exclusive: true })))).toMatchObject({
      replyText: "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
    })
  })
})

onEveryEngine('pause and resume', (scenario) => {
  scenario('hold the deliveries, not the publishes nor the gets', { needs: ['inside'] }, async ({ bus, host }) => {
    const queue = await bus.declareQueue<number>('q')
    const got = collect(queue.createConsumer())
    host.pause('q')
    await sendAll(queue, upTo(3))
    await turn()
    expect([got, host.queues()[0]?.paused]).toEqual([[], true])
    ;(await take(queue)).ack()
    const other = await bus.declareQueue<number>('other')
    host.pause('other')
    const waiting = other.get({ wait: true })
    await other.send(4)
    expect((await waiting).body).toBe(4)
    host.resume('q')
    await turn()
    expect([bodies(got), host.queues()[0]?.paused]).toEqual([[2, 3], false])
    expect(await errorOf(() => host.pause('none'))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await errorOf(() => host.resume('none'))).toMatchObject({ code: 'NOT_FOUND' })
  })
})

onEveryEngine('delayed sends', (scenario) => {
  scenario(
    'reach their queue when they are due, in order of that',
    { needs: ['time'] },
    async ({ bus, host, advance }) => {
      const queue = await bus.declareQueue<string>('q')
      await queue.send('late', { delay: 200 })
      await queue.send('early', { delay: 100 })
      queue.publish('also early', { delay: 100 })
      await queue.send('now', { delay: 0 })
      expect(host.overview().publishes).toMatchObject({ published: 4, routed: 1, held: 3 })
      await advance(99)
      expect(await queue.info()).toMatchObject({ messageCount: 1 })
      await advance(101)
      expect(await drain(queue)).toEqual(['now', 'early', 'also early', 'late'])
      expect(host.overview().publishes).toMatchObject({ published: 4, routed: 4, held: 0 })
    },
  )

  scenario(
    'are routed when they are due, and dropped when there is no exchange then',
    { needs: ['time'] },
    async ({ bus, host, advance }) => {
      const exchange = await bus.declareExchange('x', 'fanout')
      await exchange.send('', 1, { delay: 100 })
      await exchange.send('', 2, { delay: 200 })
      const queue = await bus.declareQueue('q', { bindings: [exchange.key('')] })
      await advance(100)
      expect(await drain(queue)).toEqual([1])
      await exchange.delete()
      await advance(100)
      expect(host.overview().publishes).toMatchObject({ routed: 1, unroutable: 1, held: 0 })
      expect(await hasQueue(bus, 'q')).toBe(true)
    },
  )
})
