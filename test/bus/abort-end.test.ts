/** AbortSignal on what goes on until it is ended: consumers, and the closes that wait for handlers. */
import type { Bus } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { collect, errorOf, sendAll, take, upTo } from './helpers.js'

const REASON = new Error('enough')

/** A queue with one message, and a handler of it that never ends. */
async function busy(bus: Bus) {
  const queue = await bus.declareQueue<number>('q')
  await queue.send(1)
  const consumer = queue.createConsumer().run(() => new Promise(() => undefined))
  await turn()
  return { queue, consumer }
}

onEveryEngine('an abort', (scenario) => {
  scenario('of a loop that waits throws in the loop and leaves the queue to others', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const abort = new AbortController()
    const next = errorOf(() => queue.createConsumer({ signal: abort.signal })[Symbol.asyncIterator]().next())
    await turn()
    abort.abort(REASON)
    expect(await next).toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: REASON })
    expect(await queue.info()).toMatchObject({ consumerCount: 0 })
    await queue.send(1)
    expect((await take(queue)).redelivered).toBe(false)
  })

  scenario(
    'in the body of a loop throws at the next turn of it, and the delivery in hand is its own',
    {},
    async (row) => {
      const queue = await row.bus.declareQueue<number>('q')
      await sendAll(queue, upTo(3))
      const abort = new AbortController()
      const iterator = queue.createConsumer({ signal: abort.signal })[Symbol.asyncIterator]()
      const { value } = await iterator.next()
      abort.abort(REASON)
      expect(await errorOf(() => iterator.next())).toMatchObject({ code: 'ABORTED' })
      expect(await queue.info()).toMatchObject({ messageCount: 2, consumerCount: 0 })
      value?.ack()
      expect(value?.settled).toBe('ack')
    },
  )

  scenario('before a consumer is attached is thrown by its verb', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const signal = AbortSignal.abort(REASON)
    for (const attach of [
      () => queue.createConsumer({ signal })[Symbol.asyncIterator](),
      () => queue.createConsumer({ signal }).consume(() => undefined),
      () => queue.createConsumer({ signal }).run(() => undefined),
    ]) {
      expect(await errorOf(attach)).toMatchObject({ code: 'ABORTED', cause: REASON })
    }
    expect(await queue.info()).toMatchObject({ consumerCount: 0 })
  })

  scenario('closes a consumer with a callback, and what it holds goes back', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await queue.send(1)
    const abort = new AbortController()
    const got = collect(queue.createConsumer({ signal: abort.signal }))
    await turn()
    abort.abort(REASON)
    await turn()
    expect(got[0]?.settled).toBe('lost')
    expect(await queue.info()).toMatchObject({ messageCount: 1, consumerCount: 0 })
  })

  scenario('after a consumer is closed does nothing, and no listener is left', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const abort = new AbortController()
    let listeners = 0
    const { signal } = abort
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    const consumer = queue.createConsumer({ signal }).consume(() => undefined)
    expect(listeners).toBe(1)
    await consumer.close()
    expect(listeners).toBe(0)
    abort.abort(REASON)
    await turn()
    expect(await queue.info()).toMatchObject({ consumerCount: 0 })
  })

  for (const when of ['before', 'during'] as const) {
    scenario(`${when} the close of a consumer ends its wait for a handler`, {}, async ({ bus }) => {
      const { queue, consumer } = await busy(bus)
      const abort = new AbortController()
      if (when === 'before') abort.abort(REASON)
      const closing = consumer.close({ signal: abort.signal })
      await turn()
      abort.abort(REASON)
      await closing
      expect((await take(queue)).redelivered).toBe(true)
    })

    scenario(`${when} the close of a broker ends its wait for a handler`, { needs: ['inside'] }, async (row) => {
      await busy(row.bus)
      const abort = new AbortController()
      if (when === 'before') abort.abort(REASON)
      const closing = row.broker.close({ signal: abort.signal })
      await turn()
      abort.abort(REASON)
      expect(await closing).toEqual({ finished: 0, requeued: 1, dropped: 0 })
    })
  }

  scenario(
    'is not needed for a get whose queue goes: it rejects, also with a message on its way',
    {},
    async ({ bus }) => {
      const queue = await bus.declareQueue<number>('q')
      const waiting = errorOf(() => queue.get({ wait: true }))
      await turn()
      queue.publish(1)
      await queue.delete()
      expect(await waiting).toMatchObject({ code: 'CONSUMER_CANCELLED' })
    },
  )
})
