/** Queues with priorities. */
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, take, takeAll } from './helpers.js'

onEveryEngine('priorities', (scenario) => {
  scenario('come highest first, first-in first-out among equals', async ({ bus }) => {
    // PRI-01, PUB-16
    const queue = await bus.declareQueue<string>('q', { maxPriority: 5 })
    for (const [body, priority] of [
      ['1', 1],
      ['none', undefined],
      ['3', 3],
      ['2', 2],
      ['3 again', 3],
      ['200', 200],
      ['5', 5],
      ['0', 0],
    ] as const) {
      await queue.send(body, priority === undefined ? {} : { priority })
    }
    const taken = await takeAll(queue)
    expect(bodies(taken)).toEqual(['200', '5', '3', '3 again', '2', '1', 'none', '0'])
    expect(taken[0]?.properties.priority).toBe(200)
  })

  scenario('of a queue with a highest of 0 are two', async ({ bus }) => {
    // QA-07
    const queue = await bus.declareQueue('q', { maxPriority: 0 })
    await queue.send('low')
    await queue.send('high', { priority: 7 })
    expect(await drain(queue)).toEqual(['high', 'low'])
  })

  scenario('mean nothing to a queue without them', async ({ bus }) => {
    // PRI-04
    const queue = await bus.declareQueue('q')
    await queue.send('low')
    await queue.send('high', { priority: 7 })
    expect(await drain(queue)).toEqual(['low', 'high'])
  })

  scenario('keep the place of a requeued message inside its level', async ({ bus }) => {
    // PRI-02
    const queue = await bus.declareQueue('q', { maxPriority: 2 })
    for (const [body, priority] of [
      ['a', 1],
      ['b', 1],
      ['c', 2],
    ] as const) {
      await queue.send(body, { priority })
    }
    const [c, a, b] = await takeAll(queue)
    b?.requeue()
    a?.requeue()
    c?.requeue()
    expect(await drain(queue)).toEqual(['c', 'a', 'b'])
  })

  scenario('do not overtake what a consumer has', async ({ bus }) => {
    // PRI-03
    const queue = await bus.declareQueue<string>('q', { maxPriority: 2 })
    const got = collect(queue.createConsumer({ prefetch: 2 }), (delivery) => delivery.ack())
    for (const [body, priority] of [
      ['first', 0],
      ['second', 0],
      ['low', 0],
      ['high', 2],
    ] as const) {
      queue.publish(body, { priority })
    }
    await turn()
    expect(bodies(got)).toEqual(['first', 'second', 'high', 'low'])
  })
})

onEveryEngine('returned messages', (scenario) => {
  for (const [type, third, order] of [
    ['classic', 'original place', [1, 3, 4, 5]],
    ['quorum', 'front, in order of return', [3, 1, 4, 5]],
  ] as const) {
    scenario(`of a ${type} queue go to the ${third}`, async ({ bus }) => {
      // ACK-08, QQ-06
      const queue = await bus.declareQueue<number>('q', { type })
      for (const body of [1, 2, 3, 4, 5]) await queue.send(body)
      const [one, two, three] = [await take(queue), await take(queue), await take(queue)]
      three.requeue()
      one.requeue()
      two.ack()
      const taken = await takeAll(queue)
      expect(bodies(taken)).toEqual(order)
      expect(taken.map(({ redelivered }) => redelivered)).toEqual([true, true, false, false]) // ACK-12
    })
  }

  for (const type of ['classic', 'quorum'] as const) {
    scenario(
      `of a closed connection come back to a ${type} queue in their order, flagged`,
      async ({ bus, connect }) => {
        // ACK-11
        const queue = await bus.declareQueue<number>('q', { type })
        for (const body of [1, 2, 3, 4, 5]) await queue.send(body)
        const other = await connect()
        const [one, two, three] = [
          await take(other.queue('q')),
          await take(other.queue('q')),
          await take(other.queue('q')),
        ]
        two.ack()
        await other.close()
        expect([one.settled, two.settled, three.settled]).toEqual(['lost', 'ack', 'lost'])
        const taken = await takeAll(queue)
        expect(taken.map(({ body, redelivered }) => [body, redelivered])).toEqual([
          [1, true],
          [3, true],
          [4, false],
          [5, false],
        ])
      },
    )
  }

  for (const type of ['classic', 'quorum'] as const) {
    scenario(`of a closed consumer come back to a ${type} queue before those it never saw`, async ({ bus }) => {
      const queue = await bus.declareQueue<number>('q', { type })
      for (const body of [1, 2, 3, 4, 5]) await queue.send(body)
      const consumer = queue.createConsumer({ prefetch: 4 })
      const iterator = consumer[Symbol.asyncIterator]()
      for (let i = 0; i < 2; i++) await iterator.next()
      await consumer.close()
      const taken = await takeAll(queue)
      expect(taken.map(({ body, redelivered }) => [body, redelivered])).toEqual([
        [1, true],
        [2, true],
        [3, false],
        [4, false],
        [5, false],
      ])
    })
  }
})
