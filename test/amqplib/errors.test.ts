// What goes wrong on amqplib's API: the messages, codes and events of amqplib itself.
import {
  brokerOf,
  type Channel,
  type ChannelModel,
  connect,
  credentials,
  IllegalOperationError,
  reset,
} from 'leveret/amqplib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { turn } from '../support/turn.js'

let connection: ChannelModel
let channel: Channel

beforeEach(async () => {
  connection = await connect('amqp://localhost')
  channel = await connection.createChannel()
})
afterEach(reset)

const bytes = (text: string) => Buffer.from(text)

/** Writes down what an emitter says. */
function watch(emitter: ChannelModel | Channel, name: string, said: unknown[]): void {
  emitter.on('error', (error: Error & { code?: number; classId?: number; methodId?: number }) => {
    said.push([`${name} error`, error.message, error.code, error.classId, error.methodId])
  })
  emitter.on('close', (error?: Error) => said.push([`${name} close`, error?.message]))
}

describe('connect rejects', () => {
  test.each([
    [
      'a virtual host that is not there',
      'amqp://localhost/nope',
      'Expected ConnectionOpenOk; got <ConnectionClose channel:0>',
    ],
    [
      'a wrong password',
      'amqp://guest:wrong@localhost',
      'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."',
    ],
    [
      'a user that is not there',
      'amqp://nobody:guest@localhost',
      'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."',
    ],
    ['another protocol', 'http://localhost', 'Expected amqp: or amqps: as the protocol; got http:'],
    ['what is no URL', 'nonsense', 'Expected amqp: or amqps: as the protocol; got '],
  ])('%s', async (_, url, message) => {
    await expect(connect(url)).rejects.toThrow(new Error(message))
  })

  test('a mechanism that the broker has not', async () => {
    await expect(connect('amqp://localhost', { credentials: credentials.external() })).rejects.toThrow(
      'SASL mechanism EXTERNAL is not provided by the server',
    )
  })

  test('a broker that is closed', async () => {
    await brokerOf('amqp://elsewhere').close()
    await expect(connect('amqp://elsewhere')).rejects.toMatchObject({
      message: 'connect ECONNREFUSED elsewhere:5672',
      code: 'ECONNREFUSED',
    })
  })
})

test('a channel error rejects the request that made it and those that wait, then error, then close', async () => {
  const said: unknown[] = []
  watch(channel, 'channel', said)
  const failing = channel.checkQueue('nope').catch((error) => said.push(['rejected', error.message, error.code]))
  const waiting = channel.assertQueue('q').catch((error) => said.push(['waiting', error.message, error.code]))
  await Promise.all([failing, waiting])
  const text = "404 (NOT-FOUND) with message \"NOT_FOUND - no queue 'nope' in vhost '/'\""
  expect(said).toEqual([
    ['channel error', `Channel closed by server: ${text}`, 404, 50, 10],
    ['channel close', undefined],
    ['rejected', `Operation failed: QueueDeclare; ${text}`, 404],
    ['waiting', 'Channel ended, no reply will be forthcoming', undefined],
  ])
  expect(await connection.createChannel()).toBeDefined()
})

test('a publish or settlement that kills the channel is told to whoever asks next', async () => {
  const said: unknown[] = []
  watch(channel, 'channel', said)
  channel.publish('nope', '', bytes('1'))
  channel.publish('nope', '', bytes('2'))
  await expect(channel.assertQueue('q')).rejects.toMatchObject({
    message: "Channel closed by server: 404 (NOT-FOUND) with message \"NOT_FOUND - no exchange 'nope' in vhost '/'\"",
    code: 404,
    classId: 60,
    methodId: 40,
  })
  expect(said).toHaveLength(2)
  const other = await connection.createChannel()
  watch(other, 'other', said)
  other.ack({ fields: { deliveryTag: 9 } } as never)
  await turn()
  expect(said[2]).toEqual([
    'other error',
    'Channel closed by server: 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - unknown delivery tag 9"',
    406,
    60,
    80,
  ])
})

