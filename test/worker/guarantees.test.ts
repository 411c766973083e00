/** What docs/worker-threads.md promises and no other file holds: losses, errors and good ends, across real threads. */
import { MessagePort } from 'node:worker_threads'
import { Broker } from 'leveret'
import { connect, serve } from 'leveret/worker'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { takeAll } from '../bus/helpers.js'
import { expectConserved } from '../support/conservation.js'
import { ManualClock } from '../support/manual-clock.js'
import { endThreads, forgetThreads, inThread, prepareThreads } from './threads.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
beforeAll(prepareThreads)
afterEach(endThreads)
afterAll(forgetThreads)

const started = () => {
  const broker = new Broker()
  return { broker, host: broker.virtualHost('/') }
}

it('loses with a thread what it was given without acknowledgement and had not taken', async () => {
  const { broker, host } = started()
  const queue = await host.declareQueue<number>('q')
  for (let n = 1; n <= 50; n++) await queue.send(n)
  const thread = inThread(broker, async ({ bus, say }) => {
    const loop = bus.queue<number>('q').createConsumer({ noAck: true })[Symbol.asyncIterator]()
    say((await loop.next()).value?.body)
  })
  expect(await thread.says()).toBe(1)
  await thread.worker.terminate()
  expect(await queue.stats()).toMatchObject({ ready: 0, unacked: 0, autoAcked: 50, acked: 0 })
  expectConserved(broker, { idle: true })
})

it('tells an error that nobody catches to the Worker, as usual, and gives back what the thread held', async () => {
  const { broker, host } = started()
  const faults: unknown[] = []
  broker.on('fault', (fault) => faults.push(fault))
  const queue = await host.declareQueue<number>('q')
  const thread = inThread(broker, ({ bus }) => {
    bus
      .queue<number>('q')
      .createConsumer()
      .consume(() => {
        setImmediate(() => {
          throw new RangeError('crashed')
        })
      })
  })
  await queue.send(1)
  expect(await thread.exited).toBe(1)
  expect(thread.errors).toMatchObject([{ name: 'RangeError', message: 'crashed' }])
  expect((await queue.get())?.redelivered).toBe(true)
  expect(faults).toEqual([])
})

it('keeps a thread going when its handler throws: its delivery fails, as here', async () => {
  const { broker, host } = started()
  const queue = await host.declareQueue<number>('q', { type: 'quorum', deliveryLimit: 0, deadLetter: 'dead' })
  const thread = inThread(broker, ({ bus, say }) => {
    const consumer = bus
      .queue<number>('q')
      .createConsumer()
      .run(({ body }) => {
        if (body === 1) throw new RangeError('one')
        say(body)
      })
    consumer.on('failed', (error) => say(String(error)))
  })
  await thread.until('done')
  for (const n of [1, 2]) await queue.send(n)
  expect([await thread.says(), await thread.says()]).toEqual(['RangeError: one', 2])
  expect((await host.queue<number>('dead').get({ wait: true })).body).toBe(1)
})

it('hands a request on when the thread that answers it dies, and ends it at its timeout', async () => {
  const clock = new ManualClock()
  const broker = new Broker({ clock })
  const host = broker.virtualHost('/')
  const work = await host.declareQueue<string, string>('work')
  const silent = inThread(broker, async ({ bus, say }) => {
    bus.queue<string, string>('work').respond(() => {
      say('asked')
      return new Promise(() => undefined)
    })
  })
  const [handedOn, alone] = [work.request('a'), work.request('b', { timeout: 1_000 })]
  await silent.until('asked')
  await silent.worker.terminate()
  const answering = inThread(broker, ({ bus }) => {
    bus
      .queue<string, string>('work')
      .respond((body) => (body === 'a' ? 'answer' : new Promise<string>(() => undefined)))
  })
  expect(await handedOn).toBe('answer')
  clock.advance(1_000)
  await expect(alone).rejects.toMatchObject({ code: 'TIMEOUT' })
  await answering.worker.terminate()
})

it('drains when the broker closes: handlers in threads finish, and work off what is there', async () => {
  const { broker, host } = started()
  const queue = await host.declareQueue<number>('q')
  const thread = inThread(broker, ({ bus, say }) => {
    bus
      .queue<number>('q')
      .createConsumer({ prefetch: 2 })
      .run(async ({ body }) => {
        if (body === 1) say('begun')
        await new Promise((resolve) => setImmediate(resolve))
      })
  })
  for (let n = 1; n <= 20; n++) await queue.send(n)
  await thread.until('begun')
  expect(await broker.close({ drain: true })).toEqual({ finished: 20, requeued: 0, dropped: 0 })
  expect(await thread.exited).toBe(0)
})

it('ends a thread in good order when its consumer closes: what it handles finishes, the rest goes back unflagged', async () => {
  const { broker, host } = started()
  const queue = await host.declareQueue<number>('q')
  for (let n = 1; n <= 5; n++) await queue.send(n)
  const thread = inThread(broker, async ({ bus, say, heard }) => {
    const consumer = bus
      .queue<number>('q')
      .createConsumer({ prefetch: 4 })
      .run(async () => {
        say('begun')
        await heard()
      })
    await heard()
    say('closing')
    await consumer.close()
    await bus.close()
  })
  await thread.until('begun')
  thread.hears('end')
  expect(await thread.exited).toBe(0)
  expect(await queue.stats()).toMatchObject({ acked: 1, ready: 4, unacked: 0 })
  expect((await takeAll(queue)).map(({ body, redelivered }) => [body, redelivered])).toEqual(
    [2, 3, 4, 5].map((n) => [n, false]),
  )
})

it('says in a few posts what is said in a turn', async () => {
  const { broker, host } = started()
  const queue = await host.declareQueue<number>('q')
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  serve(broker, port1)
  const bus = await connect(port2)
  let handled = 0
  const done = new Promise<void>((resolve) => {
    bus
      .queue<number>('q')
      .createConsumer({ prefetch: 300 })
      .consume((delivery) => {
        delivery.ack()
        if (++handled === 90) resolve()
      })
  })
  await bus.queue('q').info()
  const posts = vi.spyOn(MessagePort.prototype, 'postMessage')
  onTestFinished(() => posts.mockRestore())
  for (let n = 1; n <= 90; n++) queue.publish(n)
  await done
  await bus.queue('q').info()
  expect(await queue.stats()).toMatchObject({ acked: 90 })
  // n.b. a question and its answer are among them.
  expect(posts.mock.calls.length).toBeLessThan(10)
})
