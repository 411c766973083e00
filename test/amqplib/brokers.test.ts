// Which broker a URL leads to, how tests look into it and end it, and how native handles and amqplib's understand each other.
import { Broker } from 'leveret'
import {
  brokerOf,
  type ChannelModel,
  type ConsumeMessage,
  connect,
  dropConnections,
  reset,
  useBroker,
} from 'leveret/amqplib'
import { testBroker } from 'leveret/testing'
import { afterEach, expect, test, vi } from 'vitest'
import { turn } from '../support/turn.js'

afterEach(reset)

const bytes = (text: string) => Buffer.from(text)

async function declare(model: ChannelModel, queue: string) {
  const channel = await model.createChannel()
  await channel.assertQueue(queue)
  return channel
}

test('two connections to one host and port share a broker, others do not', async () => {
  await declare(await connect('amqp://localhost'), 'q')
  const same = await connect({ hostname: '127.0.0.1', port: 5672, username: 'guest', password: 'guest' })
  await expect((await same.createChannel()).checkQueue('q')).resolves.toBeDefined()
  expect(brokerOf('amqp://localhost:5673')).not.toBe(brokerOf('amqp://localhost:5672'))
  expect(brokerOf()).toBe(brokerOf('amqp://guest:guest@localhost:5672/'))
})

test('a broker of one’s own stands behind a URL, or behind all of them', async () => {
  const broker = new Broker({ compatibility: '3.10' })
  useBroker(broker, 'amqp://mine')
  await declare(await connect('amqp://mine'), 'q')
  expect(broker.virtualHost('/').queues()).toHaveLength(1)
  const all = new Broker()
  useBroker(all)
  await declare(await connect('amqp://anywhere'), 'r')
  expect(all.virtualHost('/').queues()).toMatchObject([{ name: 'r' }])
  expect(brokerOf('amqp://mine')).toBe(broker)
})

test('a broker of another copy of the package serves as well, and its errors are told as its own', async () => {
  vi.resetModules()
  const copy = await import('leveret')
  expect(copy.Broker).not.toBe(Broker)
  const broker = new copy.Broker({ compatibility: '3.10' })
  useBroker(broker)
  const connection = await connect('amqp://localhost')
  const channel = await declare(connection, 'q')
  channel.sendToQueue('q', bytes('a'))
  const message = await channel.get('q')
  if (message === false) throw new Error('expected a message')
  expect(message.content.toString()).toBe('a')
  channel.ack(message)
  expect(broker.virtualHost('/').overview().queues).toMatchObject([{ name: 'q', stats: { ready: 0, acked: 1 } }])
  const closed = new Promise((resolve) => channel.on('close', resolve).on('error', () => undefined))
  await expect(channel.checkQueue('nowhere')).rejects.toThrow(
    "404 (NOT-FOUND) with message \"NOT_FOUND - no queue 'nowhere'",
  )
  await closed
  await expect(connect('amqp://nobody:x@localhost')).rejects.toThrow('ACCESS_REFUSED')
})

test('virtual hosts and users of the URL are those of the broker', async () => {
  const broker = brokerOf()
  broker.createVirtualHost('a/b')
  broker.addUser('me', { password: 's:cret' })
  broker.setPermissions('me', { virtualHost: 'a/b', configure: '.*', write: '.*', read: '.*' })
  const connection = await connect('amqp://me:s%3Acret@localhost/a%2Fb')
  await declare(connection, 'q')
  expect(broker.virtualHost('a/b').queues()).toMatchObject([{ name: 'q' }])
  await expect(connect('amqp://me:s%3Acret@localhost/')).rejects.toThrow('Expected ConnectionOpenOk')
})

test('reset ends everything without a word, and what is connected next finds an empty broker', async () => {
  const connection = await connect('amqp://localhost')
  const said: unknown[] = []
  connection.on('close', () => said.push('close'))
  connection.on('error', () => said.push('error'))
  const channel = await declare(connection, 'q')
  const waiting = channel.checkQueue('q')
  const broker = brokerOf()
  await Promise.all([reset(), expect(waiting).rejects.toThrow('Channel ended')])
  await turn()
  expect(said).toEqual([])
  expect(broker.closed).toBe(true)
  expect(() => channel.sendToQueue('q', bytes('1'))).toThrow('Channel closed')
  const next = await (await connect('amqp://localhost')).createChannel()
  next.on('error', () => undefined)
  await expect(next.checkQueue('q')).rejects.toThrow('NOT_FOUND')
})

