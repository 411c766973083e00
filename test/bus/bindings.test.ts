/** Bindings of queues, and lists of what is there. */
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { drain, errorOf, take } from './helpers.js'

onEveryEngine('bindings', (scenario) => {
  scenario(
    'are the same by key and arguments in any order, and are made once',
    { needs: ['inside'] },
    async ({ bus, host }) => {
      // BIND-02, GEN-11
      const exchange = await bus.declareExchange('x', 'headers')
      const queue = await bus.declareQueue('q')
      await queue.bind(exchange.key('k', { a: 1, b: [2, { c: 3 }] }))
      await queue.bind('x', 'k', { arguments: { b: [2, { c: 3 }], a: 1 } })
      await queue.bind(exchange.key('k', { a: 1 }))
      await queue.bind(exchange.key('other', { a: 1 }))
      expect(host.bindings().filter(({ source }) => source === 'x')).toHaveLength(3)
      await queue.unbind(exchange.key('k', { b: [2, { c: 3 }], a: 1 }))
      expect(host.bindings().filter(({ source }) => source === 'x')).toHaveLength(2)
    },
  )

  scenario('with one key and two tables of arguments are two', async ({ bus }) => {
    // XT-09
    const exchange = await bus.declareExchange('x', 'topic')
    const queue = await bus.declareQueue('q')
    await queue.bind(exchange.key('k', { a: 1 }))
    await queue.bind(exchange.key('k', { b: 1 }))
    await queue.unbind(exchange.key('k', { a: 1 }))
    await exchange.send('k', 1)
    await queue.unbind(exchange.key('k'))
    await exchange.send('k', 2)
    await queue.unbind(exchange.key('k', { b: 1 }))
    await exchange.send('k', 3)
    expect(await drain(queue)).toEqual([1, 2])
  })

  scenario('are removed without complaint when they, or their ends, are not there', async ({ bus }) => {
    // BIND-04, BIND-05, E2E-04
    const exchange = await bus.declareExchange('x', 'headers')
    const queue = await bus.declareQueue('q', { bindings: [exchange.key('', { a: 1 })] })
    await queue.unbind(exchange.key(''))
    await queue.unbind('none', 'k')
    await bus.queue('none').unbind(exchange.key('k'))
    await exchange.unbind('none', 'k')
    await bus.exchange('none').unbind(exchange.key('k'))
    await exchange.send('', 1, { headers: { a: 1 } })
    expect(await drain(queue)).toEqual([1])
  })

  for (const [match, text] of [
    ['some', 'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'],
    [23, 'Invalid x-match field type byte (value 23); expected longstr'],
  ] as const) {
    scenario(`are refused by their exchange type, and nothing is stored (x-match ${match})`, async ({ bus }) => {
      // BIND-10, XT-12
      const exchange = await bus.declareExchange('x', 'headers')
      const queue = await bus.declareQueue('q')
      expect(await errorOf(() => queue.bind(exchange.key('', { 'x-match': match })))).toMatchObject({
        code: 'PRECONDITION_FAILED',
        replyText: `PRECONDITION_FAILED - ${text}`,
      })
      expect(await errorOf(() => exchange.send('', 1, { mandatory: true }))).toMatchObject({ code: 'NO_ROUTE' })
    })
  }

  scenario('hold from the next publish on, of any bus', async ({ bus, connect }) => {
    // BIND-13
    const other = (await connect()).exchange('x')
    const exchange = await bus.declareExchange('x', 'fanout')
    const queue = await bus.declareQueue('q')
    await other.send('', 1)
    await queue.bind(exchange.key(''))
    await other.send('', 2)
    expect(await drain(queue)).toEqual([2])
  })

  scenario('go with their queue', async ({ bus }) => {
    const exchange = await bus.declareExchange('x', 'fanout')
    const queue = await bus.declareQueue('q', { bindings: [exchange.key('')] })
    await queue.delete()
    await bus.declareQueue('q')
    await exchange.send('', 1)
    expect(await queue.get()).toBeUndefined()
  })

  scenario('are listed, those of the default exchange too', { needs: ['inside'] }, async ({ bus, host }) => {
    //
    const exchange = await bus.declareExchange('x', 'topic', { durable: false, autoDelete: true })
    const further = await bus.declareExchange('y', 'fanout', { internal: true })
    await bus.declareQueue('q', { bindings: [exchange.key('a.#', { why: 'so' })], maxLength: 3 })
    await further.bind(exchange.key('b'))
    expect(host.bindings()).toEqual([
      expect.objectContaining({ source: '', destination: 'q', destinationKind: 'queue', routingKey: 'q' }),
      {
        virtualHost: '/',
        source: 'x',
        destination: 'q',
        destinationKind: 'queue',
        routingKey: 'a.#',
        arguments: { why: 'so' },
      },
      expect.objectContaining({ source: 'x', destination: 'y', destinationKind: 'exchange', routingKey: 'b' }),
    ])
    expect(host.exchanges().slice(-2)).toEqual([
      {
        name: 'x',
        type: 'topic',
        durable: false,
        autoDelete: true,
        internal: false,
        arguments: {},
        bindings: 2,
        held: 0,
      },
      {
        name: 'y',
        type: 'fanout',
        durable: true,
        autoDelete: false,
        internal: true,
        arguments: {},
        bindings: 0,
        held: 0,
      },
    ])
    expect(host.queues()).toMatchObject([
      {
        name: 'q',
        type: 'classic',
        durable: true,
        exclusive: false,
        autoDelete: false,
        arguments: { 'x-max-length': 3 },
      },
    ])
  })

  scenario('know nothing of other virtual hosts', { needs: ['inside'] }, async ({ bus, broker }) => {
    // GEN-14, VH-01
    const other = broker.createVirtualHost('tenant')
    expect(broker.createVirtualHost('tenant')).toBe(other)
    expect(broker.virtualHost('tenant').name).toBe('tenant')
    expect(broker.virtualHosts).toEqual(['/', 'tenant'])
    const here = await bus.declareQueue('q')
    const there = await other.declareQueue('q', { maxLength: 1 })
    await here.send('here')
    await there.send('there')
    expect((await take(here)).body).toBe('here')
    expect(await drain(there)).toEqual(['there'])
    expect(await errorOf(() => broker.connect({ virtualHost: 'tenent' }))).toMatchObject({
      code: 'NOT_ALLOWED',
      replyCode: 530,
      replyText: 'NOT_ALLOWED - vhost tenent not found',
      message: expect.stringContaining("did you mean 'tenant'?"),
    })
  })

  scenario('and queues go with their virtual host', { needs: ['inside'] }, async ({ broker }) => {
    // VH-03, VH-04
    const host = broker.createVirtualHost('tenant')
    const bus = broker.connect({ virtualHost: 'tenant' })
    const queue = await bus.declareQueue('q', { deadLetter: 'dead' })
    await queue.send(1)
    const loop = (async () => {
      for await (const delivery of queue.createConsumer()) delivery.ack()
    })()
    const waiting = bus.queue('dead').get({ wait: true })
    const ends = Promise.allSettled([loop, waiting])
    await turn()
    broker.deleteVirtualHost('tenant')
    expect([host.closed, bus.closed, broker.virtualHosts]).toEqual([true, true, ['/']])
    const reason = { status: 'rejected', reason: expect.objectContaining({ code: 'CONSUMER_CANCELLED' }) }
    expect(await ends).toEqual([reason, reason])
    expect(await errorOf(() => bus.declareQueue('q'))).toMatchObject({ code: 'CLOSED' })
    expect(await errorOf(() => broker.virtualHost('tenant'))).toMatchObject({ code: 'NOT_ALLOWED' })
    expect(await errorOf(() => broker.deleteVirtualHost('tenant'))).toMatchObject({
      code: 'NOT_FOUND',
      replyText: "NOT_FOUND - no vhost 'tenant'",
    })
    expect(broker.createVirtualHost('tenant').queues()).toEqual([])
  })
})
