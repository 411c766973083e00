// The RMQ transport of @nestjs/microservices on leveret/amqplib: requests, events, errors, a connection that is lost.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import microservices from '@nestjs/microservices'
import { brokerOf, dropConnections, reset } from 'leveret/amqplib'
import { firstValueFrom } from 'rxjs'

const { ClientProxyFactory, Ctx, EventPattern, MessagePattern, Payload, RpcException, Transport } = microservices

const seen = []

class Orders {
  total(prices) {
    return prices.reduce((sum, price) => sum + price, 0)
  }
  fail() {
    throw new RpcException('no such order')
  }
  placed(order, context) {
    seen.push(order)
    context.getChannelRef().ack(context.getMessage())
  }
}
/** n.b. what `@MessagePattern(…)` above a method does; Node runs no decorators. */
const decorate = (name, decorator) =>
  decorator(Orders.prototype, name, Object.getOwnPropertyDescriptor(Orders.prototype, name))
decorate('total', MessagePattern('total'))
decorate('fail', MessagePattern('fail'))
decorate('placed', EventPattern('placed'))
Payload()(Orders.prototype, 'placed', 0)
Ctx()(Orders.prototype, 'placed', 1)
Controller()(Orders)

class Shop {}
Module({ controllers: [Orders] })(Shop)

const socketOptions = { heartbeatIntervalInSeconds: 0, reconnectTimeInSeconds: 0.001 }
const connection = (queue, more) => ({
  transport: Transport.RMQ,
  options: { urls: ['amqp://localhost:5672'], queue, queueOptions: { durable: true }, socketOptions, ...more },
})

let shops
let client
beforeEach(async () => {
  seen.length = 0
  shops = []
  for (const [queue, noAck] of [
    ['requests', true],
    ['events', false],
  ]) {
    const shop = await NestFactory.createMicroservice(Shop, { ...connection(queue, { noAck }), logger: false })
    await shop.listen()
    shops.push(shop)
  }
})
afterEach(async () => {
  await client.close()
  for (const shop of shops) await shop.close()
  await reset()
})

const open = async (queue) => {
  client = ClientProxyFactory.create(connection(queue))
  await client.connect()
}

async function until(isSo) {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 200, `expected ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('answers a request', async () => {
  await open('requests')
  assert.equal(await firstValueFrom(client.send('total', [1, 2, 3])), 6)
})

test('hands the error of a handler to who asked', async () => {
  await open('requests')
  await assert.rejects(firstValueFrom(client.send('fail', {})), (error) => {
    assert.equal(error.message ?? error, 'no such order')
    return true
  })
})

test('hands an event over until it is acknowledged', async () => {
  await open('events')
  await firstValueFrom(client.emit('placed', { id: 1 }), { defaultValue: undefined })
  await until(() => seen.length === 1)
  assert.deepEqual(seen, [{ id: 1 }])
  const unacked = () =>
    brokerOf()
      .virtualHost('/')
      .overview()
      .queues.find(({ name }) => name === 'events').stats.unacked
  await until(() => unacked() === 0)
})

test('serves again after a lost connection', async () => {
  await open('requests')
  assert.equal(await firstValueFrom(client.send('total', [1])), 1)
  const statuses = []
  client.status.subscribe((status) => statuses.push(status))
  dropConnections()
  const consumers = () =>
    brokerOf()
      .virtualHost('/')
      .overview()
      .queues.find(({ name }) => name === 'requests').consumers.length
  await until(() => consumers() === 0)
  // n.b. the client has a connection of its own, and refuses to send while it is lost.
  await until(() => consumers() === 1 && statuses.includes('disconnected') && statuses.at(-1) === 'connected')
  assert.equal(await firstValueFrom(client.send('total', [1, 2])), 3)
})
