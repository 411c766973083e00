/** Every other call at the door: exchanges, bindings, publishes, consumers, gets, closes, brokers. */
import { Broker, type Bus, type VirtualHost } from 'leveret'
import { describe, expect, it } from 'vitest'
import { type ExpectedError, expectRefused, furnished } from '../../support/unchanged.js'

const invalid = (message: string): ExpectedError => ({ code: 'INVALID_OPTION', message })
const unknown = (message: string): ExpectedError => ({ code: 'UNKNOWN_OPTION', message })

/** What somebody without types passes. */
const wrong = <T>(value: unknown): T => value as T

const long = 'n'.repeat(256)

type Call = readonly [what: string, call: (host: VirtualHost, broker: Broker) => unknown, expected: ExpectedError]

function table(subject: string, rows: readonly Call[]): void {
  describe(`${subject} refuses`, () => {
    it.each(rows)('%s', async (_what, call, expected) => {
      const { broker, host } = await furnished()
      await expectRefused(broker, () => call(host, broker), expected)
    })
  })
}

table('declareExchange', [
  [
    'an unknown option',
    (bus) => bus.declareExchange('x', 'topic', wrong({ internl: true })),
    unknown("did you mean 'internal'?"),
  ],
  [
    'an option of the wrong type',
    (bus) => bus.declareExchange('x', 'topic', wrong({ durable: 'no' })),
    invalid("'durable' must be true or false, got 'no'"),
  ],
  [
    'options that are none',
    (bus) => bus.declareExchange('x', 'topic', wrong(null)),
    invalid('expected an options object, got null'),
  ],
  [
    'arguments that are no table',
    (bus) => bus.declareExchange('x', 'topic', wrong({ arguments: new Date() })),
    invalid("'arguments' must be a plain object, got an object of class Date"),
  ],
  [
    'two alternate exchanges',
    (bus) => bus.declareExchange('x', 'topic', { alternateExchange: 'a', arguments: { 'alternate-exchange': 'b' } }),
    invalid("'alternateExchange' says 'a' and arguments['alternate-exchange'] says 'b'"),
  ],
  [
    'a missing type',
    (bus) => bus.declareExchange('x', wrong(undefined)),
    invalid("expected a type such as 'topic', got undefined"),
  ],
  [
    'an unknown type',
    (bus) => bus.declareExchange('x', 'direkt'),
    { code: 'PRECONDITION_FAILED', replyCode: 406, message: "did you mean 'direct'?" },
  ],
  [
    'a name that is too long',
    (bus) => bus.declareExchange(long, 'topic'),
    invalid('exchange name: expected at most 255 bytes'),
  ],
  [
    'a missing name',
    (bus) => bus.declareExchange(wrong(undefined), 'topic'),
    invalid('exchange name: expected a string, got undefined'),
  ],
  ['a reserved name', (bus) => bus.declareExchange('amq.x', 'topic'), { code: 'ACCESS_REFUSED', replyCode: 403 }],
  ['the default exchange', (bus) => bus.declareExchange('', 'direct'), { code: 'ACCESS_REFUSED', replyCode: 403 }],
])

