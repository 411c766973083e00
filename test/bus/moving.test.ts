/** Moving messages from queue to queue: what goes, what stays and where, and what every kind of failure leaves behind. */
import type { Delivery, Queue, QueueOptions } from 'leveret'
import { Broker } from 'leveret'
import { expect, test } from 'vitest'
import { ManualClock } from '../support/manual-clock.js'
import { turn, until } from '../support/turn.js'
import { type OpenEngine, onEveryEngine } from './engines.js'
import { bodies, drain, errorOf, sendAll, take, takeAll, upTo } from './helpers.js'

const even = ({ body }: Delivery<number>) => body % 2 === 0

/** What is in the queue: order, and who was handed out before or failed. Acknowledges it. */
async function look(queue: Queue<number>) {
  const all = await takeAll(queue)
  const flagged = all.filter(({ redelivered, deliveryCount = 0 }) => redelivered || deliveryCount > 0)
  for (const delivery of all) delivery.ack()
  return { bodies: bodies(all), flagged: bodies(flagged) }
}

/** A queue to move from and one to move to. */
async function pair({ bus }: OpenEngine, from: QueueOptions = {}, to: QueueOptions = {}) {
  return {
    source: await bus.declareQueue<number>('source', from),
    target: await bus.declareQueue<number>('target', to),
  }
}

