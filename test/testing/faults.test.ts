// What a test lets go wrong, and what applications see of it.
import { Broker } from 'leveret'
import { type TestKit, testBroker } from 'leveret/testing'
import { describe, expect, test } from 'vitest'

describe('confirms', () => {
  test('are refused, so many, and the queue does not get those messages', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    const fault = kit.faults.rejectConfirms('jobs', { times: 2 })
    const sent = await Promise.allSettled([1, 2, 3].map((body) => queue.send(body)))
    expect(sent.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    expect(sent[0]).toMatchObject({ reason: { code: 'PUBLISH_REFUSED' } })
    expect(kit.bus.peek('jobs', 9).map(({ body }) => body)).toEqual([3])
    expect([fault.fired, fault.remaining]).toEqual([2, 0])
    expect(kit.faults.unfired).toEqual([])
  })

  test('are refused where a publish awaits one: dead letters and delayed sends pass', async () => {
    await using kit = testBroker({ strict: false })
    const dead = await kit.bus.declareQueue('dead')
    const jobs = await kit.bus.declareQueue('jobs', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' })
    const fault = kit.faults.rejectConfirms(dead)
    await jobs.send(1)
    ;(await jobs.get())?.reject()
    await dead.send(2, { delay: 1000 })
    await kit.advance('1s')
    expect(kit.bus.peek('dead', 9).map(({ body }) => body)).toEqual([1, 2])
    expect(fault.fired).toBe(0)
    await expect(dead.send(3)).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' })
  })

  test('are late by a time, or until they are released; the queue has the message at once', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue('jobs')
    const late = kit.faults.delayConfirms('jobs', { by: '5s' })
    const first = queue.send(1).then(() => kit.now)
    expect((await queue.info()).messageCount).toBe(1)
    await expect(kit.settled({ timeout: 50 })).rejects.toThrow("confirm of message to 'jobs' published at")
    await expect(kit.settled({ timeout: 50 })).rejects.toThrow(
      "held back by delayConfirms of queue 'jobs': 5s on the kit's clock",
    )
    await kit.advance('4s')
    expect(late.held).toBe(1)
    await kit.advance('1s')
    expect(await first).toBe(5000)

    const held = kit.faults.delayConfirms('jobs', { times: 2 })
    const sent: number[] = []
    for (const body of [2, 3]) void queue.send(body).then(() => sent.push(body))
    await kit.advance('24h')
    expect([sent, held.held, held.remaining]).toEqual([[], 2, 0])
    held.release()
    await kit.settled()
    expect(sent).toEqual([2, 3])
  })

  test('that two queues hold back are given when both let go', async () => {
    await using kit = testBroker({ strict: false })
    const fan = await kit.bus.declareExchange('fan', 'fanout')
    for (const name of ['a', 'b']) await kit.bus.declareQueue(name, { bindings: [fan.key('')] })
    const faults = ['a', 'b'].map((name) => kit.faults.delayConfirms(name))
    let done = false
    void fan.send('', 1).then(() => {
      done = true
    })
    await kit.advance(1)
    faults[0]?.release()
    await kit.advance(1)
    expect(done).toBe(false)
    faults[1]?.cancel()
    await kit.settled()
    expect(done).toBe(true)
  })

  test('wait while the memory is full', async () => {
    await using kit = testBroker({ strict: false, timeout: 20 })
    const queue = await kit.bus.declareQueue('jobs')
    const fault = kit.faults.block()
    expect(kit.broker.overview().alarms).toEqual(['memory'])
    const sent = queue.send(1)
    await expect(kit.settled()).rejects.toThrow('the broker has an alarm')
    fault.cancel()
    await sent
    kit.faults.block({ resource: 'disk' })
    kit.faults.block()
    kit.faults.unblock()
    expect(kit.broker.overview().alarmed).toBe(false)
  })
})

