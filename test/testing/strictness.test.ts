// What a kit finds wrong without being asked.
import { UnknownOptionError } from 'leveret'
import amqp, { reset, useBroker } from 'leveret/amqplib'
import { TestFailedError, type TestKit, testBroker } from 'leveret/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { stateOf } from '../../src/internal.js'

afterEach(() => reset())

/** What is wrong with a test, by rule, with the lines of this file for places. */
async function findings(app: (kit: TestKit) => unknown, options = {}): Promise<string> {
  try {
    await testBroker(app, { timeout: 200, ...options })
  } catch (error) {
    expect(error).toBeInstanceOf(TestFailedError)
    return wordsOf(error as Error)
  }
  return 'nothing'
}

function wordsOf({ message }: Error): string {
  const [found = ''] = message.split('\nWhat happened:')
  return found.replace(/\/\S*\/(\w[\w.-]*\.ts):\d+:\d+/g, '$1').replaceAll(/(amq\.gen-|amq\.ctag-)[\w-]+/g, '$1…')
}

async function amqplib(kit: TestKit) {
  useBroker(kit.broker)
  const connection = await amqp.connect('amqp://localhost')
  const channel = await connection.createChannel()
  connection.on('error', () => undefined)
  channel.on('error', () => undefined)
  return channel
}

describe('a test that leaves nothing behind', () => {
  test('passes', async () => {
    const app = async (kit: TestKit) => {
      const queue = await kit.bus.declareQueue<number>('jobs')
      const results = await kit.bus.declareQueue<number>('results')
      queue.createConsumer().run(({ body }) => results.send(body * 2))
      await queue.send(21)
      await kit.settled()
      return (await results.get())?.body
    }
    const kit = testBroker()
    expect(await app(kit)).toBe(42)
    kit.allow({ unacked: 'results' })
    await kit[Symbol.asyncDispose]()
  })

  test('may look at a queue that nobody consumes', async () => {
    await testBroker(async ({ bus }) => {
      const audit = await bus.declareQueue('audit')
      await audit.send(1)
      expect((await audit.info()).messageCount).toBe(1)
    })
  })

  test('may fail once where that is retried, and dead-letter what fails for good', async () => {
    await testBroker(async (kit) => {
      const retry = { attempts: 2, minDelay: 1000 } as const
      const jobs = await kit.bus.declareQueue('jobs', { retry, deadLetter: 'jobs.dead' })
      jobs.createConsumer().run(() => Promise.reject(new Error('no')))
      await jobs.send(1)
      await kit.advance('1h')
      expect((await kit.bus.queue('jobs.dead').info()).messageCount).toBe(1)
    })
  })

  test('may leave a reply, and close its consumers', async () => {
    await testBroker(async ({ bus }) => {
      const double = await bus.declareQueue<number, number>('double')
      const serving = double.respond((n) => n * 2)
      expect(await double.request(2)).toBe(4)
      await serving.close()
    })
  })
})

describe('a body', () => {
  test('is frozen when it is published, all the way down', async () => {
    await testBroker(async ({ bus }) => {
      const queue = await bus.declareQueue('q')
      const inner = { list: [{ n: 1 }], map: new Map([['a', new Set([1])]]), bytes: Buffer.from('x'), at: new Date(0) }
      const cycle: { self?: unknown } = {}
      cycle.self = cycle
      queue.publish({ inner, cycle })
      const change = (how: () => unknown) => expect(how).toThrow(TypeError)
      change(() => inner.list.push({ n: 2 }))
      change(() => Object.assign(inner.list[0] as object, { n: 2 }))
      change(() => Object.assign(cycle, { more: 1 }))
      expect(() => inner.map.set('b', new Set())).toThrow('Cannot set: this Map was published in a message')
      expect(() => inner.map.get('a')?.add(2)).toThrow('Cannot add: this Set was published in a message')
      inner.bytes[0] = 0
      inner.at.setTime(1)
      expect(inner.map).toEqual(new Map([['a', new Set([1])]]))
    })
  })

  test('of a class stays as it is, and so does every body without the rule', async () => {
    class Order {
      paid = false
    }
    await testBroker(async ({ bus }) => {
      const order = new Order()
      ;(await bus.declareQueue('q')).publish(order)
      order.paid = true
    })
    await testBroker(
      async ({ bus }) => {
        const body = { n: 1 }
        ;(await bus.declareQueue('q')).publish(body)
        body.n = 2
      },
      { strict: { frozen: false } },
    )
  })
})

