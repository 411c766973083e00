/**
 * Sends a reply in parts: pulls the handler's iterator while the requester has granted parts. It has a channel of its own
 * for it, whose address for direct replies takes the grants, and tells one attempt to answer from another.
 */
import type { Channel, Connection, Subscription } from '../channel/channel.js'
import type { Delivery } from '../delivery.js'
import { onAbort } from '../host.js'
import type { MessageProperties } from '../message.js'
import { REPLY_TO } from '../names.js'
import type { Timer } from '../timers.js'
import { messageOf } from './publish-options.js'
import { creditOf, failureOf, type ReplyKind, replyTo } from './reply.js'
import { isAborted } from './wait.js'

/** How often a sender that waits for a grant asks whether the requester is still there. */
const CHECK_MS = 30_000

export class PartSender {
  readonly #connection: Connection
  readonly #delivery: Delivery
  readonly #parts: AsyncIterable<unknown>
  readonly #channel: Channel
  #iterator: AsyncIterator<unknown> | undefined
  #subscription: Subscription | undefined
  #address = REPLY_TO
  /** The properties of a part, the same for all. */
  #part: MessageProperties | undefined
  #credit: number
  /** Nobody wants the rest. */
  #over = false
  #wake: (() => void) | undefined
  #returning: Promise<unknown> | undefined
  #timer: Timer | undefined

  constructor(connection: Connection, delivery: Delivery, parts: AsyncIterable<unknown>, credit: number) {
    this.#connection = connection
    this.#delivery = delivery
    this.#parts = parts
    this.#credit = credit
    this.#channel = connection.openChannel({})
  }

  /** Resolves when the iterator is done, or was ended and its cleaning up is done. */
  async send(): Promise<void> {
    const { signal } = this.#delivery
    // n.b. the signal ends it whoever is gone: the broker takes the delivery back, the requester wants no more.
    const stopListening = onAbort(signal, () => this.#stop())
    if (isAborted(signal)) this.#stop()
    try {
      const options = { consumerTag: '', prefetch: 0, noAck: true, exclusive: false, priority: 0, once: false }
      const attached = this.#channel.consume(REPLY_TO, options, {
        ready: () => this.#granted(),
        cancelled: () => this.#stop(),
      })
      this.#subscription = attached instanceof Promise ? await attached : attached
      this.#address = this.#subscription.replyAddress ?? REPLY_TO
      this.#iterator = this.#parts[Symbol.asyncIterator]()
      await this.#pull(this.#iterator)
    } catch (error) {
      if (!this.#over) this.#say('error', failureOf(error))
    } finally {
      stopListening()
      this.#unwatch()
      if (this.#delivery.settled === 'lost') this.#say('interrupted', undefined)
      await this.#returning
      void this.#channel.close()
    }
  }

  async #pull(iterator: AsyncIterator<unknown>): Promise<void> {
    while (!this.#over) {
      if (this.#credit === 0) {
        await this.#moreCredit()
        continue
      }
      const { value, done } = await iterator.next()
      if (this.#over) break
      if (done === true) {
        this.#say('end', undefined)
        return
      }
      this.#credit--
      try {
        this.#say('part', value)
      } catch (error) {
        this.#return()
        throw error
      }
    }
    this.#return()
  }

  #moreCredit(): Promise<void> {
    this.#watch()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #granted(): void {
    for (let grant = this.#subscription?.take(); grant !== undefined; grant = this.#subscription?.take()) {
      const credit = creditOf(grant) ?? 0
      if (credit > 0) this.#credit += credit
      // n.b. the handler's signal, too: it may be in the middle of a part.
      else this.#delivery.lazy?.controller?.abort()
    }
    if (this.#credit > 0) this.#goOn()
  }

  #stop(): void {
    if (this.#over) return
    this.#over = true
    this.#goOn()
    // n.b. later: iterators are the user's, and run in no operation of the broker.
    void Promise.resolve().then(() => this.#return())
  }

  #goOn(): void {
    this.#unwatch()
    this.#wake?.()
    this.#wake = undefined
  }

  /** Ends the iterator, which cleans up. */
  #return(): void {
    this.#returning ??= this.#clean()
  }

  async #clean(): Promise<void> {
    try {
      await this.#iterator?.return?.()
    } catch (error) {
      this.#connection.fault(error, `the end of a reply in parts from queue '${this.#delivery.queue.name}'`)
    }
  }

  #say(kind: ReplyKind, body: unknown): void {
    if (this.#channel.closed) return
    const { bodies } = this.#connection
    const part = kind === 'part' && bodies === 'reference' ? this.#part : undefined
    const message =
      part === undefined
        ? replyTo(this.#delivery, body, kind, bodies, this.#address)
        : messageOf('', this.#delivery.properties.replyTo ?? '', body, part, bodies)
    if (kind === 'part') this.#part ??= message.properties
    this.#channel.publish(message, false, 0)
  }

  /** While it waits for a grant: a requester that is gone says nothing. */
  #watch(): void {
    this.#timer = this.#connection.scheduler.timers.after(CHECK_MS, () => void this.#look())
  }

  async #look(): Promise<void> {
    try {
      await this.#channel.checkQueue(this.#delivery.properties.replyTo ?? '')
      if (this.#wake !== undefined) this.#watch()
    } catch {
      this.#delivery.lazy?.controller?.abort()
    }
  }

  #unwatch(): void {
    if (this.#timer !== undefined) this.#connection.scheduler.timers.cancel(this.#timer)
    this.#timer = undefined
  }
}
