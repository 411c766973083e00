/** The firehose: copies of publishes and deliveries in the exchange amq.rabbitmq.trace. */
import type { Bus, Delivery, Queue, VirtualHost } from 'leveret'
import { expect } from 'vitest'
import { openConnection } from '../../src/internal.js'
import { expectConserved } from '../support/conservation.js'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { collect, errorOf, take, takeAll } from './helpers.js'

const inside = { needs: ['inside'] } as const

/** A queue for the copies, and what is in it. */
async function watch(host: VirtualHost, key = '#'): Promise<{ queue: Queue; seen(): Promise<Delivery[]> }> {
  const queue = await host.declareQueue('seen', { bindings: [host.exchange('amq.rabbitmq.trace').key(key)] })
  const seen = async () => {
    await turn()
    const copies = await takeAll(queue)
    for (const copy of copies) copy.ack()
    return copies
  }
  return { queue, seen }
}

const keys = (copies: readonly Delivery[]) => copies.map(({ routingKey }) => routingKey)

onEveryEngine('the firehose', (scenario) => {
  scenario('copies every publish and delivery, in order, with what RabbitMQ says of them', inside, async (engine) => {
    // TRC-02, TRC-03: the headers are those of RabbitMQ 3.10 on the same publish
    const { broker, host } = engine
    const { seen } = await watch(host)
    const fanout = await host.declareExchange('x', 'fanout')
    await host.declareQueue('q', { bindings: [fanout.key('')] })
    const bus = broker.connect({ name: 'mine' })
    host.trace(true)
    const headers = { a: 1, CC: ['c'], BCC: ['b'] }
    const properties = { headers, contentType: 'text/plain', priority: 3, expiration: 60_000, messageId: 'm' }
    await bus.exchange('x').send('k', 'one', properties)
    ;(await take(bus.queue('q'))).requeue()
    ;(await take(bus.queue('q'))).ack()
    await host.exchange('x').send('k', 'two')
    const [published, delivered, again, bare] = await seen()
    const common = {
      exchange_name: 'x',
      routing_keys: ['k', 'c', 'b'],
      properties: {
        headers: { a: 1, CC: ['c'] },
        content_type: 'text/plain',
        priority: 3,
        expiration: '60000',
        message_id: 'm',
      },
      node: 'leveret@localhost',
      vhost: '/',
      connection: 'mine',
      user: 'guest',
    }
    expect(published).toMatchObject({ exchange: 'amq.rabbitmq.trace', routingKey: 'publish.x', body: 'one' })
    expect(published?.headers).toEqual({ ...common, channel: expect.any(Number), routed_queues: ['q'] })
    expect(delivered).toMatchObject({ routingKey: 'deliver.q', body: 'one' })
    expect(delivered?.headers).toEqual({ ...common, channel: expect.any(Number), redelivered: 0 })
    expect(again?.headers).toMatchObject({ redelivered: 1 })
    expect(bare?.headers).toEqual({
      exchange_name: 'x',
      routing_keys: ['k'],
      properties: {},
      node: 'leveret@localhost',
      vhost: '/',
      connection: 'virtual host /',
      channel: 0,
      user: 'none',
      routed_queues: ['q'],
    })
  })

  scenario('names AMQP channels by their numbers, transactions at the publish', inside, async ({ broker, host }) => {
    const { seen } = await watch(host)
    host.trace(true)
    const connection = openConnection(broker, { name: 'amqp' }, { closed: () => undefined })
    const listener = {
      delivered: () => undefined,
      cancelled: () => undefined,
      returned: () => undefined,
      confirmed: () => undefined,
      closed: () => undefined,
    }
    connection.createChannel(listener)
    const channel = connection.createChannel(listener)
    channel.queueDeclare('q')
    channel.txSelect()
    channel.basicPublish('', 'q', 'body')
    const [copy] = await seen()
    expect(copy?.headers).toMatchObject({ connection: 'amqp', channel: 2, user: 'guest', routed_queues: ['q'] })
    channel.txCommit()
    channel.basicConsume('q', { noAck: true })
    const [delivered, ...more] = await seen()
    expect([delivered?.routingKey, more]).toEqual(['deliver.q', []])
    expect(delivered?.headers).toMatchObject({ connection: 'amqp', channel: 2, redelivered: 0 })
    connection.close()
  })

  scenario('is off by default, and copies nothing when it is off again', inside, async ({ bus, host }) => {
    // TRC-01
    const { seen } = await watch(host)
    const queue = await bus.declareQueue('q')
    const producer = queue.createProducer()
    expect(host.tracing).toBe(false)
    await producer.send(1)
    expect(await seen()).toEqual([])
    host.trace(true)
    host.trace(true)
    expect(host.tracing).toBe(true)
    await producer.send(2)
    expect(keys(await seen())).toEqual(['publish.'])
    host.trace(false)
    host.trace(false)
    await producer.send(3)
    for (const delivery of await takeAll(queue)) delivery.ack()
    expect(await seen()).toEqual([])
  })

  scenario('tells of deliveries by consumers of every kind, but not of those before', inside, async ({ bus, host }) => {
    // TRC-05
    const { seen } = await watch(host, 'deliver.#')
    for (const type of ['classic', 'quorum'] as const) {
      const queue = await bus.declareQueue<number>(`q.${type}`, { type })
      await queue.send(0)
      const before = await take(queue)
      host.trace(true)
      const got = collect(queue.createConsumer(), (delivery) => delivery.ack())
      await queue.send(1)
      await turn()
      expect(got).toHaveLength(1)
      await bus.declareQueue(`later.${type}`, { type })
      await bus.queue(`later.${type}`).send(2)
      await bus.queue(`later.${type}`).get({ noAck: true })
      before.ack()
      const copies = await seen()
      expect(copies.map(({ routingKey, body }) => [routingKey, body])).toEqual([
        [`deliver.q.${type}`, 1],
        [`deliver.later.${type}`, 2],
      ])
      host.trace(false)
    }
  })

  scenario('tells of what reached no queue, and of no dead letter’s publish', inside, async ({ bus, host }) => {
    // TRC-04, TRC-05
    const { seen } = await watch(host)
    await bus.declareQueue('q', { deadLetter: 'dead' })
    host.trace(true)
    await bus.exchange('amq.direct').send('nobody', 1)
    const [copy] = await seen()
    expect([copy?.routingKey, copy?.headers['routed_queues']]).toEqual(['publish.amq.direct', []])
    await bus.queue('q').send(2)
    ;(await take(bus.queue('q'))).reject()
    ;(await take(bus.queue('dead'))).ack()
    expect(keys(await seen())).toEqual(['publish.', 'deliver.q', 'deliver.dead'])
  })

  scenario('tells of nothing that was refused before it was routed', inside, async ({ bus, host }) => {
    const { seen } = await watch(host)
    host.trace(true)
    const direct = bus.exchange('amq.direct')
    expect(await errorOf(() => direct.send('k', 1, { expiration: 'x' }))).toMatchObject({ replyCode: 406 })
    expect(await errorOf(() => bus.exchange('none').send('k', 1))).toMatchObject({ replyCode: 404 })
    expect(await seen()).toEqual([])
    await direct.send('k', 2)
    expect(await seen()).toHaveLength(1)
  })

  scenario('counts its copies as no publishes', inside, async ({ bus, broker, host }) => {
    await watch(host)
    const queue = await bus.declareQueue('q')
    host.trace(true)
    await queue.send(1)
    await turn()
    expect(host.overview().publishes).toMatchObject({ published: 1, routed: 1 })
    expect(await bus.queue('seen').stats()).toMatchObject({ enqueued: 1, ready: 1 })
    expectConserved(broker)
  })

  scenario('is of one virtual host', inside, async ({ broker, host }) => {
    const { seen } = await watch(host)
    host.trace(true)
    const other: Bus = broker.createVirtualHost('other')
    await other.exchange('amq.fanout').send('k', 1)
    expect(await seen()).toEqual([])
    expect(await errorOf(() => host.trace(1 as never))).toMatchObject({
      code: 'INVALID_OPTION',
      message: 'trace: expected true or false, got 1',
    })
  })
})
