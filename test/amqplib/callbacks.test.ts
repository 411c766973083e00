// The callback API: the same channels, with callbacks in place of promises.
import { type Channel, type Connection, connect, IllegalOperationError, reset } from 'leveret/amqplib/callback_api'
import { afterEach, beforeEach, expect, test } from 'vitest'

let connection: Connection
let channel: Channel

/** What a callback was called with, its error first. */
const called = (call: (callback: (...args: never[]) => void) => unknown): Promise<unknown[]> =>
  new Promise((resolve) => call((...args: unknown[]) => resolve(args)))

beforeEach(async () => {
  connection = (await called((callback) => connect('amqp://localhost', callback as never)))[1] as Connection
  channel = (await called((callback) => connection.createChannel(callback as never)))[1] as Channel
})
afterEach(reset)

const bytes = (text: string) => Buffer.from(text)

test('connect takes a callback alone, with a URL, and with options', async () => {
  expect(await called((callback) => connect(callback as never))).toMatchObject([null, { connection: {} }])
  expect(await called((callback) => connect('amqp://localhost', {}, callback as never))).toMatchObject([null, {}])
  const [error, none] = await called((callback) => connect('amqp://guest:no@localhost', callback as never))
  expect([(error as Error).message, none]).toEqual([expect.stringContaining('403 (ACCESS-REFUSED)'), undefined])
  expect(() => connect('http://localhost', () => undefined)).toThrow('Expected amqp: or amqps:')
})

test('every request calls back with null and its reply', async () => {
  const replies: unknown[] = []
  const ask = async (call: (callback: never) => unknown) => replies.push(await called(call as never))
  await ask((done) => channel.assertQueue('q', {}, done))
  await ask((done) => channel.assertExchange('x', 'fanout', {}, done))
  await ask((done) => channel.assertExchange('y', 'fanout', {}, done))
  await ask((done) => channel.checkExchange('x', done))
  await ask((done) => channel.bindQueue('q', 'x', '', {}, done))
  await ask((done) => channel.bindExchange('x', 'y', '', {}, done))
  channel.publish('y', '', bytes('1'))
  await ask((done) => channel.checkQueue('q', done))
  await ask((done) => channel.unbindExchange('x', 'y', '', {}, done))
  await ask((done) => channel.unbindQueue('q', 'x', '', {}, done))
  await ask((done) => channel.get('q', { noAck: true }, done))
  await ask((done) => channel.get('q', {}, done))
  await ask((done) => channel.purgeQueue('q', done))
  await ask((done) => channel.prefetch(1, false, done))
  await ask((done) => channel.recover(done))
  await ask((done) => channel.consume('q', () => undefined, { consumerTag: 'c' }, done))
  await ask((done) => channel.cancel('c', done))
  await ask((done) => channel.deleteQueue('q', {}, done))
  await ask((done) => channel.deleteExchange('x', {}, done))
  await ask((done) => channel.close(done))
  const ok = [null, {}]
  expect(replies).toEqual([
    [null, { queue: 'q', messageCount: 0, consumerCount: 0 }],
    [null, { exchange: 'x' }],
    [null, { exchange: 'y' }],
    ok,
    ok,
    ok,
    [null, { queue: 'q', messageCount: 1, consumerCount: 0 }],
    ok,
    ok,
    [null, expect.objectContaining({ content: bytes('1') })],
    [null, false],
    [null, { messageCount: 0 }],
    ok,
    ok,
    [null, { consumerTag: 'c' }],
    [null, { consumerTag: 'c' }],
    [null, { messageCount: 0 }],
    ok,
    [null],
  ])
})

test('a request that fails calls back with the error alone', async () => {
  channel.on('error', () => undefined)
  const [error, ...rest] = await called((done) => channel.checkQueue('nope', done as never))
  expect(error).toMatchObject({
    message:
      "Operation failed: QueueDeclare; 404 (NOT-FOUND) with message \"NOT_FOUND - no queue 'nope' in vhost '/'\"",
    code: 404,
  })
  expect(rest).toEqual([])
  expect(() => channel.assertQueue('q')).toThrow(IllegalOperationError)
})

test('messages are consumed and settled', async () => {
  await called((done) => channel.assertQueue('q', {}, done as never))
  const texts: string[] = []
  const all = new Promise<void>((resolve) => {
    channel.consume('q', (message) => {
      if (message === null) return
      texts.push(message.content.toString())
      channel.ack(message)
      if (texts.length === 2) resolve()
    })
  })
  channel.sendToQueue('q', bytes('1'))
  channel.sendToQueue('q', bytes('2'))
  await all
  expect(texts).toEqual(['1', '2'])
})

test('confirms call back, and waitForConfirms does when all are there', async () => {
  const [, confirms] = (await called((done) => connection.createConfirmChannel(done as never))) as [
    null,
    import('leveret/amqplib/callback_api').ConfirmChannel,
  ]
  const said: unknown[] = []
  confirms.sendToQueue('nowhere', bytes('1'), {}, (error) => said.push(error))
  expect(await called((done) => confirms.waitForConfirms(done as never))).toEqual([])
  expect(said).toEqual([null])
  confirms.sendToQueue('nowhere', bytes('2'))
  confirms.close()
  const [error] = await called((done) => confirms.waitForConfirms(done as never))
  expect((error as Error).message).toBe('channel closed')
})

test('a connection closes once', async () => {
  expect(await called((done) => connection.close(done as never))).toEqual([null])
  const [error] = await called((done) => connection.close(done as never))
  expect(error).toBeInstanceOf(IllegalOperationError)
  expect(() => connection.createChannel(() => undefined)).toThrow('Connection closed (by client)')
})

test('a connection recovers', async () => {
  const recovering = connect('amqp://localhost', { recovery: { initialDelay: 1, jitter: 0 } })
  expect(await called((done) => recovering.waitForConnect(done as never))).toEqual([null, recovering])
  const [, made] = await called((done) => recovering.createChannel(done as never))
  expect(made).toMatchObject({ ch: 1 })
  expect(await called((done) => recovering.updateSecret(bytes('n'), '', done as never))).toEqual([null, undefined])
  expect(await called((done) => recovering.close(done as never))).toEqual([null, undefined])
})
