/** Real threads for tests: a function is run in one, over a bus that is connected to the test's broker. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import type { Broker, Bus } from 'leveret'
import { connect, type Served, type ServeOptions, serve } from 'leveret/worker'
import type { Surroundings } from './thread.js'

let directory: string | undefined
const workers = new Set<Worker>()

/** Bundles the thread's side once, so that threads start in a few milliseconds. */
export async function prepareThreads(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'leveret-threads-'))
  await build({
    entryPoints: [fileURLToPath(new URL('./thread.ts', import.meta.url))],
    outfile: join(directory, 'thread.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  })
}

/** Ends what is left of the threads. */
export async function endThreads(): Promise<void> {
  await Promise.all([...workers].map((worker) => worker.terminate()))
}

export async function forgetThreads(): Promise<void> {
  if (directory !== undefined) await rm(directory, { recursive: true })
}

export class Thread {
  readonly worker: Worker
  readonly served: Served | undefined
  readonly said: unknown[] = []
  readonly errors: unknown[] = []
  readonly exited: Promise<number>
  #wake: (() => void) | undefined

  constructor(worker: Worker, served: Served | undefined) {
    this.worker = worker
    this.served = served
    worker.on('message', (message: unknown) => {
      if (!('said' in Object(message))) return
      this.said.push((message as { said: unknown }).said)
      this.#wake?.()
    })
    worker.on('error', (error) => {
      this.errors.push(error)
      this.#wake?.()
    })
    this.exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        workers.delete(worker)
        resolve(code)
        this.#wake?.()
      })
    })
  }

  /** Resolves with the next thing that it says. */
  async says(): Promise<unknown> {
    while (this.said.length === 0) {
      if (this.errors.length > 0) throw this.errors[0]
      if (!workers.has(this.worker)) throw new Error('the thread exited and said nothing')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.said.shift()
  }

  /** Resolves when it said this. */
  async until(what: unknown): Promise<void> {
    while ((await this.says()) !== what);
  }

  hears(what: unknown): void {
    this.worker.postMessage({ heard: what })
  }
}

function start<Data>(code: (surroundings: Surroundings<Data>) => unknown, data: Data, broker: boolean): Worker {
  const worker = new Worker(join(directory as string, 'thread.mjs'), {
    workerData: { code: code.toString(), data, broker },
  })
  // n.b. already here: `serve` may throw, and then nobody else would end it.
  workers.add(worker)
  return worker
}

/** Runs a function in a thread. n.b. it is passed as text: it sees its parameter and the platform's globals. */
export function inThread<Data = undefined>(
  broker: Broker,
  code: (surroundings: Surroundings<Data>) => unknown,
  data?: Data,
  options?: ServeOptions,
): Thread {
  const worker = start(code, data as Data, false)
  return new Thread(worker, serve(broker, worker, options))
}

/** The other way round: the broker is in the thread, the bus here. */
export async function brokerInThread(
  code: (surroundings: Surroundings<undefined>) => unknown,
): Promise<{ thread: Thread; bus: Bus }> {
  const thread = new Thread(start(code, undefined, true), undefined)
  return { thread, bus: await connect(thread.worker) }
}