onEveryEngine('moveTo', (scenario) => {
  scenario('moves what is ready, oldest first, to a queue given by handle or name', async (engine) => {
    const { source, target } = await pair(engine)
    await sendAll(source, upTo(3))
    expect(await source.moveTo(target)).toEqual({ moved: 3, kept: 0 })
    expect(await target.moveTo('source')).toEqual({ moved: 3, kept: 0 })
    expect(await source.moveTo(target)).toEqual({ moved: 3, kept: 0 })
    expect(await source.stats()).toMatchObject({ enqueued: 6, acked: 6, requeued: 0 })
    expect(await look(target)).toEqual({ bodies: [1, 2, 3], flagged: [] })
    expect(await source.moveTo(target)).toEqual({ moved: 0, kept: 0 })
  })

  for (const type of ['classic', 'quorum'] as const) {
    scenario(`leaves what its filter refuses in order and unflagged, in a ${type} queue`, async (engine) => {
      const { source, target } = await pair(engine, { type, ...(type === 'quorum' && { deliveryLimit: 1 }) })
      await sendAll(source, upTo(7))
      for (const filter of [even, async (delivery: Delivery<number>) => even(delivery)]) {
        expect(await source.moveTo(target, { filter })).toEqual({ moved: filter === even ? 3 : 0, kept: 4 })
      }
      expect(await source.stats()).toMatchObject({ ready: 4, unacked: 0, requeued: 0 })
      expect(await look(source)).toEqual({ bodies: [1, 3, 5, 7], flagged: [] })
      expect(await drain(target)).toEqual([2, 4, 6])
    })

    scenario(`stops at its limit, again and again, without harm to the order of a ${type} queue`, async (engine) => {
      const { source, target } = await pair(engine, { type })
      await sendAll(source, upTo(8))
      // n.b. what came back stands apart in a queue, and all of it comes back with its channel.
      const viewer = await engine.connect()
      await takeAll(viewer.queue('source'))
      await viewer.close()
      for (const moved of [1, 2, 0]) {
        expect(await source.moveTo(target, { filter: even, limit: moved })).toMatchObject({ moved })
      }
      expect((await look(source)).bodies).toEqual([1, 3, 5, 7, 8])
      expect(await drain(target)).toEqual([2, 4, 6])
    })

    scenario(`gives consumers of the ${type} queue what stays, in order, when it is done`, async (engine) => {
      const { source, target } = await pair(engine, { type })
      await sendAll(source, upTo(5))
      const moving = source.moveTo(target, { filter: async (delivery) => even(delivery) })
      await turn()
      expect(await moving).toEqual({ moved: 2, kept: 3 })
      expect(await drain(source)).toEqual([1, 3, 5])
    })
  }

  scenario('does not wait for what arrives meanwhile, and never moves it', async (engine) => {
    const { source, target } = await pair(engine)
    await sendAll(source, upTo(3))
    const filter = async ({ body }: Delivery<number>) => {
      await source.send(body + 10)
      return true
    }
    expect(await source.moveTo(target, { filter })).toEqual({ moved: 3, kept: 0 })
    expect(await drain(target)).toEqual([1, 2, 3])
    expect(await drain(source)).toEqual([11, 12, 13])
  })

  scenario('onto the queue itself moves every message once, whatever its priority', async (engine) => {
    const { source } = await pair(engine, { maxPriority: 9 })
    for (const priority of upTo(5)) await source.send(priority, { priority })
    const seen: number[] = []
    const filter = ({ body }: Delivery<number>) => {
      seen.push(body)
      return body !== 3
    }
    expect(await source.moveTo(source, { filter })).toEqual({ moved: 4, kept: 1 })
    expect(seen).toEqual([5, 4, 3, 2, 1])
    expect(await look(source)).toEqual({ bodies: [5, 4, 3, 2, 1], flagged: [] })
  })

  scenario('among queues with priorities goes by the order in which they would leave', async (engine) => {
    const { source, target } = await pair(engine, { maxPriority: 9 }, { maxPriority: 9 })
    for (const priority of upTo(6)) await source.send(priority, { priority })
    expect(await source.moveTo(target, { filter: even, limit: 2 })).toEqual({ moved: 2, kept: 1 })
    expect(await look(source)).toEqual({ bodies: [5, 3, 2, 1], flagged: [] })
    expect(await drain(target)).toEqual([6, 4])
  })

  scenario('keeps body and properties, and the deaths only when told', async (engine) => {
    const { bus } = engine
    const { source } = await pair(engine, { deadLetter: 'dead' })
    const dead = bus.queue<number>('dead')
    const properties = { priority: 3, correlationId: 'c', messageId: 'm', type: 't', timestamp: 7, contentType: 'x/y' }
    await source.send(1, { ...properties, headers: { tenant: 'a', 'x-deathly': 1 } })
    for (const deaths of ['keep', 'strip', undefined] as const) {
      ;(await take(source)).reject()
      expect(await dead.moveTo(source, deaths === undefined ? {} : { deaths })).toEqual({ moved: 1, kept: 0 })
      const delivery = await take(source)
      expect(delivery).toMatchObject({ body: 1, exchange: '', routingKey: 'source', redelivered: false })
      const { headers, ...others } = delivery.properties
      expect(others).toEqual(properties)
      expect(Object.keys(headers ?? {}).sort()).toEqual(
        deaths === 'keep'
          ? [
              'tenant',
              'x-death',
              'x-deathly',
              'x-first-death-exchange',
              'x-first-death-queue',
              'x-first-death-reason',
              'x-last-death-exchange',
              'x-last-death-queue',
              'x-last-death-reason',
            ]
          : ['tenant', 'x-deathly'],
      )
      if (deaths === 'keep') expect(headers?.['x-death']).toMatchObject([{ count: 1, queue: 'source' }])
      delivery.requeue()
    }
    await drain(source)
    await source.send(2)
    ;(await take(source)).reject()
    await dead.moveTo(source)
    expect((await take(source)).properties).toEqual({})
  })

  scenario('goes to the target alone, whatever copies the message once asked for', async (engine) => {
    const { source, target } = await pair(engine)
    const copies = await engine.bus.declareQueue<number>('copies')
    await source.send(1, { headers: { CC: ['copies'], BCC: ['copies'], tenant: 'a' } })
    expect(await drain(copies)).toEqual([1])
    await source.moveTo(target)
    expect(await copies.info()).toMatchObject({ messageCount: 0 })
    expect((await take(target)).headers).toEqual({ tenant: 'a' })
  })

  scenario(
    'moves bytes as bytes, and bodies that nobody can decode',
    { broker: { bodies: 'encoded' } },
    async (engine) => {
      const { source, target } = await pair(engine)
      await source.send({ id: 1 } as never)
      await source.send(new Uint8Array([1, 2]) as never, { contentType: 'application/json' })
      expect(await source.moveTo(target)).toEqual({ moved: 2, kept: 0 })
      const [object, broken] = await takeAll(target)
      expect(object?.body).toEqual({ id: 1 })
      expect(broken?.content).toEqual(new Uint8Array([1, 2]))
    },
  )

  scenario('rejects when there is no target, and leaves everything where it was', async (engine) => {
    const { source } = await pair(engine)
    await sendAll(source, upTo(3))
    expect(await errorOf(() => source.moveTo('missing'))).toMatchObject({ code: 'NO_ROUTE', moved: 0 })
    expect(await look(source)).toEqual({ bodies: [1, 2, 3], flagged: [] })
  })

  for (const type of ['classic', 'quorum'] as const) {
    scenario(
      `rejects when the target refuses, with the number of those moved, from a ${type} queue`,
      async (engine) => {
        const { source, target } = await pair(engine, { type }, { maxLength: 2, overflow: 'reject-publish' })
        await sendAll(source, upTo(8))
        const error = await errorOf(() => source.moveTo(target, { filter: even }))
        expect(error).toMatchObject({ code: 'PUBLISH_REFUSED', moved: 2 })
        expect(await look(source)).toEqual({ bodies: [1, 3, 5, 6, 7, 8], flagged: [] })
        expect(await drain(target)).toEqual([2, 4])
      },
    )

    scenario(
      `rejects with what its filter throws, and everything else is in order in a ${type} queue`,
      async (engine) => {
        const { source, target } = await pair(engine, { type })
        for (const later of [false, true]) {
          await sendAll(source, upTo(5))
          const fault = Object.freeze(new Error('broken'))
          const filter = (delivery: Delivery<number>) => {
            if (delivery.body !== 4) return even(delivery)
            if (!later) throw fault
            return Promise.reject(fault)
          }
          expect(await errorOf(() => source.moveTo(target, { filter }))).toBe(fault)
          expect(await look(source)).toEqual({ bodies: [1, 3, 4, 5], flagged: [] })
          expect(await drain(target)).toEqual([2])
        }
      },
    )
  }

  scenario(
    'leaves no message twice when its handle is closed, whenever that is',
    { needs: ['same-turn'] },
    async (engine) => {
      const { source, target } = await pair(engine)
      for (let pauses = 0; pauses < 30; pauses++) {
        await sendAll(source, upTo(5))
        const handle = engine.bus.queue<number>('source')
        const moving = handle.moveTo(target, { filter: async () => true }).catch(() => undefined)
        for (let pause = 0; pause < pauses; pause++) await undefined
        await Promise.all([handle.close(), moving])
        expect([...(await drain(target)), ...(await drain(source))]).toEqual(upTo(5))
      }
    },
  )

  scenario('tells of the moved on any error that can carry it', async (engine) => {
    const { source, target } = await pair(engine)
    await sendAll(source, upTo(2))
    const filter = ({ body }: Delivery<number>) => {
      if (body === 2) throw new RangeError('two')
      return true
    }
    expect(await errorOf(() => source.moveTo(target, { filter }))).toMatchObject({ name: 'RangeError', moved: 1 })
  })

  scenario('waits for a full target that makes publishers wait', { needs: ['block'] }, async (engine) => {
    const { source, target } = await pair(engine, {}, { maxLength: 1, overflow: 'block' })
    await sendAll(source, upTo(4))
    let result: unknown
    void source.moveTo(target).then((answer) => {
      result = answer
    })
    const got: number[] = []
    for (let n = 1; n <= 4; n++) {
      await turn()
      expect(result).toBeUndefined()
      const delivery = await take(target)
      got.push(delivery.body)
      delivery.ack()
      if (n < 3) expect((await source.stats()).acked).toBeLessThanOrEqual(n + 1)
    }
    await turn()
    expect(got).toEqual([1, 2, 3, 4])
    expect(result).toEqual({ moved: 4, kept: 0 })
  })

  scenario('that is aborted while the target is full leaves no message twice', { needs: ['block'] }, async (engine) => {
    const { source, target } = await pair(engine, {}, { maxLength: 1, overflow: 'block' })
    await sendAll(source, upTo(4))
    const abort = new AbortController()
    const moving = errorOf(() => source.moveTo(target, { signal: abort.signal }))
    await turn()
    abort.abort(new Error('enough'))
    expect(await moving).toMatchObject({ code: 'ABORTED', accepted: true, moved: 2 })
    expect(await look(source)).toEqual({ bodies: [3, 4], flagged: [] })
    expect(await drain(target)).toEqual([1, 2])
  })

  scenario('that is aborted while its filter thinks ends at once, and before it began does nothing', async (engine) => {
    const { source, target } = await pair(engine)
    await sendAll(source, upTo(3))
    const abort = new AbortController()
    const reason = new Error('enough')
    const filter = ({ body }: Delivery<number>) => (body === 2 ? new Promise<boolean>(() => undefined) : true)
    const moving = errorOf(() => source.moveTo(target, { filter, signal: abort.signal }))
    await turn()
    abort.abort(reason)
    expect(await moving).toMatchObject({ code: 'ABORTED', cause: reason, moved: 1 })
    expect(await errorOf(() => source.moveTo(target, { signal: abort.signal }))).toMatchObject({ code: 'ABORTED' })
    expect(await look(source)).toEqual({ bodies: [2, 3], flagged: [] })
    expect(await drain(target)).toEqual([1])
  })

  scenario('that is aborted by its filter stops there', async (engine) => {
    const { source, target } = await pair(engine)
    await sendAll(source, upTo(3))
    const abort = new AbortController()
    const filter = ({ body }: Delivery<number>) => {
      if (body === 2) abort.abort()
      return true
    }
    expect(await errorOf(() => source.moveTo(target, { filter, signal: abort.signal }))).toMatchObject({ moved: 1 })
    expect(await look(source)).toEqual({ bodies: [2, 3], flagged: [] })
  })

  scenario('rejects when a queue is missing or deleted on the way', async (engine) => {
    const { source, target } = await pair(engine)
    expect(await errorOf(() => engine.bus.queue('missing').moveTo('target'))).toMatchObject({ code: 'NOT_FOUND' })
    await sendAll(source, upTo(3))
    for (const last of [2, 3]) {
      const queue = await engine.bus.declareQueue<number>(`source-${last}`)
      await sendAll(queue, upTo(3))
      const filter = async ({ body }: Delivery<number>) => {
        if (body === last) await queue.delete()
        return true
      }
      const error = await errorOf(() => queue.moveTo(target, { filter }))
      expect(error).toMatchObject({ code: 'NOT_FOUND', moved: last - 1 })
      expect(await drain(target)).toEqual(upTo(last - 1))
    }
    const filter = async ({ body }: Delivery<number>) => {
      if (body === 2) await target.delete()
      return true
    }
    expect(await errorOf(() => source.moveTo(target, { filter }))).toMatchObject({ code: 'NO_ROUTE', moved: 1 })
    expect(await look(source)).toEqual({ bodies: [2, 3], flagged: [] })
  })

  for (const end of ['bus', 'handle'] as const) {
    scenario(`ends with the ${end}, and what was not moved is back in order`, async (engine) => {
      const { source, target } = await pair(engine, { type: 'quorum' })
      await sendAll(source, upTo(5))
      const other = await engine.connect()
      const handle = other.queue<number>('source')
      const filter = ({ body }: Delivery<number>) => (body === 4 ? new Promise<boolean>(() => undefined) : body === 2)
      const moving = errorOf(() => handle.moveTo('target', { filter }))
      await turn()
      await (end === 'bus' ? other : handle).close()
      expect(await moving).toMatchObject({ code: 'CLOSED', moved: 1 })
      expect(await errorOf(() => handle.moveTo('target'))).toMatchObject({ code: 'CLOSED' })
      expect(await look(source)).toEqual({ bodies: [1, 3, 4, 5], flagged: [] })
      expect(await drain(target)).toEqual([2])
    })
  }

  scenario(
    'ends with the bus while the target is full; what waits there may be in both',
    { needs: ['block'] },
    async (engine) => {
      const { source, target } = await pair(engine, {}, { maxLength: 1, overflow: 'block' })
      await sendAll(source, upTo(3))
      const other = await engine.connect()
      const moving = errorOf(() => other.queue('source').moveTo('target'))
      await turn()
      await other.close()
      expect(await moving).toMatchObject({ code: 'CLOSED', moved: 1 })
      expect(await look(source)).toEqual({ bodies: [2, 3], flagged: [] })
      expect(await drain(target)).toEqual([1, 2])
    },
  )

  scenario('ends with the broker', { needs: ['inside'] }, async (engine) => {
    const { source, target } = await pair(engine)
    await sendAll(source, upTo(2))
    const moving = errorOf(() => source.moveTo(target, { filter: () => new Promise(() => undefined) }))
    await turn()
    expect(await engine.broker.close()).toMatchObject({ finished: 0, requeued: 1, dropped: 1 })
    expect(await moving).toMatchObject({ code: 'CLOSED', moved: 0 })
  })

  scenario(
    'takes again what a timeout of the queue took back from a slow filter',
    { needs: ['time', 'delayed-retry'] },
    async (engine) => {
      const { source, target } = await pair(engine, { type: 'quorum', consumerTimeout: 60_000 })
      await sendAll(source, upTo(2))
      let answer: ((wanted: boolean) => void) | undefined
      const filter = ({ body }: Delivery<number>) =>
        body === 1 && answer === undefined
          ? new Promise<boolean>((resolve) => {
              answer = resolve
            })
          : true
      const moving = source.moveTo(target, { filter })
      await turn()
      await engine.advance(120_000)
      expect(await source.stats()).toMatchObject({ ready: 2, unacked: 0 })
      answer?.(true)
      expect(await moving).toEqual({ moved: 1, kept: 0 })
      expect(await drain(target)).toEqual([1])
      expect(await look(source)).toEqual({ bodies: [2], flagged: [] })
    },
  )

  scenario('leaves alone what its filter settles itself', async (engine) => {
    const { source, target } = await pair(engine)
    await sendAll(source, upTo(3))
    const filter = (delivery: Delivery<number>) => {
      if (delivery.body === 2) delivery.ack()
      return true
    }
    expect(await source.moveTo(target, { filter })).toEqual({ moved: 2, kept: 0 })
    expect(await drain(target)).toEqual([1, 3])
  })

  scenario('shares the event loop, and a queue with its other takers', { needs: ['microtasks'] }, async (engine) => {
    const { source, target } = await pair(engine)
    for (const n of upTo(20_000)) source.publish(n)
    let turns = 0
    let result: { moved: number } | undefined
    void source.moveTo(target, { filter: ({ body }) => body % 10 === 0 }).then((answer) => {
      result = answer
    })
    await until(() => {
      turns++
      return result !== undefined
    })
    expect(result).toEqual({ moved: 2_000, kept: 18_000 })
    expect(turns).toBeGreaterThan(5)
    expect((await source.info()).messageCount).toBe(18_000)
  })

  scenario('takes a queue of this bus, and options it knows', async (engine) => {
    const { source, target } = await pair(engine)
    const elsewhere = new Broker()
    const foreign = await elsewhere.virtualHost('/').declareQueue<number>('target')
    const wrong = (value: unknown): never => value as never
    for (const [call, message] of [
      [() => source.moveTo(foreign), "moveTo: queue 'target' is a handle of another broker or virtual host"],
      [() => source.moveTo(wrong(7)), 'moveTo: expected a queue or its name, got 7'],
      [() => source.moveTo(wrong(null)), 'moveTo: expected a queue or its name, got null'],
      [() => source.moveTo('x'.repeat(256)), 'moveTo: queue name: expected at most 255 bytes'],
      [() => source.moveTo(target, { limit: -1 }), "'limit' must be an integer from 0"],
      [() => source.moveTo(target, wrong({ filter: 1 })), "'filter' must be a function"],
      [() => source.moveTo(target, wrong({ deaths: 'drop' })), "'deaths' must be one of 'strip', 'keep'"],
      [() => source.moveTo(target, wrong({ filters: 1 })), "unknown option 'filters'; did you mean 'filter'?"],
    ] as const) {
      expect(await errorOf(call)).toMatchObject({ message: expect.stringContaining(message) })
    }
    await elsewhere.close()
  })
})

test.each([
  // n.b. since 4.0 a history that was published is data (PUB-25), and ends nothing.
  ['4.3', 'keep', 1],
  ['4.3', 'strip', 1],
  ['3.10', 'keep', 0],
  ['3.10', 'strip', 1],
] as const)('in %s a message whose deaths moveTo was to %s dies again and arrives %i times', async (...row) => {
  const [compatibility, kept, arrivals] = row
  const clock = new ManualClock()
  const bus = new Broker({ compatibility, clock }).virtualHost('/')
  const letters = (queue: string) => ({ messageTtl: 10, deadLetterExchange: '', deadLetterRoutingKey: queue })
  const parked = await bus.declareQueue<number>('parked', letters('source'))
  const source = await bus.declareQueue<number>('source', letters('parked'))
  const dead = await bus.declareQueue<number>('dead')
  await parked.send(1)
  clock.advance(10)
  expect(await source.moveTo(dead, { deaths: 'keep' })).toEqual({ moved: 1, kept: 0 })
  expect(await dead.moveTo(source, { deaths: kept })).toEqual({ moved: 1, kept: 0 })
  clock.advance(10)
  expect((await parked.info()).messageCount).toBe(arrivals)
})
