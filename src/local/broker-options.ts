/** What applications say of a broker and of its connections, and whether it is right. */
import type { BodyMode } from '../body.js'
import type { Clock } from '../clock.js'
import type { Compatibility } from '../declarations.js'
import { InvalidOptionError } from '../errors.js'
import type { ExchangeType } from '../exchange-types/exchange-type.js'
import { BUILT_IN_EXCHANGE_TYPES } from '../exchange-types/registry.js'
import { describe } from '../names.js'
import { boolean, type Checks, integer, oneOf, signal, string } from '../options.js'
import { TEN_YEARS } from '../time.js'

/** How a broker is made. */
export interface BrokerOptions {
  /**
   * What becomes of native bodies: passed on by reference, copied by structured clone, or turned into bytes and back as
   * a remote broker will.
   * @default 'reference'
   */
  readonly bodies?: BodyMode
  /** Further exchange types. A name that is taken is an error. @default none */
  readonly exchangeTypes?: readonly ExchangeType[]
  /**
   * Ready messages, of all queues together, past which producers wait: `send` resolves later and `publish` returns false
   * until consumers have caught up (ALM-02). 1 and up, or `Infinity`.
   * @default 5,000,000
   */
  readonly highWatermark?: number
  /**
   * The version of RabbitMQ whose behaviour the broker has, where versions differ: see the list of differences in the docs.
   * @default '4.3'
   */
  readonly compatibility?: Compatibility
  /**
   * How long a channel of an AMQP connection may leave a delivery unacknowledged before it is closed with 406 and gives
   * back what it has (CON-20): ms, 1 to ten years, or `Infinity`. It looks once a minute, as RabbitMQ does, or once a
   * timeout where that is shorter, so it may be two of these late. Only with `compatibility: '3.10'`: since 4.3 quorum
   * queues have a `consumerTimeout` each.
   * @default 1,800,000 with `compatibility: '3.10'`
   */
  readonly consumerTimeout?: number
  /** Where time comes from. @default the platform's clock and timers, looked up when they are used */
  readonly clock?: Clock
}

/** How a further connection is made. */
export interface ConnectOptions {
  /** Name of the virtual host, which must exist. @default '/' */
  readonly virtualHost?: string
  /** Name of the connection, for overviews and events. @default generated */
  readonly name?: string
  /** Name of the user that logs in. @default 'guest' */
  readonly user?: string
  /** The user's password. @default 'guest' where no user is named */
  readonly password?: string
}

export const BROKER_CHECKS: Checks = {
  bodies: oneOf('reference', 'clone', 'encoded'),
  exchangeTypes: (value) => (Array.isArray(value) ? undefined : 'an array of exchange types'),
  compatibility: oneOf('3.10', '4.3'),
  highWatermark: (value) =>
    value === Number.POSITIVE_INFINITY ? undefined : integer(1, Number.MAX_SAFE_INTEGER)(value),
  consumerTimeout: (value) => (value === Number.POSITIVE_INFINITY ? undefined : integer(1, TEN_YEARS, 'ms')(value)),
  clock: (value) => {
    const { now, setTimeout, clearTimeout } = Object(value) as Partial<Clock>
    return [now, setTimeout, clearTimeout].every((method) => typeof method === 'function')
      ? undefined
      : 'a Clock: { now, setTimeout, clearTimeout }'
  },
}
export const CONNECT_CHECKS: Checks = { virtualHost: string, name: string, user: string, password: string }
export const CLOSE_CHECKS: Checks = { drain: boolean, timeout: integer(0, 2 ** 31 - 1, 'ms'), signal }

/** @throws InvalidOptionError where it is said to a version whose brokers have none. */
export function consumerTimeoutOf({ compatibility = '4.3', consumerTimeout }: BrokerOptions): number {
  if (compatibility === '3.10') return consumerTimeout ?? 1_800_000
  if (consumerTimeout === undefined) return Number.POSITIVE_INFINITY
  const since = `expected it with compatibility '3.10', got it with '${compatibility}'`
  throw new InvalidOptionError(`new Broker: option 'consumerTimeout': ${since}, where quorum queues have one each`)
}

/** The built-in exchange types and these. @throws InvalidOptionError. */
export function typesByName(further: readonly ExchangeType[]): Map<string, ExchangeType> {
  const types = new Map(BUILT_IN_EXCHANGE_TYPES.map((type) => [type.name, type]))
  for (const type of further) {
    if (typeof type?.name !== 'string' || typeof type.createRouter !== 'function') {
      throw new InvalidOptionError(`exchangeTypes: expected { name, createRouter, … }, got ${describe(type)}`)
    }
    if (types.has(type.name)) throw new InvalidOptionError(`exchangeTypes: there is a type '${type.name}' already`)
    types.set(type.name, type)
  }
  return types
}
