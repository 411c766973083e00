// Rejects what it cannot read, as one should, from a queue that has nowhere to put it.
import type { Bus } from 'leveret'
import type { Channel } from 'leveret/amqplib'

async function buggy(bus: Bus) {
  const orders = await bus.declareQueue<{ id?: number }>('orders')
  orders.createConsumer().consume((delivery) => {
    if (delivery.body.id === undefined) delivery.reject(new Error('an order without an id'))
    else delivery.ack()
  })
}

async function corrected(bus: Bus) {
  const orders = await bus.declareQueue<{ id?: number }>('orders', { deadLetter: 'orders.dead' })
  orders.createConsumer().consume((delivery) => {
    if (delivery.body.id === undefined) delivery.reject(new Error('an order without an id'))
    else delivery.ack()
  })
}

async function buggyAmqplib(channel: Channel) {
  await channel.assertQueue('orders')
  await consume(channel)
}

async function correctedAmqplib(channel: Channel) {
  await channel.assertQueue('orders.dead')
  await channel.assertQueue('orders', { deadLetterExchange: '', deadLetterRoutingKey: 'orders.dead' })
  await consume(channel)
}

async function consume(channel: Channel) {
  await channel.consume('orders', (message) => {
    if (message === null) return
    if (JSON.parse(message.content.toString()).id === undefined) channel.nack(message, false, false)
    else channel.ack(message)
  })
}

export const missingDeadLetterExchange = { buggy, corrected, buggyAmqplib, correctedAmqplib }
