/** Schemas: what is checked on publish and on consume, by whose schema, and what becomes of what is refused. */
import { type } from 'arktype'
import { BodyInvalidError, type Consumer, type Delivery, type ErrorCode, type StandardSchema } from 'leveret'
import * as v from 'valibot'
import { expect } from 'vitest'
import * as z from 'zod'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, errorOf, take } from './helpers.js'

/** A count that travels as text. */
const LIBRARIES: readonly (readonly [string, StandardSchema<string, number>])[] = [
  ['zod', z.string().regex(/^\d+$/, 'not a count').transform(Number)],
  ['valibot', v.pipe(v.string(), v.regex(/^\d+$/, 'not a count'), v.transform(Number))],
  ['arktype', type('string.integer.parse')],
]

/** The same by hand, and answering later. */
const count = (answer: 'now' | 'later'): StandardSchema<string, number> => {
  const validate = (value: unknown) =>
    typeof value === 'string' && /^\d+$/.test(value)
      ? { value: Number(value) }
      : { issues: [{ message: 'not a count', path: ['lines', { key: 0 }, 'n'] }] }
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: answer === 'now' ? validate : async (value) => validate(value),
    },
  }
}

/** A schema whose answers are given by hand, in the order of the questions. */
function gated<Body>() {
  const asked: {
    value: unknown
    pass: (value?: unknown) => void
    refuse: () => void
    fail: (error: unknown) => void
  }[] = []
  const schema: StandardSchema<Body> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        new Promise((resolve, reject) => {
          asked.push({
            value,
            pass: (as = value) => resolve({ value: as as Body }),
            refuse: () => resolve({ issues: [{ message: 'refused' }] }),
            fail: reject,
          })
        }),
    },
  }
  return { schema, asked }
}

const BOTH = ['now', 'later'] as const

/** Keeps what a consumer refuses. */
function refused<Body>(consumer: Consumer<Body>): [issues: readonly unknown[], body: unknown][] {
  const all: [readonly unknown[], unknown][] = []
  consumer.on('invalid', (error, delivery) => all.push([error.issues, delivery.content]))
  return all
}

const codeOf = async (call: () => unknown): Promise<ErrorCode> => ((await errorOf(call)) as { code: ErrorCode }).code

