/**
 * A reply in parts, as the requester loops over it: an iterator by hand. The responder sends no more parts than were
 * granted, so what waits here is never more than the window. Each attempt of a responder has an address of its own: what
 * another one begins anew is never taken for the continuation of the first.
 */
import { Fifo } from '../data/fifo.js'
import type { Delivery } from '../delivery.js'
import { AbortError, ReplyInterruptedError, TimeoutError } from '../errors.js'
import { type AbortSignalLike, onAbort } from '../host.js'
import { type Checks, integer } from '../options.js'
import type { Timer } from '../timers.js'
import type { Conversation } from './conversations.js'
import { CREDIT, REPLY, type ReplyKind, remoteError } from './reply.js'
import { type Asked, REQUEST_CHECKS, type RequestOptions } from './request.js'
import type { Requester } from './requester.js'

/** How a request for a reply in parts is made; its `timeout` is that of each wait for a part. */
export interface RequestManyOptions extends RequestOptions {
  /**
   * Parts, 1 to 65,535, that the responder may send ahead of the loop.
   * @default 16
   */
  readonly window?: number
}

export const REQUEST_MANY_CHECKS: Checks = { ...REQUEST_CHECKS, window: integer(1, 65_535, 'parts') }

const WINDOW = 16

interface Waiting<Part> {
  resolve(result: IteratorResult<Part, undefined>): void
  reject(error: unknown): void
}

export class ReplyParts<Part> implements AsyncIterableIterator<Part, undefined>, Conversation {
  number = 0
  id = ''
  /** n.b. each wait for a part has a deadline of its own. */
  readonly due = Number.POSITIVE_INFINITY
  readonly #requester: Requester
  readonly #timeout: number
  readonly #window: number
  readonly #parts = new Fifo<Delivery>()
  #waiting: Waiting<Part>[] = []
  #timer: Timer | undefined
  #stopListening: (() => void) | undefined
  /** Address of the responder that sends the parts; undefined until the first has come. */
  #attempt: string | undefined
  /** Addresses of attempts that were lost before any of their parts was taken. */
  readonly #lost = new Set<string>()
  #taken = 0
  /** Parts taken since the last grant. */
  #ungranted = 0
  #ended = false
  #error: unknown

  /** @throws what publishing throws. */
  constructor(requester: Requester, body: unknown, asked: Asked, window = WINDOW) {
    const { timeout, signal, properties, transfer } = asked
    this.#requester = requester
    this.#timeout = timeout
    this.#window = window
    const headers = { ...properties?.headers, [CREDIT]: window }
    requester.ask(this, body, timeout, { ...properties, headers }, transfer)
    if (this.#ended || signal === undefined) return
    this.#stopListening = onAbort(signal, () => {
      this.#drop(new AbortError(requester.what, (signal as AbortSignalLike).reason, true))
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Part, undefined>> {
    const part = this.#parts.shift()
    if (part !== undefined) return this.#take(part)
    if (this.#ended) return this.#over()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (this.#waiting.length === 1) this.#await()
    })
  }

  return(): Promise<IteratorResult<Part, undefined>> {
    this.#drop(undefined)
    return Promise.resolve({ value: undefined, done: true })
  }

  throw(error?: unknown): Promise<IteratorResult<Part, undefined>> {
    void this.return()
    return Promise.reject(error)
  }

  replied(delivery: Delivery): boolean {
    const attempt = delivery.properties.replyTo ?? ''
    if (this.#lost.has(attempt)) return false
    const kind = delivery.headers[REPLY] as ReplyKind | undefined
    if (this.#attempt !== undefined && this.#attempt !== attempt && !this.#forget()) return false
    this.#attempt = attempt
    switch (kind) {
      case 'interrupted':
        this.#forget()
        break
      case 'end':
        this.#finish(undefined, true)
        break
      case 'error':
        this.#finish(remoteError(this.#requester.what, delivery), true)
        break
      default:
        this.#came(delivery)
        // n.b. a plain reply is one part and no more.
        if (kind === undefined) this.#finish(undefined, true)
    }
    return true
  }

  failed(error: unknown): void {
    this.#stop()
    this.#finish(error, false)
  }

  #came(part: Delivery): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) {
      this.#parts.push(part)
      return
    }
    this.#rest()
    this.#take(part).then(waiting.resolve, waiting.reject)
    if (this.#waiting.length > 0) this.#await()
  }

  #take(part: Delivery): Promise<IteratorResult<Part, undefined>> {
    this.#taken++
    if (!this.#ended && this.#attempt && ++this.#ungranted * 2 >= this.#window) {
      this.#requester.grant(this.#attempt, this.#ungranted)
      this.#ungranted = 0
    }
    try {
      return Promise.resolve({ value: part.body as Part, done: false })
    } catch (error) {
      this.#drop(undefined)
      return Promise.reject(error)
    }
  }

  /** The responder is lost. Nothing is, while none of its parts was taken: another may begin. False: it is over. */
  #forget(): boolean {
    if (this.#taken > 0) {
      this.#finish(new ReplyInterruptedError(this.#requester.what, this.#taken + this.#parts.length), false)
      return false
    }
    this.#lost.add(this.#attempt as string)
    this.#attempt = undefined
    while (this.#parts.shift() !== undefined);
    return true
  }

  /** The loop is left, or may as well be: the responder is to stop, and what has come is dropped. */
  #drop(error: unknown): void {
    while (this.#parts.shift() !== undefined);
    if (this.#ended) return
    this.#stop()
    this.#finish(error, false)
  }

  #stop(): void {
    // n.b. a responder that is not known yet hears of it by its first part, which is a stray then.
    if (this.#attempt) this.#requester.grant(this.#attempt, 0)
  }

  /** No more parts come. Those that have come are still taken, then the error is thrown. */
  #finish(error: unknown, answered: boolean): void {
    if (this.#ended) return
    this.#ended = true
    this.#requester.end(this, answered)
    this.#stopListening?.()
    this.#error = error
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#rest()
    this.#waiting = []
    for (const { resolve, reject } of waiting) this.#over().then(resolve, reject)
  }

  #over(): Promise<IteratorResult<Part, undefined>> {
    const error = this.#error
    this.#error = undefined
    return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error)
  }

  /** The loop waits: that is work which keeps the process alive, and lasts no longer than the timeout. */
  #await(): void {
    const { timers } = this.#requester
    timers.keepAlive()
    this.#timer = timers.after(this.#timeout, () => void this.#timedOut())
  }

  #rest(): void {
    // n.b. a part that cannot be read ends the loop, whose wait is over by then.
    if (this.#timer === undefined) return
    const { timers } = this.#requester
    timers.letGo()
    timers.cancel(this.#timer)
    this.#timer = undefined
  }

  async #timedOut(): Promise<void> {
    const taken = this.#taken
    const why = taken > 0 ? undefined : await this.#requester.whyUnanswered()
    if (this.#taken > taken) return
    this.#drop(new TimeoutError(`${this.#requester.what}, part ${taken + 1},`, this.#timeout, why))
  }
}
