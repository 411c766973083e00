/** What the compiler knows of requests and their replies. */
import type { Bus, Consumer, Delivery, Queue, StandardSchema } from 'leveret'
import { describe, expectTypeOf, test } from 'vitest'

declare const bus: Bus

describe('requests', () => {
  test('have the types that the queue was declared with', async () => {
    const double = await bus.declareQueue<number, string>('double')
    expectTypeOf(double.request(1)).toEqualTypeOf<Promise<string>>()
    expectTypeOf(double.requestMany(1)).toEqualTypeOf<AsyncIterable<string>>()
    // @ts-expect-error the body of a request is a number
    void double.request('1')
    // @ts-expect-error a request has no `replyTo` of its own
    void double.request(1, { replyTo: 'q' })
    // @ts-expect-error a window is for parts
    void double.request(1, { window: 1 })
    void double.request(1, { timeout: 1, headers: { a: 1 }, signal: new AbortController().signal })
  })

  test('are answered by the type of the reply, now, later or in parts', async () => {
    const double: Queue<number, string> = bus.queue<number, string>('double')
    const consumer = double.respond((body, delivery) => {
      expectTypeOf(body).toEqualTypeOf<number>()
      expectTypeOf(delivery).toEqualTypeOf<Delivery<number>>()
      return String(body)
    })
    expectTypeOf(consumer).toEqualTypeOf<Consumer<number>>()
    double.respond(async (body) => String(body), { concurrency: 2, orderBy: ({ body }) => body })
    double.respond(async function* (body) {
      yield String(body)
    })
    double.respond(async (body) => (body === 1 ? 'one' : (async function* () {})()))
    // @ts-expect-error a reply is a string
    double.respond((body) => body)
    // @ts-expect-error later, too
    double.respond(async (body) => body)
    double.respond(
      // @ts-expect-error and so is each part
      async function* (body) {
        yield body
      },
    )
    // @ts-expect-error a request is acknowledged
    double.respond((body) => String(body), { noAck: true })
  })

  test('of a queue that says nothing of replies may have any', async () => {
    const any = await bus.declareQueue<number>('any')
    expectTypeOf(any.request(1)).toEqualTypeOf<Promise<unknown>>()
    any.respond(() => undefined)
    any.respond((body) => body)
  })

  test('are what a schema takes, and handlers get what it makes of them', () => {
    const schema = {} as StandardSchema<string, Date>
    const queue = bus.queue('q', { body: schema })
    void queue.request('2026-01-01')
    // @ts-expect-error the input of the schema is a string
    void queue.request(new Date())
    queue.respond((body) => expectTypeOf(body).toEqualTypeOf<Date>())
  })
})

describe('transfer', () => {
  test('takes buffers, of the message they are in', async () => {
    const queue = await bus.declareQueue<Uint8Array, number>('q')
    const body = new Uint8Array(8)
    const transfer = [body.buffer] as const
    void queue.send(body, { transfer })
    queue.publish(body, { transfer })
    void bus.exchange('x').send('', body, { transfer })
    void queue.request(body, { transfer })
    queue.requestMany(body, { transfer })
    // @ts-expect-error a view is no buffer
    void queue.send(body, { transfer: [body] })
    // @ts-expect-error nor is one that is shared
    queue.publish(body, { transfer: [new SharedArrayBuffer(8)] })
    // @ts-expect-error the chunks of a stream are many
    queue.producer.writable({ transfer })
  })
})
