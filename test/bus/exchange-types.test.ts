/** The exchange types of `leveret/exchange-types`, and what the contract offers to types of a user's own. */
import { Broker, type ExchangeType, type RoutedBinding } from 'leveret'
import { consistentHash, delayedMessage, random, recentHistory } from 'leveret/exchange-types'
import { describe, expect, it, vi } from 'vitest'
import { Message } from '../../src/message.js'
import { onEveryEngine } from './engines.js'
import { bodies, collect, drain, errorOf, take, upTo } from './helpers.js'

const exchangeTypes = [consistentHash, delayedMessage, random, recentHistory]
const plain = { needs: ['user-exchange-types'], broker: { exchangeTypes } } as const
const timed = { needs: ['user-exchange-types', 'time', 'inside'], broker: { exchangeTypes } } as const
const later = (type: unknown) => ({ arguments: { 'x-delayed-type': type as string } })
const after = (ms: number | bigint | string | boolean) => ({ headers: { 'x-delay': ms } })

onEveryEngine('x-consistent-hash', (scenario) => {
  scenario('gives each message to one queue, and messages of one key to the same', plain, async ({ bus }) => {
    // XT-21
    const users = await bus.declareExchange('users', 'x-consistent-hash')
    const a = await bus.declareQueue<number>('a', { bindings: [users.key('1')] })
    const b = await bus.declareQueue<number>('b', { bindings: [users.key('2')] })
    for (let round = 0; round < 2; round++) for (const id of upTo(300)) await users.send(`user-${id}`, id)
    const [toA, toB] = [await drain(a), await drain(b)]
    expect(toA.length + toB.length).toBe(600)
    expect(toA.filter((id) => toB.includes(id))).toEqual([])
    expect(toA.length).toBeGreaterThan(100)
    expect(toB.length).toBeGreaterThan(toA.length)
  })

  for (const [key, reason] of [
    ['0', 'The binding key must be greater than 0'],
    ['-1', 'The binding key must be greater than 0'],
    ['abc', 'The binding key must be an integer: <<"abc">>'],
    ['', 'The binding key must be an integer: <<>>'],
    [' 3', 'The binding key must be an integer: <<" 3">>'],
    ['1.5', 'The binding key must be an integer: <<"1.5">>'],
    ['10001', 'The binding key must not exceed 10000'],
  ] as const) {
    scenario(`refuses the weight '${key}', and binds nothing`, plain, async ({ bus }) => {
      // XT-20, BIND-10
      const users = await bus.declareExchange('users', 'x-consistent-hash')
      const queue = await bus.declareQueue('q')
      const error = await errorOf(() => queue.bind(users.key(key)))
      expect(error).toMatchObject({ replyCode: 406, replyText: `PRECONDITION_FAILED - ${reason}` })
      expect(await queue.isBound(users.key(key))).toBe(false)
    })
  }

  for (const [args, reason] of [
    [{ 'hash-header': 'a', 'hash-property': 'message_id' }, 'hash-header and hash-property are mutually exclusive'],
    [{ 'hash-property': 'app_id' }, 'Unsupported property: app_id'],
    [{ 'hash-property': 'constructor' }, 'Unsupported property: constructor'],
    [{ 'hash-header': 5 }, "invalid type 'byte' for arg 'hash-header'"],
  ] as const) {
    scenario(`refuses the arguments ${JSON.stringify(args)}`, plain, async ({ bus }) => {
      // XT-24
      const error = await errorOf(() => bus.declareExchange('x', 'x-consistent-hash', { arguments: args }))
      expect(error).toMatchObject({ replyCode: 406, replyText: `PRECONDITION_FAILED - ${reason}` })
    })
  }

  scenario('returns a mandatory message when nothing is bound', plain, async ({ bus }) => {
    // XT-25
    const users = await bus.declareExchange('users', 'x-consistent-hash')
    expect(await errorOf(() => users.send('k', 1, { mandatory: true }))).toMatchObject({ code: 'NO_ROUTE' })
  })

  scenario('goes on to an exchange, and counts copies by CC for nothing', plain, async ({ bus }) => {
    const users = await bus.declareExchange('users', 'x-consistent-hash')
    const queues = await Promise.all(['a', 'b', 'c'].map(async (name) => bus.declareQueue<number>(name)))
    for (const queue of queues) {
      const shard = await bus.declareExchange(`to.${queue.name}`, 'fanout')
      await shard.bind(users.key('10'))
      await queue.bind(shard.key(''))
    }
    for (const id of upTo(30)) await users.send(`k${id}`, id, { headers: { CC: ['x', 'y', 'z'] } })
    const got = (await Promise.all(queues.map(drain))).flat()
    expect(got.sort((left, right) => left - right)).toEqual(upTo(30))
  })
})

