// @golevelup/nestjs-rabbitmq, as it is on npm, in a NestJS application on leveret/amqplib.
import 'reflect-metadata'
import './stand-in.js'
import { AmqpConnection, Nack, RabbitMQModule, RabbitRPC, RabbitSubscribe } from '@golevelup/nestjs-rabbitmq'
import { type INestApplicationContext, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { dropConnections, reset, useBroker } from 'leveret/amqplib'
import { assertDeadLettered, type TestKit, testBroker } from 'leveret/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

interface Order {
  readonly id: number
}

interface Context {
  readonly fields: { readonly redelivered: boolean; readonly routingKey: string }
}

/** What the application's handlers saw, and what they do next. */
class Orders {
  readonly seen: (Order & { readonly key: string; readonly redelivered: boolean })[] = []
  work: (order: Order) => unknown = () => undefined

  async placed(order: Order, { fields }: Context): Promise<unknown> {
    this.seen.push({ id: order.id, key: fields.routingKey, redelivered: fields.redelivered })
    return this.work(order)
  }

  async total({ prices }: { readonly prices: readonly number[] }): Promise<number> {
    return prices.reduce((sum, price) => sum + price, 0)
  }
}

/** n.b. what `@RabbitSubscribe(…)` above the method does: its decorators are of the kind before the standard. */
function decorate(method: 'placed' | 'total', decorator: MethodDecorator): void {
  const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, method)
  decorator(Orders.prototype, method, descriptor as PropertyDescriptor)
}
decorate(
  'placed',
  RabbitSubscribe({
    exchange: 'orders',
    routingKey: 'order.*',
    queue: 'placed',
    queueOptions: { deadLetterExchange: '', deadLetterRoutingKey: 'refused' },
    // n.b. by default the library would nack on the channel whose ack it could not send, and reject unhandled.
    errorHandler: (channel, message, error) => {
      if (error.name !== 'IllegalOperationError') channel.nack(message)
    },
  }),
)
decorate('total', RabbitRPC({ exchange: 'orders', routingKey: 'total', queue: 'totals' }))

class Shop {}
Module({
  imports: [
    RabbitMQModule.forRoot({
      uri: 'amqp://guest:guest@localhost:5672',
      exchanges: [{ name: 'orders', type: 'topic' }],
      queues: [{ name: 'refused' }],
      prefetchCount: 3,
      connectionManagerOptions: { heartbeatIntervalInSeconds: 0, reconnectTimeInSeconds: 0.001 },
    }),
  ],
  providers: [Orders],
})(Shop)

let kit: TestKit
let shop: INestApplicationContext | undefined
beforeEach(() => {
  // n.b. the library settles over connections that are lost, and connects again on timers of its own.
  kit = testBroker({ compatibility: '3.10', clock: 'platform' })
  useBroker(kit.broker)
})
afterEach(async () => {
  await kit.verify()
  await shop?.close()
  await reset()
})

async function open() {
  shop = await NestFactory.createApplicationContext(Shop, { logger: false })
  return { orders: shop.get(Orders), amqp: shop.get(AmqpConnection) }
}

describe('@golevelup/nestjs-rabbitmq on leveret/amqplib', () => {
  test('hands a published message to the handler that subscribed', async () => {
    const { orders, amqp } = await open()
    await kit.settled(() => amqp.publish('orders', 'order.placed', { id: 1 }))
    expect(orders.seen).toEqual([{ id: 1, key: 'order.placed', redelivered: false }])
    expect(kit.acked.count({ queue: 'placed' })).toBe(1)
  })

  test('answers a request by direct reply-to', async () => {
    const { amqp } = await open()
    const request = { exchange: 'orders', routingKey: 'total', payload: { prices: [1, 2, 3] } }
    expect(await amqp.request<number>(request)).toBe(6)
  })

  test('comes back to a message whose handler failed, and dead-letters one that it refused', async () => {
    const { orders, amqp } = await open()
    let failures = 0
    orders.work = ({ id }) => {
      if (id === 2) return new Nack(false)
      if (++failures === 1) throw new Error('not yet')
      return undefined
    }
    await amqp.publish('orders', 'order.placed', { id: 1 })
    await amqp.publish('orders', 'order.placed', { id: 2 })
    await kit.settled()
    const key = 'order.placed'
    expect(orders.seen.filter(({ id }) => id === 1)).toEqual([
      { id: 1, key, redelivered: false },
      { id: 1, key, redelivered: true },
    ])
    assertDeadLettered(kit, { queue: 'placed', body: { id: 2 } }, { times: 1 })
  })

  test.each([
    ['lost', dropConnections],
    ['closed by an operator', () => kit.bus.closeConnections('maintenance')],
  ])(
    'loses nothing and doubles nothing unflagged when the connection is %s under handlers and publishes',
    async (_, lose) => {
      const { orders, amqp } = await open()
      let release = (): void => undefined
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      orders.work = () => held
      const sent = new Map<number, number>()
      const send = async (id: number): Promise<void> => {
        sent.set(id, (sent.get(id) ?? 0) + 1)
        await amqp.publish('orders', 'order.placed', { id }).catch(() => send(id))
      }
      for (const id of [1, 2, 3, 4]) await send(id)
      await vi.waitFor(() => expect(orders.seen.map(({ id }) => id)).toEqual([1, 2, 3]))

      const unconfirmed = [5, 6].map(send)
      await undefined
      lose()
      unconfirmed.push(send(7))
      await Promise.all(unconfirmed)
      await vi.waitFor(() => expect(orders.seen).toHaveLength(6))
      release()
      await kit.settled()

      const seen = (wanted: boolean) =>
        orders.seen.filter(({ redelivered }) => redelivered === wanted).map(({ id }) => id)
      expect(seen(true)).toEqual([1, 2, 3])
      expect(new Set(seen(false))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]))
      for (const [id, times] of sent)
        expect(seen(false).filter((each) => each === id).length).toBeLessThanOrEqual(times)
      expect(Math.max(...sent.values())).toBe(2)
    },
  )
})
