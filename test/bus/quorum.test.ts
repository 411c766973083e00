/** Quorum queues: delivery limits, delayed retry, consumer timeout; as RabbitMQ 4.3 has them. */
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, sendAll, take, takeAll } from './helpers.js'

onEveryEngine('delivery limits', (scenario) => {
  scenario('allow one delivery more than their number, by retry and by lost consumers', async ({ bus, connect }) => {
    // QQ-04, QQ-05
    const queue = await bus.declareQueue('q', { type: 'quorum', deliveryLimit: 2, deadLetter: 'dead' })
    await queue.send(1)
    const first = await take(queue)
    expect([first.deliveryCount, first.redelivered]).toEqual([0, false])
    first.retry()
    const other = await connect()
    const second = await take(other.queue('q'))
    expect([second.deliveryCount, second.redelivered]).toEqual([1, true])
    await other.close()
    const third = await take(queue)
    expect(third.deliveryCount).toBe(2)
    third.retry()
    expect(await queue.stats()).toMatchObject({ ready: 0, unacked: 0, deliveryLimited: 1, deadLettered: 1 })
  })

  scenario('do not count a requeue', async ({ bus }) => {
    // QQ-05
    const queue = await bus.declareQueue('q', { type: 'quorum', deliveryLimit: 0 })
    await queue.send(1)
    for (let i = 0; i < 5; i++) {
      const delivery = await take(queue)
      expect([delivery.deliveryCount, delivery.redelivered]).toEqual([0, i > 0])
      delivery.requeue()
    }
    ;(await take(queue)).retry()
    expect(await queue.stats()).toMatchObject({ deliveryLimited: 1 })
  })

  for (const [what, options, deliveries] of [
    ['are 20 when nothing is said', {}, 21],
    ['of -1 are none', { deliveryLimit: -1 }, undefined],
  ] as const) {
    scenario(what, async ({ bus }) => {
      // QQ-04
      const queue = await bus.declareQueue('q', { type: 'quorum', ...options })
      await queue.send(1)
      let count = 0
      for (let next = await queue.get(); next !== undefined && count < 50; next = await queue.get()) {
        count++
        next.retry()
      }
      expect(count).toBe(deliveries ?? 50)
    })
  }

  scenario('are no business of classic queues', async ({ bus }) => {
    // ACK-17
    const queue = await bus.declareQueue('q')
    await queue.send(1)
    for (let i = 0; i < 30; i++) {
      const delivery = await take(queue)
      expect(delivery.deliveryCount).toBeUndefined()
      delivery.retry()
    }
    expect(await queue.stats()).toMatchObject({ ready: 1 })
  })
})

onEveryEngine('delayed retry', (scenario) => {
  for (const [type, retryWaits, requeueWaits] of [
    ['failed', true, false],
    ['returned', false, true],
    ['all', true, true],
    ['disabled', false, false],
  ] as const) {
    scenario(`of type ${type} holds what it should`, { needs: ['time', 'delayed-retry'] }, async ({ bus, advance }) => {
      // QQ-10
      const min = type === 'disabled' ? {} : { delayedRetryMin: 100 }
      const queue = await bus.declareQueue('q', { type: 'quorum', delayedRetryType: type, ...min })
      for (const [how, waits] of [
        ['retry', retryWaits],
        ['requeue', requeueWaits],
      ] as const) {
        await queue.send(how)
        ;(await take(queue))[how]()
        expect(await queue.stats()).toMatchObject(waits ? { ready: 0, delayed: 1 } : { ready: 1, delayed: 0 })
        await advance(100)
        expect(await drain(queue)).toEqual([how])
      }
    })
  }

  scenario(
    'waits longer by a step each time, up to the maximum',
    { needs: ['time', 'delayed-retry'] },
    async ({ bus, advance }) => {
      // QQ-10
      const queue = await bus.declareQueue('q', {
        retry: { attempts: 5, minDelay: 100, maxDelay: 250 },
        deadLetter: 'dead',
      })
      await queue.send(1)
      for (const [i, wait] of [100, 200, 250, 250].entries()) {
        const delivery = await take(queue)
        expect(delivery.deliveryCount).toBe(i)
        delivery.retry()
        await advance(wait - 1)
        expect(await queue.get()).toBeUndefined()
        await advance(1)
      }
      ;(await take(queue)).retry()
      expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 0, deliveryLimited: 1, deadLettered: 1 })
      expect((await take(bus.queue('dead'))).headers).toMatchObject({ 'x-first-death-reason': 'delivery_limit' })
    },
  )

  scenario(
    'serves what was due before fresh messages',
    { needs: ['time', 'delayed-retry'] },
    async ({ bus, advance }) => {
      const queue = await bus.declareQueue('q', { retry: { attempts: 5, minDelay: 100 } })
      await sendAll(queue, [1, 2, 3])
      const [one, two] = [await take(queue), await take(queue)]
      two.retry()
      await advance(50)
      one.retry()
      await advance(100)
      expect(await drain(queue)).toEqual([2, 1, 3])
    },
  )

  scenario(
    'keeps a parked message when its consumer closes, and another gets it',
    { needs: ['time', 'delayed-retry'] },
    async ({ bus, advance }) => {
      const queue = await bus.declareQueue<number>('q', { retry: { attempts: 3, minDelay: 1000 } })
      await sendAll(queue, [1, 2])
      const consumer = queue.createConsumer({ prefetch: 1 })
      const got = collect(consumer, (delivery) => {
        if (delivery.body === 1) delivery.retry(new Error('later'))
      })
      await turn()
      expect(bodies(got)).toEqual([1, 2])
      expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 1, unacked: 1 })
      got[1]?.ack()
      const before = await queue.stats()
      expect(before).toMatchObject({ ready: 0, delayed: 1, unacked: 0 })
      await consumer.close()
      expect(await queue.stats()).toEqual({ ...before, consumers: 0 })
      const other = collect(queue.createConsumer())
      await advance(999)
      expect(other).toEqual([])
      await advance(1)
      expect(other.map(({ body, deliveryCount, redelivered }) => [body, deliveryCount, redelivered])).toEqual([
        [1, 1, true],
      ])
    },
  )

  scenario(
    'lets go of parked messages with the queue',
    { needs: ['time', 'delayed-retry'] },
    async ({ bus, clock, advance }) => {
      const queue = await bus.declareQueue('q', { retry: { attempts: 3, minDelay: 1000 } })
      await queue.send(1)
      ;(await take(queue)).retry()
      await queue.delete()
      await advance(2000)
      expect(clock.pending).toBe(0)
    },
  )
})