onEveryEngine('x-random', (scenario) => {
  scenario('gives each message to one binding, a queue with two twice as often', plain, async ({ bus }) => {
    // XT-26
    const work = await bus.declareExchange('work', 'x-random')
    const a = await bus.declareQueue<number>('a', { bindings: [work.key('1'), work.key('2')] })
    const b = await bus.declareQueue<number>('b', { bindings: [work.key('1')] })
    for (const id of upTo(900)) await work.send('anything', id, { headers: { CC: ['more'] } })
    const [toA, toB] = [await drain(a), await drain(b)]
    expect([...toA, ...toB].sort((left, right) => left - right)).toEqual(upTo(900))
    expect(toB.length).toBeGreaterThan(200)
    expect(toB.length).toBeLessThan(400)
    await a.unbind(work.key('1'))
    await a.unbind(work.key('2'))
    await work.send('', 1)
    expect(await drain(a)).toEqual([])
    await b.unbind(work.key('1'))
    expect(await errorOf(() => work.send('', 1, { mandatory: true }))).toMatchObject({ code: 'NO_ROUTE' })
  })
})

onEveryEngine('x-recent-history', (scenario) => {
  const chatOf = (length?: unknown) => ({
    arguments: { ...(length !== undefined && { 'x-recent-history-length': length as number }) },
  })

  scenario(
    'gives a new binding the last 20 messages, in order, and none again for the same',
    plain,
    async ({ bus }) => {
      // XT-27
      const chat = await bus.declareExchange('chat', 'x-recent-history')
      for (const id of upTo(30)) await chat.send('k', id)
      const late = await bus.declareQueue<number>('late', { bindings: [chat.key('')] })
      const first = await take(late)
      expect([first.exchange, first.routingKey, first.redelivered]).toEqual(['chat', 'k', false])
      first.ack()
      expect(await drain(late)).toEqual(upTo(30).slice(11))
      await late.bind(chat.key(''))
      expect(await drain(late)).toEqual([])
      await late.bind(chat.key('a second binding'))
      expect(await drain(late)).toEqual(upTo(30).slice(10))
      await chat.send('', 31)
      expect(await drain(late)).toEqual([31])
    },
  )

  scenario('keeps as many as it is told, but none that says so', plain, async ({ bus }) => {
    // XT-28
    const chat = await bus.declareExchange('chat', 'x-recent-history', chatOf(3))
    const early = await bus.declareQueue<number>('early', { bindings: [chat.key('')] })
    for (const id of upTo(5)) await chat.send('', id)
    await chat.send('', 6, { headers: { 'x-recent-history-no-store': true } })
    await chat.send('', 7, { headers: { 'x-recent-history-no-store': 'true' } })
    expect(await drain(early)).toEqual(upTo(7))
    expect(await drain(await bus.declareQueue('late', { bindings: [chat.key('')] }))).toEqual([4, 5, 7])
  })

  scenario('replays through an exchange, newest first as RabbitMQ does', plain, async ({ bus }) => {
    const chat = await bus.declareExchange('chat', 'x-recent-history')
    const wall = await bus.declareExchange('wall', 'topic')
    const queue = await bus.declareQueue<number>('q', { bindings: [wall.key('shown')] })
    for (const id of upTo(3)) await chat.send(id === 2 ? 'hidden' : 'shown', id)
    await wall.bind(chat.key(''))
    expect(await drain(queue)).toEqual([3, 1])
  })

  for (const length of [0, -1, '5', 1.5, true]) {
    scenario(`refuses the length ${JSON.stringify(length)}`, plain, async ({ bus }) => {
      const shown = length === '5' ? '<<"5">>' : String(length)
      const text = `Invalid argument ${shown}, 'x-recent-history-length' must be a positive integer`
      const error = await errorOf(() => bus.declareExchange('chat', 'x-recent-history', chatOf(length)))
      expect(error).toMatchObject({ replyCode: 406, replyText: `PRECONDITION_FAILED - ${text}` })
    })
  }

  scenario(
    'keeps to the limits of the queue, and counts no publish',
    { ...plain, needs: ['inside'] },
    async ({ bus, host }) => {
      const chat = await bus.declareExchange('chat', 'x-recent-history')
      for (const id of upTo(5)) await chat.send('', id)
      const before = host.overview().publishes
      const late = await bus.declareQueue<number>('late', { maxLength: 2, bindings: [chat.key('')] })
      expect(host.overview().publishes).toEqual(before)
      expect(await drain(late)).toEqual([4, 5])
    },
  )

  scenario('remembers no message that is only asked about', timed, async ({ bus, host, advance }) => {
    const chat = await bus.declareExchange('chat', 'x-recent-history')
    host.explain('chat', '')
    await chat.send('', 1, { delay: 100 })
    expect(await drain(await bus.declareQueue('early', { bindings: [chat.key('')] }))).toEqual([])
    await advance(100)
    expect(await drain(await bus.declareQueue('late', { bindings: [chat.key('')] }))).toEqual([1])
  })
})

