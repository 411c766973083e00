// What a kit sees of other threads, and how it stops them.
import { setImmediate } from 'node:timers/promises'
import { Broker, type Bus } from 'leveret'
import { type TestKit, testBroker } from 'leveret/testing'
import { connect, consumeInWorkers, loopback, serve } from 'leveret/worker'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { endThreads, forgetThreads, inThread, prepareThreads } from '../worker/threads.js'

/** A bus at the other end of a port, as of another thread. */
async function overPort(kit: TestKit): Promise<Bus> {
  const { port1, port2 } = new MessageChannel()
  serve(kit.broker, port1)
  return connect(port2)
}

for (const [title, open] of [
  ['a loopback', (kit: TestKit) => loopback(kit.broker)],
  ['a port', overPort],
] as const) {
  describe(`the other end of ${title}`, () => {
    test('is waited for until it has settled what it was handed, and what that caused', async () => {
      await using kit = testBroker()
      const [jobs, out] = [await kit.bus.declareQueue<number>('jobs'), await kit.bus.declareQueue<number>('out')]
      const bus = await open(kit)
      const done: number[] = []
      out.createConsumer().run(async ({ body }) => {
        await setImmediate()
        done.push(body)
      })
      bus
        .queue<number>('jobs')
        .createConsumer()
        .run(async ({ body }) => {
          await setImmediate()
          await bus.queue('out').send(body * 10)
        })
      await bus.queue('jobs').info()
      await kit.settled(() => jobs.send(1))
      expect(done).toEqual([10])
      jobs.publish(2)
      await kit.settled()
      expect(done).toEqual([10, 20])
      const [, last] = kit.published.all({ queue: out })
      expect(last?.cause).toMatchObject({ body: 2, routingKey: 'jobs' })
    })

    test('has what it is handed by itself: what a test goes on with was not caused by that', async () => {
      await using kit = testBroker()
      const jobs = await kit.bus.declareQueue<number>('jobs')
      const bus = await open(kit)
      bus
        .queue('jobs')
        .createConsumer({ prefetch: 10 })
        .run(() => undefined)
      await bus.queue('jobs').info()
      await jobs.send(0)
      await kit.settled()
      for (let n = 1; n < 5; n++) await jobs.send(n)
      expect(Array.from(kit.published, ({ cause }) => cause)).toEqual(Array(5).fill(undefined))
    })

    test('is of the callback that is waited for, in what it says of itself', async () => {
      await using kit = testBroker()
      const bus = await open(kit)
      const jobs = await bus.declareQueue<number>('jobs')
      let done = 0
      kit.bus
        .queue('jobs')
        .createConsumer()
        .run(async () => {
          // n.b. for longer than a kit looks twice.
          for (let turns = 0; turns < 20; turns++) await setImmediate()
          done++
        })
      await kit.settled(() => jobs.send(1))
      expect(done).toBe(1)
    })

    test('is named with what it has in hand, and what it waits for', async () => {
      await using kit = testBroker({ timeout: 20 })
      const bus = await open(kit)
      const jobs = await bus.declareQueue<number>('jobs', { maxLength: 1, overflow: 'block' })
      jobs.createConsumer({ consumerTag: 'far', prefetch: 1 }).consume(() => undefined)
      await jobs.info()
      await jobs.send(1)
      await expect(kit.settled()).rejects.toThrow("in the hands of consumer 'far' of queue 'jobs'")
      await jobs.send(2)
      jobs.send(3).catch(() => undefined)
      await jobs.info()
      await expect(kit.settled()).rejects.toThrow("confirm of message to 'jobs': a queue is full")
      const wrong = kit.verify()
      await expect(wrong).rejects.toThrow('unacked: a delivery was never settled')
      await expect(wrong).rejects.toThrow("confirm of message to 'jobs': a queue is full")
      kit.allow({ unconsumed: 'jobs', unacked: 'jobs', unfinished: true })
    })

    test('has nothing in hand of what it gave back unseen', async () => {
      await using kit = testBroker()
      const bus = await open(kit)
      const jobs = await bus.declareQueue<number>('jobs')
      const loop = jobs.createConsumer({ prefetch: 10 })[Symbol.asyncIterator]()
      const first = loop.next()
      for (let n = 0; n < 5; n++) await jobs.send(n)
      ;(await first).value?.ack()
      await loop.return?.()
      const parked = await kit.settled()
      expect(parked.map(({ what, message }) => [what, message.body])).toEqual([1, 2, 3, 4].map((n) => ['ready', n]))
      await jobs.purge()
    })

    test('is told of with the requests that have no reply', async () => {
      await using kit = testBroker()
      const bus = await open(kit)
      const [double, none] = [
        await bus.declareQueue<number, number>('double'),
        await bus.declareQueue<number, number>('none'),
      ]
      double.respond((n) => n * 2)
      expect(await double.request(2)).toBe(4)
      const pending = none.request(1).catch(({ code }) => code)
      await none.info()
      await expect(kit.verify()).rejects.toThrow(/pendingRequests: .*\n {2}- request of a thread to queue 'none'\n/)
      await bus.close()
      expect(await pending).toBe('CLOSED')
    })

    test('loses its connection as any other, with what it was about to settle', async () => {
      await using kit = testBroker()
      const jobs = await kit.bus.declareQueue<number>('jobs')
      const bus = await open(kit)
      kit.faults.dropConnection({ after: 'delivery', queue: jobs })
      const cancelled = new Promise((resolve) => {
        bus
          .queue('jobs')
          .createConsumer()
          .on('cancelled', resolve)
          .consume((delivery) => delivery.ack())
      })
      await jobs.send(1)
      expect(await cancelled).toMatchObject({ code: 'CONSUMER_CANCELLED' })
      await kit.settled()
      expect([kit.acked.length, bus.closed]).toEqual([0, true])
      expect(await jobs.get({ noAck: true })).toMatchObject({ body: 1, redelivered: true })
    })

    test('has its connection until the kit ends, and what it sends then is refused', async () => {
      const kit = testBroker()
      const bus = await open(kit)
      const jobs = await bus.declareQueue<number>('jobs')
      await jobs.send(1)
      await kit[Symbol.asyncDispose]()
      await expect(jobs.send(2)).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })
}

describe('a thread that stands in the same one', () => {
  test('is stopped before a delivery, which it never sees', async () => {
    await using kit = testBroker()
    const jobs = await kit.bus.declareQueue<number>('jobs')
    const bus = await loopback(kit.broker)
    const seen: number[] = []
    const consumer = bus.queue<number>('jobs').createConsumer()
    const cancelled = new Promise((resolve) => consumer.on('cancelled', resolve))
    consumer.run(({ body }) => void seen.push(body))
    await kit.settled(() => jobs.send(1))

    const fault = kit.faults.stopWorker({ before: 'delivery', queue: 'jobs' })
    await kit.settled(() => jobs.send(2))
    expect([seen, bus.closed, fault.fired]).toEqual([[1], true, 1])
    expect(await cancelled).toMatchObject({ code: 'CONSUMER_CANCELLED', cause: { code: 'CONNECTION_LOST' } })
    expect((await jobs.get({ noAck: true }))?.redelivered).toBe(true)
    kit.allow({ unconsumed: 'jobs' })
  })

  test('is stopped in its handler, of whom nothing arrives any more', async () => {
    await using kit = testBroker()
    const [jobs, out] = [await kit.bus.declareQueue<number>('jobs'), await kit.bus.declareQueue('out')]
    const bus = await loopback(kit.broker)
    const ends: unknown[] = []
    bus
      .queue<number>('jobs')
      .createConsumer()
      .on('cancelled', () => undefined)
      .consume((delivery) => {
        const sent = bus.queue('out').send(delivery.body)
        delivery.ack()
        sent.catch((error) => ends.push(error.code, delivery.settled))
      })
    kit.faults.stopWorker({ after: 'delivery' })
    await kit.settled(() => jobs.send(1))
    expect(ends).toEqual(['CONNECTION_LOST', 'ack'])
    expect((await out.info()).messageCount).toBe(0)
    expect(await jobs.get({ noAck: true })).toMatchObject({ body: 1, redelivered: true })
  })

  test('is stopped when it has acknowledged, before the broker hears of it; what it said before has arrived', async () => {
    await using kit = testBroker()
    const [jobs, out] = [await kit.bus.declareQueue<number>('jobs'), await kit.bus.declareQueue('out')]
    const other = await kit.bus.declareQueue<number>('other')
    const bus = await loopback(kit.broker)
    for (const name of ['jobs', 'other']) {
      const consumer = bus.queue<number>(name).createConsumer()
      consumer.on('cancelled', () => undefined)
      consumer.consume((delivery) => {
        bus.queue('out').publish(delivery.body)
        delivery.ack()
      })
    }
    kit.faults.stopWorker({ after: 'ack', queue: jobs })
    await kit.settled(() => other.send(1))
    expect(bus.closed).toBe(false)
    await kit.settled(() => jobs.send(2))
    expect(bus.closed).toBe(true)
    expect(kit.bus.peek('out', 9).map(({ body }) => body)).toEqual([1, 2])
    expect(await jobs.get({ noAck: true })).toMatchObject({ body: 2, redelivered: true })
    await out.purge()
  })

  test('is stopped in the middle of what it says at once', async () => {
    await using kit = testBroker()
    const out = await kit.bus.declareQueue<number>('out')
    const bus = await loopback(kit.broker)
    kit.faults.stopWorker({ during: 'post' })
    const sends = [1, 2, 3].map((body) => bus.queue<number>('out').send(body))
    const ends = await Promise.allSettled(sends)
    // n.b. the first is there, and its sender does not know: so it is with every connection that is lost.
    expect(ends).toMatchObject([1, 2, 3].map(() => ({ status: 'rejected', reason: { code: 'CONNECTION_LOST' } })))
    expect(kit.bus.peek('out', 9).map(({ body }) => body)).toEqual([1])
    await out.purge()
  })

  test('is stopped while it waits for what it declares, which is there then, unless that is its own', async () => {
    await using kit = testBroker()
    const bus = await loopback(kit.broker, { name: 'resizer' })
    kit.faults.stopWorker('resizer', { during: 'declare' })
    const declares = [bus.declareQueue('first'), bus.declareQueue('second')]
    expect(await Promise.allSettled(declares)).toMatchObject(
      [1, 2].map(() => ({ status: 'rejected', reason: { code: 'CONNECTION_LOST' } })),
    )
    expect(kit.bus.queues().map(({ name }) => name)).toEqual(['first'])

    const second = await loopback(kit.broker)
    kit.faults.stopWorker(second, { during: 'declare' })
    await expect(second.declareQueue('mine', { exclusive: true })).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await kit.settled()
    expect(kit.bus.queues().map(({ name }) => name)).toEqual(['first'])
  })

  test('is stopped now: the one that is named, by its bus or its name, or all of them', async () => {
    await using kit = testBroker()
    const [one, two, three] = [
      await loopback(kit.broker, { name: 'one' }),
      await loopback(kit.broker),
      await loopback(kit.broker),
    ]
    expect(kit.faults.stopWorker('one').fired).toBe(1)
    await kit.settled()
    expect([one.closed, two.closed, three.closed]).toEqual([true, false, false])
    kit.faults.stopWorker(two)
    await kit.settled()
    expect([two.closed, three.closed]).toEqual([true, false])
    expect(kit.faults.stopWorker().fired).toBe(1)
    await kit.settled()
    expect(three.closed).toBe(true)
    expect(kit.broker.overview().virtualHosts[0]?.connections).toEqual([])
    expect(() => kit.faults.stopWorker()).toThrow('stopWorker: every thread is gone already')
  })

  test('is stopped at its own moment, and once, whatever it has then', async () => {
    await using kit = testBroker()
    kit.allow({ unconsumed: 'jobs' })
    const jobs = await kit.bus.declareQueue<number>('jobs')
    const [other, meant] = [await loopback(kit.broker), await loopback(kit.broker)]
    const fault = kit.faults.stopWorker(meant, { before: 'delivery', times: 2 })
    const consumer = other.queue('jobs').createConsumer()
    consumer.run(() => undefined)
    await kit.settled(() => jobs.send(1))
    expect([fault.fired, other.closed]).toEqual([0, false])
    await consumer.close()
    meant
      .queue('jobs')
      .createConsumer({ prefetch: 10 })
      .on('cancelled', () => undefined)
      .run(() => undefined)
    await meant.queue('jobs').info()
    await kit.settled(() => Promise.all([2, 3].map((body) => jobs.send(body))))
    expect([fault.fired, fault.remaining, meant.closed]).toEqual([1, 1, true])
    fault.cancel()
  })

  test('is stopped so many times, and it is found when it was not', async () => {
    const run = testBroker(async (kit) => {
      const jobs = await kit.bus.declareQueue<number>('jobs')
      const fault = kit.faults.stopWorker.bind(kit.faults)
      await loopback(kit.broker)
      fault({ before: 'delivery', times: 3 })
      for (let n = 0; n < 2; n++) {
        const bus = await loopback(kit.broker)
        bus
          .queue('jobs')
          .createConsumer()
          .on('cancelled', () => undefined)
          .run(() => undefined)
        await kit.settled(() => (n === 0 ? jobs.send(n) : undefined))
      }
      kit.allow({ unconsumed: 'jobs' })
    })
    await expect(run).rejects.toThrow(
      /unfired: .*\n {2}- stopWorker before a delivery, asked for at .* fired 2 of 3 times/,
    )
  })
})

describe('what cannot be stopped', () => {
  test('is refused by name', async () => {
    await using kit = testBroker()
    const { faults } = kit
    await kit.bus.declareQueue('jobs')
    expect(() => faults.stopWorker()).toThrow('stopWorker: no thread is served, as serve(kit.broker, worker)')
    const bus = await loopback(kit.broker, { name: 'resizer' })
    const stop =
      (...given: unknown[]) =>
      () =>
        faults.stopWorker(...(given as Parameters<typeof faults.stopWorker>))
    expect(stop('resiser')).toThrow("no thread 'resiser' (did you mean 'resizer'?)")
    expect(stop(kit.bus)).toThrow("no thread 'virtual host /' (known threads: resizer)")
    expect(stop(await loopback(new Broker(), { name: 'resizer' }))).toThrow("no thread 'resizer'")
    expect(stop({ before: 'delivery', queue: 'jbos' })).toThrow("no queue 'jbos' in vhost '/' (did you mean 'jobs'?)")
    expect(stop({ before: 'ack' })).toThrow("stopWorker: option 'before' must be one of 'delivery', got 'ack'")
    expect(stop({ before: 'delivery', after: 'ack' })).toThrow('expected one of before, after and during, got more')
    expect(stop({ during: 'post', queue: 'jobs' })).toThrow("expected before or after with a queue, got during: 'post'")
    expect(stop({ queue: 'jobs' })).toThrow('expected before or after with a queue, got a queue and neither')
    expect(stop({ times: 2 })).toThrow('expected one of before, after and during with times, got none')
    expect(stop({ at: 'ack' })).toThrow("stopWorker: unknown option 'at'")
    expect(bus.closed).toBe(false)
  })
})

describe('a port', () => {
  test('is closed, and the connection over it is lost', async () => {
    await using kit = testBroker()
    const jobs = await kit.bus.declareQueue<number>('jobs')
    const { port1, port2 } = new MessageChannel()
    const served = serve(kit.broker, port1, { name: 'other end' })
    const bus = await connect(port2)
    const fault = kit.faults.stopWorker('other end', { after: 'delivery' })
    const seen: boolean[] = []
    const cancelled = new Promise((resolve) => {
      bus
        .queue<number>('jobs')
        .createConsumer()
        .on('cancelled', resolve)
        .consume((delivery) => {
          seen.push(delivery.redelivered)
          delivery.ack()
        })
    })
    await jobs.send(1)
    expect(await cancelled).toMatchObject({ cause: { code: 'CONNECTION_LOST' } })
    expect([fault.fired, seen, served.closed]).toEqual([1, [false], true])
    expect(await jobs.get({ noAck: true })).toMatchObject({ body: 1, redelivered: true })
    await expect(connect(port2, { timeout: 50 })).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  })
})

describe('a thread', { timeout: 60_000 }, () => {
  beforeAll(prepareThreads, 60_000)
  afterEach(endThreads)
  afterAll(forgetThreads)

  test('is ended before it can say that it is done, and nothing is lost', async () => {
    await using kit = testBroker({ timeout: 30_000 })
    const jobs = await kit.bus.declareQueue<number>('jobs')
    const code = async ({ bus, say }: { bus: typeof kit.bus; say(what: unknown): void }) => {
      const handle = (delivery: { body: unknown; redelivered: boolean; ack(): void }): void => {
        say([delivery.body, delivery.redelivered])
        delivery.ack()
      }
      bus.queue('jobs').createConsumer().consume(handle)
    }
    const first = inThread(kit.broker, code as never)
    await first.until('done')
    kit.faults.stopWorker({ after: 'ack', queue: 'jobs' })
    await jobs.send(1)
    expect(await first.says()).toEqual([1, false])
    expect(await first.exited).toBe(1)
    expect(kit.broker.overview().virtualHosts[0]?.connections).toEqual(['virtual host /'])

    const second = inThread(kit.broker, code as never)
    expect(await second.says()).toBe('done')
    expect(await second.says()).toEqual([1, true])
    await kit.settled()
    expect(kit.acked.length).toBe(1)
  })

  test('is ended as its handler has the delivery, and one of consumeInWorkers begins again', async () => {
    await using kit = testBroker({ timeout: 30_000 })
    const jobs = await kit.bus.declareQueue<{ id: number }>('jobs', { type: 'quorum' })
    await kit.bus.declareQueue('done')
    const workers = await consumeInWorkers(jobs, new URL('../worker/handlers/jobs.mjs', import.meta.url), {
      worker: { execArgv: ['--import', 'tsx'] },
      minDelay: 1_000,
    })
    const crashed = new Promise((resolve) => workers.on('crashed', (_error, thread) => resolve(thread)))
    kit.faults.stopWorker("thread 0 of queue 'jobs'", { after: 'delivery' })
    await jobs.send({ id: 1 })
    expect(await crashed).toBe(0)
    const restarted = new Promise((resolve) => workers.on('restarted', resolve))
    await kit.advance('1s')
    await restarted
    await kit.settled()
    expect(kit.acked.all({ queue: jobs })).toMatchObject([{ redelivered: true }])
    await workers.close()
    await kit.bus.queue('done').purge()
  })
})
