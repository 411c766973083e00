// What a user's test suite relies on: whichever fake timers it uses and whenever it installs them, everything timed
// happens at its fake time, and everything that is not timed goes on while time stands still.
import { describe, expect, test, vi } from 'vitest'
import type { Broker, VirtualHost } from '../../src/index.js'
import { Bundle, type Package } from './bundle.js'
import { FAKES, type Fake, type FakeRow, jestFake, microtasks, Platform, vitestFake } from './fakes.js'

const bundle = new Bundle()

/** Prepares something timed, and answers whether it has happened. */
interface Timed {
  readonly what: string
  readonly ms: number
  prepare(bus: VirtualHost, broker: Broker): Promise<() => unknown>
}

const MINUTE = 60_000

const TIMED: readonly Timed[] = [
  {
    what: 'a queue TTL expires a message into the dead-letter queue',
    ms: MINUTE,
    prepare: async (bus) => {
      const queue = await bus.declareQueue('q', { messageTtl: MINUTE, deadLetter: 'dead' })
      await queue.send('late')
      return () => bus.queues().find(({ name }) => name === 'dead')?.stats.ready === 1
    },
  },
  {
    what: 'the TTL of a message expires it',
    ms: MINUTE,
    prepare: async (bus) => {
      const queue = await bus.declareQueue('q')
      await queue.send('late', { expiration: MINUTE })
      return () => bus.queues()[0]?.stats.expired === 1
    },
  },
  {
    what: 'a retry comes again',
    ms: MINUTE,
    prepare: async (bus) => {
      const queue = await bus.declareQueue('q', { retry: { attempts: 3, minDelay: MINUTE } })
      let attempts = 0
      queue.createConsumer().consume((delivery) => {
        if (++attempts === 1) delivery.retry()
        else delivery.ack()
      })
      await queue.send('again')
      await microtasks()
      expect(attempts).toBe(1)
      return () => attempts === 2
    },
  },
  {
    what: 'a failed delivery that its consumer holds comes again',
    ms: 100,
    prepare: async (bus) => {
      const queue = await bus.declareQueue('q')
      let attempts = 0
      const consumer = queue.createConsumer().run(() => {
        if (++attempts === 1) throw new Error('not yet')
      })
      consumer.on('failed', () => undefined)
      await queue.send('again')
      await microtasks()
      expect(attempts).toBe(1)
      return () => attempts === 2
    },
  },
  {
    what: 'a delayed send arrives',
    ms: MINUTE,
    prepare: async (bus) => {
      const queue = await bus.declareQueue('q')
      const got: unknown[] = []
      queue.createConsumer({ noAck: true }).consume(({ body }) => got.push(body))
      await queue.send('later', { delay: MINUTE })
      return () => got.length === 1
    },
  },
  {
    what: 'a waiting get times out',
    ms: MINUTE,
    prepare: async (bus) => {
      const queue = await bus.declareQueue('q')
      let error: unknown
      queue.get({ wait: true, timeout: MINUTE }).catch((reason) => {
        error = reason
      })
      return () => (error as { code?: string } | undefined)?.code === 'TIMEOUT'
    },
  },
  {
    what: 'an unused queue expires',
    ms: MINUTE,
    prepare: async (bus) => {
      await bus.declareQueue('q', { expires: MINUTE })
      return () => !bus.queues().some(({ name }) => name === 'q')
    },
  },
  {
    what: 'a consumer that does not settle times out',
    ms: MINUTE,
    prepare: async (bus) => {
      const queue = await bus.declareQueue('q', { type: 'quorum', consumerTimeout: MINUTE })
      let error: unknown
      const consumer = queue.createConsumer().consume(() => undefined)
      consumer.on('cancelled', (reason) => {
        error = reason
      })
      await queue.send('hold')
      return () => error !== undefined
    },
  },
  {
    what: 'a close gives up waiting for handlers',
    ms: MINUTE,
    prepare: async (bus, broker) => {
      const queue = await bus.declareQueue('q')
      queue.createConsumer().run(() => new Promise(() => undefined))
      await queue.send('stuck')
      await microtasks()
      let closed: unknown
      void broker.close({ timeout: MINUTE }).then((result) => {
        closed = result
      })
      return () => closed !== undefined
    },
  },
]

