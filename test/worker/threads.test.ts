/** A bus in a real thread: what it can do, and what becomes of everything when the thread ends, however it does. */
import { Broker, type Delivery, defineTopology } from 'leveret'
import { testBroker } from 'leveret/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { takeAll } from '../bus/helpers.js'
import { expectConserved } from '../support/conservation.js'
import { until } from '../support/turn.js'
import { brokerInThread, endThreads, forgetThreads, inThread, prepareThreads } from './threads.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
beforeAll(prepareThreads)
afterEach(endThreads)
afterAll(forgetThreads)

const started = () => {
  const broker = new Broker()
  return { broker, host: broker.virtualHost('/') }
}

describe('a bus in another thread', () => {
  it('declares, binds, publishes, consumes in every form, and gets', async () => {
    const { broker, host } = started()
    const thread = inThread(broker, async ({ bus, say, ending }) => {
      const orders = await bus.declareExchange('orders', 'topic')
      const queue = await bus.declareQueue<number>('q', { bindings: [orders.key('order.#')] })
      for (let n = 1; n <= 5; n++) await orders.send(`order.${n}`, n)
      queue.publish(6)
      const seen: [string, number][] = []
      const note = (how: string, delivery: Delivery<number>) => seen.push([how, delivery.body])
      const got = await queue.get()
      if (got !== undefined) note('get', got)
      got?.ack()
      for await (const delivery of queue.createConsumer({ prefetch: 1 })) {
        note('loop', delivery)
        delivery.ack()
        break
      }
      for (const verb of ['consume', 'run'] as const) {
        const consumer = queue.createConsumer({ prefetch: 1 })
        await new Promise<void>((resolve) => {
          const handle = (delivery: Delivery<number>) => {
            note(verb, delivery)
            if (verb === 'consume') delivery.ack()
            resolve()
          }
          if (verb === 'consume') consumer.consume(handle)
          else consumer.run(handle)
        })
        await consumer.close()
      }
      for await (const batch of queue.createConsumer().batches({ size: 2, linger: 10_000 })) {
        for (const delivery of batch) note('batch', delivery)
        batch.ack()
        break
      }
      say(seen)
      await queue.unbind(orders.key('order.#'))
      await orders.send('order.late', 7)
      say(await queue.stats())
      await queue.delete()
      say(await ending(Promise.resolve(bus.queue('q').info())))
      await bus.close()
    })
    expect(await thread.says()).toEqual([
      ['get', 1],
      ['loop', 2],
      ['consume', 3],
      ['run', 4],
      ['batch', 5],
      ['batch', 6],
    ])
    expect(await thread.says()).toMatchObject({ ready: 0, unacked: 0, acked: 6, enqueued: 6, consumers: 0 })
    expect(await thread.says()).toBe('NOT_FOUND')
    expect(host.exchanges().some(({ name }) => name === 'orders')).toBe(true)
    expect(await thread.exited).toBe(0)
    expectConserved(broker, { idle: true })
  })

  it('asks and answers, both ways, errors and replies in parts among them', async () => {
    const { broker, host } = started()
    const here = await host.declareQueue<number, number>('here')
    here.respond((n) => n * 2)
    const thread = inThread(broker, async ({ bus, say, heard }) => {
      const there = await bus.declareQueue<number, number>('there')
      there.respond((n) => {
        if (n < 0) throw Object.assign(new RangeError('negative'), { code: 'E_NEGATIVE' })
        return n * 3
      })
      const many = await bus.declareQueue<number, number>('many')
      many.respond(async function* (n) {
        for (let part = 1; part <= n; part++) yield part
      })
      say(await Promise.all([1, 2, 3].map((n) => bus.queue<number, number>('here').request(n))))
      await heard()
      await bus.close()
    })
    expect(await thread.says()).toEqual([2, 4, 6])
    const there = host.queue<number, number>('there')
    expect(await Promise.all([1, 2, 3].map((n) => there.request(n)))).toEqual([3, 6, 9])
    await expect(there.request(-1)).rejects.toMatchObject({
      name: 'RemoteError',
      remote: { name: 'RangeError', message: 'negative', code: 'E_NEGATIVE' },
    })
    const parts: number[] = []
    for await (const part of host.queue<number, number>('many').requestMany(200)) parts.push(part)
    expect(parts).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
    thread.hears('go')
    expect(await thread.exited).toBe(0)
  })

  it('takes a topology, the same that a bus in this thread takes', async () => {
    const { broker, host } = started()
    const thread = inThread(broker, async ({ bus, say, leveret }) => {
      const shop = leveret.defineTopology({
        exchanges: { orders: { type: 'topic' } },
        queues: { audit: {}, mails: { retry: { attempts: 3, minDelay: 1 } } },
        bindings: [{ from: 'orders', to: 'audit', key: 'order.*' }],
      })
      const { exchanges, queues } = await shop.apply(bus)
      await exchanges.orders.send('order.paid', 'body')
      say((await queues.audit.get())?.body)
    })
    expect(await thread.says()).toBe('body')
    expect(host.queues().map(({ name, type }) => [name, type])).toEqual([
      ['audit', 'classic'],
      ['mails', 'quorum'],
    ])
    const again = defineTopology({ queues: { audit: {}, mails: { retry: { attempts: 3, minDelay: 1 } } } })
    await again.apply(host)
  })

  it('is stalled by no slow consumer: not its other consumers, and not the port', async () => {
    const { broker, host } = started()
    for (const name of ['slow', 'fast']) await host.declareQueue<number>(name)
    const thread = inThread(broker, async ({ bus, say, heard }) => {
      const slow: number[] = []
      bus
        .queue<number>('slow')
        .createConsumer({ prefetch: 2 })
        .consume(({ body }) => void slow.push(body))
      let fast = 0
      bus
        .queue('fast')
        .createConsumer()
        .consume((delivery) => {
          delivery.ack()
          if (++fast === 2_000) say([fast, slow])
        })
      say('ready')
      await heard()
      await bus.close()
    })
    await thread.until('ready')
    for (let n = 1; n <= 2_000; n++) {
      host.queue('slow').publish(n)
      host.queue('fast').publish(n)
    }
    expect(await thread.says()).toEqual([2_000, [1, 2]])
    expect(await host.queue('slow').stats()).toMatchObject({ ready: 1_998, unacked: 2 })
    thread.hears('go')
    await thread.exited
    expect(await host.queue('slow').stats()).toMatchObject({ ready: 2_000, unacked: 0, acked: 0 })
    expectConserved(broker, { idle: true })
  })

  it('keeps the order of a queue, both ways', async () => {
    await using kit = testBroker({ timeout: 30_000 })
    const [to, from] = [await kit.bus.declareQueue<number>('to'), await kit.bus.declareQueue<number>('from')]
    const came: number[] = []
    from.createConsumer().consume((delivery) => {
      came.push(delivery.body)
      delivery.ack()
    })
    const thread = inThread(kit.broker, async ({ bus }) => {
      const from = bus.queue<number>('from')
      let count = 0
      for await (const delivery of bus.queue<number>('to').createConsumer({ prefetch: 37 })) {
        if (!from.publish(delivery.body)) await from.drained()
        delivery.ack()
        if (++count === 5_000) break
      }
      await bus.close()
    })
    for (let n = 0; n < 5_000; n++) to.publish(n)
    await thread.exited
    await kit.settled()
    expect(came).toEqual(Array.from({ length: 5_000 }, (_, n) => n))
  })

  it('waits with its sends while a queue is full, and hears at once when there is room', async () => {
    const { broker, host } = started()
    const queue = await host.declareQueue<number>('full', { maxLength: 2, overflow: 'block' })
    const thread = inThread(broker, async ({ bus, say }) => {
      const producer = bus.queue<number>('full').createProducer()
      const answers = [producer.publish(1), producer.publish(2), producer.publish(3)]
      await bus.queue('full').info()
      say([...answers, producer.publish(4)])
      await producer.drained()
      say(producer.publish(5))
      await bus.close()
    })
    expect(await thread.says()).toEqual([true, true, true, false])
    expect(thread.said).toEqual([])
    for (const { body } of await takeAll(queue)) expect(body).toBeLessThan(5)
    expect(await thread.says()).toBe(true)
    await thread.exited
  })

  it('has the rights of the user that it was given, in that virtual host, whatever it wants', async () => {
    const { broker } = started()
    broker.createVirtualHost('tenant')
    broker.addUser('worker')
    broker.setPermissions('worker', {
      virtualHost: 'tenant',
      configure: '^own\\.',
      write: '^own\\.|^amq\\.default$',
      read: '^own\\.',
    })
    const thread = inThread(
      broker,
      async ({ bus, say, ending }) => {
        say([bus.virtualHostName, await ending(Promise.resolve(bus.declareQueue('own.q')).then(({ name }) => name))])
        say(await ending(Promise.resolve(bus.declareQueue('other'))))
        say(await ending(bus.exchange('amq.topic').send('key', 1)))
        say(await ending(Promise.resolve(bus.queue('theirs').get())))
      },
      undefined,
      { virtualHost: 'tenant', user: 'worker' },
    )
    await broker.virtualHost('tenant').declareQueue('theirs')
    expect(await thread.says()).toEqual(['tenant', 'own.q'])
    for (let i = 0; i < 3; i++) expect(await thread.says()).toBe('ACCESS_REFUSED')
    expect(broker.virtualHost('/').queues()).toEqual([])
    expect(() => inThread(broker, () => undefined, undefined, { user: 'worker' })).toThrow(
      expect.objectContaining({ code: 'NOT_ALLOWED' }),
    )
    expect(() => inThread(broker, () => undefined, undefined, { user: 'nobody' })).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    )
  })

  it('may be one of several of one thread, and several threads share the work', async () => {
    await using kit = testBroker({ timeout: 30_000 })
    const queue = await kit.bus.declareQueue<number>('q')
    const threads = [1, 2, 3].map(() =>
      inThread(kit.broker, async ({ bus, say, heard }) => {
        const mine: number[] = []
        const consumer = bus.queue<number>('q').createConsumer({ prefetch: 5 })
        consumer.consume((delivery) => {
          mine.push(delivery.body)
          delivery.ack()
        })
        await bus.queue('q').info()
        say('ready')
        await heard()
        say(mine)
        await bus.close()
      }),
    )
    for (const thread of threads) await thread.until('ready')
    for (let n = 0; n < 300; n++) await queue.send(n)
    await kit.settled()
    for (const thread of threads) thread.hears('go')
    const shares = (await Promise.all(threads.map((thread) => thread.says()))) as number[][]
    for (const share of shares) expect(share).toEqual([...share].sort((a, b) => a - b))
    expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, n) => n))
    for (const thread of threads) await thread.exited
  })
})