describe('a test is told of', () => {
  const cases: Record<string, (kit: TestKit) => unknown> = {
    async unacked({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.createConsumer({ consumerTag: 'worker' }).consume(() => undefined)
      queue.publish(1)
    },
    async 'unacked, by a client of amqplib'(kit) {
      const channel = await amqplib(kit)
      await channel.assertQueue('jobs')
      await channel.consume('jobs', () => undefined)
      channel.sendToQueue('jobs', Buffer.from('x'))
    },
    async unfinished({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.createConsumer({ consumerTag: 'worker' }).consume((delivery) => {
        delivery.ack()
        return new Promise(() => undefined)
      })
      queue.publish(1)
    },
    async unconsumed({ bus }) {
      const queue = await bus.declareQueue('jobs')
      const consumer = queue.createConsumer().run(() => undefined)
      await consumer.close()
      queue.publish(1)
      queue.publish(2)
    },
    async dropped({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.createConsumer().consume((delivery) => delivery.reject(new Error('not an order')))
      queue.publish(1)
    },
    async unroutable({ bus }) {
      const orders = await bus.declareExchange('orders', 'topic')
      await bus.declareQueue('audit', { bindings: [orders.key('order.*')] })
      orders.publish('order.paid.eu', 1)
      ;(await bus.declareExchange('alone', 'fanout')).publish('', 1)
      bus.queue('jbos').publish(1)
    },
    async unawaited({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.send(1)
      await queue.send(2)
      await Promise.all([queue.send(3)])
      queue.send(4).then(() => undefined)
    },
    async pendingRequests({ bus }) {
      const queue = await bus.declareQueue('double')
      void queue.request(1).catch(() => undefined)
    },
    async doubleSettlements({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.createConsumer().consume((delivery) => {
        delivery.ack()
        delivery.reject()
      })
      queue.publish(1)
    },
    async 'doubleSettlements, by a client of amqplib'(kit) {
      const channel = await amqplib(kit)
      await channel.assertQueue('jobs')
      await channel.consume('jobs', (message) => {
        if (message === null) return
        channel.ack(message)
        channel.ack(message)
      })
      channel.sendToQueue('jobs', Buffer.from('x'))
    },
    async channelErrors(kit) {
      const channel = await amqplib(kit)
      await channel.checkQueue('missing').catch(() => undefined)
    },
    async errors({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.createConsumer().consume((delivery) => {
        delivery.ack()
        throw new Error('out of stock')
      })
      queue.publish(1)
    },
    async 'errors of a message that waits for another attempt'({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.createConsumer().run(() => Promise.reject(new Error('out of stock')))
      queue.publish(1)
    },
    async requeueLoops({ bus }) {
      const queue = await bus.declareQueue('jobs')
      queue.createConsumer().consume((delivery) => delivery.requeue())
      queue.publish(1)
    },
    async 'leakedConsumers, of a handler'({ bus }) {
      const [jobs, updates] = [await bus.declareQueue('jobs'), await bus.declareQueue('updates')]
      jobs.createConsumer().run(() => void updates.createConsumer().run(() => undefined))
      jobs.publish(1)
    },
    async arguments(kit) {
      const channel = await amqplib(kit)
      await channel.assertQueue('jobs', { arguments: { 'x-message-tll': 1 } })
      await channel.assertExchange('orders', 'headers', { arguments: { 'alternative-exchange': 'x' } })
      await channel.bindQueue('jobs', 'orders', '', { 'x-mtach': 'any', a: 1 })
    },
    async unfired(kit) {
      await kit.bus.declareQueue('jobs')
      kit.faults.rejectConfirms('jobs', { times: 1 })
    },
  }

  test.each(Object.keys(cases))('%s', async (name) => {
    expect(await findings(cases[name] as (kit: TestKit) => unknown)).toMatchSnapshot()
  })

  test.each(Object.keys(cases))(
    '%s no more, once that is turned off',
    async (name) => {
      const [rule = ''] = name.split(/\W/)
      const strict = { [rule]: false, ...(name.startsWith('requeueLoops') && { unfinished: false, unacked: false }) }
      expect(await findings(cases[name] as (kit: TestKit) => unknown, { strict })).not.toContain(`${rule}:`)
    },
    20_000,
  )

  test.each(Object.keys(cases))('%s no more, once that is allowed', async (name) => {
    const [rule = ''] = name.split(/\W/)
    if (rule === 'unfinished') return
    const app = (kit: TestKit) => {
      kit.allow({ [rule]: true })
      return cases[name]?.(kit)
    }
    expect(await findings(app)).not.toContain(`${rule}:`)
  })
})

test('a broker that lost count of messages is told of', async () => {
  const app = async ({ broker, bus }: TestKit) => {
    await (await bus.declareQueue('q')).send(1)
    const { queues } = stateOf(broker).virtualHosts.get('/') ?? {}
    const { counters } = queues?.get('q') ?? {}
    if (counters !== undefined) counters.acked += 2
  }
  expect(await findings(app)).toContain(
    "leveret lost count of messages: a bug of leveret. Please report it.\n  - queue 'q': {",
  )
  expect(await findings(app, { strict: { conservation: false } })).toBe('nothing')
})

describe('what a test means', () => {
  test('is said by name or pattern, early or late', async () => {
    await testBroker(async (kit) => {
      kit.allow({ unroutable: ['nowhere', /^metrics\./g] })
      for (const name of ['nowhere', 'metrics.cpu', 'metrics.ram', 'other']) kit.bus.queue(name).publish(1)
      await expect(kit.verify()).rejects.toThrow(
        /a problem found.*'other'.*If that is meant: kit.allow\({ unroutable: 'other' }\)/s,
      )
    })
  })

  test('must be of a rule that there is', async () => {
    const kit = testBroker()
    expect(() => kit.allow({ unconsumd: 'x' } as object)).toThrow(
      "unknown option 'unconsumd'; did you mean 'unconsumed'?",
    )
    expect(() => kit.allow({ unacked: 5 } as object)).toThrow('true, a name, a RegExp, or an array of these, got 5')
    expect(() => testBroker({ strict: { unconsumd: false } as object })).toThrow(UnknownOptionError)
    expect(() => testBroker({ strict: { unacked: 'no' } as object })).toThrow('true or false')
    await kit[Symbol.asyncDispose]()
  })
})

describe('the end of a kit', () => {
  test('tells everything at once, and nothing twice', async () => {
    const kit = testBroker()
    kit.bus.queue('nowhere').publish(1)
    await expect(kit.verify()).rejects.toThrow('verify: a problem found')
    await kit.verify()
    const queue = await kit.bus.declareQueue('q')
    // biome-ignore lint/nursery/noFloatingPromises: this is what is found
    queue.send(1)
    kit.bus.queue('elsewhere').publish(1)
    await expect(kit[Symbol.asyncDispose]()).rejects.toThrow(/2 problems found.*unroutable.*'elsewhere'.*unawaited/s)
    expect(kit.broker.closed).toBe(true)
    await kit[Symbol.asyncDispose]()
  })

  test('asks nothing of a kit that is not strict', async () => {
    await testBroker(({ bus }) => bus.queue('nowhere').publish(1), { strict: false })
  })

  test('leaves a test that failed its own error, with what may be the reason', async () => {
    const error = new Error('expected 1 mail, got 0')
    const app = async (kit: TestKit) => {
      kit.bus.queue('nowhere').publish(1)
      throw error
    }
    await expect(testBroker(app)).rejects.toBe(error)
    expect(error.cause).toBeInstanceOf(TestFailedError)
    expect((error.cause as Error).message).toContain("there is no queue 'nowhere'")
  })

  test('leaves the error of the test beside its own, as it is told by await using', async () => {
    const failing = async () => {
      await using kit = testBroker()
      kit.bus.queue('nowhere').publish(1)
      throw new Error('mine')
    }
    await expect(failing()).rejects.toMatchObject({ suppressed: { message: 'mine' }, error: { code: 'TEST_FAILED' } })
  })
})
