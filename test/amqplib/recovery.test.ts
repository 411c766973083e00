// The option `recovery`: connections that are lost are made anew.
import { Broker } from 'leveret'
import {
  type ChannelModel,
  connect,
  dropConnections,
  type RecoveringChannelModel,
  reset,
  useBroker,
} from 'leveret/amqplib'
import { afterEach, expect, test } from 'vitest'

afterEach(reset)

const next = (model: RecoveringChannelModel, event: string): Promise<unknown> =>
  new Promise((resolve) => model.once(event, resolve))

test('a dropped connection comes back, set up as before', async () => {
  const setups: number[] = []
  const model = await connect('amqp://localhost', {
    recovery: {
      initialDelay: 1,
      jitter: 0,
      setup: async (connection: ChannelModel) => {
        await (await connection.createChannel()).assertQueue('q')
        setups.push(1)
      },
    },
  })
  const said: unknown[] = []
  model.on('error', (error) => said.push(['error', error.message]))
  model.on('disconnect', (error) => said.push(['disconnect', error.message]))
  model.on('reconnect-scheduled', ({ attempt, delay }) => said.push(['scheduled', attempt, delay]))
  const back = next(model, 'connect')
  dropConnections()
  // n.b. the client does not know yet.
  await expect(model.createChannel()).rejects.toThrow('Channel ended, no reply will be forthcoming')
  const channel = model.createChannel()
  await back
  expect(said).toEqual([
    ['error', 'Unexpected close'],
    ['disconnect', 'Unexpected close'],
    ['scheduled', 1, 1],
  ])
  expect(setups).toHaveLength(2)
  expect(await (await channel).checkQueue('q')).toBeDefined()
  await model.close()
  await expect(model.createChannel()).rejects.toThrow('Connection closed')
})

test('it gives up after so many attempts, and says why', async () => {
  const broker = new Broker()
  await broker.close()
  useBroker(broker)
  const delays: number[] = []
  const model = await connect('amqp://localhost', {
    recovery: { maxRetries: 2, waitForConnect: false, calculateDelay: (attempt) => attempt * 2 },
  })
  model.on('reconnect-scheduled', ({ delay }) => delays.push(delay))
  const failed = next(model, 'reconnect-failed')
  const first = model.waitForConnect()
  await expect(first).rejects.toThrow('ECONNREFUSED')
  expect(await failed).toMatchObject({ code: 'ECONNREFUSED' })
  expect(delays).toEqual([2, 4])
  await expect(model.createConfirmChannel()).rejects.toThrow('ECONNREFUSED')
})

test('a delay that is none ends it', async () => {
  const broker = new Broker()
  await broker.close()
  useBroker(broker)
  const refused = connect('amqp://localhost', { recovery: { calculateDelay: () => Number.NaN } })
  await expect(refused).rejects.toThrow(
    'calculateDelay must return a finite, non-negative number of milliseconds (got NaN)',
  )
})

test('a first connection may be given up sooner', async () => {
  const broker = new Broker()
  await broker.close()
  useBroker(broker)
  const refused = connect('amqp://localhost', { recovery: { initialMaxRetries: 0 } })
  await expect(refused).rejects.toThrow('ECONNREFUSED')
})

test('true asks for the defaults, and a close ends the wait for the first connection', async () => {
  const model = await connect('amqp://localhost', { recovery: true })
  expect(await (await model.createChannel()).assertQueue('q')).toBeDefined()
  await model.updateSecret(Buffer.from('n'), 'because')
  await model.close()
  const waiting = await connect('amqp://localhost', { recovery: { waitForConnect: false } })
  const first = expect(waiting.waitForConnect()).rejects.toThrow('Connection closed')
  await waiting.close()
  await first
})