interface Installed {
  readonly when: string
  start(platform: Platform, row: FakeRow): Promise<{ fake: Fake; broker: Broker }>
}

const INSTALLED: readonly Installed[] = [
  {
    when: 'before the import',
    start: async (platform, row) => {
      const fake = platform.fake(row)
      const { Broker } = bundle.load()
      return { fake, broker: new Broker() }
    },
  },
  {
    when: 'after the import',
    start: async (platform, row) => {
      const { Broker } = bundle.load()
      const fake = platform.fake(row)
      return { fake, broker: new Broker() }
    },
  },
  {
    when: 'after the first timer was armed',
    start: async (platform, row) => {
      const { Broker } = bundle.load()
      const broker = new Broker()
      const other = await broker.createVirtualHost('other').declareQueue('lease', { expires: 3 * MINUTE })
      await other.send('kept', { expiration: 2 * MINUTE })
      expect(platform.timers).toHaveLength(1)
      platform.advance(0.4321)
      await other.stats()
      return { fake: platform.fake(row), broker }
    },
  },
]

describe.each(FAKES)('with fake timers of $name', (row) => {
  describe.each(INSTALLED)('installed $when', ({ start }) => {
    test.each(TIMED)('$what at its fake time, not before', async ({ ms, prepare }) => {
      const platform = new Platform()
      const { fake, broker } = await start(platform, row)
      const real = platform.armed
      const happened = await prepare(broker.virtualHost('/'), broker)
      await microtasks()
      expect(happened()).toBe(false)
      platform.advance(10 * ms)
      await microtasks()
      expect(happened()).toBe(false)
      fake.advance(ms - 1)
      await microtasks()
      expect(happened()).toBe(false)
      fake.advance(1)
      await microtasks()
      expect(happened()).toBe(true)
      expect(platform.armed, 'timers armed on the platform').toBe(real)
    })
  })

  test('a deadline that was armed before goes on in fake time, and in real time when the fake is gone', async () => {
    const platform = new Platform()
    const { Broker } = bundle.load()
    const bus = new Broker().virtualHost('/')
    const queue = await bus.declareQueue('q', { messageTtl: 1000 })
    await queue.send('first')
    const fake = platform.fake(row)
    await queue.send('second')
    fake.advance(999)
    expect(await queue.stats()).toMatchObject({ ready: 2, expired: 0 })
    fake.advance(1)
    expect(await queue.stats()).toMatchObject({ ready: 0, expired: 2 })
    await queue.send('third')
    fake.advance(600)
    expect(bus.peek(queue)).toHaveLength(1)
    await queue.send('fourth')
    fake.uninstall()
    await queue.send('fifth')
    platform.advance(399)
    expect(await queue.stats()).toMatchObject({ ready: 3, expired: 2 })
    platform.advance(2)
    expect(await queue.stats()).toMatchObject({ ready: 2, expired: 3 })
    platform.advance(600)
    expect(await queue.stats()).toMatchObject({ ready: 0, expired: 5 })
  })

  test('one broker works under fake after fake', async () => {
    const platform = new Platform()
    const { Broker } = bundle.load()
    const queue = await new Broker().virtualHost('/').declareQueue<number>('q')
    for (let round = 1; round <= 3; round++) {
      const fake = platform.fake(row)
      queue.publish(0, { delay: 5000 })
      queue.publish(round, { delay: 1000 })
      fake.advance(999)
      expect(await queue.get({ noAck: true })).toBeUndefined()
      fake.advance(1)
      expect(await queue.get({ noAck: true })).toMatchObject({ body: round })
      fake.uninstall()
    }
    expect(await queue.stats()).toMatchObject({ ready: 0, autoAcked: 3 })
  })

  test('sends, deliveries and drained go on while time stands still', async () => {
    const platform = new Platform()
    const { Broker } = bundle.load()
    platform.fake(row)
    const broker = new Broker()
    const queue = await broker.virtualHost('/').declareQueue<number>('q')
    const count = 20_000
    let sum = 0
    queue.createConsumer().consume((delivery) => {
      sum += delivery.body
      delivery.ack()
    })
    for (let i = 0; i < count; i++) await queue.send(1)
    for (let i = 0; i < count; i++) if (!queue.publish(1)) await queue.drained()
    const looped = await broker.virtualHost('/').declareQueue<number>('looped')
    for (let i = 0; i < count; i++) looped.publish(i)
    let next = 0
    for await (const delivery of looped.createConsumer()) {
      expect(delivery.body).toBe(next++)
      delivery.ack()
      if (next === count) break
    }
    expect(await queue.stats()).toMatchObject({ acked: 2 * count, ready: 0, unacked: 0 })
    expect(sum).toBe(2 * count)
    expect(platform.armed).toBe(0)
  })
})

