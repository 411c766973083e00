// Request and reply: every request ends once, with its answer or with the error that says why there is none.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Bus, Delivery, MessageEvent, Queue, RemoteError, StandardSchema, StrayReply } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { drain, errorOf, take, upTo } from './helpers.js'

/** The outcome of a promise as soon as it has one. */
function watch<T>(promise: Promise<T>): { outcome?: T; error?: unknown; settled: number } {
  const watched: { outcome?: T; error?: unknown; settled: number } = { settled: 0 }
  promise.then(
    (outcome) => {
      watched.outcome = outcome
      watched.settled++
    },
    (error) => {
      watched.error = error
      watched.settled++
    },
  )
  return watched
}

/** A responder whose handlers wait until a test lets them go. */
function slow<Body>(queue: Queue<Body, unknown>, concurrency = 10) {
  const begun: { delivery: Delivery<Body>; reply(value: unknown): void; fail(error: unknown): void }[] = []
  const consumer = queue.respond(
    (_body, delivery) => new Promise((reply, fail) => begun.push({ delivery, reply, fail })),
    { concurrency },
  )
  return { begun, consumer }
}

const double = (bus: Bus) => bus.declareQueue<number, number>('double')

onEveryEngine('a request', (scenario) => {
  scenario('is answered by what the handler returns, at once or later', {}, async ({ bus }) => {
    const queue = await double(bus)
    queue.respond((n) => (n % 2 === 0 ? n * 2 : Promise.resolve(n * 2)))
    expect(await queue.request(20)).toBe(40)
    expect(await queue.request(21)).toBe(42)
    const { requester } = queue
    expect(requester).toMatchObject({ requested: 2, pending: 0, answered: 2, stray: 0 })
    await turn()
    expect(await queue.stats()).toMatchObject({ enqueued: 2, acked: 2, ready: 0, unacked: 0 })
  })

  scenario('gets its own answer among many, from any connection', {}, async (row) => {
    const queue = await double(row.bus)
    ;(await row.connect()).queue<number, number>('double').respond(async (n) => n * 2, { concurrency: 7 })
    const others = (await row.connect()).queue<number, number>('double')
    const all = upTo(500).map((n) => (n % 2 === 0 ? queue : others).request(n))
    expect(queue.requester.pending + others.requester.pending).toBe(500)
    expect(await Promise.all(all)).toEqual(upTo(500).map((n) => n * 2))
    expect([queue.requester.pending, others.requester.pending]).toEqual([0, 0])
  })

  scenario('is a mandatory message that expires, with the properties it was given', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<string, string>('q')
    const options = { timeout: 500, headers: { trace: 'x' }, type: 'ask', messageId: 'm', priority: 1 }
    const first = queue.request('body', options)
    const second = watch(queue.request('body'))
    const delivery = await take(queue)
    const { replyTo, ...properties } = delivery.properties
    expect(replyTo).toMatch(/^amq\.rabbitmq\.reply-to\./)
    expect(properties).toEqual({
      correlationId: '1',
      expiration: '500',
      headers: { trace: 'x' },
      type: 'ask',
      messageId: 'm',
      priority: 1,
    })
    await bus.queue(replyTo as string).send('answer', { correlationId: '1' })
    expect(await first).toBe('answer')
    expect((await take(queue)).properties).toMatchObject({ expiration: '30000', correlationId: '2' })
    expect(second.settled).toBe(0)
  })

  scenario('to a queue that does not exist fails at once', {}, async ({ bus }) => {
    const queue = bus.queue('missing')
    const request = watch(queue.request(1))
    await turn()
    expect(request.error).toMatchObject({ code: 'NO_ROUTE', name: 'UnroutableError' })
    expect(queue.requester).toMatchObject({ pending: 0, requested: 1, answered: 0 })
  })

  scenario('to a full queue that refuses publishes fails at once', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, number>('full', { maxLength: 1, overflow: 'reject-publish' })
    await queue.send(1)
    const request = watch(queue.request(2))
    await turn()
    expect(request.error).toMatchObject({ code: 'PUBLISH_REFUSED' })
    expect(queue.requester.pending).toBe(0)
  })

  scenario('to a full queue that blocks is answered when it is its turn', { needs: ['block'] }, async ({ bus }) => {
    const queue = await bus.declareQueue<number, number>('full', { maxLength: 1, overflow: 'block' })
    queue.publish(1)
    const request = watch(queue.request(2))
    await turn()
    expect(request.settled).toBe(0)
    queue.respond((n) => n * 2)
    await turn()
    expect(request.outcome).toBe(4)
  })

  scenario('without an answer ends by its timeout, and says when nobody is there', { needs: ['time'] }, async (row) => {
    const queue = await double(row.bus)
    const lonely = watch(queue.request(1, { timeout: 1_000 }))
    await row.advance(999)
    expect(lonely.settled).toBe(0)
    await row.advance(1)
    expect(lonely.error).toMatchObject({
      code: 'TIMEOUT',
      message: "request to queue 'double' took longer than 1000 ms: the queue has no responder",
    })
    const { begun, consumer } = slow(queue)
    consumer.on('cancelled', () => undefined)
    const unanswered = watch(queue.request(2, { timeout: 1_000 }))
    const byDefault = watch(queue.request(3))
    await row.advance(1_000)
    expect(unanswered.error).toMatchObject({ message: "request to queue 'double' took longer than 1000 ms" })
    // n.b. the request that expired was not worked on.
    expect(begun).toHaveLength(2)
    await row.advance(28_999)
    expect(byDefault.settled).toBe(0)
    await queue.delete()
    await row.advance(1)
    expect(byDefault.error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('the queue is gone') })
    expect(queue.requester.pending).toBe(0)
  })

  scenario('times out at its own time, whatever the timeouts of the others are', { needs: ['time'] }, async (row) => {
    const queue = await double(row.bus)
    const ended: number[] = []
    const ask = (timeout: number) => queue.request(timeout, { timeout }).catch(() => ended.push(timeout))
    for (const timeout of [300, 100, 200]) void ask(timeout)
    await row.advance(99)
    expect(ended).toEqual([])
    await row.advance(1)
    expect(ended).toEqual([100])
    void ask(50)
    await row.advance(50)
    expect(ended).toEqual([100, 50])
    await row.advance(50)
    expect(ended).toEqual([100, 50, 200])
    await row.advance(100)
    expect(ended).toEqual([100, 50, 200, 300])
  })

  scenario('that timed out in the queue is not worked on', { needs: ['time'] }, async (row) => {
    const queue = await double(row.bus)
    const late = watch(queue.request(1, { timeout: 100 }))
    await row.advance(100)
    expect(late.settled).toBe(1)
    const { begun } = slow(queue)
    await turn()
    expect(begun).toHaveLength(0)
    expect(await queue.stats()).toMatchObject({ expired: 1 })
  })

  scenario('ends by its signal; one that is aborted before is not made', {}, async ({ bus }) => {
    const queue = await double(bus)
    const reason = new Error('enough')
    const aborted = errorOf(() => queue.request(1, { signal: AbortSignal.abort(reason) }))
    expect(await aborted).toMatchObject({ code: 'ABORTED', name: 'AbortError', cause: reason, accepted: false })
    expect(await queue.info()).toMatchObject({ messageCount: 0 })
    const abort = new AbortController()
    const request = watch(queue.request(1, { signal: abort.signal }))
    abort.abort(reason)
    await turn()
    expect(request.error).toMatchObject({ code: 'ABORTED', cause: reason, accepted: true })
    expect(queue.requester.pending).toBe(0)
  })

  for (const closed of ['handle', 'bus', 'broker'] as const) {
    scenario(`ends when its ${closed} is closed`, { needs: ['inside'] }, async (row) => {
      const bus = await row.connect()
      const queue = await double(bus)
      const requests = [watch(queue.request(1)), watch(queue.request(2))]
      if (closed === 'handle') await queue.close()
      else if (closed === 'bus') await bus.close()
      else await row.broker.close()
      await turn()
      for (const { error } of requests) expect(error).toMatchObject({ code: 'CLOSED' })
      expect(await errorOf(() => queue.request(3))).toMatchObject({ code: 'CLOSED' })
      expect(await errorOf(() => queue.requester)).toMatchObject({ code: 'CLOSED' })
    })
  }

  scenario('in hand when the broker closes is still answered', { needs: ['inside'] }, async (row) => {
    const queue = await double(row.bus)
    const { begun } = slow(queue)
    const request = watch(queue.request(1))
    await turn()
    const closing = row.broker.close()
    await turn()
    begun[0]?.reply('just in time')
    expect(await closing).toMatchObject({ finished: 1, requeued: 0 })
    await turn()
    expect(request).toMatchObject({ outcome: 'just in time', settled: 1 })
  })

  scenario('has options that are checked', {}, async ({ bus }) => {
    const queue = await double(bus)
    const ask = (options: object) => errorOf(() => queue.request(1, options))
    expect(await ask({ timeOut: 1 })).toMatchObject({ code: 'UNKNOWN_OPTION', message: /did you mean 'timeout'/ })
    for (const options of [
      { correlationId: 'x' },
      { replyTo: 'q' },
      { expiration: 1 },
      { mandatory: true },
      { window: 1 },
    ]) {
      expect(await ask(options)).toMatchObject({ code: 'UNKNOWN_OPTION' })
    }
    for (const options of [{ timeout: -1 }, { timeout: 1.5 }, { signal: {} }, { headers: 1 }]) {
      expect(await ask(options)).toMatchObject({ code: 'INVALID_OPTION' })
    }
    const respond = (handler: unknown, options?: object) => errorOf(() => queue.respond(handler as never, options))
    expect(await respond(undefined)).toMatchObject({ message: 'respond: expected a function, got undefined' })
    expect(await respond(() => 1, { noAck: true })).toMatchObject({ code: 'UNKNOWN_OPTION' })
    expect(await respond(() => 1, { concurency: 1 })).toMatchObject({
      message: "respond: unknown option 'concurency'; did you mean 'concurrency'?",
    })
    expect(await errorOf(() => queue.requester.on('strays' as 'stray', () => undefined))).toMatchObject({
      code: 'UNKNOWN_OPTION',
    })
    expect(await queue.info()).toMatchObject({ messageCount: 0, consumerCount: 0 })
  })
})

