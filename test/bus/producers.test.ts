/** Producers: send, publish, drained, and what comes back. */
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { drain, errorOf, sendAll, take } from './helpers.js'

onEveryEngine('producers', (scenario) => {
  scenario('send to a queue or an exchange, and count what they sent', async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    const exchange = await bus.declareExchange('x', 'fanout')
    await queue.bind(exchange.key(''))
    const [toQueue, toExchange] = [queue.createProducer(), exchange.createProducer()]
    await toQueue.send(1)
    expect(toQueue.publish(2)).toBe(true)
    await toExchange.send('key', 3)
    expect(toExchange.publish('key', 4)).toBe(true)
    expect([toQueue.published, toExchange.published]).toEqual([2, 2])
    expect(await drain(queue)).toEqual([1, 2, 3, 4])
  })

  scenario('of a handle are one, and further ones their own', async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    expect(queue.producer).toBe(queue.producer)
    expect(queue.createProducer()).not.toBe(queue.producer)
    await queue.send(1)
    queue.publish(2)
    expect(queue.producer.published).toBe(2)
    const exchange = bus.exchange('')
    expect(exchange.producer).toBe(exchange.producer)
    await exchange.drained()
    await queue.drained()
  })

  scenario('hear of a mandatory message without a queue, by rejection or by event', async ({ bus }) => {
    // PUB-05, PUB-06
    const exchange = await bus.declareExchange('x', 'direct')
    const producer = exchange.createProducer()
    const returned: unknown[] = []
    producer.on('returned', (message) => returned.push([message.routingKey, message.body, message.properties]))
    expect(await errorOf(() => producer.send('a', 1, { mandatory: true }))).toMatchObject({
      name: 'UnroutableError',
      code: 'NO_ROUTE',
      replyCode: 312,
      message: expect.stringContaining("exchange 'x' with routing key 'a'"),
    })
    expect(producer.publish('b', 2, { mandatory: true, messageId: 'm', headers: { BCC: ['c'], a: 1 } })).toBe(true)
    await producer.send('c', 3)
    expect(returned).toEqual([['b', 2, { messageId: 'm', headers: { a: 1 } }]]) // PUB-10
    expect([producer.returned, producer.published]).toEqual([2, 3])
  })

  scenario(
    'are told of a missing exchange at once, mandatory or not',
    { needs: ['throws-at-once'] },
    async ({ bus }) => {
      // PUB-02
      const missing = { code: 'NOT_FOUND', replyText: "NOT_FOUND - no exchange 'none' in vhost '/'" }
      const exchange = bus.exchange('none')
      expect(await errorOf(() => exchange.send('', 1))).toMatchObject(missing)
      expect(await errorOf(() => exchange.publish('', 1, { mandatory: true }))).toMatchObject(missing)
      expect(exchange.producer.published).toBe(0)
    },
  )

  scenario('go on after an error', async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    const producer = queue.createProducer()
    await errorOf(() => producer.send(1, { expiration: 'soon' }))
    await producer.send(2)
    expect(await drain(queue)).toEqual([2])
  })

  for (const [expiration, detail] of [
    ['abc', "'abc': no_integer"],
    ['', "'': no_integer"],
    ['10x', `'10x': {leftover_string,"x"}`],
    ['-1', "'-1': {value_negative,-1}"],
    [-1, "'-1': {value_negative,-1}"],
    ['315360000001', "'315360000001': {value_too_large,315360000001}"],
  ] as const) {
    scenario(`are refused an expiration of ${JSON.stringify(expiration)}`, async ({ bus }) => {
      // PUB-13
      const queue = await bus.declareQueue('q')
      expect(await errorOf(() => queue.send(1, { expiration }))).toMatchObject({
        code: 'PRECONDITION_FAILED',
        replyCode: 406,
        replyText: `PRECONDITION_FAILED - invalid expiration ${detail}`,
      })
      expect(await queue.get()).toBeUndefined()
    })
  }

  scenario('hand every property on, and none that was not given', async ({ bus }) => {
    // PUB-17, PUB-21
    const queue = await bus.declareQueue('q')
    const all = {
      contentType: 'text/plain',
      contentEncoding: 'identity',
      headers: { text: 'a', number: 1.5, list: [true, null], table: { date: new Date(0) }, bytes: new Uint8Array([1]) },
      deliveryMode: 2,
      priority: 255,
      correlationId: 'c',
      replyTo: 'r',
      expiration: '+10000',
      messageId: 'm',
      timestamp: 5,
      type: 't',
      userId: 'guest',
      appId: 'a',
    } as const
    await queue.send('body', all)
    await queue.send('body')
    expect((await take(queue)).properties).toEqual(all)
    expect((await take(queue)).properties).toEqual({})
  })

  scenario('pass bodies on by reference', { needs: ['by-reference'] }, async ({ bus }) => {
    // law 10
    const queue = await bus.declareQueue('q')
    for (const body of [{ some: 'object' }, 'text', undefined, null, 5n, () => 1, new Uint8Array(2)]) {
      await queue.send(body)
      expect((await take(queue)).body).toBe(body)
    }
  })

  scenario('copy bodies when the broker is told to', { broker: { bodies: 'clone' } }, async ({ bus }) => {
    const queue = await bus.declareQueue<{ list: number[]; when: Date }>('q')
    const body = { list: [1], when: new Date(5) }
    await queue.send(body)
    body.list.push(2)
    const delivery = await take(queue)
    expect(delivery.body).toEqual({ list: [1], when: new Date(5) })
  })

  scenario('encode bodies when the broker is told to', { broker: { bodies: 'encoded' } }, async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    await sendAll<unknown>(queue, [{ a: 1, when: new Date(5) }, 'text', new Uint8Array([1, 2])])
    const [object, text, bytes] = [await take(queue), await take(queue), await take(queue)]
    expect(object.body).toEqual({ a: 1, when: '1970-01-01T00:00:00.005Z' })
    expect(object.content).toBeInstanceOf(Uint8Array)
    expect([object, text, bytes].map(({ properties }) => properties.contentType)).toEqual([
      'application/json',
      'text/plain',
      'application/octet-stream',
    ])
    expect([text.body, bytes.body]).toEqual(['text', new Uint8Array([1, 2])])
  })

  scenario(
    'wait while the broker holds more than its high watermark',
    { needs: ['inside', 'same-turn'], broker: { highWatermark: 2 } },
    async ({ bus, broker }) => {
      // ALM-02
      const queue = await bus.declareQueue<number>('q')
      const other = await bus.declareQueue('other')
      await sendAll(queue, [1, 2, 3]) // past it from here on
      const answered: number[] = []
      void other.send(4).then(() => answered.push(4))
      void queue.send(5).then(() => answered.push(5))
      expect(other.publish(6)).toBe(false)
      const drained = other.drained().then(() => answered.push(6))
      expect(broker.overview()).toMatchObject({ ready: 6, alarmed: true })
      await drain(other)
      expect(answered).toEqual([])
      ;(await take(queue)).ack()
      expect(broker.overview()).toMatchObject({ ready: 3, alarmed: true })
      ;(await take(queue)).ack()
      await drained
      expect(answered.sort()).toEqual([4, 5, 6])
      expect(broker.overview()).toMatchObject({ ready: 2, alarmed: false })
    },
  )
})

