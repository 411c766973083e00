// Replies in parts: an async iterable on one side, a loop on the other, and no more on its way than the loop has room for.
import type { Bus, Queue, StrayReply } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { drain, errorOf, hasQueue, take, upTo } from './helpers.js'

const counting = (bus: Bus) => bus.declareQueue<number, number>('count')

/** Answers with the numbers up to the one that is asked for; tells what becomes of it. */
function respond(queue: Queue<number, number>, { failAt = Number.POSITIVE_INFINITY, concurrency = 10 } = {}) {
  const seen = { pulled: 0, ended: 0, aborted: 0 }
  const consumer = queue.respond(
    async function* (last, { signal }) {
      signal.addEventListener('abort', () => seen.aborted++)
      try {
        for (let n = 1; n <= last; n++) {
          if (n === failAt) throw Object.assign(new Error('no more'), { code: 'EMPTY' })
          seen.pulled++
          yield n
        }
      } finally {
        seen.ended++
      }
    },
    { concurrency },
  )
  return { seen, consumer }
}

/** Loops to the end; answers the parts, and the error if there was one. */
async function collect<Part>(parts: AsyncIterable<Part>): Promise<{ parts: Part[]; error?: unknown }> {
  const got: Part[] = []
  try {
    for await (const part of parts) got.push(part)
  } catch (error) {
    return { parts: got, error }
  }
  return { parts: got }
}

const iterate = <Part>(parts: AsyncIterable<Part>) => parts[Symbol.asyncIterator]() as AsyncIterableIterator<Part>

