/** Connections that are made anew when they are lost: the option `recovery` of `connect`, for both APIs. */
import { EventEmitter } from 'node:events'
import { inNextTurn } from './emit.js'
import type { ChannelOptions, Recovery, SocketOptions } from './types.js'

/** A connection of one of the APIs, as far as recovering goes. */
export interface Adapter<Model extends EventEmitter, Channel> {
  open(): Promise<Model>
  close(model: Model): Promise<unknown>
  createChannel(model: Model, options: ChannelOptions | undefined, confirm: boolean): Promise<Channel>
  updateSecret(model: Model, newSecret: Buffer, reason: string): Promise<void>
}

interface Waiter<Model> {
  readonly resolve: (model: Model) => void
  readonly reject: (error: Error) => void
}

/** What `connect` is to do about lost connections; undefined when nothing. */
export function recoveryOf<Model>(options: (SocketOptions & { recovery?: unknown }) | undefined) {
  const recovery = options?.recovery as (Recovery<Model> & { enabled?: boolean }) | true | undefined
  if (!recovery || (recovery !== true && recovery.enabled === false)) return undefined
  return recovery === true ? {} : recovery
}

const finite = (value: unknown, otherwise: number): number =>
  Number.isFinite(Number(value)) && value !== undefined ? Number(value) : otherwise

const retries = (value: number | undefined, otherwise: number): number =>
  value === undefined || value === null
    ? otherwise
    : value === Number.POSITIVE_INFINITY
      ? value
      : Math.max(0, finite(value, otherwise))

const toError = (error: unknown, otherwise: string): Error =>
  error instanceof Error ? error : new Error(error ? String(error) : otherwise)

export class Recovering<Model extends EventEmitter, Channel> extends EventEmitter {
  readonly #adapter: Adapter<Model, Channel>
  readonly #recovery: Recovery<Model>
  readonly #first: Promise<void>
  #firstDone!: { readonly resolve: () => void; readonly reject: (error: Error) => void }
  #model: Model | undefined
  #unbind: () => void = () => undefined
  #waiters: Waiter<Model>[] = []
  #timer: NodeJS.Timeout | undefined
  #attempts = 0
  #connected = false
  #connecting = false
  #stopped: Error | undefined

