/** `run` and `consume`: outcomes, failures, concurrency, order by key, and the end. */
import type { Delivery } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, drain, sendAll, take, takeAll, upTo } from './helpers.js'

/** A handler whose calls are ended by hand. */
function gated<Body>() {
  const running: { delivery: Delivery<Body>; end: (outcome?: unknown) => void; fail: (error: unknown) => void }[] = []
  const handler = (delivery: Delivery<Body>) =>
    new Promise<unknown>((resolve, reject) => {
      running.push({ delivery, end: resolve, fail: reject })
    })
  return { running, handler, bodies: () => running.map(({ delivery }) => delivery.body) }
}

onEveryEngine('run', (scenario) => {
  for (const [outcome, settlement, handler] of [
    ['resolves', 'ack', async () => undefined],
    ['returns', 'ack', () => 'anything'],
    ["resolves to 'requeue'", 'requeue', async () => 'requeue'],
    ["returns 'reject'", 'reject', () => 'reject'],
    ["resolves to 'retry'", 'retry', async () => 'retry'],
    ['throws', 'retry', () => Promise.reject(new Error('no'))],
    ['settles by itself', 'reject', (delivery) => delivery.reject()],
    [
      'settles by itself and throws',
      'ack',
      (delivery) => {
        delivery.ack()
        throw new Error('late')
      },
    ],
  ] as const satisfies readonly (readonly [string, string, (delivery: Delivery) => unknown])[]) {
    scenario(`settles by ${settlement} when its handler ${outcome}`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { type: 'quorum', delayedRetryType: 'all', delayedRetryMin: 1000 })
      await queue.send(1)
      let got: Delivery | undefined
      const consumer = queue.createConsumer().on('failed', () => undefined)
      consumer.run((delivery) => {
        got = delivery
        return handler(delivery)
      })
      await turn()
      expect(got?.settled).toBe(settlement)
      const { acked, rejected, delayed } = await queue.stats()
      expect({ acked, rejected, delayed }).toEqual({
        acked: settlement === 'ack' ? 1 : 0,
        rejected: settlement === 'reject' ? 1 : 0,
        delayed: settlement === 'retry' || settlement === 'requeue' ? 1 : 0,
      })
    })
  }

  scenario('handles as many at once as it may, and the next when one is done', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(5))
    const work = gated<number>()
    queue.createConsumer().run(work.handler, { concurrency: 2 })
    await turn()
    expect(work.bodies()).toEqual([1, 2])
    work.running[1]?.end()
    await turn()
    expect(work.bodies()).toEqual([1, 2, 3])
    expect(await queue.stats()).toMatchObject({ acked: 1, unacked: 2, ready: 2 })
  })

  scenario('handles one key in order, whatever its concurrency, and other keys meanwhile', async ({ bus }) => {
    const queue = await bus.declareQueue<string>('q')
    await sendAll(queue, ['a1', 'a2', 'b1', 'a3', 'c1', 'b2'])
    const work = gated<string>()
    let calls = 0
    const orderBy = (delivery: Delivery<string>) => {
      calls++
      return delivery.body[0]
    }
    queue.createConsumer({ prefetch: 10 }).run(work.handler, { concurrency: 2, orderBy })
    await turn()
    expect(work.bodies()).toEqual(['a1', 'b1'])
    work.running[0]?.end()
    await turn()
    expect(work.bodies()).toEqual(['a1', 'b1', 'a2'])
    work.running[1]?.end()
    await turn()
    // n.b. b2 came while b was busy or after: either way c1, which came before it, need not wait for a.
    expect(work.bodies().slice(3)).toHaveLength(1)
    for (let i = 2; i < 6; i++) {
      work.running[i]?.end()
      await turn()
    }
    const order = work.bodies()
    for (const key of ['a', 'b', 'c']) {
      const ofKey = order.filter((body) => body.startsWith(key))
      expect(ofKey).toEqual([...ofKey].sort())
    }
    expect([order.length, calls]).toEqual([6, 6])
    expect(await queue.stats()).toMatchObject({ acked: 6, unacked: 0 })
  })

  scenario(
    'retries the delivery whose key cannot be told, and goes on',
    { needs: ['time'] },
    async ({ bus, advance }) => {
      const queue = await bus.declareQueue<number>('q')
      const failures: unknown[] = []
      const handled: number[] = []
      let broken = true
      queue
        .createConsumer()
        .on('failed', (error) => failures.push(error))
        .run((delivery) => void handled.push(delivery.body), {
          concurrency: 2,
          orderBy: (delivery) => {
            if (broken && delivery.body === 1) throw new Error('no key')
            return delivery.body
          },
        })
      await sendAll(queue, [1, 2])
      await turn()
      expect([handled, failures]).toMatchObject([[2], [{ message: 'no key' }]])
      broken = false
      await advance(100)
      expect(handled).toEqual([2, 1])
    },
  )

  scenario('handles messages that need no acknowledgement', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const handled: number[] = []
    queue.createConsumer({ noAck: true }).run((delivery) => void handled.push(delivery.body))
    await sendAll(queue, [1, 2, 3])
    await turn()
    expect(handled).toEqual([1, 2, 3])
    expect(await queue.stats()).toMatchObject({ autoAcked: 3 })
  })

  scenario('does not handle what was taken back while it stood in line', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, [1, 2])
    const work = gated<number>()
    const consumer = queue.createConsumer({ prefetch: 2 })
    consumer.run(work.handler, { concurrency: 2, orderBy: () => 'same' })
    await turn()
    expect(work.bodies()).toEqual([1])
    await consumer.close({ timeout: 0 })
    work.running[0]?.end()
    await turn()
    expect(work.bodies()).toEqual([1])
    expect(bodies(await takeAll(queue))).toEqual([1, 2])
  })

  scenario('lets running handlers finish when it is closed, and gives back the rest', async ({ bus }) => {
    // law 8
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(4))
    const work = gated<number>()
    const consumer = queue.createConsumer({ prefetch: 3 }).on('failed', () => undefined)
    consumer.run(work.handler, { concurrency: 2 })
    await turn()
    let closed = false
    const closing = consumer.close().then(() => {
      closed = true
    })
    expect(consumer.close()).toBe(consumer.close())
    await turn()
    expect([closed, work.bodies()]).toEqual([false, [1, 2]])
    expect(await queue.stats()).toMatchObject({ ready: 2, unacked: 2, consumers: 0 })
    work.running[0]?.end()
    work.running[1]?.fail(new Error('too bad'))
    await closing
    expect(await queue.stats()).toMatchObject({ ready: 3, unacked: 0, acked: 1 })
    expect((await takeAll(queue)).map(({ body, redelivered }) => [body, redelivered])).toEqual([
      [2, true],
      [3, false],
      [4, false],
    ])
  })

  scenario('waits for handlers that settled early or had nothing to settle', async ({ bus }) => {
    for (const noAck of [true, false]) {
      const queue = await bus.declareQueue<number>()
      await queue.send(1)
      const work = gated<number>()
      const consumer = queue.createConsumer({ noAck }).run((delivery) => {
        if (!noAck) delivery.ack()
        return work.handler(delivery)
      })
      await turn()
      let closed = false
      const closing = consumer.close().then(() => {
        closed = true
      })
      await turn()
      expect(closed, `noAck ${noAck}`).toBe(false)
      work.running[0]?.end()
      await closing
    }
  })

  scenario(
    'gives handlers up at the deadline, and takes their deliveries back',
    { needs: ['time'] },
    async ({ bus, advance }) => {
      const queue = await bus.declareQueue<number>('q')
      await queue.send(1)
      const work = gated<number>()
      const consumer = queue.createConsumer().run(work.handler)
      await turn()
      const delivery = work.running[0]?.delivery
      let aborted = false
      delivery?.signal.addEventListener('abort', () => {
        aborted = true
      })
      let closed = false
      void consumer.close({ timeout: 500 }).then(() => {
        closed = true
      })
      await advance(499)
      expect([closed, aborted]).toEqual([false, false])
      await advance(1)
      expect([closed, aborted, delivery?.settled]).toEqual([true, true, 'lost'])
      work.running[0]?.end()
      await turn()
      const again = await take(queue)
      expect([again.body, again.redelivered]).toEqual([1, true])
      expect(await queue.stats()).toMatchObject({ acked: 0 })
    },
  )
})

