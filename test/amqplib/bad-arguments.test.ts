// What amqplib makes of arguments that are wrong, held against amqplib itself on a live RabbitMQ: each call on both, in both
// APIs. The same class of error, message and code, at the same moment: thrown, rejected, or by the broker.
import * as amqplib from 'amqplib'
import * as callbacks from 'amqplib/callback_api'
import * as ours from 'leveret/amqplib'
import * as ourCallbacks from 'leveret/amqplib/callback_api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answers } from '../conformance/live.js'

const QUEUE = `leveret-bad-arguments-${process.pid}`
const EXCHANGE = `${QUEUE}-exchange`
const LONG = 'é'.repeat(128)
const bytes = Buffer.from('1')
const listener = () => undefined

const names = [5, null, undefined, {}, true, LONG, Number.NaN]
const numbers = [-1, 256, 65_536, 1.5, 2 ** 40, Number.POSITIVE_INFINITY, '5', Number.NaN, null]
const typed = (type: string, ...values: readonly unknown[]) => values.map((value) => ({ v: { '!': type, value } }))
// n.b. RabbitMQ hangs up when it reads a double that is no number, such as Infinity.
const tables = [
  ...[5, 'x', true, null, []],
  ...[() => 1, Symbol('s'), 1n, Number.NaN, 2 ** 70, -(2 ** 70), new Date(0), [() => 1], { deep: () => 1 }].map(
    (v) => ({ v }),
  ),
  ...typed('nope', 1),
  ...typed('number', 1, 'x'),
  ...typed('byte', 300, 'x', 1.5),
  ...typed('uint8', -1),
  ...typed('int16', 40_000),
  ...typed('unsignedshort', 70_000),
  ...typed('int', 2 ** 40),
  ...typed('uint32', -1),
  ...typed('long', 1.5, 2 ** 70, 'abc', '12'),
  ...typed('timestamp', -1, 1.5, 'abc'),
  ...typed('decimal', 1, null, { places: 256, digits: 1 }, { places: 2, digits: -1 }, { places: 2, digits: 1 }),
  ...typed('string', 5, null),
  ...typed('object', 5, null, 'ab'),
  ...typed('boolean', 'x', 0),
  { ['k'.repeat(300)]: 1 },
  { v: 'x'.repeat(70_000) },
]

type Row = readonly unknown[]
const each = (values: readonly unknown[], ...makers: readonly ((value: unknown) => Row)[]) =>
  makers.flatMap((make) => values.map(make))
const message = (deliveryTag: unknown) => ({ fields: { deliveryTag } })
const settling = [[], [5], [null], ...each(names, (tag) => [message(tag)]), ...each(numbers, (tag) => [message(tag)])]
const binding = [
  [],
  ...each(
    names,
    (name) => [name, 'amq.direct', 'key'],
    (name) => [QUEUE, name, 'key'],
    (key) => [QUEUE, 'amq.direct', key],
  ),
  ...each(tables, (table) => [QUEUE, 'amq.direct', 'key', table]),
]
const bindingExchanges = [
  [],
  ...each(
    names,
    (name) => [name, 'amq.fanout', 'k'],
    (name) => ['amq.direct', name, 'k'],
  ),
]
const strings = ['contentType', 'contentEncoding', 'correlationId', 'replyTo', 'messageId', 'type', 'userId', 'appId']

