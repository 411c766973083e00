// What crosses between threads, and how it comes out there.
import fc from 'fast-check'
import { Broker, type LeveretError, NotFoundError } from 'leveret'
import { type Codec, loopback } from 'leveret/worker'
import { describe, expect, it } from 'vitest'

/** Sends a body from one end and takes it at the other: across, twice. */
async function across(body: unknown, codecs: readonly Codec[] = []): Promise<unknown> {
  const bus = await loopback(new Broker(), { codecs })
  const queue = await bus.declareQueue<unknown>('q')
  await queue.send(body)
  return (await queue.get())?.body
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