onEveryEngine('a consumer whose queue is deleted', (scenario) => {
  for (const verb of ['run', 'consume'] as const) {
    scenario(`hears of it by an event, and settles nothing any more (${verb})`, async ({ bus }) => {
      // CCN-01, CCN-03, CCN-05, Q-24
      const queue = await bus.declareQueue<number>('q', { deadLetter: 'dead' })
      const work = gated<number>()
      const cancelled: unknown[] = []
      const consumer = queue.createConsumer({ consumerTag: 'tag', prefetch: 2 })
      consumer.on('cancelled', (error) => cancelled.push(error))
      if (verb === 'run') consumer.run(work.handler)
      else consumer.consume(work.handler)
      await sendAll(queue, [1, 2, 3])
      await turn()
      const deleted = queue.delete()
      expect(cancelled).toEqual([]) // not inside the call
      await deleted
      await turn()
      expect(cancelled).toMatchObject([{ code: 'CONSUMER_CANCELLED', consumerTag: 'tag' }])
      expect(consumer.closed).toBe(true)
      for (const { delivery, end } of work.running) {
        expect([delivery.settled, delivery.signal.aborted]).toEqual(['lost', true])
        end('reject')
      }
      await consumer.cancel()
      await consumer.close()
      await turn()
      expect(cancelled).toHaveLength(1)
      expect(await drain(bus.queue('dead'))).toEqual([])
    })
  }
})