onEveryEngine('schemas on publish', (scenario) => {
  for (const [name, schema] of LIBRARIES) {
    scenario(`are those of ${name}: what goes in is published, what comes out is consumed`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: schema })
      await queue.send('12')
      queue.publish('13')
      const error = await errorOf(() => queue.send('x'))
      expect(error).toBeInstanceOf(BodyInvalidError)
      expect(error).toMatchObject({ code: 'BODY_INVALID', message: expect.stringContaining("queue 'q'") })
      expect((error as BodyInvalidError).cause).toBe((error as BodyInvalidError).issues)
      expect((error as BodyInvalidError).issues).toHaveLength(1)
      expect(() => queue.publish('y')).toThrow(BodyInvalidError)
      expect(await queue.stats()).toMatchObject({ enqueued: 2 })
      expect((await bus.queue('q').get())?.body).toBe('12')
      expect((await queue.get())?.body).toBe(13)
    })
  }

  scenario('wait for a schema that answers later by send, and not by publish', async ({ bus }) => {
    const queue = await bus.declareQueue('q', { body: count('later') })
    await queue.send('1')
    expect(await codeOf(() => queue.send('x'))).toBe('BODY_INVALID')
    const error = await errorOf(() => queue.publish('2'))
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('use send()') })
    // n.b. its schema refuses later, and nobody is there to hear it.
    expect(await codeOf(() => queue.publish('x'))).toBe('INVALID_OPTION')
    await turn()
    expect(await queue.stats()).toMatchObject({ enqueued: 1 })
  })

  scenario('end by an abort while the schema thinks, and publish nothing', async ({ bus }) => {
    const { schema, asked } = gated<string>()
    const queue = await bus.declareQueue('q', { body: schema })
    const control = new AbortController()
    const sent = queue.send('1', { signal: control.signal })
    control.abort()
    expect(await errorOf(() => sent)).toMatchObject({ code: 'ABORTED', accepted: false })
    asked[0]?.pass()
    await turn()
    const refusedLater = queue.send('2', { signal: new AbortController().signal })
    asked[1]?.refuse()
    expect(await codeOf(() => refusedLater)).toBe('BODY_INVALID')
    expect(await codeOf(() => queue.send('3', { signal: control.signal }))).toBe('ABORTED')
    expect(asked).toHaveLength(2)
    expect(await queue.stats()).toMatchObject({ enqueued: 0 })
  })

  scenario('reject when the producer is closed while the schema thinks', async ({ bus }) => {
    const { schema, asked } = gated<string>()
    const queue = await bus.declareQueue<string>('q')
    const producer = queue.createProducer({ body: schema })
    const first = producer.send('1')
    asked[0]?.pass()
    await first
    const sent = producer.send('2')
    await producer.close()
    asked[1]?.pass()
    expect(await codeOf(() => sent)).toBe('CLOSED')
    expect(await drain(queue)).toEqual(['1'])
  })

  scenario('reject with the error of a schema that throws', async ({ bus }) => {
    const broken = new Error('broken')
    const throws: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw broken
        },
      },
    }
    const queue = await bus.declareQueue('q', { body: throws })
    expect(await errorOf(() => queue.send('1'))).toBe(broken)
    expect(() => queue.publish('1')).toThrow(broken)
    expect(await queue.stats()).toMatchObject({ enqueued: 0 })
  })

  scenario('hear of returns and refusals as without a schema', async ({ bus }) => {
    for (const answer of BOTH) {
      const queue = await bus.declareQueue(`full ${answer}`, {
        body: count(answer),
        maxLength: 1,
        overflow: 'reject-publish',
      })
      await queue.send('1')
      expect(await codeOf(() => queue.send('2'))).toBe('PUBLISH_REFUSED')
      const missing = bus.queue('missing', { body: count(answer) })
      expect(await codeOf(() => missing.send('1', { mandatory: true }))).toBe('NO_ROUTE')
    }
  })

  scenario('are of a routing key of an exchange, and name the nearest for one that has none', async ({ bus }) => {
    const messages = { 'order.counted': count('now'), 'order.named': z.object({ name: z.string() }) }
    for (const orders of [
      await bus.declareExchange('orders', 'topic', { messages }),
      bus.exchange('orders', { messages }),
    ]) {
      const audit = await bus.declareQueue('audit', { bindings: [orders.key('order.#')] })
      await orders.send('order.counted', '1')
      await orders.send('order.named', { name: 'x' })
      expect(await codeOf(() => orders.send('order.counted', 'x'))).toBe('BODY_INVALID')
      const untyped = orders as { send(key: string, body: unknown): Promise<void> }
      const unknown = await errorOf(() => untyped.send('order.conted', '1'))
      expect(unknown).toMatchObject({
        code: 'BODY_INVALID',
        message: expect.stringMatching(/no schema for routing key 'order.conted'; did you mean 'order.counted'\?/),
      })
      expect(await codeOf(() => untyped.send('toString', '1'))).toBe('BODY_INVALID')
      expect(await drain(audit)).toEqual([1, { name: 'x' }])
    }
  })

  scenario('are one for all routing keys of an exchange', async ({ bus }) => {
    for (const fan of [
      await bus.declareExchange('fan', 'fanout', { body: count('now') }),
      bus.exchange('fan', { body: count('now') }),
    ]) {
      const queue = await bus.declareQueue('q', { bindings: [fan.key('')] })
      await fan.send('any', '1')
      expect(await codeOf(() => fan.send('any', 'x'))).toBe('BODY_INVALID')
      expect(await drain(queue)).toEqual([1])
    }
  })

  scenario('are of a producer, in the place of those of its queue or exchange', async ({ bus }) => {
    const queue = await bus.declareQueue('q', { body: z.string() })
    const strict = queue.createProducer({ body: count('now') })
    await strict.send('1')
    expect(await codeOf(() => strict.send('x'))).toBe('BODY_INVALID')
    await queue.send('x')
    const orders = await bus.declareExchange('orders', 'direct')
    await queue.bind(orders.key('k'))
    const all = orders.createProducer({ body: count('now') })
    expect(() => all.publish('k', 'x')).toThrow(BodyInvalidError)
    const each = orders.createProducer({ messages: { k: count('now') } })
    await each.send('k', '2')
    expect(() => each.publish('k', 'x')).toThrow(BodyInvalidError)
    expect(await drain(queue)).toEqual(['1', 'x', '2'])
  })

  scenario('are refused when they are no schemas, or two at once', async ({ bus }) => {
    const free = bus as unknown as Record<string, (...all: unknown[]) => unknown>
    const queue = bus.queue('q') as unknown as Record<string, (...all: unknown[]) => unknown>
    const exchange = bus.exchange('e') as unknown as Record<string, (...all: unknown[]) => unknown>
    const one = count('now')
    for (const [call, text] of [
      [() => free['declareQueue']?.('q', { body: 3 }), /'body' must be a Standard Schema.* got 3/],
      [() => free['queue']?.('q', { body: {} }), /'body' must be a Standard Schema/],
      [() => free['declareExchange']?.('e', 'topic', { body: null }), /'body' must be a Standard Schema/],
      [
        () => free['declareExchange']?.('e', 'topic', { messages: z.object({}) }),
        /'messages' must be an object of a schema/,
      ],
      [() => free['exchange']?.('e', { messages: { a: one, b: 1 } }), /'messages' must be .* which 'b' is not/],
      [() => free['exchange']?.('e', { messages: [one] }), /'messages' must be an object of a schema per routing key/],
      [() => free['declareExchange']?.('e', 'topic', { messages: { a: one }, body: one }), /give one of them/],
      [() => free['exchange']?.('e', { messages: { a: one }, body: one }), /give one of them/],
      [() => queue['createProducer']?.({ body: 'x' }), /'body' must be a Standard Schema/],
      [() => queue['createConsumer']?.({ body: 'x' }), /'body' must be a Standard Schema/],
      [() => exchange['createProducer']?.({ messages: one }), /'messages' must be an object of a schema/],
      [() => exchange['createProducer']?.({ mesages: {} }), /did you mean 'messages'/],
    ] as const) {
      expect(await errorOf(call), String(text)).toMatchObject({ message: expect.stringMatching(text) })
    }
  })

  scenario('check a request before it is sent', async ({ bus }) => {
    for (const answer of BOTH) {
      const double = await bus.declareQueue(`double ${answer}`, { body: count(answer) })
      const responder = double.respond((n) => n * 2)
      expect(await double.request('21')).toBe(42)
      expect(await codeOf(() => double.request('x'))).toBe('BODY_INVALID')
      expect(await double.stats()).toMatchObject({ enqueued: 1 })
      await responder.close()
    }
    const later = bus.queue('double later', { body: count('later') })
    expect(await codeOf(() => later.requestMany('x')[Symbol.asyncIterator]())).toBe('INVALID_OPTION')
    const now = bus.queue('double now', { body: count('now') })
    expect(await codeOf(() => now.requestMany('x')[Symbol.asyncIterator]())).toBe('BODY_INVALID')
    const { schema, asked } = gated<string>()
    const control = new AbortController()
    const requested = bus.queue('double now', { body: schema }).request('1', { signal: control.signal })
    control.abort()
    expect(await codeOf(() => requested)).toBe('ABORTED')
    asked[0]?.pass()
    await turn()
    expect(await now.stats()).toMatchObject({ enqueued: 1 })
  })
})

