/** Bodies that cannot be copied, encoded or measured: found before any queue has a copy. */
import { type BodyMode, Broker, type VirtualHost } from 'leveret'
import { describe, expect, it } from 'vitest'
import { expectConserved } from '../../support/conservation.js'
import { ManualClock } from '../../support/manual-clock.js'
import { type ExpectedError, expectRefused } from '../../support/unchanged.js'

const circular: { self?: unknown } = {}
circular.self = circular

const notEncodable: ExpectedError = { code: 'BODY_NOT_ENCODABLE', message: 'the body cannot be encoded' }

async function fanOut(
  bodies: BodyMode,
  limited: boolean,
): Promise<{ broker: Broker; host: VirtualHost; clock: ManualClock }> {
  const clock = new ManualClock()
  const broker = new Broker({ bodies, clock })
  const host = broker.virtualHost('/')
  const exchange = await host.declareExchange('x', 'fanout')
  const bindings = [exchange.key('')]
  await host.declareQueue('first', { bindings })
  await host.declareQueue('second', { bindings, ...(limited && { maxLengthBytes: 100 }) })
  await host.declareQueue('third', { bindings })
  return { broker, host, clock }
}

const unfit: readonly (readonly [mode: BodyMode, limited: boolean, what: string, body: unknown])[] = [
  ['clone', false, 'a function', () => 1],
  ['clone', false, 'a symbol', Symbol('s')],
  ['clone', false, 'an object with a function', { f: () => 1 }],
  ['encoded', false, 'a function', () => 1],
  ['encoded', false, 'a symbol', Symbol('s')],
  ['encoded', false, 'undefined', undefined],
  ['encoded', false, 'a BigInt', 5n],
  ['encoded', false, 'a circular object', circular],
  ['reference', true, 'a BigInt', 5n],
  ['reference', true, 'a circular object', circular],
  ['reference', true, 'undefined', undefined],
]

describe('a body that does not fit', () => {
  describe.each(unfit)("with bodies: '%s' and maxLengthBytes in one queue: %s, %s", (mode, limited, _what, body) => {
    it.each<[how: string, publish: (host: VirtualHost) => unknown]>([
      ['send', (host) => host.exchange('x').send('', body)],
      ['publish', (host) => host.exchange('x').publish('', body)],
      ['delayed send', (host) => host.exchange('x').send('', body, { delay: 10 })],
    ])('is refused by %s, and no queue of the fan-out has a copy', async (_how, publish) => {
      const { broker, host, clock } = await fanOut(mode, limited)
      const error = await expectRefused(broker, () => publish(host), notEncodable)
      expect(error.scope).toBe('message')
      clock.advance(100)
      expect(host.queues().map(({ stats }) => stats.enqueued)).toEqual([0, 0, 0])
      expectConserved(broker)
      await host.exchange('x').send('', 'fits')
      expect(host.queues().map(({ stats }) => stats.enqueued)).toEqual([1, 1, 1])
    })
  })

  it('goes by reference to queues that need not know its size', async () => {
    const { host } = await fanOut('reference', false)
    await host.exchange('x').send('', circular)
    expect((await host.queue('third').get())?.body).toBe(circular)
  })

  it('is lost to a dead-letter queue that measures, which is a fault, and disturbs no settlement', async () => {
    const broker = new Broker()
    const faults: unknown[] = []
    broker.on('fault', (fault) => faults.push(fault))
    const host = broker.virtualHost('/')
    const dlx = await host.declareExchange('dlx', 'fanout')
    await host.declareQueue('measures', { maxLengthBytes: 10, bindings: [dlx.key('')] })
    await host.declareQueue('takes all', { bindings: [dlx.key('')] })
    const queue = await host.declareQueue('q', { deadLetterExchange: 'dlx' })
    await queue.send(5n)
    await queue.send(6)
    ;(await queue.get())?.reject()
    ;(await queue.get())?.reject()
    expect(faults).toMatchObject([
      { error: { code: 'BODY_NOT_ENCODABLE' }, where: "dead letter to queue 'measures' in vhost '/'" },
    ])
    expect(host.queues().map(({ name, stats }) => [name, stats.enqueued])).toEqual([
      ['measures', 1],
      ['takes all', 2],
      ['q', 2],
    ])
    expectConserved(broker)
  })

  it('of a delayed send to a queue that came later is a fault, and stops no timer', async () => {
    const clock = new ManualClock()
    const broker = new Broker({ clock })
    const faults: unknown[] = []
    broker.on('fault', (fault) => faults.push(fault))
    const host = broker.virtualHost('/')
    const exchange = await host.declareExchange('x', 'fanout')
    await exchange.send('', 5n, { delay: 10 })
    await exchange.send('', 6, { delay: 20 })
    const queue = await host.declareQueue('q', { maxLengthBytes: 10, bindings: [exchange.key('')] })
    clock.advance(20)
    expect(faults).toMatchObject([{ error: { code: 'BODY_NOT_ENCODABLE' }, where: "delayed send to exchange 'x'" }])
    expect((await queue.get())?.body).toBe(6)
    expect(broker.overview().virtualHosts[0]?.publishes).toMatchObject({
      published: 2,
      routed: 1,
      unroutable: 1,
      held: 0,
    })
  })

  it('claims to be JSON and is not: the consumer hears of it, and has the bytes', async () => {
    const queue = await new Broker().virtualHost('/').declareQueue('q')
    const bytes = new TextEncoder().encode('{"a":')
    await queue.send(bytes, { contentType: 'application/json' })
    const delivery = await queue.get()
    expect(() => delivery?.body).toThrow(expect.objectContaining({ code: 'BODY_NOT_ENCODABLE' }))
    expect(delivery?.content).toBe(bytes)
    delivery?.reject()
  })
})