onEveryEngine('a handler that fails', (scenario) => {
  for (const [verb, attach] of [
    ['run', (consumer, handler) => void consumer.run(handler)],
    ['consume', (consumer, handler) => void consumer.consume(handler)],
  ] as const satisfies readonly (readonly [
    string,
    (consumer: import('leveret').Consumer<number>, handler: (delivery: Delivery<number>) => unknown) => void,
  ])[]) {
    scenario(
      `by ${verb} has its delivery held for a while, credit spent, and nothing lost`,
      { needs: ['time'] },
      async ({ bus, advance }) => {
        const queue = await bus.declareQueue<number>('q')
        const attempts: boolean[] = []
        const failed: unknown[] = []
        const consumer = queue
          .createConsumer({ prefetch: 1 })
          .on('failed', (error, { body }) => failed.push([error, body]))
        attach(consumer, (delivery) => {
          attempts.push(delivery.redelivered)
          if (attempts.length < 3) throw new Error(`attempt ${attempts.length}`)
          if (delivery.settled === undefined && verb === 'consume') delivery.ack()
        })
        await sendAll(queue, [1, 2])
        await turn()
        expect(attempts).toEqual([false])
        expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 1 })
        await advance(99)
        expect(attempts).toHaveLength(1)
        await advance(1)
        expect(attempts).toEqual([false, true])
        expect(failed).toMatchObject([
          [{ message: 'attempt 1' }, 1],
          [{ message: 'attempt 2' }, 1],
        ])
        await advance(1000)
        expect(attempts).toEqual([false, true, true, false])
        expect(await queue.stats()).toMatchObject({ acked: 2, ready: 0, unacked: 0 })
      },
    )

    scenario(
      `by ${verb} is retried by the queue's own backoff where there is one`,
      { needs: ['time', 'delayed-retry'] },
      async ({ bus, advance }) => {
        const queue = await bus.declareQueue<number>('q', { retry: { attempts: 2, minDelay: 50 }, deadLetter: 'dead' })
        const counts: (number | undefined)[] = []
        const consumer = queue.createConsumer().on('failed', () => undefined)
        attach(consumer, async (delivery) => {
          counts.push(delivery.deliveryCount)
          throw new Error('always')
        })
        await queue.send(1)
        await advance(50)
        expect(counts).toEqual([0, 1])
        expect(await drain(bus.queue('dead'))).toEqual([1])
      },
    )
  }

  scenario('has its held delivery given back when its consumer closes', { needs: ['time'] }, async ({ bus, clock }) => {
    const queue = await bus.declareQueue<number>('q')
    const consumer = queue.createConsumer().on('failed', () => undefined)
    consumer.run(() => {
      throw new Error('always')
    })
    await queue.send(1)
    await turn()
    expect(await queue.stats()).toMatchObject({ unacked: 1 })
    await consumer.close()
    expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 0 })
    expect(clock.pending).toBe(0)
  })

  scenario('is a fault of the broker when nobody listens', { needs: ['inside'] }, async ({ bus, broker }) => {
    // law 1
    const faults: unknown[] = []
    broker.on('fault', (fault) => faults.push(fault))
    const queue = await bus.declareQueue('q')
    const error = new Error('unheard')
    queue.createConsumer({ consumerTag: 'tag' }).run(() => Promise.reject(error))
    await queue.send(1)
    await turn()
    expect(faults).toEqual([{ error, where: "handler of the consumer 'tag' of queue 'q'" }])
  })
})
