/** send, publish and drained at the door. */
import type { ExpectedError } from '../../support/unchanged.js'
import { type Call, invalid, long, table, unknown, wrong } from './table.js'

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
    { code: 'PRECONDITION_FAILED', replyCode: 406, message: 'unacceptable_type_in_header,"CC",longstr' },
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