test('what is asked of a closed channel is an illegal operation, which says where it was closed', async () => {
  await channel.close()
  const failure = await channel.assertQueue('q').catch((error) => error)
  expect(failure).toBeInstanceOf(IllegalOperationError)
  expect(failure).toMatchObject({ name: 'IllegalOperationError', message: 'Channel closed' })
  expect(failure.stackAtStateChange).toMatch(/^Stack capture: ChannelCloseOk frame received\n/)
  for (const call of [
    () => channel.publish('', 'q', bytes('1')),
    () => channel.sendToQueue('q', bytes('1')),
    () => channel.ackAll(),
    () => channel.nackAll(),
    () => channel.ack({ fields: { deliveryTag: 1 } } as never),
    () => channel.reject({ fields: { deliveryTag: 1 } } as never),
  ]) {
    expect(call).toThrow(IllegalOperationError)
  }
  await expect(channel.close()).rejects.toThrow('Channel closed')
})

test('a channel that closes takes no more, and what waits for a reply is told', async () => {
  const waiting = channel.assertQueue('q')
  const closing = channel.close()
  expect(() => channel.sendToQueue('q', bytes('1'))).toThrow('Channel closing')
  await expect(waiting).rejects.toThrow('Channel ended, no reply will be forthcoming')
  await closing
})

test('a connection error ends every channel, then the connection', async () => {
  const said: unknown[] = []
  watch(connection, 'connection', said)
  watch(channel, 'channel', said)
  const failing = channel.assertExchange('x', 'nope').catch((error) => said.push(['rejected', error.message]))
  await failing
  const text =
    'Connection closed: 503 (COMMAND-INVALID) with message "COMMAND_INVALID - unknown exchange type \'nope\'"'
  expect(said).toEqual([
    ['connection error', text, 503, undefined, undefined],
    ['channel close', undefined],
    ['connection close', text],
    ['rejected', 'Channel ended, no reply will be forthcoming'],
  ])
  await expect(connection.createChannel()).rejects.toMatchObject({
    name: 'IllegalOperationError',
    message: `Connection closed (Error: ${text})`,
  })
  await expect(connection.close()).rejects.toThrow(IllegalOperationError)
})

test('a close by the client is no error', async () => {
  const said: unknown[] = []
  watch(connection, 'connection', said)
  watch(channel, 'channel', said)
  const closing = connection.close()
  await expect(channel.assertQueue('q')).rejects.toThrow('Connection closing')
  await closing
  expect(said).toEqual([
    ['channel close', undefined],
    ['connection close', undefined],
  ])
})

test('an operator who ends the connection makes a close, and no error', async () => {
  const said: unknown[] = []
  watch(connection, 'connection', said)
  await brokerOf().close({ timeout: 0 })
  await turn()
  expect(said).toEqual([['connection close', expect.stringContaining('320 (CONNECTION-FORCED)')]])
})

test('a consumer that throws costs its channel, and the error says so', async () => {
  const said: unknown[] = []
  watch(channel, 'channel', said)
  await channel.assertQueue('q')
  await channel.consume('q', () => {
    throw new Error('boom')
  })
  channel.sendToQueue('q', bytes('1'))
  await turn()
  expect(said).toEqual([
    ['channel error', 'boom', 541, undefined, undefined],
    ['channel close', undefined],
  ])
  const other = await connection.createChannel()
  expect(await other.checkQueue('q')).toMatchObject({ messageCount: 1, consumerCount: 0 })
})

test('with a listener for handler-error, a consumer that throws costs nothing', async () => {
  const errors: unknown[] = []
  channel.on('handler-error', (error, event) => errors.push([error.message, event]))
  await channel.assertQueue('q')
  await channel.consume('q', () => {
    throw new Error('boom')
  })
  channel.sendToQueue('q', bytes('1'))
  await turn()
  await new Promise((resolve) => setImmediate(resolve))
  expect(errors).toEqual([['boom', 'delivery']])
  expect(await channel.checkQueue('q')).toMatchObject({ consumerCount: 1 })
})

