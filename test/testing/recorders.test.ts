// What happened, as lists that a test may ask and wait for; and what is said when something is missing.
import { readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { connect, reset, useBroker } from 'leveret/amqplib'
import { type TestKit, testBroker } from 'leveret/testing'
import { afterEach, describe, expect, test } from 'vitest'

afterEach(reset)

interface Orders {
  'order.created': { readonly id: number; readonly tags?: readonly string[] }
  'order.paid.eu': { readonly amount: number }
}

async function shop(kit: TestKit) {
  const { bus } = kit
  const orders = await bus.declareExchange<Orders>('orders', 'topic')
  const mails = await bus.declareQueue('mails', { bindings: [orders.key('order.*')], deadLetter: 'dead' })
  const audit = await bus.declareQueue('audit', { bindings: [orders.key('order.#')] })
  return { orders, mails, audit }
}

/** The text of a failure, without lines and columns. */
async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: Error) => reason,
  )
  return plain(error.message)
}

const plain = (text: string) => text.replaceAll(`${process.cwd()}/`, '').replaceAll(/(\.test\.ts):\d+:\d+/g, '$1')

describe('a recorder', () => {
  test('lists what was published, with where and why', async () => {
    await using kit = testBroker({ strict: false })
    const { orders, mails } = await shop(kit)
    const welcome = await kit.bus.declareQueue('welcome')
    mails.createConsumer({ consumerTag: 'mailer' }).run(async () => {
      await welcome.send('hello', { headers: { kind: 'greeting' } })
    })
    orders.publish('order.created', { id: 1 })
    await kit.settled()
    const { first, last } = kit.published
    expect(kit.published).toHaveLength(2)
    expect(first).toMatchObject({
      body: { id: 1 },
      exchange: 'orders',
      routingKey: 'order.created',
      queue: undefined,
      queues: ['mails', 'audit'],
      at: 0,
      cause: undefined,
      site: expect.stringMatching(/recorders\.test\.ts:\d+:\d+$/),
    })
    expect(last).toMatchObject({ body: 'hello', headers: { kind: 'greeting' }, queues: ['welcome'] })
    expect(last?.cause).toBe(first)
    expect(kit.published.at(-1)).toBe(last)
    expect([...kit.published].map(({ routingKey }) => routingKey)).toEqual(['order.created', 'welcome'])
    expect(kit.delivered.first).toMatchObject({ queue: 'mails', consumer: 'mailer', redelivered: false, cause: first })
    expect(kit.acked.first).toMatchObject({ queue: 'mails', consumer: 'mailer' })
  })

  test('tells rejected, requeued, dead-lettered, expired, dropped and returned messages apart', async () => {
    await using kit = testBroker({ strict: false })
    const { orders, mails } = await shop(kit)
    const short = await kit.bus.declareQueue('short', { messageTtl: 1_000, maxLength: 1 })
    const tries = await kit.bus.declareQueue('tries', { retry: { attempts: 1 } })
    orders.publish('order.created', { id: 1 })
    ;(await mails.get())?.requeue()
    ;(await mails.get())?.reject('spam')
    short.publish('one')
    short.publish('two')
    tries.publish('poison')
    ;(await tries.get())?.retry(new Error('no'))
    await kit.bus
      .exchange('amq.direct')
      .send('nobody', 'x', { mandatory: true })
      .catch(() => undefined)
    await kit.advance('1s')
    expect(kit.requeued.first).toMatchObject({ queue: 'mails' })
    expect(kit.delivered.at(1)).toMatchObject({ queue: 'mails', redelivered: true, consumer: undefined })
    expect(kit.rejected.first).toMatchObject({ queue: 'mails', reason: 'spam' })
    expect(kit.deadLettered.first).toMatchObject({ queue: 'mails', reason: 'rejected', queues: ['dead'] })
    expect(kit.deadLettered.first?.cause).toBe(kit.published.first)
    expect(kit.expired.first).toMatchObject({ queue: 'short', body: 'two', at: 1_000 })
    expect(kit.overflowed.first).toMatchObject({ queue: 'short', body: 'one' })
    expect(kit.deliveryLimited.first).toMatchObject({
      queue: 'tries',
      reason: expect.objectContaining({ message: 'no' }),
    })
    expect(kit.returned.first).toMatchObject({ routingKey: 'nobody', body: 'x', queue: undefined })
  })

  test('reads what amqplib clients publish and consume', async () => {
    await using kit = testBroker({ strict: false })
    await shop(kit)
    useBroker(kit.broker)
    const channel = await (await connect('amqp://localhost')).createChannel()
    await channel.consume('mails', (message) => message !== null && channel.ack(message), { consumerTag: 'mailer' })
    await channel.consume('audit', (message) => message !== null && channel.nack(message, false, false))
    channel.publish('orders', 'order.created', Buffer.from(JSON.stringify({ id: 1 })), { type: 'created' })
    channel.sendToQueue('dead', Buffer.from('text'))
    channel.sendToQueue('dead', Buffer.from([0, 1, 2]), { contentType: 'application/octet-stream' })
    channel.sendToQueue('dead', Buffer.from('{'), { contentType: 'application/json' })
    await kit.acked.any({ queue: 'mails', body: { id: 1 }, properties: { type: 'created' } })
    await kit.settled()
    expect(kit.rejected.first).toMatchObject({ queue: 'audit', body: { id: 1 } })
    expect(kit.acked.first).toMatchObject({ consumer: 'mailer', site: expect.stringContaining('recorders.test.ts') })
    expect([...kit.published].map(({ body }) => body)).toEqual([
      { id: 1 },
      'text',
      Buffer.from([0, 1, 2]),
      Buffer.from('{'),
    ])
    expect(kit.published.count({ body: Buffer.from('text') })).toBe(1)
    expect(kit.published.first?.content).toEqual(Buffer.from('{"id":1}'))
    expect(kit.published.first?.site).toContain('recorders.test.ts')
  })
})

