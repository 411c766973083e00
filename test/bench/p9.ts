/** P9: what a broker costs to make, and what idle queues weigh. */
import type { VirtualHost } from 'leveret'
import { type Bar, heapUsed, type Variant, variant } from './harness.js'

const QUEUES = 100_000

const firstMessage: Variant = variant(4_000, 8_000, async () => {
  const { Broker } = await import('leveret')
  const body = { id: 1 }
  const once = async (): Promise<void> => {
    const broker = new Broker()
    const queue = await broker.virtualHost('/').declareQueue<typeof body>('orders')
    const producer = queue.createProducer()
    await new Promise<void>((resolve) => {
      queue.createConsumer().consume((delivery) => {
        delivery.ack()
        resolve()
      })
      producer.publish(body)
    })
  }
  return async (count) => {
    for (let i = 0; i < count; i++) await once()
  }
})

/** Bytes of each of many queues that have nothing to do. */
const idle = (add: (bus: VirtualHost, name: string) => unknown): Variant => ({
  flags: ['--expose-gc'],
  prepare: async () => {
    const { Broker } = await import('leveret')
    const make = async (count: number): Promise<() => number> => {
      const bus = new Broker().virtualHost('/')
      for (let i = 0; i < count; i++) await add(bus, `queue-${i}`)
      return () => bus.queues().length
    }
    await make(1000)
    return async () => {
      const before = heapUsed()
      const count = await make(QUEUES)
      const bytes = (heapUsed() - before) / QUEUES
      if (count() !== QUEUES) throw new Error('queues were lost')
      return { bytes }
    }
  },
})

export const bar: Bar = {
  id: 'P9',
  title: 'new Broker, queue, producer, consumer, first message; 100,000 idle queues',
  variants: {
    leveret: firstMessage,
    queues: idle((bus, name) => bus.declareQueue(name)),
    'with consumers': idle(async (bus, name) => {
      const queue = await bus.declareQueue(name)
      queue.createConsumer().consume((delivery) => delivery.ack())
    }),
  },
  comparisons: [
    { title: 'until the first message is acknowledged', unit: 'µs', value: (of) => of('leveret') / 1000, atMost: 25 },
    { title: 'an idle queue', unit: 'bytes', value: (of) => of('queues', 'bytes'), atMost: 800 },
    {
      title: 'an idle queue with its consumer and channel',
      unit: 'bytes',
      value: (of) => of('with consumers', 'bytes'),
      atMost: 2200,
    },
  ],
}
