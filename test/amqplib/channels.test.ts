// The promise API on a broker in this process: what each method does and answers, in amqplib's shapes.
import { type Channel, type ChannelModel, type ConsumeMessage, connect, type Message, reset } from 'leveret/amqplib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { turn } from '../support/turn.js'

let connection: ChannelModel
let channel: Channel

beforeEach(async () => {
  connection = await connect('amqp://guest:guest@localhost:5672')
  channel = await connection.createChannel()
})
afterEach(reset)

const bytes = (text: string) => Buffer.from(text)
const textOf = (message: Message | false | null) => (message ? message.content.toString() : message)

async function inbox(queue: string, options?: Parameters<Channel['consume']>[2]) {
  const messages: (ConsumeMessage | null)[] = []
  const { consumerTag } = await channel.consume(queue, (message) => messages.push(message), options)
  return { messages, consumerTag, texts: () => messages.map(textOf) }
}

test('queues are asserted, checked, purged and deleted', async () => {
  expect(await channel.assertQueue('q')).toEqual({ queue: 'q', messageCount: 0, consumerCount: 0 })
  for (const text of ['a', 'b', 'c']) channel.sendToQueue('q', bytes(text))
  expect(await channel.checkQueue('q')).toEqual({ queue: 'q', messageCount: 3, consumerCount: 0 })
  expect(await channel.purgeQueue('q')).toEqual({ messageCount: 3 })
  channel.sendToQueue('q', bytes('d'))
  expect(await channel.deleteQueue('q')).toEqual({ messageCount: 1 })
  const { queue } = await channel.assertQueue()
  expect(queue).toMatch(/^amq\.gen-/)
})

test('exchanges and bindings are made and unmade', async () => {
  expect(await channel.assertExchange('x', 'topic', { durable: false })).toEqual({ exchange: 'x' })
  expect(await channel.checkExchange('x')).toEqual({})
  await channel.assertExchange('y', 'fanout', { alternateExchange: 'x', internal: true, autoDelete: true })
  await channel.assertQueue('q')
  expect(await channel.bindQueue('q', 'y', '')).toEqual({})
  expect(await channel.bindExchange('y', 'x', 'a.*')).toEqual({})
  channel.publish('x', 'a.b', bytes('1'))
  expect(await channel.unbindExchange('y', 'x', 'a.*')).toEqual({})
  channel.publish('x', 'a.b', bytes('2'))
  expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 1 })
  expect(await channel.unbindQueue('q', 'y', '')).toEqual({})
  expect(await channel.deleteExchange('x', { ifUnused: true })).toEqual({})
  await channel.assertExchange('h', 'headers')
  await channel.bindQueue('q', 'h', '', { 'x-match': 'all', colour: 'red' })
  channel.publish('h', '', bytes('3'), { headers: { colour: 'red' } })
  channel.publish('h', '', bytes('4'), { headers: { colour: 'blue' } })
  expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 2 })
})

test('the deliveries of two consumers are in the order of the channel, and none comes before its consumer', async () => {
  for (const queue of ['a', 'b']) await channel.assertQueue(queue)
  for (let i = 0; i < 5; i++) channel.sendToQueue('b', bytes(`b${i}`))
  const events: string[] = []
  const take = (message: Message | null) => events.push(`${textOf(message)}`)
  channel.on('error', (error) => events.push(String(error)))
  await channel.consume('a', take)
  channel.sendToQueue('a', bytes('a0'))
  await channel.consume('b', take)
  await turn()
  expect(events).toEqual(['a0', 'b0', 'b1', 'b2', 'b3', 'b4'])
})

test('a consumer gets fields, properties and content of its own', async () => {
  await channel.assertQueue('q')
  const { messages, consumerTag } = await inbox('q')
  expect(consumerTag).toMatch(/^amq\.ctag-/)
  const content = bytes('hello')
  const headers = {
    text: 'a',
    number: 1,
    half: 0.5,
    big: 2 ** 40,
    yes: true,
    none: null,
    gone: undefined,
    bytes: bytes('b'),
    list: [1, 'a', { deep: true }],
    table: { inner: { value: 1 } },
    time: { '!': 'timestamp', value: 1_700_000_000 },
    wide: { '!': 'int64', value: 7 },
    money: { '!': 'decimal', value: { places: 2, digits: 199 } },
  }
  const options = {
    headers,
    persistent: true,
    priority: 3,
    expiration: 60_000,
    correlationId: 'c',
    replyTo: 'r',
    messageId: 'm',
    timestamp: 1_700_000_001,
    type: 't',
    userId: 'guest',
    appId: 'app',
    contentType: 'text/plain',
    contentEncoding: 'utf8',
    CC: 'cc',
    BCC: ['bcc'],
  }
  channel.sendToQueue('q', content, options)
  content.fill(0)
  headers.table.inner.value = 2
  await turn()
  const { gone: _, wide: __, ...kept } = headers
  const { headers: ___, persistent: ____, CC: _____, BCC: ______, ...properties } = options
  expect(messages).toEqual([
    {
      fields: { consumerTag, deliveryTag: 1, redelivered: false, exchange: '', routingKey: 'q' },
      properties: {
        ...properties,
        deliveryMode: 2,
        expiration: '60000',
        clusterId: undefined,
        headers: { ...kept, wide: 7, table: { inner: { value: 1 } }, CC: ['cc'] },
      },
      content: bytes('hello'),
    },
  ])
  expect(Object.keys(messages[0] as object)).toEqual(['fields', 'properties', 'content'])
  expect(Buffer.isBuffer(messages[0]?.content)).toBe(true)
  expect(Buffer.isBuffer(messages[0]?.properties.headers?.['bytes'])).toBe(true)
})

