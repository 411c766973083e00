/** The two ends of a wire: a Node `MessagePort` or `Worker`, a browser's, or two ends in one thread. */
import { describe, InvalidOptionError } from '../internal.js'
import { whenFree } from './life.js'

/** What messages are posted to and come from. */
export interface Endpoint {
  post(message: unknown, transfer: readonly object[]): void
  onMessage(listener: (message: unknown) => void): void
  /** Called when nothing will come any more: closed by either side, or its thread is gone. */
  onClose(listener: () => void): void
  /** Stops listening; closes it where that is ours to do. */
  close(): void
  /** Ends the thread at the other end; where that is out of reach, its way here. A thread's end may be awaited. */
  stop(): unknown
  /** True when the other end is in this thread. */
  readonly near?: boolean
  /** True in a browser, where nobody is told that a thread has ended. */
  readonly web?: boolean
  /** Whether it keeps its thread alive. */
  keepAlive(on: boolean): void
}

/** A Node `Worker` or `MessagePort`, `parentPort` among them. */
interface NodePort {
  postMessage(message: unknown, transfer?: readonly object[]): void
  on(name: string, listener: (message: unknown) => void): unknown
  off(name: string, listener: (message: unknown) => void): unknown
  close?(): void
  /** Of a `Worker`. */
  terminate?(): unknown
  start?(): void
  ref?(): void
  unref?(): void
  /** Of a Worker; -1 when it has ended. */
  readonly threadId?: number
}

/** A browser's `Worker`, `MessagePort`, or the global of a dedicated worker. */
interface WebPort {
  postMessage(message: unknown, transfer: readonly object[]): void
  addEventListener(name: string, listener: (event: { readonly data?: unknown }) => void): void
  removeEventListener(name: string, listener: (event: { readonly data?: unknown }) => void): void
  close?(): void
  /** Of a `Worker`. */
  terminate?(): unknown
  start?(): void
}

/** What `serve` and `connect` take: a worker, its `parentPort`, one end of a `MessageChannel`, or a browser's of these. */
export type PortLike = NodePort | WebPort

/**
 * The endpoint of a port. `owned` ones are closed with it; a `lock` is held by the thread at the other end, in browsers.
 * @throws InvalidOptionError.
 */
export function endpointOf(what: string, port: unknown, owned: boolean, lock?: string): Endpoint {
  const { postMessage, on, addEventListener, threadId } = Object(port) as Partial<NodePort & WebPort>
  if (typeof postMessage === 'function') {
    if (threadId === -1) throw new InvalidOptionError(`${what}: expected a Worker that runs, got one that has ended`)
    if (typeof on === 'function') return nodeEndpoint(port as NodePort, owned)
    if (typeof addEventListener === 'function') return webEndpoint(port as WebPort, owned, lock)
  }
  throw new InvalidOptionError(`${what}: expected a Worker, a MessagePort or parentPort, got ${describe(port)}`)
}

function nodeEndpoint(port: NodePort, owned: boolean): Endpoint {
  const off: (() => void)[] = []
  const listen = (name: string, listener: (message: unknown) => void): void => {
    port.on(name, listener)
    off.push(() => port.off(name, listener))
  }
  return {
    post: (message, transfer) => port.postMessage(message, transfer),
    onMessage: (listener) => {
      listen('message', listener)
      // n.b. what came and cannot be read is lost: whoever listens must hear that something was there.
      listen('messageerror', listener)
    },
    onClose: (listener) => {
      listen('close', listener)
      listen('exit', listener)
    },
    close: () => {
      for (const end of off) end()
      if (owned) port.close?.()
    },
    stop: () => stop(port),
    keepAlive: (on) => (on ? port.ref?.() : port.unref?.()),
  }
}

function webEndpoint(port: WebPort, owned: boolean, lock: string | undefined): Endpoint {
  const off: (() => void)[] = []
  const listen = (name: string, listener: (event: { readonly data?: unknown }) => void): void => {
    port.addEventListener(name, listener)
    off.push(() => port.removeEventListener(name, listener))
  }
  return {
    post: (message, transfer) => port.postMessage(message, transfer),
    onMessage: (listener) => {
      listen('message', ({ data }) => listener(data))
      listen('messageerror', () => listener(undefined))
      port.start?.()
    },
    onClose: (listener) => {
      listen('close', listener)
      off.push(whenFree(lock, listener))
    },
    close: () => {
      for (const end of off) end()
      if (owned) port.close?.()
    },
    web: true,
    stop: () => stop(port),
    keepAlive: () => undefined,
  }
}

function stop(port: PortLike): unknown {
  return port.terminate === undefined ? port.close?.() : port.terminate()
}

const resolved = Promise.resolve()

/** Two ends in one thread: what is posted at one comes at the other in a later microtask, in order and as a copy. */
export function pair(copy: (message: unknown) => unknown): [Endpoint, Endpoint] {
  const first = new Near(copy)
  const second = new Near(copy)
  first.far = second
  second.far = first
  return [first, second]
}

class Near implements Endpoint {
  readonly near = true
  far!: Near
  readonly #copy: (message: unknown) => unknown
  #listener: ((message: unknown) => void) | undefined
  #closed: (() => void) | undefined
  #waiting: unknown[] = []
  #open = true

  constructor(copy: (message: unknown) => unknown) {
    this.#copy = copy
  }

  post(message: unknown): void {
    if (!this.#open || !this.far.#open) return
    const { far } = this
    const copied = this.#copy(message)
    void resolved.then(() => far.#take(copied))
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener
    const waiting = this.#waiting
    this.#waiting = []
    for (const message of waiting) listener(message)
  }

  onClose(listener: () => void): void {
    this.#closed = listener
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    const { far } = this
    void resolved.then(() => far.#end())
  }

  stop(): void {
    this.close()
  }

  keepAlive(): void {
    // There is one thread.
  }

  #take(message: unknown): void {
    if (!this.#open) return
    if (this.#listener === undefined) this.#waiting.push(message)
    else this.#listener(message)
  }

  #end(): void {
    if (!this.#open) return
    this.#open = false
    this.#closed?.()
  }
}
