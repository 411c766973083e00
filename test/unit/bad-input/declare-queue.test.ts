/** declareQueue at the door: what it refuses, in which words, and that nothing has changed. */
import type { Bus, QueueOptions } from 'leveret'
import { describe, expect, it } from 'vitest'
import { type ExpectedError, expectRefused, furnished } from '../../support/unchanged.js'

const invalid = (message: string): ExpectedError => ({ code: 'INVALID_OPTION', message })
const unknown = (message: string): ExpectedError => ({ code: 'UNKNOWN_OPTION', message })
const failed = (text: string): ExpectedError => ({
  code: 'PRECONDITION_FAILED',
  replyCode: 406,
  replyText: `PRECONDITION_FAILED - ${text}`,
})
/** RabbitMQ's text for an argument of the queue 'q'. */
const badArgument = (name: string, detail: string) =>
  failed(`invalid arg '${name}' for queue 'q' in vhost '/': ${detail}`)
const notOfType = (name: string, type: string) =>
  failed(`invalid arg '${name}' for queue 'q' in vhost '/' of queue type rabbit_${type}_queue`)

/** Options as somebody without types writes them. */
type Given = Record<string, unknown>

describe('declareQueue refuses an option', () => {
  it.each<[given: Given, expected: ExpectedError]>([
    [{ mesageTtl: 5 }, unknown("declareQueue('q'): unknown option 'mesageTtl'; did you mean 'messageTtl'?")],
    [{ maxlength: 5 }, unknown("did you mean 'maxLength'?")],
    [{ deadletter: 'a' }, unknown("did you mean 'deadLetter'?")],
    [{ binding: [] }, unknown("did you mean 'bindings'?")],
    [{ 'x-max-length': 5 }, unknown("did you mean 'maxLength'?")],
    [{ 'max-length': 5 }, unknown("did you mean 'maxLength'?")],
    [{ zzz: 5 }, unknown("unknown option 'zzz'; known options: type, durable,")],
    [{ arguments: { 'x-max-lenght': 5 } }, unknown("unknown option 'x-max-lenght'; did you mean 'x-max-length'?")],
    [{ retry: { attempts: 1, minDelai: 5 } }, unknown("did you mean 'minDelay'?")],
    [{ arguments: { ttl: 5 } }, invalid("arguments of a queue begin with 'x-', got 'ttl'")],
  ])('that it does not know: %j', async (given, expected) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => host.declareQueue('q', given as QueueOptions), expected)
  })

  it.each<[given: unknown, expected: ExpectedError]>([
    [null, invalid('expected an options object, got null')],
    ['durable', invalid("expected an options object, got 'durable'")],
    [[], invalid('expected an options object, got an array')],
    [{ durable: 'yes' }, invalid("option 'durable' must be true or false, got 'yes'")],
    [{ exclusive: 1 }, invalid("option 'exclusive' must be true or false, got 1")],
    [{ autoDelete: null }, invalid("option 'autoDelete' must be true or false, got null")],
    [{ type: 5 }, invalid("option 'type' must be a string, got 5")],
    [{ bindings: 'a' }, invalid("option 'bindings' must be an array of exchange.key(…), got 'a'")],
    [{ bindings: ['topic'] }, invalid("expected exchange.key(…), got 'topic'")],
    [{ bindings: [{ exchange: 'topic' }] }, invalid('routing key: expected a string, got undefined')],
    [{ arguments: new Map() }, invalid("option 'arguments' must be a plain object, got an object of class Map")],
    [{ arguments: [] }, invalid("option 'arguments' must be a plain object, got an array")],
    [{ deadLetter: 5 }, invalid("option 'deadLetter' must be a string, got 5")],
    [{ deadLetter: '' }, invalid("deadLetter: expected the name of a queue, got ''")],
    [{ deadLetter: 'd'.repeat(256) }, invalid('deadLetter: expected at most 255 bytes of UTF-8, got 256')],
    [{ retry: 3 }, invalid("option 'retry' must be a plain object, got 3")],
    [{ retry: {} }, invalid("retry needs 'attempts'")],
    [
      { retry: { attempts: 0 } },
      invalid("option 'attempts' must be an integer from 1 to 2147483647 (deliveries), got 0"),
    ],
    [{ retry: { attempts: 2, minDelay: 1.5 } }, invalid("option 'minDelay' must be an integer from 1")],
    [{ retry: { attempts: 2, maxDelay: 5 } }, invalid('retry.maxDelay must be at least retry.minDelay')],
    [{ retry: { attempts: 2, minDelay: 6, maxDelay: 5 } }, invalid('must be at least retry.minDelay, got 5 and 6')],
  ])('of the wrong kind: %j', async (given, expected) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => host.declareQueue('q', given as QueueOptions), expected)
  })

  it.each<[given: Given, expected: ExpectedError]>([
    [{ messageTtl: -1 }, badArgument('x-message-ttl', '{value_negative,-1}')], // QA-05
    [{ messageTtl: '5' }, badArgument('x-message-ttl', '"expected integer, got longstr"')],
    [{ messageTtl: 1.5 }, badArgument('x-message-ttl', '"expected integer, got double"')],
    [{ messageTtl: 1e12 }, badArgument('x-message-ttl', '{value_too_large,1000000000000}')],
    [{ expires: 0 }, badArgument('x-expires', '{value_zero,0}')], // QA-04
    [{ maxLength: -1 }, badArgument('x-max-length', '{value_negative,-1}')], // QA-06
    [{ maxLengthBytes: true }, badArgument('x-max-length-bytes', '"expected integer, got bool"')],
    [{ overflow: 'drop' }, badArgument('x-overflow', 'invalid_overflow')], // QA-08
    [{ overflow: 5 }, badArgument('x-overflow', '{unacceptable_type,byte}')],
    [{ maxPriority: 256 }, badArgument('x-max-priority', '{max_value_exceeded,256}')], // QA-07
    [{ maxPriority: -1 }, badArgument('x-max-priority', '{value_negative,-1}')],
    [{ deadLetterRoutingKey: 'k' }, badArgument('x-dead-letter-routing-key', 'routing_key_but_no_dlx_defined')], // QA-10
    [
      { deadLetterExchange: 'x', deadLetterRoutingKey: 5 },
      badArgument('x-dead-letter-routing-key', '{unacceptable_type,byte}'),
    ],
    [
      { deadLetterExchange: 5 },
      failed("invalid type 'byte' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'"),
    ], // QA-09
    [{ singleActiveConsumer: 'true' }, badArgument('x-single-active-consumer', '{unacceptable_type,longstr}')], // QA-11
    [{ type: 'foo' }, badArgument('x-queue-type', `"unsupported queue type 'foo'"`)], // QA-12
    [{ type: 'stream' }, { code: 'PRECONDITION_FAILED', message: 'streams are not implemented here' }],
    [{ queueMode: 'foo' }, badArgument('x-queue-mode', `"unsupported queue mode 'foo'"`)], // QA-13
    [{ queueMode: 1 }, badArgument('x-queue-mode', '{unacceptable_type,byte}')],
    [{ queueVersion: '2' }, badArgument('x-queue-version', '"expected integer, got longstr"')],
    [{ queueVersion: 3 }, badArgument('x-queue-version', `"unsupported queue version '3'"`)],
    [{ queueLeaderLocator: 'foo' }, badArgument('x-queue-leader-locator', 'invalid_queue_locator_arg')], // QA-14
    [{ type: 'quorum', deadLetterStrategy: 'foo' }, badArgument('x-dead-letter-strategy', 'invalid_dlx_strategy')], // QA-15
    [{ type: 'quorum', quorumInitialGroupSize: 0 }, badArgument('x-quorum-initial-group-size', '{value_zero,0}')], // QA-16
    [
      { type: 'quorum', delayedRetryType: 'failed' },
      badArgument('x-delayed-retry-type', 'delayed_retry_but_no_min_defined'),
    ],
    [
      { type: 'quorum', delayedRetryMin: 5 },
      badArgument('x-delayed-retry-min', 'delayed_retry_min_but_no_type_defined'),
    ],
    [
      { type: 'quorum', delayedRetryType: 'all', delayedRetryMin: 5, delayedRetryMax: 4 },
      badArgument('x-delayed-retry-max', 'delayed_retry_max_below_min'),
    ],
    [{ overflow: 'block' }, badArgument('x-overflow', 'block_but_no_limit_defined')],
    [{ type: 'quorum', consumerTimeout: 0 }, badArgument('x-consumer-timeout', '{value_zero,0}')],
  ])('with a value that its argument does not take: %j', async (given, expected) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => host.declareQueue('q', given as QueueOptions), expected)
  })

  it.each<[given: Given, expected: ExpectedError]>([
    // Q-27, QQ-07
    [{ deliveryLimit: 3 }, notOfType('x-delivery-limit', 'classic')],
    [{ delayedRetryType: 'all', delayedRetryMin: 1 }, notOfType('x-delayed-retry-type', 'classic')],
    [{ consumerTimeout: 5 }, notOfType('x-consumer-timeout', 'classic')],
    [{ deadLetterStrategy: 'at-least-once' }, notOfType('x-dead-letter-strategy', 'classic')],
    [{ type: 'quorum', maxPriority: 3 }, notOfType('x-max-priority', 'quorum')],
    [{ type: 'quorum', queueMode: 'lazy' }, notOfType('x-queue-mode', 'quorum')],
    [{ retry: { attempts: 2 }, maxPriority: 3 }, notOfType('x-max-priority', 'quorum')],
    [
      { type: 'quorum', maxLength: 1, overflow: 'reject-publish-dlx' },
      badArgument('x-overflow', 'reject_publish_dlx_on_a_quorum_queue'),
    ],
    [{ type: 'quorum', exclusive: true }, failed("invalid property 'exclusive-owner' for queue 'q' in vhost '/'")],
    [{ retry: { attempts: 2 }, autoDelete: true }, failed("invalid property 'auto-delete' for queue 'q' in vhost '/'")],
  ])('that its type of queue does not have: %j', async (given, expected) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => host.declareQueue('q', given as QueueOptions), expected)
  })

  it.each<[given: Given, message: string]>([
    [
      { maxLength: 5, arguments: { 'x-max-length': 6 } },
      "'maxLength' says 5 and arguments['x-max-length'] says 6 for x-max-length",
    ],
    [{ type: 'classic', arguments: { 'x-queue-type': 'quorum' } }, 'for x-queue-type'],
    [{ type: 'classic', retry: { attempts: 2 } }, "'retry' says 'quorum' and 'type' says 'classic' for x-queue-type"],
    [{ retry: { attempts: 2 }, deliveryLimit: 5 }, "'retry' says 1 and 'deliveryLimit' says 5 for x-delivery-limit"],
    [{ retry: { attempts: 2, minDelay: 5 }, delayedRetryMin: 6 }, 'for x-delayed-retry-min'],
    [{ deadLetter: 'd', deadLetterExchange: 'x' }, "'deadLetter' says '' and 'deadLetterExchange' says 'x'"],
    [{ deadLetter: 'd', deadLetterRoutingKey: 'k' }, "'deadLetter' says 'd' and 'deadLetterRoutingKey' says 'k'"],
  ])('that another spelling contradicts: %j', async (given, message) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => host.declareQueue('q', given as QueueOptions), invalid(message))
  })

  it('takes two spellings that agree', async () => {
    const { host } = await furnished()
    const options = { maxLength: 5, deadLetter: 'd', deadLetterExchange: '', arguments: { 'x-max-length': 5 } }
    await host.declareQueue('q', options)
    expect(host.queues().find(({ name }) => name === 'q')?.arguments).toEqual({
      'x-max-length': 5,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'd',
    })
  })
})