table('delete, bind and unbind', [
  [
    'an unknown option of a queue',
    (bus) => bus.queue('plain').delete(wrong({ ifunused: true })),
    unknown("did you mean 'ifUnused'?"),
  ],
  [
    'an unknown option of an exchange',
    (bus) => bus.exchange('topic').delete(wrong({ ifEmpty: true })),
    unknown("unknown option 'ifEmpty'; known options: ifUnused"),
  ],
  [
    'a flag that is none',
    (bus) => bus.queue('plain').delete(wrong({ ifEmpty: 'yes' })),
    invalid("'ifEmpty' must be true or false"),
  ],
  [
    'a missing key',
    (bus) => bus.queue('plain').bind('topic', wrong(undefined)),
    invalid('bind: routing key: expected a string, got undefined'),
  ],
  [
    'nothing at all',
    (bus) => bus.queue('plain').bind(wrong(undefined)),
    invalid('expected exchange.key(…) or the name of an exchange, got undefined'),
  ],
  [
    'the exchange itself',
    (bus) => bus.queue('plain').bind(wrong(bus.exchange('topic'))),
    invalid('bind: exchange: expected a string, got undefined'),
  ],
  [
    'a key that is too long',
    (bus) => bus.queue('plain').bind('topic', long),
    invalid('bind: routing key: expected at most 255 bytes'),
  ],
  [
    'a key of key() that is too long',
    (bus) => bus.exchange('topic').key(long),
    invalid('binding key: expected at most 255 bytes'),
  ],
  [
    'a source that is too long',
    (bus) => bus.exchange('headers').bind(long, ''),
    invalid('bind: exchange: expected at most 255 bytes'),
  ],
  [
    'an unknown option of bind',
    (bus) => bus.queue('plain').bind('topic', '', wrong({ args: {} })),
    unknown("unknown option 'args'; known options: arguments"),
  ],
  [
    'arguments that are no table',
    (bus) => bus.queue('plain').bind('topic', '', wrong({ arguments: [] })),
    invalid("'arguments' must be a plain object, got an array"),
  ],
  [
    'arguments of key() that are no table',
    (bus) => bus.queue('plain').bind(bus.exchange('topic').key('', wrong([]))),
    invalid('arguments must be an object, got an array'),
  ],
  [
    'arguments that the type refuses',
    (bus) => bus.queue('plain').bind(bus.exchange('headers').key('', { 'x-match': 'x' })),
    { code: 'PRECONDITION_FAILED', replyCode: 406 },
  ],
  [
    'a missing exchange',
    (bus) => bus.queue('plain').bind('topik', ''),
    { code: 'NOT_FOUND', replyCode: 404, message: "did you mean 'topic'?" },
  ],
  [
    'a missing queue',
    (bus) => bus.queue('plane').bind('topic', ''),
    { code: 'NOT_FOUND', replyText: "NOT_FOUND - no queue 'plane' in vhost '/'", message: "did you mean 'plain'?" },
  ],
  [
    'an unknown option of unbind',
    (bus) => bus.queue('plain').unbind('topic', 'a.*', wrong({ arg: 1 })),
    unknown("unknown option 'arg'"),
  ],
  ['the default exchange', (bus) => bus.queue('plain').unbind('', 'plain'), { code: 'ACCESS_REFUSED', replyCode: 403 }],
])

const publishes: readonly (readonly [what: string, options: unknown, expected: ExpectedError])[] = [
  ['an unknown option', { headrs: {} }, unknown("did you mean 'headers'?")],
  ['a raw property', { content_type: 'a' }, unknown("did you mean 'contentType'?")],
  ['options that are none', null, invalid('expected an options object, got null')],
  [
    'headers that are no table',
    { headers: new Map([['a', 1]]) },
    invalid("'headers' must be a plain object, got an object of class Map"),
  ],
  ['a priority out of range', { priority: 256 }, invalid("'priority' must be an integer from 0 to 255, got 256")],
  [
    'a delivery mode out of range',
    { deliveryMode: 3 },
    invalid("'deliveryMode' must be 1 (transient) or 2 (persistent), got 3"),
  ], // PUB-15
  ['a timestamp that is a Date', { timestamp: new Date() }, invalid("'timestamp' must be an integer")],
  ['a negative delay', { delay: -1 }, invalid("'delay' must be an integer from 0 to 315360000000 (ms), got -1")],
  [
    'a fraction of an expiration',
    { expiration: 1.5 },
    invalid("'expiration' must be milliseconds as an integer or a decimal string, got 1.5"),
  ],
  [
    'an expiration in words',
    { expiration: 'soon' },
    { code: 'PRECONDITION_FAILED', replyCode: 406, message: 'no_integer' },
  ],
  ['a property that is no string', { correlationId: 5 }, invalid("'correlationId' must be a string, got 5")],
  ['mandatory with a delay', { mandatory: true, delay: 5 }, invalid("'mandatory' and 'delay' exclude each other")],
  [
    'a CC that is no array',
    { headers: { CC: 'a' } },
    { code: 'PRECONDITION_FAILED', replyCode: 406, message: 'unacceptable_type_in_header,CC' },
  ],
]

