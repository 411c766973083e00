// vitest, with amqplib replaced by a setup file: in code of the application's, and in node_modules.
import { connect as manage } from 'amqp-connection-manager'
import amqplib, { connect } from 'amqplib'
import { brokerOf, reset } from 'leveret/amqplib'
import { afterEach, expect, test } from 'vitest'
import orders from './orders.cjs'

afterEach(reset)

test('is leveret, imported by any name', () => {
  expect(typeof amqplib.brokerOf).toBe('function')
  expect(connect).toBe(amqplib.connect)
})

test('is sent by amqplib and received by a library in node_modules, in CommonJS', async () => {
  await orders.send('one')
  expect(await orders.count()).toBe(1)
  expect(await orders.receive()).toBe('one')
})

test('reaches a library in node_modules, in ESM', async () => {
  const connection = manage('amqp://localhost:1')
  const channel = connection.createChannel({ setup: (raw) => raw.assertQueue('orders') })
  await channel.sendToQueue('orders', 'two')
  await connection.close()
  expect(brokerOf('amqp://localhost:1').virtualHost('/').peek('orders')).toHaveLength(1)
})
