// A bus that runs in one process can know when it is done.
import { readFile } from 'node:fs/promises'
import { Broker, type Delivery, type Queue } from 'leveret'
import { type TestKit, testBroker } from 'leveret/testing'
import { describe, expect, test, vi } from 'vitest'

describe('settled()', () => {
  test('waits for a handler that awaits real I/O, and for what it publishes then', async () => {
    await using kit = testBroker()
    const [first, second] = [await kit.bus.declareQueue('first'), await kit.bus.declareQueue('second')]
    first.createConsumer().run(async () => {
      await readFile(new URL(import.meta.url))
      await readFile(new URL(import.meta.url))
      await second.send('b')
    })
    const seen: unknown[] = []
    second.createConsumer().consume(async (delivery) => {
      delivery.ack()
      await readFile(new URL(import.meta.url))
      seen.push(delivery.body)
    })
    first.publish('a')
    await kit.settled()
    expect(seen).toEqual(['b'])
  })

  test('waits for a loop, whatever its body does after the acknowledgement', async () => {
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue('q')
    const seen: unknown[] = []
    const looping = (async () => {
      for await (const delivery of queue.createConsumer()) {
        delivery.ack()
        await readFile(new URL(import.meta.url))
        seen.push(delivery.body)
      }
    })()
    queue.publish(1)
    queue.publish(2)
    await kit.settled()
    expect(seen).toEqual([1, 2])
    await kit.broker.close()
    await looping
  })

  test('does not wait for what nobody can take, and answers it', async () => {
    await using kit = testBroker({ strict: { unconsumed: false } })
    const [alone, busy] = [await kit.bus.declareQueue('alone'), await kit.bus.declareQueue('busy')]
    busy.createConsumer({ prefetch: 1 })[Symbol.asyncIterator]()
    busy.publish(1)
    alone.publish('x', { delay: 1000 })
    alone.publish('y')
    const parked = await kit.settled()
    expect(parked.map(({ what, queue, until }) => ({ what, queue, until }))).toEqual([
      { what: 'ready', queue: 'alone', until: undefined },
      { what: 'unhanded', queue: 'busy', until: undefined },
      { what: 'delayed', queue: undefined, until: 1000 },
    ])
  })

  test('names what still holds when it gives up', async () => {
    await using kit = testBroker({ timeout: 20, strict: { unacked: false } })
    const queue = await kit.bus.declareQueue('mails')
    queue.createConsumer({ consumerTag: 'mailer' }).run(() => new Promise(() => undefined))
    queue.publish('x')
    await expect(kit.settled()).rejects.toThrow(
      /settled: not done within 20 ms of real time. Still in flight:\n {2}- message to 'mails' published at .*settled.test.ts:\d+:\d+, in the hands of consumer 'mailer' of queue 'mails', since 0ms on the kit's clock: not settled/,
    )
  })

  test('ends with its signal', async () => {
    await using kit = testBroker({ strict: { unacked: false } })
    const queue = await kit.bus.declareQueue('mails')
    queue.createConsumer().run(() => new Promise(() => undefined))
    queue.publish('x')
    const controller = new AbortController()
    const settled = kit.settled({ signal: controller.signal })
    controller.abort()
    await expect(settled).rejects.toMatchObject({ code: 'TEST_FAILED', message: expect.stringContaining('aborted') })
  })

  test('waits for a confirm that a full queue withholds', async () => {
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue('q', { maxLength: 1, overflow: 'block' })
    queue.publish(1)
    const sent = queue.send(2)
    let done = false
    const settled = kit.settled().then(() => {
      done = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(done).toBe(false)
    for (const delivery of [await queue.get(), await queue.get()]) delivery?.ack()
    await sent
    await settled
  })
})

describe('settled(callback)', () => {
  test('waits for what it caused and for nothing else, with the other chain stuck for ever', async () => {
    await using kit = testBroker({ strict: { unacked: false } })
    const [first, second] = [await kit.bus.declareQueue<string>('first'), await kit.bus.declareQueue<string>('second')]
    const done: string[] = []
    first.createConsumer().run(
      async ({ body }) => {
        if (body === 'stuck') await new Promise(() => undefined)
        await readFile(new URL(import.meta.url))
        await second.send(`${body}, second`)
      },
      { concurrency: 5 },
    )
    const loop = async () => {
      for await (const delivery of second.createConsumer()) {
        await readFile(new URL(import.meta.url))
        done.push(delivery.body)
        delivery.ack()
      }
    }
    void loop()
    await first.send('stuck')
    const value = await kit.settled(async () => {
      await first.send('mine')
      return 'value'
    })
    expect(value).toBe('value')
    expect(done).toEqual(['mine, second'])
  })

  test('throws what the callback throws', async () => {
    await using kit = testBroker()
    await expect(kit.settled(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
  })
})

describe('time', () => {
  test('stands still, with no timer of the platform armed', async () => {
    const spy = vi.spyOn(globalThis, 'setTimeout')
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue('q', { messageTtl: 86_400_000, expires: 100_000_000 })
    await queue.send(1)
    await kit.settled()
    await kit.advance('24h')
    expect((await queue.stats()).expired).toBe(1)
    expect(spy).not.toHaveBeenCalled()
    spy.mockRestore()
  })

  test('lets a handler sleep for 50 hours between two publishes', async () => {
    await using kit = testBroker()
    const [jobs, done] = [await kit.bus.declareQueue('jobs'), await kit.bus.declareQueue('done')]
    jobs.createConsumer().run(async () => {
      await done.send('begun')
      await kit.sleep('50h')
      await done.send('ended')
    })
    const settled = kit.settled(async () => {
      await jobs.send(1)
    })
    await kit.advance('49h')
    expect((await done.info()).messageCount).toBe(1)
    await kit.advance('1h')
    await settled
    expect((await done.info()).messageCount).toBe(2)
    expect(kit.now).toBe(50 * 3_600_000)
  })

  test.each([
    [
      'in lines of a key',
      (queue: Queue<number>, kit: TestKit, seen: number[]) => {
        const handle = async ({ body }: Delivery<number>) => {
          await kit.sleep('1s')
          seen.push(body)
        }
        queue.createConsumer().run(handle, { concurrency: 5, orderBy: ({ body }) => body % 2 })
      },
    ],
    [
      'in batches',
      (queue: Queue<number>, kit: TestKit, seen: number[]) => {
        queue
          .createConsumer()
          .batches({ size: 3 })
          .run(async (batch) => {
            for (const { body } of batch) {
              await kit.sleep('1s')
              seen.push(body)
            }
          })
      },
    ],
  ])('does not wait for what stands behind a sleeper, %s', async (_, consume) => {
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue<number>('q')
    const seen: number[] = []
    await queue.send(-1)
    await queue.send(-2, { delay: 500 })
    consume(queue, kit, seen)
    for (let i = 0; i < 6; i++) queue.publish(i, { delay: 1000 })
    await kit.advance('20s')
    expect(seen).toHaveLength(8)
  })

  test('fires 10,000 timers of one instant in the order in which they were armed', async () => {
    await using kit = testBroker()
    const fired: number[] = []
    for (let i = 0; i < 10_000; i++) void kit.sleep('1h').then(() => fired.push(i))
    await kit.advance('1h')
    expect(fired).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  })

  test('goes to what is due next', async () => {
    await using kit = testBroker()
    const queue = await kit.bus.declareQueue('q', { messageTtl: 500 })
    await queue.send(1)
    await queue.send(2, { delay: 700 })
    expect(await kit.advanceToNext()).toBe(500)
    expect(await kit.advanceToNext()).toBe(200)
    expect(await kit.advanceToNext()).toBe(500)
    expect(await kit.advanceToNext()).toBe(0)
  })

  test('does not go back', async () => {
    await using kit = testBroker()
    await expect(kit.advance(-1)).rejects.toThrow('time does not go back')
    await expect(kit.advance('5 apples' as '5s')).rejects.toThrow("such as '30s', '1.5h', got '5 apples'")
    await expect(testBroker({ clock: 'platform' }).advance(1)).rejects.toThrow("expected a kit with clock 'virtual'")
  })
})

test('an option that is misspelt is named, with the one that was meant', () => {
  expect(() => testBroker({ timout: 5 } as object)).toThrow(
    "testBroker: unknown option 'timout'; did you mean 'timeout'?",
  )
  expect(() => testBroker({ bodies: 'copied' } as object)).toThrow("option 'bodies' must be one of")
})

test('a kit that is disposed says so', async () => {
  const kit = testBroker()
  await kit[Symbol.asyncDispose]()
  expect(kit.broker).toBeInstanceOf(Broker)
  await expect(kit.settled()).rejects.toThrow('the kit is disposed')
  await expect(kit.advance(1)).rejects.toThrow('the kit is disposed')
  await expect(kit.sleep(1)).rejects.toThrow('the kit is disposed')
})

test('a test that stands after its options is refused, and not left out', () => {
  const misplaced = testBroker as unknown as (options: object, test: () => void) => unknown
  expect(() => misplaced({ timeout: 50 }, () => undefined)).toThrow(
    'testBroker: expected the test before its options, got an object of class Object',
  )
})
