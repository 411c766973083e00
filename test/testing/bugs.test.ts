// Ten bugs of consumers that everybody has written once, each with the test that finds it. What the corrected program does
// passes the same test.
import amqp, { type Channel, reset, useBroker } from 'leveret/amqplib'
import { explore, type TestKit, testBroker } from 'leveret/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { ackBeforeWork } from './bugs/ack-before-work.js'
import { doubleAck } from './bugs/double-ack.js'
import { forgottenAck } from './bugs/forgotten-ack.js'
import { leakingConsumer } from './bugs/leaking-consumer.js'
import { lostError } from './bugs/lost-error.js'
import { missingDeadLetterExchange } from './bugs/missing-dead-letter-exchange.js'
import { nonIdempotentHandler } from './bugs/non-idempotent-handler.js'
import { orderAssumption } from './bugs/order-assumption.js'
import { requeueLoop } from './bugs/requeue-loop.js'
import { unawaitedSend } from './bugs/unawaited-send.js'

afterEach(() => reset())

/** What a test is told, without the folders of this machine and the names that brokers make up. */
async function told(run: Promise<unknown>): Promise<string> {
  const error: unknown = await run.then(
    () => undefined,
    (reason) => reason,
  )
  if (error === undefined) return 'nothing'
  return (error as Error).message
    .replace(/(?:\/\S*)?\/?(test\/testing\/\S+?\.ts):\d+:\d+/g, (_, file: string) =>
      file.replace(/^test\/testing\//, ''),
    )
    .replaceAll(/amq\.ctag-[\w-]+/g, 'amq.ctag-…')
}

async function channelOf(kit: TestKit): Promise<Channel> {
  useBroker(kit.broker)
  const connection = await amqp.connect('amqp://localhost')
  const channel = await connection.createChannel()
  channel.on('error', () => undefined)
  return channel
}

/** Its first call fails. */
function failingOnce() {
  let calls = 0
  return async () => {
    if (++calls === 1) throw new Error('the bank is closed')
  }
}

const failing = () => {
  throw new Error('the bank is closed')
}

type App = (kit: TestKit, app: 'buggy' | 'corrected') => unknown

/** The tests, each of one program. */
const bugs: Record<string, (which: 'buggy' | 'corrected') => Promise<unknown>> = {
  'ack before work': withKit(async (kit, app) => {
    await ackBeforeWork[app](kit.bus, failingOnce())
    await kit.bus.queue('orders').send('a book')
    await kit.advance('1m')
  }),

  'forgotten ack on a branch': withKit(async (kit, app) => {
    await forgottenAck[app](kit.bus, () => undefined)
    await kit.bus.queue('orders').send({ amount: 0 })
  }),

  'forgotten ack on a branch, with amqplib': withKit(async (kit, app) => {
    const channel = await channelOf(kit)
    await forgottenAck[`${app}Amqplib`](channel, () => undefined)
    channel.sendToQueue('orders', Buffer.from('{"amount":0}'))
  }),

  'double ack': withKit(async (kit, app) => {
    await doubleAck[app](kit.bus, () => undefined)
    await kit.bus.queue('orders').send('a book')
  }),

  'double ack, with amqplib': withKit(async (kit, app) => {
    const channel = await channelOf(kit)
    await doubleAck[`${app}Amqplib`](channel, () => undefined)
    channel.sendToQueue('orders', Buffer.from('a book'))
  }),

  'requeue loop': withKit(async (kit, app) => {
    await requeueLoop[app](kit.bus, failing)
    await kit.bus.queue('orders').send('a book')
    await kit.settled()
  }),

  'requeue loop, with amqplib': withKit(async (kit, app) => {
    const channel = await channelOf(kit)
    await requeueLoop[`${app}Amqplib`](channel, failing)
    channel.sendToQueue('orders', Buffer.from('a book'))
    await kit.settled()
  }),

  'lost error': withKit(async (kit, app) => {
    await lostError[app](kit.bus, failing)
    await kit.bus.queue('orders').send('a book')
    await kit.deadLettered.any({ queue: 'orders', body: 'a book' })
  }),

  'order assumption': (which) =>
    explore(async (kit) => {
      let last = ''
      await orderAssumption[which](kit.bus, (status) => {
        last = status
      })
      const changes = kit.bus.queue<string>('changes')
      for (const status of ['created', 'paid', 'shipped']) changes.publish(status)
      await kit.settled()
      if (last !== 'shipped') throw new Error(`the order was shipped, and its last status is '${last}'`)
    }),

  'non-idempotent handler': (which) =>
    explore(
      async (kit) => {
        let paid = 0
        await nonIdempotentHandler[which](kit.bus, (amount) => {
          paid += amount
        })
        await kit.bus.queue('payments').send(10, { messageId: 'p1' })
        await kit.settled()
        if (paid !== 10) throw new Error(`10 were to be paid, and ${paid} were`)
      },
      { redeliveries: 0.5, runs: 20 },
    ),

  'unawaited send': withKit(async (kit, app) => {
    await unawaitedSend[app](kit.bus)
    await kit.bus.queue('orders').send('a book')
  }),

  'missing dead-letter exchange': withKit(async (kit, app) => {
    await missingDeadLetterExchange[app](kit.bus)
    await kit.bus.queue('orders').send({})
  }),

  'missing dead-letter exchange, with amqplib': withKit(async (kit, app) => {
    const channel = await channelOf(kit)
    await missingDeadLetterExchange[`${app}Amqplib`](channel)
    channel.sendToQueue('orders', Buffer.from('{}'))
  }),

  'leaking consumer': withKit(async (kit, app) => {
    const nextReport = await leakingConsumer[app](kit.bus)
    for (const report of ['monday', 'tuesday']) {
      await kit.bus.queue('reports').send(report)
      await Promise.race([nextReport(), kit.settled()])
    }
  }),

  'leaking consumer, with amqplib': withKit(async (kit, app) => {
    const channel = await channelOf(kit)
    const nextReport = await leakingConsumer[`${app}Amqplib`](channel)
    for (const report of ['monday', 'tuesday']) {
      channel.sendToQueue('reports', Buffer.from(report))
      await Promise.race([nextReport(), kit.settled()])
    }
  }),
}

function withKit(app: App): (which: 'buggy' | 'corrected') => Promise<unknown> {
  // n.b. where a delivery is never settled, the kit waits as long.
  return (which) => testBroker((kit) => app(kit, which), which === 'buggy' ? { timeout: 400 } : {})
}

describe('the kit finds', () => {
  test.each(Object.keys(bugs))('%s', async (name) => {
    expect(await told(bugs[name]?.('buggy') as Promise<unknown>)).toMatchSnapshot()
  })
})

describe('the kit is silent about the corrected program of', () => {
  test.each(Object.keys(bugs))('%s', async (name) => {
    expect(await told(bugs[name]?.('corrected') as Promise<unknown>)).toBe('nothing')
  })
})
