/**
 * Who gets a message is decided while it is published: 150 publishes in one turn to an idle consumer are all delivered,
 * whatever a broker that stores first would have dropped. Asked of RabbitMQ 3.10.8.
 */
import type { QueueOptions } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, upTo } from './helpers.js'

const BURST = upTo(150)

onEveryEngine('a burst of 150 publishes in one turn to an idle consumer', (scenario) => {
  for (const [what, options] of [
    ['a plain queue', {}],
    ['maxLength 1', { maxLength: 1 }],
    ['maxLength 0', { maxLength: 0 }],
    ['maxLengthBytes 0', { maxLengthBytes: 0 }],
    ['maxLength 1 and reject-publish', { maxLength: 1, overflow: 'reject-publish' }],
    ['maxLength 1 and block', { maxLength: 1, overflow: 'block' }],
    ['messageTtl 0', { messageTtl: 0 }],
    ['maxPriority 10', { maxPriority: 10 }],
    ['type quorum and maxLength 1', { type: 'quorum', maxLength: 1 }],
  ] as const satisfies readonly (readonly [string, QueueOptions])[]) {
    scenario(`is delivered whole, in order, with ${what}`, { needs: ['same-turn'] }, async ({ bus }) => {
      const queue = await bus.declareQueue<number>('q', options)
      const got = collect(queue.createConsumer({ prefetch: 0 }))
      let refused = 0
      const producer = queue.createProducer().on('refused', () => refused++)
      for (const body of BURST) producer.publish(body, { priority: body % 11 })
      expect(await queue.info()).toMatchObject({ messageCount: 0 })
      await turn()
      expect(bodies(got)).toEqual(BURST)
      expect(got.map(({ deliveryTag }) => deliveryTag)).toEqual(BURST)
      expect(refused).toBe(0)
    })
  }

  scenario('is refused whole with maxLength 0 and reject-publish', { needs: ['same-turn'] }, async ({ bus }) => {
    // LEN-06
    const queue = await bus.declareQueue<number>('q', { maxLength: 0, overflow: 'reject-publish' })
    const got = collect(queue.createConsumer({ prefetch: 0 }))
    const sent = await Promise.allSettled(BURST.map((body) => queue.send(body)))
    expect(sent.every((result) => result.status === 'rejected')).toBe(true)
    expect(got).toEqual([])
  })

  scenario('fills the credit of the consumer and then the queue', { needs: ['same-turn'] }, async ({ bus }) => {
    // LEN-01, LEN-14
    const queue = await bus.declareQueue<number>('q', { maxLength: 5 })
    const got = collect(queue.createConsumer({ prefetch: 10 }), (delivery) => delivery.ack())
    for (const body of BURST) queue.publish(body)
    expect(await queue.info()).toMatchObject({ messageCount: 5 })
    await turn()
    expect(bodies(got)).toEqual([...upTo(10), 146, 147, 148, 149, 150])
  })

  scenario('runs no consumer inside the publish', async ({ bus }) => {
    // law 1
    const queue = await bus.declareQueue<number>('q')
    const got = collect(queue.createConsumer())
    for (const body of BURST) queue.publish(body)
    expect(got).toEqual([])
    await turn()
    expect(got).toHaveLength(100)
  })
})