for (const verb of ['send', 'publish'] as const) {
  table(verb, [
    ...publishes.map(
      ([what, options, expected]): Call => [what, (bus) => bus.queue('plain')[verb](1, wrong(options)), expected],
    ),
    [
      'a routing key that is too long',
      (bus) => bus.exchange('topic')[verb](long, 1),
      invalid('routing key: expected at most 255 bytes'),
    ],
    [
      'a routing key that is none',
      (bus) => bus.exchange('topic')[verb](wrong<string>(5), 1),
      invalid('routing key: expected a string, got 5'),
    ],
    [
      'a missing exchange',
      (bus) => bus.exchange('topik')[verb]('a', 1),
      { code: 'NOT_FOUND', message: "did you mean 'topic'?" },
    ],
    [
      'an internal exchange',
      (bus) => bus.exchange('amq.rabbitmq.trace')[verb]('a', 1),
      { code: 'ACCESS_REFUSED', replyCode: 403 },
    ],
  ])
}

table('send', [
  [
    'a signal that is none',
    (bus) => bus.queue('plain').send(1, wrong({ signal: {} })),
    invalid("'signal' must be an AbortSignal"),
  ],
])
table('publish', [
  [
    'a signal: it does not wait',
    (bus) => bus.queue('plain').publish(1, wrong({ signal: new AbortController().signal })),
    unknown("unknown option 'signal'"),
  ],
])
table('drained', [
  [
    'an unknown option',
    (bus) => bus.queue('plain').drained(wrong({ timeout: 1 })),
    unknown("unknown option 'timeout'"),
  ],
  [
    'a signal that is none',
    (bus) => bus.exchange('topic').drained(wrong({ signal: true })),
    invalid("'signal' must be an AbortSignal"),
  ],
])

table('a consumer', [
  [
    'an unknown option',
    (bus) => bus.queue('plain').createConsumer(wrong({ prefech: 1 })),
    unknown("createConsumer: unknown option 'prefech'; did you mean 'prefetch'?"),
  ],
  [
    'options that are none',
    (bus) => bus.queue('plain').createConsumer(wrong(null)),
    invalid('expected an options object, got null'),
  ],
  [
    'a prefetch out of range',
    (bus) => bus.queue('plain').createConsumer({ prefetch: 65_536 }),
    invalid("'prefetch' must be an integer from 0 to 65535 (deliveries), got 65536"),
  ],
  [
    'a prefetch without bound',
    (bus) => bus.queue('plain').createConsumer({ prefetch: Number.POSITIVE_INFINITY }),
    invalid("'prefetch' must be an integer"),
  ],
  [
    'a priority that is no integer',
    (bus) => bus.queue('plain').createConsumer({ priority: 0.5 }),
    invalid("'priority' must be an integer"),
  ],
  [
    'a tag that is too long',
    (bus) => bus.queue('plain').createConsumer({ consumerTag: long }),
    invalid('consumer tag: expected at most 255 bytes'),
  ],
  [
    'a flag that is none',
    (bus) => bus.queue('plain').createConsumer(wrong({ noAck: 'yes' })),
    invalid("'noAck' must be true or false"),
  ],
  [
    'a missing callback',
    (bus) => bus.queue('plain').createConsumer().consume(wrong(undefined)),
    invalid('consume: expected a function, got undefined'),
  ],
  [
    'a handler that is none',
    (bus) => bus.queue('plain').createConsumer().run(wrong({})),
    invalid('run: expected a function, got an object of class Object'),
  ],
  [
    'an unknown option of run',
    (bus) =>
      bus
        .queue('plain')
        .createConsumer()
        .run(() => 1, wrong({ concurency: 2 })),
    unknown("did you mean 'concurrency'?"),
  ],
  [
    'a concurrency out of range',
    (bus) =>
      bus
        .queue('plain')
        .createConsumer()
        .run(() => 1, { concurrency: 0 }),
    invalid("'concurrency' must be an integer from 1 to 65535 (handlers), got 0"),
  ],
  [
    'an order that is no function',
    (bus) =>
      bus
        .queue('plain')
        .createConsumer()
        .run(() => 1, wrong({ orderBy: 'id' })),
    invalid("'orderBy' must be a function, got 'id'"),
  ],
  [
    'a missing queue',
    (bus) =>
      bus
        .queue('plane')
        .createConsumer()
        .consume(() => 1),
    { code: 'NOT_FOUND', message: "did you mean 'plain'?" },
  ],
  [
    'a missing queue in a loop',
    (bus) => bus.queue('plane').createConsumer()[Symbol.asyncIterator](),
    { code: 'NOT_FOUND' },
  ],
  [
    'an unknown option of close',
    (bus) =>
      bus
        .queue('plain')
        .createConsumer()
        .close(wrong({ timeOut: 1 })),
    unknown("did you mean 'timeout'?"),
  ],
  [
    'a timeout of close out of range',
    (bus) => bus.queue('plain').createConsumer().close({ timeout: -1 }),
    invalid("'timeout' must be an integer from 0"),
  ],
])

