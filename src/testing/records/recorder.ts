/** A list of everything of one kind that happened to messages, which a test may ask, and wait for. */
import { type Checks, checkOptions, InvalidOptionError, integer, signal as isSignal } from '../../internal.js'
import type { Entry, Happening } from '../log/log.js'
import type { AnyExchange, AnyQueue, Criterion, FilteredBody, MessageFilter } from './filter.js'
import type { Recorded } from './record.js'

/** How `any` waits. */
export interface AnyOptions {
  /**
   * Work that the kit cannot see, being outside every handler, such as a start of the application that reads a file and
   * publishes then: as long as this is not settled, the bus is not at rest. `any` rejects as it does.
   */
  readonly during?: PromiseLike<unknown>
  /** Milliseconds of real time, 1 to 2,147,483,647, for what never comes to rest. @default the kit's */
  readonly timeout?: number
  /** Ends the wait with a `TestFailedError`. */
  readonly signal?: AbortSignal
}

const ANY_CHECKS: Checks = {
  during: (value) =>
    typeof (value as PromiseLike<unknown> | null)?.then === 'function' ? undefined : 'a promise of work to wait for',
  timeout: integer(1, 2 ** 31 - 1, 'ms'),
  signal: isSignal,
}

/** What keeps the records, and knows how to wait for one. */
export interface RecordSource {
  recordOf(entry: Entry): Recorded
  criteria(what: string, filter: object): Criterion[]
  /** Resolves with the next that fits. */
  next(what: string, happening: Happening, criteria: readonly Criterion[], options: AnyOptions): Promise<Recorded>
}

/**
 * Everything of one kind that happened, in order: `kit.published` and its like. Grows while it is looked at.
 *
 * @example
 * ```ts
 * import { testBroker } from 'leveret/testing'
 *
 * await using kit = testBroker()
 * const orders = await kit.bus.declareExchange<{ 'order.paid': { id: number } }>('orders', 'topic')
 * await kit.bus.declareQueue('audit', { bindings: [orders.key('order.*')] })
 * orders.publish('order.paid', { id: 7 })
 * const { body, queues } = await kit.published.any({ exchange: orders, key: 'order.*', body: { id: 7 } })
 * console.log(body.id, queues) // 7 [ 'audit' ]
 * ```
 */
export class Recorder implements Iterable<Recorded> {
  /** What is recorded. */
  readonly what: Happening
  /** @internal */
  readonly source: RecordSource
  readonly #entries: Entry[] = []

  /** Recorders are made by kits. @hidden */
  constructor(what: Happening, source: RecordSource) {
    this.what = what
    this.source = source
  }

  /** @internal */
  add(entry: Entry): void {
    this.#entries.push(entry)
  }

  /** How many there are. */
  get length(): number {
    return this.#entries.length
  }

  /** The first; undefined when there is none. */
  get first(): Recorded | undefined {
    return this.at(0)
  }

  /** The last; undefined when there is none. */
  get last(): Recorded | undefined {
    return this.at(-1)
  }

  /** The one at this index; from the end when it is negative. */
  at(index: number): Recorded | undefined {
    const entry = this.#entries.at(index)
    return entry && this.source.recordOf(entry)
  }

  /** In the order in which they happened. */
  *[Symbol.iterator](): IterableIterator<Recorded> {
    for (const entry of this.#entries) yield this.source.recordOf(entry)
  }

  /**
   * Those that the filter means; without one, all.
   * @throws UnknownOptionError and InvalidOptionError for a filter that can never match, such as by the name of a queue
   * that does not exist and never did.
   */
  all<E extends string | AnyExchange = string, Key extends string = string, Q extends string | AnyQueue = string>(
    filter: MessageFilter<E, Key, Q> = {},
  ): Recorded<FilteredBody<E, Key, Q>>[] {
    return this.select(`${this.what}.all`, filter).found as Recorded<FilteredBody<E, Key, Q>>[]
  }

  /**
   * How many the filter means.
   * @throws as `all` does.
   */
  count<E extends string | AnyExchange = string, Key extends string = string, Q extends string | AnyQueue = string>(
    filter: MessageFilter<E, Key, Q> = {},
  ): number {
    return this.select(`${this.what}.count`, filter).found.length
  }

  /**
   * The first that the filter means: one that happened already, else the next that does. Fails when the bus comes to rest
   * without one, not after some time: when nothing is in flight, so that only time or the test itself could bring one. The
   * failure says what waits for time, what came near, and what happened.
   *
   * What the test did before the call, or does in the same turn, is seen. Of an application that works outside every
   * handler (it reads a file and publishes then) the kit does not know: give its promise as `during`.
   * @throws (rejects) TestFailedError, and as `all` does; a name that does not exist yet may be declared meanwhile.
   */
  async any<E extends string | AnyExchange = string, Key extends string = string, Q extends string | AnyQueue = string>(
    filter: MessageFilter<E, Key, Q> = {},
    options: AnyOptions = {},
  ): Promise<Recorded<FilteredBody<E, Key, Q>>> {
    const what = `${this.what}.any`
    checkOptions(what, options, ANY_CHECKS)
    const criteria = this.#criteria(what, filter)
    const past = this.#find(criteria)[0]
    const found = past ?? (await this.source.next(what, this.what, criteria, options))
    return found as Recorded<FilteredBody<E, Key, Q>>
  }

  /** @internal Those that the filter means, and what it asks for. */
  select(what: string, filter: object): { readonly found: Recorded[]; readonly criteria: readonly Criterion[] } {
    const criteria = this.#criteria(what, filter)
    for (const criterion of criteria) criterion.check?.()
    return { found: this.#find(criteria), criteria }
  }

  #criteria(what: string, filter: object): Criterion[] {
    const criteria = this.source.criteria(what, filter)
    if (this.what === 'returned' && criteria.some(({ field }) => field === 'queue')) {
      throw new InvalidOptionError(`${what}: expected no 'queue', as a message that is returned reached none`)
    }
    return criteria
  }

  #find(criteria: readonly Criterion[]): Recorded[] {
    return [...this].filter((record) => fits(record, criteria))
  }
}

/** True when everything holds. */
export function fits(record: Recorded, criteria: readonly Criterion[]): boolean {
  return criteria.every((criterion) => criterion.misses(record) === undefined)
}
