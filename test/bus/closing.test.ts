/** The end of handles, buses and brokers: what is given back, what is dropped, and the report. */
import type { Awaitable, Broker, Bus, Consumer, Delivery } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { collect, drain, errorOf, sendAll, take, takeAll, upTo } from './helpers.js'

onEveryEngine('closing', (scenario) => {
  for (const [what, make] of [
    ['a queue', (bus) => bus.queue('q')],
    ['an exchange', (bus) => bus.exchange('amq.fanout')],
    ['a producer of a queue', (bus) => bus.queue('q').createProducer()],
    ['a producer of an exchange', (bus) => bus.exchange('amq.fanout').createProducer()],
    ['a consumer that is not attached', (bus) => bus.queue('q').createConsumer()],
    ['a consumer', (bus) => attached(bus.queue('q').createConsumer())],
    ['a bus', (_bus, connect) => connect()],
    ['a broker', (_bus, _connect, broker) => broker],
  ] as const satisfies readonly (readonly [
    string,
    (
      bus: Bus,
      connect: () => Promise<Bus>,
      broker: Broker,
    ) => Awaitable<{ close(): Promise<unknown>; [Symbol.asyncDispose](): Promise<void> }>,
  ])[]) {
    scenario(
      `${what} is done by await using, more than once, and leaves the queue`,
      { needs: ['inside'] },
      async ({ bus, connect, broker, host }) => {
        // law 8
        const queue = await bus.declareQueue('q')
        await queue.send(1)
        const handle = await make(bus, connect, broker)
        await handle[Symbol.asyncDispose]()
        await handle[Symbol.asyncDispose]()
        await handle.close()
        expect(host.queues().map(({ name, stats }) => [name, stats.consumers])).toEqual([['q', 0]])
      },
    )
  }

  scenario('a bus requeues what its handles hold and ends their waits', async ({ bus, connect }) => {
    const queue = await bus.declareQueue<number>('q')
    await bus.declareQueue('full', { maxLength: 0, overflow: 'block' })
    await sendAll(queue, upTo(4))
    const own = await connect()
    const got = collect(own.queue<number>('q').createConsumer({ prefetch: 2 }))
    await turn()
    const fetched = await take(own.queue<number>('q'))
    const blocked = errorOf(() => own.queue('full').send(1))
    got[0]?.ack()
    await turn()
    await own.close()
    await own.close()
    expect([...got, fetched].map(({ settled }) => settled)).toEqual(['ack', 'lost', 'lost', 'lost'])
    expect((await takeAll(queue)).map(({ body, redelivered }) => [body, redelivered])).toEqual([
      [2, true],
      [3, true],
      [4, true],
    ])
    expect(await blocked).toMatchObject({ code: 'CLOSED' })
    expect((await take(bus.queue('full'))).body).toBe(1)
  })

  scenario('a queue handle gives back what its gets hold', async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    await queue.send(1)
    const handle = bus.queue('q')
    const got = await take(handle)
    await handle.close()
    expect(got.settled).toBe('lost')
    expect((await take(queue)).redelivered).toBe(true)
  })

  scenario('a producer ends its sends, and the messages stay', { needs: ['block'] }, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q', { maxLength: 0, overflow: 'block' })
    const producer = queue.createProducer()
    const sent = errorOf(() => producer.send(1))
    const drained = producer.drained()
    await producer.close()
    expect(await sent).toMatchObject({ code: 'CLOSED', message: "producer of queue 'q' is closed" })
    await drained
    expect(await drain(queue)).toEqual([1])
  })

  scenario('a consumer leaves deliveries in hand to the broker, flagged', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, [1, 2])
    const consumer = queue.createConsumer()
    const got = collect(consumer)
    await turn()
    await consumer.close()
    got[0]?.ack()
    got[1]?.reject()
    expect(got.map(({ settled }) => settled)).toEqual(['lost', 'lost'])
    expect(await queue.stats()).toMatchObject({ ready: 2, acked: 0, rejected: 0 })
    expect((await takeAll(queue)).every(({ redelivered }) => redelivered)).toBe(true)
  })

  scenario('a cancelled consumer may settle what it has, on its channel', async ({ bus }) => {
    // CON-12, CON-13
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, [1, 2])
    const consumer = queue.createConsumer()
    const got = collect(consumer)
    await turn()
    await consumer.cancel()
    await consumer.cancel()
    await queue.send(3)
    await turn()
    expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 2, consumers: 0 })
    got[0]?.ack()
    await consumer.close()
    expect((await takeAll(queue)).map(({ body }) => body)).toEqual([2, 3])
  })
})