onEveryEngine('x-delayed-message', (scenario) => {
  scenario('routes when the delay is over, in order of the due time', timed, async ({ bus, host, advance }) => {
    // XT-33
    const x = await bus.declareExchange('x', 'x-delayed-message', later('topic'))
    const queue = await bus.declareQueue<string>('q', { bindings: [x.key('a.#')] })
    await x.send('a.b', 'slow', after(300))
    await x.send('a.b', 'first of two', after(100))
    await x.send('a.b', 'second of two', after(100))
    await x.send('b', 'elsewhere', after(100))
    await x.send('a.b', 'at once')
    expect(await drain(queue)).toEqual(['at once'])
    expect(host.overview().publishes).toMatchObject({ published: 5, routed: 1, held: 4 })
    expect(host.exchanges().find(({ name }) => name === 'x')).toMatchObject({ held: 4, type: 'x-delayed-message' })
    await advance(99)
    expect(await drain(queue)).toEqual([])
    await advance(1)
    expect(await drain(queue)).toEqual(['first of two', 'second of two'])
    await advance(200)
    expect(await drain(queue)).toEqual(['slow'])
    expect(host.overview().publishes).toMatchObject({ published: 5, routed: 4, unroutable: 1, held: 0 })
  })

  for (const [delay, ms] of [
    [50, 50],
    ['50', 50],
    ['+50', 50],
    [50n, 50],
    [50.9, 50],
    [2 ** 32 - 1, 2 ** 32 - 1],
    [2 ** 32, 0],
    [0, 0],
    [0.5, 0],
    [-50, 0],
    ['soon', 0],
    ['5.5', 0],
    [true, 0],
    [Number.NaN, 0],
  ] as const) {
    const title = ms === 0 ? 'goes at once' : `waits ${ms} ms, and has ${-ms} then`
    scenario(`with x-delay ${typeof delay} ${delay} ${title}`, timed, async ({ bus, advance }) => {
      // XT-32
      const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
      const queue = await bus.declareQueue('q', { bindings: [x.key('k')] })
      await x.send('k', 1, after(delay))
      if (ms > 0) {
        await advance(ms - 1)
        expect(await drain(queue)).toEqual([])
        await advance(1)
      }
      expect((await take(queue)).headers['x-delay']).toEqual(ms > 0 ? -ms : delay)
    })
  }

  scenario('asks the bindings of the time when it is due', timed, async ({ bus, advance }) => {
    const x = await bus.declareExchange('x', 'x-delayed-message', later('fanout'))
    const before = await bus.declareQueue<number>('before', { bindings: [x.key('')] })
    await x.send('', 1, after(10))
    await before.unbind(x.key(''))
    const then = await bus.declareQueue<number>('then', { bindings: [x.key('')] })
    await advance(10)
    expect([await drain(before), await drain(then)]).toEqual([[], [1]])
  })

  scenario('keeps body, properties, CC and BCC over the delay', timed, async ({ bus, host, advance }) => {
    const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
    const queues = []
    for (const key of ['k', 'cc', 'bcc']) queues.push(await bus.declareQueue<object>(key, { bindings: [x.key(key)] }))
    const body = {}
    const headers = { 'x-delay': 10, CC: ['cc'], BCC: ['bcc'], own: 1 }
    await x.send('k', body, { headers, messageId: 'm', priority: 3, expiration: 500 })
    expect(host.overview().publishes).toMatchObject({ published: 1, held: 1 })
    await advance(10)
    for (const queue of queues) {
      const delivery = await take(queue)
      expect(delivery.body).toEqual(body)
      expect(delivery.headers).toEqual({ 'x-delay': -10, CC: ['cc'], own: 1 })
      expect(delivery.properties).toMatchObject({ messageId: 'm', priority: 3 })
      expect([delivery.exchange, delivery.routingKey]).toEqual(['x', 'k'])
    }
    expect(headers['x-delay']).toBe(10)
  })

  scenario('returns a mandatory message at once, and routes it all the same', timed, async ({ bus, host, advance }) => {
    // XT-34
    const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
    const queue = await bus.declareQueue('q', { bindings: [x.key('k')] })
    const error = await errorOf(() => x.send('k', 1, { ...after(10), mandatory: true }))
    expect(error).toMatchObject({ code: 'NO_ROUTE' })
    expect(host.overview().publishes).toMatchObject({ published: 2, returned: 1, held: 1 })
    await advance(10)
    expect(await drain(queue)).toEqual([1])
    expect(host.overview().publishes).toMatchObject({ published: 2, returned: 1, routed: 1, held: 0 })
  })

  scenario(
    'loses what it holds when it is deleted, even if it is declared again',
    timed,
    async ({ bus, host, advance }) => {
      const declare = () => bus.declareExchange('x', 'x-delayed-message', later('direct'))
      const x = await declare()
      const queue = await bus.declareQueue<number>('q', { bindings: [x.key('k')] })
      await x.send('k', 1, after(10))
      await x.delete()
      expect(host.overview().publishes).toMatchObject({ published: 1, unroutable: 1, held: 0 })
      await queue.bind((await declare()).key('k'))
      await advance(10)
      expect(await drain(queue)).toEqual([])
    },
  )

  scenario(
    'goes with its virtual host, and drops what it holds when the broker closes',
    timed,
    async ({ broker, bus, clock }) => {
      const other = broker.createVirtualHost('other')
      const there = await other.declareExchange('x', 'x-delayed-message', later('direct'))
      await there.send('k', 1, after(10))
      broker.deleteVirtualHost('other')
      const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
      await bus.declareQueue('q', { bindings: [x.key('k')] })
      await x.send('k', 1, after(10))
      clock.advance(5)
      expect(await broker.close()).toMatchObject({ dropped: 1 })
    },
  )

  scenario('holds what comes by another exchange beside what goes at once', timed, async ({ bus, host, advance }) => {
    const fan = await bus.declareExchange('fan', 'fanout')
    const x = await bus.declareExchange('x', 'x-delayed-message', later('fanout'))
    const further = await bus.declareExchange('further', 'x-delayed-message', later('fanout'))
    const now = await bus.declareQueue<number>('now', { bindings: [fan.key('')] })
    await x.bind(fan.key(''))
    await further.bind(x.key(''))
    const then = await bus.declareQueue<number>('then', { bindings: [further.key('')] })
    await fan.send('', 1, after(10))
    expect(await drain(now)).toEqual([1])
    expect(host.overview().publishes).toMatchObject({ published: 2, routed: 1, held: 1 })
    await advance(10)
    // n.b. once: what was delayed is not delayed again by the next.
    expect(await drain(then)).toEqual([1])
    expect(host.overview().publishes).toMatchObject({ published: 2, routed: 2, held: 0 })
  })

  scenario('asks the alternate exchange at once while it holds a message', timed, async ({ bus, advance }) => {
    const spare = await bus.declareExchange('spare', 'fanout')
    const spared = await bus.declareQueue<number>('spared', { bindings: [spare.key('')] })
    const args = { 'x-delayed-type': 'direct', 'alternate-exchange': 'spare' }
    const x = await bus.declareExchange('x', 'x-delayed-message', { arguments: args })
    const queue = await bus.declareQueue<number>('q', { bindings: [x.key('k')] })
    await x.send('k', 1, after(10))
    expect(await drain(spared)).toEqual([1])
    await advance(10)
    expect([await drain(queue), await drain(spared)]).toEqual([[1], []])
  })

  scenario('delays dead letters, on their way back to the queue too', timed, async ({ bus, host, advance }) => {
    const x = await bus.declareExchange('x', 'x-delayed-message', later('fanout'))
    const queue = await bus.declareQueue<number>('q', { deadLetterExchange: 'x', bindings: [x.key('')] })
    await queue.send(1, after(10))
    ;(await take(queue)).reject()
    expect((await queue.info()).messageCount).toBe(0)
    expect(host.overview().publishes).toMatchObject({ published: 2, routed: 1, held: 1 })
    expect(host.queues()[0]?.stats).toMatchObject({ rejected: 1, deadLettered: 1, deadLetterLost: 0 })
    await advance(10)
    expect((await take(queue)).headers['x-delay']).toBe(-10)
  })

  scenario('may be another plug-in behind', timed, async ({ bus, advance }) => {
    const x = await bus.declareExchange('x', 'x-delayed-message', later('x-consistent-hash'))
    const queue = await bus.declareQueue<number>('q')
    expect(await errorOf(() => queue.bind(x.key('heavy')))).toMatchObject({ replyCode: 406 })
    await queue.bind(x.key('3'))
    const chat = await bus.declareExchange('chat', 'x-delayed-message', later('x-recent-history'))
    const other = await bus.declareQueue<number>('other', { bindings: [x.key('3')] })
    await x.send('k', 1, { headers: { 'x-delay': 5, CC: upTo(20).map(String) } })
    await chat.send('', 2, after(5))
    await advance(5)
    expect([...(await drain(queue)), ...(await drain(other))]).toEqual([1])
    expect(await drain(await bus.declareQueue<number>('late', { bindings: [chat.key('')] }))).toEqual([2])
  })

  for (const [type, text] of [
    [undefined, "Invalid argument, 'x-delayed-type' must be an existing exchange type"],
    [5, "Invalid argument, 'x-delayed-type' must be an existing exchange type"],
    ['x-delayed-message', "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'"],
    ['x-topic', "unknown exchange type 'x-topic'"],
  ] as const) {
    scenario(`refuses the type ${type} behind it`, plain, async ({ bus }) => {
      // XT-31
      const error = await errorOf(() => bus.declareExchange('x', 'x-delayed-message', later(type)))
      expect(error).toMatchObject({ replyCode: 406, replyText: `PRECONDITION_FAILED - ${text}` })
      expect(await bus.exchange('x').exists()).toBe(false)
    })
  }

  scenario('checks the arguments and bindings of the type behind it', plain, async ({ bus }) => {
    const args = { 'x-delayed-type': 'x-consistent-hash', 'hash-property': 'app_id' }
    const error = await errorOf(() => bus.declareExchange('x', 'x-delayed-message', { arguments: args }))
    expect(error).toMatchObject({ replyText: 'PRECONDITION_FAILED - Unsupported property: app_id' })
    const x = await bus.declareExchange('x', 'x-delayed-message', later('headers'))
    const queue = await bus.declareQueue('q')
    const bind = () => queue.bind(x.key('', { 'x-match': 'most' } as never))
    expect(await errorOf(bind)).toMatchObject({ replyCode: 406 })
  })

  scenario('is refused under its name as another type', plain, async ({ bus }) => {
    await bus.declareExchange('x', 'x-delayed-message', later('direct'))
    await bus.declareExchange('x', 'x-delayed-message', later('direct'))
    expect(await errorOf(() => bus.declareExchange('x', 'direct'))).toMatchObject({ replyCode: 406 })
  })

  scenario(
    'is confirmed at once, and refused when due without anybody hearing',
    timed,
    async ({ bus, host, advance }) => {
      const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
      const queue = await bus.declareQueue<number>('q', {
        maxLength: 1,
        overflow: 'reject-publish',
        bindings: [x.key('k')],
      })
      await x.send('k', 1, after(10))
      await x.send('k', 2, after(10))
      await advance(10)
      expect(await drain(queue)).toEqual([1])
      expect(host.overview().publishes).toMatchObject({ published: 2, routed: 1, refused: 1 })
    },
  )

  scenario('reaches a consumer that waits', timed, async ({ bus, advance }) => {
    const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
    const queue = await bus.declareQueue<number>('q', { bindings: [x.key('k')] })
    const got = collect(queue.createConsumer({ noAck: true }))
    await x.send('k', 1, after(10))
    await advance(10)
    expect(bodies(got)).toEqual([1])
  })

  scenario(
    'holds what is sent with a delay of the bus as well, one after the other',
    timed,
    async ({ bus, advance }) => {
      const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
      const queue = await bus.declareQueue<number>('q', { bindings: [x.key('k')] })
      await x.send('k', 1, { ...after(10), delay: 10 })
      await advance(10)
      expect(await drain(queue)).toEqual([])
      await advance(10)
      expect(await drain(queue)).toEqual([1])
    },
  )
})

