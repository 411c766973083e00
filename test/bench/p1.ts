/** P1: publish -> direct exchange with 10 bindings -> queue -> consume callback -> ack. */
import type { QueueOptions } from 'leveret'
import { type Bar, Countdown, seen, type Variant, variant } from './harness.js'

export interface Order {
  readonly id: number
}

/** Messages published before consumers get a chance. */
const BURST = 100

/** Publishes in bursts, and lets consumers run in between; longer when the producer is told to wait. */
async function inBursts(count: number, publish: (id: number) => boolean, drained: () => Promise<void>): Promise<void> {
  for (let id = 0; id < count; ) {
    let free = true
    for (const end = Math.min(id + BURST, count); id < end; id++) if (!publish(id)) free = false
    await (free ? undefined : drained())
  }
}

const never = Promise.resolve()

/** P1 with leveret: what other bars vary and compare with. */
export async function prepareLeveret(options: QueueOptions = {}): Promise<(count: number) => Promise<void>> {
  const { Broker } = await import('leveret')
  const bus = new Broker().virtualHost('/')
  const exchange = await bus.declareExchange<Record<string, Order>>('orders', 'direct')
  for (let i = 0; i < 10; i++) {
    await bus.declareQueue<Order>(`orders-${i}`, { ...options, bindings: [exchange.key(`shop-${i}`)] })
  }
  const countdown = new Countdown()
  const consumer = bus.queue<Order>('orders-7').createConsumer({ prefetch: 100 })
  consumer.consume((delivery) => {
    seen.sum += delivery.body.id
    delivery.ack()
    countdown.tick()
  })
  const producer = exchange.createProducer()
  const publish = (id: number): boolean => producer.publish('shop-7', { id })
  const drained = (): Promise<void> => producer.drained()
  return async (count) => {
    const end = countdown.start(count)
    await inBursts(count, publish, drained)
    await end
  }
}

/** A variant of P1 with leveret. */
export const leveret = (options?: QueueOptions): Variant => variant(600_000, 400_000, () => prepareLeveret(options))

/** The same with smqp. */
export const smqp: Variant = variant(20_000, 20_000, async () => {
  const { Broker } = await import('smqp')
  const broker = new Broker()
  broker.assertExchange('orders', 'direct', { autoDelete: false })
  for (let i = 0; i < 10; i++) {
    broker.assertQueue(`orders-${i}`, { autoDelete: false })
    broker.bindQueue(`orders-${i}`, 'orders', `shop-${i}`)
  }
  const countdown = new Countdown()
  broker.consume(
    'orders-7',
    (_key, message) => {
      seen.sum += (message.content as Order).id
      message.ack()
      countdown.tick()
    },
    { prefetch: 100 },
  )
  const publish = (id: number): boolean => {
    broker.publish('orders', 'shop-7', { id })
    return true
  }
  return async (count) => {
    const end = countdown.start(count)
    await inBursts(count, publish, () => never)
    await end
  }
})

/** The floor: no queue, no acknowledgement, the listener runs inside the publisher. */
const emit: Variant = variant(4_000_000, 4_000_000, async () => {
  const { EventEmitter } = await import('eventemitter3')
  const emitter = new EventEmitter<{ 'shop-7': [Order] }>()
  const countdown = new Countdown()
  emitter.on('shop-7', (order) => {
    seen.sum += order.id
    countdown.tick()
  })
  const publish = (id: number): boolean => emitter.emit('shop-7', { id })
  return async (count) => {
    const end = countdown.start(count)
    await inBursts(count, publish, () => never)
    await end
  }
})

export const bar: Bar = {
  id: 'P1',
  title: 'publish -> direct exchange, 10 bindings -> queue -> consume callback -> ack; prefetch 100, object body',
  variants: { leveret: leveret(), smqp, emit },
  comparisons: [
    { title: 'times as fast as smqp', value: (of) => of('smqp') / of('leveret'), atLeast: 40 },
    { title: "share of eventemitter3's emit", value: (of) => of('emit') / of('leveret'), atLeast: 1 / 10 },
  ],
}
