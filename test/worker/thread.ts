/** The other thread of a test: runs the function whose text it is started with, over a bus of its own. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Bus } from 'leveret'
import * as leveret from 'leveret'
import { connect, serve } from 'leveret/worker'

/** What a function in a thread has: nothing else is in its scope. */
export interface Surroundings<Data = unknown> {
  readonly bus: Bus
  readonly data: Data
  readonly leveret: typeof leveret
  readonly serve: typeof serve
  /** Tells the test something. */
  say(what: unknown): void
  /** Resolves with the next thing that the test says. */
  heard(): Promise<unknown>
  /** How a promise ends: its value, or the error's code. */
  ending(promise: PromiseLike<unknown>): Promise<unknown>
}

const port = parentPort as NonNullable<typeof parentPort>
const { code, data, broker } = workerData as { code: string; data: unknown; broker: boolean }
const run = new Function(`return (${code})`)() as (surroundings: Surroundings) => unknown

const surroundings: Omit<Surroundings, 'bus'> = {
  data,
  leveret,
  serve,
  say: (what) => port.postMessage({ said: what }),
  heard: () =>
    new Promise((resolve) => {
      const hear = (message: { heard?: unknown }): void => {
        if (!('heard' in message)) return
        port.off('message', hear)
        resolve(message.heard)
      }
      port.on('message', hear)
    }),
  ending: (promise) =>
    Promise.resolve(promise).then(
      (value) => value ?? 'resolved',
      (error: { code?: string; name: string }) => error.code ?? error.name,
    ),
}

if (broker) {
  // n.b. the other way round: the thread has the broker, and the test connects to it.
  const own = new leveret.Broker()
  serve(own, port)
  await run({ ...surroundings, bus: own.virtualHost('/') })
} else {
  const bus = await connect(port, { timeout: 10_000 })
  await run({ ...surroundings, bus })
}
surroundings.say('done')
