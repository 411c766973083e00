/** What is no frame of ours, or of another version, or cut short: a typed error, at both ends, and nothing else. */
import { EventEmitter } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Broker, type Bus } from 'leveret'
import { connect, loopback, serve } from 'leveret/worker'
import { afterEach, describe, expect, it } from 'vitest'
import { ASK, TELL, VERSION } from '../../src/worker/verbs.js'
import { turn, until } from '../support/turn.js'
import { furnished } from '../support/unchanged.js'

const ports: MessagePort[] = []

afterEach(() => {
  for (const port of ports.splice(0)) port.close()
})

function channel(): { here: MessagePort; there: MessagePort } {
  const { port1: here, port2: there } = new MessageChannel()
  ports.push(here, there)
  return { here, there }
}

/** A frame of ours. */
const frame = (...operations: unknown[][]) => [JSON.stringify(operations)]

/** Somebody who says what it likes to a broker, and what it was told: operations, and the end. */
async function stranger(broker: Broker, version: unknown = VERSION) {
  const faults: { error: unknown }[] = []
  broker.on('fault', (fault) => faults.push(fault))
  const { here, there } = channel()
  const served = serve(broker, here)
  const inner = channel()
  const told: [number, ...unknown[]][] = []
  const errors: unknown[] = []
  let closed = false
  inner.here.on('message', ([text, extras = []]: [string, unknown[]?]) => {
    errors.push(...extras)
    told.push(...(JSON.parse(text) as [number, ...unknown[]][]))
  })
  inner.here.on('close', () => {
    closed = true
  })
  there.postMessage({ leveret: 'connect', version, port: inner.there }, [inner.there])
  await until(() => told.length > 0)
  return { faults, served, told, errors, port: inner.here, isClosed: () => closed, outer: there }
}

/** The message that publishes, and declares, of a channel that works. */
const publish = [ASK.publish, 1, 0, 0, '', 'plain', 0, 0, 1, -1, 'body']
const queue = { name: 'new', durable: true, exclusive: false, autoDelete: false, arguments: {} }
const consumer = { consumerTag: 'c', prefetch: 1, noAck: false, exclusive: false, priority: 0, once: false }