describe('the end of a thread', () => {
  for (const [how, end] of [
    ['terminated', 'terminate'],
    ['that calls process.exit', 'exit'],
    ['that throws', 'throw'],
    ['that stops serving', 'served.close'],
  ] as const) {
    it(`${how} gives back at once, and flagged, what it had, and takes its queues along`, async () => {
      const { broker, host } = started()
      const queue = await host.declareQueue<number>('q')
      for (let n = 1; n <= 4; n++) await queue.send(n)
      const thread = inThread(broker, async ({ bus, say, heard }) => {
        await bus.declareQueue('mine', { exclusive: true })
        const brief = await bus.declareQueue('brief', { autoDelete: true })
        brief.createConsumer().consume(() => undefined)
        const got = await bus.queue<number>('q').get()
        bus
          .queue<number>('q')
          .createConsumer({ prefetch: 2 })
          .consume(() => undefined)
        await bus.queue('q').info()
        void bus
          .queue('brief')
          .get({ wait: true })
          .catch(() => undefined)
        say(got?.body)
        const what = await heard()
        if (what === 'exit') process.exit(3)
        if (what === 'throw') throw new Error('crashed')
      })
      expect(await thread.says()).toBe(1)
      expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 3 })
      expect(host.queues().map(({ name }) => name)).toEqual(['q', 'mine', 'brief'])
      if (end === 'terminate') await thread.worker.terminate()
      else if (end === 'served.close') thread.served?.close()
      else thread.hears(end)
      await until(() => thread.served?.connected === false)
      expect(await queue.stats()).toMatchObject({ ready: 4, unacked: 0, consumers: 0 })
      expect(host.queues().map(({ name }) => name)).toEqual(['q'])
      expect((await takeAll(queue)).map(({ body, redelivered }) => [body, redelivered])).toEqual([
        [1, true],
        [2, true],
        [3, true],
        [4, false],
      ])
      if (end === 'terminate' || end === 'exit' || end === 'throw') {
        await thread.exited
        expect(thread.served?.closed).toBe(true)
      }
      expect(host.overview().connections).toEqual(['virtual host /'])
      expectConserved(broker)
    })
  }

  it('leaves nothing behind, however many come and go', async () => {
    const { broker, host } = started()
    for (let round = 0; round < 3; round++) {
      const threads = [1, 2, 3, 4].map(() =>
        inThread(broker, async ({ bus, say }) => {
          const queue = await bus.declareQueue({ exclusive: true })
          queue.createConsumer().consume(() => undefined)
          await queue.send(1)
          say('ready')
        }),
      )
      for (const thread of threads) await thread.until('ready')
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
      await until(() => threads.every(({ served }) => served?.closed === true))
    }
    expect(host.overview()).toMatchObject({ connections: ['virtual host /'], queues: [] })
    expect(host.bindings()).toEqual([])
    expectConserved(broker, { idle: true })
  })
})