/** The arguments that each method is called with. */
const CALLS: Readonly<Record<string, readonly Row[]>> = {
  assertQueue: [
    ...each(names, (name) => [name, { exclusive: true }]),
    ...each([5, 'x', true, null, []], (options) => [QUEUE, options]),
    ...['messageTtl', 'deadLetterExchange', 'maxLength', 'overflow', 'autoDelete'].flatMap((option) =>
      each(names, (value) => ['', { exclusive: true, [option]: value }]),
    ),
    ...each(tables, (table) => ['', { exclusive: true, arguments: table }]),
  ],
  checkQueue: each(names, (name) => [name]),
  deleteQueue: [...each(names, (name) => [name]), ...each([5, 'x', null], (options) => ['nope', options])],
  purgeQueue: each(names, (name) => [name]),
  bindQueue: binding,
  unbindQueue: binding,
  assertExchange: [
    ...each(
      names,
      (name) => [name, 'direct'],
      (type) => [EXCHANGE, type, { autoDelete: true }],
    ),
    ...each([5, null, true, LONG, Number.NaN], (alternateExchange) => [
      EXCHANGE,
      'direct',
      { autoDelete: true, alternateExchange },
    ]),
    ...each([5, 'x', {}], (table) => [EXCHANGE, 'direct', { autoDelete: true, arguments: table }]),
  ],
  checkExchange: each(names, (name) => [name]),
  deleteExchange: each(names, (name) => [name]),
  bindExchange: bindingExchanges,
  unbindExchange: bindingExchanges,
  consume: [
    ...each(
      names,
      (name) => [name, listener],
      (consumerTag) => [QUEUE, listener, { consumerTag }],
    ),
    ...each(names, (priority) => [QUEUE, listener, { priority }]),
    ...each([5, 'x', true, null], (options) => [QUEUE, listener, options]),
    ...each([5, 'x', {}, null, undefined], (callback) => [QUEUE, callback]),
    ...each(tables, (table) => [QUEUE, listener, { arguments: table }]),
  ],
  cancel: each(names, (tag) => [tag]),
  get: [...each(names, (name) => [name]), ...each([5, 'x', null], (options) => [QUEUE, options])],
  prefetch: each([...names, ...numbers], (count) => [count]),
  publish: [
    ...each(
      names,
      (name) => [name, 'key', bytes],
      (key) => ['', key, bytes],
      (content) => ['', 'key', content],
    ),
    ...each([5, 'x', true, null], (options) => ['', 'key', bytes, options]),
    ...strings.flatMap((name) => each([5, null, LONG], (value) => ['', 'key', bytes, { [name]: value }])),
    ...['CC', 'BCC', 'persistent', 'mandatory'].flatMap((name) =>
      each([5, null, {}, LONG], (value) => ['', 'key', bytes, { [name]: value }]),
    ),
    ...['priority', 'timestamp', 'deliveryMode', 'expiration'].flatMap((name) =>
      each(numbers, (value) => ['', 'key', bytes, { [name]: value }]),
    ),
    ...each(tables, (headers) => ['', 'key', bytes, { headers }]),
  ],
  sendToQueue: each(
    names,
    (name) => [name, bytes],
    (content) => ['key', content],
  ),
  ack: settling,
  nack: settling,
  reject: settling,
}

/** How many arguments stand before the callback. */
const ARITY: Readonly<Record<string, number>> = {
  ...{ assertQueue: 2, checkQueue: 1, deleteQueue: 2, purgeQueue: 1, bindQueue: 4, unbindQueue: 4, assertExchange: 3 },
  ...{
    checkExchange: 1,
    deleteExchange: 2,
    bindExchange: 4,
    unbindExchange: 4,
    consume: 3,
    cancel: 1,
    get: 2,
    prefetch: 2,
  },
}

type Method = (...args: unknown[]) => unknown
type AnyChannel = Readonly<Record<string, Method>> & NodeJS.EventEmitter
/** A connection by one of the APIs. */
interface Side {
  channel(): Promise<AnyChannel>
  close(): Promise<void>
  /** Calls a method, answers its promise, or one for its callback. */
  call(channel: AnyChannel, method: string, args: Row): unknown
}

async function byPromises(api: typeof amqplib): Promise<Side> {
  const connection = await api.connect('amqp://127.0.0.1', { noDelay: true })
  return {
    channel: async () => (await connection.createChannel()) as unknown as AnyChannel,
    close: () => connection.close(),
    call: (channel, method, args) => channel[method]?.(...args),
  }
}

