/** `for await`: how a loop gets its deliveries, and how it ends. */
import type { Delivery } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, errorOf, hasQueue, sendAll, take, takeAll, upTo } from './helpers.js'

onEveryEngine('for await', (scenario) => {
  scenario('works off a queue in order', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(500))
    const got: number[] = []
    for await (const delivery of queue.createConsumer({ prefetch: 7 })) {
      got.push(delivery.body)
      delivery.ack()
      if (delivery.body === 500) break
    }
    expect(got).toEqual(upTo(500))
    expect(await queue.stats()).toMatchObject({ acked: 500, ready: 0, unacked: 0, consumers: 0 })
  })

  scenario('left by break gives back what it was not handed, in order and not flagged', async ({ bus }) => {
    // law 9
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(5))
    let inHand: Delivery<number> | undefined
    const consumer = queue.createConsumer({ prefetch: 3 })
    for await (const delivery of consumer) {
      inHand = delivery
      expect(await queue.stats()).toMatchObject({ ready: 2, unacked: 3, consumers: 1 })
      break
    }
    expect(await queue.stats()).toMatchObject({ ready: 4, unacked: 1, consumers: 0 })
    expect([consumer.closed, inHand?.settled]).toEqual([true, undefined])
    expect((await takeAll(queue)).map(({ body, redelivered }) => [body, redelivered])).toEqual([
      [2, false],
      [3, false],
      [4, false],
      [5, false],
    ])
    inHand?.ack()
    expect(await queue.stats()).toMatchObject({ acked: 1 })
  })

  scenario(
    'left by break lets another consumer have them in the same turn',
    { needs: ['same-turn', 'inside'] },
    async ({ bus, host }) => {
      const queue = await bus.declareQueue<number>('q')
      await sendAll(queue, upTo(5))
      const iterator = queue.createConsumer({ prefetch: 3 })[Symbol.asyncIterator]()
      await iterator.next()
      // n.b. what `break` calls; nothing is awaited before the look.
      const left = iterator.return?.()
      expect(host.peek(queue, 5).map(({ body }) => body)).toEqual([2, 3, 4, 5])
      const got = collect(queue.createConsumer({ prefetch: 2 }))
      expect(host.queues()[0]).toMatchObject({
        stats: { ready: 2, unacked: 3, consumers: 1 },
        consumers: [{ waiting: 2, unsettled: 0 }],
      })
      await left
      await turn()
      expect(bodies(got)).toEqual([2, 3])
    },
  )

  scenario('left by a throw keeps the delivery in hand until the consumer is closed', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, [1, 2])
    const consumer = queue.createConsumer()
    const error = new Error('mine')
    expect(
      await errorOf(async () => {
        for await (const delivery of consumer) if (delivery.body === 1) throw error
      }),
    ).toBe(error)
    expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 1 })
    await consumer.close()
    expect((await takeAll(queue)).map(({ body, redelivered }) => [body, redelivered])).toEqual([
      [1, true],
      [2, false],
    ])
  })

  scenario(
    'closes its channel when the delivery in hand is settled after the break',
    { needs: ['inside'] },
    async ({ bus }) => {
      const queue = await bus.declareQueue('q', { autoDelete: true })
      await queue.send(1)
      let inHand: Delivery | undefined
      for await (const delivery of queue.createConsumer()) {
        inHand = delivery
        break
      }
      expect(await hasQueue(bus, 'q')).toBe(false)
      expect(inHand?.settled).toBe('lost')
      inHand?.ack()
    },
  )

  for (const [how, end] of [
    ['cancel', (consumer) => consumer.cancel()],
    ['close', (consumer) => consumer.close()],
    ['a dispose', (consumer) => consumer[Symbol.asyncDispose]()],
    ['the close of the bus', (_consumer, bus) => bus.close()],
  ] as const satisfies readonly (readonly [
    string,
    (consumer: import('leveret').Consumer, bus: import('leveret').Bus) => Promise<void>,
  ])[]) {
    scenario(`ends without an error by ${how}, while it waits too`, async ({ bus, connect }) => {
      const own = await connect()
      await bus.declareQueue('q')
      const consumer = own.queue('q').createConsumer()
      let got = 0
      const loop = (async () => {
        for await (const delivery of consumer) {
          got++
          delivery.ack()
        }
        return 'ended'
      })()
      await bus.queue('q').send(1)
      await turn()
      await end(consumer, own)
      expect(await loop).toBe('ended')
      expect(got).toBe(1)
    })
  }

  for (const [what, end] of [['is deleted', (queue) => queue.delete()]] as const satisfies readonly (readonly [
    string,
    (queue: import('leveret').Queue) => unknown,
  ])[]) {
    scenario(`throws when its queue ${what}, while it waits and while it works`, async ({ bus }) => {
      // CCN-01, CCN-05
      const queue = await bus.declareQueue('q')
      const waiting = (async () => {
        for await (const delivery of queue.createConsumer({ consumerTag: 'waiting', priority: -1 })) delivery.ack()
      })()
      let gate: () => void = () => undefined
      const held: Delivery[] = []
      const working = (async () => {
        for await (const delivery of queue.createConsumer({ consumerTag: 'working' })) {
          held.push(delivery)
          await new Promise<void>((resolve) => {
            gate = resolve
          })
        }
      })()
      const ends = Promise.allSettled([waiting, working])
      await sendAll(queue, [1, 2])
      await turn()
      await end(queue)
      await turn()
      expect(held.map(({ settled }) => settled)).toEqual(['lost'])
      gate()
      const cancelled = (consumerTag: string) => ({
        status: 'rejected',
        reason: expect.objectContaining({
          code: 'CONSUMER_CANCELLED',
          name: 'ConsumerCancelledError',
          consumerTag,
          message: expect.stringContaining("queue 'q' was deleted"),
        }),
      })
      expect(await ends).toEqual([cancelled('waiting'), cancelled('working')])
    })
  }

  scenario('serves several next calls in their order, and return ends those that wait', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const iterator = queue.createConsumer()[Symbol.asyncIterator]()
    const nexts = [iterator.next(), iterator.next(), iterator.next()]
    await sendAll(queue, [1, 2])
    const [one, two] = await Promise.all(nexts.slice(0, 2))
    expect([one?.value?.body, two?.value?.body]).toEqual([1, 2])
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true })
    expect(await nexts[2]).toEqual({ value: undefined, done: true })
    expect(await iterator.next()).toEqual({ value: undefined, done: true })
    one?.value?.ack()
    two?.value?.ack()
    await queue.send(3)
    expect(await drain(queue)).toEqual([3])
  })

  scenario('left by throw of the iterator rejects with that error and cancels', async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    const iterator = queue.createConsumer()[Symbol.asyncIterator]()
    const error = new Error('mine')
    expect(await errorOf(() => iterator.throw?.(error))).toBe(error)
    expect((await queue.info()).consumerCount).toBe(0)
  })

  scenario('left by break lets another consumer settle in peace what it gets', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(3))
    for await (const delivery of queue.createConsumer()) {
      delivery.requeue()
      break
    }
    expect((await take(queue)).redelivered).toBe(true)
    expect((await take(queue)).redelivered).toBe(false)
  })
})
