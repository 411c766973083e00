// The timeout of acknowledgements, which AMQP channels had before RabbitMQ 4.3.
import { Broker, type BrokerOptions } from 'leveret'
import * as amqplib from 'leveret/amqplib'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type AmqpChannel, openConnection } from '../../../src/internal.js'
import { expectConserved } from '../../support/conservation.js'
import { ManualClock } from '../../support/manual-clock.js'
import { turn } from '../../support/turn.js'

const MINUTE = 60_000

const textOf = (channel: number, ms: number) =>
  `PRECONDITION_FAILED - delivery acknowledgement on channel ${channel} timed out. Timeout value used: ${ms} ms. This timeout value can be configured, see consumers doc guide to learn more`

function open(options: BrokerOptions = {}) {
  const clock = new ManualClock()
  const broker = new Broker({ compatibility: '3.10', clock, ...options })
  const connection = openConnection(broker, {}, { closed: () => undefined })
  const closes: unknown[] = []
  const tags: number[] = []
  const channel = () =>
    connection.createChannel({
      delivered: (_, { deliveryTag }) => tags.push(deliveryTag),
      cancelled: () => undefined,
      returned: () => undefined,
      confirmed: () => undefined,
      closed: ({ replyText }, { classId, methodId }) => closes.push([replyText, classId, methodId]),
    })
  const pass = async (ms: number) => {
    clock.advance(ms)
    await turn()
  }
  const ready = (queue: string) => channel().queueDeclare(queue, { passive: true }).messageCount
  onTestFinished(async () => {
    await turn()
    expectConserved(broker)
    await broker.close({ timeout: 0 })
  })
  return { clock, broker, channel, closes, tags, pass, ready }
}

test('closes a channel that leaves a delivery unacknowledged for half an hour, and gives back what it has (CON-20)', async () => {
  const { channel, closes, pass, ready } = open()
  const [ch, other] = [channel(), channel()]
  ch.queueDeclare('q')
  for (const n of [1, 2]) ch.basicPublish('', 'q', n)
  ch.basicConsume('q')
  await turn()
  ch.basicAck(2)
  await pass(29 * MINUTE)
  expect(closes).toEqual([])
  await pass(MINUTE)
  expect(closes).toEqual([[textOf(1, 1_800_000), 0, 0]])
  expect([ch.closed, other.closed, ready('q')]).toEqual([true, false, 1])
})

test('has its eye on the oldest delivery, however many come and go (CON-20)', async () => {
  const { channel, closes, tags, pass } = open({ consumerTimeout: 3 * MINUTE })
  const ch = channel()
  ch.queueDeclare('q')
  ch.basicConsume('q')
  for (let minute = 0; minute < 20; minute++) {
    ch.basicPublish('', 'q', minute)
    await turn()
    // Each is out for two minutes.
    if (minute > 1) ch.basicAck(tags.shift() as number)
    await pass(MINUTE)
  }
  expect(closes).toEqual([])
  await pass(MINUTE)
  expect(closes).toEqual([])
  await pass(MINUTE)
  expect(closes).toEqual([[textOf(1, 3 * MINUTE), 0, 0]])
})

test.each<[what: string, leave: (ch: AmqpChannel, pass: (ms: number) => Promise<void>) => unknown]>([
  ['of a get', (ch) => ch.basicGet('q')],
  ['of a consumer that is cancelled', (ch) => ch.basicCancel(ch.basicConsume('q'))],
  [
    'of a queue that is gone',
    (ch) => {
      ch.basicGet('q')
      ch.queueDelete('q')
    },
  ],
  [
    'that a rollback brought back',
    async (ch, pass) => {
      ch.txSelect()
      ch.basicGet('q')
      ch.basicAck(1)
      await pass(500)
      ch.txRollback()
    },
  ],
])('counts a delivery %s (CON-20)', async (_, leave) => {
  const { channel, closes, pass } = open({ consumerTimeout: 500 })
  const ch = channel()
  ch.queueDeclare('q')
  ch.basicPublish('', 'q', 1)
  await leave(ch, pass)
  await pass(499)
  expect(closes).toEqual([])
  await pass(1)
  expect(closes).toEqual([[textOf(1, 500), 0, 0]])
})

test('leaves alone what needs no acknowledgement, has it, or waits for its commit (CON-20)', async () => {
  const { channel, closes, pass } = open({ consumerTimeout: 500 })
  const [unasked, quick, committing] = [channel(), channel(), channel()]
  for (const queue of ['a', 'b', 'c']) {
    unasked.queueDeclare(queue)
    unasked.basicPublish('', queue, 1)
  }
  unasked.basicConsume('a', { noAck: true })
  quick.basicConsume('b')
  await turn()
  quick.basicAck(1)
  committing.txSelect()
  committing.basicGet('c')
  committing.basicAck(1)
  await pass(10 * MINUTE)
  expect(closes).toEqual([])
})

test('arms no timer while nothing is out, and one a minute while something is (CON-20)', async () => {
  const { clock, channel, pass } = open()
  const ch = channel()
  ch.queueDeclare('q')
  ch.basicConsume('q')
  await turn()
  expect(clock.pending).toBe(0)
  for (let n = 1; n <= 100; n++) ch.basicPublish('', 'q', n)
  await turn()
  expect([clock.armed, clock.pending]).toEqual([1, 1])
  await pass(10 * MINUTE)
  expect(clock.armed).toBe(11)
  ch.basicAck(0, true)
  await pass(MINUTE)
  expect(clock.pending).toBe(0)
  ch.basicPublish('', 'q', 101)
  await turn()
  ch.close()
  expect(clock.pending).toBe(0)
})

test.each<[what: string, options: BrokerOptions]>([
  ['none is wanted', { consumerTimeout: Number.POSITIVE_INFINITY }],
  ['the broker is a RabbitMQ 4.3', { compatibility: '4.3' }],
])('closes no channel where %s (CON-20)', async (_, options) => {
  const { clock, channel, closes, pass } = open(options)
  const ch = channel()
  ch.queueDeclare('q')
  ch.basicPublish('', 'q', 1)
  ch.basicGet('q')
  await pass(120 * MINUTE)
  expect([closes, clock.armed]).toEqual([[], 0])
})

test("is refused with compatibility '4.3', and out of its range (CON-20)", () => {
  const since = "expected it with compatibility '3.10', got it with '4.3', where quorum queues have one each"
  expect(() => new Broker({ consumerTimeout: 1000 })).toThrow(`new Broker: option 'consumerTimeout': ${since}`)
  expect(() => new Broker({ compatibility: '3.10', consumerTimeout: 0 })).toThrow(
    "new Broker: option 'consumerTimeout' must be an integer from 1 to 315360000000 (ms), got 0",
  )
})

test('is there behind amqplib, where no broker was named (CON-20)', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(async () => {
    vi.useRealTimers()
    await amqplib.reset()
  })
  const connection = await amqplib.connect('amqp://nowhere')
  const channel = await connection.createChannel()
  const errors: Error[] = []
  channel.on('error', (error) => errors.push(error as Error))
  await channel.assertQueue('q')
  channel.sendToQueue('q', Buffer.from('late'))
  await channel.get('q')
  await vi.advanceTimersByTimeAsync(29 * MINUTE)
  expect(errors).toEqual([])
  await vi.advanceTimersByTimeAsync(2 * MINUTE)
  expect(errors).toMatchObject([{ code: 406, message: expect.stringContaining(textOf(1, 1_800_000)) }])
})
