// An application's declarations against the definitions of a production broker.
import { body, defineTopology } from 'leveret'
import amqp, { reset, useBroker } from 'leveret/amqplib'
import { type TestKit, testBroker } from 'leveret/testing'
import { afterEach, describe, expect, test } from 'vitest'

afterEach(() => reset())

const production = {
  rabbit_version: '3.13.7',
  exchanges: [
    { name: 'orders', vhost: '/', type: 'topic', durable: true, auto_delete: false, internal: false, arguments: {} },
  ],
  queues: [
    { name: 'audit', vhost: '/', durable: true, auto_delete: false, arguments: { 'x-queue-type': 'classic' } },
    { name: 'mails', vhost: '/', durable: true, auto_delete: false, arguments: { 'x-max-length': 1000 } },
  ],
  bindings: [
    {
      source: 'orders',
      vhost: '/',
      destination: 'audit',
      destination_type: 'queue' as const,
      routing_key: 'order.*',
      arguments: {},
    },
  ],
}

async function drift(app: (kit: TestKit) => unknown, ...expected: Parameters<TestKit['expectDefinitions']>) {
  const run = testBroker(async (kit) => {
    kit.expectDefinitions(...expected)
    await app(kit)
  })
  const { message = 'nothing' }: { message?: string } = await run.then(
    () => ({}),
    (error) => error,
  )
  const [, found = message] = /drift: [^\n]*\n(.*?)\n\nIf/s.exec(message) ?? []
  return found.replaceAll(/\/\S*\/(\w[\w.-]*\.ts):\d+:\d+/g, '$1')
}

async function asInProduction({ bus }: TestKit) {
  const orders = await bus.declareExchange('orders', 'topic')
  await bus.declareQueue('mails', { maxLength: 1000 })
  await bus.declareQueue('audit', { bindings: [orders.key('order.*')] })
  const own = await bus.declareQueue('own', { exclusive: true, bindings: [orders.key('#')] })
  await own.bind(orders.key('more'))
  await bus.declareQueue('', { bindings: [orders.key('#')] })
}

describe('expectDefinitions', () => {
  test.each([
    ['an object', production],
    ['text', JSON.stringify(production)],
  ])('as %s finds nothing where all is declared alike', async (_, definitions) => {
    expect(await drift(asInProduction, definitions)).toBe('nothing')
  })

  test('takes a topology', async () => {
    const topology = defineTopology({
      exchanges: { orders: { type: 'topic', messages: body<{ 'order.created': number }>() } },
      queues: { audit: {}, mails: { maxLength: 1000 } },
      bindings: [{ from: 'orders', to: 'audit', key: 'order.*' }],
    })
    expect(await drift(asInProduction, topology)).toBe('nothing')
    expect(await drift(({ bus }) => bus.declareQueue('mails'), topology)).toBe(
      "  - queue 'mails': argument 'x-max-length' is 1000 in the definitions, and declared as absent at drift.test.ts",
    )
  })

  test('tells what differs, argument by argument, and the nearest name', async () => {
    const app = async ({ bus }: TestKit) => {
      const orders = await bus.declareExchange('orders', 'direct', { durable: false })
      await bus.declareExchange('orderz', 'fanout')
      await bus.declareQueue('mails', { maxLength: 10, messageTtl: 5, autoDelete: true })
      await bus.declareQueue('audits')
      await bus.declareQueue('audit', { bindings: [orders.key('order.#')] })
      await (await bus.declareQueue('mails', { maxLength: 10, messageTtl: 5, autoDelete: true })).bind(orders.key('x'))
    }
    expect(await drift(app, production)).toMatchInlineSnapshot(`
      "  - exchange 'orders': type is 'topic' in the definitions, and declared as 'direct' at drift.test.ts
        - exchange 'orders': durable is true in the definitions, and declared as false at drift.test.ts
        - exchange 'orderz' is not in the definitions; did you mean 'orders'? at drift.test.ts
        - queue 'mails': auto_delete is false in the definitions, and declared as true at drift.test.ts
        - queue 'mails': argument 'x-max-length' is 1000 in the definitions, and declared as 10 at drift.test.ts
        - queue 'mails': argument 'x-message-ttl' is absent in the definitions, and declared as 5 at drift.test.ts
        - queue 'audits' is not in the definitions; did you mean 'audit'? at drift.test.ts
        - the binding of queue 'audit' to exchange 'orders' by key 'order.#' is not in the definitions, which have it by key 'order.*' at drift.test.ts
        - the binding of queue 'mails' to exchange 'orders' by key 'x' is not in the definitions, which have none between these two at drift.test.ts"
    `)
  })

  test('hears of what a client of amqplib declares', async () => {
    const app = async (kit: TestKit) => {
      useBroker(kit.broker)
      const connection = await amqp.connect('amqp://localhost')
      const channel = await connection.createChannel()
      await channel.assertQueue('mails', { durable: false, maxLength: 1000 })
      await channel.assertQueue('audit')
      await channel.assertExchange('orders', 'topic')
      await channel.bindQueue('audit', 'orders', 'order.created')
    }
    expect(await drift(app, production)).toMatchInlineSnapshot(`
      "  - queue 'mails': durable is true in the definitions, and declared as false at drift.test.ts
        - the binding of queue 'audit' to exchange 'orders' by key 'order.created' is not in the definitions, which have it by key 'order.*' at drift.test.ts"
    `)
  })

  test('hears of what was declared before it was called', async () => {
    const app = async (kit: TestKit) => {
      await kit.bus.declareQueue('other')
      kit.expectDefinitions(production)
    }
    await expect(testBroker(app)).rejects.toThrow("queue 'other' is not in the definitions at ")
  })

  test('reads the virtual host that stands for the root, and says which there are', async () => {
    const inShop = JSON.parse(JSON.stringify(production).replaceAll('"vhost":"/"', '"vhost":"shop"'))
    expect(await drift(asInProduction, inShop, { virtualHost: 'shop' })).toBe('nothing')
    const kit = testBroker()
    expect(() => kit.expectDefinitions(inShop)).toThrow(
      "expected definitions of virtual host '/'; they have 'shop': say which by the option 'virtualHost'",
    )
    await kit[Symbol.asyncDispose]()
  })

  test('reads a file of one virtual host, whose entries do not name it', async () => {
    const nameless = JSON.stringify(production).replaceAll('"vhost":"/",', '')
    expect(await drift(asInProduction, nameless)).toBe('nothing')
  })

  test('names what is wrong with definitions', async () => {
    const kit = testBroker()
    expect(() => kit.expectDefinitions('{ queues')).toThrow('expected definitions as JSON or an object, or a topology')
    expect(() => kit.expectDefinitions({ queues: [{ name: 5 }] } as never)).toThrow(
      'definitions.queues[0].name: expected a string, got 5',
    )
    expect(() => kit.expectDefinitions(production, { vhost: 'x' } as object)).toThrow("unknown option 'vhost'")
    await kit[Symbol.asyncDispose]()
  })

  test('lets a queue be that is allowed', async () => {
    await testBroker(async (kit) => {
      kit.expectDefinitions(production)
      kit.allow({ drift: 'probe' })
      await kit.bus.declareQueue('probe')
    })
  })
})
