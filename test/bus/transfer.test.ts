/** `transfer`: buffers of a body that are moved to the bus, and gone where they were. */
import type { Bus, SendOptions } from 'leveret'
import { expect } from 'vitest'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { collect, errorOf, take } from './helpers.js'

interface Picture {
  readonly name: string
  readonly pixels: Uint8Array<ArrayBuffer>
  readonly mask: ArrayBuffer
}

/** More than what goes into the buffer of a frame. */
const SIZE = 17_000

const bytes = (size = SIZE): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: size }, (_, i) => i % 251)
const picture = (): Picture => ({ name: 'hare', pixels: bytes(), mask: bytes(100).buffer })

/** True when a buffer has been moved away. */
function gone(buffer: ArrayBuffer): boolean {
  try {
    return new Uint8Array(buffer).byteLength < 0
  } catch {
    return true
  }
}

const atOnce = { needs: ['throws-at-once'] } as const
const inProcess = { needs: ['by-reference'] } as const

onEveryEngine('transfer', (scenario) => {
  scenario('moves the buffers that are named at once, and leaves the others', async ({ bus }) => {
    const queue = await bus.declareQueue<Picture>('q')
    const exchange = await bus.declareExchange('x', 'fanout')
    await queue.bind(exchange.key(''))
    const publishes: ((body: Picture, options: SendOptions) => unknown)[] = [
      (...message) => queue.send(...message),
      (...message) => queue.publish(...message),
      (...message) => queue.createProducer().send(...message),
      (...message) => exchange.send('', ...message),
      (...message) => exchange.publish('', ...message),
    ]
    for (const publish of publishes) {
      const sent = picture()
      const published = publish(sent, { transfer: [sent.pixels.buffer], messageId: 'm' })
      expect([gone(sent.pixels.buffer), gone(sent.mask)]).toEqual([true, false])
      expect(sent.mask.byteLength).toBe(100)
      await published
      const { body, properties } = await take(queue)
      expect(body).toEqual(picture())
      expect(properties).toEqual({ messageId: 'm' })
    }
  })

  scenario('moves bytes, a buffer alone, small ones, and several', async ({ bus }) => {
    const queue = await bus.declareQueue<unknown>('q')
    const bodies: [body: () => unknown, buffers: (body: never) => ArrayBuffer[]][] = [
      [() => bytes(), (body: Uint8Array<ArrayBuffer>) => [body.buffer]],
      [() => bytes(10), (body: Uint8Array<ArrayBuffer>) => [body.buffer]],
      [() => bytes().buffer, (body: ArrayBuffer) => [body]],
      [() => new ArrayBuffer(0), (body: ArrayBuffer) => [body]],
      [() => new Map([['a', bytes(10).buffer]]), (body: Map<string, ArrayBuffer>) => [...body.values()]],
      [picture, (body: Picture) => [body.pixels.buffer, body.mask]],
    ]
    for (const [make, buffersOf] of bodies) {
      const body = make()
      const transfer = buffersOf(body as never)
      queue.publish(body, { transfer })
      expect(transfer.map(gone)).toEqual(transfer.map(() => true))
      expect((await take(queue)).body).toEqual(make())
    }
  })

  scenario('takes what is named all the same when it is not in the body', async ({ bus }) => {
    const queue = await bus.declareQueue<string>('q')
    const buffer = new ArrayBuffer(8)
    queue.publish('no bytes', { transfer: [buffer] })
    expect(gone(buffer)).toBe(true)
    expect((await take(queue)).body).toBe('no bytes')
  })

  scenario('gives whole bytes to every queue', async ({ bus }) => {
    const exchange = await bus.declareExchange('x', 'fanout')
    const bindings = [exchange.key('')]
    const queues = [
      await bus.declareQueue<Picture>('a', { bindings }),
      await bus.declareQueue<Picture>('b', { bindings }),
    ]
    const sent = picture()
    await exchange.send('', sent, { transfer: [sent.pixels.buffer, sent.mask] })
    for (const queue of queues) expect((await take(queue)).body).toEqual(picture())
  })

  scenario('keeps the bytes for whoever gets them after a requeue or a death', async ({ bus }) => {
    const dead = await bus.declareQueue<Picture>('dead')
    const queue = await bus.declareQueue<Picture>('q', { deadLetter: 'dead', maxLength: 1 })
    const [first, second] = [picture(), picture()]
    queue.publish(first, { transfer: [first.pixels.buffer] })
    await queue.send(second, { transfer: [second.pixels.buffer] })
    expect((await take(dead)).body).toEqual(picture())
    ;(await take(queue)).requeue()
    const delivery = await take(queue)
    expect(delivery.body).toEqual(picture())
    delivery.reject()
    expect((await take(dead)).body).toEqual(picture())
  })

  scenario('holds with a delay', { needs: ['time'] }, async ({ bus, advance }) => {
    const queue = await bus.declareQueue<Picture>('q')
    const sent = picture()
    await queue.send(sent, { delay: 1_000, transfer: [sent.mask] })
    expect([gone(sent.mask), gone(sent.pixels.buffer)]).toEqual([true, false])
    await advance(1_000)
    expect((await take(queue)).body).toEqual(picture())
  })

  scenario('serves requests, in parts too', async ({ bus }) => {
    const queue = await bus.declareQueue<Uint8Array, number>('q')
    queue.respond(async function* ({ byteLength }) {
      yield byteLength
      yield byteLength + 1
    })
    const plain = await bus.declareQueue<Uint8Array, number>('plain')
    plain.respond(({ byteLength }) => byteLength)
    const sent = bytes()
    const reply = plain.request(sent, { transfer: [sent.buffer], messageId: 'm' })
    expect(gone(sent.buffer)).toBe(true)
    expect(await reply).toBe(SIZE)
    const asked = bytes()
    const parts: number[] = []
    for await (const part of queue.requestMany(asked, { transfer: [asked.buffer] })) parts.push(part)
    expect([gone(asked.buffer), parts]).toEqual([true, [SIZE, SIZE + 1]])
  })

  for (const mode of ['clone', 'encoded'] as const) {
    scenario(`is the same with bodies: '${mode}'`, { broker: { bodies: mode } }, async ({ bus }) => {
      const queue = await bus.declareQueue<Uint8Array>('q')
      const sent = bytes()
      queue.publish(sent, { transfer: [sent.buffer] })
      expect(gone(sent.buffer)).toBe(true)
      expect((await take(queue)).body).toEqual(bytes())
      const whole = bytes()
      expect(await errorOf(() => queue.publish((() => whole) as never, { transfer: [whole.buffer] }))).toMatchObject({
        code: 'BODY_NOT_ENCODABLE',
      })
      expect(whole.byteLength).toBe(SIZE)
    })
  }

  scenario('refuses a list that is none, and says what is wrong in it', async ({ bus }) => {
    const queue = await bus.declareQueue<unknown>('q')
    const whole = new ArrayBuffer(8)
    const away = new ArrayBuffer(8)
    structuredClone(away, { transfer: [away] })
    const lists: [unknown, string][] = [
      [whole, 'must be an array of ArrayBuffers, got an object of class ArrayBuffer'],
      [[whole, new Uint8Array(1)], 'unlike [1], an object of class Uint8Array'],
      [[whole, new SharedArrayBuffer(1)], 'unlike [1], an object of class SharedArrayBuffer'],
      [[whole, away], 'each once and none detached, unlike [1], an object of class ArrayBuffer'],
      [[whole, whole], 'each once and none detached, unlike [1], an object of class ArrayBuffer'],
      [[whole, 'text'], "unlike [1], 'text'"],
    ]
    for (const [transfer, text] of lists) {
      const options = { transfer: transfer as ArrayBuffer[] }
      const error = { code: 'INVALID_OPTION', message: expect.stringContaining(text) }
      expect(await errorOf(() => queue.publish(whole, options))).toMatchObject(error)
      expect(await errorOf(() => queue.send(whole, options))).toMatchObject(error)
      expect(await errorOf(() => queue.request(whole, options))).toMatchObject(error)
      expect(whole.byteLength).toBe(8)
    }
    expect(await queue.stats()).toMatchObject({ enqueued: 0 })
  })

  scenario('detaches nothing when the message is refused before it goes', async ({ bus, connect }) => {
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) },
    } as const
    const queue = await bus.declareQueue<unknown>('q')
    const closed = queue.createProducer()
    await closed.send(1)
    await closed.close()
    const other = await connect()
    const lost = other.queue<unknown>('q').createProducer()
    await lost.send(1)
    await other.close()
    const whole = bytes()
    const transfer = [whole.buffer]
    const refusals: [() => unknown, string][] = [
      [() => queue.publish(whole, { transfer, mandatry: true } as SendOptions), 'UNKNOWN_OPTION'],
      [() => queue.publish(whole, { transfer, mandatory: true, delay: 1 }), 'INVALID_OPTION'],
      [() => queue.send(whole, { transfer, signal: AbortSignal.abort() }), 'ABORTED'],
      [() => bus.exchange('amq.topic').publish('k'.repeat(256), whole, { transfer }), 'INVALID_OPTION'],
      [() => queue.publish({ whole, made: () => 1 }, { transfer }), 'BODY_NOT_ENCODABLE'],
      [() => queue.createProducer({ body: schema }).publish(whole, { transfer }), 'BODY_INVALID'],
      [() => closed.publish(whole, { transfer }), 'CLOSED'],
      [() => lost.publish(whole, { transfer }), 'CLOSED'],
      [() => queue.request(whole, { transfer, timeout: -1 }), 'INVALID_OPTION'],
      [() => queue.request(() => whole, { transfer }), 'BODY_NOT_ENCODABLE'],
    ]
    for (const [publish, code] of refusals) {
      expect(await errorOf(publish)).toMatchObject({ code })
      expect(whole).toEqual(bytes())
    }
    queue.publish(whole, { transfer })
    expect(gone(whole.buffer)).toBe(true)
  })

  scenario('waits for a schema that answers later', async ({ bus }) => {
    let pass: (result: { value: unknown }) => void = () => undefined
    const validate = (value: unknown) =>
      new Promise<{ value: unknown }>((resolve) => {
        pass = () => resolve({ value })
      })
    const queue = await bus.declareQueue<unknown>('q')
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
    const sent = bytes()
    const sending = queue.createProducer({ body: schema }).send(sent, { transfer: [sent.buffer] })
    await turn()
    expect(sent).toEqual(bytes())
    pass({ value: sent })
    await sending
    expect(gone(sent.buffer)).toBe(true)
    expect((await take(queue)).body).toEqual(bytes())
  })

  scenario('makes a plain object of an instance, as structured clone does', inProcess, async ({ bus }) => {
    class Tile {
      readonly pixels = bytes(10)
    }
    const queue = await bus.declareQueue<Tile>('q')
    const tile = new Tile()
    await queue.send(tile, { transfer: [tile.pixels.buffer] })
    expect((await take(queue)).body).toStrictEqual({ pixels: bytes(10) })
  })

  scenario('is no option of streams, whose chunks are many, nor of an explanation', async ({ bus, host }) => {
    const queue = await bus.declareQueue<unknown>('q')
    const options = { transfer: [] } as object
    expect(await errorOf(() => queue.producer.writable(options))).toMatchObject({ code: 'UNKNOWN_OPTION' })
    expect(await errorOf(() => host.explain('', 'q', options))).toMatchObject({ code: 'UNKNOWN_OPTION' })
  })

  scenario('detaches nothing when the broker refuses the message at once', atOnce, async ({ broker, bus }) => {
    await bus.declareExchange('inner', 'direct', { internal: true })
    broker.addUser('reader', { password: 'p' })
    broker.setPermissions('reader', { virtualHost: '/', configure: '', write: '', read: '.*' })
    const reader: Bus = broker.connect({ user: 'reader', password: 'p' })
    const whole = bytes()
    const transfer = [whole.buffer]
    const refusals: [() => unknown, string][] = [
      [() => bus.exchange('none').publish('', whole, { transfer }), 'NOT_FOUND'],
      [() => bus.exchange('inner').publish('', whole, { transfer }), 'ACCESS_REFUSED'],
      [() => reader.exchange('amq.topic').publish('', whole, { transfer }), 'ACCESS_REFUSED'],
      [() => bus.queue('q').publish(whole, { transfer, expiration: 'soon' }), 'PRECONDITION_FAILED'],
      [() => bus.queue('q').publish(whole, { transfer, headers: { CC: 'no array' } }), 'PRECONDITION_FAILED'],
    ]
    for (const [publish, code] of refusals) {
      expect(await errorOf(publish)).toMatchObject({ code })
      expect(whole).toEqual(bytes())
    }
    await reader.close()
  })

  scenario('shows a refused and a traced message whole', atOnce, async ({ bus, host }) => {
    const trace = await host.declareQueue<unknown>('trace', {
      bindings: [host.exchange('amq.rabbitmq.trace').key('publish.#')],
    })
    const full = await bus.declareQueue<unknown>('full', { maxLength: 0, overflow: 'reject-publish' })
    const producer = full.createProducer()
    const refused: unknown[] = []
    producer.on('refused', (message) => refused.push(message.body))
    host.trace(true)
    for (const headers of [{}, { BCC: ['none'] }]) {
      const sent = bytes()
      producer.publish(sent, { transfer: [sent.buffer], headers })
      const copy = await take(trace)
      expect(copy.body).toEqual(bytes())
      copy.ack()
    }
    expect(refused).toEqual([bytes(), bytes()])
  })

  scenario('copies what is not named', async ({ bus }) => {
    const queue = await bus.declareQueue<Picture>('q')
    const got = collect(queue.createConsumer())
    const sent = picture()
    await queue.send(sent, { transfer: [sent.pixels.buffer] })
    await turn()
    new Uint8Array(sent.mask).fill(7)
    expect(got.map(({ body }) => body)).toEqual([picture()])
  })
})
