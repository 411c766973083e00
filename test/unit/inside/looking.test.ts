/** stats, peek, lists and overview: what is there and what became of the messages, without a change to either. */
import { Broker, type QueueStats } from 'leveret'
import { describe, expect, it } from 'vitest'
import { expectConserved } from '../../support/conservation.js'
import { ManualClock } from '../../support/manual-clock.js'
import { turn } from '../../support/turn.js'

const NOTHING: QueueStats = {
  enqueued: 0,
  ready: 0,
  delayed: 0,
  unacked: 0,
  acked: 0,
  autoAcked: 0,
  expired: 0,
  overflowed: 0,
  rejected: 0,
  deliveryLimited: 0,
  purged: 0,
  requeued: 0,
  deleted: 0,
  deadLettered: 0,
  deadLetterLost: 0,
  consumers: 0,
}

describe('queue.stats', () => {
  it('gives every message that ended one cause, and says where the others are', async () => {
    // law 3
    const clock = new ManualClock()
    const broker = new Broker({ clock })
    const host = broker.virtualHost('/')
    const queue = await host.declareQueue<number>('q', {
      type: 'quorum',
      maxLength: 3,
      messageTtl: 1000,
      deliveryLimit: 1,
      delayedRetryType: 'failed',
      delayedRetryMin: 100,
      deadLetter: 'dead',
    })
    const stats = async () => queue.stats()
    const expectStats = async (change: Partial<QueueStats>) => {
      expect(await stats()).toEqual({ ...NOTHING, ...change })
      expectConserved(broker)
    }
    const take = async () => {
      const delivery = await queue.get()
      if (delivery === undefined) throw new Error('no message')
      return delivery
    }
    await expectStats({})
    for (const body of [1, 2, 3, 4]) await queue.send(body)
    await expectStats({ enqueued: 4, ready: 3, overflowed: 1, deadLettered: 1 })
    const [two, three] = [await take(), await take()]
    await expectStats({ enqueued: 4, ready: 1, unacked: 2, overflowed: 1, deadLettered: 1 })
    two.ack()
    three.retry()
    await expectStats({ enqueued: 4, ready: 1, delayed: 1, acked: 1, overflowed: 1, requeued: 1, deadLettered: 1 })
    await queue.get({ noAck: true })
    clock.advance(100)
    await expectStats({ enqueued: 4, ready: 1, acked: 1, autoAcked: 1, overflowed: 1, requeued: 1, deadLettered: 1 })
    ;(await take()).retry()
    const so = { acked: 1, autoAcked: 1, overflowed: 1, requeued: 1, deliveryLimited: 1 }
    await expectStats({ enqueued: 4, ...so, deadLettered: 2 })
    await queue.send(5)
    ;(await take()).reject()
    await queue.send(6)
    clock.advance(1000)
    const ended = { ...so, rejected: 1, expired: 1 }
    await expectStats({ enqueued: 6, ...ended, deadLettered: 4 })
    await host.queue('dead').delete()
    await queue.send(7)
    ;(await take()).reject()
    await expectStats({ enqueued: 7, ...ended, rejected: 2, deadLettered: 4, deadLetterLost: 1 })
    await queue.send(8)
    await queue.purge()
    const consumer = queue.createConsumer({ noAck: true })
    consumer.consume(() => undefined)
    await queue.send(9)
    await turn()
    await expectStats({
      enqueued: 9,
      ...ended,
      autoAcked: 2,
      rejected: 2,
      purged: 1,
      deadLettered: 4,
      deadLetterLost: 1,
      consumers: 1,
    })
  })

  it('is plain data of its moment', async () => {
    const queue = await new Broker().virtualHost('/').declareQueue('q')
    const before = await queue.stats()
    await queue.send(1)
    expect(before).toEqual(NOTHING)
    expect(structuredClone(await queue.stats())).toMatchObject({ enqueued: 1, ready: 1 })
  })
})

describe('publishes', () => {
  it('are counted by what became of them', async () => {
    const clock = new ManualClock()
    const broker = new Broker({ clock })
    const host = broker.virtualHost('/')
    const queue = await host.declareQueue('q', { maxLength: 1, overflow: 'reject-publish' })
    queue.publish('routed')
    queue.publish('refused')
    host.queue('none').publish('unroutable')
    host.queue('none').publish('returned', { mandatory: true })
    queue.publish('held', { delay: 100 })
    expect(host.overview().publishes).toEqual({
      published: 5,
      routed: 1,
      unroutable: 1,
      returned: 1,
      refused: 1,
      held: 1,
    })
    clock.advance(100)
    expect(host.overview().publishes).toMatchObject({ published: 5, refused: 2, held: 0 })
    expectConserved(broker)
  })
})

