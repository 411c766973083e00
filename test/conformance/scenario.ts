// What a scenario of the conformance suite is: steps against amqplib's promise API that note what they see. It compares
// nothing: the same steps run on each target, and compare.ts holds the records against each other.
import type { Trial } from './trial.js'

export interface Scenario {
  readonly title: string
  /** The rules that its notes may carry, at most five. */
  readonly rules: readonly string[]
  readonly steps: (t: Trial) => Promise<void>
  readonly options: ScenarioOptions
}

export interface ScenarioOptions {
  /** What a target must offer beside amqplib's API; a target without it lists the scenario as not run. */
  readonly needs?: readonly Need[]
  /** Runs on a broker of its own: it changes what every connection feels. */
  readonly alone?: boolean
}

/**
 * `operator`: users, policies and limits (operator.ts). `protocol`: methods that amqplib's API has no word for (protocol.ts).
 * `plugins`: the exchange types that RabbitMQ has as plug-ins.
 */
export type Need = 'operator' | 'protocol' | 'plugins'

/** One thing seen. `value` is plain data, names normalised. */
export interface Note {
  readonly rule: string
  readonly what: string
  readonly value: unknown
}

export function scenario(
  title: string,
  rules: readonly string[],
  steps: (t: Trial) => Promise<void>,
  options: ScenarioOptions = {},
): Scenario {
  if (rules.length === 0 || rules.length > 5)
    throw new Error(`${title}: expected one to five rules, got ${rules.length}`)
  return { title, rules, steps, options }
}
