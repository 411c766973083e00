/** What a thread of `consumeInWorkers` does. */
import { type Delivery, describe, host, InvalidOptionError } from '../internal.js'
import { connect } from './connect.js'
import type { PortLike } from './endpoint.js'
import type { Codec } from './values.js'

/** What a thread is told when it starts. */
export interface Work {
  readonly queue: string
  readonly module: string
  readonly prefetch: number | undefined
  readonly concurrency: number | undefined
}

/**
 * What a thread begins with: the handler's module, or else the working directory, says where this package is. n.b. it is a
 * module with an URL, and what it starts is required: so the loaders of TypeScript find their way.
 */
export const START = `data:text/javascript,${encodeURIComponent(`
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

const places = [workerData.module, pathToFileURL(process.cwd() + '/').href].map((place) => createRequire(place))
const found = places.find((require) => {
  try {
    return require.resolve('leveret/worker')
  } catch {}
})
if (found === undefined) throw new Error("consumeInWorkers: 'leveret/worker' is not found from " + workerData.module)
found('leveret/worker').work(parentPort, workerData)
`)}`

/** The part of `parentPort` that is needed here. */
interface ParentPort {
  on(name: 'message', listener: (message: unknown) => void): unknown
  postMessage(message: unknown): void
  unref?(): void
}

/** Consumes in this thread until it is told to end. For `consumeInWorkers()`. @hidden */
export async function work(port: ParentPort, what: Work): Promise<void> {
  try {
    await begin(port, what)
    port.postMessage({ leveret: 'ready' })
  } catch (error) {
    // n.b. an error that nobody catches ends a thread, and its parent hears of it.
    host.setTimeout(() => {
      throw error
    }, 0)
  }
}

async function begin(port: ParentPort, { queue: name, module, prefetch, concurrency }: Work): Promise<void> {
  const { default: handler, codecs } = (await import(module)) as { default?: unknown; codecs?: readonly Codec[] }
  if (typeof handler !== 'function') {
    throw new InvalidOptionError(
      `consumeInWorkers: expected a function as default export of ${module}, got ${describe(handler)}`,
    )
  }
  const bus = await connect(port as PortLike, codecs === undefined ? {} : { codecs })
  const queue = bus.queue(name)
  await queue.info()
  const consumer = queue.createConsumer(prefetch === undefined ? {} : { prefetch })
  consumer.on('cancelled', (error) => {
    // n.b. without the connection the thread ends by itself.
    host.setTimeout(() => {
      if (!bus.closed) throw error
    }, 0)
  })
  port.on('message', (message) => {
    const { leveret, timeout } = Object(message) as { leveret?: unknown; timeout?: number }
    if (leveret === 'drain') void consumer.close(timeout === undefined ? {} : { timeout }).then(() => bus.close())
  })
  // n.b. it is the connection that keeps the thread alive.
  port.unref?.()
  consumer.run(
    (delivery: Delivery) => handler(delivery, bus) as unknown,
    concurrency === undefined ? {} : { concurrency },
  )
}