test('what a message has not is undefined, and headers are a table', async () => {
  await channel.assertQueue('q')
  channel.sendToQueue('q', bytes(''))
  const message = await channel.get('q')
  if (message === false) throw new Error('expected a message')
  expect(message.fields).toEqual({
    deliveryTag: 1,
    redelivered: false,
    exchange: '',
    routingKey: 'q',
    messageCount: 0,
  })
  const { headers, ...rest } = message.properties
  expect(headers).toEqual({})
  expect(Object.values(rest)).toEqual(Array(13).fill(undefined))
  expect(message.content).toHaveLength(0)
  expect(await channel.get('q')).toBe(false)
})

test('two queues and a redelivery have bytes of their own', async () => {
  await channel.assertQueue('q')
  channel.sendToQueue('q', bytes('same'))
  const first = await channel.get('q')
  if (first === false) throw new Error('expected a message')
  first.content.fill(0)
  channel.nack(first)
  expect(textOf(await channel.get('q'))).toBe('same')
})

test('settlements: ack, allUpTo, ackAll, nack, nackAll, reject, recover', async () => {
  await channel.assertQueue('dead')
  await channel.assertQueue('q', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' })
  const { messages } = await inbox('q')
  for (const text of ['1', '2', '3', '4', '5', '6', '7']) channel.sendToQueue('q', bytes(text))
  await turn()
  const at = (index: number) => messages[index] as ConsumeMessage
  channel.ack(at(1), true)
  channel.ack(at(2))
  channel.nack(at(3), false, false)
  channel.reject(at(4), false)
  await channel.recover()
  await turn()
  expect(messages.slice(7).map(textOf)).toEqual(['6', '7'])
  expect(messages.slice(7).map((message) => message?.fields.redelivered)).toEqual([true, true])
  channel.nackAll(false)
  expect(await channel.checkQueue('dead')).toMatchObject({ messageCount: 4 })
  channel.sendToQueue('q', bytes('8'))
  await turn()
  channel.nack(at(9))
  await turn()
  channel.ackAll()
  await channel.close()
  channel = await connection.createChannel()
  expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 0 })
})

test('prefetch limits a consumer, with global the channel', async () => {
  await channel.assertQueue('q')
  for (const text of ['1', '2', '3', '4']) channel.sendToQueue('q', bytes(text))
  expect(await channel.prefetch(1)).toEqual({})
  const one = await inbox('q')
  await turn()
  expect(one.texts()).toEqual(['1'])
  await channel.cancel(one.consumerTag)
  channel.nackAll()
  await channel.prefetch(0)
  await channel.prefetch(3, true)
  const two = await inbox('q')
  await turn()
  expect(two.texts()).toEqual(['1', '2', '3'])
})

test('a cancel ends the deliveries, and hands over what was out', async () => {
  await channel.assertQueue('q')
  const { consumerTag, texts } = await inbox('q', { consumerTag: 'mine' })
  expect(consumerTag).toBe('mine')
  channel.sendToQueue('q', bytes('before'))
  const cancelled = channel.cancel('mine')
  channel.sendToQueue('q', bytes('after'))
  expect(texts()).toEqual([])
  expect(await cancelled).toEqual({ consumerTag: 'mine' })
  expect(texts()).toEqual(['before'])
})

test('a consumer of a deleted queue is called with null', async () => {
  await channel.assertQueue('q')
  const { messages } = await inbox('q')
  const cancels: unknown[] = []
  channel.on('cancel', (fields) => cancels.push(fields))
  await channel.deleteQueue('q')
  await turn()
  expect(messages).toEqual([null])
  expect(cancels).toHaveLength(1)
})

test('nothing happens inside a call, and one request waits for the other', async () => {
  const said: string[] = []
  await channel.assertQueue('q')
  const consuming = channel.consume('q', () => said.push('delivered'), { noAck: true })
  const deleting = channel.assertQueue('late')
  channel.sendToQueue('q', bytes('1'))
  // n.b. as on the wire: the assert waits for the reply of the consume, the publish does not.
  channel.sendToQueue('late', bytes('lost'))
  expect(said).toEqual([])
  await Promise.all([consuming.then(() => said.push('consuming')), deleting])
  expect(said.sort()).toEqual(['consuming', 'delivered'])
  expect(await channel.checkQueue('late')).toMatchObject({ messageCount: 0 })
})

