/** The event exchange (EVT-01 to EVT-04): events of a broker as messages of `amq.rabbitmq.event`. */
import { Broker, type Delivery, type Queue } from 'leveret'
import { publishEvents } from 'leveret/exchange-types'
import { expect, test } from 'vitest'
import { expectConserved } from '../../support/conservation.js'
import { turn } from '../../support/turn.js'

async function watch(broker: Broker, key = '#'): Promise<Queue> {
  const host = broker.virtualHost()
  return host.declareQueue('seen', { bindings: [host.exchange('amq.rabbitmq.event').key(key)] })
}

async function seen(queue: Queue): Promise<Delivery[]> {
  await turn()
  const all: Delivery[] = []
  for (let next = await queue.get(); next !== undefined; next = await queue.get()) {
    all.push(next)
    next.ack()
  }
  return all
}

test('the exchange is a durable internal topic exchange, made once', () => {
  const broker = new Broker()
  publishEvents(broker)
  publishEvents(broker)
  const found = broker
    .virtualHost()
    .exchanges()
    .filter(({ name }) => name === 'amq.rabbitmq.event')
  expect(found).toMatchObject([{ type: 'topic', durable: true, internal: true, autoDelete: false }])
})

test('every event is a message without a body, its properties in the headers', async () => {
  const broker = new Broker()
  const host = broker.virtualHost()
  publishEvents(broker)
  const queue = await watch(broker)
  expect((await seen(queue)).map(({ routingKey }) => routingKey)).toEqual(['binding.created'])
  const x = await host.declareExchange('x', 'topic')
  await host.declareQueue('q', { maxLength: 3, bindings: [x.key('a.*')] })
  broker.addUser('u', { password: 'p' })
  broker.setPermissions('u', { configure: '', write: 'w', read: '' })
  host.setPolicy('p', { pattern: '^q$', definition: { 'max-length': 1 } })
  broker.setAlarm('disk')
  broker.clearAlarm('disk')
  const events = await seen(queue)
  const common = { timestamp_in_ms: expect.any(Number) }
  expect(events.map(({ routingKey, headers }) => [routingKey, headers])).toEqual([
    [
      'exchange.created',
      {
        vhost: '/',
        name: 'x',
        type: 'topic',
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: {},
        ...common,
      },
    ],
    [
      'queue.created',
      {
        vhost: '/',
        name: 'q',
        type: 'classic',
        durable: true,
        exclusive: false,
        auto_delete: false,
        arguments: { 'x-max-length': 3 },
        ...common,
      },
    ],
    [
      'binding.created',
      {
        vhost: '/',
        source_name: 'x',
        destination_name: 'q',
        destination_kind: 'queue',
        routing_key: 'a.*',
        arguments: {},
        ...common,
      },
    ],
    ['user.created', { name: 'u', ...common }],
    ['permission.created', { user: 'u', vhost: '/', configure: '', write: 'w', read: '', ...common }],
    ['policy.set', { vhost: '/', name: 'p', operator: false, ...common }],
    ['alarm.set', { resource: 'disk', ready: expect.any(Number), high_watermark: 5_000_000, ...common }],
    ['alarm.cleared', { resource: 'disk', ready: expect.any(Number), high_watermark: 5_000_000, ...common }],
  ])
  for (const { body, properties, headers } of events) {
    expect(body).toEqual(new Uint8Array(0))
    expect(properties).toMatchObject({ deliveryMode: 2 })
    expect(properties.timestamp).toBe(Math.floor(Number(headers['timestamp_in_ms']) / 1000))
  }
  expectConserved(broker)
})

test('only what is bound comes, and nothing of leveret’s own', async () => {
  const broker = new Broker()
  publishEvents(broker)
  const queue = await watch(broker, 'queue.*')
  const host = broker.virtualHost()
  const jobs = await host.declareQueue('jobs')
  await jobs.purge()
  await jobs.delete()
  expect((await seen(queue)).map(({ routingKey }) => routingKey)).toEqual(['queue.created', 'queue.deleted'])
  expect(host.overview().publishes.published).toBe(0)
})

test('it ends when it is told to, and goes with its virtual host', async () => {
  const broker = new Broker()
  const stop = publishEvents(broker)
  const queue = await watch(broker, 'vhost.*')
  broker.createVirtualHost('a')
  stop()
  broker.createVirtualHost('b')
  expect(await seen(queue)).toHaveLength(1)
  publishEvents(broker, 'b')
  broker.deleteVirtualHost('b')
  broker.createVirtualHost('c')
  expect(broker.virtualHosts).toEqual(['/', 'a', 'c'])
  expect(() => publishEvents(broker, 'none')).toThrow('vhost none not found')
})
