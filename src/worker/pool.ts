/** A queue worked off by threads of their own: started, connected, started again when they crash, drained and ended. */
import {
  type BrokerState,
  builtIn,
  type Checks,
  ClosedError,
  Condition,
  checkOptions,
  describe,
  Emitter,
  host,
  InvalidOptionError,
  integer,
  LocalConnection,
  NotImplementedError,
  type Queue,
  type VirtualHostState,
} from '../internal.js'
import { endpointOf } from './endpoint.js'
import { Served } from './serve.js'
import { START, type Work } from './thread.js'
import { type Codec, checkCodecs } from './values.js'

/** How threads work a queue off. */
export interface WorkOptions {
  /** Threads, 1 to 1,024. @default 1 */
  readonly threads?: number
  /** Deliveries that may be out unsettled at once in each thread, 0 to 65,535; 0 = unlimited. @default its concurrency */
  readonly prefetch?: number
  /** Handlers that may run at once in each thread, 1 to 65,535. @default 1 */
  readonly concurrency?: number
  /**
   * Milliseconds, 0 to 2,147,483,647, before a thread that crashed is started again; twice that after the next crash, and
   * so on, until one has run for longer than it waited.
   * @default 100
   */
  readonly minDelay?: number
  /** Milliseconds, 0 to 2,147,483,647 and no less than a `minDelay` that is given, that this wait grows to. @default 30,000 */
  readonly maxDelay?: number
  /** How instances of classes cross; the handler's module exports the same ones as `codecs`. @default none */
  readonly codecs?: readonly Codec[]
  /** What else `new Worker()` of `node:worker_threads` gets, such as `execArgv`, `env`; no `workerData`. @default none */
  readonly worker?: object
}

/** How `close` waits. */
export interface WorkersCloseOptions {
  /** Milliseconds, 0 to 2,147,483,647, that handlers may take to end; then their threads are ended. @default 10,000 */
  readonly timeout?: number
}

/** What is told of threads, which are numbered from 0. */
export interface WorkersEvents {
  /** A thread ended by itself: by an error that nobody caught, or an exit. What it held is in the queue again. */
  crashed: [error: Error, thread: number]
  /** A thread was started again, and consumes. */
  restarted: [thread: number]
  /** A thread could not be started for so many times in a row that it is given up. */
  failed: [error: Error, thread: number]
}

/** A `Worker` of `node:worker_threads`. */
interface Thread {
  on(name: string, listener: (message: unknown) => void): unknown
  off(name: string, listener: (message: unknown) => void): unknown
  postMessage(message: unknown): void
  terminate(): Promise<unknown>
}

const MS = integer(0, 2 ** 31 - 1, 'ms')
const CHECKS: Checks = {
  threads: integer(1, 1_024, 'threads'),
  prefetch: integer(0, 65_535, 'deliveries'),
  concurrency: integer(1, 65_535, 'handlers'),
  minDelay: MS,
  maxDelay: MS,
  codecs: () => undefined,
  // n.b. their data is what tells threads what to do.
  worker: (value) =>
    typeof value === 'object' && value !== null && !('workerData' in value)
      ? undefined
      : 'an object without workerData',
}
const CLOSE_CHECKS: Checks = { timeout: MS }

/** n.b. the build for CommonJS says so in its own way, and bundles may not say it. */
const HERE = (import.meta as { readonly url?: string }).url

/** Milliseconds before a thread is started again, unless there is another word. */
const LEAST_DELAY = 100
const MOST_DELAY = 30_000

/** Starts in a row that may fail. */
const TRIES = 5

/** Threads that work a queue off. Made by `consumeInWorkers()`. */
export class Workers {
  readonly #connection: LocalConnection
  readonly #what: string
  readonly #start: () => Thread
  readonly #options: WorkOptions
  readonly #running = new Map<number, Thread>()
  readonly #events: Emitter<WorkersEvents>
  #closing: Promise<void> | undefined
  /** What tells a thread to finish, once they all have to. */
  #drain: object | undefined
  readonly #allEnded = new Condition()
  /** Ends the waits for a thread's next start. */
  readonly #pauses = new Set<() => void>()

