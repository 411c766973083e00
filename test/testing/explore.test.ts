// The same test in many orders.
import { setImmediate } from 'node:timers/promises'
import { connect, reset, useBroker } from 'leveret/amqplib'
import { explore, type TestKit, testBroker } from 'leveret/testing'
import { describe, expect, test } from 'vitest'

const quiet = { kit: { strict: false } } as const

/** Fails when six consumers are handed their messages in one order of 720, the reverse of that of the publishes. */
async function sixInARow(kit: TestKit): Promise<void> {
  const steps = ['ordered', 'paid', 'packed', 'shipped', 'billed', 'told']
  const seen: string[] = []
  for (const name of steps) {
    const queue = await kit.bus.declareQueue(name)
    queue.createConsumer().run(async () => {
      await undefined
      await kit.sleep(1)
      seen.push(name)
    })
  }
  for (const name of steps) kit.bus.queue(name).publish(name)
  await kit.advance('1s')
  if (seen.join() === [...steps].reverse().join()) throw new Error(`told before ${seen.at(-1)}`)
}

async function seedsThatFail(run: (kit: TestKit) => unknown, runs: number): Promise<number[]> {
  const seeds: number[] = []
  for (let seed = 0; seed < runs; seed++) {
    await explore(run, { ...quiet, seed, runs: 1 }).catch(() => seeds.push(seed))
  }
  return seeds
}

