/** The platform's streams: a consumer as the beginning of one, a producer as the end, and both as a bridge. */
import { Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ReadableStream, TransformStream, type WritableStream } from 'node:stream/web'
import type { Delivery, Queue } from 'leveret'
import { expect, expectTypeOf, vi } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { bodies, drain, errorOf, sendAll, takeAll, upTo } from './helpers.js'

const REASON = new Error('enough')

/** What is in the queue, in order, and whether any of it was handed out before. */
async function look(queue: Queue<number>) {
  const all = await takeAll(queue)
  const seen = all.filter(({ redelivered }) => redelivered)
  for (const delivery of all) delivery.ack()
  return { bodies: bodies(all), seen: bodies(seen) }
}

/** Acknowledges what passes and passes its body on. */
const acknowledging = () =>
  new TransformStream<Delivery<number>, number>({
    transform(delivery, controller) {
      controller.enqueue(delivery.body)
      delivery.ack()
    },
  })

onEveryEngine('a stream from a consumer', (scenario) => {
  scenario('brings every delivery, in order, as it is asked for', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(5))
    const reader = ReadableStream.from(queue.createConsumer()).getReader()
    const got: number[] = []
    for (let n = 0; n < 5; n++) {
      const { value } = await reader.read()
      got.push((value as Delivery<number>).body)
      value?.ack()
    }
    expect(got).toEqual(upTo(5))
    const waiting = reader.read()
    await queue.send(6)
    expect((await waiting).value?.body).toBe(6)
    await reader.cancel()
    expect(await queue.stats()).toMatchObject({ acked: 5, unacked: 1, consumers: 0 })
  })

  scenario('cancels its consumer when it is cancelled, and what was prefetched goes back unseen', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(4))
    const reader = ReadableStream.from(queue.createConsumer()).getReader()
    ;(await reader.read()).value?.ack()
    expect(await queue.stats()).toMatchObject({ ready: 0, consumers: 1 })
    await reader.cancel(REASON)
    expect(await queue.stats()).toMatchObject({ ready: 3, unacked: 0, consumers: 0 })
    expect(await look(queue)).toEqual({ bodies: [2, 3, 4], seen: [] })
  })

  scenario('ends when the consumer is closed', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(2))
    const consumer = queue.createConsumer()
    const got: number[] = []
    const piping = ReadableStream.from(consumer)
      .pipeThrough(acknowledging())
      .pipeTo(new WritableStreamOf<number>((body) => void got.push(body)))
    await turn()
    await consumer.close()
    await piping
    expect(got).toEqual([1, 2])
  })

  scenario('fails with the error of the broker that cancels the consumer', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const piping = errorOf(() =>
      ReadableStream.from(queue.createConsumer()).pipeTo(new WritableStreamOf(() => undefined)),
    )
    await turn()
    await queue.delete()
    expect(await piping).toMatchObject({ code: 'CONSUMER_CANCELLED' })
  })

  scenario('is aborted with its pipe, by a signal or from the other end', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    for (const by of ['signal', 'writer'] as const) {
      await sendAll(queue, upTo(3))
      const abort = new AbortController()
      const sink = new WritableStreamOf<Delivery<number>>((delivery) => {
        if (delivery.body === 2) {
          delivery.requeue()
          if (by === 'writer') throw REASON
          abort.abort(REASON)
        } else {
          delivery.ack()
        }
      })
      const options = by === 'signal' ? { signal: abort.signal } : {}
      expect(await errorOf(() => ReadableStream.from(queue.createConsumer()).pipeTo(sink, options))).toBe(REASON)
      await turn()
      const left = await look(queue)
      expect(left.bodies, by).toEqual([2, 3])
      expect(await queue.stats()).toMatchObject({ unacked: 0, consumers: 0 })
    }
  })

  scenario('brings batches as well', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    await sendAll(queue, upTo(5))
    const reader = ReadableStream.from(queue.createConsumer().batches({ size: 2 })).getReader()
    const { value } = await reader.read()
    expect(value?.bodies).toEqual([1, 2])
    value?.ack()
    await reader.cancel()
    expect(await look(queue)).toEqual({ bodies: [3, 4, 5], seen: [] })
  })

  scenario('goes through the streams of Node, which destroy it when they fail', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    for (const from of [
      (source: ReturnType<typeof queue.createConsumer>) =>
        Readable.fromWeb(ReadableStream.from(source), { objectMode: true, highWaterMark: 1 }),
      (source: ReturnType<typeof queue.createConsumer>) => Readable.from(source, { highWaterMark: 1 }),
    ]) {
      await sendAll(queue, upTo(30))
      const handled: number[] = []
      const failing = new Writable({
        objectMode: true,
        highWaterMark: 1,
        write(delivery: Delivery<number>, _, done) {
          if (delivery.body === 4) return done(REASON)
          handled.push(delivery.body)
          delivery.ack()
          done()
        },
      })
      const consumer = queue.createConsumer({ prefetch: 5 })
      expect(await errorOf(() => pipeline(from(consumer), failing))).toBe(REASON)
      expect(handled).toEqual([1, 2, 3])
      await turn()
      expect(await queue.stats()).toMatchObject({ consumers: 0 })
      // n.b. what Node's streams had buffered is in nobody's hands: closing the consumer gives it back.
      await consumer.close()
      expect((await look(queue)).bodies).toEqual(upTo(30).slice(3))
    }
  })
})