onEveryEngine('get', (scenario) => {
  scenario('takes one message after another, and says when there is none', async ({ bus }) => {
    // GET-01, GET-04, ACK-01
    const queue = await bus.declareQueue('q')
    await sendAll(queue, [1, 2])
    const [one, two] = [await queue.get(), await queue.get({ noAck: true })]
    expect([one?.deliveryTag, two?.deliveryTag, await queue.get()]).toEqual([1, 2, undefined])
    expect([one?.settled, two?.settled]).toEqual([undefined, 'ack'])
    expect(await errorOf(() => two?.ack())).toMatchObject({ replyText: 'PRECONDITION_FAILED - unknown delivery tag 2' })
    expect(await errorOf(() => bus.queue('none').get())).toMatchObject({ code: 'NOT_FOUND' })
    expect(await errorOf(() => bus.queue('none').get({ wait: true }))).toMatchObject({ code: 'NOT_FOUND' })
  })

  scenario('waits for a message, first come first served, and is no consumer', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q', { autoDelete: true })
    const gets = [queue.get({ wait: true }), queue.get({ wait: true }), queue.get({ wait: true, noAck: true })]
    await Promise.resolve()
    expect((await queue.info()).consumerCount).toBe(0)
    await sendAll(queue, [1, 2, 3])
    const got = await Promise.all(gets)
    expect(got.map(({ body, settled }) => [body, settled])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, 'ack'],
    ])
    expect(await queue.stats()).toMatchObject({ ready: 0, unacked: 2, autoAcked: 1 })
  })

  for (const [when, first] of [
    ['in the same turn as the call', true],
    ['later', false],
  ] as const) {
    scenario(`gets the message that is sent ${when}`, async ({ bus }) => {
      const queue = await bus.declareQueue<number>('q')
      const got = queue.get({ wait: true })
      if (!first) for (let i = 0; i < 10; i++) await Promise.resolve()
      queue.publish(1)
      expect((await got).body).toBe(1)
      await queue.send(2)
      expect((await take(queue)).body).toBe(2)
    })
  }

  scenario('takes only what no consumer has credit for', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const got = queue.get({ wait: true })
    await Promise.resolve()
    queue.createConsumer({ prefetch: 1 }).consume(() => undefined)
    await sendAll(queue, [1, 2])
    expect((await got).body).toBe(2)
  })

  scenario('gives up at its timeout, and takes nothing then', { needs: ['time'] }, async ({ bus, advance, clock }) => {
    const queue = await bus.declareQueue('q')
    const got = errorOf(() => queue.get({ wait: true, timeout: 100 }))
    await advance(99)
    expect(clock.pending).toBe(1)
    await advance(1)
    expect(await got).toMatchObject({
      name: 'TimeoutError',
      code: 'TIMEOUT',
      message: "get from queue 'q' took longer than 100 ms",
    })
    await queue.send(1)
    expect((await take(queue)).redelivered).toBe(false)
    const inTime = queue.get({ wait: true, timeout: 100 })
    await queue.send(2)
    await inTime
    expect(clock.pending).toBe(0)
  })

  scenario('hears that its queue is gone', async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    const waiting = errorOf(() => queue.get({ wait: true }))
    await turn()
    await queue.delete()
    expect(await waiting).toMatchObject({ code: 'CONSUMER_CANCELLED' })
  })

  for (const [how, end] of [
    ['the handle', (queue) => queue.close()],
    ['the bus', (_queue, bus) => bus.close()],
    ['the broker', (_queue, _bus, broker) => broker.close()],
  ] as const satisfies readonly (readonly [
    string,
    (queue: import('leveret').Queue, bus: import('leveret').Bus, broker: import('leveret').Broker) => unknown,
  ])[]) {
    scenario(`hears that ${how} is closed`, { needs: ['inside'] }, async ({ bus, broker }) => {
      // law 2
      const queue = await bus.declareQueue('q')
      const waiting = errorOf(() => queue.get({ wait: true }))
      for (let i = 0; i < 10; i++) await Promise.resolve()
      await end(queue, bus, broker)
      expect(await waiting).toMatchObject({ code: 'CLOSED' })
    })
  }
})