describe('storage that fails', () => {
  test('stores nothing anywhere, tells the publisher, and nothing is lost count of', async () => {
    await using kit = testBroker({ strict: false })
    const fan = await kit.bus.declareExchange('fan', 'fanout')
    for (const name of ['a', 'b']) await kit.bus.declareQueue(name, { bindings: [fan.key('')] })
    const full = new Error('disk full')
    kit.faults.failStorage('b', { times: 2, error: full })
    await expect(fan.send('', 1)).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      replyCode: 541,
      message: "INTERNAL_ERROR - queue 'b' in vhost '/' could not store a message",
      cause: full,
    })
    expect(() => fan.publish('', 2)).toThrow('could not store')
    expect(kit.bus.peek('a', 9)).toEqual([])
    await fan.send('', 3)
    expect(kit.bus.overview().publishes).toMatchObject({ published: 1, routed: 1 })
    for (const name of ['a', 'b']) expect(await kit.bus.queue(name).stats()).toMatchObject({ enqueued: 1, ready: 1 })
  })

  test('loses a dead letter, and counts it as lost', async () => {
    await using kit = testBroker({ strict: false })
    await kit.bus.declareQueue('dead')
    const jobs = await kit.bus.declareQueue('jobs', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' })
    kit.faults.failStorage('dead')
    await jobs.send(1)
    ;(await jobs.get())?.reject()
    expect((await jobs.stats()).deadLetterLost).toBe(1)
    expect(kit.bus.peek('dead', 9)).toEqual([])
  })
})

describe('deliveries', () => {
  test('come twice after they were acknowledged, each once more, flagged', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    const seen: [number, boolean][] = []
    queue.createConsumer().run(({ body, redelivered }) => void seen.push([body, redelivered]))
    const fault = kit.faults.duplicate(queue, { times: 2 })
    for (const body of [1, 2, 3]) await queue.send(body)
    await kit.settled()
    expect(seen.filter(([, redelivered]) => redelivered).map(([body]) => body)).toEqual([1, 2])
    expect(seen.filter(([, redelivered]) => !redelivered).map(([body]) => body)).toEqual([1, 2, 3])
    expect(fault.remaining).toBe(0)
    expect(await queue.stats()).toMatchObject({ enqueued: 5, acked: 5, ready: 0, unacked: 0 })
  })

  test.each(['classic', 'quorum'] as const)('are overtaken by the next, in a %s queue', async (type) => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs', { type, durable: true })
    const seen: number[] = []
    queue.createConsumer({ prefetch: 1 }).run(({ body }) => void seen.push(body))
    const fault = kit.faults.reorder('jobs', { times: 2 })
    await queue.send(1)
    await kit.settled()
    expect(seen).toEqual([])
    for (const body of [2, 3, 4, 5, 6]) await queue.send(body)
    await kit.settled()
    expect(fault.remaining).toBe(0)
    expect(seen).toEqual([2, 1, 4, 3, 5, 6])
    expect(await queue.stats()).toMatchObject({ enqueued: 6, acked: 6 })
  })

  test('are overtaken that lie in the queue already', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    for (const body of [1, 2, 3, 4, 5]) await queue.send(body)
    kit.faults.reorder('jobs', { times: 2 })
    expect(kit.bus.peek('jobs', 9).map(({ body }) => body)).toEqual([2, 1, 4, 3, 5])
  })

  test('go on when a message waits for a second one and the fault is cancelled', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    const seen: number[] = []
    queue.createConsumer().run(({ body }) => void seen.push(body))
    const fault = kit.faults.reorder('jobs')
    await queue.send(1)
    expect(kit.faults.unfired[0]).toContain('it holds a message back until there is a second one')
    fault.cancel()
    await kit.settled()
    expect(seen).toEqual([1])
    expect(kit.faults.unfired).toEqual([])
  })
})

