// Assertions, as matchers and as functions, and what they say when they fail.
import { Broker } from 'leveret'
import { connect, reset, useBroker } from 'leveret/amqplib'
import {
  assertAcked,
  assertDeadLettered,
  assertEmpty,
  assertPublished,
  assertReady,
  assertRoutes,
  assertUnacked,
  matchers,
  type TestKit,
  testBroker,
} from 'leveret/testing'
import { afterEach, describe, expect, test } from 'vitest'

expect.extend(matchers)
afterEach(reset)

async function shop(kit: TestKit) {
  const { bus } = kit
  const orders = await bus.declareExchange('orders', 'topic')
  const mails = await bus.declareQueue('mails', { bindings: [orders.key('order.*')], deadLetter: 'dead' })
  const audit = await bus.declareQueue('audit', { bindings: [orders.key('order.#')] })
  return { orders, mails, audit, dead: bus.queue('dead') }
}

/** What the assertion throws, without lines and columns. */
function failure(act: () => void): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message.replaceAll(`${process.cwd()}/`, '').replaceAll(/(\.test\.ts):\d+:\d+/g, '$1')
  }
  return 'it did not fail'
}

describe('the matchers', () => {
  test('hold for a kit, its exchanges and its queues', async () => {
    await using kit = testBroker({ strict: false })
    const { orders, mails, audit, dead } = await shop(kit)
    expect(kit).toBeEmpty()
    expect(kit.published).toBeEmpty()
    orders.publish('order.paid', { id: 7 })
    expect(kit).toHavePublished()
    expect(kit).toHavePublished({ exchange: orders, key: 'order.*', body: { id: 7 } })
    expect(kit.published).toHavePublished({ key: 'order.paid' }, { times: 1 })
    expect(kit).not.toHavePublished({}, { times: 2 })
    expect(orders).toHavePublished({ key: 'order.paid' })
    expect(mails).toHavePublished({ body: { id: 7 } })
    expect(dead).not.toHavePublished()
    expect(mails).toHaveReady(1)
    expect(mails).toHaveReady()
    expect(mails).not.toHaveReady(2)
    expect(dead).toBeEmpty()
    expect(kit).not.toBeEmpty()
    const delivery = await mails.get()
    expect(mails).toHaveUnacked(1)
    expect(mails).not.toHaveReady()
    delivery?.reject()
    expect(mails).toHaveDeadLettered({ body: { id: 7 } })
    expect(kit).toHaveDeadLettered({ queue: 'mails' }, { times: 1 })
    expect(audit).not.toHaveDeadLettered()
    ;(await audit.get())?.ack()
    expect(audit).toHaveBeenAcked()
    expect(orders).toHaveBeenAcked({ queue: audit })
    expect(mails).not.toHaveBeenAcked()
    expect(kit.returned).toBeEmpty()
  })

  test('tell where a message would go', async () => {
    await using kit = testBroker()
    const { orders, mails } = await shop(kit)
    expect(orders).toRoute('order.paid')
    expect(orders).toRoute('order.paid', mails)
    expect(orders).toRoute('order.paid', ['audit', mails])
    expect(orders).not.toRoute('order.paid', ['audit'])
    expect(orders).not.toRoute('order.paid.eu', 'mails')
    expect(orders).not.toRoute('invoice')
    expect(orders).toRoute('invoice', [])
  })

  test('see what amqplib clients do', async () => {
    await using kit = testBroker({ strict: false })
    const { mails } = await shop(kit)
    useBroker(kit.broker)
    const channel = await (await connect('amqp://localhost')).createChannel()
    channel.publish('orders', 'order.paid', Buffer.from('{"id":7}'))
    expect(kit).toHavePublished({ exchange: 'orders', body: { id: 7 } })
    const message = await channel.get('mails')
    expect(mails).toHaveUnacked(1)
    if (message !== false) channel.nack(message, false, false)
    await kit.settled()
    expect(kit.bus.queue('mails')).toHaveDeadLettered({ body: { id: 7 } })
    expect(mails).toBeEmpty()
  })

  test('refuse what cannot be asserted', async () => {
    await using kit = testBroker({ strict: false })
    const { orders, mails } = await shop(kit)
    const strange = await new Broker().virtualHost('/').declareQueue('q')
    expect(() => expect(strange).toHaveReady(1)).toThrow(
      'toHaveReady: expected a kit, or a queue or an exchange of its broker',
    )
    expect(() => expect(1).toHavePublished()).toThrow('toHavePublished: expected a kit')
    expect(() => expect(kit).toHaveReady(1)).toThrow("toHaveReady: expected a queue, such as kit.bus.queue('jobs')")
    expect(() => expect(mails).toHaveReady(-1)).toThrow('toHaveReady: expected an integer from 0')
    expect(() => expect(kit.bus.queue('mail')).toHaveReady(1)).toThrow(
      "no queue 'mail' in vhost '/' (did you mean 'mails'?)",
    )
    expect(() => expect(kit).not.toHavePublished({ queue: 'mail' })).toThrow(
      "toHavePublished: option 'queue': expected the name of a queue that exists or did, got 'mail'; did you mean 'mails'?",
    )
    expect(() => expect(orders).toHavePublished({ exchange: 'x' })).toThrow("expected no 'exchange' in the filter")
    expect(() => expect(kit.acked).toHavePublished()).toThrow("expected a kit or its 'published', got its 'acked'")
    expect(() => expect(kit).toHavePublished({}, { tims: 1 } as object)).toThrow("did you mean 'times'?")
    expect(() => expect(orders).toRoute('order.paid', 'mail')).toThrow("did you mean 'mails'?")
    expect(() => expect(mails).toRoute('order.paid')).toThrow('toRoute: expected an exchange')
  })
})

