/** One request with one reply. */
import type { Delivery } from '../delivery.js'
import { AbortError, TimeoutError } from '../errors.js'
import { type AbortSignalLike, onAbort, type Signal } from '../host.js'
import type { MessageProperties } from '../message.js'
import { type Checks, checkOptions, integer, signal } from '../options.js'
import type { Conversation } from './conversations.js'
import { buffers, REQUEST_PROPERTIES } from './publish-options.js'
import { REPLY, remoteError } from './reply.js'
import type { Requester } from './requester.js'
import { checkNotAborted } from './wait.js'

/** How a request is made; the other properties of its message stand beside these options. */
export interface RequestOptions extends Omit<MessageProperties, 'correlationId' | 'replyTo' | 'expiration'> {
  /**
   * Milliseconds that the reply may take, 0 to 2,147,483,647; then `TimeoutError`. The request expires with it: nobody works
   * on it later.
   * @default 30,000
   */
  readonly timeout?: number
  /**
   * Ends the wait with an `AbortError`. Aborted before the call: nothing is published.
   * @default none
   */
  readonly signal?: Signal
  /** Buffers of the body that are moved, see `PublishOptions`. A reply's are copied. @default none */
  readonly transfer?: readonly ArrayBuffer[]
}

export const REQUEST_CHECKS: Checks = {
  ...REQUEST_PROPERTIES,
  timeout: integer(0, 2 ** 31 - 1, 'ms'),
  signal,
  transfer: buffers,
}

const TIMEOUT_MS = 30_000

/** Options of a request, taken apart. */
export interface Asked {
  readonly timeout: number
  readonly signal: Signal | undefined
  /** Further properties of the message; undefined when there are none. */
  readonly properties: MessageProperties | undefined
  readonly transfer?: readonly ArrayBuffer[] | undefined
}

const NOTHING_ASKED: Asked = { timeout: TIMEOUT_MS, signal: undefined, properties: undefined }

/** Checks the options of a request. @throws UnknownOptionError, InvalidOptionError, AbortError. */
export function askedFor(what: string, options: RequestOptions | undefined): Asked {
  if (options === undefined) return NOTHING_ASKED
  checkOptions(what, options, REQUEST_CHECKS)
  checkNotAborted(what, options.signal)
  const { timeout = TIMEOUT_MS, signal: given, transfer, ...properties } = options
  return { timeout, signal: given, properties, transfer }
}

/** Waits for the reply to one request. */
export class PendingReply<Reply> implements Conversation {
  number = 0
  id = ''
  due = Number.POSITIVE_INFINITY
  readonly promise: Promise<Reply>
  readonly #requester: Requester
  readonly #timeout: number
  #resolve!: (reply: Reply) => void
  #reject!: (error: unknown) => void
  #over = false
  #stopListening: (() => void) | undefined

  /** @throws what publishing throws. */
  constructor(requester: Requester, body: unknown, { timeout, signal: given, properties, transfer }: Asked) {
    this.#requester = requester
    this.#timeout = timeout
    this.promise = new Promise<Reply>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    requester.timers.keepAlive()
    try {
      this.due = requester.ask(this, body, timeout, properties, transfer)
    } catch (error) {
      this.#close(false)
      throw error
    }
    if (given !== undefined && !this.#over) this.#stopListening = onAbort(given, () => this.#aborted(given))
  }

  replied(delivery: Delivery): boolean {
    this.#close(true)
    if (delivery.properties.headers?.[REPLY] === 'error') {
      this.#reject(remoteError(this.#requester.what, delivery))
    } else {
      try {
        this.#resolve(delivery.body as Reply)
      } catch (error) {
        this.#reject(error)
      }
    }
    return true
  }

  failed(error: unknown): void {
    this.#close(false)
    this.#reject(error)
  }

  #aborted(given: Signal): void {
    this.failed(new AbortError(this.#requester.what, (given as AbortSignalLike).reason, true))
  }

  async timedOut(): Promise<void> {
    this.#close(false)
    const { what } = this.#requester
    this.#reject(new TimeoutError(what, this.#timeout, await this.#requester.whyUnanswered()))
  }

  #close(answered: boolean): void {
    this.#over = true
    this.#requester.timers.letGo()
    this.#stopListening?.()
    this.#requester.end(this, answered)
  }
}
