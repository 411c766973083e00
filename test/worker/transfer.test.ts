/** `transfer` over a wire: from a thread to the broker nothing is copied, from there to each thread everything is. */
import { Broker, type Bus } from 'leveret'
import { type Codec, connect, loopback, serve } from 'leveret/worker'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { take } from '../bus/helpers.js'
import { brokerInThread, endThreads, forgetThreads, inThread, prepareThreads } from './threads.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
beforeAll(prepareThreads)
afterEach(endThreads)
afterAll(forgetThreads)

const SIZE = 1_000_000
const bytes = (size = SIZE, value = 1): Uint8Array<ArrayBuffer> => new Uint8Array(size).fill(value)
const same = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0

/** A bus over a real port, and the sizes of the buffers that each post moved which moved some. */
async function watched(): Promise<{ bus: Bus; moved: number[][] }> {
  const { port1, port2 } = new MessageChannel()
  const moved: number[][] = []
  const post = MessagePort.prototype.postMessage
  const spy = vi.spyOn(MessagePort.prototype, 'postMessage').mockImplementation(function (
    this: unknown,
    message,
    list,
  ) {
    const buffers = (list as object[]).filter((each) => each instanceof ArrayBuffer)
    if (buffers.length > 0) moved.push(buffers.map(({ byteLength }) => byteLength))
    post.call(this, message, list)
    expect(buffers.every(({ byteLength }) => byteLength === 0)).toBe(true)
  })
  const served = serve(new Broker(), port1)
  const bus = await connect(port2)
  onTestFinished(async () => {
    spy.mockRestore()
    await bus.close()
    served.close()
    port1.close()
  })
  return { bus, moved }
}

describe('transfer over a port', () => {
  it('moves the buffer with the post, and the broker has its bytes', async () => {
    const { bus, moved } = await watched()
    const queue = await bus.declareQueue<{ pixels: Uint8Array; mask: Uint8Array }>('q')
    const [pixels, mask] = [bytes(), bytes(SIZE, 2)]
    const sending = queue.send({ pixels, mask }, { transfer: [pixels.buffer] })
    expect([pixels.byteLength, mask.byteLength]).toEqual([0, SIZE])
    await sending
    expect(moved).toEqual([[SIZE]])
    const { body } = await take(queue)
    expect([same(body.pixels, bytes()), same(body.mask, mask)]).toEqual([true, true])
  })

  it('moves nothing that is not named', async () => {
    const { bus, moved } = await watched()
    const queue = await bus.declareQueue<Uint8Array>('q')
    await queue.send(bytes())
    expect(moved).toEqual([])
  })

  it('posts what is published in a turn together, beside small bytes, and in order', async () => {
    const { bus, moved } = await watched()
    const queue = await bus.declareQueue<Uint8Array>('q')
    for (let n = 0; n < 3; n++) {
      const body = bytes(SIZE, n)
      queue.publish(body, { transfer: [body.buffer] })
    }
    await queue.send(bytes(5, 3))
    expect(moved).toEqual([[SIZE, SIZE, SIZE, 5]])
    for (let n = 0; n < 4; n++) expect((await take(queue)).body[0]).toBe(n)
  })

  it('posts what was published before while its bytes are whole', async () => {
    const { bus } = await watched()
    const queue = await bus.declareQueue<Uint8Array>('q')
    for (const size of [SIZE, 5]) {
      const body = bytes(size)
      queue.publish(body)
      await queue.send(body, { transfer: [body.buffer] })
      expect(body.byteLength).toBe(0)
      for (let n = 0; n < 2; n++) expect(same((await take(queue)).body, bytes(size))).toBe(true)
    }
  })

  it('has taken what the broker refuses only when it comes', async () => {
    const { bus } = await watched()
    const body = bytes()
    const sending = bus.exchange('none').send('', body, { transfer: [body.buffer] })
    await expect(sending).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(body.byteLength).toBe(0)
    const full = await bus.declareQueue<Uint8Array>('full', { maxLength: 0, overflow: 'reject-publish' })
    const producer = full.createProducer()
    const refused = new Promise<unknown>((resolve) => producer.on('refused', ({ body }) => resolve(body)))
    const other = bytes()
    producer.publish(other, { transfer: [other.buffer] })
    expect(await refused).toBe(other)
    expect(other.byteLength).toBe(0)
  })

  it('hands an instance to its codec, and keeps the class of an error', async () => {
    class Tile {
      readonly pixels: Uint8Array<ArrayBuffer>
      constructor(pixels: Uint8Array<ArrayBuffer>) {
        this.pixels = pixels
      }
    }
    const codec: Codec<Tile, Uint8Array<ArrayBuffer>> = {
      name: 'tile',
      class: Tile,
      encode: ({ pixels }) => pixels,
      decode: (pixels) => new Tile(pixels),
    }
    const bus = await loopback(new Broker(), { codecs: [codec as Codec] })
    const queue = await bus.declareQueue<{ tile: Tile; why: Error }>('q')
    const tile = new Tile(bytes(20_000))
    await queue.send({ tile, why: new RangeError('edge') }, { transfer: [tile.pixels.buffer] })
    expect(tile.pixels.byteLength).toBe(0)
    const { body } = await take(queue)
    expect(body.tile).toBeInstanceOf(Tile)
    expect(same(body.tile.pixels, bytes(20_000))).toBe(true)
    expect(body.why).toBeInstanceOf(RangeError)
    await bus.close()
  })

  it('refuses an instance without a codec, and leaves its bytes', async () => {
    class Tile {
      readonly pixels = bytes()
    }
    const { bus } = await watched()
    const queue = await bus.declareQueue<Tile>('q')
    const tile = new Tile()
    const sending = queue.send(tile, { transfer: [tile.pixels.buffer] })
    await expect(sending).rejects.toMatchObject({ code: 'BODY_NOT_ENCODABLE' })
    expect(same(tile.pixels, bytes())).toBe(true)
    await queue.send({ pixels: tile.pixels }, { transfer: [tile.pixels.buffer] })
    expect((await take(queue)).body.pixels.byteLength).toBe(SIZE)
  })
})