test('a channel error that nobody listens to ends the connection', async () => {
  const said: unknown[] = []
  watch(connection, 'connection', said)
  await channel.checkQueue('nope').catch(() => undefined)
  await turn()
  const text = expect.stringContaining('Channel closed by server: 404')
  expect(said).toEqual([
    ['connection error', text, 404, 50, 10],
    ['connection close', text],
  ])
})

test('arguments of the wrong type are refused before anything is sent', async () => {
  const name = 'is the wrong type; must be a string (up to 255 chars)'
  const wrong = channel as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  const table: [method: string, args: unknown[], message: string][] = [
    ['assertQueue', [5], `Field 'queue' ${name}`],
    ['assertQueue', ['q'.repeat(256)], `Field 'queue' ${name}`],
    ['assertQueue', ['q', { arguments: { 'x-f': () => 1 } }], 'Unknown type to encode: function'],
    ['bindQueue', ['q'], "Missing value for mandatory field 'exchange'"],
    ['bindQueue', ['q', 'x', 'k', 4], "Field 'arguments' is the wrong type; must be an object"],
    ['assertExchange', [], "Missing value for mandatory field 'exchange'"],
    ['bindExchange', [], "Missing value for mandatory field 'destination'"],
    ['cancel', [], "Missing value for mandatory field 'consumerTag'"],
    ['prefetch', ['a'], "Field 'prefetchCount' is the wrong type; must be a number (but not NaN)"],
    ['prefetch', [70_000], 'The value of "value" is out of range. It must be >= 0 and <= 65535. Received 70000'],
  ]
  for (const [method, args, message] of table) {
    await expect(wrong[method]?.call(channel, ...args), method).rejects.toThrow(message)
  }
  const publish = (...args: unknown[]) => (channel.publish as (...args: unknown[]) => boolean)(...args)
  // n.b. the one thing that a request throws at once.
  expect(() => wrong['assertQueue']?.call(channel, 'q', { arguments: 5 })).toThrow('Object prototype may only be')
  const throws: [args: unknown[], message: string][] = [
    [['', 'q', 'text'], 'content is not a buffer'],
    [[5, 'q', bytes('')], `Field 'exchange' ${name}`],
    [['', 'q', bytes(''), { contentType: 3 }], `Field 'contentType' ${name}`],
    [['', 'q', bytes(''), { priority: 'a' }], "Field 'priority' is the wrong type; must be a number (but not NaN)"],
    [['', 'q', bytes(''), { timestamp: new Date() }], "Field 'timestamp' is the wrong type; must be a number"],
    [['', 'q', bytes(''), { headers: { at: { '!': 'never', value: 1 } } }], 'Unknown type to encode: never'],
    [['', 'q', bytes(''), { headers: { d: { '!': 'decimal', value: 1 } } }], 'Decimal value must be'],
    [['', 'q', bytes(''), { headers: { d: { '!': 'byte', value: 300 } } }], 'must be >= -128 and <= 127. Received 300'],
    [['', 'q', bytes(''), { headers: { d: Number.NaN } }], 'The number NaN cannot be converted to a BigInt'],
    [['', 'q', bytes(''), { headers: { d: 'x'.repeat(70_000) } }], 'exceeds the 65536 byte encoding buffer'],
    [['', 'q', bytes(''), { priority: 256 }], 'It must be >= 0 and <= 255. Received 256'],
  ]
  for (const [args, message] of throws) expect(() => publish.call(channel, ...args), message).toThrow(message)
  expect(brokerOf().virtualHost('/').overview().publishes.published).toBe(0)
  expect(await channel.assertQueue('q')).toBeDefined()
})

test('no more channels than were agreed on', async () => {
  const small = await connect('amqp://localhost?channelMax=1')
  await small.createChannel()
  await expect(small.createChannel()).rejects.toThrow('No channels left to allocate')
})

test('a reply text is cut at 255 bytes, as on the wire', async () => {
  channel.on('error', () => undefined)
  const error: Error = await channel.checkQueue('q'.repeat(255)).catch((thrown) => thrown)
  const text = /with message "(.*)"$/.exec(error.message)?.[1] as string
  expect(text).toHaveLength(255)
  expect(text).toMatch(/q\.\.\.$/)
})
