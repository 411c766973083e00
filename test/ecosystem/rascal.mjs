// rascal on leveret/amqplib: publish and subscribe, its ways to recover, returned messages, a connection that is lost.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, test } from 'node:test'
import { brokerOf, dropConnections, reset } from 'leveret/amqplib'
import rascal from 'rascal'

const config = {
  vhosts: {
    '/': {
      connection: { url: 'amqp://guest:guest@localhost:5672/', retry: { min: 1, max: 5, factor: 1 } },
      exchanges: { orders: { type: 'topic' } },
      queues: {
        placed: { options: { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'refused' } } },
        refused: {},
      },
      bindings: ['orders[order.*] -> placed'],
      publications: {
        place: { exchange: 'orders', routingKey: 'order.placed' },
        astray: { exchange: 'orders', routingKey: 'nobody', options: { mandatory: true } },
      },
      subscriptions: { placed: { queue: 'placed', prefetch: 3, retry: { min: 1, max: 5, factor: 1 } } },
    },
  },
}

let broker
async function open() {
  broker = await rascal.BrokerAsPromised.create(rascal.withDefaultConfig(config))
  broker.on('error', () => undefined)
  return broker
}

afterEach(async () => {
  await broker.shutdown()
  await reset()
})

const stats = (name) => {
  const { ready, unacked } = brokerOf()
    .virtualHost('/')
    .overview()
    .queues.find((queue) => queue.name === name).stats
  return { ready, unacked }
}

/** Waits until it is so, a second at most. */
async function until(isSo) {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 200, `expected ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function publish(body, name = 'place') {
  const publication = await broker.publish(name, body)
  publication.on('error', () => undefined)
  return publication
}

async function subscribe(onMessage) {
  const subscription = await broker.subscribe('placed')
  subscription.on('message', onMessage).on('error', () => undefined)
  return subscription
}

test('publishes with a confirm, and hands bodies over by their content type', async () => {
  await open()
  const seen = []
  await subscribe((message, content, ackOrNack) => {
    seen.push([message.fields.routingKey, content])
    ackOrNack()
  })
  const [messageId] = await once(await publish({ id: 1 }), 'success')
  assert.match(messageId, /^[\w-]{36}$/)
  await once(await publish('text'), 'success')
  await until(() => seen.length === 2)
  assert.deepEqual(seen, [
    ['order.placed', { id: 1 }],
    ['order.placed', 'text'],
  ])
  await until(() => stats('placed').unacked === 0)
})

test('reports a message that reaches no queue as returned', async () => {
  await open()
  const [message] = await once(await publish('lost', 'astray'), 'return')
  assert.equal(message.fields.replyCode, 312)
})

test('republishes a failed message, and dead-letters it in the end', async () => {
  await open()
  let tries = 0
  await subscribe((_message, _content, ackOrNack) => {
    tries++
    ackOrNack(new Error('not yet'), [{ strategy: 'republish', defer: 1, attempts: 2 }, { strategy: 'nack' }])
  })
  await publish({ id: 1 })
  await until(() => stats('refused').ready === 1)
  assert.equal(tries, 3)
  assert.deepEqual(stats('placed'), { ready: 0, unacked: 0 })
})

test('comes back after a lost connection: what was unacknowledged comes again, flagged, and nothing else twice', async () => {
  await open()
  const seen = []
  const held = []
  await subscribe((message, content, ackOrNack) => {
    seen.push({ id: content.id, redelivered: message.fields.redelivered })
    if (seen.length <= 3) held.push(ackOrNack)
    else ackOrNack()
  })
  for (let id = 1; id <= 5; id++) await once(await publish({ id }), 'success')
  await until(() => seen.length === 3)
  dropConnections()
  await until(() => seen.length === 8)
  const ids = (redelivered) => seen.filter((each) => each.redelivered === redelivered).map(({ id }) => id)
  assert.deepEqual(ids(false), [1, 2, 3, 4, 5])
  assert.deepEqual(ids(true), [1, 2, 3])
  await once(await publish({ id: 6 }), 'success')
  await until(() => seen.length === 9)
  await until(() => stats('placed').unacked === 0)
})
