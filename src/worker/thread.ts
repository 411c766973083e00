/** What a thread of `consumeInWorkers` does. */
import { builtIn, type Delivery, describe, host, InvalidOptionError } from '../internal.js'
import { connect } from './connect.js'
import type { PortLike } from './endpoint.js'
import type { Codec } from './values.js'

/** What a thread is told when it starts. */
export interface Work {
  readonly queue: string
  readonly module: string
  /** Where this package is, as far as it knows. */
  readonly from: string | undefined
  readonly prefetch: number | undefined
  readonly concurrency: number | undefined
}

/**
 * What a thread begins with: this package, as it is found from itself, from the handler's module (this one may be a part of a
 * bundle), or else from the working directory. n.b. it is required, not imported: in threads of Node 20, tsx has hooks for
 * `require` alone, so that nothing else could start our own sources.
 */
export const START = `data:text/javascript,${encodeURIComponent(`
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

const places = [workerData.from, workerData.module, pathToFileURL(process.cwd() + '/').href]
const found = places.map((place) => {
  try {
    const require = createRequire(place)
    require.resolve('leveret/worker')
    return require
  } catch {}
}).find((require) => require !== undefined)
if (found === undefined) throw new Error("consumeInWorkers: 'leveret/worker' is found from none of " + places.join(', '))
found('leveret/worker').work(parentPort, workerData)
`)}`

/** What a handler's module has. */
interface HandlerModule {
  readonly default?: unknown
  readonly codecs?: readonly Codec[]
}

/** A `require` of Node's. */
interface Require {
  (path: string): unknown
  /** By extension, what loads a file. */
  readonly extensions: Readonly<Record<string, unknown>>
}

/** Codes of errors that a loader of TypeScript may know better than the platform. */
const NOT_LOADED = new Set<unknown>(['ERR_UNKNOWN_FILE_EXTENSION', 'ERR_MODULE_NOT_FOUND'])

/** The handler's module, in TypeScript where there is a loader of it. */
async function load(href: string): Promise<HandlerModule> {
  try {
    return exportsOf((await import(href)) as HandlerModule)
  } catch (error) {
    if (!NOT_LOADED.has((error as { code?: unknown }).code)) throw error
    const { createRequire } = builtIn('node:module') as { createRequire(from: string): Require }
    const { fileURLToPath } = builtIn('node:url') as { fileURLToPath(url: string): string }
    // n.b. asked from a file of TypeScript, it finds handler.ts where handler.js is named.
    const require = createRequire(href.replace(/[^/]*$/, 'any.ts'))
    if (!('.ts' in require.extensions)) throw error
    return exportsOf({ default: require(fileURLToPath(href)) })
  }
}

/** n.b. what was compiled to CommonJS has its exports in its default. */
function exportsOf(module: HandlerModule): HandlerModule {
  const inner = Object(module.default) as HandlerModule
  return typeof inner.default === 'function' ? inner : module
}

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
  } catch (error) {
    // n.b. an error that nobody catches ends a thread, and its parent hears of it.
    host.setTimeout(() => {
      throw error
    }, 0)
  }
}

async function begin(port: ParentPort, { queue: name, module, prefetch, concurrency }: Work): Promise<void> {
  const { default: handler, codecs } = await load(module)
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
  const handle = (delivery: Delivery): unknown => handler(delivery, bus)
  let begun: Promise<unknown> | undefined
  consumer.run(
    // n.b. a handler may end the thread, which has to say first that it had started.
    (delivery: Delivery) => (begun === undefined ? handle(delivery) : begun.then(() => handle(delivery))),
    concurrency === undefined ? {} : { concurrency },
  )
  // n.b. what is asked after the consumer is answered when that is attached: so whoever hears of it may count on that.
  begun = Promise.resolve(queue.info()).then(() => port.postMessage({ leveret: 'ready' }))
  await begun
  begun = undefined
}
