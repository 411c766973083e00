// What crosses between threads, and how it comes out there.
import { MessageChannel } from 'node:worker_threads'
import fc from 'fast-check'
import { Broker, type Bus, type LeveretError, NotFoundError, type Queue } from 'leveret'
import { type Codec, connect, loopback, serve } from 'leveret/worker'
import { describe, expect, it, onTestFinished } from 'vitest'

/** Sends a body from one end and takes it at the other: across, twice. */
async function across(body: unknown, codecs: readonly Codec[] = []): Promise<unknown> {
  const bus = await loopback(new Broker(), { codecs })
  const queue = await bus.declareQueue<unknown>('q')
  await queue.send(body)
  return (await queue.get())?.body
}

/** A queue over a real port, which tells what may not be posted, and reads on a stack of its own. */
async function farQueue(codecs: readonly Codec[] = []): Promise<Queue<unknown>> {
  return (await farBus(new Broker(), codecs)).declareQueue('q')
}

function farBus(broker: Broker, codecs: readonly Codec[] = [], theirs = codecs): Promise<Bus> {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  serve(broker, port1, { codecs })
  return connect(port2, { codecs: theirs })
}

/** So many levels of objects. */
function nested(levels: number): object {
  let value: object = {}
  for (let i = 1; i < levels; i++) value = { value }
  return value
}

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}

const money: Codec<Money, number> = {
  name: 'money',
  class: Money,
  encode: ({ cents }) => cents,
  decode: (cents) => new Money(cents),
}