describe('peek', () => {
  it.each([
    ['classic', { type: 'classic' }, [1, 2, 3, 4], [1, 2, 3, 4]],
    ['quorum', { type: 'quorum' }, [1, 2, 3, 4], [2, 1, 3, 4]],
    ['priority', { maxPriority: 5 }, [3, 1, 2, 4], [3, 1, 2, 4]],
  ] as const)(
    'shows the messages of a %s queue in the order in which they would leave',
    async (_type, options, fresh, returned) => {
      const broker = new Broker()
      const host = broker.virtualHost('/')
      const queue = await host.declareQueue<number>('q', options)
      for (const body of [1, 2, 3, 4]) await queue.send(body, { priority: body === 3 ? 5 : 0, messageId: `m${body}` })
      const bodies = () => host.peek(queue, 10).map(({ body }) => body)
      expect(bodies()).toEqual(fresh)
      expect(host.peek('q')).toMatchObject([
        { body: fresh[0], exchange: '', routingKey: 'q', properties: { messageId: `m${fresh[0]}` } },
      ])
      expect([host.peek('q', 0), host.peek('q', 2).length]).toEqual([[], 2])
      const [first, second] = [await queue.get(), await queue.get()]
      expect(bodies()).toEqual(fresh.slice(2))
      second?.requeue()
      first?.requeue()
      expect(bodies()).toEqual(returned)
      for (const body of returned) {
        const delivery = await queue.get()
        expect(delivery?.body).toBe(body)
        delivery?.ack()
      }
    },
  )

  it('takes nothing and marks nothing', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const queue = await host.declareQueue('q')
    await queue.send(1)
    const before = structuredClone(broker.overview())
    host.peek('q', 5)
    expect(broker.overview()).toEqual(before)
    expect((await queue.get())?.redelivered).toBe(false)
  })
})

describe('broker.overview', () => {
  it('shows every virtual host, connection, exchange, queue and consumer as plain data', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    broker.createVirtualHost('empty')
    broker.connect({ name: 'mine' })
    const queue = await host.declareQueue('q', { singleActiveConsumer: true })
    for (const consumerTag of ['first', 'second']) {
      queue
        .createConsumer({ consumerTag, prefetch: 2, priority: consumerTag === 'first' ? 0 : 5 })
        .consume(() => undefined)
    }
    for (let i = 0; i < 2; i++) queue.publish(i)
    const waiting = broker.overview().virtualHosts[0]?.queues[0]?.consumers
    await turn()
    await queue.send(3)
    expect(waiting).toMatchObject([
      { consumerTag: 'first', waiting: 2, unsettled: 0 },
      { consumerTag: 'second', waiting: 0, unsettled: 0 },
    ])
    const overview = broker.overview()
    expect(structuredClone(overview)).toEqual(overview)
    expect(overview).toMatchObject({
      ready: 1,
      alarmed: false,
      alarms: [],
      virtualHosts: [
        {
          name: '/',
          publishes: { published: 3, routed: 3 },
          connections: ['virtual host /', 'mine'],
          queues: [
            {
              name: 'q',
              paused: false,
              stats: { ready: 1, unacked: 2, consumers: 2 },
              consumers: [
                {
                  consumerTag: 'first',
                  priority: 0,
                  exclusive: false,
                  noAck: false,
                  waiting: 0,
                  unsettled: 2,
                  active: true,
                },
                {
                  consumerTag: 'second',
                  priority: 5,
                  exclusive: false,
                  noAck: false,
                  waiting: 0,
                  unsettled: 0,
                  active: false,
                },
              ],
            },
          ],
        },
        { name: 'empty', publishes: { published: 0 }, connections: ['virtual host empty'], queues: [] },
      ],
    })
    expect(overview.virtualHosts.map(({ exchanges }) => exchanges.length)).toEqual([7, 7])
    expect(host.overview()).toEqual(overview.virtualHosts[0])
  })
})
