// A retry with backoff and a dead letter under vitest, without a server and without sleeping: `npx vitest run`.
import type { Bus } from 'leveret'
import { matchers, testBroker } from 'leveret/testing'
import { expect, test } from 'vitest'

expect.extend(matchers)

/** The application: it sends a mail for each order. */
async function startMailing(bus: Bus, mail: (to: string) => Promise<void>) {
  const orders = await bus.declareExchange<{ 'order.paid': { customer: string } }>('orders', 'topic')
  const retry = { attempts: 3, minDelay: 60_000 }
  const mails = await bus.declareQueue('mails', {
    bindings: [orders.key('order.paid')],
    retry,
    deadLetter: 'mails.dead',
  })
  mails.createConsumer().run(({ body }) => mail(body.customer))
  return { orders, mails }
}

test('sends a mail for each order', () =>
  testBroker(async (kit) => {
    const sent: string[] = []
    const { orders, mails } = await startMailing(kit.bus, async (to) => void sent.push(to))
    expect(orders).toRoute('order.paid', mails)
    await kit.settled(() => orders.send('order.paid', { customer: 'ada' }))
    expect(sent).toEqual(['ada'])
    expect(kit).toHaveBeenAcked({ queue: mails, body: { customer: 'ada' } })
    expect(mails).toBeEmpty()
  }))

test('tries three times, and keeps what cannot be sent', () =>
  testBroker(async (kit) => {
    const { orders, mails } = await startMailing(kit.bus, () => Promise.reject(new Error('the mail server is down')))
    await orders.send('order.paid', { customer: 'ada' })
    await kit.advance('10m')
    expect(Array.from(kit.delivered, ({ at }) => at)).toEqual([0, 60_000, 180_000])
    expect(mails).toHaveDeadLettered({ body: { customer: 'ada' } }, { times: 1 })
    expect(kit.bus.queue('mails.dead')).toHaveReady(1)
  }))