describe('a filter', () => {
  test.each([
    [{ exchange: 'orders' }, 2],
    [{ exchange: '' }, 1],
    [{ key: 'order.*' }, 1],
    [{ key: 'order.#' }, 2],
    [{ key: '#.eu' }, 1],
    [{ key: 'order.created' }, 1],
    [{ queue: 'mails' }, 1],
    [{ queue: 'audit' }, 2],
    [{ body: { id: 1 } }, 1],
    [{ body: { tags: ['a', 'b'] } }, 1],
    [{ body: { tags: ['a'] } }, 0],
    [{ body: { tags: [/^a$/, expect.any(String)] } }, 1],
    [{ body: { id: 1, amount: 5 } }, 0],
    [{ body: { at: new Date(5) } }, 1],
    [{ body: { at: new Date(6) } }, 0],
    [{ body: (body: { readonly amount: number }) => body.amount > 4 }, 1],
    [{ headers: { tenant: 'a' } }, 1],
    [{ properties: { messageId: /^m/ } }, 1],
    [{ properties: { messageId: 'm2' } }, 0],
    [{}, 3],
  ])('of %o means %i', async (filter, count) => {
    await using kit = testBroker({ strict: false })
    const { orders } = await shop(kit)
    orders.publish(
      'order.created',
      { id: 1, tags: ['a', 'b'] },
      { headers: { tenant: 'a', trace: 1 }, messageId: 'm1' },
    )
    orders.publish('order.paid.eu', { amount: 5 })
    kit.bus.queue<unknown>('dead').publish({ at: new Date(5) })
    expect(kit.published.count(filter)).toBe(count)
    expect(kit.published.all(filter)).toHaveLength(count)
  })

  test('by a handle means what its name does', async () => {
    await using kit = testBroker({ strict: false })
    const { orders, mails, audit } = await shop(kit)
    orders.publish('order.paid.eu', { amount: 5 })
    expect(kit.published.all({ exchange: orders, key: 'order.paid.*' }).map(({ body }) => body.amount)).toEqual([5])
    expect(kit.published.count({ queue: mails })).toBe(0)
    expect(kit.published.count({ queue: audit })).toBe(1)
  })

  test('that can never match is refused', async () => {
    await using kit = testBroker({ strict: false })
    const { orders } = await shop(kit)
    const all = (filter: object) => () => kit.published.all(filter)
    expect(all({ exchnge: 'orders' })).toThrow("published.all: unknown option 'exchnge'; did you mean 'exchange'?")
    expect(all({ key: /order/ })).toThrow("published.all: option 'key' must be a string, got an object of class RegExp")
    expect(all({ headers: 'x' })).toThrow("published.all: option 'headers' must be an object, got 'x'")
    expect(all({ queue: 1 })).toThrow("published.all: option 'queue': expected a queue or the name of one, got 1")
    expect(all({ queue: orders })).toThrow(
      "option 'queue': expected a queue or the name of one, got an object of class",
    )
    expect(all({ exchange: 'ordrs' })).toThrow(
      "published.all: option 'exchange': expected the name of an exchange that exists or did, got 'ordrs'; did you mean 'orders'?",
    )
    expect(all({ queue: 'xyz' })).toThrow("got 'xyz'; there are 'mails', 'dead', 'audit'")
    await using other = testBroker({ strict: false })
    expect(() => other.published.all({ exchange: orders })).toThrow(
      "published.all: option 'exchange': exchange 'orders' is a handle of another broker, not of the kit's",
    )
    expect(() => kit.returned.all({ queue: 'mails' })).toThrow('a message that is returned reached none')
    await expect(kit.published.any({ exchange: 'ordrs' })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(kit.published.any({}, { durng: 1 } as object)).rejects.toThrow("did you mean 'during'?")
    await expect(kit.published.any({}, { during: 1 } as object)).rejects.toThrow('a promise of work to wait for')
  })

  test('by the name of what is gone is none of these', async () => {
    await using kit = testBroker({ strict: false })
    const gone = await kit.bus.declareQueue('gone')
    gone.publish(1)
    await gone.delete()
    expect(kit.published.count({ queue: 'gone' })).toBe(1)
  })
})

describe('any()', () => {
  test('answers what happened before the call', async () => {
    await using kit = testBroker({ strict: false })
    const { orders } = await shop(kit)
    orders.publish('order.created', { id: 1 })
    orders.publish('order.created', { id: 2 })
    const { body } = await kit.published.any({ exchange: orders, key: 'order.created' })
    expect(body.id).toBe(1)
  })

  test('waits for a handler that awaits real I/O, and for the one after it', async () => {
    await using kit = testBroker({ strict: false })
    const [first, second] = [await kit.bus.declareQueue('first'), await kit.bus.declareQueue('second')]
    first.createConsumer().run(async () => {
      await readFile(new URL(import.meta.url))
      await second.send('b')
    })
    second.createConsumer().run(async () => void (await readFile(new URL(import.meta.url))))
    first.publish('a')
    const record = await kit.acked.any({ queue: second })
    expect(record.body).toBe('b')
    expect(record.cause?.cause?.body).toBe('a')
  })

  test('sees what is published after the call, in this turn and in the next', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue('q')
    const now = kit.published.any({ body: 1 })
    queue.publish(1)
    await now
    const soon = kit.published.any({ body: 2 })
    await setImmediate()
    queue.publish(2)
    await soon
  })

  test('waits for work outside of every handler that it is told of', async () => {
    await using kit = testBroker({ strict: false })
    const start = async () => {
      await readFile(new URL(import.meta.url))
      await readFile(new URL(import.meta.url))
      const queue = await kit.bus.declareQueue('late')
      await readFile(new URL(import.meta.url))
      await queue.send(1)
    }
    await kit.published.any({ queue: 'late' }, { during: start() })
    const broken = async () => {
      await readFile(new URL(import.meta.url))
      throw new Error('cannot start')
    }
    await expect(kit.published.any({ body: 2 }, { during: broken() })).rejects.toThrow('cannot start')
    await expect(kit.published.any({ body: 2 }, { during: start() })).rejects.toThrow('there is no such message')
  })

  test('sees what comes as time is advanced meanwhile', async () => {
    await using kit = testBroker({ strict: false })
    const [queue, other] = [await kit.bus.declareQueue('q', { messageTtl: 3_600_000 }), await kit.bus.declareQueue('o')]
    queue.publish('x')
    other.createConsumer().run(async () => void (await readFile(new URL(import.meta.url))))
    other.publish('y', { delay: 1_000 })
    const expired = kit.expired.any({ queue })
    await Promise.all([expired, kit.advance('1h')])
  })

  test('fails at once when nothing is in flight, whatever waits for time', async () => {
    await using kit = testBroker({ strict: false, timeout: 2 ** 31 - 1 })
    const { mails, audit } = await shop(kit)
    audit.publish({ id: 1 }, { delay: 30_000 })
    mails.createConsumer({ consumerTag: 'mailer' }).run(async () => {
      await kit.sleep('1h')
    })
    mails.publish({ id: 2 })
    expect(await failure(kit.acked.any({ queue: audit }))).toMatchInlineSnapshot(`
      "acked.any: there is no such message, and nothing in flight could bring one
      Expected an acknowledged message with
        queue: 'audit'

      There is none.

      What waits:
        1 message waits until +30s to be published: advance() the clock
        a handler of queue 'mails' sleeps on the kit's clock: advance() it

      Timeline:
        0  published 'mails'  { id: 2 }  test/testing/recorders.test.ts
        0    delivered from 'mails' to consumer 'mailer'"
    `)
  })

  test('says what still runs when that never ends', async () => {
    await using kit = testBroker({ strict: false, timeout: 20 })
    const { mails } = await shop(kit)
    mails.createConsumer({ consumerTag: 'mailer' }).run(() => new Promise(() => undefined))
    mails.publish({ id: 2 })
    expect(await failure(kit.acked.any({ queue: mails }))).toMatchInlineSnapshot(`
      "acked.any: not done within 20 ms of real time. Still in flight:
        - message to 'mails' published at test/testing/recorders.test.ts, in the hands of consumer 'mailer' of queue 'mails', since 0ms on the kit's clock: not settled
      Expected an acknowledged message with
        queue: 'mails'

      There is none.

      Timeline:
        0  published 'mails'  { id: 2 }  test/testing/recorders.test.ts
        0    delivered from 'mails' to consumer 'mailer'"
    `)
  })

  test('ends with its signal', async () => {
    await using kit = testBroker({ strict: false })
    const controller = new AbortController()
    const never = new Promise(() => undefined)
    const waiting = kit.published.any({}, { signal: controller.signal, during: never })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toMatchObject({ code: 'TEST_FAILED', cause: new Error('enough') })
  })

  test('shows what came near, and where that went instead', async () => {
    await using kit = testBroker({ strict: false })
    const { orders } = await shop(kit)
    orders.publish('order.created', { id: 1 })
    orders.publish('order.paid.eu', { amount: 5 })
    expect(await failure(kit.published.any({ exchange: orders, body: { id: 7 } }))).toMatchInlineSnapshot(`
      "published.any: there is no such message, and nothing in flight could bring one
      Expected a published message with
        exchange: 'orders'
        body: { id: 7 }

      There are 2 published messages. Nearest:
        'order.created' to exchange 'orders'  { id: 1 }, at 0, test/testing/recorders.test.ts
          body.id: expected 7, got 1
        'order.paid.eu' to exchange 'orders'  { amount: 5 }, at 0, test/testing/recorders.test.ts
          body.id: expected 7, got undefined

      What waits:
        1 message is ready in queue 'mails', and no consumer takes it
        2 messages are ready in queue 'audit', and no consumer takes them

      Timeline:
        0  published 'order.created' to exchange 'orders' → 'mails', 'audit'  { id: 1 }  test/testing/recorders.test.ts
        0  published 'order.paid.eu' to exchange 'orders' → 'audit'  { amount: 5 }  test/testing/recorders.test.ts"
    `)
    expect(await failure(kit.published.any({ queue: 'mails', body: { amount: 5 } }))).toMatchInlineSnapshot(`
      "published.any: there is no such message, and nothing in flight could bring one
      Expected a published message with
        queue: 'mails'
        body: { amount: 5 }

      There are 2 published messages. Nearest:
        'order.created' to exchange 'orders'  { id: 1 }, at 0, test/testing/recorders.test.ts
          body.amount: expected 5, got undefined
        'order.paid.eu' to exchange 'orders'  { amount: 5 }, at 0, test/testing/recorders.test.ts
          queue: expected 'mails', got 'audit'

      Where it goes:
        'order.paid.eu' to exchange 'orders': 1 queue gets a copy

        topic exchange 'orders'
          ✗ 'order.*' → queue 'mails': 'eu' is left over
          ✓ 'order.#' → queue 'audit': # is 'paid.eu'

        queue 'audit', by 'orders'
          stored behind 2 ready messages: it has no consumer

        near misses
          'order.*' of exchange 'orders' → queue 'mails': \`order.*\` takes exactly 2 words, the key has 3: use \`order.#\`?

      What waits:
        1 message is ready in queue 'mails', and no consumer takes it
        2 messages are ready in queue 'audit', and no consumer takes them

      Timeline:
        0  published 'order.created' to exchange 'orders' → 'mails', 'audit'  { id: 1 }  test/testing/recorders.test.ts
        0  published 'order.paid.eu' to exchange 'orders' → 'audit'  { amount: 5 }  test/testing/recorders.test.ts"
    `)
  })

  test('says of a missing dead letter what died without one', async () => {
    await using kit = testBroker({ strict: false })
    const { audit } = await shop(kit)
    audit.publish({ id: 1 })
    ;(await audit.get())?.reject()
    expect(await failure(kit.deadLettered.any({ queue: 'audit' }))).toMatchInlineSnapshot(`
      "deadLettered.any: there is no such message, and nothing in flight could bring one
      Expected a dead-lettered message with
        queue: 'audit'

      There is none.

      What died without a dead letter:
        'audit', rejected in queue 'audit', is lost: the queue has no dead-letter exchange, or nothing is bound to that

      Timeline:
        0  published 'audit'  { id: 1 }  test/testing/recorders.test.ts
        0    delivered from 'audit' to a get
        0    rejected in 'audit'  test/testing/recorders.test.ts"
    `)
  })
})

