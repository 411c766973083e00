/** Routing over several exchanges, alternate exchanges, and the keys of CC and BCC. */
import type { Bus, Exchange, Queue } from 'leveret'
import { expect } from 'vitest'
import { RABBITMQ_TOPICS } from '../unit/exchange-types/topic-table.js'
import { onEveryEngine } from './engines.js'
import { drain, errorOf, take } from './helpers.js'

async function fanout(bus: Bus, name: string, options: { alternateExchange?: string } = {}): Promise<Exchange> {
  return bus.declareExchange(name, 'fanout', options)
}

async function bound(bus: Bus, name: string, exchange: Exchange, ...keys: string[]): Promise<Queue> {
  return bus.declareQueue(name, { bindings: keys.map((key) => exchange.key(key)) })
}

onEveryEngine('routing', (scenario) => {
  scenario("reaches the queues of RabbitMQ's own table of topics", async ({ bus }) => {
    // XT-07
    const exchange = await bus.declareExchange('x', 'topic')
    for (const [name, key] of RABBITMQ_TOPICS.bindings) await bound(bus, name, exchange, key)
    for (const [key] of RABBITMQ_TOPICS.routes) await exchange.send(key, key)
    const reached = new Map<unknown, string[]>(RABBITMQ_TOPICS.routes.map(([key]) => [key, []]))
    for (const [name] of RABBITMQ_TOPICS.bindings) {
      for (const body of await drain(bus.queue(name))) reached.get(body)?.push(name)
    }
    expect([...reached]).toEqual(RABBITMQ_TOPICS.routes.map(([key, names]) => [key, [...names]]))
  })

  scenario('gives a queue one copy, however many bindings match', async ({ bus }) => {
    // XT-08, BIND-03
    const exchange = await bus.declareExchange('x', 'topic')
    const queue = await bound(bus, 'q', exchange, 'x.#', '#.x')
    await exchange.send('x.x', 1, { headers: { CC: ['x.y', 'y.x'] } })
    expect(await drain(queue)).toEqual([1])
  })

  scenario('follows exchanges bound to exchanges, each by its own type and the original key', async ({ bus }) => {
    // E2E-01, E2E-05
    const topic = await bus.declareExchange('topic', 'topic')
    const direct = await bus.declareExchange('direct', 'direct')
    await direct.bind(topic.key('a.#'))
    const queue = await bound(bus, 'q', direct, 'a.b')
    await topic.send('a.b', 1)
    await topic.send('a.c', 2)
    const delivery = await take(queue)
    expect(delivery).toMatchObject({ body: 1, exchange: 'topic', routingKey: 'a.b' })
    delivery.ack()
    expect(await queue.get()).toBeUndefined()
  })

  scenario('visits each exchange of a circle once', async ({ bus }) => {
    // E2E-02
    const ring = [await fanout(bus, 'e0'), await fanout(bus, 'e1'), await fanout(bus, 'e2')]
    const queues: Queue[] = []
    for (const [i, exchange] of ring.entries()) {
      await (ring[(i + 1) % ring.length] as Exchange).bind(exchange.key(''))
      await exchange.bind(exchange.key('self'))
      queues.push(await bound(bus, `q${i}`, exchange, ''))
    }
    for (const [i, exchange] of ring.entries()) await exchange.send('', i)
    for (const queue of queues) expect(await drain(queue)).toEqual([0, 1, 2])
  })

  scenario('judges mandatory by queues: an exchange that leads nowhere is no route', async ({ bus }) => {
    // E2E-07, PUB-06
    const source = await fanout(bus, 'source')
    await (await fanout(bus, 'dead end')).bind(source.key(''))
    expect(await errorOf(() => source.send('', 1, { mandatory: true }))).toMatchObject({ code: 'NO_ROUTE' })
  })

  scenario('names the source when both ends of a binding are missing', async ({ bus }) => {
    // E2E-03, BIND-01
    const missing = "NOT_FOUND - no exchange 'nope' in vhost '/'"
    expect(await errorOf(() => bus.exchange('none').bind('nope', ''))).toMatchObject({ replyText: missing })
    expect(await errorOf(() => bus.queue('none').bind('nope', ''))).toMatchObject({ replyText: missing })
    const x = await fanout(bus, 'x')
    expect(await errorOf(() => bus.exchange('none').bind(x.key('')))).toMatchObject({
      replyText: "NOT_FOUND - no exchange 'none' in vhost '/'",
    })
    expect(await errorOf(() => bus.queue('none').bind(x.key('')))).toMatchObject({
      replyText: "NOT_FOUND - no queue 'none' in vhost '/'",
    })
  })

  scenario('asks the alternate exchange when an exchange finds nothing itself', async ({ bus }) => {
    // AE-01, AE-04
    const alternate = await fanout(bus, 'alternate')
    const main = await bus.declareExchange('main', 'direct', { alternateExchange: 'alternate' })
    const unrouted = await bound(bus, 'unrouted', alternate, '')
    const wanted = await bound(bus, 'wanted', main, 'k')
    await main.send('k', 1, { mandatory: true })
    await main.send('other', 2, { mandatory: true })
    expect(await take(unrouted)).toMatchObject({ body: 2, exchange: 'main', routingKey: 'other' })
    expect(await drain(wanted)).toEqual([1])
  })

  scenario('does not ask it when a binding led to an exchange without queues', async ({ bus }) => {
    // AE-01
    const alternate = await fanout(bus, 'alternate')
    const main = await fanout(bus, 'main', { alternateExchange: 'alternate' })
    const unrouted = await bound(bus, 'unrouted', alternate, '')
    await (await fanout(bus, 'dead end')).bind(main.key(''))
    await main.send('', 1)
    expect(await drain(unrouted)).toEqual([])
  })

  scenario('goes on along alternate exchanges, ends where they form a circle or are missing', async ({ bus }) => {
    // AE-02, AE-03
    const first = await bus.declareExchange('first', 'direct', { alternateExchange: 'second' })
    const second = await bus.declareExchange('second', 'direct', { alternateExchange: 'third' })
    await bus.declareExchange('third', 'direct', { alternateExchange: 'first' })
    const queue = await bound(bus, 'q', bus.exchange('third'), 'z')
    await first.send('z', 1)
    await second.send('z', 2)
    expect(await errorOf(() => first.send('y', 3, { mandatory: true }))).toMatchObject({ code: 'NO_ROUTE' })
    const lost = await fanout(bus, 'lost', { alternateExchange: 'missing' })
    expect(await errorOf(() => lost.send('', 3, { mandatory: true }))).toMatchObject({ code: 'NO_ROUTE' })
    expect(await drain(queue)).toEqual([1, 2])
  })

  scenario('routes by CC and BCC too, shows CC and hides BCC', async ({ bus }) => {
    // PUB-08, PUB-10, PUB-11, AE-05
    await bus.declareExchange('alternate', 'fanout')
    const exchange = await bus.declareExchange('x', 'direct', { alternateExchange: 'alternate' })
    const unrouted = await bound(bus, 'unrouted', bus.exchange('alternate'), '')
    const [to, cc, bcc] = [
      await bound(bus, 'to', exchange, 'to'),
      await bound(bus, 'cc', exchange, 'cc'),
      await bound(bus, 'bcc', exchange, 'bcc'),
    ]
    await exchange.send('to', 1, { headers: { CC: ['cc', 5], BCC: ['bcc'] } })
    for (const queue of [to, cc, bcc]) {
      const delivery = await take(queue)
      expect(delivery.routingKey).toBe('to')
      expect(delivery.headers).toEqual({ CC: ['cc', 5] })
      delivery.ack()
    }
    await exchange.send('nobody', 2, { headers: { CC: ['cc'] } })
    expect(await drain(unrouted)).toEqual([])
  })

  scenario('takes no notice of CC where only headers count', async ({ bus }) => {
    // PUB-12
    const exchange = await bus.declareExchange('x', 'headers')
    const queue = await bound(bus, 'q', exchange, 'k')
    await exchange.send('', 1, { headers: { CC: ['a', 'b'] } })
    expect(await drain(queue)).toEqual([1])
  })

  for (const name of ['CC', 'BCC']) {
    scenario(`refuses a message whose ${name} is no array`, async ({ bus }) => {
      // PUB-09
      const queue = await bus.declareQueue('q')
      expect(await errorOf(() => queue.send(1, { headers: { [name]: 'k' } }))).toMatchObject({
        code: 'PRECONDITION_FAILED',
        replyText: expect.stringContaining(`invalid message: {unacceptable_type_in_header,`),
      })
      expect(await drain(queue)).toEqual([])
    })
  }

  scenario('gives each queue a copy of its own', async ({ bus }) => {
    // PUB-24
    const exchange = await fanout(bus, 'x')
    const [a, b] = [await bound(bus, 'a', exchange, ''), await bound(bus, 'b', exchange, '')]
    await exchange.send('', 1)
    ;(await take(a)).requeue()
    expect((await take(a)).redelivered).toBe(true)
    expect((await take(b)).redelivered).toBe(false)
  })
})
