// Pays again when a message comes again, as every message may.
import type { Bus } from 'leveret'

type Pay = (amount: number) => void

async function buggy(bus: Bus, pay: Pay) {
  const payments = await bus.declareQueue<number>('payments')
  payments.createConsumer().run(({ body }) => pay(body))
}

async function corrected(bus: Bus, pay: Pay) {
  const payments = await bus.declareQueue<number>('payments')
  const paid = new Set<string | undefined>()
  payments.createConsumer().run(({ body, properties }) => {
    if (paid.has(properties.messageId)) return
    paid.add(properties.messageId)
    pay(body)
  })
}

export const nonIdempotentHandler = { buggy, corrected }
