// CONTRIBUTING.md says: an exchange type is one file and one line, and so is a queue argument. Here each is added as it
// says there, and everything around it follows: errors, did-you-mean, redeclaring, both spellings, the overview.
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BrokerState } from '../../src/broker/broker-state.js'
import { foresee } from '../../src/broker/foresee.js'
import { LocalConnection } from '../../src/channel/connection.js'
import { PlatformClock } from '../../src/clock.js'
import { BUILT_IN_EXCHANGE_TYPES } from '../../src/exchange-types/registry.js'
import { Broker, Bus, type ExchangeType, PreconditionFailedError, type QueueOptions } from '../../src/index.js'
import { Message, measure } from '../../src/message.js'
import { integerArgument, type QueueArgument } from '../../src/queue-arguments/queue-argument.js'
import { BUILT_IN_QUEUE_ARGUMENTS } from '../../src/queue-arguments/registry.js'

// The one file: src/exchange-types/type.ts
/** Routes by the message's `type` property. */
const typeExchange: ExchangeType = {
  name: 'x-type',
  keyless: true,
  validateBinding(routingKey) {
    if (routingKey === '') throw new PreconditionFailedError("invalid binding key '': expected the type of a message")
  },
  createRouter() {
    const bindings = new Set<Parameters<ReturnType<ExchangeType['createRouter']>['add']>[0]>()
    return {
      add: (binding) => void bindings.add(binding),
      remove: (binding) => void bindings.delete(binding),
      route(_routingKey, message, sink) {
        for (const binding of bindings) {
          if (binding.routingKey === message.properties.type) sink.add(binding.destination)
        }
      },
      explain({ routingKey }, _key, { properties }) {
        const matched = routingKey === properties.type
        return { matched, reason: { kind: 'other', text: `the type is '${properties.type}'` } }
      },
    }
  },
}

describe('an exchange type that is added', () => {
  async function start() {
    const broker = new Broker({ exchangeTypes: [typeExchange] })
    onTestFinished(async () => void (await broker.close()))
    const bus = broker.virtualHost()
    const events = await bus.declareExchange('events', 'x-type')
    return { bus, events }
  }

  test('routes, and stops when a binding is removed', async () => {
    const { bus, events } = await start()
    const orders = await bus.declareQueue('orders', { bindings: [events.key('order')] })
    await events.send('', 1, { type: 'order' })
    await events.send('', 2, { type: 'user' })
    await orders.unbind(events.key('order'))
    await events.send('', 3, { type: 'order' })
    expect(bus.peek('orders', 9).map(({ body }) => body)).toEqual([1])
  })

  test('is explained by its own reasons', async () => {
    const { bus, events } = await start()
    await bus.declareQueue('orders', { bindings: [events.key('order')] })
    expect(`${bus.explain('events', '', { type: 'user' })}`).toContain("✗ 'order' → queue 'orders': the type is 'user'")
    expect(bus.explain('events', '', { type: 'order' }).queues).toMatchObject([{ name: 'orders' }])
  })

  test('has its bindings validated, is listed, and is compared on redeclare', async () => {
    const { bus, events } = await start()
    await expect(async () => bus.declareQueue('orders', { bindings: [events.key('')] })).rejects.toThrow('invalid')
    expect(bus.exchanges().find(({ name }) => name === 'events')).toMatchObject({ type: 'x-type', bindings: 0 })
    expect(() => bus.declareExchange('events', 'topic')).toThrow("inequivalent arg 'type'")
  })

  test('is what a misspelt type is told of, and cannot take a name that is taken', async () => {
    const { bus } = await start()
    expect(() => bus.declareExchange('more', 'x-typ')).toThrow("did you mean 'x-type'?")
    expect(() => new Broker({ exchangeTypes: [{ ...typeExchange, name: 'topic' }] })).toThrow("type 'topic' already")
  })
})

// The one file: src/queue-arguments/max-message-bytes.ts
/** `x-max-message-bytes`: a larger message is refused. */
const maxMessageBytes: QueueArgument = {
  arguments: { 'x-max-message-bytes': integerArgument(1, Number.MAX_SAFE_INTEGER, 'bytes') },
  createHooks: (args) => {
    const most = args['x-max-message-bytes'] as number | undefined
    return most === undefined ? undefined : { measures: true, admit: (message) => measure(message) <= most }
  },
}

describe('a queue argument that is added', () => {
  function start(): Bus {
    const state = newState()
    return new Bus(new LocalConnection(state, state.virtualHost('/'), 'test'))
  }

  function newState(): BrokerState {
    const state = new BrokerState({
      clock: new PlatformClock(),
      exchangeTypes: new Map(BUILT_IN_EXCHANGE_TYPES.map((type) => [type.name, type])),
      // The one line.
      queueArguments: [...BUILT_IN_QUEUE_ARGUMENTS, maxMessageBytes],
      bodies: 'reference',
      highWatermark: Number.POSITIVE_INFINITY,
      compatibility: '4.3',
      consumerTimeout: Number.POSITIVE_INFINITY,
    })
    onTestFinished(() => state.close())
    return state
  }

  const spellings: [string, QueueOptions][] = [
    ['its x- name', { arguments: { 'x-max-message-bytes': 3 } }],
    ['its camelCase option', { maxMessageBytes: 3 } as QueueOptions],
    ['both', { arguments: { 'x-max-message-bytes': 3 }, maxMessageBytes: 3 } as QueueOptions],
  ]
  test.each(spellings)('acts when it is written by %s', async (_spelling, options) => {
    const queue = await start().declareQueue<string>('short', options)
    await queue.send('abc')
    await expect(queue.send('abcd')).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' })
    expect((await queue.info()).messageCount).toBe(1)
  })

  test('is foreseen by asking it, where it has no other word on that', async () => {
    const state = newState()
    const queues = state.virtualHost('/')
    const bus = new Bus(new LocalConnection(state, queues, 'test'))
    await bus.declareQueue('short', { maxMessageBytes: 3 } as QueueOptions)
    const outcome = (body: string) => foresee(queues.queue('short', {}), new Message('', 'short', body, {})).outcome
    expect([outcome('abc'), outcome('abcd')]).toEqual(['stored', 'refused'])
  })

  test('acts beside another that may refuse as well', async () => {
    const options = { maxMessageBytes: 3, maxLength: 1, overflow: 'reject-publish' } as QueueOptions
    const queue = await start().declareQueue<string>('short', options)
    await expect(queue.send('abcd')).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' })
    await queue.send('abc')
    await expect(queue.send('abc')).rejects.toMatchObject({ code: 'PUBLISH_REFUSED' })
  })

  test('is checked, compared on redeclare, and part of did-you-mean', () => {
    const bus = start()
    expect(() => bus.declareQueue('short', { maxMessageBytes: 0 } as QueueOptions)).toThrow('{value_zero,0}')
    expect(() => bus.declareQueue('short', { maxMessageByte: 3 } as QueueOptions)).toThrow("'maxMessageBytes'?")
    expect(() => bus.declareQueue('short', { arguments: { 'x-max-message-byte': 3 } })).toThrow('-bytes')
    bus.declareQueue('short', { maxMessageBytes: 3 } as QueueOptions)
    expect(() => bus.declareQueue('short')).toThrow("inequivalent arg 'x-max-message-bytes'")
  })
})

test('CONTRIBUTING.md points at this test', () => {
  expect(readFileSync('CONTRIBUTING.md', 'utf8')).toContain('test/docs/contributing.test.ts')
})
