/** AMQP's own channel: what a client of the protocol sees, and what an error costs. The rules are RabbitMQ's, by number. */
import { Broker, type Delivery, type LeveretError, type Message } from 'leveret'
import { expect, test } from 'vitest'
import type { AmqpChannel, MethodId } from '../../../src/channel/amqp-channel.js'
import { openConnection } from '../../../src/internal.js'
import { expectConserved } from '../../support/conservation.js'
import { turn } from '../../support/turn.js'

type Said = readonly [what: string, ...details: unknown[]]

/** A channel that writes down what it is told. */
function open(options: { broker?: Broker; channelMax?: number } = {}) {
  const broker = options.broker ?? new Broker()
  const lost: [error: LeveretError, method: MethodId][] = []
  const connection = openConnection(
    broker,
    { channelMax: options.channelMax ?? 0 },
    {
      closed: (error, method) => lost.push([error, method]),
      blocked: (reason) => lost.push([reason as never, { classId: 0, methodId: 0 }]),
    },
  )
  const channel = () => {
    const said: Said[] = []
    const deliveries: Delivery[] = []
    const made: AmqpChannel = connection.createChannel({
      delivered: (tag, delivery) => {
        deliveries.push(delivery)
        said.push(['deliver', tag, delivery.deliveryTag, delivery.body, delivery.redelivered])
      },
      cancelled: (tag) => said.push(['cancel', tag]),
      returned: (message: Message) => said.push(['return', message.routingKey]),
      confirmed: (sequenceNumber, accepted) => said.push([accepted ? 'ack' : 'nack', sequenceNumber]),
      closed: (error, { classId, methodId }) => said.push(['close', error.replyText, classId, methodId]),
    })
    const bodies = () => deliveries.map(({ body }) => body)
    return { channel: made, said, deliveries, bodies }
  }
  return { broker, connection, lost, channel }
}

async function finish(broker: Broker): Promise<void> {
  await turn()
  expectConserved(broker)
  await broker.close({ timeout: 0 })
}

const fill = (channel: AmqpChannel, queue: string, count: number): void => {
  channel.queueDeclare(queue)
  for (let n = 1; n <= count; n++) channel.basicPublish('', queue, n)
}

test('numbers its deliveries and gets in one row, and settles many at once (ACK-01, ACK-03, ACK-05)', async () => {
  const { broker, channel } = open()
  const { channel: ch, bodies } = channel()
  fill(ch, 'a', 3)
  fill(ch, 'b', 2)
  expect(ch.basicGet('b')).toMatchObject({ delivery: { deliveryTag: 1 }, messageCount: 1 })
  ch.basicConsume('a', { consumerTag: 'c' })
  await turn()
  expect(bodies()).toEqual([1, 2, 3])
  ch.basicAck(3, true)
  expect(ch.queueDeclare('a', { passive: true })).toMatchObject({ messageCount: 0 })
  ch.close()
  const other = channel().channel
  expect(other.basicGet('a')).toMatchObject({ delivery: { body: 3, redelivered: true } })
  expect(other.basicGet('b')).toMatchObject({ delivery: { body: 2 } })
  await finish(broker)
})

test('settles nothing by a tag that is not out, and closes the channel only (ACK-02, ACK-03, ACK-15)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  const bystander = channel().channel
  fill(ch, 'q', 3)
  ch.basicConsume('q', { consumerTag: 'c' })
  await turn()
  ch.basicAck(2)
  expect(() => ch.basicAck(2, true)).toThrow('PRECONDITION_FAILED - unknown delivery tag 2')
  expect(ch.closed).toBe(true)
  await turn()
  expect(said.at(-1)).toEqual(['close', 'PRECONDITION_FAILED - unknown delivery tag 2', 60, 80])
  expect(bystander.queueDeclare('q', { passive: true })).toMatchObject({ messageCount: 2, consumerCount: 0 })
  expect(() => ch.basicAck(1)).toThrow('channel 1 is closed')
  await finish(broker)
})

