/** P5: fan-out to 100 queues, delivered and acknowledged; and enqueued only. */
import { type Bar, Countdown, timed, type Variant, variant } from './harness.js'
import { leveret as p1 } from './p1.js'

const QUEUES = 100
/** Messages published before consumers get a chance: 1,000 copies. */
const BURST = 10

async function fanout(consume: boolean) {
  const { Broker } = await import('leveret')
  const bus = new Broker().virtualHost('/')
  const exchange = await bus.declareExchange<{ id: number }>('news', 'fanout')
  const countdown = new Countdown()
  for (let i = 0; i < QUEUES; i++) {
    const queue = await bus.declareQueue(`news-${i}`, { bindings: [exchange.key('')] })
    if (!consume) continue
    queue.createConsumer({ prefetch: 100 }).consume((delivery) => {
      delivery.ack()
      countdown.tick()
    })
  }
  return { bus, producer: exchange.createProducer(), countdown }
}

const delivered: Variant = variant(600_000, 600_000, async () => {
  const { producer, countdown } = await fanout(true)
  return async (copies) => {
    const end = countdown.start(copies)
    for (let id = 0; id < copies / QUEUES; ) {
      let free = true
      for (const last = id + BURST; id < last; id++) if (!producer.publish('', { id })) free = false
      await (free ? undefined : producer.drained())
    }
    await end
  }
})

const enqueued: Variant = {
  prepare: async () => {
    const { bus, producer } = await fanout(false)
    const work = async (copies: number): Promise<void> => {
      for (let id = 0; id < copies / QUEUES; id++) if (!producer.publish('', { id })) await producer.drained()
    }
    const purge = async (): Promise<void> => {
      for (let i = 0; i < QUEUES; i++) await bus.queue(`news-${i}`).purge()
    }
    for (let i = 0; i < 4; i++) {
      await work(200_000)
      await purge()
    }
    return async () => {
      const figures = await timed(600_000, work)
      await purge()
      return figures
    }
  },
}

const smqp: Variant = variant(20_000, 20_000, async () => {
  const { Broker } = await import('smqp')
  const broker = new Broker()
  broker.assertExchange('news', 'fanout', { autoDelete: false })
  const countdown = new Countdown()
  for (let i = 0; i < QUEUES; i++) {
    broker.assertQueue(`news-${i}`, { autoDelete: false })
    broker.bindQueue(`news-${i}`, 'news', '')
    const settle = (_key: string, message: { ack(): void }): void => {
      message.ack()
      countdown.tick()
    }
    broker.consume(`news-${i}`, settle, { prefetch: 100 })
  }
  return async (copies) => {
    const end = countdown.start(copies)
    for (let id = 0; id < copies / QUEUES; ) {
      for (const last = id + BURST; id < last; id++) broker.publish('news', '', { id })
      await undefined
    }
    await end
  }
})

export const bar: Bar = {
  id: 'P5',
  title: 'fan-out to 100 queues, delivered and acked; figures are those of a copy',
  variants: { delivered, enqueued, smqp, 'a message of P1': p1() },
  comparisons: [
    { title: "a copy, of P1's message", value: (of) => of('delivered') / of('a message of P1'), atMost: 0.9 },
    {
      title: "a copy that is enqueued only, of P1's message",
      value: (of) => of('enqueued') / of('a message of P1'),
      atMost: 1 / 3,
    },
    { title: "times as fast as smqp's fan-out", value: (of) => of('smqp') / of('delivered'), atLeast: 20 },
  ],
}
