// Acknowledges, then works: when the work fails, the message is gone.
import type { Bus } from 'leveret'

async function buggy(bus: Bus, charge: (order: string) => Promise<void>) {
  const orders = await bus.declareQueue<string>('orders')
  orders.createConsumer().consume(async (delivery) => {
    delivery.ack()
    await charge(delivery.body)
  })
}

async function corrected(bus: Bus, charge: (order: string) => Promise<void>) {
  const orders = await bus.declareQueue<string>('orders', { retry: { attempts: 3, minDelay: 1_000 } })
  orders.createConsumer().consume(async (delivery) => {
    try {
      await charge(delivery.body)
      delivery.ack()
    } catch (error) {
      delivery.retry(error)
    }
  })
}

export const ackBeforeWork = { buggy, corrected }
