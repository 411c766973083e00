/** The same test under many orders of events, each of which can be had again by its seed. */
// n.b. of the module: tests fake and spy on the global ones.
import { clearTimeout, setTimeout } from 'node:timers'
import {
  type Check,
  checkOptions,
  type Delivery,
  describe,
  InvalidOptionError,
  integer,
  type LocalSubscription,
  type Message,
  type QueueHooks,
  type QueueState,
  stateOf,
} from '../../internal.js'
import { TestFailedError } from '../errors.js'
import { type TestKit, testBroker } from '../kit.js'
import type { TestBrokerOptions } from '../kit-options.js'
import type { Follower } from '../log/follower.js'
import { Chance } from './chance.js'
import { cutConsumer, isConsumer, isLost, type Network, whenAssigned } from './connection-faults.js'
import { ExploringScheduler } from './exploring-scheduler.js'
import type { Interference } from './fault.js'

/** How far a test is explored. */
export interface ExploreOptions {
  /** Orders to try, 1 to 1,000,000. @default 100 */
  readonly runs?: number
  /** Which orders: an integer from 0 to 2 ** 32 - 1. The first run has this seed, the next ones those after it. @default 1 */
  readonly seed?: number
  /** How likely a message that was acknowledged comes once more, flagged as redelivered: from 0 to below 1. @default 0 */
  readonly redeliveries?: number
  /**
   * How likely a consumer's channel is lost before or after a delivery, of `leveret/amqplib` its connection: from 0 to below
   * 1. The application has to consume anew. @default 0
   */
  readonly crashes?: number
  /** Milliseconds of real time that one run may take, 1 to 2,147,483,647. @default 2,000 */
  readonly timeout?: number
  /** How the kit of each run is made. @default as `testBroker()` makes it */
  readonly kit?: TestBrokerOptions
}

const MOST = 2 ** 32
const probability: Check = (value) =>
  typeof value === 'number' && value >= 0 && value < 1 ? undefined : 'a number from 0 to below 1'
const CHECKS = {
  runs: integer(1, 1_000_000),
  seed: integer(0, MOST - 1),
  redeliveries: probability,
  crashes: probability,
  timeout: integer(1, 2 ** 31 - 1, 'ms'),
  kit: () => undefined,
}

/**
 * Runs a test many times, each time with a kit of its own and in another order: which consumer is handed its delivery first,
 * how far handlers come in between, which of a queue's consumers gets a message, and, if asked for, what is delivered twice and
 * where consumers crash. Every such order could come from a RabbitMQ, and the same seed gives the same one. That holds while
 * the test awaits promises, `kit.sleep`, what the kit answers, and `setImmediate`; not with files, sockets, timers of the
 * platform, `Math.random()`, or what an earlier run has left behind.
 *
 * @example
 * ```ts
 * import { explore } from 'leveret/testing'
 *
 * await explore(async (kit) => {
 *   const jobs = await kit.bus.declareQueue<number>('jobs')
 *   let sum = 0
 *   for (let worker = 0; worker < 2; worker++) jobs.createConsumer().run(({ body }) => void (sum += body))
 *   await kit.settled(() => Promise.all([1, 2, 3].map((body) => jobs.send(body))))
 *   if (sum !== 6) throw new Error(`expected 6, got ${sum}`)
 * }, { runs: 20 })
 * ```
 * @throws (rejects) TestFailedError at the first run that fails, with its seed, and its error as `cause`. InvalidOptionError,
 * UnknownOptionError.
 */
export async function explore(test: (kit: TestKit) => unknown, options: ExploreOptions = {}): Promise<void> {
  if (typeof test !== 'function') throw new InvalidOptionError(`explore: expected a function, got ${describe(test)}`)
  checkOptions('explore', options, CHECKS)
  const { runs = 100, seed: first = 1 } = options
  for (let run = 0; run < runs; run++) {
    const seed = (first + run) % MOST
    const kit = testBroker(options.kit)
    try {
      await runOnce(kit, test, seed, options)
    } catch (error) {
      throw failureOf(error, `run ${run + 1} of ${runs}`, seed, options)
    }
  }
}

function failureOf(error: unknown, run: string, seed: number, { redeliveries, crashes }: ExploreOptions) {
  const likely = { ...(redeliveries !== undefined && { redeliveries }), ...(crashes !== undefined && { crashes }) }
  const again = Object.entries({ seed, runs: 1, ...likely }).map(([name, value]) => `${name}: ${value}`)
  const why = error instanceof Error ? `${error.name}: ${error.message}` : describe(error)
  const how = `The same order again: explore(test, { ${again.join(', ')} })`
  return new TestFailedError(`explore: ${run} failed, with seed ${seed}. ${how}\n${why}`, error)
}

async function runOnce(
  kit: TestKit,
  test: (kit: TestKit) => unknown,
  seed: number,
  options: ExploreOptions,
): Promise<void> {
  const broker = stateOf(kit.broker)
  const follower = broker.tracker as Follower
  const chance = new Chance(seed)
  broker.scheduler = new ExploringScheduler(broker.timers, chance, () => follower.changed())
  kit.faults.begin(new Turmoil(chance, { broker, follower }, options))
  let failed = true
  try {
    await inTime(test(kit), options.timeout ?? 2_000)
    failed = false
  } finally {
    // n.b. of a run that failed it is the failure that counts, and not what it left undone.
    await kit[Symbol.asyncDispose]().catch((error: unknown) => {
      if (!failed) throw error
    })
  }
}

/** Waits for a run, which may hang in this order. */
async function inTime(outcome: unknown, timeout: number): Promise<void> {
  let limit: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new TestFailedError(`the test is not done within ${timeout} ms of real time`))
    limit = setTimeout(fail, timeout)
  })
  try {
    await Promise.race([outcome, late])
  } finally {
    clearTimeout(limit)
  }
}

/** What may come at any time: another consumer's turn, a redelivery, a crash. */
class Turmoil implements Interference {
  readonly #chance: Chance
  readonly #network: Network
  readonly #redeliveries: number
  readonly #crashes: number
  readonly #repeated = new WeakSet<Message>()

  constructor(chance: Chance, network: Network, { redeliveries = 0, crashes = 0 }: ExploreOptions) {
    this.#chance = chance
    this.#network = network
    this.#redeliveries = redeliveries
    this.#crashes = crashes
  }

  publishing(_message: Message, queues: readonly QueueState[]): undefined {
    for (const queue of queues) this.#turn(queue)
  }

  entering({ recipient }: Delivery): void {
    if (isConsumer(recipient)) this.#mayCrash(recipient)
  }

  left({ message, queue, settlement }: Delivery): void {
    const state = queue as QueueState
    if (state.deleted) return
    this.#turn(state)
    if (settlement !== 'ack' || this.#repeated.has(message) || !this.#chance.happens(this.#redeliveries)) return
    this.#repeated.add(message)
    state.repeat(message)
  }

  hooksOf(): QueueHooks | undefined {
    if (this.#crashes === 0) return undefined
    return whenAssigned(this.#network.broker, (consumer) => this.#mayCrash(consumer))
  }

  #mayCrash(consumer: LocalSubscription): void {
    if (this.#chance.happens(this.#crashes / 2) && !isLost(consumer)) cutConsumer(this.#network, consumer)
  }

  #turn(queue: QueueState): void {
    if (queue.consumerCount > 1) queue.passTurns(this.#chance.below(queue.consumerCount))
  }
}
