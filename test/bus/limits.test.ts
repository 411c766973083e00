/** Length limits, and what happens to a message too many. */
import { expect } from 'vitest'
import { turn, until } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, errorOf, sendAll, take, takeAll, upTo } from './helpers.js'

onEveryEngine('length limits', (scenario) => {
  for (const type of ['classic', 'quorum'] as const) {
    scenario(`drop the oldest messages of a ${type} queue, into its dead letters`, async ({ bus }) => {
      // LEN-03, ORD-05
      const queue = await bus.declareQueue<number>('q', { type, maxLength: 3, deadLetter: 'dead' })
      await sendAll(queue, upTo(5))
      expect(await drain(queue)).toEqual([3, 4, 5])
      const dead = await takeAll(bus.queue('dead'))
      expect(bodies(dead)).toEqual([1, 2])
      expect(dead[0]?.headers['x-first-death-reason']).toBe('maxlen')
    })
  }

  scenario('of 0 drop what no consumer takes', async ({ bus }) => {
    // LEN-04
    const queue = await bus.declareQueue('q', { maxLength: 0, deadLetter: 'dead' })
    await queue.send(1)
    expect(await queue.stats()).toMatchObject({ ready: 0, overflowed: 1, deadLettered: 1 })
  })

  scenario('count ready messages only', async ({ bus }) => {
    // LEN-01
    const queue = await bus.declareQueue('q', { maxLength: 1 })
    await queue.send(1)
    const out = await take(queue)
    await queue.send(2)
    expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 1, overflowed: 0 })
    out.ack()
  })

  scenario('count bytes of bodies, and let a body that is too big push out everything', async ({ bus }) => {
    // LEN-02, LEN-05
    const queue = await bus.declareQueue('q', { maxLength: 10, maxLengthBytes: 10 })
    await sendAll(queue, ['aaaaa', new Uint8Array(5)])
    expect(await queue.stats()).toMatchObject({ ready: 2 })
    await queue.send('€') // 3 bytes
    expect(await queue.stats()).toMatchObject({ ready: 2, overflowed: 1 })
    await queue.send('12345678901')
    expect(await queue.stats()).toMatchObject({ ready: 0, overflowed: 4 })
    await sendAll(queue, upTo(10)) // a digit of JSON each, 10 has two: 11 bytes
    expect(await drain(queue)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  scenario('give bytes back when messages leave in any way', { needs: ['time'] }, async ({ bus, advance }) => {
    const queue = await bus.declareQueue('q', { maxLengthBytes: 10, overflow: 'reject-publish' })
    const full = '1234567890'
    for (const leave of [
      async () => (await take(queue)).ack(),
      async () => (await take(queue)).reject(),
      async () => void (await queue.purge()),
      async () => advance(10),
    ]) {
      await queue.send(full, { expiration: 10 })
      expect(await errorOf(() => queue.send('1'))).toMatchObject({ code: 'PUBLISH_REFUSED' })
      await leave()
    }
    await queue.send(full)
    ;(await take(queue)).requeue()
    expect(await errorOf(() => queue.send('1'))).toMatchObject({ code: 'PUBLISH_REFUSED' })
  })

  scenario('refuse publishes, one each, and say so', async ({ bus }) => {
    // LEN-06, LEN-07, CNF-07
    const queue = await bus.declareQueue<number>('q', { maxLength: 2, overflow: 'reject-publish', deadLetter: 'dead' })
    const producer = queue.createProducer()
    const refused: unknown[] = []
    producer.on('refused', (message) => refused.push(message.body))
    await sendAll(queue, [1, 2])
    expect(await errorOf(() => producer.send(3))).toMatchObject({
      code: 'PUBLISH_REFUSED',
      name: 'PublishRefusedError',
    })
    producer.publish(4)
    await turn()
    expect([refused, producer.refused, producer.published]).toEqual([[4], 2, 2])
    ;(await take(queue)).ack()
    await producer.send(5)
    expect(await drain(queue)).toEqual([2, 5])
    expect(await drain(bus.queue('dead'))).toEqual([])
  })

  scenario('refuse publishes and dead-letter them', async ({ bus }) => {
    // LEN-09
    const queue = await bus.declareQueue<number>('q', {
      maxLength: 1,
      overflow: 'reject-publish-dlx',
      deadLetter: 'dead',
    })
    await queue.send(1)
    expect(await errorOf(() => queue.send(2))).toMatchObject({ code: 'PUBLISH_REFUSED' })
    expect(await drain(queue)).toEqual([1])
    const dead = await take(bus.queue('dead'))
    expect(dead.body).toBe(2)
    expect(dead.headers).toMatchObject({ 'x-death': [{ reason: 'maxlen', queue: 'q', count: 1 }] })
  })

  scenario('refuse a publish for one queue and leave the copies of the others', async ({ bus }) => {
    // LEN-08, PUB-07
    const exchange = await bus.declareExchange('x', 'fanout')
    const bindings = [exchange.key('')]
    const full = await bus.declareQueue('full', { maxLength: 0, overflow: 'reject-publish', bindings })
    const free = await bus.declareQueue('free', { bindings })
    expect(await errorOf(() => exchange.send('', 1, { mandatory: true }))).toMatchObject({ code: 'PUBLISH_REFUSED' })
    expect([await drain(full), await drain(free)]).toEqual([[], [1]])
  })

  for (const [overflow, left] of [
    ['drop-head', ['new']],
    ['reject-publish', ['old', 'new']],
    ['block', ['old', 'new']],
  ] as const) {
    scenario(`may be passed by a requeue, then ${overflow} applies`, async ({ bus }) => {
      // LEN-10
      const queue = await bus.declareQueue<string>('q', { maxLength: 1, overflow, deadLetter: 'dead' })
      await queue.send('old')
      const old = await take(queue)
      await queue.send('new')
      old.requeue()
      expect(await drain(queue)).toEqual(left)
      expect(await drain(bus.queue('dead'))).toEqual(left.length === 1 ? ['old'] : [])
    })
  }

  scenario('drop from the highest priority, as deliveries come', async ({ bus }) => {
    // LEN-13
    const queue = await bus.declareQueue('q', { maxPriority: 9, maxLength: 1 })
    await queue.send('low')
    await queue.send('high', { priority: 9 })
    expect(await drain(queue)).toEqual(['low'])
  })
})

onEveryEngine("overflow 'block'", (scenario) => {
  scenario('takes a message and answers when the queue is below its limit', { needs: ['block'] }, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q', { maxLength: 2, overflow: 'block' })
    const answered: number[] = []
    const sent = upTo(4).map((body) => queue.send(body).then(() => void answered.push(body)))
    await turn()
    expect(answered).toEqual([1, 2])
    expect(await queue.info()).toMatchObject({ messageCount: 4 })
    const [first, second, third] = [await take(queue), await take(queue), await take(queue)]
    await turn()
    expect(answered).toEqual([1, 2, 3, 4])
    expect(bodies([first, second, third])).toEqual([1, 2, 3])
    await Promise.all(sent)
  })

  scenario('makes publish answer false until drained resolves', { needs: ['block', 'same-turn'] }, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q', { maxLength: 1, overflow: 'block' })
    expect([queue.publish(1), queue.publish(2)]).toEqual([true, false])
    let drained = false
    const waiting = queue.drained().then(() => {
      drained = true
    })
    await turn()
    expect(drained).toBe(false)
    await drain(queue)
    await waiting
    expect(queue.publish(3)).toBe(true)
  })

  scenario('waits for every full queue of a fan-out', { needs: ['block'] }, async ({ bus }) => {
    const exchange = await bus.declareExchange('x', 'fanout')
    const options = { maxLength: 1, overflow: 'block', bindings: [exchange.key('')] } as const
    const [a, b] = [await bus.declareQueue('a', options), await bus.declareQueue('b', options)]
    await exchange.send('', 1)
    let answered = false
    const sent = exchange.send('', 2).then(() => {
      answered = true
    })
    await drain(a)
    await turn()
    expect(answered).toBe(false)
    await drain(b)
    await sent
  })

  for (const [how, end] of [
    ['purged', (queue) => queue.purge()],
    ['deleted', (queue) => queue.delete()],
  ] as const satisfies readonly (readonly [string, (queue: import('leveret').Queue<number>) => unknown])[]) {
    scenario(`answers when the queue is ${how}`, { needs: ['block'] }, async ({ bus }) => {
      // CNF-08
      const queue = await bus.declareQueue<number>('q', { maxLength: 1, overflow: 'block' })
      queue.publish(1)
      const sent = queue.send(2)
      await end(queue)
      await sent
    })
  }

  for (const limit of [{ maxLength: 0 }, { maxLengthBytes: 3 }]) {
    const title = `answers at once for a message that expires as it comes, with ${JSON.stringify(limit)}`
    scenario(title, { needs: ['block'] }, async ({ bus }) => {
      const options = { ...limit, overflow: 'block', messageTtl: 0, deadLetter: 'dead' } as const
      const queue = await bus.declareQueue<string>('q', options)
      await queue.send('a long body')
      expect(await drain(bus.queue('dead'))).toEqual(['a long body'])
      expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1 })
    })
  }

  scenario(
    'answers at once for one that is dead ahead of those that fill it',
    { needs: ['block'] },
    async ({ bus }) => {
      const queue = await bus.declareQueue<number>('q', { maxLength: 1, overflow: 'block', maxPriority: 1 })
      await queue.send(1)
      await queue.send(2, { priority: 1, expiration: 0 })
      const behind = queue.send(3, { expiration: 0 })
      expect(await Promise.race([behind, turn().then(() => 'waits')])).toBe('waits')
      expect(await drain(queue)).toEqual([1])
      await behind
    },
  )

  scenario('lets dead letters and requeues in without waiting', { needs: ['block'] }, async ({ bus }) => {
    const dead = await bus.declareQueue<number>('dead', { maxLength: 1, overflow: 'block' })
    const queue = await bus.declareQueue<number>('q', { deadLetter: 'dead' })
    await sendAll(queue, upTo(3))
    for (const delivery of await takeAll(queue)) delivery.reject()
    expect(await drain(dead)).toEqual([1, 2, 3])
  })

  scenario(
    'delivers 10,000 concurrent sends once, in order per producer, without a timer',
    { needs: ['block', 'time'] },
    async ({ bus, clock }) => {
      const queue = await bus.declareQueue<readonly [producer: number, number: number]>('q', {
        maxLength: 10,
        overflow: 'block',
      })
      const got = collect(queue.createConsumer({ prefetch: 20 }), (delivery) => delivery.ack())
      const producers = upTo(10).map(() => queue.createProducer())
      const sends: Promise<void>[] = []
      for (const number of upTo(1000)) {
        for (const [i, producer] of producers.entries()) sends.push(producer.send([i, number]))
      }
      expect(sends).toHaveLength(10_000)
      await Promise.all(sends)
      await until(() => got.length >= 10_000)
      expect(got).toHaveLength(10_000)
      for (const [i] of producers.entries()) {
        const numbers = got.filter(({ body }) => body[0] === i).map(({ body }) => body[1])
        expect(numbers).toEqual(upTo(1000))
      }
      expect(await queue.stats()).toMatchObject({ ready: 0, unacked: 0, acked: 10_000, enqueued: 10_000 })
      expect(clock.armed).toBe(0)
    },
  )
})
