/**
 * Runs a handler over deliveries, so many at a time, and settles each by its outcome. Work goes in lanes: a lane awaits
 * its handler and takes the next delivery itself, so that a busy lane costs one `await` a message.
 */
import type { Delivery, Settlement } from '../delivery.js'
import { InvalidOptionError } from '../errors.js'
import { isThenable } from '../host.js'
import { describe } from '../names.js'
import { type Checks, checkOptions, fn, integer } from '../options.js'
import type { HandleTracker } from '../tracker.js'
import type { DeliverySink } from './attachment.js'
import type { DeliverySource } from './delivery-source.js'

/** How a handler is run. */
export interface RunOptions<Body> {
  /**
   * Handlers that may run at once, 1 to 65,535.
   * @default 1
   */
  readonly concurrency?: number
  /**
   * Key of a delivery; deliveries of one key are handled one after another, in order, whatever the concurrency. A retried
   * delivery comes again behind those that were prefetched with it.
   * @default none: no order among handlers that run at once
   */
  readonly orderBy?: (delivery: Delivery<Body>) => unknown
}

const concurrency = integer(1, 65_535, 'handlers')
export const RUN_CHECKS: Checks = { concurrency, orderBy: fn }
/** What a handler of batches takes of them: no key is that of a whole batch. */
export const RUN_BATCHES_CHECKS: Checks = { concurrency }

/** A delivery or a batch of them, as far as its handler's outcome goes. */
export interface Settleable {
  readonly settled: Settlement | 'lost' | undefined
  ack(): void
  requeue(): void
  reject(): void
}

/** What makes an answer of a handler's outcome, which settles nothing then. */
export interface Answerer<Item> {
  /** Called with what a handler returned; what is answered here is waited for. What it throws goes to `failed`. */
  answer(item: Item, outcome: unknown): Promise<void> | undefined
  /** A handler failed. False where nobody is to hear of it: it fails as any handler does then. */
  failed(item: Item, error: unknown): boolean
}

/**
 * Checks the handler and its options.
 * @throws InvalidOptionError, UnknownOptionError.
 */
export function checkRun(handler: unknown, options: unknown, checks = RUN_CHECKS): void {
  if (typeof handler !== 'function') throw new InvalidOptionError(`run: expected a function, got ${describe(handler)}`)
  checkOptions('run', options, checks)
}

export class Runner<Item extends Settleable> implements DeliverySink {
  readonly scoped = true
  readonly concurrency: number
  readonly #handler: (item: Item) => unknown
  readonly #orderBy: ((item: Item) => unknown) | undefined
  readonly #source: DeliverySource<Item>
  readonly #tracker: HandleTracker | undefined
  readonly #answerer: Answerer<Item> | undefined
  #busy = 0
  #whenIdle: (() => void) | undefined
  /** By key: deliveries that wait for the one of their key that is being handled. */
  #lines: Map<unknown, Item[]> | undefined

  constructor(
    source: DeliverySource<Item>,
    handler: (item: Item) => unknown,
    options: { readonly concurrency?: number; readonly orderBy?: (item: Item) => unknown },
    answerer?: Answerer<Item>,
  ) {
    this.#source = source
    this.#tracker = source.tracker
    this.#answerer = answerer
    this.#handler = handler
    this.concurrency = options.concurrency ?? 1
    this.#orderBy = options.orderBy
    if (this.#orderBy !== undefined) this.#lines = new Map()
  }

  /** There is something to take: fills the lanes that are free. */
  ready(): void {
    while (this.#busy < this.concurrency) {
      const delivery = this.#next()
      if (delivery === undefined) return
      this.#busy++
      void this.#lane(delivery)
    }
  }

  /** Takes the next delivery whose key is free; those of a busy key line up behind it. */
  #next(): Item | undefined {
    for (;;) {
      const delivery = this.#source.take()
      if (delivery === undefined || this.#orderBy === undefined) return delivery
      if (!this.#linesUp(delivery, this.#orderBy)) return delivery
    }
  }

  #linesUp(delivery: Item, orderBy: (item: Item) => unknown): boolean {
    let key: unknown
    try {
      key = orderBy(delivery)
    } catch (error) {
      this.#source.failed(delivery, error)
      return true
    }
    const line = this.#lines?.get(key)
    if (line === undefined) {
      this.#lines?.set(key, [delivery])
      return false
    }
    line.push(delivery)
    return true
  }

  async #lane(first: Item): Promise<void> {
    for (let delivery: Item | undefined = first; delivery !== undefined; delivery = this.#after(delivery)) {
      // n.b. what the broker took back while it stood in line is not handled.
      if (delivery.settled === 'lost') continue
      try {
        const result = this.#handler(delivery)
        if (this.#tracker !== undefined && isThenable(result)) this.#tracker.handling(delivery, result)
        const outcome = isThenable(result) ? await result : result
        if (this.#answerer === undefined) this.#settle(delivery, outcome)
        else {
          // n.b. here, not in a promise of its own: that took a tenth of a request.
          const sending = this.#answerer.answer(delivery, outcome)
          if (sending !== undefined) await sending
          this.#settle(delivery, undefined)
        }
      } catch (error) {
        this.#failed(delivery, error)
      }
    }
    if (--this.#busy === 0) this.#whenIdle?.()
  }

  #failed(delivery: Item, thrown: unknown): void {
    let error = thrown
    try {
      if (this.#answerer?.failed(delivery, thrown) === true) return
    } catch (why) {
      error = why
    }
    this.#source.failed(delivery, error)
  }

  whenIdle(callback: () => void): void {
    if (this.#busy === 0) callback()
    else this.#whenIdle = callback
  }

  /** The delivery that a lane goes on with: the next of the same key, else whatever comes. */
  #after(delivery: Item): Item | undefined {
    if (this.#lines !== undefined) {
      // n.b. the line is found by its head: the key function is called once a delivery.
      for (const [key, line] of this.#lines) {
        if (line[0] !== delivery) continue
        line.shift()
        if (line.length > 0) {
          this.#tracker?.itsTurn(line[0])
          return line[0]
        }
        this.#lines.delete(key)
        break
      }
    }
    return this.#next()
  }

  /** Settles a delivery by what its handler returned. */
  #settle(delivery: Item, outcome: unknown): void {
    if (delivery.settled !== undefined) return
    switch (outcome) {
      case 'requeue':
        delivery.requeue()
        break
      case 'reject':
        delivery.reject()
        break
      case 'retry':
        this.#source.retry(delivery)
        break
      default:
        // n.b. whatever else a handler returns is its own affair, such as the result of its last call.
        delivery.ack()
    }
  }
}