  /** Use `consumeInWorkers()`. @hidden */
  constructor(connection: LocalConnection, queue: string, start: () => Thread, options: WorkOptions) {
    this.#connection = connection
    this.#what = `queue '${queue}'`
    this.#start = start
    this.#options = options
    this.#events = new Emitter<WorkersEvents>(['crashed', 'restarted', 'failed'], (error, event) => {
      connection.fault(error, `listener of '${event}' of the threads of ${this.#what}`)
    })
  }

  /** Threads that run now. */
  get threads(): number {
    return this.#running.size
  }

  /** True once `close` was called, or the queue's bus is closed: threads that end are not started again. */
  get closed(): boolean {
    return this.#closing !== undefined || this.#connection.closed
  }

  /** Calls `listener` at every such event. A crash that nobody listens for is reported as a `fault` of the broker. */
  on<Name extends keyof WorkersEvents>(name: Name, listener: (...payload: WorkersEvents[Name]) => void): this {
    this.#events.on(name, listener)
    return this
  }

  /** Takes a listener back. */
  off<Name extends keyof WorkersEvents>(name: Name, listener: (...payload: WorkersEvents[Name]) => void): this {
    this.#events.off(name, listener)
    return this
  }

  /**
   * Takes no more deliveries, lets the handlers finish and ends the threads; what is not finished in time goes back to the
   * queue. Idempotent.
   * @throws (rejects) InvalidOptionError, UnknownOptionError.
   */
  close(options: WorkersCloseOptions = {}): Promise<void> {
    try {
      checkOptions('close', options, CLOSE_CHECKS)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#closing ??= this.#close(options.timeout ?? 10_000)
    return this.#closing
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(timeout: number): Promise<void> {
    for (const wake of this.#pauses) wake()
    if (this.#running.size === 0) return
    const ended = this.#allEnded.wait()
    const threads = [...this.#running.values()]
    this.#drain = { leveret: 'drain', timeout }
    for (const thread of threads) thread.postMessage(this.#drain)
    // n.b. a handler may block its thread, which cannot see that the time is up. That is the time of the platform: a broker
    // that is closed has no other, and the clock of a test stands still.
    const timer = host.setTimeout(() => {
      for (const thread of threads) void thread.terminate()
    }, timeout)
    await ended
    host.clearTimeout(timer)
  }

  /** @internal Starts all threads. @throws (rejects) when one of them cannot be. */
  async open(): Promise<void> {
    const { threads = 1 } = this.#options
    try {
      await Promise.all(Array.from({ length: threads }, (_, number) => this.#begin(number)))
    } catch (error) {
      await this.close({ timeout: 0 })
      throw error
    }
  }

  #begin(number: number): Promise<void> {
    return new Promise((resolve, reject) => {
      void this.#keepUp(number, resolve).then(reject)
    })
  }

  /** Starts a thread as often as it crashes; answers why it does so no longer. */
  async #keepUp(number: number, began: () => void): Promise<unknown> {
    const { minDelay = LEAST_DELAY, maxDelay = MOST_DELAY } = this.#options
    const { timers } = this.#connection.scheduler
    const least = Math.min(minDelay, maxDelay)
    let waited = 0
    let delay = least
    let tries = 0
    for (let first = true; ; first = false) {
      let since: number | undefined
      const error = await this.#life(number, () => {
        since = timers.now()
        tries = 0
        if (first) began()
        else this.#events.emit('restarted', number)
      })
      if (this.closed) return new ClosedError(`threads of ${this.#what}`)
      // n.b. a module that does not load is the caller's to mend.
      if (first && since === undefined) return error
      if (!this.#events.emit('crashed', error, number))
        this.#connection.fault(error, `thread ${number} of ${this.#what}`)
      if (since === undefined && ++tries === TRIES) {
        this.#events.emit('failed', error, number)
        return error
      }
      if (since !== undefined && timers.now() - since > waited) delay = least
      await this.#pause(delay)
      waited = delay
      delay = Math.min(delay * 2, maxDelay)
      if (this.closed) return new ClosedError(`threads of ${this.#what}`)
    }
  }

  /** Starts a thread; resolves with why it ended. */
  #life(number: number, began: () => void): Promise<Error> {
    if (this.#connection.closed) return Promise.resolve(new ClosedError(`connection '${this.#connection.name}'`))
    let thread: Thread
    try {
      thread = this.#start()
    } catch (error) {
      return Promise.resolve(error as Error)
    }
    this.#running.set(number, thread)
    const served = this.#serve(thread, number)
    return new Promise((resolve) => {
      let why: Error | undefined
      thread.on('message', (message) => {
        if ((Object(message) as { leveret?: unknown }).leveret !== 'ready') return
        began()
        // n.b. one that was only starting has not heard it.
        if (this.#drain !== undefined) thread.postMessage(this.#drain)
      })
      thread.on('error', (error) => {
        why = error instanceof Error ? error : new Error(`thread ${number} threw ${describe(error)}`)
      })
      thread.on('exit', (code) => {
        served.close()
        this.#running.delete(number)
        if (this.#running.size === 0) this.#allEnded.notify()
        resolve(why ?? new Error(`thread ${number} ended by itself, with exit code ${code}`))
      })
    })
  }

  /** Connects a thread as whoever the queue's bus is connected as. */
  #serve(thread: Thread, number: number): Served {
    const { rights } = this.#connection
    const virtualHost = this.#connection.home as VirtualHostState
    const state = virtualHost.broker as BrokerState
    const login = { state, virtualHost, name: `thread ${number} of ${this.#what}`, rights }
    const { codecs = [] } = this.#options
    const loggedIn = (): typeof login => {
      // n.b. a thread that was only starting when the broker closed would be connected to nothing, and wait for ever.
      if (this.#connection.closed) throw new ClosedError(`connection '${this.#connection.name}'`)
      return login
    }
    return new Served(loggedIn, endpointOf('consumeInWorkers', thread, false), { codecs }, () => {
      // n.b. when the broker closes its threads end by themselves, but for those whose handlers block them.
      if (this.closed) void this.close()
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { timers } = this.#connection.scheduler
      const wake = (): void => {
        this.#pauses.delete(wake)
        timers.cancel(timer)
        timers.letGo()
        resolve()
      }
      const timer = timers.after(ms, wake)
      timers.keepAlive()
      this.#pauses.add(wake)
    })
  }
}

/**
 * Works a queue off in threads: each imports the module and runs its default export as `run` runs a handler, with the
 * thread's own bus as its second argument. What is thrown or returned settles the delivery; a crash gives back what the
 * thread had, as failed, and starts it again. The threads keep the process alive until `close()`.
 * @throws (rejects) InvalidOptionError, UnknownOptionError, NotImplementedError where there are no `node:worker_threads`,
 * NotFoundError for the queue, ClosedError when its bus closes meanwhile, and whatever the module throws when it is
 * imported.
 */
export async function consumeInWorkers(
  queue: Pick<Queue, 'name' | 'info'>,
  module: { readonly href: string },
  options: WorkOptions = {},
): Promise<Workers> {
  checkOptions('consumeInWorkers', options, CHECKS)
  checkCodecs(options.codecs ?? [])
  const { minDelay = 0, maxDelay = MOST_DELAY } = options
  if (minDelay > maxDelay) {
    throw new InvalidOptionError(
      `consumeInWorkers: option 'minDelay' must not be more than maxDelay, ${maxDelay} ms, got ${minDelay}`,
    )
  }
  const connection = Object(queue).connection as unknown
  if (!(connection instanceof LocalConnection)) {
    throw new InvalidOptionError(
      `consumeInWorkers: expected a queue of a broker in this thread, got ${describe(queue)}`,
    )
  }
  const { href } = Object(module) as { href?: unknown }
  if (typeof href !== 'string') {
    throw new InvalidOptionError(`consumeInWorkers: expected the URL of a module, got ${describe(module)}`)
  }
  const threads = builtIn('node:worker_threads') as
    | { readonly Worker: new (module: object, options: object) => Thread }
    | undefined
  if (threads === undefined) throw new NotImplementedError('consumeInWorkers needs node:worker_threads')
  const { prefetch, concurrency, worker } = options
  const start = (): Thread => {
    const workerData: Work = { queue: queue.name, module: href, from: HERE, prefetch, concurrency }
    return new threads.Worker(new host.URL(START), { ...worker, workerData })
  }
  await queue.info()
  const workers = new Workers(connection, queue.name, start, options)
  await workers.open()
  return workers
}