async function byCallbacks(api: typeof callbacks): Promise<Side> {
  const promised = <Value>(call: (done: (error: unknown, value: Value) => void) => unknown) =>
    new Promise<Value>((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))))
  const connection = await promised<callbacks.Connection>((done) =>
    api.connect('amqp://127.0.0.1', { noDelay: true }, done),
  )
  return {
    channel: async () => (await promised((done) => connection.createChannel(done))) as unknown as AnyChannel,
    close: () => promised<void>((done) => connection.close(done as () => void)),
    call(channel, method, args) {
      const arity = ARITY[method]
      if (arity === undefined) return channel[method]?.(...args)
      let ask = (): unknown => undefined
      const waiting = promised((done) => {
        ask = () => channel[method]?.(...Array.from({ length: arity }, (_, at) => args[at]), done)
      })
      // n.b. where it throws at once, amqplib's channel calls back in its end.
      waiting.catch(() => undefined)
      ask()
      return waiting
    },
  }
}

const said = (error: unknown) => {
  const { message: text, code, classId, methodId } = error as Error & Record<string, unknown>
  return { of: (error as Error).constructor.name, text: plain(text), code, classId, methodId }
}
const plain = (text: string) => text.replaceAll(/amq\.(gen|ctag)-[\w-]+/g, 'amq.$1-*')

/** What becomes of a call, on a channel of its own. */
async function outcome(side: Side, method: string, args: Row): Promise<unknown> {
  const channel = await side.channel()
  const events: unknown[] = []
  channel.on('error', (error) => events.push(said(error)))
  const noted = { events, threw: undefined as unknown, rejected: undefined as unknown, answered: undefined as unknown }
  try {
    const result = side.call(channel, method, args)
    noted.answered = result === channel ? 'the channel' : result instanceof Promise ? 'a promise' : result
    await Promise.resolve(result).then(
      (value) => {
        if (result instanceof Promise) noted.answered = plain(JSON.stringify(value) ?? 'undefined')
      },
      (error) => {
        noted.rejected = said(error)
      },
    )
    // n.b. what has no reply is over when something after it has one; here the channel may be closed by then.
    const after = async () => side.call(channel, 'checkExchange', ['amq.direct'])
    if (ARITY[method] === undefined) await after().catch(() => undefined)
  } catch (error) {
    noted.threw = said(error)
  }
  try {
    await Promise.resolve(side.call(channel, 'close', []))
  } catch {
    // It is closed.
  }
  return noted
}

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, each) =>
    typeof each === 'string' && each.length > 100
      ? `${each.length} characters`
      : /^(number|bigint|function|symbol|undefined)$/.test(typeof each)
        ? String(each)
        : each,
  )

describe.skipIf(!(await answers()))('wrong arguments end on leveret/amqplib as on amqplib', () => {
  const sides: Side[] = []
  beforeAll(async () => {
    sides.push(await byPromises(amqplib), await byPromises(ours as unknown as typeof amqplib))
    sides.push(await byCallbacks(callbacks), await byCallbacks(ourCallbacks as unknown as typeof callbacks))
    for (const side of sides) await side.call(await side.channel(), 'assertQueue', [QUEUE, { autoDelete: true }])
  })
  afterAll(async () => {
    for (const side of sides) {
      await side.call(await side.channel(), 'deleteQueue', [QUEUE])
      await side.call(await side.channel(), 'deleteExchange', [EXCHANGE])
      await side.close()
    }
    await ours.reset()
  })

  test.each(Object.keys(CALLS))(
    '%s',
    async (method) => {
      const [theirs = [], own = []] = [[], []] as unknown[][]
      for (const args of CALLS[method] ?? []) {
        const all: unknown[] = []
        for (const side of sides) all.push(await outcome(side, method, args))
        const call = `${method}(${args.map(shown).join(', ')})`
        theirs.push([call, all[0], all[2]])
        own.push([call, all[1], all[3]])
      }
      expect(own).toEqual(theirs)
    },
    60_000,
  )
})
