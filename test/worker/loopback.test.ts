// A bus over the wire, without a thread.
import { Broker } from 'leveret'
import { testBroker } from 'leveret/testing'
import { connect, loopback, serve } from 'leveret/worker'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { takeAll } from '../bus/helpers.js'
import { turn } from '../support/turn.js'

describe('a bus over the wire', () => {
  test('declares, sends, loops and acknowledges', async () => {
    const broker = new Broker()
    const bus = await loopback(broker)
    const jobs = await bus.declareQueue<{ id: number }>('jobs')
    for (let id = 0; id < 10; id++) await jobs.send({ id })
    const seen: number[] = []
    for await (const delivery of jobs.createConsumer({ prefetch: 3 })) {
      seen.push(delivery.body.id)
      delivery.ack()
      if (seen.length === 10) break
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(await jobs.stats()).toMatchObject({ acked: 10, ready: 0, unacked: 0, consumers: 0 })
    await bus.close()
    expect(broker.overview().virtualHosts[0]?.connections).toHaveLength(0)
  })

  test('requests and responds', async () => {
    const broker = new Broker()
    const bus = await loopback(broker)
    const double = await bus.declareQueue<number, number>('double')
    double.respond((n) => n * 2)
    expect(await double.request(21)).toBe(42)
  })

  test('passes errors with class, name, code and cause', async () => {
    const bus = await loopback(new Broker())
    await expect(bus.queue('missing').info()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      name: 'NotFoundError',
      replyCode: 404,
      message: "NOT_FOUND - no queue 'missing' in vhost '/'",
    })
    const queue = await bus.declareQueue<unknown>('q')
    const cause = Object.assign(new TypeError('inner'), { code: 'E_INNER' })
    await queue.send({ why: new RangeError('outer', { cause }), at: new Date(0), many: new Map([[1, -0]]) })
    const body = (await queue.get())?.body as { why: Error & { cause: Error }; at: Date; many: Map<number, number> }
    expect(body.why).toBeInstanceOf(RangeError)
    expect(body.why.cause).toBeInstanceOf(TypeError)
    expect(body.why.cause).toMatchObject({ message: 'inner', code: 'E_INNER' })
    expect(body.at).toEqual(new Date(0))
    expect(body.many.get(1)).toBe(-0)
  })

  test('refuses what no other thread can have', async () => {
    class Money {}
    const bus = await loopback(new Broker())
    const queue = await bus.declareQueue<unknown>('q')
    await expect(queue.send({ items: [{ price: new Money() }] })).rejects.toThrow(
      'body.items[0].price is an instance of class Money, which would arrive without it',
    )
    await expect(queue.send(() => 1)).rejects.toThrow('body is a function, which no other thread can have')
    expect((await queue.info()).messageCount).toBe(0)
  })

  test('gives back what is on its way when a consumer is cancelled, in order and not flagged', async () => {
    const broker = new Broker()
    const bus = await loopback(broker)
    const queue = await bus.declareQueue<number>('q')
    const seen: number[] = []
    const consumer = queue.createConsumer().consume(({ body }) => void seen.push(body))
    await queue.info()
    for (let n = 1; n <= 5; n++) broker.virtualHost('/').queue('q').publish(n)
    await consumer.cancel()
    expect(await queue.stats()).toMatchObject({ ready: 5, unacked: 0 })
    expect((await takeAll(queue)).map(({ body, redelivered }) => [body, redelivered])).toEqual(
      [1, 2, 3, 4, 5].map((body) => [body, false]),
    )
    expect(seen).toEqual([])
  })

  for (const options of [{ prefetch: 0 }, { noAck: true }]) {
    test(`takes more than is on its way at once, with ${JSON.stringify(options)}`, async () => {
      await using kit = testBroker()
      const bus = await loopback(kit.broker)
      const queue = await bus.declareQueue<number>('q')
      for (let n = 0; n < 3_500; n++) kit.bus.queue('q').publish(n)
      const seen: number[] = []
      queue.createConsumer(options).consume((delivery) => {
        seen.push(delivery.body)
        if (delivery.settled === undefined) delivery.ack()
      })
      await kit.settled()
      expect(seen).toEqual(Array.from({ length: 3_500 }, (_, n) => n))
    })
  }

  test('holds no more than so many for a consumer that takes none of them', async () => {
    const broker = new Broker()
    const bus = await loopback(broker)
    const queue = await bus.declareQueue<number>('q')
    for (let n = 0; n < 3_500; n++) broker.virtualHost('/').queue('q').publish(n)
    const iterator = queue.createConsumer({ prefetch: 0 })[Symbol.asyncIterator]()
    await iterator.next()
    await turn()
    // n.b. what is beyond stands in the broker, in the outbox of the consumer.
    expect(broker.virtualHost('/').queues()[0]?.consumers).toMatchObject([{ unsettled: 1_000 }])
    await iterator.return?.()
    expect(await queue.stats()).toMatchObject({ ready: 3_499, unacked: 1 })
  })
})

test('goes on over a port under fake timers', async () => {
  const broker = new Broker()
  const { port1, port2 } = new MessageChannel()
  const served = serve(broker, port1)
  const bus = await connect(port2)
  const queue = await bus.declareQueue<number>('q')
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'setInterval', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  // n.b. the second is kept for the end of the turn, which no fake timer may stand in for.
  const sends = [1, 2, 3].map(async (n) => {
    if (n > 1) await Promise.resolve()
    await queue.send(n)
  })
  await Promise.all(sends)
  expect(await queue.stats()).toMatchObject({ ready: 3 })
  await bus.close()
  served.close()
})