onEveryEngine('explanations of plug-in types', (scenario) => {
  scenario('name the bucket, and the binding that has none', timed, async ({ bus, host }) => {
    const users = await bus.declareExchange('users', 'x-consistent-hash')
    const q = await bus.declareQueue('q', { bindings: [users.key('2'), users.key('5')] })
    const text = `${host.explain('users', 'user-1')}`
    expect(text).toMatch(/✓ '2' → queue 'q': bucket [12] of 2, by routing key 'user-1'/)
    expect(text).toContain("✗ '5' → queue 'q': it has no buckets")
    await users.send('user-1', 1)
    expect(await drain(q)).toEqual([1])
  })

  scenario('foresee where a hash leads', timed, async ({ bus, host }) => {
    const users = await bus.declareExchange('users', 'x-consistent-hash', {
      arguments: { 'hash-header': 'id' },
    })
    const queues = []
    for (const name of ['a', 'b', 'c'])
      queues.push(await bus.declareQueue<number>(name, { bindings: [users.key('1')] }))
    for (const id of upTo(20)) {
      const foreseen = host.explain('users', '', { headers: { id } }).queues.map(({ name }) => name)
      await users.send('', id, { headers: { id } })
      const reached = []
      for (const queue of queues) if ((await drain(queue)).length > 0) reached.push(queue.name)
      expect(foreseen).toEqual(reached)
    }
  })

  scenario('draw one binding, and say of how many', timed, async ({ bus, host }) => {
    const work = await bus.declareExchange('work', 'x-random')
    for (const name of ['a', 'b', 'c']) await bus.declareQueue(name, { bindings: [work.key('')] })
    for (let i = 0; i < 20; i++) {
      const explanation = host.explain('work', '')
      expect(explanation.queues).toHaveLength(1)
      expect(`${explanation}`).toContain('drawn from 3 bindings this time')
    }
  })

  scenario('say how long a message is held, and where it goes then', timed, async ({ bus, host }) => {
    const x = await bus.declareExchange('x', 'x-delayed-message', later('topic'))
    await bus.declareQueue('q', { bindings: [x.key('a.*')] })
    const explanation = host.explain('x', 'a.b', after(50))
    expect(explanation).toMatchObject({ outcome: 'held', queues: [{ name: 'q' }], exchanges: [{ holds: 50 }] })
    expect(`${explanation}`).toContain("x-delayed-message exchange 'x', which holds it for 50 ms first")
    expect(`${explanation}`).toContain('held, and then 1 queue gets a copy')
    expect(host.explain('x', 'a.b', { ...after(50), mandatory: true }).outcome).toBe('returned')
    expect(host.explain('x', 'a.b').outcome).toBe('accepted')
    expect(`${host.explain('x', 'b', after(50))}`).toContain('held, and then no queue gets it')
    expect(host.overview().publishes).toMatchObject({ published: 0, held: 0 })
  })
})