describe('what waits in a thread when its broker goes', () => {
  /** Everything that can wait, and how it ended. */
  for (const [how, code] of [
    ['closed', 'CLOSED'],
    ['served no longer', 'CLOSED'],
  ] as const) {
    it(`rejects when it is ${how}: sends, requests, gets; loops end`, async () => {
      const { broker, host } = started()
      await host.declareQueue('full', { maxLength: 0, overflow: 'block' })
      await host.declareQueue('empty')
      const thread = inThread(broker, async ({ bus, say, ending }) => {
        const empty = bus.queue('empty')
        const loop = (async () => {
          for await (const delivery of empty.createConsumer()) delivery.ack()
        })()
        const waits = [
          bus.queue('full').send(1),
          empty.request(1),
          empty.get({ wait: true }),
          bus.queue('unheard').request(1, { timeout: 60_000 }),
          loop,
        ]
        const endings = Promise.all(waits.map(ending))
        await empty.info()
        say('ready')
        say(await endings)
        say([bus.closed, await ending(empty.send(1)), await ending((async () => empty.info())())])
        await bus.close()
      })
      await thread.until('ready')
      if (how === 'closed') await broker.close({ timeout: 0 })
      else thread.served?.close()
      expect(await thread.says()).toEqual([code, code, code, 'NO_ROUTE', 'resolved'])
      expect(await thread.says()).toEqual([true, 'CLOSED', 'CLOSED'])
      expect(await thread.exited).toBe(0)
    })
  }

  it('rejects as lost when the thread of the broker is gone, and loops throw', async () => {
    const { thread, bus } = await brokerInThread(async ({ bus }) => {
      await bus.declareQueue('full', { maxLength: 0, overflow: 'block' })
      const q = await bus.declareQueue<number>('q')
      await q.send(1)
      await bus.declareQueue('empty')
      setInterval(() => undefined, 1_000)
    })
    await thread.until('done')
    const [full, q, empty] = [bus.queue('full'), bus.queue<number>('q'), bus.queue('empty')]
    const held = await q.get()
    const loop = (async () => {
      for await (const delivery of empty.createConsumer()) delivery.ack()
    })()
    const waits = [full.send(1), empty.request(1), empty.get({ wait: true }), loop, full.info()].map((wait) =>
      Promise.resolve(wait).then(
        () => 'resolved',
        (error: { code: string; cause?: { code?: string } }) => [error.code, error.cause?.code],
      ),
    )
    const cancelled: unknown[] = []
    const watched = empty.createConsumer().on('cancelled', (error) => cancelled.push(error.code))
    watched.consume(() => undefined)
    await q.info()
    await thread.worker.terminate()
    const lost = ['CONNECTION_LOST', undefined]
    const over = ['CONSUMER_CANCELLED', 'CONNECTION_LOST']
    expect(await Promise.all(waits)).toEqual([lost, lost, lost, over, 'resolved'])
    expect(cancelled).toEqual(['CONSUMER_CANCELLED'])
    expect([held?.settled, held?.signal.aborted, bus.closed]).toEqual(['lost', true, true])
    held?.ack()
    await expect(q.send(2)).rejects.toMatchObject({ code: 'CLOSED' })
    await bus.close()
  })
})
