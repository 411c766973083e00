// The same under node:test, with assertions that are functions: `node --test`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAcked, assertDeadLettered, assertReady, assertRoutes, testBroker } from 'leveret/testing'

/** The application: it sends a mail for each order. */
async function startMailing(bus, mail) {
  const orders = await bus.declareExchange('orders', 'topic')
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
    const sent = []
    const { orders, mails } = await startMailing(kit.bus, async (to) => void sent.push(to))
    assertRoutes(orders, 'order.paid', mails)
    await kit.settled(() => orders.send('order.paid', { customer: 'ada' }))
    assert.deepEqual(sent, ['ada'])
    assertAcked(kit, { queue: mails, body: { customer: 'ada' } })
  }))

test('tries three times, and keeps what cannot be sent', () =>
  testBroker(async (kit) => {
    const { orders } = await startMailing(kit.bus, () => Promise.reject(new Error('the mail server is down')))
    await orders.send('order.paid', { customer: 'ada' })
    await kit.advance('10m')
    assert.deepEqual(
      Array.from(kit.delivered, ({ at }) => at),
      [0, 60_000, 180_000],
    )
    assertDeadLettered(kit, { queue: 'mails', body: { customer: 'ada' } }, { times: 1 })
    assertReady(kit.bus.queue('mails.dead'), 1)
  }))