describe('a failure', () => {
  test('of toHavePublished shows what came near, where it went, and the timeline', async () => {
    await using kit = testBroker({ strict: false })
    const { orders, mails } = await shop(kit)
    orders.publish('order.paid.eu', { id: 7 })
    expect(failure(() => expect(mails).toHavePublished({ body: { id: 7 } }))).toMatchInlineSnapshot(`
      "toHavePublished: it did not happen
      Expected a published message with
        queue: 'mails'
        body: { id: 7 }

      There is 1 published message. Nearest:
        'order.paid.eu' to exchange 'orders'  { id: 7 }, at 0, test/testing/matchers.test.ts
          queue: expected 'mails', got 'audit'

      Where it goes:
        'order.paid.eu' to exchange 'orders': 1 queue gets a copy

        topic exchange 'orders'
          ✗ 'order.*' → queue 'mails': 'eu' is left over
          ✓ 'order.#' → queue 'audit': # is 'paid.eu'

        queue 'audit', by 'orders'
          stored behind 1 ready message: it has no consumer

        near misses
          'order.*' of exchange 'orders' → queue 'mails': \`order.*\` takes exactly 2 words, the key has 3: use \`order.#\`?

      What waits:
        1 message is ready in queue 'audit', and no consumer takes it

      Timeline:
        0  published 'order.paid.eu' to exchange 'orders' → 'audit'  { id: 7 }  test/testing/matchers.test.ts"
    `)
    expect(failure(() => expect(kit).not.toHavePublished({ key: 'order.#' }))).toMatchInlineSnapshot(`
      "toHavePublished: not expected, and there is 1 published message with
        key: 'order.#'
        'order.paid.eu' to exchange 'orders'  { id: 7 }, at 0, test/testing/matchers.test.ts

      What waits:
        1 message is ready in queue 'audit', and no consumer takes it

      Timeline:
        0  published 'order.paid.eu' to exchange 'orders' → 'audit'  { id: 7 }  test/testing/matchers.test.ts"
    `)
  })

  test('of toHaveReady and toBeEmpty shows what is in the queue', async () => {
    await using kit = testBroker({ strict: false })
    const { mails } = await shop(kit)
    mails.publish({ id: 1 })
    mails.publish({ id: 2 })
    await mails.get()
    expect(failure(() => expect(mails).toHaveReady(2))).toMatchInlineSnapshot(`
      "toHaveReady: expected 2 ready messages in queue 'mails', it has 1 ready, 1 unacknowledged:
        { id: 2 }

      The bus is not at rest yet: kit.settled() waits for what is in flight, or says what it is.

      What waits:
        1 message is ready in queue 'mails', and no consumer takes it

      Timeline:
        0  published 'mails'  { id: 1 }  test/testing/matchers.test.ts
        0    delivered from 'mails' to a get
        0  published 'mails'  { id: 2 }  test/testing/matchers.test.ts"
    `)
    expect(failure(() => expect(mails).toBeEmpty())).toMatchInlineSnapshot(`
      "toBeEmpty: queue 'mails' has 1 ready, 1 unacknowledged:
        { id: 2 }

      The bus is not at rest yet: kit.settled() waits for what is in flight, or says what it is.

      What waits:
        1 message is ready in queue 'mails', and no consumer takes it

      Timeline:
        0  published 'mails'  { id: 1 }  test/testing/matchers.test.ts
        0    delivered from 'mails' to a get
        0  published 'mails'  { id: 2 }  test/testing/matchers.test.ts"
    `)
  })

  test('of toRoute explains the way', async () => {
    await using kit = testBroker()
    const { orders } = await shop(kit)
    expect(failure(() => expect(orders).toRoute('order.paid.eu', 'mails'))).toMatchInlineSnapshot(`
      "toRoute: expected 'order.paid.eu' to exchange 'orders' to reach 'mails'; it reaches 'audit'

        'order.paid.eu' to exchange 'orders': 1 queue gets a copy

        topic exchange 'orders'
          ✗ 'order.*' → queue 'mails': 'eu' is left over
          ✓ 'order.#' → queue 'audit': # is 'paid.eu'

        queue 'audit', by 'orders'
          stored: it has no consumer

        near misses
          'order.*' of exchange 'orders' → queue 'mails': \`order.*\` takes exactly 2 words, the key has 3: use \`order.#\`?"
    `)
  })
})

test('the functions throw what the matchers say', async () => {
  await using kit = testBroker({ strict: false })
  const { orders, mails, audit } = await shop(kit)
  assertEmpty(kit)
  orders.publish('order.paid', { id: 7 })
  assertPublished(kit, { body: { id: 7 } })
  assertPublished(orders, {}, { times: 1 })
  assertReady(mails, 1)
  assertRoutes(orders, 'order.paid', ['mails', 'audit'])
  const delivery = await mails.get()
  assertUnacked(mails)
  delivery?.reject()
  assertDeadLettered(mails)
  ;(await audit.get())?.ack()
  assertAcked(kit, { queue: audit })
  const failed = expect.objectContaining({ code: 'TEST_FAILED' })
  expect(() => assertEmpty(kit.published)).toThrow(failed)
  expect(() => assertPublished(kit, { body: { id: 8 } })).toThrow(failed)
  expect(() => assertReady(mails, 1)).toThrow(failed)
  expect(() => assertUnacked(mails)).toThrow(failed)
  expect(() => assertDeadLettered(audit)).toThrow(failed)
  expect(() => assertAcked(mails)).toThrow(failed)
  expect(() => assertRoutes(orders, 'invoice')).toThrow(failed)
})
