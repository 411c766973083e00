/** Code that misbehaves after the door: handlers, listeners, settlements, user exchange types. */
import { Broker, type Bus, type Delivery, type FaultEvent, type Queue } from 'leveret'
import { type TestKit, testBroker } from 'leveret/testing'
import { describe, expect, it, vi } from 'vitest'
import { expectConserved } from '../../support/conservation.js'

/** n.b. not strict: what a kit would find is what is tested. */
async function open() {
  const kit = testBroker({ strict: false })
  const { broker, bus: host } = kit
  const faults: FaultEvent[] = []
  broker.on('fault', (fault) => faults.push(fault))
  const queue: Queue<number> = await host.declareQueue<number>('q')
  return { kit, broker, host, queue, faults }
}

async function get(queue: Queue<number>): Promise<Delivery<number>> {
  return queue.get({ wait: true })
}

describe('a handler that misbehaves', () => {
  it.each<[what: string, handler: (error: Error) => unknown]>([
    [
      'throws',
      (error) => {
        throw error
      },
    ],
    ['rejects', (error) => Promise.reject(error)],
    [
      'returns a thenable that rejects',
      // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise is what is tested
      (error) => ({ then: (_: unknown, reject: (error: Error) => void) => reject(error) }),
    ],
  ])('%s reaches neither the publisher nor the process, and loses nothing', async (_what, handler) => {
    const { kit, queue, faults } = await open()
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const error = new Error('mine')
    queue.createConsumer({ consumerTag: 'a' }).consume(() => handler(error))
    queue.createConsumer({ consumerTag: 'b' }).run(() => handler(error))
    await queue.send(1)
    expect(queue.publish(2)).toBe(true)
    await kit.settled()
    expect(faults.map(({ error, where }) => [error, where])).toEqual([
      [error, "handler of the consumer 'a' of queue 'q'"],
      [error, "handler of the consumer 'b' of queue 'q'"],
    ])
    expect(await queue.stats()).toMatchObject({ unacked: 2, enqueued: 2 })
    expect(unhandled).not.toHaveBeenCalled()
    process.off('unhandledRejection', unhandled)
  })

  it('is a warning of the process when nobody listens for faults', async () => {
    const kit = testBroker({ strict: false })
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const queue = await kit.bus.declareQueue('q')
    const error = new Error('mine')
    queue.createConsumer({ consumerTag: 'tag' }).run(() => Promise.reject(error))
    await queue.send(1)
    await kit.settled()
    expect(warned.mock.calls).toMatchObject([
      [{ message: "leveret: handler of the consumer 'tag' of queue 'q' failed: Error: mine", cause: error }],
    ])
    warned.mockRestore()
  })
})

describe('a listener that misbehaves', () => {
  it.each<[what: string, listener: (error: Error) => unknown]>([
    [
      'throws',
      (error) => {
        throw error
      },
    ],
    ['rejects', (error) => Promise.reject(error)],
  ])('%s is a fault, and the next listener and the caller go on', async (_what, listener) => {
    const { kit, broker, host, queue, faults } = await open()
    const error = new Error('mine')
    const heard: string[] = []
    broker.on('exchange.created', () => listener(error) as undefined)
    broker.on('exchange.created', ({ name }) => heard.push(name))
    await host.declareExchange('x', 'fanout')
    const producer = queue.createProducer()
    const missing = host.queue<number>('missing').createProducer()
    missing.on('returned', () => listener(error) as undefined)
    missing.publish(1, { mandatory: true })
    const consumer = queue.createConsumer({ consumerTag: 'tag' }).on('failed', () => listener(error) as undefined)
    consumer.run(() => {
      throw new Error('handler')
    })
    await producer.send(1)
    await kit.settled()
    expect(heard).toEqual(['x'])
    expect(faults).toEqual([
      { error, where: "listener of 'exchange.created'" },
      { error, where: "listener of 'returned' of the producer of queue 'missing'" },
      { error, where: "listener of 'failed' of the consumer 'tag' of queue 'q'" },
    ])
    expectConserved(broker)
  })

  it('of faults is a warning of the process, and not a fault again', async () => {
    const { kit, broker, queue, faults } = await open()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    broker.on('fault', () => {
      throw new Error('of the listener')
    })
    queue.createConsumer().run(() => {
      throw new Error('of the handler')
    })
    await queue.send(1)
    await kit.settled()
    expect(faults).toHaveLength(1)
    expect(warned.mock.calls).toMatchObject([
      [{ message: "leveret: listener of 'fault' failed: Error: of the listener" }],
    ])
    warned.mockRestore()
  })

  it('that is taken back hears nothing more', async () => {
    const { broker, host } = await open()
    const heard: string[] = []
    const listener = ({ name }: { name: string }) => heard.push(name)
    broker.on('queue.created', listener)
    await host.declareQueue('one')
    broker.off('queue.created', listener)
    await host.declareQueue('two')
    expect(heard).toEqual(['one'])
  })
})