describe.each([vitestFake, jestFake])('with fake timers of $name', (row) => {
  test.each([-86_400_000, 86_400_000])('setSystemTime by %i ms makes nothing due, early or late', async (step) => {
    const { fake, bus } = await timedQueue(row)
    fake.advance(500)
    fake.setSystemTime?.(Date.now() + step)
    const queue = bus.queue('q')
    expect(await queue.get()).toMatchObject({ body: 'message' })
    fake.advance(499)
    expect(await queue.stats()).toMatchObject({ expired: 0 })
    fake.advance(1)
    expect(await queue.stats()).toMatchObject({ expired: 1 })
  })

  test('x-death carries the fake date', async () => {
    const { fake, bus } = await timedQueue(row)
    fake.setSystemTime?.(1_800_000_000_000)
    fake.advance(1000)
    const letter = await bus.queue('dead').get()
    expect(letter?.headers).toMatchObject({ 'x-death': [{ time: new Date(1_800_000_001_000) }] })
  })

  async function timedQueue(row: FakeRow) {
    const platform = new Platform()
    const fake = platform.fake(row)
    const { Broker } = bundle.load()
    const bus = new Broker().virtualHost('/')
    const queue = await bus.declareQueue('q', { messageTtl: 1000, deadLetter: 'dead' })
    await queue.send('message')
    await queue.send('message')
    return { fake, bus }
  }
})

describe('however many deadlines there are', () => {
  function start(): { broker: InstanceType<Package['Broker']>; fake: Fake; platform: Platform } {
    const platform = new Platform()
    const fake = platform.fake(vitestFake)
    return { broker: new (bundle.load().Broker)(), fake, platform }
  }

  test('one timer is armed', async () => {
    const { broker } = start()
    const bus = broker.virtualHost('/')
    const queue = await bus.declareQueue('q', { retry: { attempts: 9, minDelay: 5000 }, expires: 600_000 })
    queue.createConsumer({ prefetch: 0 }).consume((delivery) => delivery.retry())
    for (let i = 0; i < 1000; i++) {
      await queue.send(i)
      await queue.send(i, { delay: 10_000 + i })
      await (await bus.declareQueue(`ttl ${i % 10}`, { messageTtl: 1000 })).send(i)
    }
    await microtasks()
    expect(vi.getTimerCount()).toBe(1)
  })

  test('10,000 delayed sends due at one instant arrive in the order in which they were sent', async () => {
    const { broker, fake } = start()
    const queue = await broker.virtualHost('/').declareQueue<number>('q')
    for (let i = 0; i < 10_000; i++) queue.publish(i, { delay: MINUTE })
    fake.advance(MINUTE - 1)
    expect(await queue.stats()).toMatchObject({ ready: 0 })
    fake.advance(1)
    expect(await queue.stats()).toMatchObject({ ready: 10_000 })
    const bodies = broker
      .virtualHost('/')
      .peek(queue, 10_000)
      .map(({ body }) => body)
    expect(bodies).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  })

  test('a delay beyond 2^31 - 1 ms is kept to the millisecond', async () => {
    const { broker, fake } = start()
    const queue = await broker.virtualHost('/').declareQueue('q')
    const delay = 3 * 2 ** 31 + 17
    await queue.send('far', { delay })
    fake.advance(delay - 1)
    expect(await queue.stats()).toMatchObject({ ready: 0 })
    fake.advance(1)
    expect(await queue.stats()).toMatchObject({ ready: 1 })
  })

  test('no timer is left when nothing is due any more', async () => {
    const { broker } = start()
    const queue = await broker.virtualHost('/').declareQueue('q')
    const waiting = queue.get({ wait: true, timeout: 5000 })
    await microtasks()
    expect(vi.getTimerCount()).toBe(1)
    await queue.send('here')
    ;(await waiting).ack()
    expect(vi.getTimerCount()).toBe(0)
    await queue.send('kept', { expiration: 1000 })
    await broker.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})