onEveryEngine('a writable producer', (scenario) => {
  scenario('sends every chunk with its options, and is done when the last is confirmed', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const options = { headers: { from: 'stream' }, priority: 2, highWaterMark: 8 }
    await ReadableStream.from(upTo(100)).pipeTo(queue.createProducer().writable(options))
    const all = await takeAll(queue)
    expect(bodies(all)).toEqual(upTo(100))
    expect(all[99]?.properties).toEqual({ headers: { from: 'stream' }, priority: 2 })
  })

  scenario('sends with one routing key of an exchange, whose type its chunks have', async ({ bus }) => {
    interface Events {
      'order.created': { id: number }
      'order.paid': string
    }
    const orders = await bus.declareExchange<Events>('orders', 'topic')
    const queue = await bus.declareQueue('q', { bindings: [orders.key('order.*')] })
    const created = orders.producer.writable('order.created')
    expectTypeOf(created).toExtend<WritableStream<{ id: number }>>()
    expectTypeOf(orders.producer.writable<'order.paid'>).returns.toExtend<WritableStream<string>>()
    await ReadableStream.from([{ id: 1 }, { id: 2 }]).pipeTo(created)
    expect((await takeAll(queue)).map(({ routingKey, body }) => [routingKey, body])).toEqual([
      ['order.created', { id: 1 }],
      ['order.created', { id: 2 }],
    ])
  })

  scenario(
    'stops the pipe while the queue is full and makes publishers wait',
    { needs: ['block'] },
    async ({ bus }) => {
      const queue = await bus.declareQueue<number>('q', { maxLength: 2, overflow: 'block' })
      let pulled = 0
      const source = new ReadableStream<number>(
        {
          pull(controller) {
            controller.enqueue(++pulled)
            if (pulled === 10) controller.close()
          },
        },
        { highWaterMark: 0 },
      )
      let done = false
      const piping = source.pipeTo(queue.producer.writable()).then(() => {
        done = true
      })
      await turn()
      expect(await queue.stats()).toMatchObject({ enqueued: 3, ready: 3 })
      expect(pulled).toBe(3)
      const got: number[] = []
      while (!done) {
        const delivery = await queue.get()
        if (delivery !== undefined) {
          got.push(delivery.body)
          delivery.ack()
        }
        await turn()
      }
      await piping
      expect([...got, ...(await drain(queue))]).toEqual(upTo(10))
    },
  )

  scenario('says that it is full after as many chunks as it is told', { needs: ['block'] }, async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q', { maxLength: 1, overflow: 'block' })
    const writer = queue.producer.writable({ highWaterMark: 3 }).getWriter()
    const sizes: (number | null)[] = []
    const writes = upTo(4).map((n) => {
      sizes.push(writer.desiredSize)
      return writer.write(n)
    })
    expect(sizes).toEqual([3, 2, 1, 0])
    for (const write of writes) {
      await turn()
      ;(await queue.get())?.ack()
      await write
    }
    await writer.close()
  })

  scenario(
    'ends the wait of its chunk when it is aborted; the message is sent',
    { needs: ['block'] },
    async ({ bus }) => {
      const queue = await bus.declareQueue<number>('q', { maxLength: 1, overflow: 'block' })
      await queue.send(0)
      const stream = queue.producer.writable()
      const writer = stream.getWriter()
      const failed = errorOf(() => writer.write(1))
      const next = errorOf(() => writer.write(2))
      await turn()
      await writer.abort(REASON)
      expect(await failed).toMatchObject({ code: 'ABORTED', accepted: true, cause: REASON })
      expect(await next).toBe(REASON)
      expect(await drain(queue)).toEqual([0, 1])
    },
  )

  scenario('fails with the error of its send, and its source is cancelled with it', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q', { maxLength: 2, overflow: 'reject-publish' })
    let reason: unknown
    const source = new ReadableStream<number>({
      pull: (controller) => controller.enqueue(1),
      cancel: (why) => {
        reason = why
      },
    })
    const error = await errorOf(() => source.pipeTo(queue.producer.writable()))
    expect(error).toMatchObject({ code: 'PUBLISH_REFUSED' })
    expect(reason).toBe(error)
    const missing = bus.queue<number>('missing').createProducer().writable({ mandatory: true })
    const writer = missing.getWriter()
    expect(await errorOf(() => writer.write(1))).toMatchObject({ code: 'NO_ROUTE' })
    expect(await errorOf(() => writer.closed)).toMatchObject({ code: 'NO_ROUTE' })
  })

  scenario('fails while it waits when its bus is closed', { needs: ['block'] }, async ({ bus, connect }) => {
    await bus.declareQueue<number>('q', { maxLength: 1, overflow: 'block' })
    const other = await connect()
    const piping = errorOf(() => ReadableStream.from(upTo(5)).pipeTo(other.queue<number>('q').producer.writable()))
    await turn()
    await other.close()
    expect(await piping).toMatchObject({ code: 'CLOSED' })
    expect(await errorOf(() => other.queue('q').producer)).toMatchObject({ code: 'CLOSED' })
  })

  scenario('has a producer of its own, which ends with it however it ends', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q', { maxLength: 2, overflow: 'reject-publish' })
    const { producer } = queue
    const close = vi.spyOn(Object.getPrototypeOf(Object.getPrototypeOf(producer)), 'close')
    try {
      for (const end of ['close', 'abort', 'failure'] as const) {
        close.mockClear()
        const writer = producer.writable().getWriter()
        writer.closed.catch(() => undefined)
        await writer.write(1)
        if (end === 'failure') await writer.write(2).then(() => errorOf(() => writer.write(3)))
        else await writer[end]()
        await turn()
        expect(close, end).toHaveBeenCalledTimes(1)
        await drain(queue)
      }
    } finally {
      close.mockRestore()
    }
    expect(producer.closed).toBe(false)
    await queue.send(4)
    expect(await drain(queue)).toEqual([4])
  })

  scenario('makes a bridge between queues, by the streams of the web and of Node', async ({ bus }) => {
    const from = await bus.declareQueue<number>('from')
    const to = await bus.declareQueue<number>('to')
    const doubled = new TransformStream<number, number>({
      transform: (body, controller) => controller.enqueue(body * 2),
    })
    await sendAll(from, upTo(5))
    let consumer = from.createConsumer()
    const web = ReadableStream.from(consumer)
      .pipeThrough(acknowledging())
      .pipeThrough(doubled)
      .pipeTo(to.createProducer().writable())
    await turn()
    await consumer.close()
    await web
    expect(await drain(to)).toEqual([2, 4, 6, 8, 10])

    await sendAll(from, upTo(5))
    consumer = from.createConsumer()
    const node = pipeline(
      Readable.from(consumer),
      new Transform({
        objectMode: true,
        transform(delivery: Delivery<number>, _, done) {
          delivery.ack()
          done(null, delivery.body * 3)
        },
      }),
      Writable.fromWeb(to.producer.writable() as WritableStream<number>, { objectMode: true }),
    )
    await turn()
    await consumer.close()
    await node
    expect(await drain(to)).toEqual([3, 6, 9, 12, 15])
  })

  scenario('checks its options, and says where there are no streams', async ({ bus }) => {
    const queue = await bus.declareQueue<number>('q')
    const wrong = (value: unknown): never => value as never
    const { WritableStream } = globalThis
    try {
      for (const [call, message] of [
        [
          () => queue.producer.writable({ highWaterMark: 0 }),
          "'highWaterMark' must be an integer from 1 to 2147483647 (chunks), got 0",
        ],
        [() => queue.producer.writable(wrong({ highWatermark: 1 })), "did you mean 'highWaterMark'?"],
        [() => queue.producer.writable(wrong({ signal: 1 })), "unknown option 'signal'"],
        [() => bus.exchange('x').producer.writable(wrong(7)), 'routing key'],
        [
          () => {
            ;(globalThis as { WritableStream?: unknown }).WritableStream = undefined
            queue.producer.writable()
          },
          'expected a platform with WritableStream, got one without',
        ],
      ] as const) {
        expect(await errorOf(call)).toMatchObject({ message: expect.stringContaining(message) })
      }
    } finally {
      globalThis.WritableStream = WritableStream
    }
  })
})

/** A platform stream over one function. */
class WritableStreamOf<T> extends globalThis.WritableStream<T> {
  constructor(write: (chunk: T) => unknown) {
    super({
      write: async (chunk) => {
        await write(chunk)
      },
    })
  }
}
