/** Policies and operator policies: what they change in queues and exchanges, which of them counts, and when. */
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, errorOf, hasQueue, sendAll, take, takeAll, upTo } from './helpers.js'

const NUMBERS = upTo(5)

onEveryEngine('policies', (scenario) => {
  const inside = { needs: ['inside'] } as const
  const timed = { needs: ['inside', 'time'] } as const

  scenario('apply to queues that are declared later, and to nothing else', inside, async ({ bus, host }) => {
    // POL-01, POL-05: the pattern is searched for anywhere in the name
    host.setPolicy('short', { pattern: 'job', definition: { 'max-length': 2 } })
    const [jobs, other] = [await bus.declareQueue<number>('my-jobs'), await bus.declareQueue<number>('other')]
    for (const queue of [jobs, other]) await sendAll(queue, NUMBERS)
    expect([await drain(jobs), await drain(other)]).toEqual([[4, 5], NUMBERS])
  })

  for (const type of ['classic', 'quorum'] as const) {
    scenario(`limit a ${type} queue that is there, at once, and let go of it again`, inside, async ({ bus, host }) => {
      // POL-05: asked of RabbitMQ 3.10
      const queue = await bus.declareQueue<number>('q', { type, deadLetter: 'dead' })
      await sendAll(queue, NUMBERS)
      host.setPolicy('p', { pattern: '^q$', definition: { 'max-length': 2 } })
      expect(await queue.info()).toMatchObject({ messageCount: 2 })
      expect(bodies(await takeAll(bus.queue('dead')))).toEqual([1, 2, 3])
      await queue.send(6)
      expect(host.peek('q', 9).map(({ body }) => body)).toEqual([5, 6])
      host.clearPolicy('p')
      await sendAll(queue, [7, 8])
      expect(await drain(queue)).toEqual([5, 6, 7, 8])
    })

    scenario(`give new messages of a ${type} queue a time to live, and old ones none`, timed, async (engine) => {
      // asked of RabbitMQ 3.10: the time to live is that of the moment of the publish
      const { bus, host, advance } = engine
      const queue = await bus.declareQueue('q', { type })
      await queue.send('old')
      host.setPolicy('p', { pattern: '', definition: { 'message-ttl': 100 } })
      await queue.send('new')
      await advance(200)
      expect(await queue.stats()).toMatchObject({ ready: 2 })
      ;(await take(queue)).ack()
      expect(await queue.stats()).toMatchObject({ ready: 0, expired: 1 })
    })
  }

  scenario('that refuse publishes drop what is too much already, on classic queues', inside, async ({ bus, host }) => {
    // LEN-11: asked of RabbitMQ 3.10
    const definition = { 'max-length': 1, overflow: 'reject-publish' }
    const [classic, quorum] = [await bus.declareQueue('c'), await bus.declareQueue('q', { type: 'quorum' })]
    const own = await bus.declareQueue('own', { overflow: 'reject-publish' })
    for (const queue of [classic, quorum, own]) for (const body of [1, 2, 3]) await queue.send(body)
    host.setPolicy('p', { pattern: '', definition: { ...definition, 'max-length': 2 } })
    host.setPolicy('p', { pattern: '', definition })
    expect([await drain(classic), await drain(quorum), await drain(own)]).toEqual([
      [2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ])
  })

  const any = { needs: ['inside', 'by-reference'] } as const
  scenario('count bytes of messages that were there before', any, async ({ bus, host }) => {
    const queue = await bus.declareQueue('q')
    await sendAll(queue, ['aaaa', 'bbbb', 'cccc'])
    await queue.send(Symbol.for('no bytes'))
    host.setPolicy('p', { pattern: 'q', definition: { 'max-length-bytes': 8 } })
    expect(host.peek(queue, 9).map(({ body }) => body)).toEqual(['bbbb', 'cccc', Symbol.for('no bytes')])
    await queue.send('dddd')
    ;(await take(queue)).requeue()
    expect(await queue.stats()).toMatchObject({ ready: 3, overflowed: 2 })
    expect(await drain(queue)).toEqual(['cccc', Symbol.for('no bytes'), 'dddd'])
  })

  scenario(
    'count bytes of messages that wait for their next attempt',
    { needs: ['inside', 'time', 'delayed-retry'] },
    async (engine) => {
      const { bus, host, advance } = engine
      const queue = await bus.declareQueue('q', { type: 'quorum', delayedRetryType: 'all', delayedRetryMin: 10 })
      await sendAll(queue, ['aaaa', 'bbbb'])
      ;(await take(queue)).retry()
      host.setPolicy('p', { pattern: 'q', definition: { 'max-length-bytes': 8, overflow: 'reject-publish' } })
      expect(await errorOf(() => queue.send('c'))).toMatchObject({ code: 'PUBLISH_REFUSED' })
      await advance(10)
      expect(await drain(queue)).toEqual(['aaaa', 'bbbb'])
    },
  )

  scenario('start and end the lease of an unused queue', timed, async ({ bus, host, advance }) => {
    const queue = await bus.declareQueue('q')
    await advance(1000)
    host.setPolicy('p', { pattern: 'q', definition: { expires: 100 } })
    await advance(99)
    host.clearPolicy('p')
    await advance(1000)
    host.setPolicy('p', { pattern: 'q', definition: { expires: 100 } })
    const consumer = queue.createConsumer()
    collect(consumer)
    await advance(1000)
    expect(await hasQueue(bus, 'q')).toBe(true)
    await consumer.close()
    await advance(100)
    expect(await hasQueue(bus, 'q')).toBe(false)
  })

  scenario('dead-letter where nothing did', inside, async ({ bus, host }) => {
    const [queue, dead] = [await bus.declareQueue('q'), await bus.declareQueue('dead')]
    host.setPolicy('p', {
      pattern: '^q$',
      definition: { 'dead-letter-exchange': '', 'dead-letter-routing-key': 'dead' },
    })
    await queue.send('x')
    ;(await take(queue)).reject()
    expect(await drain(dead)).toEqual(['x'])
  })

  scenario('limit deliveries of quorum queues', inside, async ({ bus, host }) => {
    const queue = await bus.declareQueue('q', { type: 'quorum' })
    host.setPolicy('p', { pattern: 'q', definition: { 'delivery-limit': 1 } })
    await queue.send('x')
    for (let i = 0; i < 2; i++) (await take(queue)).retry()
    expect(await queue.stats()).toMatchObject({ ready: 0, deliveryLimited: 1 })
  })

  scenario('time deliveries that were out already', { needs: ['inside', 'time', 'delayed-retry'] }, async (engine) => {
    const { bus, host, advance } = engine
    const queue = await bus.declareQueue('q', { type: 'quorum' })
    const consumer = queue.createConsumer()
    const cancelled: string[] = []
    consumer.on('cancelled', ({ message }) => cancelled.push(message))
    collect(consumer)
    await queue.send('x')
    await advance(1000)
    host.setPolicy('p', { pattern: 'q', definition: { 'consumer-timeout': 100 } })
    await advance(99)
    expect(await queue.stats()).toMatchObject({ unacked: 1 })
    await advance(1)
    expect(await queue.stats()).toMatchObject({ unacked: 0, ready: 1 })
    expect(cancelled).toEqual([expect.stringContaining('within 100 ms')])
  })

  scenario(
    'keep publishers of a full queue waiting when its limit changes',
    { needs: ['inside', 'block'] },
    async (engine) => {
      const { bus, host } = engine
      const queue = await bus.declareQueue<number>('q', { maxLength: 2, overflow: 'block' })
      await sendAll(queue, [1, 2])
      let confirmed = false
      const sent = queue.send(3)
      void Promise.resolve(sent).then(() => (confirmed = true))
      await turn()
      host.setPolicy('p', { pattern: 'q', definition: { 'max-length': 1 } })
      await turn()
      ;(await take(queue)).ack()
      ;(await take(queue)).ack()
      await turn()
      expect(confirmed).toBe(false)
      host.clearPolicy('p')
      await sent
      expect(await drain(queue)).toEqual([3])
    },
  )

  scenario('do not merge: the highest priority counts, alone', inside, async ({ bus, host }) => {
    // POL-02
    const queue = await bus.declareQueue<number>('q')
    host.setPolicy('low', { pattern: 'q', priority: -1, definition: { 'max-length': 1, 'message-ttl': 5 } })
    host.setPolicy('high', { pattern: 'q', definition: { 'max-length': 3 } })
    host.setPolicy('higher', { pattern: 'p', priority: 7, definition: { 'max-length': 2 } })
    expect(host.queues()[0]).toMatchObject({ policy: 'high', effectivePolicyDefinition: { 'max-length': 3 } })
    await sendAll(queue, NUMBERS)
    expect(await drain(queue)).toEqual([3, 4, 5])
    host.setPolicy('low', { pattern: 'q', priority: 1, definition: { 'max-length': 1 } })
    expect(host.queues()[0]).toMatchObject({ policy: 'low', effectivePolicyDefinition: { 'max-length': 1 } })
  })

  scenario('match no queue whose type lacks one of their keys', inside, async ({ bus, host }) => {
    // POL-04
    host.setPolicy('p', { pattern: '', priority: 1, definition: { 'max-length': 1, 'delivery-limit': 3 } })
    host.setPolicy('lower', { pattern: '', definition: { 'max-length': 4 } })
    await bus.declareQueue('classic')
    await bus.declareQueue('quorum', { type: 'quorum' })
    expect(host.queues().map(({ policy }) => policy)).toEqual(['lower', 'p'])
  })

  scenario('are for what they say', inside, async ({ bus, host }) => {
    await bus.declareQueue('classic')
    await bus.declareQueue('quorum', { type: 'quorum' })
    await bus.declareExchange('x', 'fanout')
    for (const [applyTo, expected] of [
      ['all', ['p', 'p', 'p']],
      ['queues', ['p', 'p', undefined]],
      ['exchanges', [undefined, undefined, 'p']],
      ['classic_queues', ['p', undefined, undefined]],
      ['quorum_queues', [undefined, 'p', undefined]],
      ['streams', [undefined, undefined, undefined]],
    ] as const) {
      host.setPolicy('p', { pattern: '', applyTo, definition: { 'max-length': 1 } })
      const named = host.exchanges().filter(({ name }) => name === 'x')
      expect(
        [...host.queues(), ...named].map(({ policy }) => policy),
        applyTo,
      ).toEqual(expected)
    }
  })

  scenario('give exchanges an alternate, which an argument outdoes', inside, async ({ bus, host }) => {
    // POL-06
    const [lost, found] = [await bus.declareQueue('lost'), await bus.declareQueue('found')]
    const [fanout, other] = [await bus.declareExchange('f', 'fanout'), await bus.declareExchange('g', 'fanout')]
    await lost.bind(fanout.key(''))
    await found.bind(other.key(''))
    host.setPolicy('p', { pattern: '', applyTo: 'exchanges', definition: { 'alternate-exchange': 'f' } })
    const [plain, own] = [
      await bus.declareExchange('plain', 'direct'),
      await bus.declareExchange('own', 'direct', { alternateExchange: 'g' }),
    ]
    await plain.send('k', 1)
    await own.send('k', 2)
    await bus.exchange('amq.direct').send('k', 3)
    await bus.exchange('').send('nobody', 5)
    host.clearPolicy('p')
    await plain.send('k', 4)
    expect([await drain(lost), await drain(found)]).toEqual([[1, 3], [2]])
  })

  scenario('count beside arguments as RabbitMQ has it', inside, async ({ bus, host }) => {
    // POL-11: limits are the lesser of both, elsewhere the argument, and on quorum queues the policy's overflow
    const all = { overflow: 'reject-publish', 'dead-letter-exchange': 'policy', 'max-length': 3 } as const
    host.setPolicy('p', { pattern: '^q', applyTo: 'queues', definition: all })
    const dead = await bus.declareQueue('dead', { bindings: [(await bus.declareExchange('mine', 'fanout')).key('')] })
    for (const type of ['classic', 'quorum'] as const) {
      const options = { type, overflow: 'drop-head', maxLength: 5, deadLetterExchange: 'mine' } as const
      const queue = await bus.declareQueue<number>(`q-${type}`, options)
      const results = await Promise.allSettled(NUMBERS.map((n) => queue.send(n)))
      const refused = results.filter(({ status }) => status === 'rejected').length
      expect([refused, (await queue.info()).messageCount], type).toEqual(type === 'quorum' ? [2, 3] : [0, 3])
      ;(await take(queue)).reject()
    }
    expect(await drain(dead)).toEqual([1, 2, 3, 1])
    const strict = await bus.declareQueue<number>('q-strict', { maxLength: 1 })
    await strict.send(1)
    expect(await errorOf(() => strict.send(2))).toMatchObject({ code: 'PUBLISH_REFUSED' })
  })

  scenario('of operators bound those of users', inside, async ({ bus, host }) => {
    // POL-03, POL-10, POL-13
    const queue = await bus.declareQueue('q', { type: 'quorum', maxLength: 9 })
    host.setPolicy('p', {
      pattern: 'q',
      definition: { 'max-length': 10, 'message-ttl': 20, overflow: 'drop-head', 'delivery-limit': -1 },
    })
    host.setOperatorPolicy('op', {
      pattern: 'q',
      definition: { 'max-length': 5, 'message-ttl': 50, overflow: 'reject-publish', expires: 1e6, 'delivery-limit': 7 },
    })
    expect(host.queues()[0]).toMatchObject({
      policy: 'p',
      operatorPolicy: 'op',
      effectivePolicyDefinition: {
        'max-length': 5,
        'message-ttl': 20,
        overflow: 'reject-publish',
        expires: 1e6,
        'delivery-limit': 7,
      },
    })
    expect(host.exchanges().find(({ name }) => name === 'amq.direct')).toMatchObject({ policy: 'p' })
    const results = await Promise.allSettled(upTo(7).map((n) => queue.send(n)))
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(2)
    host.clearOperatorPolicy('op')
    expect(host.queues()[0]).toMatchObject({ policy: 'p', operatorPolicy: undefined })
    host.clearPolicy('p')
    expect(host.queues()[0]).toMatchObject({ policy: undefined, effectivePolicyDefinition: {} })
  })

  scenario('are no part of what a redeclare compares', inside, async ({ bus, host }) => {
    // POL-14
    host.setPolicy('p', { pattern: 'q', definition: { 'max-length': 10 } })
    await bus.declareQueue('q')
    expect((await bus.declareQueue('q')).name).toBe('q')
    expect(await errorOf(() => bus.declareQueue('q', { maxLength: 10 }))).toMatchObject({ code: 'PRECONDITION_FAILED' })
  })

  scenario('govern exclusive and server-named queues too', inside, async ({ bus, host }) => {
    // POL-15
    host.setPolicy('p', { pattern: '^amq\\.gen', definition: { 'max-length': 1 } })
    const queue = await bus.declareQueue<number>({ exclusive: true })
    await sendAll(queue, NUMBERS)
    expect(await drain(queue)).toEqual([5])
  })

  scenario('are listed, and their events name them', inside, async ({ broker, host }) => {
    const heard: unknown[] = []
    broker.on('policy.set', (event) => heard.push(event)).on('policy.cleared', (event) => heard.push(event))
    const policy = { name: 'p', pattern: 'q', applyTo: 'queues', priority: 3, definition: { expires: 9 } } as const
    const { name, ...options } = policy
    host.setPolicy(name, options)
    host.setOperatorPolicy(name, { pattern: '(?i)Q', definition: { expires: 9 } })
    expect(host.policies()).toEqual([policy])
    expect(host.operatorPolicies()).toEqual([{ ...policy, pattern: '(?i)Q', priority: 0 }])
    host.clearPolicy(name)
    expect([host.policies(), heard]).toEqual([
      [],
      [
        { virtualHost: '/', name, operator: false },
        { virtualHost: '/', name, operator: true },
        { virtualHost: '/', name, operator: false },
      ],
    ])
  })
})