describe('a body that crosses to another thread', () => {
  it('is the same there, whatever structured clone carries', async () => {
    const bus = await loopback(new Broker())
    const queue = await bus.declareQueue<unknown>('q')
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: false,
    })
    await fc.assert(
      fc.asyncProperty(anything, async (body) => {
        await queue.send(body)
        const delivery = await queue.get({ noAck: true })
        expect(delivery?.body).toStrictEqual(structuredClone(body))
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['a key of the prototype', JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "toJSON": 3}') as unknown],
    ['an array of arrays', [[], [[1]], [2, [3]]]],
    ['nothing', undefined],
    ['null', null],
    ['a lone surrogate', 'a\ud800b'],
    ['minus zero', -0],
    ['no number', Number.NaN],
    ['something in it that is undefined', { a: undefined, b: [undefined] }],
    ['bytes', new Uint8Array([1, 2, 3])],
    ['no bytes', new Uint8Array()],
    ['many bytes', new Uint8Array(100_000).fill(7)],
  ])('is the same there: %s', async (_name, body) => {
    expect(await across(body)).toStrictEqual(structuredClone(body))
  })

  it('may be circular', async () => {
    const body: { self?: unknown; id: number } = { id: 1 }
    body.self = body
    const arrived = (await across(body)) as typeof body
    expect(arrived.self).toBe(arrived)
  })

  it('may have errors in it, with class, name, code, own properties and cause', async () => {
    const cause = new NotFoundError("no queue 'q' in vhost '/'")
    const error = Object.assign(new TypeError('outer', { cause }), { code: 'E_OUTER', details: new Map([[1, 2]]) })
    error.name = 'OuterError'
    const { why } = (await across({ why: error })) as { why: TypeError & { cause: LeveretError } }
    expect(why).toBeInstanceOf(TypeError)
    expect(why).toMatchObject({ name: 'OuterError', message: 'outer', code: 'E_OUTER', details: new Map([[1, 2]]) })
    expect(why.stack).toBe(error.stack)
    expect(why.cause).toBeInstanceOf(NotFoundError)
    expect(why.cause).toMatchObject({ code: 'NOT_FOUND', replyCode: 404 })
  })

  it('may have an error of many, with all of them', async () => {
    const arrived = await across(new AggregateError([new RangeError('one'), 'two'], 'both'))
    expect(arrived).toBeInstanceOf(AggregateError)
    expect(arrived).toMatchObject({ message: 'both', errors: [{ name: 'RangeError', message: 'one' }, 'two'] })
  })

  it('may have instances of a class with a codec, which other classes lack', async () => {
    const body = { price: new Money(5), all: new Map([['a', [new Money(6)]]]) }
    expect(await across(body, [money as Codec])).toStrictEqual(body)
    await expect(across(body)).rejects.toMatchObject({
      code: 'BODY_NOT_ENCODABLE',
      message: expect.stringContaining('body.price is an instance of class Money') as string,
    })
  })

  it('belongs to nobody else there: the sender may go on with its own', async () => {
    const bus = await loopback(new Broker())
    const queue = await bus.declareQueue<{ n: number } | Uint8Array>('q')
    const bytes = new Uint8Array([1])
    await Promise.all([queue.send(bytes), queue.send(bytes)])
    bytes[0] = 9
    expect((await queue.get())?.body).toEqual(new Uint8Array([1]))
  })
})

describe('a body that cannot cross to another thread', () => {
  const sparse = (at: number, part: unknown) => Array.from({ length: at + 1 }, (_, i) => (i === at ? part : { i }))
  const circular: Record<string, unknown> = { id: 1 }
  circular['self'] = circular
  circular['again'] = [circular, circular]

  it.each<[string, unknown, string]>([
    ['a function', { on: () => 1 }, 'body.on is function on'],
    ['a function among thousands of parts', sparse(5_000, { on: () => 1 }), 'body[5000].on is function on'],
    ['a symbol deep in it', { a: { b: [nested(60), Symbol('s')] } }, 'body.a.b[1] is a symbol'],
    ['a function in what is circular', { circular, f: () => 1 }, 'body.f is function f'],
    ['a function in a set', new Set([() => 1]), 'something in body is a function,'],
    ['a function in an error', { why: Object.assign(new Error(), { f: () => 1 }) }, 'body.why.f is function f'],
    [
      'an instance in an error',
      Object.assign(new Error(), { at: new Money(1) }),
      'body.at is an instance of class Money',
    ],
    ['a function as cause', new Error('e', { cause: () => 1 }), 'something in body is function'],
    ['a port', { port: new MessageChannel().port1 }, 'body.port is a MessagePort, which can only be transferred'],
    ['a stream', new ReadableStream(), 'body is a ReadableStream, which can only be transferred'],
    ['an URL', new URL('http://localhost'), 'body is an instance of class URL'],
    ['20,000 levels', nested(20_000), 'body is more than 1000 levels deep'],
    ['a circular error', circularError(), 'is circular or more than 50 levels deep'],
  ])('is refused by name, and the connection goes on: %s', async (_what, body, message) => {
    const queue = await farQueue()
    await expect(queue.send(body)).rejects.toMatchObject({
      code: 'BODY_NOT_ENCODABLE',
      message: expect.stringContaining(message) as string,
    })
    await queue.send('next')
    expect((await queue.get())?.body).toBe('next')
  })

  it('is refused when it is what a codec makes', async () => {
    const codec: Codec<Money> = { ...money, encode: () => ({ f: () => 1 }) } as never
    const queue = await farQueue([codec as Codec])
    await expect(queue.send({ price: new Money(1) })).rejects.toThrow('something in body is function')
    await queue.send('next')
    expect((await queue.get())?.body).toBe('next')
  })

  const proxy = new Proxy({ looks: undefined }, {})

  it('is refused alone where only the platform knows, among others that are posted with it', async () => {
    const queue = await farQueue()
    const outcomes = await Promise.allSettled(
      [new Proxy({ a: 1 }, {}), proxy, new Map([[1, 2]])].map((body) => queue.send(body)),
    )
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { reason: { code: 'BODY_NOT_ENCODABLE', message: expect.stringContaining('could not be cloned') as string } },
      { status: 'fulfilled' },
    ])
    expect([(await queue.get())?.body, (await queue.get())?.body]).toEqual([{ a: 1 }, new Map([[1, 2]])])
  })

  it('is rejected by the thread that should have it, where only the platform knows', async () => {
    const broker = new Broker()
    broker.on('fault', () => undefined)
    const local = await broker.virtualHost('/').declareQueue<unknown>('q', { deadLetter: 'dead' })
    const queue = (await farBus(broker)).queue<unknown>('q')
    for (const body of [proxy, 'next']) await local.send(body)
    await expect(queue.get()).rejects.toMatchObject({ code: 'BODY_NOT_ENCODABLE' })
    expect((await queue.get())?.body).toBe('next')
    expect((await broker.virtualHost('/').queue('dead').get())?.body).toBe(proxy)
  })

  it.each<[string, unknown, readonly Codec[]]>([
    ['an instance without a codec', new Money(1), []],
    ['an instance whose codec is missing there', new Money(1), [money as Codec]],
    ['a function', () => 1, []],
  ])(
    'is rejected where a consumer should have it, with a fault, and the next one comes: %s',
    async (_what, body, codecs) => {
      const broker = new Broker()
      const faults: unknown[] = []
      broker.on('fault', ({ error }) => faults.push(error))
      const local = await broker.virtualHost('/').declareQueue<unknown>('q', { deadLetter: 'dead' })
      const taken: unknown[] = []
      const consumer = (await farBus(broker, codecs, [])).queue<unknown>('q').createConsumer()
      for (const each of [body, 'next']) await local.send(each)
      for await (const delivery of consumer) {
        taken.push(delivery.body)
        delivery.ack()
        break
      }
      expect(taken).toEqual(['next'])
      expect((await broker.virtualHost('/').queue('dead').get({ wait: true })).body).toBe(body)
      expect(faults).toMatchObject([{ code: 'BODY_NOT_ENCODABLE' }])
    },
  )

  it.each<[string, unknown]>([
    ['thousands of parts', sparse(5_000, 'last')],
    ['circles', { circular, parts: sparse(3_000, circular) }],
    ['1,000 levels', nested(1_000)],
    ['a blob', new Blob(['abc'])],
    ['a boxed bigint', Object(1n)],
  ])('is not one of: %s', async (_what, body) => {
    const queue = await farQueue()
    await queue.send(body)
    expect((await queue.get())?.body).toStrictEqual(structuredClone(body))
  })
})

function circularError(): Error {
  const error = new Error('of itself')
  error.cause = error
  return error
}