onEveryEngine('the close of a broker', (scenario) => {
  const needs = { needs: ['inside', 'time'] } as const

  const outbox = { needs: [...needs.needs, 'outbox'] } as const
  scenario('lets consumers finish what they have, and reports the rest', outbox, async ({ bus, broker, advance }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(10))
    const got: Delivery<number>[] = []
    queue.createConsumer({ prefetch: 5 }).run(
      (delivery) => {
        got.push(delivery)
        return new Promise(() => undefined)
      },
      { concurrency: 3 },
    )
    await turn()
    await bus.queue('q').send(11, { delay: 60_000 })
    const closing = broker.close({ timeout: 1000 })
    expect(broker.close()).toBe(closing)
    got[0]?.ack()
    got[1]?.reject()
    await advance(999)
    expect(got).toHaveLength(3)
    await advance(1)
    expect(await closing).toEqual({ finished: 2, requeued: 1, dropped: 8 })
    expect(got[2]?.settled).toBe('lost')
    expect([broker.closed, bus.closed]).toEqual([true, true])
  })

  scenario('resolves at once when nobody has anything', needs, async ({ bus, broker, clock }) => {
    const queue = await bus.declareQueue('q')
    await sendAll(queue, [1, 2])
    expect(await broker.close()).toEqual({ finished: 0, requeued: 0, dropped: 2 })
    expect(clock.pending).toBe(0)
  })

  scenario(
    'by drain lets consumers work off their queues and what they publish',
    needs,
    async ({ bus, broker, advance }) => {
      const [first, second] = [
        await bus.declareQueue<number>('first', { retry: { attempts: 2, minDelay: 500 } }),
        await bus.declareQueue<number>('second'),
      ]
      await bus.declareQueue('unattended')
      await bus.queue('unattended').send(1)
      const handled: unknown[] = []
      const consumer = first.createConsumer().on('failed', () => undefined)
      consumer.run(async (delivery) => {
        if (delivery.deliveryCount === 0) throw new Error('once')
        await second.send(delivery.body)
      })
      second.createConsumer().run((delivery) => void handled.push(delivery.body))
      await sendAll(first, upTo(20))
      const closing = broker.close({ drain: true, timeout: 10_000 })
      await advance(500)
      expect(await closing).toEqual({ finished: 40, requeued: 0, dropped: 1 })
      expect(handled).toEqual(upTo(20))
    },
  )

  scenario('by drain gives up at its timeout', needs, async ({ bus, broker, advance }) => {
    const queue = await bus.declareQueue('q')
    await sendAll(queue, [1, 2, 3])
    queue.createConsumer({ prefetch: 1 }).consume(() => undefined)
    await turn()
    const closing = broker.close({ drain: true, timeout: 100 })
    await advance(100)
    expect(await closing).toEqual({ finished: 0, requeued: 1, dropped: 2 })
  })

  scenario('ends every loop, wait and handle', needs, async ({ bus, broker }) => {
    // law 2
    const queue = await bus.declareQueue('q', { maxLength: 0, overflow: 'block' })
    const loop = (async () => {
      for await (const delivery of bus.queue('amq.none').createConsumer()) delivery.ack()
    })().catch((error: { code: string }) => error.code)
    const idle = await bus.declareQueue('idle')
    const idling = (async () => {
      for await (const delivery of idle.createConsumer()) delivery.ack()
      return 'ended'
    })()
    const waits = [queue.send(1), idle.get({ wait: true, timeout: 5000 })].map((wait) =>
      wait.then(
        () => 'resolved',
        (error: { code: string }) => error.code,
      ),
    )
    const drained = queue.drained()
    await turn()
    await broker.close()
    expect(await Promise.all([loop, idling, ...waits])).toEqual(['NOT_FOUND', 'ended', 'CLOSED', 'CLOSED'])
    await drained
    for (const call of [
      () => bus.declareQueue('q'),
      () => queue.send(1),
      () => queue.publish(1),
      () => queue.createConsumer(),
      () => queue.get(),
      () => broker.virtualHost('/'),
      () => broker.connect(),
      () => broker.createVirtualHost('a'),
      () => broker.deleteVirtualHost('/'),
    ]) {
      expect(await errorOf(call)).toMatchObject({ code: 'CLOSED' })
    }
  })
})

function attached(consumer: Consumer): Consumer {
  return consumer.consume(() => undefined)
}

onEveryEngine('a cancelled consumer', (scenario) => {
  scenario('leaves nothing behind when what it held is settled', { needs: ['inside'] }, async ({ bus, host }) => {
    const queue = await bus.declareQueue<number>('q')
    await queue.send(1)
    const consumer = queue.createConsumer()
    const got = collect(consumer)
    await turn()
    await consumer.cancel()
    expect(consumer.closed).toBe(false)
    got[0]?.ack()
    expect(consumer.closed).toBe(true)
    await turn()
    expect(host.queues()[0]).toMatchObject({ consumers: [], stats: { acked: 1, unacked: 0 } })
  })
})

onEveryEngine('a broker that drains', (scenario) => {
  scenario(
    'ends when consumers without acknowledgement have taken all',
    { needs: ['inside', 'same-turn'] },
    async ({ bus, broker }) => {
      const queue = await bus.declareQueue<number>('q')
      await sendAll(queue, upTo(5))
      const got = collect(queue.createConsumer({ noAck: true }))
      expect(await broker.close({ drain: true })).toEqual({ finished: 5, requeued: 0, dropped: 0 })
      expect(got).toHaveLength(5)
    },
  )
})