describe('a consumer that is cancelled', () => {
  test.each(['worker', 'jobs'])('hears of it, found by %s', async (name) => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue('jobs')
    const loop = async () => {
      for await (const delivery of queue.createConsumer({ consumerTag: 'worker' })) delivery.ack()
    }
    const looping = expect(loop()).rejects.toMatchObject({
      code: 'CONSUMER_CANCELLED',
      message: "consumer 'worker' was cancelled by the broker: it was cancelled by a test",
    })
    expect(kit.faults.cancelConsumer(name).fired).toBe(1)
    await looping
  })
})

describe('a connection that is lost', () => {
  test('now: closes its bus, ends its consumers, and gives back what they have', async () => {
    await using kit = testBroker({ strict: false })
    await kit.bus.declareQueue('jobs')
    const bus = kit.broker.connect({ name: 'worker' })
    const seen: boolean[] = []
    const consumer = bus.queue('jobs').createConsumer()
    const ended: unknown[] = []
    consumer.on('cancelled', (error) => ended.push(error.message))
    consumer.run(async ({ redelivered }) => {
      seen.push(redelivered)
      await new Promise(() => undefined)
    })
    await kit.bus.queue('jobs').send(1)
    await kit.advance(0)
    expect(kit.faults.dropConnection('worker').fired).toBe(1)
    await kit.advance(0)
    expect(bus.closed).toBe(true)
    expect(() => bus.queue('jobs').publish(1)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    expect(ended).toEqual([expect.stringContaining("connection 'worker' was lost")])
    expect((await kit.bus.queue('jobs').get())?.redelivered).toBe(true)
    expect(seen).toEqual([false])
  })

  test('after a delivery: what its handler does by then arrives nowhere, its acknowledgement neither', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    const work = (name: string) => {
      const seen: [number, boolean][] = []
      kit.broker
        .connect({ name })
        .queue<number>('jobs')
        .createConsumer({ prefetch: 3 })
        .on('cancelled', () => undefined)
        .consume((delivery) => {
          seen.push([delivery.body, delivery.redelivered])
          delivery.ack()
        })
      return seen
    }
    const first = work('first')
    const fault = kit.faults.dropConnection({ after: 'delivery', queue })
    queue.publish(1)
    queue.publish(2)
    await kit.settled()
    expect(first).toEqual([[1, false]])
    expect(fault.fired).toBe(1)
    const second = work('second')
    await kit.settled()
    expect(second).toEqual([
      [1, true],
      [2, false],
    ])
    expect(await queue.stats()).toMatchObject({ enqueued: 2, acked: 2, requeued: 1, unacked: 0, ready: 0 })
  })

  test.each(['run', 'loop'] as const)('after a delivery to a %s, which has it', async (verb) => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    const seen: number[] = []
    const consumer = kit.broker.connect().queue<number>('jobs').createConsumer()
    let over: unknown
    if (verb === 'run') consumer.on('cancelled', (error) => (over = error)).run(({ body }) => void seen.push(body))
    else {
      const loop = async () => {
        for await (const delivery of consumer) {
          seen.push(delivery.body)
          delivery.ack()
        }
      }
      loop().catch((error) => {
        over = error
      })
    }
    kit.faults.dropConnection({ after: 'delivery' })
    await queue.send(1)
    await kit.settled()
    expect(seen).toEqual([1])
    expect(over).toMatchObject({ code: 'CONSUMER_CANCELLED' })
    expect((await queue.stats()).ready).toBe(1)
  })

  test.each(['run', 'loop', 'consume'] as const)('before a delivery to a %s, which never sees it', async (verb) => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    const seen: number[] = []
    const bus = kit.broker.connect()
    const consumer = bus.queue<number>('jobs').createConsumer()
    let over: unknown
    const take = ({ body }: { body: number }) => void seen.push(body)
    if (verb === 'loop') {
      const loop = async () => {
        for await (const delivery of consumer) take(delivery)
      }
      loop().catch((error) => {
        over = error
      })
    } else {
      consumer.on('cancelled', (error) => (over = error))
      if (verb === 'run') consumer.run(take)
      else consumer.consume(take)
    }
    kit.faults.dropConnection(bus, { before: 'delivery', queue: 'jobs' })
    await queue.send(1)
    await kit.settled()
    expect([seen, bus.closed]).toEqual([[], true])
    expect(over).toMatchObject({ code: 'CONSUMER_CANCELLED' })
    expect((await queue.stats()).ready).toBe(1)
  })

  test('before a delivery: one that was on its way already arrives', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue<number>('jobs')
    const seen: number[] = []
    queue.createConsumer().run(({ body }) => void seen.push(body))
    queue.publish(1)
    const fault = kit.faults.dropConnection(kit.bus, { before: 'delivery' })
    await kit.settled()
    expect([seen, fault.fired]).toEqual([[1], 0])
  })

  test('rejects the sends that wait for a confirm', async () => {
    await using kit = testBroker({ strict: false })
    await kit.bus.declareQueue('jobs')
    const bus = kit.broker.connect()
    kit.faults.delayConfirms('jobs')
    const sent = expect(bus.queue('jobs').send(1)).rejects.toMatchObject({ code: 'CLOSED' })
    kit.faults.dropConnection()
    await sent
    expect((await kit.bus.queue('jobs').info()).messageCount).toBe(1)
  })

  test('takes its exclusive queues with it', async () => {
    await using kit = testBroker({ strict: false })
    const bus = kit.broker.connect()
    const own = await bus.declareQueue({ exclusive: true })
    kit.faults.dropConnection(bus)
    expect(() => kit.bus.peek(own.name)).toThrow('no queue')
  })

  test('follows the name of a queue that is declared anew', async () => {
    await using kit = testBroker({ strict: false })
    await kit.bus.declareQueue('jobs')
    kit.faults.rejectConfirms('jobs')
    await kit.bus.queue('jobs').delete()
    const queue = await kit.bus.declareQueue('jobs')
    await expect(queue.send(1)).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' })
  })
})