table('get', [
  ['an unknown option', (bus) => bus.queue('plain').get(wrong({ noack: true })), unknown("did you mean 'noAck'?")],
  [
    'a timeout without wait',
    (bus) => bus.queue('plain').get({ timeout: 5 }),
    invalid("get: 'timeout' needs 'wait: true'"),
  ],
  [
    'a signal without wait',
    (bus) => bus.queue('plain').get({ signal: new AbortController().signal }),
    invalid("get: 'signal' needs 'wait: true'"),
  ],
  [
    'a timeout out of range',
    (bus) => bus.queue('plain').get({ wait: true, timeout: 2 ** 31 }),
    invalid("'timeout' must be an integer from 0 to 2147483647 (ms)"),
  ],
  ['a missing queue', (bus) => bus.queue('plane').get(), { code: 'NOT_FOUND', replyCode: 404 }],
  ['a queue without a name', (bus) => bus.queue(''), invalid('queue: expected the name of a queue')],
  ['a queue whose name is none', (bus) => bus.queue(wrong(5)), invalid('queue name: expected a string, got 5')],
  [
    'an exchange whose name is none',
    (bus) => bus.exchange(wrong(undefined)),
    invalid('exchange name: expected a string'),
  ],
])

table('peek, pause and resume', [
  ['a missing queue', (host) => host.peek('plane'), { code: 'NOT_FOUND', message: "did you mean 'plain'?" }],
  [
    'a number of messages that is none',
    (host) => host.peek('plain', -1),
    invalid('peek: expected a number of messages from 0 up, got -1'),
  ],
  [
    'a queue that is none',
    (host) => host.pause(wrong(undefined)),
    invalid('expected a queue or the name of one, got undefined'),
  ],
  [
    'the handle of a queue elsewhere',
    async (host) => host.peek(await new Broker().virtualHost('/').declareQueue('plain')),
    invalid("queue 'plain' is a handle of another broker or virtual host"),
  ],
])

table('a broker', [
  [
    'an unknown option',
    () => new Broker(wrong({ bodys: 'clone' })),
    unknown("new Broker: unknown option 'bodys'; did you mean 'bodies'?"),
  ],
  [
    'a mode of bodies that is none',
    () => new Broker(wrong({ bodies: 'json' })),
    invalid("'bodies' must be one of 'reference', 'clone', 'encoded', got 'json'"),
  ],
  [
    'a high watermark of nothing',
    () => new Broker({ highWatermark: 0 }),
    invalid("'highWatermark' must be an integer from 1"),
  ],
  ['a clock that is none', () => new Broker(wrong({ clock: {} })), invalid("'clock' must be a Clock")],
  [
    'an exchange type that is none',
    () => new Broker(wrong({ exchangeTypes: [{ name: 'x' }] })),
    invalid('exchangeTypes: expected { name, createRouter, … }'),
  ],
  [
    'an exchange type whose name is taken',
    () => new Broker({ exchangeTypes: [{ name: 'topic', createRouter: () => wrong({}) }] }),
    invalid("there is a type 'topic' already"),
  ],
  [
    'a virtual host without a name',
    (_host, broker) => broker.createVirtualHost(''),
    invalid("virtual host: expected a name, got ''"),
  ],
  [
    'a virtual host with a long name',
    (_host, broker) => broker.createVirtualHost(long),
    invalid('virtual host: expected at most 255 bytes'),
  ],
  [
    'a missing virtual host',
    (_host, broker) => broker.virtualHost('none'),
    { code: 'NOT_ALLOWED', replyCode: 530, replyText: 'NOT_ALLOWED - vhost none not found' },
  ],
  [
    'the deletion of a missing virtual host',
    (_host, broker) => broker.deleteVirtualHost('none'),
    { code: 'NOT_FOUND', replyCode: 404 },
  ],
  [
    'an unknown option of connect',
    (_host, broker) => broker.connect(wrong({ vhost: '/' })),
    unknown("unknown option 'vhost'"),
  ],
  [
    'a connection to a missing virtual host',
    (_host, broker) => broker.connect({ virtualHost: 'none' }),
    { code: 'NOT_ALLOWED' },
  ],
  [
    'an unknown option of close',
    (_host, broker) => broker.close(wrong({ drian: true })),
    unknown("did you mean 'drain'?"),
  ],
  [
    'a timeout of close out of range',
    (_host, broker) => broker.close({ timeout: 1.5 }),
    invalid("'timeout' must be an integer"),
  ],
])