onEveryEngine('consumer timeout', (scenario) => {
  scenario(
    'cancels the consumer that kept a delivery too long, and gives back what it held',
    { needs: ['time', 'delayed-retry'] },
    async ({ bus, advance }) => {
      // CON-20
      const queue = await bus.declareQueue<number>('q', { type: 'quorum', consumerTimeout: 1000 })
      const [slow, quick] = [queue.createConsumer({ prefetch: 2 }), queue.createConsumer({ prefetch: 1 })]
      const cancelled: unknown[] = []
      slow.on('cancelled', (error) => cancelled.push(error))
      const slowGot = collect(slow)
      await sendAll(queue, [1])
      await advance(500)
      await sendAll(queue, [2])
      const quickGot = collect(quick, (delivery) => delivery.ack())
      await advance(499)
      expect(cancelled).toEqual([])
      await advance(1)
      expect(cancelled).toMatchObject([{ code: 'CONSUMER_CANCELLED', message: expect.stringContaining('1000 ms') }])
      expect(slowGot.map(({ settled }) => settled)).toEqual(['lost', 'lost'])
      expect(slow.closed).toBe(true)
      expect(quickGot.map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([
        [1, 1],
        [2, 1],
      ])
    },
  )

  scenario(
    'does not mind a consumer that settles in time, or needs no settlement',
    { needs: ['time', 'delayed-retry'] },
    async ({ bus, advance }) => {
      const queue = await bus.declareQueue<number>('q', { type: 'quorum', consumerTimeout: 1000 })
      const inTime = collect(queue.createConsumer({ prefetch: 1 }))
      await queue.send(1)
      for (let i = 0; i < 5; i++) {
        await advance(900)
        inTime.at(-1)?.ack()
        await queue.send(i)
      }
      await advance(900)
      inTime.at(-1)?.ack()
      const noAck = queue.createConsumer({ noAck: true })
      collect(noAck)
      await advance(5000)
      expect(noAck.closed).toBe(false)
      expect((await queue.info()).consumerCount).toBe(2)
    },
  )

  scenario(
    'takes back the gets that are too old, and only those',
    { needs: ['time', 'delayed-retry'] },
    async ({ bus, advance }) => {
      const queue = await bus.declareQueue<number>('q', { type: 'quorum', consumerTimeout: 1000 })
      await sendAll(queue, [1, 2])
      const old = await take(queue)
      await advance(500)
      const young = await take(queue)
      await advance(500)
      expect([old.settled, young.settled]).toEqual(['lost', undefined])
      expect(bodies(await takeAll(queue))).toEqual([1])
      await advance(500)
      expect(young.settled).toBe('lost')
    },
  )
})
