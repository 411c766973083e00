/** How kits are made, and how long they wait. */
import { type BrokerOptions, type Checks, integer, signal } from '../internal.js'
import type { Strictness } from './strict/strictness.js'

/** How a test broker is made: as any broker, and what the kit adds. */
export interface TestBrokerOptions extends Omit<BrokerOptions, 'clock'> {
  /**
   * `'virtual'`: time stands still until `advance`. `'platform'`: the platform's timers, which a test runner may fake: use
   * that with `vi.useFakeTimers()`, Jest's and node:test's.
   * @default 'virtual'
   */
  readonly clock?: 'virtual' | 'platform'
  /**
   * Milliseconds of real time, 1 to 2,147,483,647, after which waits of the kit give up and say what they wait for. Not how
   * they learn that something is done.
   * @default 2,000
   */
  readonly timeout?: number
  /**
   * What is found wrong at the end of the test without being asked: all rules, none, or each by name, such as
   * `{ unconsumed: false }`. See `StrictnessRules`, and `allow` for what a single test means.
   * @default true
   */
  readonly strict?: Strictness
}

/** How a wait may end otherwise. */
export interface WaitOptions {
  /** Milliseconds of real time, 1 to 2,147,483,647. @default the kit's */
  readonly timeout?: number
  /** Ends the wait with a `TestFailedError`. */
  readonly signal?: AbortSignal
}

const timeout = integer(1, 2 ** 31 - 1, 'ms')
const brokersOwn = (): undefined => undefined
/** n.b. the broker checks the values of the options that are its own. */
export const KIT_CHECKS: Checks = {
  ...({
    bodies: brokersOwn,
    exchangeTypes: brokersOwn,
    highWatermark: brokersOwn,
    compatibility: brokersOwn,
    consumerTimeout: brokersOwn,
  } satisfies Record<keyof Omit<BrokerOptions, 'clock'>, unknown>),
  strict: brokersOwn,
  clock: (value) => (value === 'virtual' || value === 'platform' ? undefined : "'virtual' or 'platform'"),
  timeout,
}
export const WAIT_CHECKS: Checks = { timeout, signal }
