/** The records of a kit: the log as tests read it, and what is said when something is missing in it. */
import {
  type Broker,
  type BrokerState,
  checkOptions,
  describe,
  Exchange,
  hintAt,
  InvalidOptionError,
  type Message,
  NotFoundError,
  Queue,
  type QueueState,
  type VirtualHostState,
} from '../../internal.js'
import { TestFailedError } from '../errors.js'
import type { Follower } from '../log/follower.js'
import type { Entry, Happening } from '../log/log.js'
import type { Patience, Stillness } from '../time/stillness.js'
import { type Criterion, criteriaOf } from './filter.js'
import { Known } from './known.js'
import { Recorded } from './record.js'
import { type AnyOptions, fits, Recorder, type RecordSource } from './recorder.js'
import { TIMELINE_CHECKS, type TimelineOptions, timelineText } from './timeline.js'
import { type Circumstances, failureText } from './why-not.js'

/** So many lines of the timeline are shown. */
const LINES = 60

/** n.b. by a registered symbol: matchers and kit may come from two copies of the package. */
const RECORDERS = Symbol.for('leveret.testing.recorders')

export class Recorders implements RecordSource {
  readonly broker: Broker
  readonly follower: Follower
  readonly stillness: Stillness
  readonly #state: BrokerState
  readonly #known: Known
  readonly #timeout: number
  readonly #recorders = new Map<Happening, Recorder>()
  readonly #made = new WeakMap<Entry, Recorded>()
  /** How each message came to be. */
  readonly #births = new WeakMap<Message, Entry>()
  /** What is done outside of the bus, and is to be waited for. */
  readonly #work = new Map<object, string>()

  constructor(
    broker: Broker,
    state: BrokerState,
    follower: Follower,
    stillness: Stillness,
    timeout: number,
    kit: object,
  ) {
    this.broker = broker
    this.follower = follower
    this.stillness = stillness
    this.#state = state
    this.#known = new Known(broker, state)
    this.#timeout = timeout
    Object.assign(follower, { [RECORDERS]: this })
    Object.defineProperty(kit, RECORDERS, { value: this })
    follower.log.listen((entry) => {
      const { what, message } = entry
      if ((what === 'published' || what === 'deadLettered') && !this.#births.has(message)) {
        this.#births.set(message, entry)
      }
      this.of(what).add(entry)
    })
  }

  of(what: Happening): Recorder {
    let recorder = this.#recorders.get(what)
    if (recorder === undefined) {
      recorder = new Recorder(what, this)
      this.#recorders.set(what, recorder)
    }
    return recorder
  }

  recordOf(entry: Entry): Recorded {
    let record = this.#made.get(entry)
    if (record === undefined) {
      record = new Recorded(entry, () => this.#causeOf(entry))
      this.#made.set(entry, record)
    }
    return record
  }

  #causeOf(entry: Entry): Recorded | undefined {
    const birth = this.#births.get(entry.message)
    const from = birth === entry ? entry.cause && this.#births.get(entry.cause) : birth
    return from && this.recordOf(from)
  }

  criteria(what: string, filter: object): Criterion[] {
    return criteriaOf(what, filter, this.#known)
  }

  /** Until the promise is settled, the bus is not at rest for who waits for a record. */
  during(what: string, work: PromiseLike<unknown>): void {
    this.#work.set(work, what)
    const done = () => {
      this.#work.delete(work)
      this.follower.changed()
    }
    work.then(done, done)
  }

  async next(
    what: string,
    happening: Happening,
    criteria: readonly Criterion[],
    { during, timeout = this.#timeout, signal }: AnyOptions,
  ): Promise<Recorded> {
    const over = new AbortController()
    let stop = (): unknown => undefined
    const met = new Promise<Recorded>((resolve) => {
      stop = this.follower.log.listen((entry) => {
        if (entry.what !== happening) return
        const record = this.recordOf(entry)
        if (fits(record, criteria)) resolve(record)
      })
    })
    if (during !== undefined) this.during('the work of `during` is not done', during)
    const ends = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
    let unrest: TestFailedError | undefined
    try {
      const record = await Promise.race([met, this.#rest(what, { timeout, signal: ends }, during)])
      if (record !== undefined) return record
    } catch (error) {
      if (!(error instanceof TestFailedError)) throw error
      unrest = error
    } finally {
      stop()
      over.abort()
    }
    for (const criterion of criteria) criterion.check?.()
    const title =
      unrest === undefined ? `${what}: there is no such message, and nothing in flight could bring one` : unrest.message
    // n.b. what is in flight is in the title already.
    const circumstances = { ...this.circumstances(), still: true }
    throw new TestFailedError(this.whyNot(title, happening, criteria, circumstances), unrest?.cause)
  }

  async #rest(what: string, patience: Patience, during: PromiseLike<unknown> | undefined): Promise<undefined> {
    // n.b. both: work that fails ends the wait at once.
    await Promise.all([this.stillness.restForNow(what, patience, () => this.#work.values()), during])
    return undefined
  }

  timeline(options: TimelineOptions): string {
    checkOptions('timeline', options, TIMELINE_CHECKS)
    return timelineText(this.follower.log.entries, options.lines ?? LINES)
  }

  /** Why there is no such record. */
  whyNot(
    title: string,
    happening: Happening,
    criteria: readonly Criterion[],
    circumstances = this.circumstances(),
  ): string {
    return failureText(title, happening, criteria, [...this.of(happening)], circumstances)
  }

  circumstances(): Circumstances {
    const { broker, follower, stillness } = this
    const timeline = timelineText(follower.log.entries, LINES)
    const asleep = [...follower.handlings].filter((handling) => handling.asleep > 0)
    return { broker, timeline, asleep, parked: stillness.parked(), still: stillness.isStill, log: follower.log.entries }
  }

  /** The name of a queue that exists or did. */
  nameOf(what: string, queue: unknown): string {
    const name = this.#known.nameOf(what, 'queue', queue)
    this.#known.check(what, 'queue', name)
    return name
  }

  /** All queues. */
  queues(): QueueState[] {
    return [...this.#state.virtualHosts.values()].flatMap(({ queues }) => [...queues.values()])
  }

  /**
   * The state of a queue.
   * @throws NotFoundError.
   */
  queue(handle: Queue): QueueState {
    const { queues, name } = handle.home as VirtualHostState
    const queue = queues.get(handle.name)
    if (queue !== undefined) return queue
    throw new NotFoundError(
      `no queue '${handle.name}' in vhost '${name}'`,
      hintAt(handle.name, [...queues.keys()], 'queue'),
    )
  }
}

/** Whatever has a kit behind it. */
export interface Recording {
  readonly [RECORDERS]: Recorders
}

/**
 * The records of the kit that a subject of an assertion belongs to.
 * @throws InvalidOptionError.
 */
export function recordersOf(what: string, subject: unknown): Recorders {
  if (subject instanceof Recorder) return subject.source as Recorders
  const title = subject instanceof Queue ? 'queue' : subject instanceof Exchange ? 'exchange' : undefined
  const owner = title === undefined ? subject : ((subject as Queue).home as VirtualHostState).broker.tracker
  const recorders = (owner as Partial<Recording> | undefined | null)?.[RECORDERS]
  if (recorders !== undefined) return recorders
  const got = title === undefined ? describe(subject) : `a ${title} of a broker that no kit made`
  throw new InvalidOptionError(`${what}: expected a kit, or a queue or an exchange of its broker, got ${got}`)
}