describe('a handle that is closed refuses', () => {
  const closed = (message: string): ExpectedError => ({ code: 'CLOSED', message })
  it.each<[what: string, call: (bus: Bus) => unknown, expected: ExpectedError]>([
    [
      'send by a queue',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.send(1)),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'publish by a queue',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.publish(1)),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'get',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.get()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'info',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.info()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'bind',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.bind('topic', 'k')),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'createConsumer',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.createConsumer()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'createProducer',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.createProducer()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'send by an exchange',
      async (bus) => closedOne(bus.exchange('topic'), (exchange) => exchange.send('k', 1)),
      closed("handle of exchange 'topic' is closed"),
    ],
    [
      'bind of an exchange',
      async (bus) => closedOne(bus.exchange('topic'), (exchange) => exchange.bind('headers', '')),
      closed("handle of exchange 'topic' is closed"),
    ],
    [
      'send by a producer',
      async (bus) => closedOne(bus.queue('plain').createProducer(), (producer) => producer.send(1)),
      closed("producer of queue 'plain' is closed"),
    ],
    [
      'publish by a producer',
      async (bus) => closedOne(bus.exchange('topic').createProducer(), (producer) => producer.publish('k', 1)),
      closed("producer of exchange 'topic' is closed"),
    ],
    [
      'run',
      async (bus) => closedOne(bus.queue('plain').createConsumer(), (consumer) => consumer.run(() => 1)),
      closed("consumer '' of queue 'plain' is closed"),
    ],
  ])('%s', async (_what, call, expected) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => call(host), expected)
  })

  it.each<[what: string, call: (bus: Bus) => unknown]>([
    ['declareQueue', (bus) => bus.declareQueue('q')],
    ['declareExchange', (bus) => bus.declareExchange('x', 'topic')],
    ['send', (bus) => bus.queue('plain').send(1)],
    ['publish', (bus) => bus.exchange<Record<string, number>>('topic').publish('k', 1)],
    ['createConsumer', (bus) => bus.queue('plain').createConsumer()],
    ['get with wait', (bus) => bus.queue('plain').get({ wait: true })],
  ])('%s on a bus', async (_what, call) => {
    const { broker } = await furnished()
    const bus = broker.connect({ name: 'mine' })
    await bus.close()
    await expectRefused(broker, () => call(bus), closed("connection 'mine' is closed"))
  })

  it('the second verb of a consumer', async () => {
    const { broker, host } = await furnished()
    const consumer = host.queue('plain').createConsumer({ consumerTag: 'tag' })
    consumer.consume(() => undefined)
    await new Promise<void>((resolve) => setImmediate(resolve))
    const expected = invalid("run: the consumer 'tag' of queue 'plain' is attached by 'consume' already")
    await expectRefused(broker, () => consumer.run(() => undefined), expected)
    expect(consumer.closed).toBe(false)
  })
})

async function closedOne<Handle extends { close(): Promise<unknown> }>(
  handle: Handle,
  call: (handle: Handle) => unknown,
): Promise<unknown> {
  await handle.close()
  return call(handle)
}
