/** Consumers and get at the door. */
import { invalid, long, table, unknown, wrong } from './table.js'

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
