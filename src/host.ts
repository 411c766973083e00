/**
 * What the core asks of the platform it runs on: the few globals that Node, Deno, Bun and browsers share, as the
 * smallest structural types. The core compiles without DOM and Node types, so whatever is not listed here is a compile
 * error there.
 */

/** The part of an `AbortSignal` that this package uses. */
export interface AbortSignalLike {
  /** True once aborted. */
  readonly aborted: boolean
  /** Why it was aborted. */
  readonly reason?: unknown
  /** Starts listening for `abort`. */
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  /** Stops listening for `abort`. */
  removeEventListener(type: 'abort', listener: () => void): void
}

/** The platform's `AbortSignal` where its types are present, else the part of it that this package uses. */
export type Signal = typeof globalThis extends {
  /** The platform's class. */
  AbortSignal: {
    /** Its instances. */
    prototype: infer S
  }
}
  ? S
  : AbortSignalLike

/** A value, or a promise of it: the local engine answers at once, a remote one later. */
export type Awaitable<T> = T | Promise<T>

/** True for a promise or anything like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Goes on with a value that may come later; at once when it is there. */
export function andThen<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Calls `listener` when the signal is aborted; answers what stops listening. */
export function onAbort(signal: Signal | undefined, listener: () => void): () => void {
  // n.b. where the platform's types are absent `Signal` is the structural type, elsewhere it is assignable to it.
  const target = signal as AbortSignalLike | undefined
  target?.addEventListener('abort', listener)
  return () => target?.removeEventListener('abort', listener)
}

/** What `setTimeout` and `setImmediate` return where they can be let go of. */
export interface TimerHandle {
  /** From now on the timer keeps the process alive. */
  ref?(): unknown
  /** From now on it does not. */
  unref?(): unknown
}

/** One end of a `MessageChannel`. */
export interface Port {
  onmessage: (() => void) | null
  postMessage(message: unknown): void
  close(): void
  ref?(): void
  unref?(): void
}

/** An async context (AsyncLocalStorage) that was captured. */
export interface AsyncScope {
  runInAsyncScope<This, Result>(fn: (this: This) => Result, thisArg: This): Result
}

/** The part of a `LockManager` that this package uses. */
export interface Locks {
  /** Holds the lock while the promise that the callback answers is pending. */
  request(name: string, options: { readonly signal?: AbortSignalLike }, granted: () => unknown): Promise<unknown>
}

/** A `node:diagnostics_channel`. */
export interface DiagnosticsChannel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

interface Host {
  setTimeout: (callback: () => void, ms: number) => TimerHandle
  clearTimeout: (handle: TimerHandle) => void
  setImmediate?: (callback: () => void) => TimerHandle
  performance: { now(): number }
  MessageChannel?: new () => { port1: Port; port2: Port }
  AbortController: new () => { signal: AbortSignalLike; abort(reason?: unknown): void }
  atob(base64: string): string
  btoa(bytes: string): string
  structuredClone?: <T>(value: T, options?: { transfer: readonly ArrayBuffer[] }) => T
  WritableStream?: new (sink: object, strategy: { highWaterMark: number }) => object
  URL: new (url: string) => object
  /** n.b. without locks outside of a secure context. */
  navigator?: { readonly locks?: Locks }
  TextEncoder: new () => { encode(text: string): Uint8Array }
  TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string }
  process?: {
    emitWarning?(warning: Error): void
    getBuiltinModule?(id: string): unknown
  }
}

/** The global object, seen through the types above. Read at call time: test runners replace what is on it. */
export const host = globalThis as unknown as Host

/** A module of Node's; undefined where the platform has none of them. */
export function builtIn(id: string): unknown {
  return host.process?.getBuiltinModule?.(id)
}

/** Type of what `new AbortController()` makes. */
export type AbortControllerLike = InstanceType<Host['AbortController']>

/**
 * Captures the current async context (AsyncLocalStorage): a handler must run in the one in which it was registered,
 * never in a publisher's. Undefined where the platform has no such thing.
 */
export function captureAsyncScope(name: string): AsyncScope | undefined {
  const hooks = builtIn('node:async_hooks') as { AsyncResource: new (type: string) => AsyncScope } | undefined
  return hooks === undefined ? undefined : new hooks.AsyncResource(name)
}

/** The named `node:diagnostics_channel`; undefined where the platform has none. */
export function diagnosticsChannel(name: string): DiagnosticsChannel | undefined {
  const module = builtIn('node:diagnostics_channel') as { channel(name: string): DiagnosticsChannel } | undefined
  return module?.channel(name)
}

/** Reports something nobody listens for: a process warning where there is one, else a rethrow outside of our stack. */
export function warn(error: Error): void {
  if (host.process?.emitWarning !== undefined) host.process.emitWarning(error)
  else {
    host.setTimeout(() => {
      throw error
    }, 0)
  }
}

/** How RabbitMQ hashes passwords. */
export type HashingAlgorithm =
  | 'rabbit_password_hashing_sha256'
  | 'rabbit_password_hashing_sha512'
  | 'rabbit_password_hashing_md5'

/** Base64 of a salt and the hash of it and a password; undefined where the platform cannot hash at once. */
export function digestOf(algorithm: HashingAlgorithm, salt: readonly number[], password: string): string | undefined {
  const crypto = builtIn('node:crypto') as
    | { createHash(name: string): { update(data: Uint8Array): { digest(): Uint8Array } } }
    | undefined
  const name = algorithm.slice('rabbit_password_hashing_'.length)
  const salted = Uint8Array.of(...salt, ...new host.TextEncoder().encode(password))
  const hash = crypto?.createHash(name).update(salted).digest()
  return hash && host.btoa(String.fromCharCode(...salt, ...hash))
}