const VERBS = ['ack', 'requeue', 'retry', 'reject'] as const

describe('a second settlement', () => {
  it.each(VERBS.flatMap((first) => VERBS.map((second) => [first, second] as const)))(
    'by %s() and then %s() throws, and changes nothing',
    async (first, second) => {
      const { broker, queue } = await open()
      await queue.send(1)
      const delivery = await get(queue)
      delivery[first]()
      const before = await queue.stats()
      expect(() => delivery[second]()).toThrow(
        expect.objectContaining({
          code: 'PRECONDITION_FAILED',
          replyCode: 406,
          replyText: 'PRECONDITION_FAILED - unknown delivery tag 1',
          message: expect.stringContaining(`settled before by ${first}(), and ${second}() came second`),
        }),
      )
      expect(await queue.stats()).toEqual(before)
      expect(delivery.settled).toBe(first)
      expectConserved(broker)
    },
  )

  describe.each<[why: string, lose: (own: Bus, queue: Queue<number>, kit: TestKit) => unknown]>([
    ['its bus was closed', (own) => own.close()],
    ['its queue was deleted', (_own, queue) => queue.delete()],
    ['its consumer timed out', (_own, _queue, kit) => kit.advance('1s')],
  ])('of what the broker took back because %s', (_why, lose) => {
    it.each(VERBS)('by %s() does nothing, however often', async (verb) => {
      const { kit, broker, host } = await open()
      const queue = await host.declareQueue<number>('timed', {
        type: 'quorum',
        consumerTimeout: 1000,
        deadLetter: 'dead',
      })
      await queue.send(1)
      const own = broker.connect()
      const delivery = await get(own.queue<number>('timed'))
      const { signal } = delivery
      expect(signal.aborted).toBe(false)
      await lose(own, queue, kit)
      expect([delivery.settled, signal.aborted, delivery.signal]).toEqual(['lost', true, signal])
      const before = structuredClone(broker.overview())
      delivery[verb]()
      delivery[verb]()
      expect(delivery.settled).toBe('lost')
      expect(broker.overview()).toEqual(before)
      expectConserved(broker)
    })
  })

  it('shows an aborted signal even when it was not looked at before', async () => {
    const { broker } = await open()
    const own = broker.connect()
    const queue = await own.declareQueue<number>('mine')
    await queue.send(1)
    const delivery = await get(queue)
    await own.close()
    expect(delivery.signal.aborted).toBe(true)
  })
})

describe('an exchange type that throws', () => {
  it('spoils its own publish and no other', async () => {
    const broken = {
      name: 'x-broken',
      createRouter: () => ({
        add: () => undefined,
        remove: () => undefined,
        route: (): void => {
          throw new Error('no route')
        },
      }),
    }
    const broker = new Broker({ exchangeTypes: [broken] })
    const host = broker.virtualHost('/')
    const source = await host.declareExchange('source', 'fanout')
    for (const [name, type] of [
      ['broken', 'x-broken'],
      ['fine', 'fanout'],
    ] as const) {
      const exchange = await host.declareExchange(name, type)
      await exchange.bind(source.key(''))
    }
    const queue = await host.declareQueue('q', { bindings: [host.exchange('fine').key('')] })
    const other = await host.declareQueue('other')
    await expect(source.send('', 1)).rejects.toThrow('no route')
    await other.send(2)
    expect(host.queues().map(({ stats }) => stats.enqueued)).toEqual([0, 1])
    expect(host.overview().publishes).toMatchObject({ published: 1, routed: 1 })
    expect(await queue.get()).toBeUndefined()
    expectConserved(broker)
  })
})
