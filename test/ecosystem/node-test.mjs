// node:test, with amqplib replaced by what `--import` loads first: in ESM, in CommonJS, and in node_modules.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import amqplib, { connect } from 'amqplib'
import callbackApi from 'amqplib/callback_api'
import * as leveret from 'leveret/amqplib'
import orders from './orders.cjs'

afterEach(leveret.reset)

test('is leveret, imported by any name', () => {
  assert.equal(typeof amqplib.brokerOf, 'function')
  assert.equal(connect, amqplib.connect)
  assert.equal(typeof callbackApi.brokerOf, 'function')
})

test('is sent by amqplib and received by a library in node_modules', async () => {
  await orders.send('one')
  assert.equal(await orders.count(), 1)
  assert.equal(leveret.brokerOf('amqp://localhost:1').virtualHost('/').peek('orders').length, 1)
  assert.equal(await orders.receive(), 'one')
})

test('finds nothing of the test before', async () => {
  await orders.send('two')
  assert.equal(await orders.count(), 1)
})
