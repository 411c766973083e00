/** The test kit: a broker whose time stands still, and which knows when it is done. */
import {
  Broker,
  type BrokerState,
  checkOptions,
  type Definitions,
  describe,
  InvalidOptionError,
  stateOf,
  type Topology,
  type VirtualHost,
} from '../internal.js'
import { TestFailedError } from './errors.js'
import { Faults } from './faults/faults.js'
import { KIT_CHECKS, type TestBrokerOptions, WAIT_CHECKS, type WaitOptions } from './kit-options.js'
import { Follower } from './log/follower.js'
import type { Recorder } from './records/recorder.js'
import { Recorders } from './records/recorders.js'
import type { TimelineOptions } from './records/timeline.js'
import { type ExpectDefinitionsOptions, ExpectedDefinitions } from './strict/drift.js'
import { Ledger } from './strict/ledger.js'
import { type Allowances, rulesOf } from './strict/strictness.js'
import { VirtualClock } from './time/clock.js'
import { type Duration, milliseconds } from './time/duration.js'
import { type Parked, type Patience, Stillness } from './time/stillness.js'

/**
 * Makes a broker for a test, and the kit around it.
 *
 * @example
 * ```ts
 * import { testBroker } from 'leveret/testing'
 *
 * await using kit = testBroker()
 * const mails = await kit.bus.declareQueue<string>('mails', { messageTtl: 24 * 3_600_000 })
 * await mails.send('hello')
 * await kit.advance('24h')
 * console.log((await mails.stats()).expired) // 1
 * ```
 * @throws UnknownOptionError, InvalidOptionError.
 */
export function testBroker(options?: TestBrokerOptions): TestKit
/**
 * Runs a test with a broker of its own, verifies it and closes the broker; for platforms that do not know `await using`, and
 * for the better message: where the test fails, its own error is what is thrown, and what may be the reason is its `cause`.
 *
 * @example
 * ```ts
 * import { testBroker } from 'leveret/testing'
 *
 * await testBroker(async (kit) => {
 *   const mails = await kit.bus.declareQueue<string>('mails')
 *   mails.createConsumer().run(({ body }) => console.log(body)) // hello
 *   await mails.send('hello')
 * })
 * ```
 * @throws (rejects) what the test throws, TestFailedError, UnknownOptionError, InvalidOptionError.
 */
export function testBroker<Result>(
  test: (kit: TestKit) => Result,
  options?: TestBrokerOptions,
): Promise<Awaited<Result>>
export function testBroker(
  first: TestBrokerOptions | ((kit: TestKit) => unknown) = {},
  options?: TestBrokerOptions,
): TestKit | Promise<unknown> {
  if (typeof first === 'function') return runWith(first, options ?? {})
  if (options === undefined) return new TestKit(first)
  throw new InvalidOptionError(`testBroker: expected the test before its options, got ${describe(first)}`)
}

async function runWith(test: (kit: TestKit) => unknown, options: TestBrokerOptions): Promise<unknown> {
  const kit = new TestKit(options)
  let result: unknown
  try {
    result = await test(kit)
  } catch (error) {
    await kit.giveUp(error)
    throw error
  }
  await kit[Symbol.asyncDispose]()
  return result
}

/** A broker under test: its time, its rest, and what happened in it. */
export class TestKit {
  /** The broker under test. Hand it to the application, or to `useBroker` of `leveret/amqplib`. */
  readonly broker: Broker
  readonly #state: BrokerState
  readonly #clock: VirtualClock | undefined
  readonly #follower: Follower
  readonly #stillness: Stillness
  readonly #faults: Faults
  readonly #recorders: Recorders
  readonly #ledger: Ledger
  readonly #timeout: number
  /** Advances one after another. */
  #advancing: Promise<unknown> = Promise.resolve()
  #disposed = false

  /** Use `testBroker()`. @hidden */
  constructor(options: TestBrokerOptions) {
    const { clock = 'virtual', timeout = 2_000, strict = true, ...others } = Object(options) as TestBrokerOptions
    checkOptions('testBroker', options, KIT_CHECKS)
    const rules = rulesOf(strict)
    this.#clock = clock === 'virtual' ? new VirtualClock() : undefined
    this.broker = new Broker(this.#clock === undefined ? others : { ...others, clock: this.#clock })
    this.#state = stateOf(this.broker)
    this.#follower = new Follower(this.#state, rules)
    this.#ledger = new Ledger(
      rules,
      { broker: this.#state, follower: this.#follower, host: (name) => this.broker.virtualHost(name) },
      () => this.timeline({ lines: 30 }),
    )
    this.#stillness = new Stillness(this.#state, this.#follower)
    this.#faults = new Faults(this.#state, this.#follower)
    this.#ledger.further.push(() =>
      this.#faults.unfired.map((text) => ({ rule: 'unfired', names: [text], text, about: text })),
    )
    this.#recorders = new Recorders(this.broker, this.#state, this.#follower, this.#stillness, timeout, this)
    this.#timeout = timeout
  }

