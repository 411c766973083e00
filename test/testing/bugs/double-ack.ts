// Acknowledges in the handler, and once more in its `finally`.
import type { Bus } from 'leveret'
import type { Channel } from 'leveret/amqplib'

async function buggy(bus: Bus, charge: (order: string) => void) {
  const orders = await bus.declareQueue<string>('orders')
  orders.createConsumer().consume((delivery) => {
    try {
      charge(delivery.body)
      delivery.ack()
    } finally {
      delivery.ack()
    }
  })
}

async function corrected(bus: Bus, charge: (order: string) => void) {
  const orders = await bus.declareQueue<string>('orders')
  orders.createConsumer().run(({ body }) => charge(body))
}

async function buggyAmqplib(channel: Channel, charge: (order: string) => void) {
  await channel.assertQueue('orders')
  await channel.consume('orders', (message) => {
    if (message === null) return
    try {
      charge(message.content.toString())
      channel.ack(message)
    } finally {
      channel.ack(message)
    }
  })
}

async function correctedAmqplib(channel: Channel, charge: (order: string) => void) {
  await channel.assertQueue('orders')
  await channel.consume('orders', (message) => {
    if (message === null) return
    charge(message.content.toString())
    channel.ack(message)
  })
}

export const doubleAck = { buggy, corrected, buggyAmqplib, correctedAmqplib }
