/** What a kit finds wrong without being asked, rule by rule, and what a test may say is right. */
import { type Check, type Checks, checkOptions } from '../../internal.js'

/** The rules of a test broker: what is found when the test is over. Each is on unless it is turned off by name. */
export interface StrictnessRules {
  /**
   * Nothing: a body is frozen when it is published, plain objects, arrays, Maps and Sets all the way down, and who
   * changes it gets a TypeError. Bytes, Dates and instances of classes are not.
   */
  readonly frozen?: boolean
  /** An argument of a queue, exchange or headers binding that no RabbitMQ knows, such as `x-message-tll`. */
  readonly arguments?: boolean
  /** A message that reached no queue, and was not mandatory: nobody was told. */
  readonly unroutable?: boolean
  /** A delivery that was handed over and never settled. */
  readonly unacked?: boolean
  /** A handler or a confirm that was still waited for when the kit gave up. */
  readonly unfinished?: boolean
  /**
   * Messages that are ready in a queue that had a consumer once; a queue that nobody ever consumed is the test's own
   * to look at.
   */
  readonly unconsumed?: boolean
  /** A message that a consumer rejected, or that failed too often, with no dead-letter queue to go to. */
  readonly dropped?: boolean
  /** A request without a reply. */
  readonly pendingRequests?: boolean
  /** A `send` whose promise nobody awaited. */
  readonly unawaited?: boolean
  /** A delivery that was settled twice. */
  readonly doubleSettlements?: boolean
  /** An error that closed a channel or connection of an AMQP client, such as `leveret/amqplib`. */
  readonly channelErrors?: boolean
  /** An error that nobody heard; of a handler, unless its message was retried. */
  readonly errors?: boolean
  /**
   * A message that was requeued 100 times while the time stood still; the queue is paused, and `settled` and
   * `advance` throw at once.
   */
  readonly requeueLoops?: boolean
  /**
   * A consumer that was attached by a handler, or by the same line of code again after messages were handled, and
   * never closed.
   */
  readonly leakedConsumers?: boolean
  /** A fault of `kit.faults` that did not go wrong as often as it was told to. */
  readonly unfired?: boolean
  /** A declaration that differs from those of `expectDefinitions`. */
  readonly drift?: boolean
  /** Messages that the broker lost count of: a bug of leveret. */
  readonly conservation?: boolean
}

/** Name of a rule. */
export type Rule = keyof StrictnessRules

/** All rules, or each by name; a rule that is not named is on. */
export type Strictness = boolean | StrictnessRules

/** The rules in the order in which findings are told: what caused others comes first. */
export const RULES = [
  'errors',
  'channelErrors',
  'doubleSettlements',
  'requeueLoops',
  'dropped',
  'unacked',
  'unfinished',
  'unconsumed',
  'unroutable',
  'unawaited',
  'pendingRequests',
  'leakedConsumers',
  'arguments',
  'unfired',
  'drift',
  'conservation',
  'frozen',
] as const satisfies readonly Rule[]

const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false')
const RULE_CHECKS: Checks = Object.fromEntries(RULES.map((rule) => [rule, flag]))

/** The rules that are on. @throws UnknownOptionError, InvalidOptionError. */
export function rulesOf(strict: Strictness): ReadonlySet<Rule> {
  if (typeof strict === 'boolean') return new Set(strict ? RULES : [])
  checkOptions("testBroker: option 'strict'", strict, RULE_CHECKS)
  return new Set(RULES.filter((rule) => strict[rule] !== false))
}

/** What is right: a name, a pattern that is searched for in names, several of them, or anything. */
export type Allowed = true | string | RegExp | readonly (string | RegExp)[]

/**
 * What a test expects, by rule. Names are those of queues; of exchanges and routing keys too for `unroutable`, `unawaited`,
 * `arguments` and `drift`, of arguments for `arguments`; error codes and messages for `channelErrors` and
 * `errors`. Of `unfired` it is the whole text.
 */
export type Allowances = { readonly [Name in Exclude<Rule, 'frozen' | 'conservation'>]?: Allowed }

const allowed: Check = (value) =>
  value === true || [value].flat().every((each) => typeof each === 'string' || each instanceof RegExp)
    ? undefined
    : 'true, a name, a RegExp, or an array of these'
const ALLOWANCE_CHECKS: Checks = Object.fromEntries(
  RULES.filter((rule) => rule !== 'frozen' && rule !== 'conservation').map((rule) => [rule, allowed]),
)

/** What a test has allowed. */
export class Forgiveness {
  readonly #allowed = new Map<Rule, (true | string | RegExp)[]>()

  /** @throws UnknownOptionError, InvalidOptionError. */
  allow(allowances: Allowances): void {
    checkOptions('allow', allowances, ALLOWANCE_CHECKS)
    for (const [rule, value] of Object.entries(allowances) as [Rule, Allowed | undefined][]) {
      if (value === undefined) continue
      this.#allowed.set(rule, [...(this.#allowed.get(rule) ?? []), ...([value].flat() as (true | string | RegExp)[])])
    }
  }

  /** True when something that goes by these names is allowed. */
  forgives(rule: Rule, names: readonly string[]): boolean {
    return (this.#allowed.get(rule) ?? []).some(
      (each) =>
        each === true ||
        // n.b. a pattern with the flag `g` begins where it ended the last time.
        names.some((name) => (typeof each === 'string' ? name === each : new RegExp(each, '').test(name))),
    )
  }
}
