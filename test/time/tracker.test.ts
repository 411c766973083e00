// The port by which a test kit will follow causality: unused, and as good as free, until somebody installs it.
import { describe, expect, test } from 'vitest'
import { BrokerState } from '../../src/broker/broker-state.js'
import type { Tracker } from '../../src/broker/services.js'
import { LocalConnection } from '../../src/channel/connection.js'
import type { Delivery } from '../../src/delivery.js'
import { BUILT_IN_EXCHANGE_TYPES } from '../../src/exchange-types/registry.js'
import { Bus } from '../../src/handles/bus.js'
import type { Message } from '../../src/message.js'
import { BUILT_IN_QUEUE_ARGUMENTS } from '../../src/queue-arguments/registry.js'
import { ManualClock } from '../support/manual-clock.js'
import { microtasks } from './fakes.js'

function start() {
  const state = new BrokerState({
    clock: new ManualClock(),
    exchangeTypes: new Map(BUILT_IN_EXCHANGE_TYPES.map((type) => [type.name, type])),
    queueArguments: BUILT_IN_QUEUE_ARGUMENTS,
    bodies: 'reference',
    highWatermark: Number.POSITIVE_INFINITY,
    compatibility: '4.3',
  })
  const calls: string[] = []
  const tracker: Tracker = {
    published: (message) => void calls.push(`published ${(message as Message).body}`),
    entering: (delivery) => void calls.push(`entering ${(delivery as Delivery).body}`),
    left: (delivery) => void calls.push(`left ${(delivery as Delivery).body}`),
  }
  const bus = new Bus(new LocalConnection(state, state.virtualHost('/'), 'test'))
  return { state, bus, tracker, calls }
}

test('there is no tracker by default', () => {
  expect(start().state.tracker).toBeUndefined()
})

describe('a tracker', () => {
  test('hears of the publish, then of the hand-over, then of the settlement', async () => {
    const { state, bus, tracker, calls } = start()
    state.tracker = tracker
    const queue = await bus.declareQueue('q')
    queue.createConsumer().consume((delivery) => {
      calls.push(`handler ${delivery.body}`)
      delivery.ack()
      calls.push(`handler ends ${delivery.body}`)
    })
    queue.publish('a')
    expect(calls).toEqual(['published a'])
    await microtasks()
    expect(calls.splice(0)).toEqual(['published a', 'entering a', 'handler a', 'left a', 'handler ends a'])
  })

  test('hears what a handler publishes between entering and leaving', async () => {
    const { state, bus, tracker, calls } = start()
    state.tracker = tracker
    const [first, second] = [await bus.declareQueue('first'), await bus.declareQueue('second')]
    first.createConsumer().run((delivery) => void second.publish(`${delivery.body}, too`))
    second.createConsumer().run(() => undefined)
    first.publish('a')
    first.publish('b')
    await microtasks()
    const of = (body: string) => calls.filter((call) => / (.*)/.exec(call)?.[1] === body)
    expect(of('a')).toEqual(['published a', 'entering a', 'left a'])
    expect(of('a, too')).toEqual(['published a, too', 'entering a, too', 'left a, too'])
    expect(calls.indexOf('published a, too')).toBeGreaterThan(calls.indexOf('entering a'))
    expect(calls.indexOf('published a, too')).toBeLessThan(calls.indexOf('left a'))
  })

  test('hears of a loop and of a waiting get as of handlers', async () => {
    const { state, bus, tracker, calls } = start()
    state.tracker = tracker
    const queue = await bus.declareQueue('q')
    const getting = queue.get({ wait: true })
    queue.publish('a')
    ;(await getting).ack()
    queue.publish('b')
    for await (const delivery of queue.createConsumer()) {
      delivery.requeue()
      break
    }
    expect(calls).toEqual(['published a', 'entering a', 'left a', 'published b', 'entering b', 'left b'])
  })

  test('hears of a message to many queues once, and of one to none never', async () => {
    const { state, bus, tracker, calls } = start()
    state.tracker = tracker
    for (const name of ['one', 'two']) await (await bus.declareQueue(name)).bind('amq.fanout', '')
    const exchange = bus.exchange('amq.fanout')
    exchange.publish('', 'a')
    bus.exchange('amq.direct').publish('nowhere', 'b')
    expect(calls).toEqual(['published a'])
  })

  test('may be taken out again', async () => {
    const { state, bus, tracker, calls } = start()
    state.tracker = tracker
    const queue = await bus.declareQueue('q')
    state.tracker = undefined
    queue.createConsumer().run(() => undefined)
    queue.publish('a')
    await microtasks()
    expect(calls).toEqual([])
    expect(await queue.stats()).toMatchObject({ acked: 1 })
  })
})