describe('transfer between threads', () => {
  it('gives each of several threads bytes of its own, which come from a thread', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const fanout = await host.declareExchange('x', 'fanout')
    for (const name of ['a', 'b', 'here']) await host.declareQueue(name, { bindings: [fanout.key('')] })
    const threads = ['a', 'b'].map((name) =>
      inThread(
        broker,
        async ({ bus, data, say, heard }) => {
          for await (const delivery of bus.queue<Uint8Array>(data).createConsumer()) {
            const { body } = delivery
            const came = [body.length, body[0], body.at(-1)]
            body.fill(data.charCodeAt(0))
            say(came)
            await heard()
            say([body[0], body.at(-1)])
            delivery.ack()
            break
          }
          await bus.close()
        },
        name,
      ),
    )
    const sender = inThread(broker, async ({ bus, say }) => {
      const body = new Uint8Array(1_000_000).fill(1)
      await bus.exchange('x').send('', body, { transfer: [body.buffer] })
      say(body.byteLength)
      await bus.close()
    })
    expect(await sender.says()).toBe(0)
    for (const thread of threads) expect(await thread.says()).toEqual([SIZE, 1, 1])
    for (const thread of threads) thread.hears('go on')
    expect(await Promise.all(threads.map((thread) => thread.says()))).toEqual([
      [97, 97],
      [98, 98],
    ])
    expect(same((await take(host.queue<Uint8Array>('here'))).body, bytes())).toBe(true)
  })

  it('gives the bytes to another when the thread that has them dies', async () => {
    const broker = new Broker()
    const queue = await broker.virtualHost('/').declareQueue<Uint8Array>('q')
    const body = bytes()
    await queue.send(body, { transfer: [body.buffer] })
    expect(body.byteLength).toBe(0)
    const thread = inThread(broker, async ({ bus, say }) => {
      const delivery = await bus.queue<Uint8Array>('q').get()
      structuredClone(delivery?.body, { transfer: [delivery?.body.buffer as ArrayBuffer] })
      say('has it')
      await new Promise(() => undefined)
    })
    await thread.until('has it')
    await thread.worker.terminate()
    const again = await queue.get({ wait: true })
    expect(again?.redelivered).toBe(true)
    expect(same(again?.body as Uint8Array, bytes())).toBe(true)
  })

  it('moves them to a broker in another thread', async () => {
    const { bus, thread } = await brokerInThread(async ({ bus, say }) => {
      const queue = await bus.declareQueue<Uint8Array>('q')
      say('ready')
      const delivery = await queue.get({ wait: true, timeout: 30_000 })
      say([delivery?.body.length, delivery?.body.at(-1)])
      delivery?.ack()
    })
    await thread.until('ready')
    const body = bytes()
    await bus.queue<Uint8Array>('q').send(body, { transfer: [body.buffer] })
    expect(body.byteLength).toBe(0)
    expect(await thread.says()).toEqual([SIZE, 1])
    await bus.close()
  })
})