test('confirms call back in order, and waitForConfirms waits for them', async () => {
  const confirms = await connection.createConfirmChannel()
  await confirms.assertQueue('q', { maxLength: 1, overflow: 'reject-publish' })
  const said: unknown[] = []
  const acks: unknown[] = []
  confirms.on('ack', (fields) => acks.push(fields))
  confirms.sendToQueue('q', bytes('1'), {}, (error) => said.push(error))
  confirms.publish('', 'nowhere', bytes('2'), {}, (error) => said.push(error))
  expect(said).toEqual([])
  await confirms.waitForConfirms()
  expect(said).toEqual([null, null])
  expect(acks).toEqual([
    { deliveryTag: 1, multiple: false },
    { deliveryTag: 2, multiple: false },
  ])
  confirms.sendToQueue('q', bytes('3'), {}, (error) => said.push(error.message))
  await expect(confirms.waitForConfirms()).rejects.toThrow('message nacked')
  expect(said).toEqual([null, null, 'message nacked'])
  await expect(confirms.waitForConfirms()).resolves.toBeUndefined()
})

test('confirms that a closed channel took along fail', async () => {
  const confirms = await connection.createConfirmChannel()
  const said: unknown[] = []
  confirms.sendToQueue('nowhere', bytes('1'), {}, (error) => said.push(error?.message))
  const waiting = confirms.waitForConfirms().catch((error: Error) => error.message)
  await confirms.close()
  expect([await waiting, said]).toEqual(['channel closed', ['channel closed']])
  await expect(confirms.waitForConfirms()).rejects.toThrow('channel closed')
})

test('a mandatory message that reaches nothing comes back before its confirm', async () => {
  const confirms = await connection.createConfirmChannel()
  const said: unknown[] = []
  confirms.on('return', (message) => said.push(message))
  confirms.publish('', 'nowhere', bytes('1'), { mandatory: true, type: 't' }, () => said.push('confirmed'))
  await confirms.waitForConfirms()
  expect(said).toMatchObject([
    {
      fields: { replyCode: 312, replyText: 'NO_ROUTE', exchange: '', routingKey: 'nowhere' },
      properties: { type: 't', headers: {} },
      content: bytes('1'),
    },
    'confirmed',
  ])
})

test('publish answers false when the pipe is full, and drain follows', async () => {
  const narrow = await connection.createChannel({ highWaterMark: 4 })
  const answers = Array.from({ length: 8 }, () => narrow.sendToQueue('nowhere', bytes('1')))
  expect(answers).toEqual([true, true, true, true, true, true, false, false])
  await new Promise<void>((resolve) => narrow.once('drain', resolve))
  expect(narrow.sendToQueue('nowhere', bytes('1'))).toBe(true)
})

test('every option of a queue is the argument that amqplib makes of it', async () => {
  const options = {
    messageTtl: 60_000,
    expires: 70_000,
    deadLetterExchange: 'x',
    deadLetterRoutingKey: 'k',
    maxLength: 10,
    maxPriority: 5,
    overflow: 'reject-publish',
    queueMode: 'lazy',
    arguments: { 'x-single-active-consumer': true, 'x-unknown': 'kept', foo: 1 },
  }
  await channel.assertQueue('q', options)
  await channel.assertQueue('q', { ...options, arguments: { 'x-single-active-consumer': true } })
  const { brokerOf } = await import('leveret/amqplib')
  expect(brokerOf().virtualHost('/').queues()).toMatchObject([
    {
      name: 'q',
      durable: true,
      arguments: {
        'x-message-ttl': 60_000,
        'x-expires': 70_000,
        'x-dead-letter-exchange': 'x',
        'x-dead-letter-routing-key': 'k',
        'x-max-length': 10,
        'x-max-priority': 5,
        'x-overflow': 'reject-publish',
        'x-queue-mode': 'lazy',
        'x-single-active-consumer': true,
        'x-unknown': 'kept',
        foo: 1,
      },
    },
  ])
})

test('a death is told as on the wire', async () => {
  await channel.assertQueue('dead')
  await channel.assertQueue('q', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' })
  channel.sendToQueue('q', bytes('1'))
  const message = await channel.get('q')
  if (message === false) throw new Error('expected a message')
  channel.reject(message, false)
  const letter = await channel.get('dead')
  if (letter === false) throw new Error('expected a letter')
  expect(letter.properties.headers).toEqual({
    'x-death': [
      {
        count: 1,
        reason: 'rejected',
        queue: 'q',
        time: { '!': 'timestamp', value: expect.any(Number) },
        exchange: '',
        'routing-keys': ['q'],
      },
    ],
    'x-first-death-exchange': '',
    'x-first-death-queue': 'q',
    'x-first-death-reason': 'rejected',
  })
})