test('takes tag 0 with multiple for everything, and alone for an unknown tag (ACK-04)', async () => {
  const { broker, channel } = open()
  const { channel: ch } = channel()
  ch.basicAck(0, true)
  fill(ch, 'q', 2)
  ch.basicGet('q')
  ch.basicNack(0, true, false)
  expect(ch.queueDeclare('q', { passive: true }).messageCount).toBe(1)
  expect(() => ch.basicReject(0)).toThrow('unknown delivery tag 0')
  await finish(broker)
})

test('gives back many to their places, and all of it on recover (ACK-08, ACK-13)', async () => {
  const { broker, channel } = open()
  const { channel: ch, bodies, deliveries } = channel()
  fill(ch, 'q', 5)
  for (let n = 0; n < 3; n++) ch.basicGet('q')
  ch.basicNack(3, true)
  ch.basicQos(0, 3)
  ch.basicConsume('q')
  await turn()
  expect(bodies()).toEqual([1, 2, 3])
  expect(deliveries.every(({ redelivered }) => redelivered)).toBe(true)
  ch.basicRecover()
  await turn()
  expect(bodies()).toEqual([1, 2, 3, 1, 2, 3])
  expect(() => ch.basicRecover(false)).toThrow('NOT_IMPLEMENTED - requeue=false')
  await finish(broker)
})

test('keeps what a cancelled consumer has, and says nothing of its own cancel (CON-12, CON-13)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said, bodies } = channel()
  fill(ch, 'q', 3)
  ch.basicConsume('q', { consumerTag: 'c' })
  ch.basicCancel('c')
  ch.basicCancel('c')
  expect(bodies()).toEqual([])
  await turn()
  expect(bodies()).toEqual([1, 2, 3])
  expect(ch.queueDeclare('q', { passive: true })).toMatchObject({ messageCount: 0, consumerCount: 0 })
  ch.basicAck(3, true)
  await turn()
  expect(said.filter(([what]) => what !== 'deliver')).toEqual([])
  await finish(broker)
})

test('tells of a cancel when the queue is deleted (CCN-01)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  ch.queueDeclare('q')
  ch.basicConsume('q', { consumerTag: 'c' })
  ch.queueDelete('q')
  ch.basicCancel('c')
  await turn()
  expect(said).toEqual([['cancel', 'c']])
  await finish(broker)
})

test('counts a prefetch for each consumer that starts after it (QOS-02, QOS-03)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  fill(ch, 'a', 3)
  fill(ch, 'b', 3)
  ch.basicConsume('a', { consumerTag: 'a' })
  ch.basicQos(0, 1)
  ch.basicConsume('b', { consumerTag: 'b' })
  await turn()
  expect(said.map(([, tag]) => tag)).toEqual(['a', 'a', 'a', 'b'])
  await finish(broker)
})

test('counts a prefetch of the channel over all consumers, at once (QOS-04, QOS-05, QOS-08, QOS-09)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said, deliveries } = channel()
  fill(ch, 'a', 4)
  fill(ch, 'b', 4)
  ch.basicQos(0, 3, true)
  ch.basicConsume('a', { consumerTag: 'a' })
  ch.basicConsume('b', { consumerTag: 'b' })
  await turn()
  expect(said.map(([, tag]) => tag)).toEqual(['a', 'a', 'a'])
  ch.basicAck(1)
  ch.basicAck(2)
  await turn()
  // Each queue has its turn.
  expect(
    said
      .slice(3)
      .map(([, tag]) => tag)
      .sort(),
  ).toEqual(['a', 'b'])
  ch.basicQos(0, 1, true)
  ch.basicAck(deliveries[2]?.deliveryTag as number)
  ch.basicAck(deliveries[3]?.deliveryTag as number)
  await turn()
  expect(said).toHaveLength(5)
  ch.basicNack(deliveries[4]?.deliveryTag as number, false, false)
  await turn()
  expect(said).toHaveLength(6)
  ch.basicQos(0, 5)
  await turn()
  expect(said).toHaveLength(8)
  await finish(broker)
})

