/** Exchanges, bindings, brokers and what looks inside them, at the door. */
import { Broker } from 'leveret'
import { invalid, long, table, unknown, wrong } from './table.js'

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
    invalid('got an object of class Exchange'),
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
    invalid('arguments must be a plain object, got an array'),
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