/** Holds each message 10 ms, once; and asks nothing of its bindings. */
function slowOf(times: number): ExchangeType {
  return {
    name: 'x-slow',
    createRouter(_args, context) {
      const held = new Map<Message, number>()
      const destinations = new Set<Parameters<typeof context.deliver>[0]>()
      return {
        add: ({ destination }) => void destinations.add(destination),
        remove: ({ destination }) => void destinations.delete(destination),
        route(_key, message, sink) {
          const before = held.get(message) ?? 0
          if (context.tentative || before === times) for (const each of destinations) sink.add(each)
          else {
            held.set(message, before + 1)
            context.hold(message, 10)
          }
        },
      }
    },
  }
}

describe("a type of a user's own that holds", () => {
  onEveryEngine('x-slow', (scenario) => {
    const slow = { needs: ['user-exchange-types', 'time', 'inside'], broker: { exchangeTypes: [slowOf(2)] } } as const
    scenario('may hold a message again, and is explained by a router like it', slow, async ({ bus, host, advance }) => {
      const x = await bus.declareExchange('x', 'x-slow')
      const queue = await bus.declareQueue<number>('q', { bindings: [x.key('')] })
      expect(host.explain('x', '').queues).toMatchObject([{ name: 'q' }])
      await x.send('', 1)
      expect(host.overview().publishes).toMatchObject({ published: 1, held: 1 })
      await advance(10)
      expect(host.overview().publishes).toMatchObject({ published: 1, held: 1 })
      await advance(10)
      expect(await drain(queue)).toEqual([1])
      expect(host.overview().publishes).toMatchObject({ published: 1, held: 0, routed: 1 })
    })
  })
})