test('counts gets that are out when the limit is set, and frees nothing when they are settled (QOS-07)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  fill(ch, 'q', 3)
  ch.basicGet('q')
  ch.basicQos(0, 1, true)
  ch.basicConsume('q', { consumerTag: 'c' })
  ch.basicAck(1)
  ch.basicQos(0, 1, true)
  await turn()
  expect(said).toEqual([])
  ch.basicQos(0, 2, true)
  await turn()
  expect(said).toHaveLength(1)
  ch.basicQos(0, 0, true)
  await turn()
  expect(said).toHaveLength(2)
  await finish(broker)
})

test('counts what went with its queue until it is settled (QOS-04, ACK-16)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  for (const queue of ['gone', 'q']) fill(ch, queue, 1)
  ch.basicQos(0, 1, true)
  ch.basicConsume('gone', { consumerTag: 'c' })
  await turn()
  ch.queueDelete('gone')
  ch.basicConsume('q', { consumerTag: 'd' })
  await turn()
  said.length = 0
  ch.basicAck(1)
  await turn()
  expect(said).toEqual([['deliver', 'd', 2, 1, false]])
  await finish(broker)
})

test('gives back each get by itself, and then a consumer at a time by tag (ACK-05)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  fill(ch, 'q', 2)
  ch.basicGet('q')
  ch.basicGet('q')
  ch.basicNack(1)
  ch.basicGet('q')
  ch.basicQos(0, 1)
  for (const tag of ['late', 'early']) ch.basicConsume('q', { consumerTag: tag })
  const givenBack = async () => {
    said.length = 0
    ch.basicNack(0, true)
    await turn()
    return said.map(([, tag, , body]) => [tag, body])
  }
  expect(await givenBack()).toEqual([
    ['late', 2],
    ['early', 1],
  ])
  expect(await givenBack()).toEqual([
    ['early', 1],
    ['late', 2],
  ])
  ch.basicAck(0, true)
  ch.basicQos(0, 0)
  fill(ch, 'r', 2)
  ch.basicGet('r')
  ch.basicConsume('r', { consumerTag: 'any' })
  await turn()
  expect(await givenBack()).toEqual([
    ['any', 1],
    ['any', 2],
  ])
  await finish(broker)
})

test('gives back where it consumed before where it only got, so that a letter finds room there (ACK-11)', async () => {
  const { broker, channel } = open()
  const [{ channel: ch }, { channel: other }] = [channel(), channel()]
  ch.queueDeclare('letters', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } })
  const deadLetter = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'letters' }
  ch.queueDeclare('q', { arguments: { 'x-max-length': 1, ...deadLetter } })
  ch.basicPublish('', 'letters', 'got')
  ch.basicGet('letters')
  ch.basicConsume('q')
  for (const body of [1, 2]) ch.basicPublish('', 'q', body)
  ch.close()
  expect(['q', 'letters', 'letters'].map((queue) => other.basicGet(queue)?.delivery.body)).toEqual([2, 'got', 1])
  await finish(broker)
})

test('gives back what a channel holds, however much it is (ACK-03, ACK-11)', { timeout: 30_000 }, async () => {
  const { broker, channel } = open()
  const { channel: ch, deliveries } = channel()
  ch.queueDeclare('q')
  ch.basicConsume('q')
  for (let n = 1; n <= 300_000; n++) ch.basicPublish('', 'q', n)
  while (deliveries.length < 300_000) await turn()
  ch.basicAck(1, true)
  ch.close()
  expect(channel().channel.queueDeclare('q', { passive: true }).messageCount).toBe(299_999)
  await finish(broker)
})

test('a rollback lets what went with its queue be settled again (TX-06, ACK-16)', async () => {
  const { broker, channel } = open()
  const { channel: ch } = channel()
  fill(ch, 'q', 1)
  ch.txSelect()
  ch.basicGet('q')
  ch.queueDelete('q')
  ch.basicAck(1)
  ch.txRollback()
  ch.basicAck(1)
  ch.txCommit()
  expect(() => ch.basicAck(1)).toThrow(/unknown delivery tag 1/)
  await finish(broker)
})