describe('a broker that is served', () => {
  it('takes well formed operations of a stranger (the yardstick of what follows)', async () => {
    const { broker, host } = await furnished()
    const { port, told } = await stranger(broker)
    port.postMessage(
      frame(
        [ASK.open, 1],
        publish,
        [ASK.call, 1, 1, 'declareQueue', [0, [queue]]],
        [ASK.consume, 2, 1, 1, 'new', consumer],
      ),
    )
    await until(() => told.length >= 4)
    expect(told.slice(1).map(([verb]) => verb)).toEqual([TELL.confirmed, TELL.answer, TELL.answer])
    expect(host.queues().find(({ name }) => name === 'plain')?.stats.ready).toBe(2)
  })

  for (const [what, message] of [
    ['a text', 'hello'],
    ['a number', 42],
    ['undefined', undefined],
    ['an object', { some: 'object' }],
    ['an empty list', []],
    ['a list of numbers', [1, 2]],
    ['text that is no JSON', ['[[1']],
    ['JSON that is no list', ['{}']],
    ['operations that are no lists', ['[1,2]']],
    ['operations without a number', ['[["open",1]]']],
    ['extras that are no list', ['[[1,1]]', 5]],
    ['an operation that nobody knows', frame([99, 1])],
    ['an operation of the other direction', frame([TELL.closed, 0])],
    ['a publish on a channel that was not opened', frame(publish)],
    ['a settlement on a channel that was not opened', frame([ASK.settle, 7, 0, 1])],
    ['a settlement of more than fit a post', frame([ASK.open, 1], [ASK.settle, 1, 0, 1, 1e9])],
    [
      'a settlement of what was not handed over',
      frame([ASK.open, 1], [ASK.consume, 1, 1, 1, 'plain', consumer], [ASK.settle, 1, 0, 1, 1]),
    ],
    ['bytes that are missing', frame([ASK.open, 1], [...publish.slice(0, -2), 0, 5])],
    [
      'bytes beyond those that came',
      [
        JSON.stringify([
          [ASK.open, 1],
          [...publish.slice(0, -2), 3, 5],
        ]),
        [],
        new Uint8Array(4),
      ],
    ],
    ['a channel that is opened twice', frame([ASK.open, 1], [ASK.open, 1])],
    ['a publish without a body', frame([ASK.open, 1], publish.slice(0, -1))],
    ['a get on a channel that was not opened', frame([ASK.get, 1, 7, 'plain', false, false])],
  ] as const) {
    it(`ends a connection over ${what} with a FrameError, and is unharmed`, async () => {
      const { broker } = await furnished()
      const before = structuredClone(broker.overview())
      const { port, faults, isClosed, served } = await stranger(broker)
      port.postMessage(message)
      await until(isClosed)
      await until(() => faults.length > 0)
      expect(faults).toMatchObject([{ error: { code: 'FRAME_ERROR', name: 'FrameError', replyCode: 501 } }])
      expect(served.connected).toBe(false)
      expect(broker.overview()).toEqual(before)
      // n.b. the port is served as before.
      expect(served.closed).toBe(false)
    })
  }

  it('ends a connection over a message that cannot be read, and is unharmed', async () => {
    const broker = new Broker()
    const fault = new Promise<unknown>((resolve) => broker.on('fault', resolve))
    const outer = Object.assign(new EventEmitter(), { postMessage: () => undefined })
    const inner = Object.assign(new EventEmitter(), { postMessage: () => undefined })
    const served = serve(broker, outer)
    outer.emit('message', { leveret: 'connect', version: VERSION, port: inner })
    expect(served.connected).toBe(true)
    inner.emit('messageerror', new RangeError('Maximum call stack size exceeded'))
    expect(await fault).toMatchObject({ error: { code: 'FRAME_ERROR' } })
    expect([served.connected, served.closed]).toEqual([false, false])
  })

  for (const [what, operation] of [
    ['a method that there is not', [ASK.call, 1, 1, 'close', [0, []]]],
    ['a method of every object', [ASK.call, 1, 1, 'constructor', [0, []]]],
    ['a method on a channel that was not opened', [ASK.call, 1, 7, 'declareQueue', [0, [queue]]]],
    ['arguments that are none', [ASK.call, 1, 1, 'declareQueue', 5]],
    ['a queue without a name', [ASK.call, 1, 1, 'declareQueue', [0, [{ ...queue, name: undefined }]]]],
    ['a queue with arguments null', [ASK.call, 1, 1, 'declareQueue', [0, [{ ...queue, arguments: null }]]]],
    ['a binding that is none', [ASK.call, 1, 1, 'declareQueue', [0, [queue, [1]]]]],
    ['an exchange that is a number', [ASK.call, 1, 1, 'declareExchange', [0, [1]]]],
    ['a name that is an object', [ASK.call, 1, 1, 'purgeQueue', [0, [{}]]]],
    ['a consumer without options', [ASK.consume, 1, 1, 1, 'plain']],
    ['a consumer with a prefetch that is a text', [ASK.consume, 1, 1, 1, 'plain', { ...consumer, prefetch: 'x' }]],
    ['a consumer of no queue', [ASK.consume, 1, 1, 1, 5, consumer]],
  ] as const) {
    it(`answers ${what} with a FrameError, and goes on`, async () => {
      const { broker } = await furnished()
      const { port, told, errors } = await stranger(broker)
      const before = structuredClone(broker.overview())
      port.postMessage(frame([ASK.open, 1], [...operation]))
      await until(() => told.length > 1)
      expect(told[1]?.slice(0, 2)).toEqual([TELL.failure, 1])
      expect(errors).toMatchObject([{ value: { kind: 'FrameError', own: { code: 'FRAME_ERROR', replyCode: 501 } } }])
      expect(broker.overview()).toEqual(before)
      port.postMessage(frame([ASK.call, 2, 1, 'checkQueue', [0, ['plain']]]))
      await until(() => told.length > 2)
      expect(told[2]?.slice(0, 2)).toEqual([TELL.answer, 2])
    })
  }

  it('performs what came before a port was closed in the middle, and gives back what was out', async () => {
    const { broker, host } = await furnished()
    const { port, served, faults } = await stranger(broker)
    port.postMessage(frame([ASK.open, 1], publish, publish, [ASK.consume, 1, 1, 1, 'plain', consumer]))
    port.postMessage(frame([ASK.call, 2, 1, 'declareQueue', [0, [{ ...queue, exclusive: true }]]]))
    port.close()
    await until(() => served.connected === false)
    await turn()
    expect(host.queues().map(({ name }) => name)).not.toContain('new')
    expect(host.queues().find(({ name }) => name === 'plain')?.stats).toMatchObject({ ready: 3, unacked: 0 })
    expect(faults).toEqual([])
  })

  it('lets the application say things of its own over the port, also such as look like ours', async () => {
    const { broker } = await furnished()
    const { outer, faults, served } = await stranger(broker)
    for (const message of ['text', 5, null, undefined, [], {}, { leveret: 'bench' }]) outer.postMessage(message)
    await turn()
    expect([faults, served.connected]).toEqual([[], true])
    outer.postMessage({ leveret: 'connect', version: VERSION, port: 'none' })
    await until(() => faults.length > 0)
    expect(faults).toMatchObject([{ error: { code: 'INVALID_OPTION' } }])
    expect(served.connected).toBe(true)
  })

  it('refuses whoever is of another version, and tells both versions', async () => {
    const { broker } = await furnished()
    const before = structuredClone(broker.overview())
    const { told, served, isClosed } = await stranger(broker, VERSION + 1)
    await until(isClosed)
    expect(told.map(([verb]) => verb)).toEqual([TELL.closed])
    expect(served.connected).toBe(false)
    expect(broker.overview()).toEqual(before)
  })
})

