/** What browsers are like: ports and workers without `on`, and nobody who says that a worker has ended. */
import { MessageChannel, MessagePort } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { turn, until } from '../support/turn.js'

interface Options {
  readonly signal?: AbortSignal
}

/** The platform's locks, as far as they are needed: whoever asks first holds one until its promise settles. */
class Locks {
  readonly #holders = new Map<string, () => void>()
  readonly #waiting = new Map<string, Set<() => void>>()

  get held(): number {
    return this.#holders.size
  }

  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, { size }) => sum + size, 0)
  }

  request(name: string, { signal }: Options, granted: () => unknown): Promise<unknown> {
    if (!this.#holders.has(name)) {
      this.#holders.set(name, () => undefined)
      return Promise.resolve(granted())
    }
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, waiting)
      const take = () => resolve(granted())
      waiting.add(take)
      signal?.addEventListener('abort', () => {
        waiting.delete(take)
        reject(signal.reason)
      })
    })
  }

  /** The threads that hold locks are gone. */
  end(): void {
    this.#holders.clear()
    for (const waiting of this.#waiting.values()) for (const take of [...waiting]) take()
  }
}

/** A port as a browser has it. */
function asWeb(port: MessagePort): MessagePort {
  return Object.assign(port, { on: undefined })
}

/** The two ends of a worker: here, and in it. n.b. what comes over them is of the browser, too. */
function worker(): { here: MessagePort; there: MessagePort } {
  const { port1, port2 } = new MessageChannel()
  port1.on('message', ({ port }: { port?: unknown }) => {
    if (port instanceof MessagePort) asWeb(port)
  })
  onTestFinished(() => port1.close())
  return { here: asWeb(port1), there: asWeb(port2) }
}

/** A broker that serves a worker, which holds a message. n.b. every thread has modules of its own. */
async function workerThatHolds() {
  vi.resetModules()
  const { Broker } = await import('leveret')
  const { connect, serve } = await import('leveret/worker')
  const broker = new Broker()
  const host = broker.virtualHost('/')
  const queue = await host.declareQueue<string>('q')
  await queue.send('held')
  const { here, there } = worker()
  const connecting = connect(there)
  const served = serve(broker, here)
  const bus = await connecting
  const delivery = await bus.queue<string>('q').get()
  expect(await queue.stats()).toMatchObject({ ready: 0, unacked: 1 })
  return { broker, queue, served, bus, delivery }
}

let locks: Locks

beforeEach(() => {
  locks = new Locks()
  vi.stubGlobal('navigator', { locks })
  class WebChannel extends MessageChannel {
    constructor() {
      super()
      asWeb(this.port1)
      onTestFinished(() => this.port1.close())
    }
  }
  vi.stubGlobal('MessageChannel', WebChannel)
})
afterEach(() => vi.unstubAllGlobals())

describe('a worker of a browser', () => {
  it('gives back what it held when it ends, though nobody says that it did', async () => {
    const { queue, served } = await workerThatHolds()
    expect([locks.held, served.connected]).toEqual([1, true])
    locks.end()
    await turn()
    expect([served.connected, await queue.stats()]).toMatchObject([false, { ready: 1, unacked: 0 }])
    expect((await queue.get())?.redelivered).toBe(true)
  })

  it('is waited for until its connection ends, and no longer', async () => {
    const { served, bus, delivery } = await workerThatHolds()
    expect(locks.waiting).toBe(1)
    delivery?.ack()
    await bus.close()
    await turn()
    expect([served.connected, locks.waiting]).toEqual([false, 0])
  })

  it.each([
    ['there are no locks', {}],
    ['locks are refused', { locks: { request: () => Promise.reject(new Error('SecurityError')) } }],
  ])('connects also where %s, and is ended by hand', async (_, navigator) => {
    vi.stubGlobal('navigator', navigator)
    const { queue, served, bus } = await workerThatHolds()
    served.close()
    expect(await queue.stats()).toMatchObject({ ready: 1, unacked: 0 })
    await until(() => bus.closed)
  })
})
