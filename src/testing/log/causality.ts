/**
 * Which message caused which, and in which `settled(callback)` it began. What an application does is attributed by the
 * async context that it does it in: a cell is put there as a delivery is handed over, and whatever the handler awaits
 * carries it along.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Delivery, Message } from '../../internal.js'

/** What was begun by one callback, and everything that it caused. */
export class Chain {
  readonly #outer: Chain | undefined

  constructor(outer: Chain | undefined) {
    this.#outer = outer
  }

  /** True for this chain, and for one that was begun within it. */
  includes(chain: Chain | undefined): boolean {
    for (let next = chain; next !== undefined; next = next.#outer) if (next === this) return true
    return false
  }
}

/** Where a message came from. */
export interface Origin {
  readonly chain: Chain | undefined
  /** The message in whose handler it was published, or whose death it is. */
  readonly cause: Message | undefined
  /** Milliseconds on the kit's clock. */
  readonly at: number
  readonly site: string | undefined
}

/** What goes along in an async context. */
export interface Cell {
  /** What began here; undefined where a subscription is. */
  readonly chain: Chain | undefined
  /** What is being handled. */
  delivery: Delivery | undefined
  /** Whose delivery it is; undefined for a chain's own. */
  readonly subscription: object | undefined
  /** What was there before the subscription. */
  readonly outer: Cell | undefined
}

export class Causality {
  readonly #context = new AsyncLocalStorage<Cell | undefined>()
  readonly #origins = new WeakMap<Message, Origin>()
  /** Those that are waited for, in the order in which they began. */
  readonly #open = new Set<Chain>()
  #ended = false
  /** Loops that wait for a delivery have gone to sleep in their context already: this is what they find there. */
  readonly #waiting = new WeakMap<object, Cell>()

  /** Runs the function in a chain of its own. */
  begin<T>(run: () => T): { chain: Chain; result: T } {
    const outer = this.#context.getStore()
    const chain = new Chain(this.#chainOf(outer))
    this.#open.add(chain)
    const cell: Cell = { chain, delivery: undefined, subscription: undefined, outer }
    return { chain, result: this.#context.run(cell, run) }
  }

  /** The chain is waited for no longer. */
  close(chain: Chain): void {
    this.#open.delete(chain)
  }

  /** Notes where a message comes from, unless that is known. */
  note(message: Message, at: number, site: string | undefined, cause?: Message): Origin {
    let origin = this.#origins.get(message)
    if (origin !== undefined) return origin
    const cell = this.#context.getStore()
    const chain = cause === undefined ? this.#chainOf(cell) : this.#origins.get(cause)?.chain
    origin = { chain, cause: cause ?? inmostOf(cell)?.delivery?.message, at, site }
    this.#origins.set(message, origin)
    return origin
  }

  origin(message: Message): Origin | undefined {
    return this.#origins.get(message)
  }

  /** Runs the function as if the delivery were being handled here; without one, as of the chain that began last. */
  within(delivery: Delivery | undefined, run: () => void): void {
    const chain = delivery === undefined ? [...this.#open].at(-1) : undefined
    this.#context.run({ chain, delivery, subscription: undefined, outer: undefined }, run)
  }

  /** True where something is being done of which it is known what it is of. */
  get isKnown(): boolean {
    const inmost = inmostOf(this.#context.getStore())
    if (inmost?.delivery !== undefined) return inmost.delivery.settled === undefined
    return inmost?.chain !== undefined && this.#open.has(inmost.chain)
  }

  /** The delivery that is being handled where this is called. */
  get current(): Delivery | undefined {
    return inmostOf(this.#context.getStore())?.delivery
  }

  /** The deliveries that are being handled where this is called, one within the other. */
  get surroundings(): ReadonlySet<Delivery> {
    const deliveries = new Set<Delivery>()
    for (let cell = this.#context.getStore(); cell !== undefined; cell = cell.outer) {
      if (cell.delivery !== undefined) deliveries.add(cell.delivery)
    }
    return deliveries
  }

  /** Follows nothing any more. n.b. every promise of the process costs as much as there are kits that follow. */
  end(): void {
    this.#ended = true
    this.#context.disable()
  }

  /** From here on a delivery is being handled. */
  enter(delivery: Delivery, subscription: object): void {
    const waiting = this.#waiting.get(subscription)
    this.#waiting.delete(subscription)
    if (waiting !== undefined) waiting.delivery = delivery
    this.#put(delivery, subscription)
  }

  /** Whoever takes from the subscription waits here. */
  wait(subscription: object): void {
    this.#waiting.set(subscription, this.#put(undefined, subscription))
  }

  /** The subscription has ended, and the context is what it was before. */
  leave(subscription: object): void {
    const cell = this.#context.getStore()
    if (cell?.subscription === subscription) this.#context.enterWith(cell.outer)
  }

  #put(delivery: Delivery | undefined, subscription: object): Cell {
    const before = this.#context.getStore()
    const outer = before?.subscription === subscription ? before.outer : before
    const cell: Cell = { chain: undefined, delivery, subscription, outer }
    if (!this.#ended) this.#context.enterWith(cell)
    return cell
  }

  /** The chain that what is done here belongs to: that of the message in hand, else that of the surroundings. */
  #chainOf(cell: Cell | undefined): Chain | undefined {
    const inmost = inmostOf(cell)
    return inmost?.delivery === undefined ? inmost?.chain : this.#origins.get(inmost.delivery.message)?.chain
  }
}

/** The inmost of what goes on: a delivery in hand, or a chain. Loops that wait for a delivery are neither. */
function inmostOf(cell: Cell | undefined): Cell | undefined {
  let inmost = cell
  while (inmost?.subscription !== undefined && inmost.delivery === undefined) inmost = inmost.outer
  return inmost
}