/** Somebody who serves a port as it likes. */
function impostor(answer: (port: MessagePort) => void): MessagePort {
  const { here, there } = channel()
  here.on('message', ({ port }: { port: MessagePort }) => {
    ports.push(port)
    answer(port)
  })
  return there
}

const welcome = { name: 'c', virtualHost: '/', home: 'h', encoded: false, queueArguments: [] }

describe('a connect', () => {
  it('is told of another version by a broker', async () => {
    const { here, there } = channel()
    serve(new Broker(), here)
    const { postMessage } = there
    there.postMessage = (message: object, transfer: never) =>
      postMessage.call(there, { ...message, version: VERSION + 1 }, transfer)
    await expect(connect(there)).rejects.toMatchObject({
      code: 'FRAME_ERROR',
      message: expect.stringContaining(`expected version ${VERSION} of leveret's wire, got ${VERSION + 1}`),
    })
  })

  it('is told why its user may not connect any more, and the broker goes on', async () => {
    const broker = new Broker()
    broker.addUser('worker')
    broker.setPermissions('worker', { configure: '', write: '', read: '' })
    const { here, there } = channel()
    serve(broker, here, { user: 'worker' })
    broker.clearPermissions('worker')
    await expect(connect(there)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
    expect(broker.closed).toBe(false)
  })

  for (const [what, answer] of [
    ['a text', 'hello'],
    ['undefined', undefined],
    ['no JSON', ['{']],
    ['another operation', frame([TELL.answer, 1, 1])],
  ] as const) {
    it(`rejects with a FrameError when it is greeted by ${what}`, async () => {
      const port = impostor((inner) => inner.postMessage(answer))
      await expect(connect(port)).rejects.toMatchObject({ code: 'FRAME_ERROR' })
    })
  }

  it('rejects when its port is closed, when nobody answers, when it is aborted, and for what is no port', async () => {
    const closing = impostor((inner) => inner.close())
    await expect(connect(closing)).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    const { here, there } = channel()
    const gone = connect(there)
    here.close()
    await expect(gone).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    const silent = channel()
    await expect(connect(silent.there, { timeout: 0 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'connect took longer than 0 ms: nobody answers at the other end of its port: is that served?',
    })
    await expect(connect(silent.there, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(connect({} as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(loopback({} as never)).rejects.toThrow('loopback: expected a Broker, got an object of class Object')
    await expect(loopback(new Broker(), { codec: [] } as never)).rejects.toThrow("loopback: unknown option 'codec'")
    await expect(connect(silent.there, { timeuot: 5 } as never)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' })
  })

  for (const [what, message] of [
    ['a foreign message', 'hello'],
    ['a malformed frame', ['[[']],
    ['an operation that it does not know', frame([99, 1])],
  ] as const) {
    it(`that was made ends by ${what}: everything that waits rejects with a FrameError`, async () => {
      let inner: MessagePort | undefined
      const port = impostor((given) => {
        inner = given
        given.postMessage(frame([TELL.welcome, [0, welcome]]))
      })
      const bus: Bus = await connect(port)
      const queue = bus.queue('q')
      const waits = [queue.send(1), queue.info(), queue.get(), queue.request(1)]
      const ends = waits.map((wait) => Promise.resolve(wait).catch((error: { code: string }) => error.code))
      const loop = queue.createConsumer()[Symbol.asyncIterator]().next()
      inner?.postMessage(message)
      expect(await Promise.all(ends)).toEqual(waits.map(() => 'FRAME_ERROR'))
      await expect(loop).rejects.toMatchObject({ code: expect.stringMatching(/^(FRAME_ERROR|CONSUMER_CANCELLED)$/) })
      expect(bus.closed).toBe(true)
    })
  }
})
