/** Who comes first, and how often it is asked: a connect has one connection, whenever its port is served. */
import { EventEmitter, once } from 'node:events'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { Broker, type Bus } from 'leveret'
import { connect, serve } from 'leveret/worker'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TELL, VERSION } from '../../src/worker/verbs.js'
import { turn, until } from '../support/turn.js'

/** Two ends, which keep what comes before anybody listens. */
function channel(): [MessagePort, MessagePort] {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  return [port1, port2]
}

/** Two ends, at which is lost what comes before anybody listens, as from a worker. */
function lossy(): [Lossy, Lossy] {
  const [here, there] = [new Lossy(), new Lossy()]
  here.other = there
  there.other = here
  return [here, there]
}

class Lossy extends EventEmitter {
  other!: Lossy

  postMessage(message: unknown): void {
    queueMicrotask(() => this.other.emit('message', message))
  }
}

const connectionsOf = (broker: Broker) => broker.overview().virtualHosts[0]?.connections

async function expectWorks(bus: Bus): Promise<void> {
  const queue = await bus.declareQueue<number>('q')
  await queue.send(1)
  expect(await queue.get({ noAck: true })).toMatchObject({ body: 1 })
}

describe('a connect', () => {
  for (const [kind, ends] of [
    ['keeps', channel],
    ['loses', lossy],
  ] as const) {
    it(`has one connection when it is served later, over a port that ${kind} what is said too early`, async () => {
      const broker = new Broker()
      const [here, there] = ends()
      const connecting = connect(there)
      await turn()
      serve(broker, here)
      const bus = await connecting
      await turn()
      expect(connectionsOf(broker)).toHaveLength(1)
      await expectWorks(bus)
      await bus.close()
      await turn()
      expect(connectionsOf(broker)).toEqual([])
    })

    it(`has one connection when it was served before, over a port that ${kind} what is said too early`, async () => {
      const broker = new Broker()
      const [here, there] = ends()
      serve(broker, here)
      await turn()
      const bus = await connect(there)
      await turn()
      expect(connectionsOf(broker)).toHaveLength(1)
      await expectWorks(bus)
    })
  }

  it('has its own connection beside others of the same thread', async () => {
    const broker = new Broker()
    const [here, there] = channel()
    const connecting = [connect(there), connect(there)]
    serve(broker, here)
    const [first, second] = (await Promise.all(connecting)) as [Bus, Bus]
    const third = await connect(there)
    await turn()
    expect(connectionsOf(broker)).toHaveLength(3)
    for (const bus of [first, second, third]) await expectWorks(bus)
  })

  it('has none once it was given up, though it is served later', async () => {
    const broker = new Broker()
    const [here, there] = channel()
    const controller = new AbortController()
    const connecting = connect(there, { signal: controller.signal })
    controller.abort()
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED' })
    const served = serve(broker, here)
    await until(() => !served.connected)
    await turn()
    expect(connectionsOf(broker)).toEqual([])
    await expectWorks(await connect(there))
  })
})

describe('a port that is served', () => {
  it('is not that of a Worker that has ended: nobody would ever connect', async () => {
    const worker = new Worker('', { eval: true })
    await once(worker, 'exit')
    expect(() => serve(new Broker(), worker)).toThrow('serve: expected a Worker that runs, got one that has ended')
  })

  it('is served by nobody else until that is closed', async () => {
    const [here, there] = channel()
    const served = serve(new Broker(), here)
    const other = new Broker()
    expect(() => serve(other, here)).toThrow('serve: expected a port that nobody serves, got one that is served')
    served.close()
    serve(other, here)
    await expectWorks(await connect(there))
    expect(connectionsOf(other)).toHaveLength(1)
  })

  it('ends the connection of whoever asks again, and keeps the last', async () => {
    const broker = new Broker()
    const [here, there] = channel()
    serve(broker, here)
    const ask = async (attempt: string) => {
      const [mine, theirs] = channel()
      const told: number[] = []
      mine.on('message', ([text]: [string]) => {
        for (const [verb] of JSON.parse(text) as [number][]) told.push(verb)
      })
      there.postMessage({ leveret: 'connect', version: VERSION, attempt, port: theirs }, [theirs])
      await until(() => told.length > 0)
      return told
    }
    const one = await ask('one')
    const other = await ask('other')
    const again = await ask('one')
    await until(() => one.length > 1)
    expect([one, other, again]).toEqual([[TELL.welcome, TELL.closed], [TELL.welcome], [TELL.welcome]])
    expect(connectionsOf(broker)).toHaveLength(2)
  })
})
