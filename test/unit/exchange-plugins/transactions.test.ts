/** A transaction routes what is published before it commits (TX-03), so a delay begins with the publish, as in RabbitMQ. */
import { delayedMessage } from 'leveret/exchange-types'
import { testBroker } from 'leveret/testing'
import { expect, test } from 'vitest'
import { openConnection } from '../../../src/internal.js'

test('a message that an exchange holds goes its way beside the transaction, and every other is counted once', async () => {
  await using kit = testBroker({ exchangeTypes: [delayedMessage] })
  kit.allow({ unroutable: ['nowhere', 'k'] })
  const { bus } = kit
  const x = await bus.declareExchange('x', 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } })
  const queue = await bus.declareQueue('q', { bindings: [x.key('k')] })
  const connection = openConnection(
    kit.broker,
    { channelMax: 0 },
    { closed: () => undefined, blocked: () => undefined },
  )
  const ignore = () => undefined
  const channel = connection.createChannel({
    delivered: ignore,
    cancelled: ignore,
    returned: ignore,
    confirmed: ignore,
    closed: ignore,
  })
  channel.txSelect()
  channel.basicPublish('', 'nowhere', 1)
  channel.basicPublish('x', 'k', 2, { headers: { 'x-delay': 10 } })
  channel.txCommit()
  // The held one counts of its own, and as unroutable: the transaction has no queue for it.
  expect(bus.overview().publishes).toMatchObject({ published: 3, unroutable: 2, held: 1 })
  await kit.advance(10)
  expect(bus.peek(queue).map(({ body }) => body)).toEqual([2])
  expect(bus.overview().publishes).toMatchObject({ published: 3, unroutable: 2, routed: 1, held: 0 })
})
