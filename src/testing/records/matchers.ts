/** The assertions as matchers of Jest and vitest. */
import type { ExplainOptions } from '../../internal.js'
import type { AnyExchange, AnyQueue, MessageFilter } from './filter.js'
import * as verdicts from './verdicts.js'

/**
 * Matchers for `expect.extend`, of Jest and of vitest. With their types, which come by the import.
 *
 * @example
 * ```ts no-run: needs vitest
 * import { matchers, testBroker } from 'leveret/testing'
 * import { expect, test } from 'vitest'
 *
 * expect.extend(matchers)
 *
 * test('pays', async () => {
 *   await using kit = testBroker()
 *   await kit.bus.exchange('amq.fanout').send('order.paid', { id: 7 })
 *   expect(kit).toHavePublished({ key: 'order.*', body: { id: 7 } })
 * })
 * ```
 */
export const matchers = Object.freeze({ ...verdicts })

/** The matchers as `expect(…)` has them. For `@jest/globals`: `declare module 'expect' { interface Matchers<R> extends KitMatchers<R> {} }`. */
export interface KitMatchers<Result = void> {
  /** A message was published that the filter means: of a kit, to an exchange, or so that it reached a queue. */
  toHavePublished<
    E extends string | AnyExchange = string,
    Key extends string = string,
    Q extends string | AnyQueue = string,
  >(filter?: MessageFilter<E, Key, Q>, options?: verdicts.TimesOptions): Result
  /** A message died, in a queue or in any of a kit, and went on as a dead letter that the filter means. */
  toHaveDeadLettered<
    E extends string | AnyExchange = string,
    Key extends string = string,
    Q extends string | AnyQueue = string,
  >(filter?: MessageFilter<E, Key, Q>, options?: verdicts.TimesOptions): Result
  /** A message was acknowledged that the filter means: of a kit, an exchange or a queue. */
  toHaveBeenAcked<
    E extends string | AnyExchange = string,
    Key extends string = string,
    Q extends string | AnyQueue = string,
  >(filter?: MessageFilter<E, Key, Q>, options?: verdicts.TimesOptions): Result
  /** A queue has so many ready messages; without a number, at least one. */
  toHaveReady(count?: number): Result
  /** A queue has so many messages that are delivered and not settled; without a number, at least one. */
  toHaveUnacked(count?: number): Result
  /** Nothing is in a queue, in no queue of a kit, or in a recorder. */
  toBeEmpty(): Result
  /** A message published to an exchange with this routing key would reach this queue; with a list, exactly these; else some. */
  toRoute(
    routingKey: string,
    to?: verdicts.Destination | readonly verdicts.Destination[],
    message?: ExplainOptions,
  ): Result
}

declare global {
  // n.b. the namespace of Jest's types; vitest's assertions take over what is in it.
  namespace jest {
    interface Matchers<R> extends KitMatchers<R> {}
  }
}