onEveryEngine('schemas on consume', (scenario) => {
  for (const answer of BOTH) {
    const when = answer === 'now' ? 'at once' : 'later'

    scenario(`reject to the dead-letter queue what they refuse ${when}, with the issues`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: count(answer), deadLetter: 'dead' })
      const foreign = bus.queue('q')
      for (const each of ['1', 'x', '2', { n: 1 }, '3']) await foreign.send(each)
      const consumer = queue.createConsumer()
      const invalid = refused(consumer)
      const got = collect(consumer, (delivery) => delivery.ack())
      await turn()
      expect(bodies(got)).toEqual([1, 2, 3])
      const issues = [{ message: 'not a count', path: ['lines', { key: 0 }, 'n'] }]
      expect(invalid).toEqual([
        [issues, 'x'],
        [issues, { n: 1 }],
      ])
      const dead = await take(bus.queue('dead'))
      expect(dead.headers['x-schema-issues']).toEqual([{ message: 'not a count', path: 'lines[0].n' }])
      expect(dead).toMatchObject({ body: 'x', headers: { 'x-first-death-reason': 'rejected' } })
      dead.ack()
      expect(await queue.stats()).toMatchObject({ acked: 3, rejected: 2, deadLettered: 2 })
    })

    scenario(`report a refusal ${when} that nobody hears as a fault`, async ({ bus, broker }) => {
      const faults: unknown[] = []
      broker.on('fault', ({ error, where }) => faults.push([(error as BodyInvalidError).code, where]))
      const queue = await bus.declareQueue('q', { body: count(answer) })
      await bus.queue('q').send('x')
      collect(queue.createConsumer({ consumerTag: 'c' }))
      await turn()
      expect(faults).toEqual([['BODY_INVALID', "consumer 'c' of queue 'q'"]])
      expect(await queue.stats()).toMatchObject({ rejected: 1, deadLetterLost: 1 })
    })

    scenario(`serve every verb, ${when}`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: count(answer) })
      const foreign = bus.queue('q')
      const fill = async () => {
        for (const each of ['1', 'x', '2']) await foreign.send(each)
      }
      await fill()
      const ran: number[] = []
      const worker = queue.createConsumer().on('invalid', () => undefined)
      worker.run(({ body }) => void ran.push(body), { concurrency: 2 })
      await turn()
      await worker.close()
      expect(ran).toEqual([1, 2])
      await fill()
      const looped: number[] = []
      for await (const delivery of queue.createConsumer().on('invalid', () => undefined)) {
        delivery.ack()
        if (looped.push(delivery.body) === 2) break
      }
      expect(looped).toEqual([1, 2])
      await fill()
      for await (const batch of queue
        .createConsumer()
        .on('invalid', () => undefined)
        .batches({ size: 2 })) {
        expect(batch.bodies).toEqual([1, 2])
        batch.ack()
        break
      }
      expect(await queue.stats()).toMatchObject({ acked: 6, rejected: 3, ready: 0, unacked: 0 })
    })

    scenario(`serve get, ${when}, which rejects with the issues`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: count(answer), deadLetter: 'dead' })
      const foreign = bus.queue('q')
      for (const each of ['1', 'x', 'y']) await foreign.send(each)
      expect((await take(queue)).body).toBe(1)
      expect(await codeOf(() => queue.get())).toBe('BODY_INVALID')
      expect(await codeOf(() => queue.get({ noAck: true }))).toBe('BODY_INVALID')
      const waiting = queue.get({ wait: true })
      await foreign.send('2')
      expect((await waiting).body).toBe(2)
      const refusedLater = queue.get({ wait: true })
      await foreign.send('z')
      expect(await codeOf(() => refusedLater)).toBe('BODY_INVALID')
      expect(await drain(bus.queue('dead'))).toEqual(['x', 'z'])
    })

    scenario(`refuse bytes that are not what they claim to be, ${when}`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: count(answer), deadLetter: 'dead' })
      const foreign = bus.queue('q')
      const bytes = (text: string) => new TextEncoder().encode(text)
      await foreign.send(bytes('{'), { contentType: 'application/json' })
      await foreign.send(bytes('"4"'), { contentType: 'application/json' })
      const consumer = queue.createConsumer()
      const invalid = refused(consumer)
      expect(bodies(collect(consumer))).toEqual([])
      await turn()
      expect(invalid).toHaveLength(1)
      expect((await take(bus.queue('dead'))).headers['x-schema-issues']).toHaveLength(1)
      expect(await queue.stats()).toMatchObject({ unacked: 1, rejected: 1 })
    })

    scenario(`see what was encoded, ${when}`, { broker: { bodies: 'encoded' } }, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: count(answer) })
      await queue.send('5')
      const got = collect(queue.createConsumer())
      await turn()
      expect(bodies(got)).toEqual([5])
      expect(got[0]?.content).toBeInstanceOf(Uint8Array)
    })

    scenario(`drop without a second settlement what they refuse ${when} of a consumer with noAck`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: count(answer) })
      const foreign = bus.queue('q')
      for (const each of ['1', 'x', '2']) await foreign.send(each)
      const consumer = queue.createConsumer({ noAck: true })
      const invalid = refused(consumer)
      const got = collect(consumer)
      await turn()
      expect(bodies(got)).toEqual([1, 2])
      expect(invalid).toHaveLength(1)
      expect(await queue.stats()).toMatchObject({ autoAcked: 3 })
    })

    scenario(`check again what comes back, ${when}`, async ({ bus }) => {
      const queue = await bus.declareQueue('q', { body: count(answer) })
      await queue.send('1')
      const first = await take(queue)
      first.requeue()
      const second = await take(queue)
      expect([first.body, second.body, second.redelivered]).toEqual([1, 1, true])
    })
  }

  scenario('keep the order, whatever the time they take', async ({ bus }) => {
    const { schema, asked } = gated<number>()
    const queue = await bus.declareQueue<number>('q')
    for (const each of [1, 2, 3]) await queue.send(each)
    const got = collect(queue.createConsumer({ body: schema }).on('invalid', () => undefined))
    await turn()
    expect(asked.map(({ value }) => value)).toEqual([1])
    asked[0]?.pass(10)
    await turn()
    asked[1]?.refuse()
    await turn()
    asked[2]?.pass(30)
    await turn()
    expect(bodies(got)).toEqual([10, 30])
  })

  for (const [failing, schema] of [
    ['throws', undefined],
    ['rejects', new Error('broken')],
    ['rejects with nothing', 'nothing'],
  ] as const) {
    scenario(
      `that ${failing} make a failed delivery, which is retried`,
      { needs: ['time'] },
      async ({ bus, advance }) => {
        let calls = 0
        const flaky: StandardSchema<string> = {
          '~standard': {
            version: 1,
            vendor: 'test',
            validate: (value) => {
              if (++calls > 1) return { value: value as string }
              if (schema === undefined) throw new Error('broken')
              return Promise.reject(schema === 'nothing' ? undefined : schema)
            },
          },
        }
        const queue = await bus.declareQueue<string>('q')
        await queue.send('1')
        const failed: Delivery[] = []
        const consumer = queue.createConsumer({ body: flaky }).on('failed', (_error, delivery) => failed.push(delivery))
        const got = collect(consumer)
        await turn()
        expect([failed.length, got.length]).toEqual([1, 0])
        await advance(100)
        expect(bodies(got)).toEqual(['1'])
        expect(got[0]?.redelivered).toBe(true)
      },
    )
  }

  scenario('that throw make get give the message back', async ({ bus }) => {
    const { schema, asked } = gated<string>()
    const queue = await bus.declareQueue('q', { body: schema })
    await bus.queue('q').send('1')
    const broken = new Error('broken')
    const got = queue.get()
    await turn()
    asked[0]?.fail(broken)
    expect(await errorOf(() => got)).toBe(broken)
    expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 0 })
  })

  scenario('let an abort or a close end a get, and the message go back', async ({ bus }) => {
    const { schema, asked } = gated<string>()
    const queue = await bus.declareQueue('q', { body: schema })
    await bus.queue('q').send('1')
    const control = new AbortController()
    const aborted = queue.get({ wait: true, signal: control.signal })
    await turn()
    control.abort()
    expect(await codeOf(() => aborted)).toBe('ABORTED')
    expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 0 })
    const closed = queue.get()
    await turn()
    await queue.close()
    asked[1]?.pass()
    expect(await codeOf(() => closed)).toBe('CLOSED')
    expect(await bus.queue('q').stats()).toMatchObject({ ready: 1, unacked: 0 })
  })

  for (const [end, act] of [
    ['cancel', (consumer) => consumer.cancel()],
    ['close', (consumer) => consumer.close()],
    ['close with time', (consumer) => void consumer.close({ timeout: 1_000 })],
  ] as const satisfies readonly (readonly [string, (consumer: Consumer<string>) => unknown])[]) {
    for (const noAck of [false, true]) {
      const title = `give back what they think of at ${end}${noAck ? ', if it is not settled already' : ''}`
      scenario(title, async ({ bus }) => {
        const { schema, asked } = gated<string>()
        const queue = await bus.declareQueue<string>('q')
        await queue.send('1')
        await queue.send('2')
        const consumer = queue.createConsumer({ body: schema, noAck })
        const got = collect(consumer)
        await turn()
        await act(consumer)
        asked[0]?.pass()
        await turn()
        const { ready, unacked, autoAcked } = await queue.stats()
        if (noAck) expect(unacked).toBe(0)
        else expect({ ready, unacked, autoAcked, got }).toEqual({ ready: 2, unacked: 0, autoAcked: 0, got: [] })
        const next = await queue.get()
        if (!noAck) expect(next).toMatchObject({ body: '1', redelivered: true })
      })
    }
  }

  scenario('give back what they think of when a loop is aborted or left', async ({ bus }) => {
    for (const how of ['abort', 'return'] as const) {
      const { schema, asked } = gated<string>()
      const queue = await bus.declareQueue<string>(how)
      await queue.send('1')
      const control = new AbortController()
      const loop = queue.createConsumer({ body: schema, signal: control.signal })[Symbol.asyncIterator]()
      const next = loop.next()
      await turn()
      if (how === 'abort') {
        control.abort()
        expect(await codeOf(() => next)).toBe('ABORTED')
      } else {
        await loop.return?.()
        expect(await next).toMatchObject({ done: true })
      }
      asked[0]?.pass()
      await turn()
      expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 0 })
    }
  })

  scenario('lose what they think of with its queue', async ({ bus }) => {
    const { schema, asked } = gated<string>()
    const queue = await bus.declareQueue<string>('q')
    await queue.send('1')
    await queue.send('2')
    const consumer = queue.createConsumer({ body: schema }).on('cancelled', () => undefined)
    const invalid = refused(consumer)
    const got = collect(consumer)
    await turn()
    await queue.delete()
    asked[0]?.refuse()
    await turn()
    expect([got.length, asked.length, invalid.length]).toEqual([0, 1, 1])
  })

  scenario('leave alone who uses a handle without one, and what comes by other exchanges', async ({ bus }) => {
    const dying = await bus.declareQueue('dying', { body: z.number(), deadLetter: 'q' })
    const orders = await bus.declareExchange('orders', 'topic', { messages: { 'order.counted': count('now') } })
    const queue = await bus.declareQueue('q', { bindings: [orders.key('order.*')] })
    await orders.send('order.counted', '1')
    await bus.queue('q').send('not by the exchange')
    await bus.queue('dying').send('a dead letter of another type')
    await errorOf(() => dying.get())
    expect(await drain(queue)).toEqual([1, 'not by the exchange', 'a dead letter of another type'])
  })

  scenario('are those of the exchange and key that a message was published by', async ({ bus }) => {
    const first = await bus.declareExchange('first', 'topic', { messages: { 'a.b': count('now') } })
    const second = await bus.declareExchange('second', 'topic', { messages: { 'a.b': z.string().toUpperCase() } })
    const queue = await bus.declareQueue('q', { bindings: [first.key('a.*')], deadLetter: 'dead' })
    await queue.bind(second.key('#') as never)
    await first.send('a.b', '1')
    await second.send('a.b', 'x')
    // Another publisher, which knows nothing of the schemas.
    await bus.exchange('first').send('a.b', 'no count')
    await bus.exchange('second').send('no.such.key', 'x')
    const consumer = queue.createConsumer()
    const invalid = refused(consumer)
    expect(bodies(collect(consumer))).toEqual([])
    await turn()
    expect(invalid.map(([, body]) => body)).toEqual(['no count', 'x'])
    const texts = (await bus.queue('dead').get({ wait: true })).headers['x-schema-issues']
    expect(texts).toMatchObject([{ message: 'not a count' }])
    expect(await queue.stats()).toMatchObject({ unacked: 2, rejected: 2 })
  })

  scenario('of several handles of an exchange know a routing key each', async ({ bus }) => {
    await bus.declareExchange('orders', 'topic')
    const counts = bus.exchange('orders', { messages: { counted: count('now') } })
    const names = bus.exchange('orders', { messages: { named: z.string().toUpperCase() } })
    const queue = await bus.declareQueue('q', { bindings: [counts.key('counted'), names.key('named')] })
    await counts.send('counted', '1')
    await names.send('named', 'x')
    expect(await drain(queue)).toEqual([1, 'X'])
  })

  scenario('of a consumer take the place of those of its queue', async ({ bus }) => {
    const queue = await bus.declareQueue('q', { body: count('now') })
    for (const each of ['1', '2']) await queue.send(each)
    const got = collect(queue.createConsumer({ body: z.string(), prefetch: 1 }))
    await turn()
    expect(bodies(got)).toEqual(['1'])
    expect((await take(queue)).body).toBe(2)
  })

  scenario('of types alone check nothing', async ({ bus }) => {
    const { body } = await import('leveret')
    const queue = await bus.declareQueue('q', { body: body<number>() })
    await (queue as unknown as { send(body: unknown): Promise<void> }).send('x')
    expect((await take(queue)).body).toBe('x')
    const orders = await bus.declareExchange('orders', 'topic', { messages: body<{ 'a.b': number }>() })
    await (orders as unknown as { send(key: string, body: unknown): Promise<void> }).send('any', 'x')
  })

  scenario('that refuse a request answer it with what is wrong', {}, async ({ bus }) => {
    const double = await bus.declareQueue('double', { body: count('now'), deadLetter: 'dead' })
    double.respond((n) => n * 2).on('invalid', () => undefined)
    expect(await codeOf(() => bus.queue('double').request('x'))).toBe('REMOTE')
    expect(await double.stats()).toMatchObject({ rejected: 1 })
  })
})
