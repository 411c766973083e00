// Catches the error, and acknowledges all the same: nobody will ever know.
import type { Bus } from 'leveret'

async function buggy(bus: Bus, charge: (order: string) => void) {
  const orders = await bus.declareQueue<string>('orders', { deadLetter: 'orders.dead' })
  orders.createConsumer().run(({ body }) => {
    try {
      charge(body)
    } catch {
      // It will be all right.
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

export const lostError = { buggy, corrected }