test('stops consumers without acknowledgement too while the channel is at its limit (QOS-06)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  fill(ch, 'a', 2)
  ch.queueDeclare('b')
  ch.basicQos(0, 1, true)
  ch.basicConsume('a', { consumerTag: 'a' })
  ch.basicConsume('b', { consumerTag: 'b', noAck: true })
  ch.basicPublish('', 'b', 1)
  await turn()
  expect(said.map(([, tag]) => tag)).toEqual(['a'])
  ch.basicQos(0, 0, true)
  await turn()
  expect(said.map(([, tag]) => tag).sort()).toEqual(['a', 'a', 'b'])
  await finish(broker)
})

test('confirms from the first select on, returns before it confirms (CNF-01, CNF-02, CNF-05, CNF-07)', async () => {
  const { broker, channel } = open()
  const { channel: ch, said } = channel()
  ch.queueDeclare('full', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } })
  ch.basicPublish('', 'full', 0)
  ch.confirmSelect()
  ch.basicPublish('', 'nowhere', 1, {}, { mandatory: true })
  ch.basicPublish('', 'full', 2)
  ch.confirmSelect()
  ch.basicPublish('', 'nowhere', 3)
  expect(said).toEqual([])
  await turn()
  expect(said).toEqual([
    ['return', 'nowhere'],
    ['ack', 1],
    ['nack', 2],
    ['ack', 3],
  ])
  expect(() => ch.txSelect()).toThrow('cannot switch from confirm to tx mode')
  await finish(broker)
})

test('holds publishes and settlements until the commit (TX-02, TX-05, TX-06, TX-08, TX-11)', async () => {
  const { broker, channel } = open()
  const { channel: ch } = channel()
  const other = channel().channel
  fill(ch, 'q', 2)
  ch.txSelect()
  ch.basicPublish('', 'q', 'new')
  ch.basicGet('q')
  ch.basicGet('q')
  ch.basicAck(1)
  expect(other.queueDeclare('q', { passive: true }).messageCount).toBe(0)
  ch.txRollback()
  ch.basicAck(1)
  ch.basicNack(2)
  ch.basicPublish('', 'q', 'later')
  ch.txCommit()
  expect(other.basicGet('q')?.delivery).toMatchObject({ body: 2, redelivered: true })
  expect(other.basicGet('q')?.delivery).toMatchObject({ body: 'later' })
  ch.basicPublish('', 'q', 'lost')
  ch.close()
  expect(other.basicGet('q')).toBeUndefined()
  await finish(broker)
})

test('routes in a transaction when it is published (TX-03)', async () => {
  const { broker, channel } = open()
  const { channel: ch } = channel()
  ch.queueDeclare('a')
  ch.queueDeclare('b')
  ch.queueBind('a', 'amq.fanout', '')
  ch.txSelect()
  ch.basicPublish('amq.fanout', '', 1)
  ch.queueBind('b', 'amq.fanout', '')
  ch.queueDelete('a')
  ch.txCommit()
  expect(ch.queueDeclare('b', { passive: true }).messageCount).toBe(0)
  expect(() => ch.basicPublish('nowhere', '', 1)).toThrow("NOT_FOUND - no exchange 'nowhere' in vhost '/'")
  await finish(broker)
})

test('refuses a second settlement in a transaction, and gives everything back then (TX-05, TX-07)', async () => {
  const { broker, channel } = open()
  const { channel: ch } = channel()
  fill(ch, 'q', 1)
  ch.txSelect()
  ch.basicGet('q')
  ch.basicAck(1)
  expect(() => ch.basicAck(1)).toThrow('unknown delivery tag 1')
  expect(channel().channel.basicGet('q')?.delivery).toMatchObject({ redelivered: true })
  await finish(broker)
})

