// Gives back what it cannot handle, gets it again at once, and so on for ever.
import type { Bus } from 'leveret'
import type { Channel } from 'leveret/amqplib'

async function buggy(bus: Bus, charge: (order: string) => void) {
  const orders = await bus.declareQueue<string>('orders')
  orders.createConsumer().consume((delivery) => {
    try {
      charge(delivery.body)
      delivery.ack()
    } catch {
      delivery.requeue()
    }
  })
}

async function corrected(bus: Bus, charge: (order: string) => void) {
  const orders = await bus.declareQueue<string>('orders', { deadLetter: 'orders.dead' })
  orders.createConsumer().consume((delivery) => {
    try {
      charge(delivery.body)
      delivery.ack()
    } catch (error) {
      delivery.reject(error)
    }
  })
}

async function buggyAmqplib(channel: Channel, charge: (order: string) => void) {
  await channel.assertQueue('orders')
  await channel.consume('orders', (message) => {
    if (message === null) return
    try {
      charge(message.content.toString())
      channel.ack(message)
    } catch {
      channel.nack(message)
    }
  })
}

async function correctedAmqplib(channel: Channel, charge: (order: string) => void) {
  await channel.assertQueue('orders.dead')
  await channel.assertQueue('orders', { deadLetterExchange: '', deadLetterRoutingKey: 'orders.dead' })
  await channel.consume('orders', (message) => {
    if (message === null) return
    try {
      charge(message.content.toString())
      channel.ack(message)
    } catch {
      channel.nack(message, false, false)
    }
  })
}

export const requeueLoop = { buggy, corrected, buggyAmqplib, correctedAmqplib }