describe('declareQueue refuses', () => {
  it.each<[what: string, call: (bus: Bus) => unknown, expected: ExpectedError]>([
    [
      'a name that is too long',
      (bus) => bus.declareQueue('é'.repeat(128)),
      invalid('queue name: expected at most 255 bytes of UTF-8, got 256'),
    ],
    ['a name that is none', (bus) => bus.declareQueue(5 as never), invalid('queue name: expected a string, got 5')],
    [
      'a reserved name',
      (bus) => bus.declareQueue('amq.mine'),
      {
        code: 'ACCESS_REFUSED',
        replyCode: 403,
        replyText: "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
      },
    ],
    [
      'a binding to a missing exchange',
      (bus) => bus.declareQueue('q', { bindings: [bus.exchange('topic').key('a'), bus.exchange('topics').key('a')] }),
      {
        code: 'NOT_FOUND',
        replyCode: 404,
        replyText: "NOT_FOUND - no exchange 'topics' in vhost '/'",
        message: "did you mean 'topic'?",
      },
    ],
    [
      'a binding to the default exchange',
      (bus) => bus.declareQueue('q', { bindings: [bus.exchange('topic').key('a'), bus.exchange('').key('a')] }),
      { code: 'ACCESS_REFUSED', replyText: 'ACCESS_REFUSED - operation not permitted on the default exchange' },
    ],
    [
      'a binding that its exchange type refuses',
      (bus) => bus.declareQueue('q', { bindings: [bus.exchange('headers').key('', { 'x-match': 'some' })] }),
      { code: 'PRECONDITION_FAILED', message: 'Invalid x-match field value' },
    ],
    [
      'a dead-letter queue with a reserved name',
      (bus) => bus.declareQueue('q', { deadLetter: 'amq.dead' }),
      { code: 'ACCESS_REFUSED', replyText: "ACCESS_REFUSED - queue name 'amq.dead' contains reserved prefix 'amq.*'" },
    ],
    [
      'another declaration of a queue with a new dead-letter queue',
      (bus) => bus.declareQueue('plain', { deadLetter: 'dead' }),
      { code: 'PRECONDITION_FAILED', message: 'inequivalent arg' },
    ],
    [
      'unknown raw arguments on a queue that exists',
      (bus) => bus.declareQueue('plain', { arguments: { 'x-foo': 1 } }),
      { code: 'UNKNOWN_OPTION', message: "unknown option 'x-foo'" },
    ],
  ])('%s', async (_what, call, expected) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => call(host), expected)
  })

  it('an exclusive dead-letter queue of another bus', async () => {
    const { broker, host } = await furnished()
    await broker.connect().declareQueue('theirs', { exclusive: true })
    await expectRefused(broker, () => host.declareQueue('q', { deadLetter: 'theirs' }), {
      code: 'RESOURCE_LOCKED',
      replyCode: 405,
    })
  })
})