test('fails a commit when a full queue refuses (TX-01, TX-12)', async () => {
  const { broker, channel } = open()
  const { channel: ch } = channel()
  expect(() => channel().channel.txCommit()).toThrow('channel is not transactional')
  ch.queueDeclare('full', { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } })
  ch.txSelect()
  ch.basicPublish('', 'full', 1)
  expect(() => ch.txCommit()).toThrow('partial tx completion')
  await finish(broker)
})

test('takes an empty name for the queue declared last (GEN-08, GEN-09)', async () => {
  const { broker, channel } = open()
  const { channel: ch } = channel()
  const { name } = ch.queueDeclare('')
  expect(name).toMatch(/^amq\.gen-/)
  ch.queueBind('', 'amq.direct', '')
  ch.basicPublish('amq.direct', name, 1)
  expect(ch.basicGet('')?.delivery.body).toBe(1)
  expect(() => channel().channel.queuePurge('')).toThrow('NOT_FOUND - no previously declared queue')
  await finish(broker)
})

test('closes the connection and all its channels by a hard error (GEN-01, CH-07, CH-26)', async () => {
  const { broker, connection, lost, channel } = open()
  const { channel: ch } = channel()
  const { channel: bystander, said } = channel()
  fill(bystander, 'q', 1)
  bystander.basicGet('q')
  bystander.queueDeclare('mine', { exclusive: true })
  ch.basicConsume('q', { consumerTag: 'c' })
  expect(() => ch.basicConsume('q', { consumerTag: 'c' })).toThrow("attempt to reuse consumer tag 'c'")
  expect([ch.closed, bystander.closed, connection.closed]).toEqual([true, true, true])
  await turn()
  expect(lost).toMatchObject([[{ replyCode: 530 }, { classId: 60, methodId: 20 }]])
  expect(said).toEqual([])
  const next = open({ broker }).channel().channel
  expect(next.basicGet('q')?.delivery.redelivered).toBe(true)
  next.queueDeclare('mine', { exclusive: true })
  await finish(broker)
})

test('gives numbers again, and refuses more channels than were agreed on (CH-03, CH-15)', async () => {
  const { broker, connection, lost, channel } = open({ channelMax: 2 })
  const first = channel().channel
  const second = channel().channel
  expect([first.number, second.number]).toEqual([1, 2])
  first.close()
  expect(channel().channel.number).toBe(1)
  expect(() => channel()).toThrow('number of channels opened (2) has reached the negotiated channel_max (2)')
  expect(connection.closed).toBe(true)
  await turn()
  expect(lost).toMatchObject([[{ replyCode: 530 }, { classId: 20, methodId: 10 }]])
  await finish(broker)
})

test('is told when its virtual host is deleted (VH-03)', async () => {
  const broker = new Broker()
  broker.createVirtualHost('v')
  const lost: unknown[] = []
  const connection = openConnection(broker, { virtualHost: 'v' }, { closed: (error) => lost.push(error.replyText) })
  const channel = connection.createChannel({
    delivered: () => lost.push('delivered'),
    cancelled: (tag) => lost.push(`cancelled ${tag}`),
    returned: () => lost.push('returned'),
    confirmed: () => lost.push('confirmed'),
    closed: () => lost.push('closed'),
  })
  channel.queueDeclare('q')
  channel.basicConsume('q', { consumerTag: 'c' })
  broker.deleteVirtualHost('v')
  await turn()
  expect(lost).toEqual(['cancelled c', "CONNECTION_FORCED - vhost 'v' is deleted"])
  await finish(broker)
})

test('knows an exchange type or closes the connection, as 3.10 did, or the channel (EX-05)', async () => {
  const old = open({ broker: new Broker({ compatibility: '3.10' }) })
  expect(() => old.channel().channel.exchangeDeclare('x', 'nope')).toThrow(
    "COMMAND_INVALID - unknown exchange type 'nope'",
  )
  expect(old.connection.closed).toBe(true)
  const now = open()
  expect(() => now.channel().channel.exchangeDeclare('x', 'nope')).toThrow(
    "PRECONDITION_FAILED - unknown exchange type 'nope'",
  )
  expect(now.connection.closed).toBe(false)
  await finish(old.broker)
  await finish(now.broker)
})