  /** The bus of the virtual host '/'. */
  get bus(): VirtualHost {
    return this.broker.virtualHost('/')
  }

  /** Milliseconds on the broker's clock; a virtual one begins at 0. */
  get now(): number {
    return this.#state.timers.now()
  }

  // What happened

  /** What was published, by applications: dead letters are in `deadLettered`. */
  get published(): Recorder {
    return this.#recorders.of('published')
  }

  /** What was handed to consumers and gets. */
  get delivered(): Recorder {
    return this.#recorders.of('delivered')
  }

  /** What consumers acknowledged, and what was handed over with `noAck`. */
  get acked(): Recorder {
    return this.#recorders.of('acked')
  }

  /** What consumers rejected. */
  get rejected(): Recorder {
    return this.#recorders.of('rejected')
  }

  /** What came back to its queue: by `requeue` and `retry`, and with a consumer that was lost. */
  get requeued(): Recorder {
    return this.#recorders.of('requeued')
  }

  /** The dead letters that reached a queue; `queue` is where the message died, `reason` of what. */
  get deadLettered(): Recorder {
    return this.#recorders.of('deadLettered')
  }

  /** What was too old. */
  get expired(): Recorder {
    return this.#recorders.of('expired')
  }

  /** What was dropped from a full queue. */
  get overflowed(): Recorder {
    return this.#recorders.of('overflowed')
  }

  /** What failed more often than its queue allows. */
  get deliveryLimited(): Recorder {
    return this.#recorders.of('deliveryLimited')
  }

  /** What came back to its publisher, being mandatory, as no queue wanted it. */
  get returned(): Recorder {
    return this.#recorders.of('returned')
  }

  /**
   * What happened to the messages so far, as a text: what caused what by indentation, times of the kit's clock on the left.
   * A long one is cut in its middle.
   * @throws UnknownOptionError, InvalidOptionError.
   */
  timeline(options: TimelineOptions = {}): string {
    return this.#recorders.timeline(options)
  }

  // Rest

  /**
   * Resolves when nothing is in flight: no delivery is being handled, no ready message is left that a consumer with credit
   * could take, no confirm is waited for. What waits for time or for a consumer does not count, and is in the answer. It is
   * known, not guessed: a handler that awaits a file is waited for, however long that takes.
   * @throws (rejects) TestFailedError, which names what is still in flight, after the timeout or an abort.
   */
  settled(options?: WaitOptions): Promise<Parked[]>
  /**
   * Runs the callback, and resolves with its result when everything that was published in it is done, and everything that
   * this caused in turn. What others do meanwhile is not waited for.
   * @throws (rejects) what the callback throws, and as without one.
   */
  settled<Result>(callback: () => Result, options?: WaitOptions): Promise<Awaited<Result>>
  async settled(first?: unknown, second?: WaitOptions): Promise<unknown> {
    this.#checkOpen('settled')
    if (typeof first === 'function')
      return this.#settledAfter(first as () => unknown, this.#patience('settled', second))
    await this.#stillness.rest('settled', this.#patience('settled', first as WaitOptions))
    this.#ledger.checkLoops('settled')
    return this.#stillness.parked()
  }