onEveryEngine('a responder', (scenario) => {
  for (const bodies of ['reference', 'clone', 'encoded'] as const) {
    scenario(`that fails answers with its error, bodies by ${bodies}`, { broker: { bodies } }, async ({ bus }) => {
      const queue = await double(bus)
      queue.respond((n) => {
        const root = new RangeError('root')
        const cause = Object.assign(new TypeError('under', { cause: root }), { code: 7 })
        const error = Object.assign(new Error('no room', { cause }), { code: 'ENOSPC', secret: () => n })
        if (n === 1) throw error
        return Promise.reject(error)
      })
      for (const n of [1, 2]) {
        const error = (await errorOf(() => queue.request(n))) as RemoteError
        expect(error).toMatchObject({ name: 'RemoteError', code: 'REMOTE' })
        expect(error.message).toBe("request to queue 'double' failed at the responder: Error: no room")
        const { cause } = error as { cause: Error & { code: unknown; cause: Error & { code: unknown; cause: Error } } }
        expect(cause).toBeInstanceOf(Error)
        expect([cause.name, cause.message, cause.code]).toEqual(['Error', 'no room', 'ENOSPC'])
        expect([cause.cause.name, cause.cause.message, cause.cause.code]).toEqual(['TypeError', 'under', 7])
        expect([cause.cause.cause.name, cause.cause.cause.message]).toEqual(['RangeError', 'root'])
        const remote = {
          name: 'Error',
          message: 'no room',
          code: 'ENOSPC',
          cause: { name: 'TypeError', message: 'under', code: 7, cause: { name: 'RangeError', message: 'root' } },
        }
        expect(error.remote).toEqual(remote)
        expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'REMOTE', remote })
      }
      await turn()
      expect(await queue.stats()).toMatchObject({ acked: 2, requeued: 0 })
      expect(queue.requester).toMatchObject({ answered: 2, pending: 0 })
    })

    scenario(
      `answers with nothing, and with what JSON has, bodies by ${bodies}`,
      { broker: { bodies } },
      async (row) => {
        const queue = await row.bus.declareQueue<unknown, unknown>('echo')
        queue.respond((body) => (body === 'nothing' ? undefined : body))
        expect(await queue.request('nothing')).toBeUndefined()
        for (const body of [0, '', null, false, 'text', [1], { a: { b: 1 } }]) {
          expect(await queue.request(body)).toEqual(body)
        }
        expect(await queue.request(new Uint8Array([1, 2]))).toEqual(new Uint8Array([1, 2]))
      },
    )
  }

  scenario(
    'whose reply cannot be encoded answers with that error',
    { broker: { bodies: 'encoded' } },
    async ({ bus }) => {
      const queue = await bus.declareQueue<number, unknown>('q')
      queue.respond((n) => (n === 1 ? 1n : Promise.resolve(() => n)))
      for (const n of [1, 2]) {
        expect(await errorOf(() => queue.request(n))).toMatchObject({
          code: 'REMOTE',
          remote: { name: 'BodyEncodingError', code: 'BODY_NOT_ENCODABLE' },
        })
      }
      await turn()
      expect(await queue.stats()).toMatchObject({ acked: 2 })
    },
  )

  scenario('may throw anything', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, unknown>('q')
    const endless: { name: string; message: string; cause?: unknown } = new Error('round')
    endless.cause = endless
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('hands off')
        },
        getPrototypeOf: () => Error.prototype,
      },
    )
    const all: [thrown: unknown, remote: object][] = [
      ['text', { name: 'Error', message: 'text' }],
      [undefined, { name: 'Error', message: 'undefined' }],
      [
        { message: 'like one', code: {} },
        { name: 'Error', message: 'like one' },
      ],
      [endless, { name: 'Error', message: 'round' }],
      [hostile, { name: 'Error', message: 'an error that cannot be read' }],
    ]
    queue.respond((n) => {
      throw all[n]?.[0]
    })
    for (const [n, [, remote]] of all.entries()) {
      expect(await errorOf(() => queue.request(n))).toMatchObject({ code: 'REMOTE', remote })
    }
  })

  scenario(
    'is told what the bytes of a broken body are not, and so is the requester',
    { broker: { bodies: 'encoded' } },
    async ({ bus }) => {
      const queue = await bus.declareQueue<unknown, unknown>('q')
      queue.respond((body) => body)
      const bytes = new TextEncoder().encode('{')
      expect(await errorOf(() => queue.request(bytes, { contentType: 'application/json' }))).toMatchObject({
        code: 'REMOTE',
        remote: { code: 'BODY_NOT_ENCODABLE' },
      })
      const asked = await bus.declareQueue('asked')
      const request = watch(asked.request('?'))
      const { properties } = await take(asked)
      const reply = { correlationId: '1', contentType: 'application/json' }
      await bus.queue(properties.replyTo as string).send(bytes, reply)
      await turn()
      expect(request.error).toMatchObject({ code: 'BODY_NOT_ENCODABLE' })
      expect(asked.requester.pending).toBe(0)
    },
  )

  scenario(
    'handles a message that asks for no reply as run does: a failure is retried',
    { needs: ['time'] },
    async (row) => {
      const queue = await row.bus.declareQueue<string, string>('q', {
        retry: { attempts: 2, minDelay: 100 },
        deadLetter: 'dead',
      })
      const seen: string[] = []
      const failures: unknown[] = []
      queue
        .respond((body) => {
          seen.push(body)
          if (body === 'bad') throw new Error('no')
          // n.b. to `run` these words would be outcomes.
          return 'reject'
        })
        .on('failed', (error) => failures.push(error))
      await queue.send('good')
      await queue.send('bad')
      await row.advance(100)
      expect(seen).toEqual(['good', 'bad', 'bad'])
      expect(failures).toHaveLength(2)
      expect(await drain(row.bus.queue('dead'))).toEqual(['bad'])
      expect(await queue.stats()).toMatchObject({ acked: 1, deliveryLimited: 1 })
    },
  )

  scenario('answers to a queue of the requester as well', {}, async ({ bus }) => {
    const queue = await double(bus)
    const answers = await bus.declareQueue<number>('answers')
    queue.respond((n) => {
      if (n === 2) throw new Error('two')
      return n * 2
    })
    await queue.send(1, { replyTo: 'answers', correlationId: 'mine' })
    await queue.send(3, { replyTo: 'answers' })
    await queue.send(2, { replyTo: 'answers' })
    await turn()
    const [first, second, third] = [await take(answers), await take(answers), await take(answers)]
    expect([first.body, first.properties]).toEqual([2, { correlationId: 'mine' }])
    expect([second.body, second.properties]).toEqual([6, {}])
    expect(third.headers).toEqual({ 'x-leveret-reply': 'error' })
    expect(third.body).toEqual({ name: 'Error', message: 'two' })
  })

  scenario('replies first and acknowledges then', { needs: ['inside'] }, async ({ bus }) => {
    const queue = await double(bus)
    queue.respond(async (n) => n * 2)
    const order: string[] = []
    const hear = (what: string) => (event: unknown) => {
      order.push(`${what} ${(event as MessageEvent).message.body}`)
    }
    const [published, acked] = [hear('published'), hear('acked')]
    subscribe('leveret:message.published', published)
    subscribe('leveret:message.acked', acked)
    try {
      expect(await queue.request(1)).toBe(2)
      // n.b. before the requester goes on: its next request finds the consumer with credit.
      expect((await queue.stats()).acked).toBe(1)
    } finally {
      unsubscribe('leveret:message.published', published)
      unsubscribe('leveret:message.acked', acked)
    }
    expect(order).toEqual(['published 1', 'published 2', 'acked 1'])
    // n.b. a reply that is refused, or has nowhere to go, is the requester's affair.
    const answers = await bus.declareQueue<number>('answers', { maxLength: 1, overflow: 'reject-publish' })
    await answers.send(0)
    await queue.send(2, { replyTo: 'answers' })
    await queue.send(3, { replyTo: 'nowhere' })
    await turn()
    expect(await queue.stats()).toMatchObject({ acked: 3, ready: 0, unacked: 0 })
  })

  scenario('does nothing for a requester that is gone', { needs: ['inside'] }, async (row) => {
    const requesterBus = await row.connect()
    const queue = await double(row.bus)
    const { begun } = slow(queue)
    const faults: unknown[] = []
    row.broker.on('fault', (event) => faults.push(event))
    const request = watch(requesterBus.queue<number, number>('double').request(1))
    await turn()
    await requesterBus.close()
    begun[0]?.reply('too late')
    await turn()
    expect(request.error).toMatchObject({ code: 'CLOSED' })
    expect(faults).toEqual([])
    expect(await queue.stats()).toMatchObject({ acked: 1 })
  })

  scenario('works on as many requests at once as it says, and in order of a key', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<string, string>('q')
    let now = 0
    let most = 0
    const order: string[] = []
    const handler = async (body: string): Promise<string> => {
      most = Math.max(most, ++now)
      await turn()
      order.push(body)
      now--
      return body
    }
    queue.respond(handler, { concurrency: 3, orderBy: ({ body }) => body[0] })
    const all = ['a1', 'a2', 'b1', 'a3', 'c1', 'd1', 'b2'].map((body) => queue.request(body))
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1', 'a3', 'c1', 'd1', 'b2'])
    expect(most).toBe(3)
    expect(order.filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
  })

  for (const lost of ['is closed', 'loses its connection', 'times out'] as const) {
    scenario(`that ${lost} midway leaves its request to the next`, { needs: ['time', 'inside'] }, async (row) => {
      const faults: unknown[] = []
      row.broker.on('fault', ({ error }) => faults.push(error))
      const options = lost === 'times out' ? ({ type: 'quorum', consumerTimeout: 1_000 } as const) : {}
      const queue = await row.bus.declareQueue<number, unknown>('q', options)
      const leaving = await row.connect()
      const { begun, consumer } = slow(leaving.queue<number, unknown>('q'))
      consumer.on('cancelled', () => undefined)
      const request = watch(queue.request(1))
      await turn()
      const [first] = begun as [(typeof begun)[number]]
      const { signal } = first.delivery
      expect(signal.aborted).toBe(false)
      const next = slow(queue)
      if (lost === 'is closed') await consumer.close({ timeout: 0 })
      else if (lost === 'loses its connection') await leaving.close()
      else await row.advance(1_000)
      await turn()
      expect(signal.aborted).toBe(true)
      expect(next.begun).toHaveLength(1)
      expect(next.begun[0]?.delivery.redelivered).toBe(true)
      next.begun[0]?.reply('from the next')
      await turn()
      expect(request).toMatchObject({ outcome: 'from the next', settled: 1 })
      const strays: StrayReply[] = []
      queue.requester.on('stray', (stray) => strays.push(stray))
      first.reply('from the first, after all')
      await turn()
      expect(faults).toEqual([])
      // n.b. a connection that is gone says nothing any more.
      expect(strays.map(({ reason }) => reason)).toEqual(lost === 'loses its connection' ? [] : ['late'])
      expect(request.settled).toBe(1)
    })
  }

  scenario('that is cancelled answers what it has begun, and no more', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, unknown>('q')
    const { begun, consumer } = slow(queue, 1)
    const requests = [watch(queue.request(1)), watch(queue.request(2))]
    await turn()
    await consumer.cancel()
    begun[0]?.reply('begun')
    await turn()
    expect(requests.map(({ outcome, settled }) => [outcome, settled])).toEqual([
      ['begun', 1],
      [undefined, 0],
    ])
    queue.respond(() => 'next')
    await turn()
    expect(requests[1]?.outcome).toBe('next')
  })

  scenario('that is gone without a next lets the requester time out', { needs: ['time'] }, async (row) => {
    const queue = await row.bus.declareQueue<number, unknown>('q')
    const { consumer } = slow(queue)
    const request = watch(queue.request(1, { timeout: 1_000 }))
    await turn()
    await consumer.close({ timeout: 0 })
    await row.advance(1_000)
    expect(request.error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('no responder') })
    expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1 })
  })

  scenario('whose queue is deleted while it works still answers', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, unknown>('q')
    const { begun, consumer } = slow(queue)
    consumer.on('cancelled', () => undefined)
    const requests = [watch(queue.request(1)), watch(queue.request(2))]
    await turn()
    await queue.delete()
    await turn()
    begun[0]?.reply('still here')
    begun[1]?.fail(new Error('and still failing'))
    await turn()
    expect(requests[0]?.outcome).toBe('still here')
    expect(requests[1]?.error).toMatchObject({ remote: { message: 'and still failing' } })
  })

  scenario('runs in the async context in which it was made', { needs: ['inside'] }, async ({ bus }) => {
    const { AsyncLocalStorage } = await import('node:async_hooks')
    const context = new AsyncLocalStorage<string>()
    const queue = await bus.declareQueue<number, unknown>('q')
    context.run('responder', () => queue.respond(() => context.getStore()))
    const answer = await context.run('requester', async () => [await queue.request(1), context.getStore()])
    expect(answer).toEqual(['responder', 'requester'])
  })
})

