// Direct reply-to as RabbitMQ has it (DRT-01 to DRT-08), on one channel by hand: what `request` stands on.
import type { Broker, Bus } from 'leveret'
import { expect } from 'vitest'
import type { Channel, Connection } from '../../src/channel/channel.js'
import type { Delivery } from '../../src/delivery.js'
import { Message, type MessageProperties } from '../../src/message.js'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { collect, errorOf, hasQueue, take } from './helpers.js'

const REPLY_TO = 'amq.rabbitmq.reply-to'

/** A channel, with what came back to it. */
function open(bus: Bus) {
  const returned: Message[] = []
  const channel = (bus as unknown as { connection: Connection }).connection.openChannel({
    returned: (message) => returned.push(message),
  })
  const publish = (key: string, body: unknown, properties: MessageProperties = {}, mandatory = false) =>
    channel.publish(new Message('', key, body, properties), mandatory, 0)
  return { channel, returned, publish }
}

/** Starts the consumer of direct replies of a channel. */
async function takeReplies(
  channel: Channel,
  options: { consumerTag?: string; noAck?: boolean; exclusive?: boolean } = {},
) {
  const got: Delivery[] = []
  const subscription = await channel.consume(
    REPLY_TO,
    { consumerTag: '', prefetch: 0, noAck: true, exclusive: false, priority: 0, once: false, ...options },
    {
      ready: () => {
        for (let next = subscription.take(); next !== undefined; next = subscription.take()) got.push(next)
      },
      cancelled: () => undefined,
    },
  )
  return { got, subscription }
}

/** A channel that takes replies, and its address as a responder sees it. */
async function addressed(bus: Bus) {
  const queue = await bus.declareQueue('q')
  const requester = open(bus)
  const replies = await takeReplies(requester.channel)
  requester.publish('q', 'ask', { replyTo: REPLY_TO, correlationId: '1' })
  const { properties } = await take(queue)
  return { queue, ...requester, ...replies, address: properties.replyTo as string }
}

const published = (broker: Broker) => broker.virtualHost('/').overview().publishes

