/** The assertions as functions that throw, for runners without `expect.extend`, such as node:test. */
import type { ExplainOptions } from '../../internal.js'
import { TestFailedError } from '../errors.js'
import type { TestKit } from '../kit.js'
import type { AnyExchange, AnyQueue, MessageFilter } from './filter.js'
import type { Recorder } from './recorder.js'
import * as verdicts from './verdicts.js'

/** The kit, or an exchange or queue of its broker. */
type Subject = TestKit | Recorder | AnyExchange | AnyQueue

function check({ pass, message }: verdicts.Verdict): void {
  if (!pass) throw new TestFailedError(message())
}

/**
 * A message was published that the filter means: by anybody, or to this exchange, or so that it reached this queue.
 * @throws TestFailedError with what came near and the timeline; UnknownOptionError and InvalidOptionError for a filter that
 * can never match.
 *
 * @example
 * ```ts
 * import { assertPublished, testBroker } from 'leveret/testing'
 *
 * await using kit = testBroker()
 * await kit.bus.declareQueue('audit', { bindings: [kit.bus.exchange('amq.fanout').key('')] })
 * await kit.bus.exchange('amq.fanout').send('order.paid', { id: 7 })
 * assertPublished(kit, { exchange: 'amq.fanout', key: 'order.*', body: { id: 7 } })
 * assertPublished(kit, { body: { id: 8 } }, { times: 0 })
 * ```
 */
export function assertPublished<
  E extends string | AnyExchange = string,
  Key extends string = string,
  Q extends string | AnyQueue = string,
>(subject: Subject, filter?: MessageFilter<E, Key, Q>, options?: verdicts.TimesOptions): void {
  check(verdicts.toHavePublished(subject, filter, options))
}

/**
 * A message died, in this queue or in any, and went on as a dead letter that the filter means.
 * @throws as `assertPublished` does.
 */
export function assertDeadLettered<
  E extends string | AnyExchange = string,
  Key extends string = string,
  Q extends string | AnyQueue = string,
>(subject: Subject, filter?: MessageFilter<E, Key, Q>, options?: verdicts.TimesOptions): void {
  check(verdicts.toHaveDeadLettered(subject, filter, options))
}

/**
 * A message was acknowledged that the filter means.
 * @throws as `assertPublished` does.
 */
export function assertAcked<
  E extends string | AnyExchange = string,
  Key extends string = string,
  Q extends string | AnyQueue = string,
>(subject: Subject, filter?: MessageFilter<E, Key, Q>, options?: verdicts.TimesOptions): void {
  check(verdicts.toHaveBeenAcked(subject, filter, options))
}

/**
 * So many messages of the queue are ready; without a number, at least one.
 * @throws TestFailedError, InvalidOptionError, NotFoundError.
 */
export function assertReady(queue: AnyQueue, count?: number): void {
  check(verdicts.toHaveReady(queue, count))
}

/**
 * So many messages of the queue are delivered and not settled; without a number, at least one.
 * @throws TestFailedError, InvalidOptionError, NotFoundError.
 */
export function assertUnacked(queue: AnyQueue, count?: number): void {
  check(verdicts.toHaveUnacked(queue, count))
}

/**
 * Nothing is in the queue, or in no queue of the kit: nothing ready, unacknowledged or delayed; of a recorder, that nothing
 * was recorded.
 * @throws TestFailedError, InvalidOptionError, NotFoundError.
 */
export function assertEmpty(subject: TestKit | Recorder | AnyQueue): void {
  check(verdicts.toBeEmpty(subject))
}

/**
 * A message published to the exchange with this routing key now would reach this queue; with a list, exactly these in any
 * order; with neither, some queue. `message` is what else is published, such as `headers`.
 * @throws TestFailedError with the explanation, InvalidOptionError, NotFoundError.
 */
export function assertRoutes(
  exchange: AnyExchange,
  routingKey: string,
  to?: verdicts.Destination | readonly verdicts.Destination[],
  message?: ExplainOptions,
): void {
  check(verdicts.toRoute(exchange, routingKey, to, message))
}
