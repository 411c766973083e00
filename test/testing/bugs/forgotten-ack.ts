// Returns early on a branch, and forgets the acknowledgement there.
import type { Bus } from 'leveret'
import type { Channel } from 'leveret/amqplib'

interface Order {
  readonly amount: number
}

async function buggy(bus: Bus, charge: (order: Order) => void) {
  const orders = await bus.declareQueue<Order>('orders')
  orders.createConsumer().consume((delivery) => {
    if (delivery.body.amount === 0) return
    charge(delivery.body)
    delivery.ack()
  })
}

async function corrected(bus: Bus, charge: (order: Order) => void) {
  const orders = await bus.declareQueue<Order>('orders')
  orders.createConsumer().consume((delivery) => {
    if (delivery.body.amount > 0) charge(delivery.body)
    delivery.ack()
  })
}

async function buggyAmqplib(channel: Channel, charge: (order: Order) => void) {
  await channel.assertQueue('orders')
  await channel.consume('orders', (message) => {
    if (message === null) return
    const order: Order = JSON.parse(message.content.toString())
    if (order.amount === 0) return
    charge(order)
    channel.ack(message)
  })
}

async function correctedAmqplib(channel: Channel, charge: (order: Order) => void) {
  await channel.assertQueue('orders')
  await channel.consume('orders', (message) => {
    if (message === null) return
    const order: Order = JSON.parse(message.content.toString())
    if (order.amount > 0) charge(order)
    channel.ack(message)
  })
}

export const forgottenAck = { buggy, corrected, buggyAmqplib, correctedAmqplib }
