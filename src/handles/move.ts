/**
 * Moves messages from one queue to another: the replay of dead letters. One after another is taken, published to the target
 * and, when the target has it, acknowledged. What stays is held meanwhile, so that it does not come again; at the end, and
 * however it ends, it goes back as if it had not been taken.
 */
import type { FieldValue } from '../arguments.js'
import type { Channel, Connection } from '../channel/channel.js'
import type { Delivery } from '../delivery.js'
import { type AbortError, ClosedError, InvalidOptionError, PublishRefusedError, UnroutableError } from '../errors.js'
import { isThenable, type Signal } from '../host.js'
import { Message, type MessageProperties } from '../message.js'
import { checkShortString, describe } from '../names.js'
import { type Checks, checkOptions, fn, integer, oneOf, signal } from '../options.js'
import { checkNotAborted, Wait } from './wait.js'

/** Which messages `moveTo` moves, and how. */
export interface MoveOptions<Body = unknown> {
  /**
   * Answers, at once or later, whether a message is moved. What it refuses stays in the queue, at its place and not flagged
   * redelivered.
   * @default all are moved
   */
  readonly filter?: (delivery: Delivery<Body>) => boolean | Promise<boolean>
  /**
   * Messages that are moved at most, 0 to 9,007,199,254,740,991.
   * @default all that are ready when it begins
   */
  readonly limit?: number
  /**
   * What becomes of the history of deaths (`x-death`, `x-first-death-*`, `x-last-death-*`): `'strip'` takes it away, so that
   * handlers that count deaths, and the broker, which drops what goes round, see a message with its life before it; `'keep'`
   * leaves it.
   * @default 'strip'
   */
  readonly deaths?: 'strip' | 'keep'
  /** Ends it with an `AbortError`; what was not moved by then stays. @default none */
  readonly signal?: Signal
}

/** What became of the messages that `moveTo` looked at. */
export interface MoveResult {
  /** That are in the target now. */
  readonly moved: number
  /** That `filter` refused. */
  readonly kept: number
}

const MOVE_CHECKS: Checks = {
  filter: fn,
  limit: integer(0, Number.MAX_SAFE_INTEGER, 'messages'),
  deaths: oneOf('strip', 'keep'),
  signal,
}

const DEATHS = /^x-(death$|first-death-|last-death-|schema-issues$)/

/**
 * The name of a queue that is given by name or by a handle, which must be of the same virtual host.
 * @throws InvalidOptionError.
 */
export function targetOf(target: unknown, home: unknown): string {
  const handle = (typeof target === 'object' ? target : undefined) as
    | { name?: unknown; home?: unknown }
    | undefined
    | null
  const name = handle?.name ?? target
  if (typeof name !== 'string') {
    throw new InvalidOptionError(`moveTo: expected a queue or its name, got ${describe(target)}`)
  }
  if (name !== target && handle?.home !== home) {
    throw new InvalidOptionError(`moveTo: queue '${name}' is a handle of another broker or virtual host`)
  }
  checkShortString('moveTo: queue name', name)
  return name
}

export class Move<Body> {
  readonly #connection: Connection
  readonly #from: string
  readonly #to: string
  readonly #options: MoveOptions<Body>
  readonly #channel: Channel
  /** What it waits for: the filter, or a full target. */
  #waiting: Wait<boolean> | undefined
  #wasReturned = false
  #moved = 0
  #kept = 0

