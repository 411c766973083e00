/** Dead letters: why messages die, what their letters carry, and how circles end. */
import type { Bus, Delivery, FieldValue, Queue, QueueOptions } from 'leveret'
import { expect } from 'vitest'
import { onEveryEngine } from './engines.js'
import { bodies, drain, sendAll, take, takeAll } from './helpers.js'

/** The entries of x-death, most recent first. */
function deaths(delivery: Delivery): readonly Record<string, FieldValue>[] {
  return delivery.headers['x-death'] as unknown as readonly Record<string, FieldValue>[]
}

async function queueWithDeadLetters(bus: Bus, options: QueueOptions = {}): Promise<[queue: Queue, dead: Queue]> {
  const queue = await bus.declareQueue('q', { deadLetter: 'dead', ...options })
  return [queue, bus.queue('dead')]
}

onEveryEngine('dead letters', (scenario) => {
  scenario(
    'carry the death, its cause, and what the message was',
    { needs: ['time'] },
    async ({ bus, clock, advance }) => {
      // DLX-04, DLX-05, DLX-06, DLX-07, DLX-10, DLX-23
      const exchange = await bus.declareExchange('x', 'topic')
      const [queue, dead] = await queueWithDeadLetters(bus, { bindings: [exchange.key('a.#')] })
      const headers = { mine: 1, CC: ['b.c'] }
      await exchange.send('a.b', { some: 'body' }, { headers, expiration: 60_000, messageId: 'm', deliveryMode: 2 })
      await advance(5000)
      const before = await take(queue)
      before.reject()
      const letter = await take(dead)
      expect(letter).toMatchObject({ exchange: '', routingKey: 'dead', redelivered: false })
      expect(letter.body).toEqual(before.body)
      const { headers: lettersHeaders, ...properties } = letter.properties
      expect(properties).toEqual({ messageId: 'm', deliveryMode: 2 })
      const death = {
        count: 1,
        reason: 'rejected',
        queue: 'q',
        exchange: 'x',
        time: new Date(clock.wallTime() * 1000),
        'routing-keys': ['a.b', 'b.c'],
        'original-expiration': '60000',
      }
      expect(lettersHeaders).toEqual({
        ...headers,
        'x-death': [death],
        'x-first-death-reason': 'rejected',
        'x-first-death-queue': 'q',
        'x-first-death-exchange': 'x',
        'x-last-death-reason': 'rejected',
        'x-last-death-queue': 'q',
        'x-last-death-exchange': 'x',
      })
    },
  )

  for (const [reason, type, kill] of [
    ['rejected', 'classic', async (queue) => (await take(queue)).reject()],
    ['expired', 'classic', async (_queue, advance) => advance(1000)],
    ['maxlen', 'classic', async (queue) => queue.send('next')],
    ['delivery_limit', 'quorum', async (queue) => (await take(queue)).retry()],
  ] as const satisfies readonly (readonly [
    string,
    'classic' | 'quorum',
    (queue: Queue, advance: (ms: number) => Promise<void>) => Promise<unknown>,
  ])[]) {
    scenario(`say ${reason} when that was the cause`, { needs: ['time'] }, async ({ bus, advance }) => {
      // DLX-01
      const [queue, dead] = await queueWithDeadLetters(bus, {
        type,
        messageTtl: 1000,
        maxLength: 1,
        ...(type === 'quorum' && { deliveryLimit: 0 }),
      })
      await queue.send('body')
      await kill(queue, advance)
      expect(deaths(await take(dead))).toMatchObject([{ reason, queue: 'q', count: 1 }])
    })
  }

  scenario('are not made by a purge, a deletion or a lost consumer', async ({ bus, connect }) => {
    // DLX-01
    const [queue, dead] = await queueWithDeadLetters(bus)
    const other = await connect()
    await sendAll(queue, [1, 2])
    await take(other.queue('q'))
    await queue.purge()
    await other.close()
    await queue.delete()
    expect(await drain(dead)).toEqual([])
  })

  scenario('go to the exchange that is there when they die', async ({ bus }) => {
    // DLX-02
    const queue = await bus.declareQueue('q', { deadLetterExchange: 'dlx' })
    await sendAll(queue, [1, 2])
    ;(await take(queue)).reject()
    expect(await queue.stats()).toMatchObject({ rejected: 1, deadLettered: 0, deadLetterLost: 1 })
    const dlx = await bus.declareExchange('dlx', 'direct', { internal: true })
    const dead = await bus.declareQueue('dead', { bindings: [dlx.key('q')] })
    ;(await take(queue)).reject()
    expect(bodies(await takeAll(dead))).toEqual([2])
    expect(await queue.stats()).toMatchObject({ rejected: 2, deadLettered: 1, deadLetterLost: 1 })
  })

  scenario('keep every key of the message, unless the queue has one for them', async ({ bus }) => {
    // DLX-03, DLX-11
    const dlx = await bus.declareExchange('dlx', 'direct')
    const keys = ['rk', 'cc', 'bcc', '']
    for (const key of keys) await bus.declareQueue(`dead ${key}`, { bindings: [dlx.key(key)] })
    const x = await bus.declareExchange('x', 'fanout')
    const bindings = [x.key('')]
    const all = await bus.declareQueue('all keys', { deadLetterExchange: 'dlx', bindings })
    const one = await bus.declareQueue('one key', { deadLetterExchange: 'dlx', deadLetterRoutingKey: '', bindings })
    await x.send('rk', 1, { headers: { CC: ['cc'], BCC: ['bcc'] } })
    ;(await take(all)).reject()
    for (const key of keys.slice(0, 3)) {
      const letter = await take(bus.queue(`dead ${key}`))
      expect(letter).toMatchObject({ exchange: 'dlx', routingKey: 'rk', headers: { CC: ['cc'] } })
      expect(deaths(letter)[0]?.['routing-keys']).toEqual(['rk', 'cc'])
      letter.ack()
    }
    ;(await take(one)).reject()
    for (const key of keys.slice(0, 3)) expect(await drain(bus.queue(`dead ${key}`))).toEqual([])
    expect(await take(bus.queue('dead '))).toMatchObject({ routingKey: '', headers: { CC: ['cc'] } })
  })

  scenario('are routed as any message: copies, exchanges behind, alternates', async ({ bus }) => {
    // DLX-15
    const dlx = await bus.declareExchange('dlx', 'direct', { alternateExchange: 'all' })
    const all = await bus.declareExchange('all', 'fanout', { internal: true })
    const [a, b] = [
      await bus.declareQueue('a', { bindings: [all.key('')] }),
      await bus.declareQueue('b', { bindings: [all.key(''), dlx.key('other')] }),
    ]
    const queue = await bus.declareQueue('q', { deadLetterExchange: 'dlx' })
    await queue.send(1)
    ;(await take(queue)).reject()
    expect([await drain(a), await drain(b)]).toEqual([[1], [1]])
  })

  scenario('arrive in the order of the queue', async ({ bus }) => {
    // ORD-05
    const [queue, dead] = await queueWithDeadLetters(bus)
    await sendAll(queue, [1, 2, 3, 4])
    for (const delivery of await takeAll(queue)) delivery.reject()
    expect(await drain(dead)).toEqual([1, 2, 3, 4])
  })

  scenario(
    'count a second death of the same kind, and list another kind before it',
    { needs: ['time'] },
    async ({ bus, advance }) => {
      // DLX-08, DLX-09, DLX-10
      const back = { deadLetterExchange: '', deadLetterRoutingKey: 'q' }
      const wait = await bus.declareQueue('wait', { messageTtl: 100, ...back })
      const queue = await bus.declareQueue('q', { deadLetter: 'wait' })
      await queue.send(1)
      ;(await take(queue)).reject()
      await advance(100)
      const second = await take(queue)
      expect(deaths(second)).toMatchObject([
        { queue: 'wait', reason: 'expired', count: 1, exchange: '', 'routing-keys': ['wait'] },
        { queue: 'q', reason: 'rejected', count: 1, 'routing-keys': ['q'] },
      ])
      second.reject()
      await advance(100)
      const third = await take(queue)
      expect(deaths(third)).toMatchObject([
        { queue: 'wait', reason: 'expired', count: 2 },
        { queue: 'q', reason: 'rejected', count: 2 },
      ])
      expect(third.headers).toMatchObject({
        'x-first-death-reason': 'rejected',
        'x-first-death-queue': 'q',
        'x-last-death-reason': 'expired',
        'x-last-death-queue': 'wait',
      })
      expect(await wait.stats()).toMatchObject({ expired: 2, deadLettered: 2 })
    },
  )

  scenario('end where they would go round by themselves for ever', { needs: ['time'] }, async ({ bus, advance }) => {
    // DLX-12, DLX-14
    const queue = await bus.declareQueue('q', { messageTtl: 100, deadLetterExchange: '' })
    await queue.send(1)
    await advance(100)
    expect(await queue.stats()).toMatchObject({ enqueued: 1, expired: 1, deadLettered: 0, deadLetterLost: 1 })
  })

  scenario(
    'of a circle of two queues end when one is met again, and only there',
    { needs: ['time'] },
    async ({ bus, advance }) => {
      // DLX-12
      const dlx = await bus.declareExchange('dlx', 'fanout')
      const a = await bus.declareQueue('a', { messageTtl: 100, deadLetterExchange: 'dlx' })
      const b = await bus.declareQueue('b', { bindings: [dlx.key('')] })
      await a.bind(dlx.key(''))
      await a.send(1)
      await advance(100)
      expect(await drain(b)).toEqual([1])
      expect(await a.stats()).toMatchObject({ enqueued: 1, ready: 0, deadLettered: 1 })
    },
  )

  scenario('go round as long as somebody rejects them', async ({ bus }) => {
    // DLX-13
    const queue = await bus.declareQueue('q', { deadLetterExchange: '' })
    await queue.send(1)
    await queue.send(2)
    for (let i = 0; i < 3; i++) (await take(queue)).reject()
    const [two, one] = await takeAll(queue)
    expect([two?.body, one?.body]).toEqual([2, 1])
    expect(one?.redelivered).toBe(false)
    expect(deaths(one as Delivery)).toMatchObject([{ count: 2, reason: 'rejected' }])
  })

  scenario('begin a history of their own, whatever the publisher says of deaths', async ({ bus }) => {
    // PUB-25
    const [queue, dead] = await queueWithDeadLetters(bus)
    const told = { 'x-death': [{ queue: 'q', reason: 'rejected', count: 3 }], 'x-first-death-queue': 'other' }
    for (const headers of [{ 'x-death': 'nonsense' }, told]) {
      await queue.send(1, { headers })
      const delivery = await take(queue)
      expect(delivery.headers).toEqual(headers)
      delivery.reject()
      const letter = await take(dead)
      expect(letter.headers).toMatchObject({ 'x-first-death-queue': 'q', 'x-last-death-queue': 'q' })
      expect(deaths(letter)).toMatchObject([{ queue: 'q', count: 1 }])
      letter.ack()
    }
  })

  scenario('that a full queue refuses are lost, and counted', async ({ bus }) => {
    // DLX-20
    await bus.declareQueue('dead', { maxLength: 0, overflow: 'reject-publish' })
    const [queue] = await queueWithDeadLetters(bus)
    await queue.send(1)
    ;(await take(queue)).reject()
    expect(await queue.stats()).toMatchObject({ rejected: 1, deadLettered: 0, deadLetterLost: 1 })
  })

  scenario('that have no queue at all are dropped, and counted', async ({ bus }) => {
    const queue = await bus.declareQueue('q')
    await queue.send(1)
    ;(await take(queue)).reject()
    expect(await queue.stats()).toMatchObject({ rejected: 1, deadLettered: 0, deadLetterLost: 1 })
  })
})
