// amqp-connection-manager, as it is on npm, on leveret/amqplib: its everyday use, and what it makes of connections that are
// lost while publishes are unconfirmed and deliveries unacknowledged.
import { type AmqpConnectionManager, type ChannelWrapper, connect } from 'amqp-connection-manager'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { Broker } from 'leveret'
import { brokerOf, dropConnections, reset, useBroker } from 'leveret/amqplib'
import { afterEach, describe, expect, test, vi } from 'vitest'

vi.mock('amqplib', () => import('leveret/amqplib'))

let connections: AmqpConnectionManager[] = []
afterEach(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  connections = []
  await reset()
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

function open(): AmqpConnectionManager {
  const connection = connect('amqp://localhost', { heartbeatIntervalInSeconds: 0, reconnectTimeInSeconds: 0.001 })
  connections.push(connection)
  return connection
}

const next = (emitter: AmqpConnectionManager, event: 'connect' | 'disconnect' | 'connectFailed') =>
  new Promise<unknown>((resolve) => emitter.once(event as 'connect', resolve))

/** An application that sends, and sends again what was not confirmed; and one that works, and acknowledges what it did. */
class Jobs {
  readonly channel: ChannelWrapper
  readonly sent = new Map<number, number>()
  readonly seen: { readonly id: number; readonly redelivered: boolean }[] = []
  readonly done = new Set<number>()
  readonly #sending: Promise<void>[] = []

  static async open(connection: AmqpConnectionManager, work: () => Promise<unknown> = turn): Promise<Jobs> {
    const jobs = new Jobs(
      connection.createChannel({ json: true, setup: (channel: ConfirmChannel) => channel.assertQueue('jobs') }),
    )
    await jobs.channel.waitForConnect()
    const consumer = connection.createChannel({
      setup: async (channel: ConfirmChannel) => {
        await channel.assertQueue('jobs')
        await channel.prefetch(5)
        await channel.consume('jobs', (message) => void jobs.#perform(channel, message as ConsumeMessage, work))
      },
    })
    consumer.on('error', () => undefined)
    await consumer.waitForConnect()
    return jobs
  }

  private constructor(channel: ChannelWrapper) {
    this.channel = channel
    // It reports every connection that is lost while it sets its channel up.
    channel.on('error', () => undefined)
  }

  async #perform(channel: ConfirmChannel, message: ConsumeMessage, work: () => Promise<unknown>): Promise<void> {
    const { id } = JSON.parse(message.content.toString())
    this.seen.push({ id, redelivered: message.fields.redelivered })
    await work()
    try {
      channel.ack(message)
    } catch {
      return // the channel is gone: the message comes again
    }
    this.done.add(id)
  }

  send(id: number): void {
    this.#sending.push(this.#untilConfirmed(id))
  }

  async #untilConfirmed(id: number): Promise<void> {
    for (;;) {
      this.sent.set(id, (this.sent.get(id) ?? 0) + 1)
      const sent = await this.channel.sendToQueue('jobs', { id }).then(
        () => true,
        () => false,
      )
      if (sent) return
    }
  }

  /** Resolves when everything is sent and worked on. */
  async settle(): Promise<void> {
    await Promise.all(this.#sending)
    const bus = brokerOf().virtualHost('/')
    await vi.waitFor(() => {
      const { ready, unacked } = bus.overview().queues.find(({ name }) => name === 'jobs')?.stats ?? {}
      expect({ ready, unacked }).toEqual({ ready: 0, unacked: 0 })
    })
  }

  /** Deliveries of a message that claim to be its first. */
  firsts(id: number): number {
    return this.seen.filter((delivery) => delivery.id === id && !delivery.redelivered).length
  }
}

describe('amqp-connection-manager on leveret/amqplib', () => {
  test('publishes to an exchange and consumes', async () => {
    const channel = open().createChannel({
      json: true,
      setup: async (raw: ConfirmChannel) => {
        await raw.assertExchange('orders', 'topic')
        await raw.assertQueue('audit')
        await raw.bindQueue('audit', 'orders', 'order.*')
      },
    })
    const received = new Promise<ConsumeMessage>((resolve) => void channel.consume('audit', resolve))
    await channel.publish('orders', 'order.created', { id: 1 }, { contentType: 'application/json', type: 'order' })
    const message = await received
    expect(JSON.parse(message.content.toString())).toEqual({ id: 1 })
    expect(message.properties).toMatchObject({ contentType: 'application/json', type: 'order' })
    expect(message.fields).toMatchObject({ exchange: 'orders', routingKey: 'order.created', redelivered: false })
    channel.ack(message)
    await channel.close()
    expect(brokerOf().virtualHost('/').peek('audit')).toEqual([])
  })

  test('sends what was sent before there was a connection', async () => {
    const channel = open().createChannel({ json: true, setup: (raw: ConfirmChannel) => raw.assertQueue('jobs') })
    await Promise.all([1, 2, 3].map((id) => channel.sendToQueue('jobs', { id })))
    expect(brokerOf().virtualHost('/').peek('jobs', 9)).toHaveLength(3)
  })

  test('hears that nobody is there, and connects when somebody is', async () => {
    const gone = new Broker()
    await gone.close()
    useBroker(gone)
    const connection = open()
    expect(await next(connection, 'connectFailed')).toMatchObject({ err: { code: 'ECONNREFUSED' } })
    useBroker(new Broker())
    await next(connection, 'connect')
    expect(connection.isConnected()).toBe(true)
  })

  test('gets back what it had not acknowledged, in order and flagged redelivered', async () => {
    const connection = open()
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const jobs = await Jobs.open(connection, () => held)
    for (let id = 1; id <= 8; id++) jobs.send(id)
    await vi.waitFor(() => expect(jobs.seen).toHaveLength(5))
    const first = jobs.seen.splice(0)
    expect(first).toEqual([1, 2, 3, 4, 5].map((id) => ({ id, redelivered: false })))

    dropConnections()
    expect(await next(connection, 'disconnect')).toMatchObject({ err: { message: 'Unexpected close' } })
    await vi.waitFor(() => expect(jobs.seen).toHaveLength(5))
    release()
    await jobs.settle()
    expect(jobs.seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((id) => ({ id, redelivered: id <= 5 })))
    expect(jobs.done.size).toBe(8)
  })

  test('is told of every publish that was not confirmed when the connection was lost, whether it had arrived or not', async () => {
    const connection = open()
    const jobs = await Jobs.open(connection)
    jobs.send(1)
    dropConnections()
    jobs.send(2)
    await next(connection, 'connect')
    await jobs.settle()
    expect([...jobs.sent]).toEqual([
      [1, 2],
      [2, 2],
    ])
    // The first had arrived, and was on its way to the consumer of the lost connection; the second had not.
    expect(jobs.seen).toEqual([
      { id: 1, redelivered: true },
      { id: 1, redelivered: false },
      { id: 2, redelivered: false },
    ])
    expect(jobs.done).toEqual(new Set([1, 2]))
  })

  test('loses nothing that an alarmed broker had not read when the connection was lost', async () => {
    const connection = open()
    const jobs = await Jobs.open(connection)
    const broker = brokerOf()
    broker.setAlarm('memory')
    jobs.send(1)
    await new Promise((resolve) => connection.once('blocked', resolve))
    jobs.send(2)
    jobs.send(3)
    await turn()
    broker.clearAlarm('memory')
    dropConnections()
    await next(connection, 'connect')
    await jobs.settle()
    expect(jobs.done).toEqual(new Set([1, 2, 3]))
  })

  test('is told by which operator its connection was closed, and gets back what it had not acknowledged', async () => {
    const connection = open()
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const jobs = await Jobs.open(connection, () => held)
    for (let id = 1; id <= 8; id++) jobs.send(id)
    await vi.waitFor(() => expect(jobs.seen).toHaveLength(5))
    jobs.seen.splice(0)

    brokerOf().virtualHost('/').closeConnections('maintenance')
    jobs.send(9)
    const text = 'Connection closed: 320 (CONNECTION-FORCED) with message "CONNECTION_FORCED - maintenance"'
    expect(await next(connection, 'disconnect')).toMatchObject({ err: { message: text, code: 320 } })
    await vi.waitFor(() => expect(jobs.seen).toHaveLength(5))
    release()
    await jobs.settle()
    expect(jobs.seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => ({ id, redelivered: id <= 5 })))
    expect(jobs.done.size).toBe(9)
  })

  const losses = [
    ['lost', dropConnections],
    ['closed by an operator', () => brokerOf().virtualHost('/').closeConnections('maintenance')],
  ] as const
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
  test.each(losses.flatMap(([how, lose]) => seeds.map((seed) => [how, seed, lose] as const)))(
    'loses nothing and doubles nothing unflagged, wherever connections are %s (seed %i)',
    async (_, seed, lose) => {
      let state = seed
      const random = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
        return (state >>> 16) % below
      }
      const connection = open()
      const jobs = await Jobs.open(connection, async () => {
        for (let turns = random(4); turns > 0; turns--) await turn()
      })
      let id = 0
      for (let round = 0; round < 12; round++) {
        for (let burst = random(20); burst > 0; burst--) jobs.send(++id)
        for (let ticks = random(12); ticks > 0; ticks--) await undefined
        for (let turns = random(3); turns > 0; turns--) await turn()
        lose()
        for (let burst = random(5); burst > 0; burst--) jobs.send(++id)
        if (random(2) === 1) await next(connection, 'connect')
      }
      await jobs.settle()
      expect(jobs.done.size).toBe(id)
      for (let each = 1; each <= id; each++) {
        expect(jobs.firsts(each)).toBeLessThanOrEqual(jobs.sent.get(each) ?? 0)
      }
      // Both ways to double were there.
      expect(jobs.seen.some(({ redelivered }) => redelivered)).toBe(true)
      expect([...jobs.sent.values()].some((times) => times > 1)).toBe(true)
    },
  )
})
