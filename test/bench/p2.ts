/** P2: the same as P1, received by `for await` with manual acknowledgement: in bursts, and one by one to and fro. */
import { type Bar, Countdown, seen, type Variant, variant } from './harness.js'
import { type Order, smqp } from './p1.js'

const BURST = 100

/** A burst is published when the one before is worked off. */
const bursts: Variant = variant(400_000, 400_000, async () => {
  const { Broker } = await import('leveret')
  const bus = new Broker().virtualHost('/')
  const exchange = await bus.declareExchange<Record<string, Order>>('orders', 'direct')
  for (let i = 0; i < 10; i++) await bus.declareQueue(`orders-${i}`, { bindings: [exchange.key(`shop-${i}`)] })
  const countdown = new Countdown()
  const receive = async (): Promise<void> => {
    for await (const delivery of bus.queue<Order>('orders-7').createConsumer({ prefetch: 100 })) {
      seen.sum += delivery.body.id
      delivery.ack()
      countdown.tick()
    }
  }
  void receive()
  const producer = exchange.createProducer()
  return async (count) => {
    for (let id = 0; id < count; ) {
      const worked = countdown.start(Math.min(BURST, count - id))
      for (const end = Math.min(id + BURST, count); id < end; id++) producer.publish('shop-7', { id })
      await worked
    }
  }
})

/** Two loops that answer each other: neither finds a message waiting for it. */
const pingPong: Variant = variant(300_000, 300_000, async () => {
  const { Broker } = await import('leveret')
  const bus = new Broker().virtualHost('/')
  const [pings, pongs] = await Promise.all([bus.declareQueue<Order>('pings'), bus.declareQueue<Order>('pongs')])
  const countdown = new Countdown()
  const answer = async (from: typeof pings, to: typeof pings): Promise<void> => {
    let left = 0
    for await (const delivery of from.createConsumer()) {
      left = delivery.body.id
      delivery.ack()
      countdown.tick()
      if (left > 1) to.publish({ id: left - 1 })
    }
  }
  void answer(pings, pongs)
  void answer(pongs, pings)
  return async (count) => {
    const end = countdown.start(count)
    pings.publish({ id: count })
    await end
  }
})

/** The floor: `for await` over an iterator by hand that always has an answer. */
const forAwait: Variant = variant(2_000_000, 2_000_000, () => {
  return async (count) => {
    let id = 0
    const iterator: AsyncIterableIterator<Order> = {
      next: () => Promise.resolve(id < count ? { value: { id: id++ }, done: false } : { value: undefined, done: true }),
      [Symbol.asyncIterator]: () => iterator,
    }
    for await (const order of iterator) seen.sum += order.id
  }
})

export const bar: Bar = {
  id: 'P2',
  title: 'the same by for await, with manual acknowledgement',
  variants: { bursts, 'ping-pong': pingPong, smqp, 'for await': forAwait },
  comparisons: [
    { title: 'bursts: times as fast as smqp by callback', value: (of) => of('smqp') / of('bursts'), atLeast: 20 },
    { title: 'bursts: share of a bare for await', value: (of) => of('for await') / of('bursts'), atLeast: 1 / 3 },
    { title: 'ping-pong: share of a bare for await', value: (of) => of('for await') / of('ping-pong'), atLeast: 1 / 5 },
  ],
}