  async #settledAfter(callback: () => unknown, patience: Patience): Promise<unknown> {
    const { chain, result } = this.#follower.causality.begin(callback)
    try {
      const value = await result
      await this.#stillness.rest('settled', patience, chain)
      this.#ledger.checkLoops('settled')
      return value
    } finally {
      this.#follower.causality.close(chain)
    }
  }

  // Time

  /**
   * Lets time pass: fires everything that comes due, in order, and lets the bus come to rest at each of these moments before
   * it goes on. Waits neither for deliveries that were in hand before, nor for handlers that `sleep`.
   * @throws (rejects) InvalidOptionError for a time that is negative or none, or a broker on the platform's clock,
   * TestFailedError when the bus does not come to rest.
   */
  async advance(duration: Duration, options?: WaitOptions): Promise<void> {
    this.#checkOpen('advance')
    const clock = this.#virtual('advance')
    const ms = milliseconds('advance', duration)
    const patience = this.#patience('advance', options)
    await this.#inTurn(async () => {
      const target = clock.now() + ms
      const before = this.#stillness.inFlight()
      await this.#stillness.restSince('advance', patience, before)
      for (let due = clock.nextDue; due !== undefined && due <= target; due = clock.nextDue) {
        clock.goTo(due)
        await this.#stillness.restSince('advance', patience, before)
      }
      clock.goTo(target)
      this.#ledger.checkLoops('advance')
    })
  }

  /**
   * Lets time pass until the next thing comes due, and the bus come to rest then. Resolves with the milliseconds that passed;
   * 0 when nothing waits for time.
   * @throws (rejects) as `advance`.
   */
  async advanceToNext(options?: WaitOptions): Promise<number> {
    this.#checkOpen('advanceToNext')
    const clock = this.#virtual('advanceToNext')
    const patience = this.#patience('advanceToNext', options)
    return this.#inTurn(async () => {
      const before = this.#stillness.inFlight()
      await this.#stillness.restSince('advanceToNext', patience, before)
      const start = clock.now()
      const due = clock.nextDue
      if (due === undefined) return 0
      clock.goTo(due)
      await this.#stillness.restSince('advanceToNext', patience, before)
      return due - start
    })
  }

  /**
   * Waits on the kit's clock: what a handler under test does in place of a `setTimeout`.
   * @throws (rejects) InvalidOptionError, TestFailedError.
   */
  async sleep(duration: Duration): Promise<void> {
    this.#checkOpen('sleep')
    const ms = milliseconds('sleep', duration)
    const { current } = this.#follower
    if (current !== undefined) current.asleep++
    this.#follower.changed()
    await new Promise<void>((resolve) => void this.#state.timers.after(ms, resolve))
    if (current !== undefined) current.asleep--
    this.#follower.changed()
  }

  // What goes wrong

  /** Lets things go wrong: confirms, deliveries, connections, storage. What did not fire is found at the end. */
  get faults(): Faults {
    return this.#faults
  }

  // The end

  /** True once it was disposed. */
  get disposed(): boolean {
    return this.#disposed
  }

  /**
   * Says what this test means: `allow({ unconsumed: 'audit' })`, `allow({ unroutable: /^metrics\./, faults: true })`. It is
   * looked at when the findings are told, so it may come early or late.
   * @throws UnknownOptionError, InvalidOptionError.
   */
  allow(allowances: Allowances): void {
    this.#ledger.allow(allowances)
  }

  /**
   * From now on, what the application declares must be as these definitions have it: the file that RabbitMQ exports, as text
   * or parsed, or what `defineTopology` answers. What differs, and what they do not have, is found at the end, whether it was
   * declared before or comes later. Exclusive queues, and those that the broker names, are in no definitions and are left out.
   * A second call takes the place of the first.
   * @throws InvalidOptionError with the path of the element and field, UnknownOptionError.
   */
  expectDefinitions(
    definitions: string | Definitions | Pick<Topology, 'value'>,
    options?: ExpectDefinitionsOptions,
  ): void {
    this.#ledger.expected = new ExpectedDefinitions(definitions, options)
  }

  /**
   * Waits for the bus to come to rest, and looks whether anything is wrong by the rules of `strict`, as the end of a kit does
   * by itself. What it has told of is not told again.
   * @throws (rejects) TestFailedError with everything that is wrong.
   */
  async verify(options?: WaitOptions): Promise<void> {
    this.#checkOpen('verify')
    const failure = await this.#reckon('verify', this.#patience('verify', options))
    if (failure !== undefined) throw failure
  }

  async #reckon(what: string, patience: Patience): Promise<TestFailedError | undefined> {
    if (this.#ledger.idle) return undefined
    const unfinished = await this.#stillness.rests(patience, (delivery) => this.#ledger.allowsUnacked(delivery))
    return this.#ledger.failure(what, unfinished)
  }

  /**
   * The end of the test: verifies, and closes the broker in any case. What is unsettled or undelivered is dropped.
   *
   * n.b. where the test itself has failed before, `await using` throws a `SuppressedError`: the test's own error is its
   * `suppressed`, and what is wrong besides is its `error`. `testBroker(async (kit) => …)` throws the test's own.
   * @throws (rejects) as `verify`.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    let failure: TestFailedError | undefined
    try {
      failure = await this.#reckon('testBroker', this.#patience('testBroker'))
    } finally {
      await this.broker.close({ signal: AbortSignal.abort('disposed') })
      this.#follower.causality.end()
    }
    if (failure !== undefined) throw failure
  }

  /** Closes the broker of a test that failed. What may be the reason becomes the cause of its error. @internal */
  async giveUp(error: unknown): Promise<void> {
    this.#disposed = true
    const reason = this.#ledger.reason('testBroker')
    if (reason !== undefined && error instanceof Error && error.cause === undefined && Object.isExtensible(error)) {
      error.cause = reason
    }
    await this.broker.close({ signal: AbortSignal.abort() })
  }

  #patience(what: string, options: WaitOptions = {}): Patience {
    checkOptions(what, options, WAIT_CHECKS)
    return { timeout: options.timeout ?? this.#timeout, signal: options.signal }
  }

  #virtual(what: string): VirtualClock {
    if (this.#clock !== undefined) return this.#clock
    const hint = "let the test runner's fake timers advance, as by vi.advanceTimersByTimeAsync()"
    throw new InvalidOptionError(`${what}: expected a kit with clock 'virtual', got ${describe('platform')}: ${hint}`)
  }

  #inTurn<T>(advance: () => Promise<T>): Promise<T> {
    const turn = this.#advancing.then(advance)
    this.#recorders.during('the clock advances', turn)
    this.#advancing = turn.catch(() => undefined)
    return turn
  }

  #checkOpen(what: string): void {
    if (this.#disposed) throw new TestFailedError(`${what}: the kit is disposed`)
  }
}