  constructor(adapter: Adapter<Model, Channel>, recovery: Recovery<Model>) {
    super()
    this.#adapter = adapter
    this.#recovery = recovery
    this.#first = new Promise((resolve, reject) => {
      this.#firstDone = { resolve, reject }
    })
    this.#first.catch(() => undefined)
    // n.b. whoever does not wait for the first connection has to be able to listen first.
    inNextTurn(() => void this.#connect())
  }

  get waits(): boolean {
    return this.#recovery.waitForConnect !== false
  }

  /** Resolves with the first connection. */
  connected(): Promise<void> {
    return this.#first
  }

  async end(): Promise<void> {
    if (this.#stopped !== undefined) return
    this.#stop(new Error('Connection closed'))
    clearTimeout(this.#timer)
    this.#timer = undefined
    const model = this.#model
    this.#model = undefined
    if (model === undefined) return
    this.#unbind()
    await this.#closeQuietly(model)
  }

  async openChannel(options: ChannelOptions | undefined, confirm: boolean): Promise<Channel> {
    return this.#adapter.createChannel(await this.#current(), options, confirm)
  }

  async renewSecret(newSecret: Buffer, reason: string): Promise<void> {
    return this.#adapter.updateSecret(await this.#current(), newSecret, reason)
  }

  #current(): Promise<Model> {
    if (this.#model !== undefined) return Promise.resolve(this.#model)
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped)
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  #stop(error: Error): void {
    this.#stopped = error
    this.#firstDone.reject(error)
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  async #connect(): Promise<void> {
    if (this.#stopped !== undefined || this.#connecting) return
    this.#connecting = true
    let model: Model | undefined
    try {
      model = await this.#adapter.open()
      if (this.#stopped === undefined) await this.#setUp(model)
      if (this.#stopped !== undefined) await this.#closeQuietly(model)
      else this.#take(model)
    } catch (thrown) {
      const error = toError(thrown, 'Connection recovery failed')
      if (model !== undefined) await this.#closeQuietly(model)
      this.emit('connect-failed', error)
      this.#schedule(error)
    } finally {
      this.#connecting = false
    }
  }

  #setUp(model: Model): Promise<void> {
    const { setup } = this.#recovery
    if (typeof setup !== 'function') return Promise.resolve()
    return new Promise((resolve, reject) => {
      const done = (error?: unknown): void => (error ? reject(toError(error, 'Recovery setup failed')) : resolve())
      if (setup.length >= 2) void setup(model, done)
      else Promise.resolve((setup as (model: Model) => Promise<void>)(model)).then(() => done(), done)
    })
  }

  #take(model: Model): void {
    this.#model = model
    this.#attempts = 0
    this.#connected = true
    this.#bind(model)
    this.#firstDone.resolve()
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(model)
    this.emit('connect', model)
  }

  #bind(model: Model): void {
    const listeners: [event: string, listener: (...args: unknown[]) => void][] = [
      ['close', (error) => this.#lost(model, toError(error, 'Connection closed'))],
    ]
    for (const event of ['blocked', 'unblocked', 'error', 'update-secret-ok', 'handler-error']) {
      listeners.push([event, (...args) => this.emit(event, ...args)])
    }
    for (const [event, listener] of listeners) model.on(event, listener)
    this.#unbind = () => {
      for (const [event, listener] of listeners) model.off(event, listener)
      model.on('error', () => undefined)
    }
  }

  #lost(model: Model, error: Error): void {
    if (this.#model !== model) return
    this.#model = undefined
    this.#unbind()
    if (this.#stopped !== undefined) return
    this.emit('disconnect', error)
    this.#schedule(error)
  }

  #schedule(error: Error): void {
    if (this.#stopped !== undefined || this.#timer !== undefined) return
    const { maxRetries, initialMaxRetries } = this.#recovery
    const most = retries(maxRetries, Number.POSITIVE_INFINITY)
    if (this.#attempts >= (this.#connected ? most : retries(initialMaxRetries, most))) {
      this.#giveUp(error)
      return
    }
    const attempt = this.#attempts + 1
    let delay: number
    try {
      delay = this.#delay(attempt)
    } catch (thrown) {
      this.#giveUp(toError(thrown, 'calculateDelay failed'))
      return
    }
    this.#attempts = attempt
    this.emit('reconnect-scheduled', { attempt, delay, error })
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#connect()
    }, delay)
  }

  #delay(attempt: number): number {
    const { calculateDelay } = this.#recovery
    if (typeof calculateDelay === 'function') {
      const delay: unknown = calculateDelay(attempt)
      if (typeof delay === 'number' && Number.isFinite(delay) && delay >= 0) return Math.round(delay)
      throw new Error(`calculateDelay must return a finite, non-negative number of milliseconds (got ${String(delay)})`)
    }
    const initial = Math.max(0, finite(this.#recovery.initialDelay, 100))
    const jitter = Math.min(1, Math.max(0, finite(this.#recovery.jitter, 0.2)))
    // n.b. the longest wait is the longest with its jitter.
    const longest = Math.max(initial, finite(this.#recovery.maxDelay, 30_000)) / (1 + jitter)
    const base = Math.min(longest, initial * Math.max(1, finite(this.#recovery.factor, 2)) ** (attempt - 1))
    return Math.max(0, Math.round(base * (1 + jitter * (Math.random() * 2 - 1))))
  }

  #giveUp(error: Error): void {
    this.#stop(error)
    this.emit('reconnect-failed', error)
  }

  async #closeQuietly(model: Model): Promise<void> {
    await this.#adapter.close(model).catch(() => undefined)
  }
}
