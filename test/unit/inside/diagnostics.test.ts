/** Messages on `node:diagnostics_channel`: each name, once a message, and nothing at all while nobody listens. */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Broker, type MessageEvent, type MessageEventName } from 'leveret'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Binding } from '../../../src/broker/binding.js'
import { messageEvents } from '../../../src/broker/events.js'
import { ManualClock } from '../../support/manual-clock.js'
import { turn } from '../../support/turn.js'

const NAMES: Record<MessageEventName, true> = {
  published: true,
  returned: true,
  delivered: true,
  acked: true,
  requeued: true,
  rejected: true,
  expired: true,
  overflowed: true,
  delivery_limited: true,
  dead_lettered: true,
}
const names = Object.keys(NAMES) as MessageEventName[]

const undo: (() => void)[] = []

afterEach(() => {
  for (const step of undo.splice(0)) step()
})

function listen(...which: MessageEventName[]): [name: string, queue: string | undefined, body: unknown][] {
  const heard: [string, string | undefined, unknown][] = []
  for (const name of which.length === 0 ? names : which) {
    const hear = (event: unknown) => {
      const { queue, message, virtualHost } = event as MessageEvent
      expect(virtualHost).toBe('/')
      heard.push([name, queue, message.body])
    }
    subscribe(`leveret:message.${name}`, hear)
    undo.push(() => unsubscribe(`leveret:message.${name}`, hear))
  }
  return heard
}

/** Lets every kind of thing happen to messages. */
async function livelyBroker(): Promise<Broker> {
  const clock = new ManualClock()
  const broker = new Broker({ clock })
  const host = broker.virtualHost('/')
  await host.declareQueue('dead')
  const options = { deadLetter: 'dead', messageTtl: 10 } as const
  const queue = await host.declareQueue<string>('q', { ...options, maxLength: 1 })
  const quorum = await host.declareQueue<string>('quorum', { ...options, type: 'quorum', deliveryLimit: 0 })
  await queue.send('acked')
  ;(await queue.get())?.ack()
  await queue.send('rejected')
  ;(await queue.get())?.requeue()
  ;(await queue.get())?.reject()
  await queue.send('overflowed')
  await queue.send('expired')
  clock.advance(10)
  await quorum.send('limited')
  ;(await quorum.get())?.retry()
  host.queue('nowhere').publish('returned', { mandatory: true })
  host.queue('nowhere').publish('unroutable')
  const consumer = queue.createConsumer({ noAck: true })
  consumer.consume(() => undefined)
  await queue.send('auto-acked')
  await turn()
  await consumer.close()
  return broker
}

describe('the diagnostics channels of messages', () => {
  it('have the names that are documented', () => {
    expect(Object.keys(messageEvents).sort()).toEqual([...names].sort())
    for (const name of names) expect(messageEvents[name]).toBe(channel(`leveret:message.${name}`))
  })

  it('tell what happens to each message, in order', async () => {
    const heard = listen()
    await livelyBroker()
    expect(heard).toEqual([
      ['published', undefined, 'acked'],
      ['delivered', 'q', 'acked'],
      ['acked', 'q', 'acked'],
      ['published', undefined, 'rejected'],
      ['delivered', 'q', 'rejected'],
      ['requeued', 'q', 'rejected'],
      ['delivered', 'q', 'rejected'],
      ['rejected', 'q', 'rejected'],
      ['dead_lettered', 'q', 'rejected'],
      ['published', undefined, 'overflowed'],
      ['overflowed', 'q', 'overflowed'],
      ['published', undefined, 'expired'],
      ['dead_lettered', 'q', 'overflowed'],
      ['expired', 'q', 'expired'],
      ['dead_lettered', 'q', 'expired'],
      ['published', undefined, 'limited'],
      ['delivered', 'quorum', 'limited'],
      ['delivery_limited', 'quorum', 'limited'],
      ['dead_lettered', 'quorum', 'limited'],
      ['published', undefined, 'returned'],
      ['returned', undefined, 'returned'],
      ['published', undefined, 'unroutable'],
      ['published', undefined, 'auto-acked'],
      ['delivered', 'q', 'auto-acked'],
    ])
  })

  it('give the reason and the letter of a dead letter', async () => {
    const letters: MessageEvent[] = []
    const hear = (event: unknown) => void letters.push(event as MessageEvent)
    subscribe('leveret:message.dead_lettered', hear)
    undo.push(() => unsubscribe('leveret:message.dead_lettered', hear))
    await livelyBroker()
    expect(
      letters.map(({ reason, message }) => [reason, message.properties.headers?.['x-first-death-reason']]),
    ).toEqual([
      ['rejected', 'rejected'],
      ['maxlen', 'maxlen'],
      ['expired', 'expired'],
      ['delivery_limit', 'delivery_limit'],
    ])
  })

  it.each(names)('costs one look while nobody listens: %s', async (name) => {
    const events = messageEvents[name]
    const publish = vi.spyOn(events, 'publish')
    await livelyBroker()
    expect(publish).not.toHaveBeenCalled()
    publish.mockRestore()
    const heard = listen(name)
    await livelyBroker()
    expect(heard.length).toBeGreaterThan(0)
    expect(heard.every(([of]) => of === name)).toBe(true)
  })

  it('tell of a delayed send when it is due', async () => {
    const clock = new ManualClock()
    const heard = listen('published')
    const queue = await new Broker({ clock }).virtualHost('/').declareQueue('q')
    await queue.send('later', { delay: 10 })
    expect(heard).toEqual([])
    clock.advance(10)
    expect(heard).toEqual([['published', undefined, 'later']])
  })

  it('may be listened to by code that publishes: it comes after, in order', async () => {
    const broker = new Broker()
    const queue = await broker.virtualHost('/').declareQueue<string>('q')
    const audit = await broker.virtualHost('/').declareQueue<string>('audit')
    const hear = (event: unknown) => {
      const { message, queue: where } = event as MessageEvent
      if (where === 'q') audit.publish(`acked ${message.body as string}`)
    }
    subscribe('leveret:message.acked', hear)
    undo.push(() => unsubscribe('leveret:message.acked', hear))
    for (const body of ['a', 'b']) await queue.send(body)
    ;(await queue.get())?.ack()
    ;(await queue.get())?.ack()
    expect([(await audit.get())?.body, (await audit.get())?.body]).toEqual(['acked a', 'acked b'])
  })
})

describe('the typed events', () => {
  it('cost no payload while nobody listens', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const exchange = await host.declareExchange('x', 'fanout')
    const queue = await host.declareQueue('q')
    const describePayload = vi.spyOn(Binding.prototype, 'describe')
    undo.push(() => describePayload.mockRestore())
    const bindOnce = async () => {
      await queue.bind(exchange.key(''))
      await queue.unbind(exchange.key(''))
    }
    await bindOnce()
    expect(describePayload).not.toHaveBeenCalled()
    const listener = vi.fn()
    broker.on('binding.created', listener)
    await bindOnce()
    expect(describePayload).toHaveBeenCalled()
    expect(listener).toHaveBeenCalledTimes(1)
    describePayload.mockClear()
    broker.off('binding.created', listener)
    await bindOnce()
    expect(describePayload).not.toHaveBeenCalled()
    expect(listener).toHaveBeenCalledTimes(1)
  })
})