/** A schema for even numbers, of which it makes words; odd ones it refuses. It answers at once, or later. */
const even = (later: boolean): StandardSchema<number, string> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (n) => {
      const result = (n as number) % 2 === 0 ? { value: `even ${n}` } : { issues: [{ message: `${n} is odd` }] }
      return later ? Promise.resolve(result) : result
    },
  },
})

onEveryEngine('a request to a queue with a schema', (scenario) => {
  for (const later of [false, true]) {
    scenario(
      `is checked before it is made, by one that answers ${later ? 'later' : 'at once'}`,
      {},
      async ({ bus }) => {
        const queue = await bus.declareQueue('q', { body: even(later) })
        queue.respond((body) => body)
        expect(await queue.request(2)).toBe('even 2')
        expect(await errorOf(() => queue.request(3))).toMatchObject({ code: 'BODY_INVALID' })
        const abort = new AbortController()
        const aborted = errorOf(() => queue.request(4, { signal: abort.signal }))
        abort.abort()
        // n.b. while the schema thinks, nothing is made yet.
        expect(await aborted).toMatchObject({ code: 'ABORTED', accepted: !later })
        expect(queue.requester).toMatchObject({ requested: later ? 1 : 2, pending: 0 })
      },
    )
  }

  for (const later of [false, true]) {
    const when = later ? 'later' : 'at once'
    scenario(`is told when the schema of the responder refuses it ${when}, and is rejected`, {}, async ({ bus }) => {
      await bus.declareQueue('q', { deadLetter: 'dead' })
      const responding = bus.queue('q', { body: even(later) })
      responding.respond((body) => body)
      const asking = bus.queue<number, string>('q')
      expect(await asking.request(2)).toBe('even 2')
      expect(await errorOf(() => asking.request(3))).toMatchObject({
        code: 'REMOTE',
        cause: { code: 'BODY_INVALID', message: expect.stringContaining('3 is odd') },
      })
      expect(await drain(bus.queue('dead'))).toEqual([3])
    })
  }

  scenario('for a reply in parts is checked at once or not at all', {}, async ({ bus }) => {
    const loop = async (queue: Queue<string, unknown, number>, n: number): Promise<unknown[]> => {
      const parts: unknown[] = []
      for await (const part of queue.requestMany(n)) parts.push(part)
      return parts
    }
    const queue = await bus.declareQueue('q', { body: even(false) })
    queue.respond(async function* (body) {
      yield body
    })
    expect(await loop(queue, 2)).toEqual(['even 2'])
    expect(await errorOf(() => loop(queue, 3))).toMatchObject({ code: 'BODY_INVALID' })
    const slowly = bus.queue('q', { body: even(true) })
    for (const n of [2, 3]) expect(await errorOf(() => loop(slowly, n))).toMatchObject({ code: 'INVALID_OPTION' })
    expect(slowly.requester.requested).toBe(0)
  })
})