  /** @throws InvalidOptionError, UnknownOptionError, AbortError, ClosedError. */
  constructor(connection: Connection, from: string, to: string, options: MoveOptions<Body>) {
    checkOptions('moveTo', options, MOVE_CHECKS)
    checkNotAborted('moveTo', options.signal)
    this.#connection = connection
    this.#from = from
    this.#to = to
    this.#options = options
    this.#channel = connection.openChannel({
      returned: () => {
        this.#wasReturned = true
      },
      confirmed: (_, accepted, _message, error) => {
        if (this.#wasReturned) this.#waiting?.reject(new UnroutableError('', to))
        else if (accepted) this.#waiting?.resolve(true)
        else this.#waiting?.reject(error ?? new PublishRefusedError('', to))
      },
      closed: () => this.#waiting?.reject(new ClosedError(`channel of connection '${connection.name}'`)),
    })
  }

  async run(): Promise<MoveResult> {
    const { limit = Number.MAX_SAFE_INTEGER } = this.#options
    try {
      if (limit === 0) return { moved: 0, kept: 0 }
      for await (const delivery of this.#ready()) {
        if (await this.#isWanted(delivery)) await this.#move(delivery)
        if (this.#moved === limit) break
      }
      return { moved: this.#moved, kept: this.#kept }
    } catch (error) {
      // n.b. an error that a filter throws may be anything, also frozen.
      if (error instanceof Error && Object.isExtensible(error)) Object.assign(error, { moved: this.#moved })
      throw error
    } finally {
      await this.close()
    }
  }

  /** Ends it: what it waits for rejects with `ClosedError`. */
  async close(): Promise<void> {
    await this.#channel.close()
  }

  /** The messages that are ready now, in order. */
  async *#ready(): AsyncGenerator<Delivery<Body>, void> {
    const { messageCount } = await this.#channel.checkQueue(this.#from)
    const all: Delivery<Body>[] = []
    for (let count = 0; count < messageCount; count++) {
      const delivery = await this.#take()
      if (delivery === undefined) break
      // n.b. moved onto itself, a message of high priority would come again before the others came once.
      if (this.#from === this.#to) all.push(delivery)
      else yield delivery
    }
    yield* all
  }

  async #take(): Promise<Delivery<Body> | undefined> {
    const { scheduler } = this.#connection
    if (scheduler.step()) await scheduler.nextTurn()
    checkNotAborted('moveTo', this.#options.signal)
    return (await this.#channel.get(this.#from, false, true)) as Delivery<Body> | undefined
  }

  async #isWanted(delivery: Delivery<Body>): Promise<boolean> {
    const { filter, signal } = this.#options
    checkNotAborted('moveTo', signal)
    let wanted = true
    if (filter !== undefined) {
      const answer = filter(delivery)
      wanted = isThenable(answer) ? await this.#waitFor(answer) : answer
    }
    // n.b. lost with its queue, of which this tells, or by a timeout: then it is ready again.
    if (delivery.settled === 'lost') await this.#channel.checkQueue(this.#from)
    if (delivery.settled !== undefined) return false
    if (!wanted) this.#kept++
    return wanted
  }

  async #waitFor(answer: Promise<boolean>): Promise<boolean> {
    const wait = this.#wait(false)
    answer.then(
      (wanted) => wait.resolve(wanted),
      (error) => wait.reject(error),
    )
    return wait.promise
  }

  #wait(accepted: boolean): Wait<boolean> {
    const { signal } = this.#options
    this.#waiting = new Wait<boolean>(this.#connection.scheduler.timers, { what: 'moveTo', signal, accepted })
    return this.#waiting
  }

  async #move(delivery: Delivery<Body>): Promise<void> {
    checkNotAborted('moveTo', this.#options.signal)
    this.#wasReturned = false
    const outcome = this.#channel.publish(this.#replayed(delivery), true, 0)
    if (this.#wasReturned) throw new UnroutableError('', this.#to)
    if (outcome === 'refused') throw new PublishRefusedError('', this.#to)
    try {
      if (outcome === 'pending') await this.#wait(true).promise
    } catch (error) {
      // n.b. aborted while a full target made it wait: the target has the message.
      if ((error as Partial<AbortError>).accepted === true) this.#gone(delivery)
      throw error
    }
    // n.b. in the turn in which the target took it: a channel that is closed later has nothing to give back.
    this.#gone(delivery)
  }

  /** The message as it was published: it shares the body, no schema is asked, nothing is decoded. */
  #replayed(delivery: Delivery<Body>): Message {
    const { headers, ...others } = delivery.properties
    const kept = headersOf(headers ?? {}, this.#options.deaths === 'keep')
    return new Message('', this.#to, delivery.content, { ...others, ...(kept !== undefined && { headers: kept }) })
  }

  #gone(delivery: Delivery<Body>): void {
    if (delivery.settled === undefined) delivery.ack()
    this.#moved++
  }
}

/** The headers that go along; undefined when there are none. */
function headersOf(
  headers: NonNullable<MessageProperties['headers']>,
  keepDeaths: boolean,
): Record<string, FieldValue> | undefined {
  // n.b. CC would send a copy to every other queue once more.
  const kept = Object.entries(headers).filter(([name]) => name !== 'CC' && (keepDeaths || !DEATHS.test(name)))
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}