describe('explore', () => {
  test('finds a race that shows in fewer than 1 of 200 orders, and its seed shows it 100 times of 100', async () => {
    const runs = 2000
    const seeds = await seedsThatFail(sixInARow, runs)
    expect(seeds.length).toBeGreaterThan(0)
    expect(seeds.length).toBeLessThan(runs / 200)

    const from = (seeds[0] as number) - 20
    const error = await explore(sixInARow, { ...quiet, seed: from, runs: 100 }).catch((error) => error)
    expect(error).toMatchObject({ code: 'TEST_FAILED', cause: { message: 'told before ordered' } })
    const [, printed] = /explore\(test, { seed: (\d+), runs: 1 }\)/.exec(error.message) ?? []
    const seed = Number(printed)
    expect(seed).toBe(seeds[0])
    expect(error.message).toBe(
      `explore: run 21 of 100 failed, with seed ${seed}. The same order again: explore(test, { seed: ${seed}, runs: 1 })\nError: told before ordered`,
    )
    for (let again = 0; again < 100; again++) {
      await expect(explore(sixInARow, { ...quiet, seed, runs: 1 })).rejects.toThrow('told before ordered')
    }
  }, 60_000)

  test('lets handlers come in one another’s way, between their awaits', async () => {
    const counting = async (kit: TestKit) => {
      const queue = await kit.bus.declareQueue<number>('jobs')
      let total = 0
      queue.createConsumer().run(
        async ({ body }) => {
          const before = total
          await undefined
          total = before + body
        },
        { concurrency: 2 },
      )
      await Promise.all([1, 2, 3].map((body) => queue.send(body)))
      await kit.settled()
      if (total !== 6) throw new Error(`lost an update: ${total}`)
    }
    await expect(explore(counting)).rejects.toThrow('lost an update')
  })

  test('gives a message to any of a queue’s consumers, and the same seed to the same', async () => {
    const who = async (seed: number) => {
      let order = ''
      await explore(
        async (kit) => {
          const queue = await kit.bus.declareQueue<number>('jobs')
          for (const name of 'abc') {
            queue.createConsumer().run(async ({ body }) => {
              for (let awaits = 0; awaits < 7; awaits++) await undefined
              order += name + body
            })
          }
          await kit.settled(() => Promise.all([1, 2, 3, 4, 5].map((body) => queue.send(body))))
        },
        { seed, runs: 1 },
      )
      return order
    }
    const orders = await Promise.all(Array.from({ length: 40 }, (_, seed) => who(seed)))
    expect(new Set(orders).size).toBeGreaterThan(20)
    expect(new Set(orders.map((order) => order[order.indexOf('1') - 1]))).toEqual(new Set('abc'))
    for (const [seed, order] of orders.entries()) expect(await who(seed)).toBe(order)
  })

  test('keeps what a RabbitMQ keeps: the order of one consumer', async () => {
    await explore(async (kit) => {
      const queue = await kit.bus.declareQueue<number>('jobs')
      const seen: number[] = []
      queue.createConsumer().run(async ({ body }) => {
        await undefined
        seen.push(body)
      })
      await Promise.all([1, 2, 3, 4, 5].map((body) => queue.send(body)))
      await kit.settled()
      expect(seen).toEqual([1, 2, 3, 4, 5])
    })
  })

  test('lets a handler come after any of the awaits of another', async () => {
    const places = new Set<number>()
    await explore(async (kit) => {
      let awaits = 0
      const [a, b] = [await kit.bus.declareQueue('a'), await kit.bus.declareQueue('b')]
      a.createConsumer().run(async () => {
        while (++awaits < 20) await undefined
      })
      b.createConsumer().run(() => void places.add(awaits))
      for (const queue of [a, b]) queue.publish(1)
      await kit.settled()
    })
    expect(places.size).toBeGreaterThan(10)
  })

  test('hands over in a later turn of the event loop, too', async () => {
    const racing = async (kit: TestKit) => {
      let written = false
      for (const name of ['a', 'b']) {
        const queue = await kit.bus.declareQueue(name)
        queue.createConsumer().run(async () => {
          if (written) throw new Error(`${name} came when the other had written`)
          await setImmediate()
          written = true
        })
      }
      for (const name of ['a', 'b']) kit.bus.queue(name).publish(name)
      await kit.settled()
    }
    await expect(explore(racing)).rejects.toThrow('came when the other had written')
  })

  test('keeps the order of an AMQP connection, whatever its channels, and of two of them none', async () => {
    const ordersOf = async (connections: number) => {
      const orders = new Set<string>()
      await explore(async (kit) => {
        const address = `amqp://explored.${connections}`
        useBroker(kit.broker, address)
        const open = await Promise.all(Array.from({ length: connections }, () => connect(address)))
        let order = ''
        for (const [index, name] of ['a', 'b'].entries()) {
          const channel = await open[index % connections]?.createChannel()
          await channel?.assertQueue(name)
          await channel?.consume(name, () => (order += name), { noAck: true })
        }
        for (const name of ['a', 'b']) kit.bus.queue(name).publish(name)
        await kit.settled()
        orders.add(order)
        await Promise.all(open.map((connection) => connection.close()))
      })
      await reset()
      return [...orders].sort()
    }
    expect(await ordersOf(1)).toEqual(['ab'])
    expect(await ordersOf(2)).toEqual(['ab', 'ba'])
  })

  test('delivers again what was acknowledged, when asked to, and finds a handler that is not idempotent', async () => {
    const paying = async (kit: TestKit) => {
      const queue = await kit.bus.declareQueue<string>('payments')
      const paid: string[] = []
      queue.createConsumer().run(({ body, redelivered }) => {
        if (redelivered && paid.includes(body)) return
        paid.push(body)
      })
      const naive: string[] = []
      const others = await kit.bus.declareQueue<string>('others')
      others.createConsumer().run(({ body }) => void naive.push(body))
      await Promise.all([queue.send('a'), others.send('b')])
      await kit.settled()
      expect(paid).toEqual(['a'])
      if (naive.length > 1) throw new Error('paid twice')
    }
    await explore(paying)
    const error = await explore(paying, { redeliveries: 0.2 }).catch((error) => error)
    expect(error.cause.message).toBe('paid twice')
    expect(error.message).toMatch(/explore\(test, { seed: \d+, runs: 1, redeliveries: 0.2 }\)/)
    await expect(explore(paying, { redeliveries: 0.2, seed: error.seed, runs: 100 })).rejects.toThrow('paid twice')
  })

  test('loses consumers when asked to: who consumes anew misses nothing, in any order', async () => {
    let crashes = 0
    await explore(
      async (kit) => {
        const queue = await kit.bus.declareQueue<number>('jobs')
        const done = new Set<number>()
        const work = () =>
          queue
            .createConsumer({ prefetch: 2 })
            .on('cancelled', () => {
              crashes++
              work()
            })
            .consume(async (delivery) => {
              await undefined
              done.add(delivery.body)
              delivery.ack()
            })
        for (let consumers = 0; consumers < 2; consumers++) work()
        await Promise.all([1, 2, 3, 4, 5].map((body) => queue.send(body)))
        await kit.settled()
        expect([...done].sort()).toEqual([1, 2, 3, 4, 5])
        expect(await queue.stats()).toMatchObject({ ready: 0, unacked: 0 })
      },
      { crashes: 0.2, ...quiet },
    )
    expect(crashes).toBeGreaterThan(50)
  })

  test('fails a run that hangs, and one that a kit finds fault with when it is over', async () => {
    await expect(explore(() => new Promise(() => undefined), { timeout: 20 })).rejects.toThrow(
      'run 1 of 100 failed, with seed 1. The same order again: explore(test, { seed: 1, runs: 1 })\nTestFailedError: the test is not done within 20 ms of real time',
    )
    const kits: TestKit[] = []
    const leaving = (kit: TestKit) => {
      kits.push(kit)
      throw 'a string'
    }
    await expect(explore(leaving)).rejects.toThrow("'a string'")
    expect(kits.map(({ disposed }) => disposed)).toEqual([true])

    const impatient = { kit: { timeout: 20 } }
    const holding = async (kit: TestKit, error?: Error) => {
      const queue = await kit.bus.declareQueue('jobs')
      await queue.send(1)
      await queue.get()
      if (error !== undefined) throw error
    }
    await expect(explore((kit) => holding(kit), impatient)).rejects.toThrow('never settled')
    await expect(explore((kit) => holding(kit, new Error('mine')), impatient)).rejects.toThrow(/\nError: mine$/)
  })

  test.each<[object, string, string]>([
    [{ runs: 0 }, 'INVALID_OPTION', 'an integer from 1 to 1000000'],
    [{ seed: -1 }, 'INVALID_OPTION', "option 'seed' must be"],
    [{ crashes: 1 }, 'INVALID_OPTION', 'a number from 0 to below 1, got 1'],
    [{ redeliveries: '1' }, 'INVALID_OPTION', 'a number from 0 to below 1'],
    [{ run: 1 }, 'UNKNOWN_OPTION', "did you mean 'runs'?"],
    [{ kit: { timeot: 1 } }, 'UNKNOWN_OPTION', "unknown option 'timeot'"],
  ])('refuses %j', async (options, code, text) => {
    await expect(explore(() => undefined, options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    })
  })

  test('refuses what is no test', async () => {
    await expect(explore('test' as never)).rejects.toThrow("explore: expected a function, got 'test'")
    expect(testBroker).toBeTypeOf('function')
  })
})