describe('timeline()', () => {
  test('tells what happened, below what caused it', async () => {
    await using kit = testBroker({ strict: false })
    const { orders, mails, audit } = await shop(kit)
    const welcome = await kit.bus.declareQueue<object>('welcome', { messageTtl: 90_000 })
    mails.createConsumer({ consumerTag: 'mailer' }).run(async ({ body, redelivered }) => {
      if (!redelivered) return 'requeue'
      if ('id' in Object(body) && Object(body).id === 2) return 'reject'
      await welcome.send({ to: 'ann@example.org', text: 'welcome '.repeat(40) })
      return
    })
    orders.publish('order.created', { id: 1 })
    orders.publish('order.created', { id: 2 })
    await kit.settled()
    ;(await audit.get())?.ack()
    await kit.bus
      .exchange('amq.direct')
      .send('nobody', 'x', { mandatory: true })
      .catch(() => undefined)
    await kit.advance('2m')
    expect(plain(kit.timeline())).toMatchInlineSnapshot(`
      "      0  published 'order.created' to exchange 'orders' → 'mails', 'audit'  { id: 1 }  test/testing/recorders.test.ts
            0    delivered from 'mails' to consumer 'mailer'
            0    requeued in 'mails'
            0    delivered again from 'mails' to consumer 'mailer'
            0    published 'welcome'  { to: 'ann@example.org', text: 'welcome welcome welcome welcome welcome…  test/testing/recorders.test.ts
      +1m 30s      expired in 'welcome'
            0    acknowledged in 'mails'
            0    delivered from 'audit' to a get
            0    acknowledged in 'audit'  test/testing/recorders.test.ts
            0  published 'order.created' to exchange 'orders' → 'mails', 'audit'  { id: 2 }  test/testing/recorders.test.ts
            0    delivered from 'mails' to consumer 'mailer'
            0    requeued in 'mails'
            0    delivered again from 'mails' to consumer 'mailer'
            0    rejected in 'mails'
            0    dead-lettered (rejected) from 'mails' as 'dead'
            0  published 'nobody' to exchange 'amq.direct' → no queue  'x'  test/testing/recorders.test.ts
            0    returned to its publisher: no queue wants it"
    `)
  })

  test('is cut in its middle when it is long', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue('q')
    expect(kit.timeline()).toBe('nothing happened')
    for (let i = 0; i < 100; i++) queue.publish(i)
    const lines = kit.timeline({ lines: 5 }).split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[2]).toBe('… 96 more lines …')
    expect(lines[4]).toContain("published 'q'  99")
    expect(kit.timeline({ lines: 100 }).split('\n')).toHaveLength(100)
    expect(() => kit.timeline({ lines: 1 })).toThrow("timeline: option 'lines' must be an integer from 3")
  })

  test('follows a chain of two thousand messages', async () => {
    await using kit = testBroker({ strict: false, timeout: 60_000 })
    const queue = await kit.bus.declareQueue<number>('q')
    queue.createConsumer().run(async ({ body }) => {
      if (body < 2_000) await queue.send(body + 1)
    })
    queue.publish(1)
    await kit.acked.any({ body: 2_000 })
    expect(kit.timeline()).toContain('more lines')
  })
})