/** Asks nothing, not even whether anything is published. */
const rude: ExchangeType = {
  name: 'x-rude',
  createRouter: (_args, context) => ({
    add: () => undefined,
    // n.b. the queue may be gone: that is why its binding goes.
    remove: ({ destination }) => context.deliver(destination, new Message('x', '', 'farewell', {})),
    route: (_key, message) => context.hold(message, 1_000),
  }),
}

/** As plain as can be: no reasons. */
const first: ExchangeType = {
  name: 'x-first',
  createRouter() {
    const bindings: RoutedBinding[] = []
    return {
      add: (binding) => void bindings.push(binding),
      remove: (binding) => void bindings.splice(bindings.indexOf(binding), 1),
      route: (_key, _message, sink) => bindings[0] && sink.add(bindings[0].destination),
    }
  },
}

onEveryEngine('the context of a router', (scenario) => {
  const own = {
    needs: ['user-exchange-types', 'time', 'inside'],
    broker: { exchangeTypes: [rude, first, delayedMessage] },
  } as const

  scenario('holds no message that is only asked about', own, async ({ bus, host, advance }) => {
    const x = await bus.declareExchange('x', 'x-rude')
    await x.send('', 1, { delay: 10 })
    host.explain('x', '')
    expect(host.overview().publishes).toMatchObject({ published: 1, held: 1 })
    expect(host.exchanges().find(({ name }) => name === 'x')).toMatchObject({ held: 0 })
    await advance(10)
    expect(host.exchanges().find(({ name }) => name === 'x')).toMatchObject({ held: 1 })
    expect(host.overview().publishes).toMatchObject({ published: 1, held: 1 })
  })

  scenario('delivers to a queue that is there, and to none that is deleted', own, async ({ bus, broker }) => {
    const faults: unknown[] = []
    broker.on('fault', (fault) => faults.push(fault))
    const x = await bus.declareExchange('x', 'x-rude')
    const queue = await bus.declareQueue<string>('q', { bindings: [x.key('')] })
    await queue.unbind(x.key(''))
    expect(await drain(queue)).toEqual(['farewell'])
    await queue.bind(x.key(''))
    await queue.delete()
    await bus.declareQueue('q')
    expect(broker.overview().ready).toBe(0)
    expect(faults).toEqual([])
  })

  scenario('lets a type without reasons be explained behind a delay', own, async ({ bus, host }) => {
    const x = await bus.declareExchange('x', 'x-delayed-message', later('x-first'))
    for (const name of ['a', 'b']) await bus.declareQueue(name, { bindings: [x.key('')] })
    expect(host.explain('x', '', after(50))).toMatchObject({ outcome: 'held', queues: [{ name: 'a' }] })
  })
})

it('runs held messages by fake timers', async () => {
  vi.useFakeTimers()
  const broker = new Broker({ exchangeTypes })
  try {
    const bus = broker.virtualHost('/')
    const x = await bus.declareExchange('x', 'x-delayed-message', later('direct'))
    const queue = await bus.declareQueue('q', { bindings: [x.key('k')] })
    await x.send('k', 1, after(60_000))
    await vi.advanceTimersByTimeAsync(59_999)
    expect(await drain(queue)).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await drain(queue)).toEqual([1])
  } finally {
    vi.useRealTimers()
    await broker.close()
  }
})
