/** Handles that are closed, or in use already. */
import type { Bus } from 'leveret'
import { describe, expect, it } from 'vitest'
import { turn } from '../../support/turn.js'
import { type ExpectedError, expectRefused, furnished } from '../../support/unchanged.js'
import { invalid } from './table.js'

describe('a handle that is closed refuses', () => {
  const closed = (message: string): ExpectedError => ({ code: 'CLOSED', message })
  it.each<[what: string, call: (bus: Bus) => unknown, expected: ExpectedError]>([
    [
      'send by a queue',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.send(1)),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'publish by a queue',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.publish(1)),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'get',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.get()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'info',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.info()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'bind',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.bind('topic', 'k')),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'createConsumer',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.createConsumer()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'createProducer',
      async (bus) => closedOne(bus.queue('plain'), (queue) => queue.createProducer()),
      closed("handle of queue 'plain' is closed"),
    ],
    [
      'send by an exchange',
      async (bus) => closedOne(bus.exchange('topic'), (exchange) => exchange.send('k', 1)),
      closed("handle of exchange 'topic' is closed"),
    ],
    [
      'bind of an exchange',
      async (bus) => closedOne(bus.exchange('topic'), (exchange) => exchange.bind('headers', '')),
      closed("handle of exchange 'topic' is closed"),
    ],
    [
      'send by a producer',
      async (bus) => closedOne(bus.queue('plain').createProducer(), (producer) => producer.send(1)),
      closed("producer of queue 'plain' is closed"),
    ],
    [
      'publish by a producer',
      async (bus) => closedOne(bus.exchange('topic').createProducer(), (producer) => producer.publish('k', 1)),
      closed("producer of exchange 'topic' is closed"),
    ],
    [
      'run',
      async (bus) => closedOne(bus.queue('plain').createConsumer(), (consumer) => consumer.run(() => 1)),
      closed("consumer '' of queue 'plain' is closed"),
    ],
  ])('%s', async (_what, call, expected) => {
    const { broker, host } = await furnished()
    await expectRefused(broker, () => call(host), expected)
  })

  it.each<[what: string, call: (bus: Bus) => unknown]>([
    ['declareQueue', (bus) => bus.declareQueue('q')],
    ['declareExchange', (bus) => bus.declareExchange('x', 'topic')],
    ['send', (bus) => bus.queue('plain').send(1)],
    ['publish', (bus) => bus.exchange<Record<string, number>>('topic').publish('k', 1)],
    ['createConsumer', (bus) => bus.queue('plain').createConsumer()],
    ['get with wait', (bus) => bus.queue('plain').get({ wait: true })],
  ])('%s on a bus', async (_what, call) => {
    const { broker } = await furnished()
    const bus = broker.connect({ name: 'mine' })
    await bus.close()
    await expectRefused(broker, () => call(bus), closed("connection 'mine' is closed"))
  })

  it('the second verb of a consumer', async () => {
    const { broker, host } = await furnished()
    const consumer = host.queue('plain').createConsumer({ consumerTag: 'tag' })
    consumer.consume(() => undefined)
    await turn()
    const expected = invalid("run: the consumer 'tag' of queue 'plain' is attached by 'consume' already")
    await expectRefused(broker, () => consumer.run(() => undefined), expected)
    expect(consumer.closed).toBe(false)
  })
})

async function closedOne<Handle extends { close(): Promise<unknown> }>(
  handle: Handle,
  call: (handle: Handle) => unknown,
): Promise<unknown> {
  await handle.close()
  return call(handle)
}
