/** Time to live of messages and of queues. */

import { expect } from 'vitest'
import type { DeathReason } from '../../src/queue-arguments/queue-argument.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, hasQueue, sendAll, take, takeAll } from './helpers.js'

const expired: DeathReason = 'expired'

onEveryEngine('expiry', (scenario) => {
  for (const [what, queueTtl, expiration, life] of [
    ['the time of the queue', 100, undefined, 100],
    ['the time of the message', undefined, 100, 100],
    ['the time of the message, as a string', undefined, '100', 100],
    ['the shorter of both', 100, 1000, 100],
    ['the shorter of both, the other way', 1000, 100, 100],
  ] as const) {
    scenario(`ends messages after ${what}, and not before`, { needs: ['time'] }, async ({ bus, advance }) => {
      // TTL-01, TTL-05, DLX-05
      const queue = await bus.declareQueue('q', {
        ...(queueTtl === undefined ? {} : { messageTtl: queueTtl }),
        deadLetter: 'dead',
      })
      await queue.send(1, expiration === undefined ? {} : { expiration })
      await advance(life - 1)
      expect(await queue.stats()).toMatchObject({ ready: 1, expired: 0 })
      await advance(1)
      expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1, deadLettered: 1 })
      const dead = await take(bus.queue('dead'))
      expect(dead.properties.expiration).toBeUndefined()
      expect(dead.headers['x-first-death-reason']).toBe(expired)
      await advance(10_000)
      expect(dead.settled).toBeUndefined()
    })
  }

  for (const time of [{ messageTtl: 0 }, {}] as const) {
    const what = 'messageTtl' in time ? 'queue' : 'message'
    scenario(`of 0 by the ${what} ends what no consumer takes at once`, { needs: ['same-turn'] }, async ({ bus }) => {
      // TTL-06, TTL-09
      const queue = await bus.declareQueue('q', { ...time, deadLetter: 'dead' })
      await queue.send(1, what === 'message' ? { expiration: 0 } : {})
      expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1 })
      expect(await queue.get()).toBeUndefined()
      expect(await drain(bus.queue('dead'))).toEqual([1])
    })
  }

  scenario(
    'leaves what is out alone, and takes it when it comes back too late',
    { needs: ['time'] },
    async ({ bus, advance }) => {
      // TTL-02, TTL-03
      const queue = await bus.declareQueue('q', { messageTtl: 200, deadLetter: 'dead' })
      await sendAll(queue, ['acked', 'requeued late', 'requeued early'])
      const [acked, late, early] = await takeAll(queue)
      await advance(150)
      early?.requeue()
      await advance(49)
      expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 2, expired: 0 })
      await advance(1)
      expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1 })
      await advance(200)
      acked?.ack()
      late?.requeue()
      expect(await queue.stats()).toMatchObject({ ready: 0, unacked: 0, acked: 1, expired: 2 })
      expect(await drain(bus.queue('dead'))).toEqual(['requeued early', 'requeued late'])
    },
  )

  scenario('happens at the head only', { needs: ['time'] }, async ({ bus, advance }) => {
    // TTL-04
    const queue = await bus.declareQueue('q')
    await queue.send('long', { expiration: 10_000 })
    await queue.send('short', { expiration: 10 })
    await queue.send('none')
    await advance(100)
    expect(await queue.info()).toMatchObject({ messageCount: 3 })
    const long = await take(queue)
    expect(long.body).toBe('long')
    expect(await queue.info()).toMatchObject({ messageCount: 1 }) // TTL-07
    long.requeue()
    expect(bodies(await takeAll(queue))).toEqual(['long', 'none'])
  })

  scenario(
    'comes by the clock to a message that a get made the head',
    { needs: ['time'] },
    async ({ bus, advance }) => {
      // TTL-05
      const queue = await bus.declareQueue('q')
      await queue.send('none')
      await queue.send('short', { expiration: 10 })
      ;(await take(queue)).ack()
      await advance(10)
      expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1 })
    },
  )

  scenario(
    'comes by the clock to a message that a drop made the head',
    { needs: ['time'] },
    async ({ bus, advance }) => {
      const queue = await bus.declareQueue('q', { maxLength: 2 })
      await queue.send('none')
      await queue.send('short', { expiration: 10 })
      await queue.send('none')
      await advance(10)
      expect(await queue.stats()).toMatchObject({ ready: 1, expired: 1, overflowed: 1 })
    },
  )

  scenario('is shielded by a live message of higher priority', { needs: ['time'] }, async ({ bus, advance }) => {
    // TTL-11
    const queue = await bus.declareQueue('q', { maxPriority: 9 })
    await queue.send('low', { expiration: 10 })
    await queue.send('high', { priority: 9 })
    await advance(20)
    expect(await queue.info()).toMatchObject({ messageCount: 2 })
    expect((await take(queue)).body).toBe('high')
    expect(await queue.get()).toBeUndefined()
  })

  scenario('shows the expiration of a message that was in time', async ({ bus }) => {
    // TTL-08
    const queue = await bus.declareQueue('q')
    await queue.send(1, { expiration: 5000 })
    expect((await take(queue)).properties.expiration).toBe('5000')
  })

  scenario('takes an unused queue, and its messages with it', { needs: ['time'] }, async ({ bus, advance }) => {
    // TTL-13, TTL-15
    const exchange = await bus.declareExchange('x', 'fanout', { autoDelete: true })
    const queue = await bus.declareQueue('q', { expires: 100, deadLetter: 'dead', bindings: [exchange.key('')] })
    await advance(99)
    await exchange.send('', 1)
    await queue.bind(exchange.key('other'))
    await queue.purge()
    await exchange.send('', 2)
    await advance(1)
    expect(await hasQueue(bus, 'q')).toBe(false)
    expect(await drain(bus.queue('dead'))).toEqual([])
  })

  for (const [what, use] of [
    ['a declare', (bus) => bus.declareQueue('q', { expires: 100 })],
    ['a look', (bus) => bus.queue('q').info()],
    ['a get', (bus) => bus.queue('q').get()],
  ] as const satisfies readonly (readonly [string, (bus: import('leveret').Bus) => unknown])[]) {
    scenario(`spares a queue for its full time after ${what}`, { needs: ['time'] }, async ({ bus, advance, host }) => {
      // TTL-13, GET-05
      await bus.declareQueue('q', { expires: 100 })
      for (let i = 0; i < 3; i++) {
        await advance(99)
        await use(bus)
      }
      await advance(99)
      expect(host.queues()).toHaveLength(1)
      await advance(1)
      expect(host.queues()).toHaveLength(0)
    })
  }

  scenario(
    'spares a quorum queue after a get, and after nothing else',
    { needs: ['time'] },
    async ({ bus, advance, host }) => {
      // TTL-17
      const declare = () => bus.declareQueue('q', { type: 'quorum', expires: 100 })
      const queue = await declare()
      await advance(99)
      await queue.get()
      await advance(99)
      await declare()
      await queue.info()
      expect(host.queues()).toHaveLength(1)
      await advance(1)
      expect(host.queues()).toHaveLength(0)
    },
  )

  scenario(
    'spares a queue while it has a consumer, and for its full time afterwards',
    { needs: ['time'] },
    async ({ bus, advance, host }) => {
      // TTL-14
      const queue = await bus.declareQueue('q', { expires: 100 })
      const consumer = queue.createConsumer()
      collect(consumer)
      await advance(1000)
      expect(host.queues()).toHaveLength(1)
      await consumer.close()
      await advance(99)
      expect(host.queues()).toHaveLength(1)
      await advance(1)
      expect(host.queues()).toHaveLength(0)
    },
  )
})
