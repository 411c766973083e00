// Sends within a handler and does not wait: the order is acknowledged, whether the mail got anywhere or not.
import type { Bus } from 'leveret'

async function buggy(bus: Bus) {
  const [orders, mails] = [await bus.declareQueue<string>('orders'), await bus.declareQueue<string>('mails')]
  orders.createConsumer().run(({ body }) => {
    // biome-ignore lint/nursery/noFloatingPromises: this is the bug
    mails.send(`thanks for ${body}`)
  })
}

async function corrected(bus: Bus) {
  const [orders, mails] = [await bus.declareQueue<string>('orders'), await bus.declareQueue<string>('mails')]
  orders.createConsumer().run(async ({ body }) => {
    await mails.send(`thanks for ${body}`)
  })
}

export const unawaitedSend = { buggy, corrected }