describe('a fault', () => {
  test('that did not fire as often as it was told to is told', async () => {
    await using kit = testBroker({ strict: false })
    const queue = await kit.bus.declareQueue('jobs')
    kit.faults.rejectConfirms('jobs', { times: 3 })
    kit.faults.duplicate('jobs', { times: Number.POSITIVE_INFINITY })
    kit.faults.delayConfirms('jobs').cancel()
    await queue.send(1).catch(() => undefined)
    expect(kit.faults.unfired).toEqual([
      expect.stringMatching(
        /^rejectConfirms of queue 'jobs', asked for at .*faults.test.ts:\d+:\d+, fired 1 of 3 times$/,
      ),
      expect.stringMatching(
        /^duplicate of queue 'jobs', .* fired 0 of 1 times: only what a consumer acknowledges comes again$/,
      ),
    ])
  })

  test.each(['rejectConfirms', 'failStorage'] as const)(
    'is known to explain, and does not fire by it: %s',
    async (what) => {
      await using kit = testBroker({ strict: false })
      await kit.bus.declareQueue('jobs')
      const fault = kit.faults[what]('jobs')
      expect(kit.bus.explain('', 'jobs').queues[0]).toMatchObject({ outcome: 'refused' })
      expect(fault.fired).toBe(0)
      fault.cancel()
      await kit.settled()
      expect(kit.bus.explain('', 'jobs').queues[0]).toMatchObject({ outcome: 'stored' })
    },
  )

  test('is of one queue, and fires at no other', async () => {
    await using kit = testBroker({ strict: false })
    const [jobs, mails] = [await kit.bus.declareQueue('jobs'), await kit.bus.declareQueue('mails')]
    const seen: unknown[] = []
    for (const queue of [jobs, mails]) queue.createConsumer().run(({ body }) => void seen.push(body))
    const faults = [
      kit.faults.rejectConfirms(jobs),
      kit.faults.delayConfirms(jobs),
      kit.faults.failStorage(jobs),
      kit.faults.duplicate(jobs),
      kit.faults.reorder(jobs),
      kit.faults.dropConnection({ before: 'delivery', queue: jobs }),
      kit.faults.dropConnection({ after: 'delivery', queue: jobs }),
    ]
    await mails.send(1)
    await kit.settled()
    expect(seen).toEqual([1])
    expect(faults.map(({ fired }) => fired)).toEqual([0, 0, 0, 0, 0, 0, 0])
  })

  test.each<[string, (kit: TestKit) => unknown, string, string]>([
    ['no queue', (kit) => kit.faults.rejectConfirms('job'), 'NOT_FOUND', "did you mean 'jobs'?"],
    [
      'no name',
      (kit) => kit.faults.duplicate(7 as never),
      'INVALID_OPTION',
      'duplicate: expected the name or the handle of a queue, got 7',
    ],
    [
      'no count',
      (kit) => kit.faults.reorder('jobs', { times: -1 }),
      'INVALID_OPTION',
      "option 'times' must be an integer from 1 up, or Infinity, got -1",
    ],
    [
      'no option',
      (kit) => kit.faults.failStorage('jobs', { time: 1 } as never),
      'UNKNOWN_OPTION',
      "did you mean 'times'?",
    ],
    ['no time', (kit) => kit.faults.delayConfirms('jobs', { by: -1 }), 'INVALID_OPTION', 'time does not go back'],
    [
      'no virtual host',
      (kit) => kit.faults.failStorage('jobs', { virtualHost: 'x' }),
      'NOT_ALLOWED',
      'vhost x not found',
    ],
    ['no consumer', (kit) => kit.faults.cancelConsumer('jobs'), 'TEST_FAILED', "queue 'jobs' has no consumer"],
    [
      'no such consumer',
      (kit) => kit.faults.cancelConsumer('jbos'),
      'NOT_FOUND',
      "no consumer or queue 'jbos' (did you mean 'jobs'?)",
    ],
    ['no connection', (kit) => kit.faults.dropConnection(), 'TEST_FAILED', 'no connection is open'],
    [
      'no such connection',
      (kit) => kit.faults.dropConnection('virtual host'),
      'NOT_FOUND',
      "did you mean 'virtual host /'?",
    ],
    [
      'foreign bus',
      (kit) => kit.faults.dropConnection(new Broker().virtualHost('/')),
      'INVALID_OPTION',
      'expected a bus of this broker',
    ],
    [
      'both moments',
      (kit) => kit.faults.dropConnection({ before: 'delivery', after: 'delivery' }),
      'INVALID_OPTION',
      'got both',
    ],
    [
      'no moment',
      (kit) => kit.faults.dropConnection({ times: 2 }),
      'INVALID_OPTION',
      "expected before or after: 'delivery' with times, got neither",
    ],
    [
      'no resource',
      (kit) => kit.faults.block({ resource: 'cpu' as never }),
      'INVALID_OPTION',
      "one of 'memory', 'disk'",
    ],
  ])('with %s is a typed error', async (_, ask, code, text) => {
    await using kit = testBroker({ strict: false })
    await kit.bus.declareQueue('jobs')
    expect(() => ask(kit)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(text) }))
  })

  test('of a kit that is disposed of is a typed error', async () => {
    const kit = testBroker({ strict: false })
    await kit.bus.declareQueue('jobs')
    await kit[Symbol.asyncDispose]()
    for (const ask of [
      () => kit.faults.rejectConfirms('jobs'),
      () => kit.faults.block(),
      () => kit.faults.dropConnection(),
      () => kit.faults.dropConnection({ before: 'delivery' }),
    ]) {
      expect(ask).toThrow(
        expect.objectContaining({ code: 'TEST_FAILED', message: expect.stringContaining('disposed') }),
      )
    }
  })
})