onEveryEngine('direct reply-to', (scenario) => {
  scenario('needs a consumer without acknowledgement (DRT-01)', { needs: ['throws-at-once'] }, async ({ bus }) => {
    const { channel } = open(bus)
    expect(await errorOf(() => takeReplies(channel, { noAck: false }))).toMatchObject({
      code: 'PRECONDITION_FAILED',
      replyText: 'PRECONDITION_FAILED - reply consumer cannot acknowledge',
    })
    expect(
      await errorOf(() =>
        bus
          .queue(REPLY_TO)
          .createConsumer()
          .consume(() => undefined),
      ),
    ).toMatchObject({
      message: expect.stringContaining('use noAck: true'),
    })
    // n.b. nothing was left behind: the right consumer is the first.
    await takeReplies(channel, { exclusive: true, consumerTag: 'mine' })
    await takeReplies(open(bus).channel, { exclusive: true, consumerTag: 'mine' })
  })

  scenario('makes no queue that anybody sees (DRT-01)', { needs: ['inside'] }, async ({ bus, host }) => {
    await addressed(bus)
    expect(host.queues().map(({ name }) => name)).toEqual(['q'])
    expect(host.bindings()).toHaveLength(1)
  })

  scenario('has one consumer a channel, until that is cancelled (DRT-02)', {}, async ({ bus }) => {
    const { channel } = open(bus)
    const { subscription } = await takeReplies(channel, { consumerTag: 'a' })
    expect(await errorOf(() => takeReplies(channel, { consumerTag: 'b' }))).toMatchObject({
      replyText: 'PRECONDITION_FAILED - reply consumer already set',
    })
    await subscription.cancel()
    await takeReplies(channel, { consumerTag: 'b' })
    expect(await errorOf(() => takeReplies(channel, { consumerTag: 'b' }))).toMatchObject({ code: 'NOT_ALLOWED' })
  })

  scenario(
    'is refused to a publish on a channel without that consumer (DRT-03)',
    { needs: ['throws-at-once'] },
    async ({ bus }) => {
      const queue = await bus.declareQueue('q')
      await takeReplies(open(bus).channel)
      const { channel, publish } = open(bus)
      const refused = { replyText: 'PRECONDITION_FAILED - fast reply consumer does not exist' }
      const properties = { replyTo: REPLY_TO }
      expect(await errorOf(() => publish('q', 1, properties))).toMatchObject(refused)
      // n.b. as RabbitMQ: before the expiration is looked at, after the exchange is.
      expect(await errorOf(() => publish('q', 1, { ...properties, expiration: 'x' }))).toMatchObject(refused)
      const lost = new Message('nowhere', 'q', 1, properties)
      expect(await errorOf(() => channel.publish(lost, false, 0))).toMatchObject({ code: 'NOT_FOUND' })
      expect(await errorOf(() => queue.send(1, properties))).toMatchObject({
        message: expect.stringContaining('queue.request()'),
      })
      expect(await queue.info()).toMatchObject({ messageCount: 0 })
      const { subscription } = await takeReplies(channel)
      await subscription.cancel()
      expect(await errorOf(() => publish('q', 1, properties))).toMatchObject(refused)
    },
  )

  scenario('gives the responder an address, which any connection answers to (DRT-04, DRT-05)', {}, async (row) => {
    const { address, got, subscription } = await addressed(row.bus)
    expect(address).toMatch(/^amq\.rabbitmq\.reply-to\..+/)
    const responder = await row.connect()
    responder.queue(address).publish('first', { correlationId: '1' })
    responder.exchange('').publish(address, 'second')
    expect(got).toHaveLength(0)
    await turn()
    expect(got.map(({ body }) => body)).toEqual(['first', 'second'])
    expect(got.map(({ deliveryTag }) => deliveryTag)).toEqual([1, 2])
    expect(got[0]).toMatchObject({ exchange: '', routingKey: address, redelivered: false, settled: 'ack' })
    expect(got[0]?.properties).toEqual({ correlationId: '1' })
    expect(subscription.consumerTag).toMatch(/^amq\.ctag-/)
  })

  scenario(
    'keeps addresses of channels apart, and leaves other reply addresses as they are (DRT-04)',
    {},
    async (row) => {
      const one = await addressed(row.bus)
      const other = await addressed(row.bus)
      expect(one.address).not.toBe(other.address)
      other.publish(one.address, 'for one')
      await turn()
      expect([one.got.length, other.got.length]).toEqual([1, 0])
      one.publish('q', 1, { replyTo: 'mine', correlationId: 'c', headers: { CC: [], BCC: ['x'] } })
      expect((await take(one.queue)).properties).toEqual({ replyTo: 'mine', correlationId: 'c', headers: { CC: [] } })
    },
  )

  scenario('answers a declare, and that of an address while somebody is there (DRT-06)', {}, async (row) => {
    const { bus } = row
    const { address, subscription } = await addressed(bus)
    for (const name of [REPLY_TO, address]) {
      const info = { name, messageCount: 0, consumerCount: 1 }
      expect(await (await row.connect()).queue(name).info()).toEqual(info)
      expect((await bus.declareQueue(name)).name).toBe(name)
    }
    await subscription.cancel()
    expect(await hasQueue(bus, address)).toBe(false)
    expect(await hasQueue(bus, REPLY_TO)).toBe(true)
    const missing = await errorOf(() => bus.declareQueue(`${REPLY_TO}.nobody`))
    expect(missing).toMatchObject({ replyText: `NOT_FOUND - no queue '${REPLY_TO}.nobody' in vhost '/'` })
    expect(await errorOf(() => bus.declareQueue(`${REPLY_TO}s`))).toMatchObject({ code: 'ACCESS_REFUSED' })
  })

  scenario(
    'drops replies to who is gone, mandatory ones too (DRT-07)',
    { needs: ['inside', 'same-turn'] },
    async (row) => {
      const { bus, broker } = row
      const { address, channel, got, subscription } = await addressed(bus)
      await subscription.cancel()
      const before = published(broker)
      const responder = open(await row.connect())
      expect(responder.publish(address, 'late')).toBe('accepted')
      expect(responder.publish(address, 'late', {}, true)).toBe('accepted')
      await bus.queue(address).send('late', { mandatory: true })
      expect(responder.returned).toHaveLength(0)
      expect(published(broker).routed - before.routed).toBe(3)
      // n.b. what never was an address leads nowhere.
      responder.publish(`${REPLY_TO}.made-up`, 1, {}, true)
      responder.publish(REPLY_TO, 1, {}, true)
      expect(responder.returned).toHaveLength(2)
      const again = await takeReplies(channel)
      await turn()
      expect([got.length, again.got.length]).toEqual([0, 0])
    },
  )

  scenario('loses what was not taken when the consumer or its channel ends (DRT-08)', {}, async ({ bus }) => {
    for (const end of ['cancel', 'close'] as const) {
      const { address, channel, publish, got, subscription } = await addressed(bus)
      publish(address, 'on its way')
      if (end === 'cancel') await subscription.cancel()
      else await channel.close()
      await turn()
      expect(got).toHaveLength(0)
      expect(await hasQueue(bus, address)).toBe(false)
      await bus.queue('q').purge()
    }
  })

  scenario(
    'cannot be bound, got from, consumed from elsewhere or purged; a delete does nothing (DRT-08)',
    { needs: ['throws-at-once'] },
    async (row) => {
      const { bus } = row
      const { address, got, publish } = await addressed(bus)
      for (const name of [REPLY_TO, address]) {
        const queue = bus.queue(name)
        expect(await errorOf(() => queue.bind('amq.direct', 'k'))).toMatchObject({ code: 'NOT_FOUND' })
        expect(await errorOf(() => queue.purge())).toMatchObject({ code: 'NOT_FOUND' })
        expect(await errorOf(() => queue.get())).toMatchObject({ code: 'NOT_FOUND' })
        expect(await errorOf(() => queue.get({ wait: true }))).toMatchObject({ code: 'NOT_FOUND' })
        expect(await queue.delete()).toBe(0)
        await queue.unbind('amq.direct', 'k')
      }
      const elsewhere = bus.queue(address).createConsumer({ noAck: true })
      expect(await errorOf(() => collect(elsewhere))).toMatchObject({ code: 'NOT_FOUND' })
      publish(address, 'still here')
      await turn()
      expect(got).toHaveLength(1)
    },
  )

  scenario('takes a dead letter and a delayed send for a reply like any other', { needs: ['time'] }, async (row) => {
    const { bus } = row
    const { address, got } = await addressed(bus)
    const dying = await bus.declareQueue('dying', { deadLetterExchange: '', deadLetterRoutingKey: address })
    await dying.send('dead')
    ;(await take(dying)).reject()
    await bus.queue(address).send('delayed', { delay: 100 })
    await row.advance(100)
    expect(got.map(({ body }) => body)).toEqual(['dead', 'delayed'])
  })

  scenario(
    'takes replies while the broker is past its high watermark',
    { needs: ['inside'], broker: { highWatermark: 1 } },
    async (row) => {
      const { address, got, queue } = await addressed(row.bus)
      queue.publish(1)
      queue.publish(2)
      await turn()
      expect(row.broker.overview().alarmed).toBe(true)
      const responder = open(await row.connect())
      expect(responder.publish(address, 'answer')).toBe('pending')
      await turn()
      expect(got).toHaveLength(1)
      await queue.purge()
    },
  )

  scenario('counts in the laws of its virtual host, and leaves nothing behind', { needs: ['inside'] }, async (row) => {
    const { address, publish } = await addressed(row.bus)
    const { published: count, routed } = published(row.broker)
    publish(address, 1)
    await turn()
    expect(published(row.broker)).toMatchObject({ published: count + 1, routed: routed + 1 })
    expect(row.broker.overview().ready).toBe(0)
  })
})