onEveryEngine('a reply in parts', (scenario) => {
  for (const bodies of ['reference', 'clone', 'encoded'] as const) {
    scenario(`comes whole and in order, bodies by ${bodies}`, { broker: { bodies } }, async ({ bus }) => {
      const queue = await counting(bus)
      const { seen } = respond(queue)
      for (const window of [1, 2, 3, 16, 1_000]) {
        expect(await collect(queue.requestMany(100, { window }))).toEqual({ parts: upTo(100) })
      }
      expect(await collect(queue.requestMany(0))).toEqual({ parts: [] })
      await turn()
      expect(seen.ended).toBe(6)
      expect(await queue.stats()).toMatchObject({ enqueued: 6, acked: 6, unacked: 0 })
      expect(queue.requester).toMatchObject({ requested: 6, answered: 6, pending: 0, stray: 0 })
    })
  }

  scenario('may be any async iterable, of any values', { broker: { bodies: 'encoded' } }, async ({ bus }) => {
    const queue = await bus.declareQueue<string, unknown>('q')
    queue.respond((kind) => {
      if (kind === 'stream') return ReadableStream.from(['a', 'b']) as unknown as AsyncIterable<string>
      let left = 3
      return Promise.resolve({
        // n.b. an iterator without `return`.
        [Symbol.asyncIterator]: () => ({
          next: () =>
            Promise.resolve(left-- > 0 ? { value: left === 2 ? undefined : { left } } : { done: true, value: 0 }),
        }),
      } as AsyncIterable<unknown>)
    })
    expect(await collect(queue.requestMany('stream'))).toEqual({ parts: ['a', 'b'] })
    expect(await collect(queue.requestMany('own'))).toEqual({ parts: [undefined, { left: 1 }, { left: 0 }] })
    for await (const _ of queue.requestMany('own')) break
    await turn()
    expect(await queue.stats()).toMatchObject({ acked: 3 })
  })

  scenario('is pulled no further than the loop has room for', {}, async ({ bus }) => {
    const queue = await counting(bus)
    const { seen } = respond(queue)
    const parts = iterate(queue.requestMany(1_000, { window: 8 }))
    expect(seen.pulled).toBe(0)
    await turn()
    expect(seen.pulled).toBe(8)
    const pulled: number[] = []
    for (let n = 1; n <= 20; n++) {
      expect(await parts.next()).toEqual({ value: n, done: false })
      await turn()
      pulled.push(seen.pulled - n)
    }
    expect(Math.max(...pulled)).toBeLessThanOrEqual(8)
    expect(Math.min(...pulled)).toBeGreaterThan(0)
    const byDefault = iterate(queue.requestMany(1_000))
    await turn()
    expect(seen.pulled - 20).toBeLessThanOrEqual(8 + 16)
    await Promise.all([parts.return?.(), byDefault.return?.()])
    await turn()
    expect(seen.ended).toBe(2)
  })

  scenario('begins with each loop over it', {}, async ({ bus }) => {
    const queue = await counting(bus)
    const parts = queue.requestMany(3)
    await turn()
    expect(await queue.info()).toMatchObject({ messageCount: 0 })
    respond(queue)
    expect(await collect(parts)).toEqual({ parts: [1, 2, 3] })
    expect(await collect(parts)).toEqual({ parts: [1, 2, 3] })
    expect(queue.requester.requested).toBe(2)
  })

  scenario('can be asked for several parts at once', {}, async ({ bus }) => {
    const queue = await counting(bus)
    respond(queue)
    const parts = iterate(queue.requestMany(3))
    const results = await Promise.all([parts.next(), parts.next(), parts.next(), parts.next(), parts.next()])
    expect(results.map(({ value, done }) => (done === true ? 'done' : value))).toEqual([1, 2, 3, 'done', 'done'])
  })

  for (const leave of ['break', 'throw', 'return', 'abort'] as const) {
    scenario(`that is left by ${leave} ends its iterator at once`, {}, async ({ bus }) => {
      const queue = await counting(bus)
      const { seen } = respond(queue)
      const abort = new AbortController()
      const left = (async () => {
        for await (const part of queue.requestMany(1_000, { signal: abort.signal })) {
          if (part < 3) continue
          if (leave === 'break') break
          if (leave === 'return') return
          if (leave === 'throw') throw new Error('left')
          abort.abort(new Error('enough'))
        }
      })()
      const error = leave === 'break' || leave === 'return' ? await left : await errorOf(() => left)
      if (leave === 'abort') expect(error).toMatchObject({ code: 'ABORTED', accepted: true })
      else if (leave === 'throw') expect(error).toMatchObject({ message: 'left' })
      await turn()
      expect(seen).toMatchObject({ ended: 1, aborted: 1 })
      expect(seen.pulled).toBeLessThanOrEqual(3 + 16)
      expect(await queue.stats()).toMatchObject({ acked: 1, unacked: 0 })
      expect(queue.requester.pending).toBe(0)
    })
  }

  scenario('that is left before it began is not begun in vain for long', {}, async ({ bus }) => {
    const queue = await counting(bus)
    const parts = iterate(queue.requestMany(1_000))
    expect(await parts.return?.()).toEqual({ value: undefined, done: true })
    expect(await parts.next()).toEqual({ value: undefined, done: true })
    const { seen } = respond(queue)
    await turn()
    expect(seen).toMatchObject({ ended: 1 })
    expect(await queue.stats()).toMatchObject({ acked: 1 })
    expect(queue.requester.stray).toBeGreaterThan(0)
  })

  scenario('aborts the signal of a handler that is in the middle of a part', {}, async ({ bus }) => {
    const queue = await counting(bus)
    const ends: string[] = []
    queue.respond(async function* (_, { signal }) {
      try {
        yield 1
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        ends.push('woken')
        yield 2
      } finally {
        await turn()
        ends.push('cleaned up')
      }
    })
    for await (const _ of queue.requestMany(1)) break
    await turn()
    // n.b. the request is settled when the cleaning up is done.
    expect((await queue.stats()).acked).toBe(0)
    await turn()
    expect(ends).toEqual(['woken', 'cleaned up'])
    await turn()
    expect((await queue.stats()).acked).toBe(1)
  })

  for (const failAt of [1, 2, 40]) {
    scenario(`whose responder fails at part ${failAt} throws after the parts that came`, {}, async ({ bus }) => {
      const queue = await counting(bus)
      const { seen } = respond(queue, { failAt })
      const { parts, error } = await collect(queue.requestMany(100))
      expect(parts).toEqual(upTo(failAt - 1))
      expect(error).toMatchObject({ code: 'REMOTE', remote: { message: 'no more', code: 'EMPTY' } })
      await turn()
      expect(seen.ended).toBe(1)
      expect(await queue.stats()).toMatchObject({ acked: 1 })
    })
  }

  scenario(
    'with a part that cannot be encoded throws, and ends the iterator',
    { broker: { bodies: 'encoded' } },
    async (row) => {
      const queue = await row.bus.declareQueue<number, unknown>('q')
      let ended = false
      queue.respond(async function* () {
        try {
          yield 1
          yield 2n
        } finally {
          ended = true
        }
      })
      const { parts, error } = await collect(queue.requestMany(1))
      expect(parts).toEqual([1])
      expect(error).toMatchObject({ code: 'REMOTE', remote: { code: 'BODY_NOT_ENCODABLE' } })
      await turn()
      expect(ended).toBe(true)
    },
  )

  scenario('whose iterator fails while it is ended is a fault of the broker', { needs: ['inside'] }, async (row) => {
    const queue = await row.bus.declareQueue<number, unknown>('q')
    const faults: unknown[] = []
    row.broker.on('fault', ({ error }) => faults.push(error))
    queue.respond(async function* () {
      try {
        for (;;) yield 1
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: the point of this test
        throw new Error('cannot clean up')
      }
    })
    for await (const _ of queue.requestMany(1)) break
    await turn()
    expect(faults).toMatchObject([{ message: 'cannot clean up' }])
    expect(await queue.stats()).toMatchObject({ acked: 1 })
  })

  scenario('ends by its timeout between parts, while the loop waits', { needs: ['time'] }, async (row) => {
    const queue = await counting(row.bus)
    let go: () => void = () => undefined
    let ended = 0
    queue.respond(async function* (_, { signal }) {
      signal.addEventListener('abort', () => go())
      try {
        for (let n = 1; ; n++) {
          yield n
          await new Promise<void>((resolve) => {
            go = resolve
          })
        }
      } finally {
        ended++
      }
    })
    const parts = iterate(queue.requestMany(1, { timeout: 1_000 }))
    expect(await parts.next()).toMatchObject({ value: 1 })
    // n.b. a loop that takes its time is no responder that does.
    await row.advance(10_000)
    const second = parts.next()
    await row.advance(999)
    go()
    expect(await second).toMatchObject({ value: 2 })
    const third = errorOf(() => parts.next())
    await row.advance(1_000)
    expect(await third).toMatchObject({
      code: 'TIMEOUT',
      message: "request to queue 'count', part 3, took longer than 1000 ms",
    })
    expect(await parts.next()).toEqual({ value: undefined, done: true })
    await turn()
    expect(ended).toBe(1)
    expect(row.clock.pending).toBeLessThanOrEqual(1)
  })

  scenario('that nobody begins ends by its timeout, and says so', { needs: ['time'] }, async (row) => {
    const queue = await counting(row.bus)
    const waiting = collect(queue.requestMany(1, { timeout: 1_000 }))
    await row.advance(1_000)
    expect((await waiting).error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('no responder') })
  })

  for (const lost of ['closed', 'without its connection'] as const) {
    scenario(`is not gone on with by another when its responder is ${lost}`, { needs: ['time'] }, async (row) => {
      const queue = await counting(row.bus)
      const leaving = await row.connect()
      const first = respond(leaving.queue('count'))
      const parts = iterate(queue.requestMany(1_000))
      expect(await parts.next()).toMatchObject({ value: 1 })
      await turn()
      const { seen } = respond(queue)
      if (lost === 'closed') await first.consumer.close({ timeout: 0 })
      else await leaving.close()
      await turn()
      const { parts: rest, error } = await collect(parts)
      expect(error).toMatchObject({ code: 'REPLY_INTERRUPTED', name: 'ReplyInterruptedError' })
      // n.b. of the first, and of nobody else.
      expect(rest).toEqual(upTo(rest.length).map((n) => n + 1))
      expect(rest.length).toBeGreaterThan(3)
      await turn()
      expect(first.seen.ended).toBe(1)
      expect(seen.ended).toBe(1)
      expect(await queue.stats()).toMatchObject({ acked: 1, unacked: 0 })
    })

    scenario(`begins anew when its responder is ${lost} before a part was taken`, {}, async (row) => {
      const queue = await counting(row.bus)
      const leaving = await row.connect()
      const first = respond(leaving.queue('count'))
      const parts = iterate(queue.requestMany(100, { window: 4 }))
      await turn()
      expect(first.seen.pulled).toBe(4)
      if (lost === 'closed') await first.consumer.close({ timeout: 0 })
      else await leaving.close()
      await turn()
      const { seen } = respond(queue)
      await turn()
      expect(await collect(parts)).toEqual({ parts: upTo(100) })
      await turn()
      expect(first.seen.ended).toBe(1)
      expect(seen).toMatchObject({ pulled: 100, ended: 1 })
    })
  }

  scenario('says at once that its responder was closed, also when there is no other', {}, async ({ bus }) => {
    const queue = await counting(bus)
    const { consumer } = respond(queue)
    const parts = iterate(queue.requestMany(1_000, { window: 4 }))
    await parts.next()
    await turn()
    await consumer.close({ timeout: 0 })
    await turn()
    const { parts: rest, error } = await collect(parts)
    expect(rest).toEqual([2, 3, 4])
    expect(error).toMatchObject({
      code: 'REPLY_INTERRUPTED',
      message: "request to queue 'count': the responder was lost after 4 parts of its reply",
    })
  })

  scenario('ends an iterator that waits, where that can be ended', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, number>('q')
    let end: (result: IteratorResult<number>) => void = () => undefined
    let left = 1
    queue.respond(() => ({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          left-- > 0
            ? Promise.resolve({ value: 1 })
            : new Promise<IteratorResult<number>>((resolve) => {
                end = resolve
              }),
        return: () => {
          end({ value: undefined, done: true })
          return Promise.resolve({ value: undefined, done: true })
        },
      }),
    }))
    for await (const _ of queue.requestMany(1)) break
    await turn()
    expect(await queue.stats()).toMatchObject({ acked: 1, unacked: 0 })
  })

  scenario('that is lost for good ends by its timeout', { needs: ['time'] }, async (row) => {
    const queue = await counting(row.bus)
    const leaving = await row.connect()
    respond(leaving.queue('count'))
    const parts = iterate(queue.requestMany(1_000, { timeout: 1_000 }))
    await parts.next()
    await turn()
    await leaving.close()
    const ending = collect(parts)
    await row.advance(1_000)
    expect((await ending).error).toMatchObject({ code: 'TIMEOUT' })
  })

  scenario('ends its iterator when the requester is gone', { needs: ['time'] }, async (row) => {
    const queue = await counting(row.bus)
    const { seen } = respond(queue)
    const requesterBus = await row.connect()
    const parts = iterate(requesterBus.queue<number, number>('count').requestMany(1_000))
    await parts.next()
    await turn()
    await requesterBus.close()
    // n.b. what has come is still the loop's.
    const { parts: rest, error } = await collect(parts)
    expect(rest).toHaveLength(seen.pulled - 1)
    expect(error).toMatchObject({ code: 'CLOSED' })
    await row.advance(30_000)
    expect(seen).toMatchObject({ ended: 1, aborted: 1 })
    expect(await queue.stats()).toMatchObject({ acked: 1 })
    expect(row.clock.pending).toBe(0)
  })

  scenario('ends its iterator when the requester is closed, without a wait', {}, async (row) => {
    const queue = await counting(row.bus)
    const { seen } = respond((await row.connect()).queue('count'))
    const parts = iterate(queue.requestMany(1_000))
    await parts.next()
    await queue.close()
    await turn()
    expect(seen.ended).toBe(1)
    expect((await collect(parts)).error).toMatchObject({ code: 'CLOSED' })
  })

  scenario('waits for a loop that is slow, however slow it is', { needs: ['time'] }, async (row) => {
    const queue = await counting(row.bus)
    const { seen } = respond(queue)
    const parts = iterate(queue.requestMany(40, { window: 2 }))
    for (let n = 1; n <= 40; n++) {
      expect(await parts.next()).toMatchObject({ value: n })
      await row.advance(100_000)
    }
    expect(await parts.next()).toMatchObject({ done: true })
    expect(seen).toMatchObject({ pulled: 40, ended: 1, aborted: 0 })
    // n.b. and looks again and again whether somebody is there.
    const leaving = await row.connect()
    await iterate(leaving.queue<number, number>('count').requestMany(40)).next()
    await row.advance(100_000)
    expect(seen.ended).toBe(1)
    await leaving.close()
    await row.advance(30_000)
    expect(seen).toMatchObject({ ended: 2, aborted: 1 })
  })

  scenario(
    'to a queue that is missing or full, of a bad option, throws in the loop or at once',
    {},
    async ({ bus }) => {
      const full = await bus.declareQueue<number, number>('full', { maxLength: 0, overflow: 'reject-publish' })
      expect((await collect(bus.queue('missing').requestMany(1))).error).toMatchObject({ code: 'NO_ROUTE' })
      expect((await collect(full.requestMany(1))).error).toMatchObject({ code: 'PUBLISH_REFUSED' })
      expect(await errorOf(() => full.requestMany(1, { windw: 1 } as object))).toMatchObject({
        message: "requestMany: unknown option 'windw'; did you mean 'window'?",
      })
      expect(await errorOf(() => full.requestMany(1, { window: 0 }))).toMatchObject({ code: 'INVALID_OPTION' })
      const aborted = full.requestMany(1, { signal: AbortSignal.abort() })
      expect((await collect(aborted)).error).toMatchObject({ code: 'ABORTED', accepted: false })
      expect([full.requester.pending, full.requester.requested]).toEqual([0, 1])
      await full.close()
      expect((await collect(full.requestMany(1))).error).toMatchObject({ code: 'CLOSED' })
    },
  )

  scenario('that is plain is one part; parts to who asks for a plain reply are an error', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, unknown>('q')
    let began = false
    queue.respond((n) => {
      if (n === 1) return 'plain'
      if (n === 2) throw new Error('two')
      return (async function* () {
        began = true
        yield 1
      })()
    })
    expect(await collect(queue.requestMany(1, { window: 1 }))).toEqual({ parts: ['plain'] })
    const { parts, error } = await collect(queue.requestMany(2))
    expect([parts, error]).toMatchObject([[], { code: 'REMOTE', remote: { message: 'two' } }])
    expect(await errorOf(() => queue.request(3))).toMatchObject({
      code: 'REMOTE',
      remote: { code: 'INVALID_OPTION', message: expect.stringContaining('requestMany()') },
    })
    // n.b. nor is it begun for nobody.
    await queue.send(3)
    await turn()
    expect(began).toBe(false)
    expect(await queue.stats()).toMatchObject({ acked: 4 })
  })

  scenario('takes nothing that its responder did not send', {}, async ({ bus }) => {
    const queue = await bus.declareQueue<number, string>('q')
    const strays: StrayReply[] = []
    queue.requester.on('stray', (stray) => strays.push(stray))
    const parts = iterate(queue.requestMany(1))
    const { properties, headers } = await take(queue)
    expect(headers).toEqual({ 'x-leveret-credit': 16 })
    const address = bus.queue<string | undefined>(properties.replyTo as string)
    const mine = await bus.declareQueue('mine')
    const from = (replyTo: string, kind: string) => ({
      correlationId: '1',
      replyTo,
      headers: { 'x-leveret-reply': kind },
    })
    await address.send('a1', from('mine', 'part'))
    await address.send(undefined, from('mine', 'interrupted'))
    await address.send('b1', from('other', 'part'))
    await address.send('a2', from('mine', 'part'))
    await address.send('b2', from('other', 'part'))
    await address.send(undefined, from('other', 'end'))
    expect(await collect(parts)).toEqual({ parts: ['b1', 'b2'] })
    expect(strays.map(({ reason, delivery }) => [reason, delivery.body])).toEqual([['late', 'a2']])
    // n.b. who goes on is told to stop.
    expect((await take(mine)).headers).toEqual({ 'x-leveret-credit': 0 })
    expect(await drain(queue)).toEqual([])
  })

  scenario('leaves no address behind', { needs: ['time'] }, async (row) => {
    const queue = await counting(row.bus)
    respond(queue)
    const addresses = new Set<string>()
    const parts = iterate(queue.requestMany(20, { window: 1 }))
    const consumer = row.bus.queue('count')
    expect(consumer.name).toBe('count')
    for await (const _ of parts);
    queue.requester.on('stray', ({ delivery }) => addresses.add(delivery.properties.replyTo as string))
    const left = iterate(queue.requestMany(20))
    await left.return?.()
    await turn()
    expect(addresses.size).toBe(1)
    for (const address of addresses) expect(await hasQueue(row.bus, address)).toBe(false)
    await queue.close()
    expect(row.clock.pending).toBe(0)
  })
})
