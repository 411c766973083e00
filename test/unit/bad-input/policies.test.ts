/** Policies that are wrong, in RabbitMQ's words. */
import { Broker, type PolicyOptions } from 'leveret'
import { describe, expect, it } from 'vitest'
import { type Call, invalid, table, unknown, wrong } from './table.js'

const good = { pattern: 'x', definition: { 'max-length': 1 } }
const refuses = (definition: unknown, message: string): Call => [
  JSON.stringify(definition),
  (host) => host.setPolicy('p', { pattern: 'x', definition: wrong(definition) }),
  invalid(message),
]

table('setPolicy', [
  refuses({ foo: 1 }, `policy 'p': Validation failed: [{<<"foo">>,1}] are not recognised policy settings`),
  refuses({ foo: 2, bar: 'x' }, '[{<<"bar">>,<<"x">>},{<<"foo">>,2}] are not recognised policy settings'),
  refuses({ maxLength: 1 }, "(did you mean 'max-length'?)"),
  refuses({ 'max-priority': 3 }, 'are not recognised policy settings'),
  refuses({ 'single-active-consumer': true }, 'are not recognised policy settings'),
  refuses({}, 'Validation failed: no policy provided'),
  refuses({ expires: 0 }, '0 is not a valid queue expiry'),
  refuses({ expires: 1.5 }, '1.5 is not a valid queue expiry'),
  refuses({ 'max-length': -1 }, '-1 is not a valid maximum length'),
  refuses({ 'max-length-bytes': -1 }, '-1 is not a valid maximum length in bytes'),
  refuses({ 'message-ttl': 'x' }, '<<"x">> is not a valid message TTL'),
  refuses({ overflow: 'block' }, '<<"block">> is not a valid overflow value'),
  refuses({ 'dead-letter-exchange': 1 }, '1 is not a valid dead letter exchange name'),
  refuses({ 'alternate-exchange': 1 }, '1 is not a valid alternate exchange name'),
  refuses({ 'queue-mode': 'x' }, '<<"x">> is not a valid queue-mode value'),
  refuses({ 'queue-version': 3 }, '3 is not a valid queue-version value'),
  refuses({ 'dead-letter-strategy': 'x' }, '<<"x">> is not a valid dead letter strategy'),
  refuses([], "option 'definition' must be a plain object, got an array"),
  refuses(undefined, 'setPolicy: expected { pattern, definition, … }'),
  ['no options', (host) => host.setPolicy('p', wrong(undefined)), invalid('expected { pattern, definition, … }')],
  ['a name that is none', (host) => host.setPolicy(wrong(1), good), invalid('setPolicy: name: expected a string')],
  [
    'a pattern that is none',
    (host) => host.setPolicy('p', { ...good, pattern: '(' }),
    invalid("policy 'p': Validation failed: pattern should be regular expression but is invalid: "),
  ],
  [
    'a target that is none',
    (host) => host.setPolicy('p', { ...good, applyTo: wrong('nothing') }),
    invalid(
      "apply-to 'nothing' unrecognised; should be 'classic_queues', 'quorum_queues', 'streams', 'queues', 'exchanges' or 'all'",
    ),
  ],
  ['a priority that is none', (host) => host.setPolicy('p', { ...good, priority: 0.5 }), invalid("'priority' must be")],
  ['a misspelt option', (host) => host.setPolicy('p', { ...good, ...wrong<object>({ prio: 1 }) }), unknown('priority')],
  [
    'what operators cannot say',
    (host) => host.setOperatorPolicy('p', { pattern: 'x', definition: { 'dead-letter-exchange': 'x' } }),
    invalid(`operator policy 'p': Validation failed: [{<<"dead-letter-exchange">>,<<"x">>}] are not recognised`),
  ],
  ['a policy that is not there', (host) => host.clearPolicy('p'), { code: 'NOT_FOUND', message: "no policy 'p'" }],
  [
    'an operator policy that is not there',
    (host) => host.clearOperatorPolicy('p'),
    { code: 'NOT_FOUND', replyText: "NOT_FOUND - no operator policy 'p' in vhost '/'" },
  ],
])

describe('compatibility decides which keys and targets there are', () => {
  const [old, young] = (['3.10', '4.3'] as const).map((compatibility) => new Broker({ compatibility }).virtualHost())
  const cases: [PolicyOptions, in3: boolean, in4: boolean][] = [
    [{ pattern: '', definition: { 'ha-mode': 'all' } }, true, false],
    [{ pattern: '', definition: { 'max-age': '1D' } }, true, true],
    [{ pattern: '', definition: { 'max-in-memory-length': 1 } }, true, true],
    [{ pattern: '', definition: { 'consumer-timeout': 1 } }, false, true],
    [{ pattern: '', definition: { 'delayed-retry-type': 'all', 'delayed-retry-min': 1 } }, false, true],
    [{ pattern: '', definition: { 'target-group-size': 1 } }, false, true],
    [{ ...good, applyTo: 'quorum_queues' }, false, true],
    [{ ...good, applyTo: 'exchanges' }, true, true],
  ]
  it.each(cases)('%j', (options, in3, in4) => {
    for (const [host, takes] of [
      [old, in3],
      [young, in4],
    ] as const) {
      if (takes) host?.setPolicy('p', options)
      else expect(() => host?.setPolicy('p', options)).toThrow('Validation failed')
    }
  })

  it('operators may say overflow from 4.3 on', () => {
    const options = { pattern: '', definition: { overflow: 'drop-head' } }
    expect(() => old?.setOperatorPolicy('p', options)).toThrow('not recognised')
    young?.setOperatorPolicy('p', options)
  })

  it('keys of other servers and queue types match no queue', async () => {
    for (const key of ['ha-mode', 'max-age']) {
      old?.setPolicy('p', { pattern: '', definition: { [key]: '1D' } })
      await old?.declareQueue('q', { type: 'quorum' })
      expect(old?.queues()[0]?.policy, key).toBeUndefined()
    }
  })
})
