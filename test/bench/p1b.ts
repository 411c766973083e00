/** P1b, the recommended path: `await queue.send()` and `run(async handler)`. */
import { type Bar, Countdown, seen, type Variant, variant } from './harness.js'
import type { Order } from './p1.js'

const leveret = (concurrency: number): Variant =>
  variant(300_000, 300_000, async () => {
    const { Broker } = await import('leveret')
    const queue = await new Broker().virtualHost('/').declareQueue<Order>('orders')
    const countdown = new Countdown()
    queue.createConsumer().run(
      async (delivery) => {
        seen.sum += delivery.body.id
        countdown.tick()
      },
      { concurrency },
    )
    return async (count) => {
      const end = countdown.start(count)
      for (let id = 0; id < count; id++) await queue.send({ id })
      await end
    }
  })

/** smqp answers a publish at once and knows no handlers that return promises: both are a line around it. */
const smqp: Variant = variant(20_000, 20_000, async () => {
  const { Broker } = await import('smqp')
  const broker = new Broker()
  broker.assertQueue('orders', { autoDelete: false })
  const countdown = new Countdown()
  const handle = async (order: Order): Promise<void> => {
    seen.sum += order.id
    countdown.tick()
  }
  broker.consume(
    'orders',
    async (_key, message) => {
      await handle(message.content as Order)
      message.ack()
    },
    { prefetch: 100 },
  )
  const send = async (order: Order): Promise<void> => {
    broker.sendToQueue('orders', order)
  }
  return async (count) => {
    const end = countdown.start(count)
    for (let id = 0; id < count; id++) await send({ id })
    await end
  }
})

/** The floor: what the language takes for an awaited call. */
const promises: Variant = variant(3_000_000, 2_000_000, () => {
  const resolved = Promise.resolve()
  const send = (order: Order): Promise<void> => {
    seen.sum += order.id
    return resolved
  }
  return async (count) => {
    for (let id = 0; id < count; id++) await send({ id })
  }
})

export const bar: Bar = {
  id: 'P1b',
  title: 'await queue.send() -> run(async handler), one at a time',
  variants: { leveret: leveret(1), 'leveret, concurrency 10': leveret(10), smqp, promises },
  comparisons: [
    { title: 'times as fast as smqp', value: (of) => of('smqp') / of('leveret'), atLeast: 12 },
    { title: 'share of an awaited-promise loop', value: (of) => of('promises') / of('leveret'), atLeast: 1 / 6 },
    {
      title: 'concurrency 10: times as fast as smqp',
      value: (of) => of('smqp') / of('leveret, concurrency 10'),
    },
    {
      title: 'concurrency 10: share of an awaited-promise loop',
      value: (of) => of('promises') / of('leveret, concurrency 10'),
    },
  ],
}