onEveryEngine('a reply that cannot even be looked at', (scenario) => {
  scenario('is an error for the requester', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, object>('q')
    const trap = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is looked at
      get then(): never {
        throw new Error('a trap')
      },
    }
    queue.respond(() => trap)
    expect(await errorOf(() => queue.request(1))).toMatchObject({ code: 'REMOTE', cause: { message: 'a trap' } })
  })
})

onEveryEngine('a reply that nobody waits for', (scenario) => {
  scenario('is counted and told of, and harms nobody', { needs: ['time'] }, async (row) => {
    const queue = await row.bus.declareQueue<number, string>('q')
    const strays: StrayReply[] = []
    const listener = (stray: StrayReply): void => void strays.push(stray)
    queue.requester.on('stray', listener)
    const addresses: string[] = []
    const consumer = queue
      .createConsumer({ noAck: true })
      .consume(({ properties }) => addresses.push(properties.replyTo as string))
    const answered = watch(queue.request(1))
    const timedOut = watch(queue.request(2, { timeout: 10 }))
    const pending = watch(queue.request(3))
    await turn()
    const address = row.bus.queue<string>(addresses[0] as string)
    await address.send('one', { correlationId: '1' })
    await address.send('one again', { correlationId: '1' })
    await row.advance(10)
    await address.send('late', { correlationId: '2' })
    for (const correlationId of ['4', '0', '-1', '3.0', ' 3', '3e0', 'NaN', '', '__proto__']) {
      await address.send('nobody asked', { correlationId })
    }
    await address.send('anonymous')
    await turn()
    expect(answered).toMatchObject({ outcome: 'one', settled: 1 })
    expect(timedOut.error).toMatchObject({ code: 'TIMEOUT' })
    expect(pending.settled).toBe(0)
    expect(strays.map(({ reason, delivery }) => `${reason} ${delivery.body}`)).toEqual([
      'late one again',
      'late late',
      ...Array(10).fill('unexpected nobody asked').with(9, 'unexpected anonymous'),
    ])
    expect(queue.requester).toMatchObject({ requested: 3, pending: 1, answered: 1, stray: 12 })
    queue.requester.off('stray', listener)
    await address.send('three', { correlationId: '3' })
    await turn()
    expect(pending.outcome).toBe('three')
    await consumer.close()
  })

  scenario('is a fault only when its listener throws', { needs: ['inside'] }, async (row) => {
    const queue = await row.bus.declareQueue<number, string>('q')
    const faults: unknown[] = []
    row.broker.on('fault', ({ error }) => faults.push(error))
    queue.requester.on('stray', () => {
      throw new Error('listener')
    })
    const request = watch(queue.request(1))
    const { properties } = await take(queue)
    const address = row.bus.queue(properties.replyTo as string)
    address.publish('unexpected')
    address.publish('expected', { correlationId: '1' })
    await turn()
    expect(request.outcome).toBe('expected')
    expect(faults).toMatchObject([{ message: 'listener' }])
  })
})
