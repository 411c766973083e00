// What a test lets go wrong, for applications that know amqplib only, and for the code with which they come back.
import { type AmqpConnectionManager, type ChannelWrapper, connect as connectManaged } from 'amqp-connection-manager'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { connect, reset, useBroker } from 'leveret/amqplib'
import { explore, type TestBrokerOptions, type TestKit, testBroker } from 'leveret/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openConnection } from '../../src/internal.js'

vi.mock('amqplib', () => import('leveret/amqplib'))

const managed: AmqpConnectionManager[] = []
afterEach(async () => {
  await Promise.all(managed.splice(0).map((connection) => connection.close()))
  await reset()
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

function kitOf(options: TestBrokerOptions = { strict: false }): TestKit {
  const kit = testBroker(options)
  useBroker(kit.broker)
  return kit
}

/** A connection of its own, and what it says of its end. */
async function open(name?: string) {
  const connection = await connect(
    'amqp://localhost',
    name === undefined ? {} : { clientProperties: { connection_name: name } },
  )
  const said: string[] = []
  connection.on('error', (error: Error) => said.push(`error: ${error.message}`))
  connection.on('close', (error?: Error) => said.push(`close: ${error?.message}`))
  const channel = await connection.createConfirmChannel()
  channel.on('error', (error: Error) => said.push(`channel: ${error.message}`))
  return { connection, channel, said }
}

describe('an application on amqplib', () => {
  test('gets a nack, and a confirm that comes late', async () => {
    await using kit = kitOf()
    const { channel } = await open()
    await channel.assertQueue('jobs')
    kit.faults.rejectConfirms('jobs')
    channel.sendToQueue('jobs', Buffer.from('1'))
    await expect(channel.waitForConfirms()).rejects.toThrow('message nacked')
    kit.faults.delayConfirms('jobs', { by: '1m' })
    channel.sendToQueue('jobs', Buffer.from('2'))
    let confirmed: number | undefined
    const waiting = channel.waitForConfirms().then(() => {
      confirmed = kit.now
    })
    await kit.advance('59s')
    expect(confirmed).toBeUndefined()
    await kit.advance('1s')
    await waiting
    expect(confirmed).toBe(60_000)
  })

  test('loses its connection by 541 when a message cannot be stored', async () => {
    await using kit = kitOf()
    const { channel, said } = await open()
    await channel.assertQueue('jobs')
    kit.faults.failStorage('jobs')
    channel.sendToQueue('jobs', Buffer.from('1'))
    await expect(channel.waitForConfirms()).rejects.toThrow('channel closed')
    await turn()
    expect(said[0]).toContain('Connection closed: 541 (INTERNAL-ERROR)')
    expect(said[1]).toMatch(/^close: /)
    expect(kit.bus.peek('jobs')).toEqual([])
    expect(kit.bus.overview().publishes.published).toBe(0)
  })

  test('loses what it had not committed when a message cannot be stored, and nothing is lost count of', async () => {
    await using kit = kitOf()
    await kit.bus.declareQueue('jobs')
    const closed: unknown[] = []
    const connection = openConnection(kit.broker, {}, { closed: (error) => closed.push(error.replyCode) })
    const ignored = { delivered() {}, cancelled() {}, returned() {}, confirmed() {}, closed() {} }
    const channel = connection.createChannel(ignored)
    channel.txSelect()
    for (const body of ['1', '2', '3']) channel.basicPublish('', 'jobs', Buffer.from(body))
    const fault = kit.faults.failStorage('jobs')
    expect(() => channel.txCommit()).toThrow('INTERNAL_ERROR')
    await turn()
    expect([closed, fault.fired]).toEqual([[541], 1])
    expect(kit.bus.overview().publishes).toMatchObject({ published: 0, routed: 0 })
    expect(kit.bus.peek('jobs')).toEqual([])
  })

  test('hears that it is blocked, and that it is not any more', async () => {
    await using kit = kitOf()
    const { connection, channel } = await open()
    await channel.assertQueue('jobs')
    const said: string[] = []
    connection.on('blocked', (reason) => said.push(reason))
    connection.on('unblocked', () => said.push('unblocked'))
    kit.faults.block()
    channel.sendToQueue('jobs', Buffer.from('1'))
    await turn()
    kit.faults.unblock()
    await channel.waitForConfirms()
    expect(said).toEqual(['low on memory', 'unblocked'])
  })

  test('hears of a consumer that is cancelled', async () => {
    await using kit = kitOf()
    const { channel } = await open()
    await channel.assertQueue('jobs')
    const heard: unknown[] = []
    await channel.consume('jobs', (message) => heard.push(message))
    kit.faults.cancelConsumer('jobs')
    await kit.settled()
    expect(heard).toEqual([null])
  })

  test('loses the connection that it named, and no other', async () => {
    await using kit = kitOf()
    const [worker, other] = [await open('worker'), await open('other')]
    expect(kit.faults.dropConnection('worker').fired).toBe(1)
    await turn()
    expect(worker.said).toEqual(['error: Unexpected close', 'close: Unexpected close'])
    expect(other.said).toEqual([])
    expect(() => kit.faults.dropConnection('wroker')).toThrow('no connection')
    expect(kit.faults.dropConnection().fired).toBe(1)
    await turn()
    expect(other.said).toHaveLength(2)
  })

  test('loses its connection after a delivery: an acknowledgement, however early, arrives nowhere', async () => {
    await using kit = kitOf()
    const { channel, said } = await open()
    await channel.assertQueue('jobs')
    const seen: string[] = []
    await channel.consume('jobs', (message) => {
      seen.push(String(message?.content))
      channel.ack(message as ConsumeMessage)
    })
    const fault = kit.faults.dropConnection({ after: 'delivery', queue: 'jobs', times: 3 })
    for (const body of ['1', '2', '3']) channel.sendToQueue('jobs', Buffer.from(body))
    await turn()
    await turn()
    expect(seen).toEqual(['1'])
    expect(said).toEqual(['error: Unexpected close', 'close: Unexpected close'])
    expect(fault.fired).toBe(1)
    const back = []
    for (let left = 3; left > 0; left--) {
      const delivery = await kit.bus.queue('jobs').get()
      back.push([String(delivery?.content), delivery?.redelivered])
    }
    // The others were on their way.
    expect(back).toEqual([
      ['1', true],
      ['2', true],
      ['3', true],
    ])
  })

  test('loses its connection before a delivery, and never sees it', async () => {
    await using kit = kitOf()
    const { channel, said } = await open()
    await channel.assertQueue('jobs')
    const seen: unknown[] = []
    await channel.consume('jobs', (message) => seen.push(message))
    const fault = kit.faults.dropConnection({ before: 'delivery' })
    await kit.bus.queue('jobs').send(1)
    await turn()
    expect([seen, fault.fired]).toEqual([[], 1])
    expect(said).toEqual(['error: Unexpected close', 'close: Unexpected close'])
    expect((await kit.bus.queue('jobs').get())?.redelivered).toBe(true)
  })

  test('gets a message twice, and messages out of order', async () => {
    await using kit = kitOf()
    const { channel } = await open()
    await channel.assertQueue('jobs')
    const seen: unknown[] = []
    await channel.consume('jobs', (message) => {
      seen.push([String(message?.content), message?.fields.redelivered])
      channel.ack(message as ConsumeMessage)
    })
    kit.faults.duplicate('jobs')
    channel.sendToQueue('jobs', Buffer.from('1'))
    await kit.settled()
    kit.faults.reorder('jobs')
    for (const body of ['2', '3']) channel.sendToQueue('jobs', Buffer.from(body))
    await kit.settled()
    expect(seen).toEqual([
      ['1', false],
      ['1', true],
      ['3', false],
      ['2', false],
    ])
  })
})

/** An application that sends again what was not confirmed, and consumes anew, by amqp-connection-manager. */
class Jobs {
  readonly done: number[] = []
  readonly #channel: ChannelWrapper
  readonly #connection: AmqpConnectionManager

  static async open(): Promise<Jobs> {
    const connection = connectManaged('amqp://localhost', {
      heartbeatIntervalInSeconds: 0,
      reconnectTimeInSeconds: 0.001,
    })
    managed.push(connection)
    const jobs = new Jobs(connection)
    await jobs.#channel.waitForConnect()
    return jobs
  }

  private constructor(connection: AmqpConnectionManager) {
    this.#connection = connection
    this.#channel = connection.createChannel({
      setup: async (channel: ConfirmChannel) => {
        await channel.assertQueue('jobs')
        await channel.consume('jobs', (message) => {
          if (message === null) return
          this.done.push(Number(message.content))
          channel.ack(message)
        })
      },
    })
    this.#channel.on('error', () => undefined)
  }

  async send(id: number): Promise<void> {
    for (;;) {
      const sent = this.#channel.sendToQueue('jobs', Buffer.from(String(id)))
      if (
        await sent.then(
          () => true,
          () => false,
        )
      )
        return
    }
  }

  next(event: 'connect' | 'disconnect'): Promise<unknown> {
    return new Promise((resolve) => this.#connection.once(event as 'connect', resolve))
  }
}

describe('amqp-connection-manager', () => {
  test.each(['before', 'after'] as const)('comes back when it is lost %s deliveries, and misses none', async (when) => {
    await using kit = kitOf()
    const jobs = await Jobs.open()
    const fault = kit.faults.dropConnection({ [when]: 'delivery', queue: 'jobs', times: 3 })
    await Promise.all([1, 2, 3, 4].map((id) => jobs.send(id)))
    await vi.waitFor(() => {
      expect(fault.remaining).toBe(0)
      expect(new Set(jobs.done)).toEqual(new Set([1, 2, 3, 4]))
    })
    // What was lost after its delivery comes again.
    if (when === 'after') expect(jobs.done.length).toBeGreaterThan(4)
    expect(kit.faults.unfired).toEqual([])
  })

  test('sends again what was refused or could not be stored', async () => {
    await using kit = kitOf()
    const jobs = await Jobs.open()
    const faults = [kit.faults.rejectConfirms('jobs', { times: 2 }), kit.faults.failStorage('jobs')]
    await Promise.all([1, 2, 3].map((id) => jobs.send(id)))
    await vi.waitFor(() => expect(jobs.done.sort()).toEqual([1, 2, 3]))
    expect(faults.map(({ remaining }) => remaining)).toEqual([0, 0])
  })
})

describe('explore', () => {
  test('finds a race of two connections of amqplib, keeps the order of each, and gives it again', async () => {
    const seeds: number[] = []
    const racing = async (kit: TestKit) => {
      useBroker(kit.broker)
      const seen: string[] = []
      for (const name of ['paid', 'shipped']) {
        const { channel } = await open()
        await channel.assertQueue(name)
        await channel.consume(name, (message) => {
          void Promise.resolve().then(() => {
            seen.push(`${name} ${message?.content}`)
            channel.ack(message as ConsumeMessage)
          })
        })
      }
      const { channel } = await open()
      for (const body of ['1', '2']) {
        for (const name of ['paid', 'shipped']) channel.sendToQueue(name, Buffer.from(body))
      }
      await kit.settled()
      for (const name of ['paid', 'shipped']) {
        expect(seen.filter((each) => each.startsWith(name))).toEqual([`${name} 1`, `${name} 2`])
      }
      if (seen[0] === 'shipped 1') throw new Error(seen.join())
    }
    const messages = new Set<string>()
    for (let seed = 0; seed < 30; seed++) {
      await explore(racing, { seed, runs: 1, kit: { strict: false } }).catch((error) => {
        seeds.push(seed)
        messages.add(error.cause.message)
      })
    }
    expect(seeds.length).toBeGreaterThan(5)
    expect(seeds.length).toBeLessThan(25)
    expect(messages.size).toBeGreaterThan(1)
    for (const message of messages) expect(message).toMatch(/^shipped 1/)
    const failing = explore(racing, { seed: seeds[0] as number, runs: 1, kit: { strict: false } })
    await expect(failing).rejects.toThrow('shipped 1')
  })

  test('keeps the order of one connection, whichever channels its messages come by', async () => {
    await explore(
      async (kit) => {
        useBroker(kit.broker)
        const { connection } = await open()
        const seen: string[] = []
        for (const name of ['a', 'b', 'c']) {
          const channel = await connection.createChannel()
          await channel.assertQueue(name)
          await channel.consume(name, () => void seen.push(name), { noAck: true })
        }
        for (const name of ['c', 'a', 'b']) kit.bus.queue(name).publish(Buffer.from('1'))
        await kit.settled()
        expect(seen).toEqual(['c', 'a', 'b'])
      },
      { runs: 20, kit: { strict: false } },
    )
  })

  test('loses connections when asked to', async () => {
    let lost = 0
    await explore(
      async (kit) => {
        useBroker(kit.broker)
        const done = new Set<string>()
        let over = false
        const work = async (): Promise<void> => {
          const connection = await connect('amqp://localhost')
          connection.on('error', () => undefined)
          connection.on('close', () => {
            // As it may be lost before it is set up.
            if (!over) work().catch(() => undefined)
            lost++
          })
          const channel = await connection.createChannel()
          await channel.assertQueue('jobs')
          await channel.consume('jobs', (message) => {
            if (message === null) return
            void Promise.resolve().then(() => {
              done.add(String(message.content))
              try {
                channel.ack(message)
              } catch {
                // It comes again.
              }
            })
          })
        }
        await kit.bus.declareQueue('jobs', { durable: true })
        await work().catch(() => undefined)
        for (const body of ['1', '2', '3']) kit.bus.queue('jobs').publish(Buffer.from(body))
        for (let turns = 0; turns < 3000 && done.size < 3; turns++) await turn()
        await kit.settled()
        over = true
        expect([...done].sort()).toEqual(['1', '2', '3'])
      },
      { crashes: 0.3, runs: 30, kit: { strict: false } },
    )
    expect(lost).toBeGreaterThan(10)
  })
})
