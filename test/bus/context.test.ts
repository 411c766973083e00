/** Async context: handlers run in the one in which they were registered, never in a publisher's. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Consumer, Delivery, Queue } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { sendAll } from './helpers.js'

const context = new AsyncLocalStorage<string>()

type See = () => void

onEveryEngine('the async context', (scenario) => {
  for (const [verb, attach] of [
    [
      'consume',
      (consumer, see) => {
        consumer.consume((delivery) => {
          see()
          delivery.ack()
        })
      },
    ],
    ['run', (consumer, see) => void consumer.run(see)],
    ['run with an async handler', (consumer, see) => void consumer.run(async () => see())],
    ['run with concurrency and keys', (consumer, see) => void consumer.run(see, { concurrency: 3, orderBy: see })],
    [
      'for await',
      (consumer, see) => {
        void (async () => {
          for await (const delivery of consumer) {
            see()
            delivery.ack()
          }
        })()
      },
    ],
  ] as const satisfies readonly (readonly [string, (consumer: Consumer, see: See) => void])[]) {
    scenario(`of ${verb} is that of its registration, for every message and from every publisher`, async ({ bus }) => {
      const queue = await bus.declareQueue('q')
      const seen: (string | undefined)[] = []
      const see = () => void seen.push(context.getStore())
      await context.run('publisher before', () => sendAll(queue, [1, 2]))
      context.run('registration', () => attach(queue.createConsumer(), see))
      await context.run('publisher', () => sendAll(queue, [3, 4]))
      await turn()
      context.run('later publisher', () => queue.publish(5))
      await turn()
      expect(await queue.stats()).toMatchObject({ acked: 5 })
      expect(seen.length).toBeGreaterThanOrEqual(5)
      expect(new Set(seen)).toEqual(new Set(['registration']))
    })
  }

  scenario('of a handler that changes it does not leak into the publisher or the next consumer', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const seen: (string | undefined)[] = []
    for (const name of ['one', 'two']) {
      context.run(name, () => {
        queue.createConsumer().run(() => {
          seen.push(context.getStore())
          context.run('inside', () => undefined)
        })
      })
    }
    await context.run('publisher', async () => {
      await sendAll(queue, [1, 2, 3, 4])
      await turn()
      expect(context.getStore()).toBe('publisher')
    })
    expect(seen.sort()).toEqual(['one', 'one', 'two', 'two'])
  })

  scenario('of a retried handler is still that of its registration', { needs: ['time'] }, async ({ bus, advance }) => {
    const queue: Queue<number> = await bus.declareQueue('q')
    const seen: (string | undefined)[] = []
    context.run('registration', () => {
      queue
        .createConsumer()
        .on('failed', () => undefined)
        .run((delivery: Delivery) => {
          seen.push(context.getStore())
          if (!delivery.redelivered) throw new Error('once')
        })
    })
    await context.run('publisher', () => queue.send(1))
    await context.run('whoever moves the clock', () => advance(1000))
    expect(seen).toEqual(['registration', 'registration'])
  })
})