test('a dropped connection says error and close, and what it held comes back', async () => {
  const connection = await connect('amqp://localhost')
  const said: unknown[] = []
  connection.on('close', (error) => said.push(['close', error?.message]))
  connection.on('error', (error) => said.push(['error', error.message]))
  const channel = await declare(connection, 'q')
  channel.on('close', () => said.push(['channel close']))
  channel.sendToQueue('q', bytes('1'))
  await channel.get('q')
  dropConnections()
  expect(said).toEqual([])
  await turn()
  expect(said).toEqual([['error', 'Unexpected close'], ['channel close'], ['close', 'Unexpected close']])
  const message = await (await (await connect('amqp://localhost')).createChannel()).get('q')
  expect(message).toMatchObject({ fields: { redelivered: true } })
})

test('what native handles publish, an amqplib consumer reads as bytes', async () => {
  await using kit = testBroker({ compatibility: '3.10' })
  useBroker(kit.broker)
  const channel = await declare(await connect('amqp://localhost'), 'q')
  const got: ConsumeMessage[] = []
  await channel.consume('q', (message) => message && got.push(message), { noAck: true })
  const queue = kit.bus.queue('q')
  await queue.send({ id: 1 })
  await queue.send('text ü')
  await queue.send(new Uint8Array([1, 2]))
  await queue.send(bytes('buffer'), { contentType: 'x/y', headers: { a: 1 }, expiration: 5_000 })
  await kit.settled()
  expect(got.map(({ content, properties }) => [content.toString(), properties.contentType])).toEqual([
    ['{"id":1}', 'application/json'],
    ['text ü', 'text/plain'],
    ['\u0001\u0002', undefined],
    ['buffer', 'x/y'],
  ])
  expect(got[3]?.properties).toMatchObject({ headers: { a: 1 }, expiration: '5000' })
})

test('what amqplib publishes, a native consumer reads by its content type', async () => {
  await using kit = testBroker({ compatibility: '3.10' })
  useBroker(kit.broker)
  const channel = await declare(await connect('amqp://localhost'), 'q')
  channel.sendToQueue('q', bytes('{"id":1}'), { contentType: 'application/json' })
  channel.sendToQueue('q', bytes('text ü'), { contentType: 'text/plain' })
  channel.sendToQueue('q', bytes('{"id":1}'))
  const bodies: unknown[] = []
  kit.bus
    .queue('q')
    .createConsumer()
    .consume((delivery) => {
      bodies.push(delivery.body)
      delivery.ack()
    })
  await kit.settled()
  expect(bodies.slice(0, 2)).toEqual([{ id: 1 }, 'text ü'])
  expect(Buffer.from(bodies[2] as Uint8Array).toString()).toBe('{"id":1}')
})

test('a broker with an alarm blocks who publishes until it is over', async () => {
  const connection = await connect('amqp://localhost')
  const said: unknown[] = []
  connection.on('blocked', (reason) => said.push(['blocked', reason]))
  connection.on('unblocked', () => said.push(['unblocked']))
  const channel = await declare(connection, 'q')
  brokerOf().setAlarm('memory')
  channel.sendToQueue('q', bytes('1'))
  await turn()
  expect(said).toEqual([['blocked', 'low on memory']])
  const held = channel.checkQueue('q').then(({ messageCount }) => said.push(messageCount))
  channel.sendToQueue('q', bytes('2'))
  await turn()
  expect(said).toHaveLength(1)
  expect(brokerOf().virtualHost('/').peek('q', 5)).toHaveLength(1)
  brokerOf().clearAlarm('memory')
  await held
  await turn()
  expect(said.slice(1)).toEqual([['unblocked'], 1])
  expect(brokerOf().virtualHost('/').peek('q', 5)).toHaveLength(2)
})

test('who does not know of cancels or blocks is not told', async () => {
  const connection = await connect('amqp://localhost', { clientProperties: { capabilities: {} } })
  const said: unknown[] = []
  connection.on('blocked', (reason) => said.push(reason))
  const channel = await declare(connection, 'q')
  await channel.consume('q', (message) => said.push(message))
  await channel.deleteQueue('q')
  brokerOf().setAlarm('memory')
  channel.sendToQueue('q', bytes('1'))
  await turn()
  expect(said).toEqual([])
})

test('the server says what RabbitMQ 3.10 says of itself, and takes a new secret', async () => {
  const connection = await connect('amqp://localhost')
  expect(connection.connection.serverProperties).toMatchObject({
    product: 'RabbitMQ',
    version: '3.10.8',
    capabilities: {
      publisher_confirms: true,
      exchange_exchange_bindings: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
      'connection.blocked': true,
      consumer_priorities: true,
      authentication_failure_close: true,
      per_consumer_qos: true,
      direct_reply_to: true,
    },
  })
  const said: unknown[] = []
  connection.on('update-secret-ok', () => said.push('ok'))
  await connection.updateSecret(bytes('new'), 'because')
  expect(said).toEqual(['ok'])
  await expect(connection.updateSecret('text' as never, '')).rejects.toThrow("Field 'newSecret' is the wrong type")
})
