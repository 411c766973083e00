/**
 * Policies of a virtual host: what an operator says of queues and exchanges whose names match, without declaring them
 * anew (POL-01 to POL-15). Of the matching ones a single policy counts, and for queues a single operator policy beside it.
 */
import type { Arguments, FieldValue } from '../arguments.js'
import type { Compatibility } from '../declarations.js'
import { InvalidOptionError, NotFoundError } from '../errors.js'
import { didYouMean } from '../options.js'
import type { PolicyKey, QueueType } from '../queue-arguments/queue-argument.js'
import { patternOf } from './patterns.js'
import type { BrokerServices } from './services.js'

/** What a policy is for. `classic_queues`, `quorum_queues` and `streams` came with RabbitMQ 3.12. */
export type PolicyTarget = 'all' | 'queues' | 'exchanges' | 'classic_queues' | 'quorum_queues' | 'streams'

/** A policy or operator policy. */
export interface Policy {
  /** Its name. */
  readonly name: string
  /** Regular expression that is searched for in the names of queues and exchanges. */
  readonly pattern: string
  /** What it is for. */
  readonly applyTo: PolicyTarget
  /** Of several that match, the one with the highest priority counts. */
  readonly priority: number
  /** Keys such as `max-length`, and their values. */
  readonly definition: Arguments
}

/** What policies make of one queue or exchange. */
export interface AppliedPolicy {
  readonly policy: string | undefined
  readonly operatorPolicy: string | undefined
  /** Both merged, without the arguments of the queue (POL-13). */
  readonly definition: Arguments
}

/** A queue or exchange, as policies see it. */
interface Governed {
  readonly kind: 'queue' | 'exchange'
  readonly name: string
  readonly type: unknown
  readonly policy: AppliedPolicy | undefined
  /** Its policy is another now. */
  govern(policy: AppliedPolicy | undefined): void
}

/** The virtual host that they are of. */
interface PolicyHome {
  readonly name: string
  readonly broker: BrokerServices
  readonly queues: ReadonlyMap<string, Governed>
  readonly exchanges: ReadonlyMap<string, Governed>
}

interface Compiled extends Policy {
  readonly regex: RegExp
}

const ALTERNATE: PolicyKey = { what: 'alternate exchange name' }

/** Keys that are taken and have nothing to act on in one process, by the types of queue that have them (POL-04). */
const CLASSIC_ONLY = /^(ha-(mode|params|sync-mode|sync-batch-size|promote-on-(shutdown|failure))|queue-master-locator)$/
const STREAM_ONLY = /^(max-age|stream-max-segment-size-bytes|stream-filter-size-bytes|initial-cluster-size)$/
const INERT = /^max-in-memory-(length|bytes)$/
const NEWER = /^target-group-size$/

export class Policies {
  readonly #home: PolicyHome
  // n.b. most virtual hosts have none.
  readonly #policies = new Map<string, Compiled>()
  readonly #operatorPolicies = new Map<string, Compiled>()

  constructor(home: PolicyHome) {
    this.#home = home
  }

  list(operator: boolean): Policy[] {
    return [...this.#all(operator).values()].map(({ regex: _, ...policy }) => policy)
  }

  /**
   * Makes a policy, or another one of the same name, and applies it at once (POL-05).
   * @throws InvalidOptionError in RabbitMQ's words (POL-08); nothing has changed then.
   */
  set(policy: Policy, operator: boolean): void {
    const what = `${operator ? 'operator ' : ''}policy '${policy.name}': Validation failed: `
    const regex = patternOf(`${what}pattern`, policy.pattern)
    const fault = this.#faultOf(policy, operator)
    if (fault !== undefined) throw new InvalidOptionError(what + fault)
    this.#all(operator).set(policy.name, { ...policy, definition: { ...policy.definition }, regex })
    this.#changed('policy.set', policy.name, operator)
  }

  /** @throws NotFoundError. */
  clear(name: string, operator: boolean): void {
    if (!this.#all(operator).delete(name)) {
      throw new NotFoundError(`no ${operator ? 'operator ' : ''}policy '${name}' in vhost '${this.#home.name}'`)
    }
    this.#changed('policy.cleared', name, operator)
  }

  /** What applies to a queue or exchange. */
  of({ kind, name, type }: Pick<Governed, 'kind' | 'name' | 'type'>): AppliedPolicy | undefined {
    const queueType = kind === 'queue' ? (type as QueueType) : undefined
    const policy = this.#best(this.#policies, name, queueType)
    const operator = queueType && this.#best(this.#operatorPolicies, name, queueType)
    if (policy === undefined && operator === undefined) return undefined
    const definition: Record<string, FieldValue> = { ...policy?.definition }
    for (const [key, value] of Object.entries(operator?.definition ?? {})) {
      definition[key] = typeof value === 'number' ? least(definition[key], value) : value
    }
    return { policy: policy?.name, operatorPolicy: operator?.name, definition }
  }

  #all(operator: boolean): Map<string, Compiled> {
    return operator ? this.#operatorPolicies : this.#policies
  }

  #best(policies: ReadonlyMap<string, Compiled>, name: string, type: QueueType | undefined): Compiled | undefined {
    let best: Compiled | undefined
    for (const policy of policies.values()) {
      if (best !== undefined && policy.priority <= best.priority) continue
      if (policy.regex.test(name) && this.#isFor(policy, type)) best = policy
    }
    return best
  }

  /** A policy with any key that the type of queue lacks does not match it (POL-04). */
  #isFor({ applyTo, definition }: Policy, type: QueueType | undefined): boolean {
    if (type === undefined) return applyTo === 'all' || applyTo === 'exchanges'
    if (applyTo !== 'all' && applyTo !== 'queues' && applyTo !== `${type}_queues`) return false
    return Object.keys(definition).every((key) => this.#typesOf(key).includes(type))
  }

  #typesOf(key: string): readonly string[] {
    const reader = this.#home.broker.queueArguments.reader(`x-${key}`)
    if (reader?.policy !== undefined) return reader.policy.types ?? reader.types
    return STREAM_ONLY.test(key) ? [] : CLASSIC_ONLY.test(key) ? ['classic'] : NEWER.test(key) ? ['quorum'] : BOTH
  }

  #changed(event: 'policy.set' | 'policy.cleared', name: string, operator: boolean): void {
    const { queues, exchanges, broker, name: virtualHost } = this.#home
    for (const target of [...queues.values(), ...exchanges.values()]) {
      const policy = this.of(target)
      if (policy !== undefined || target.policy !== undefined) target.govern(policy)
    }
    broker.announce(event, () => ({ virtualHost, name, operator }))
    broker.settle()
  }

  #faultOf({ applyTo, definition }: Policy, operator: boolean): string | undefined {
    const { compatibility, queueArguments } = this.#home.broker
    const targets = compatibility === '3.10' ? TARGETS : [...TYPE_TARGETS, ...TARGETS]
    if (!targets.includes(applyTo)) {
      const words = targets.map((target) => `'${target}'`)
      return `apply-to '${applyTo}' unrecognised; should be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
    }
    const entries = Object.entries(definition).sort(([a], [b]) => (a < b ? -1 : 1))
    if (entries.length === 0) return 'no policy provided'
    const unknown = entries.filter(([key]) => !this.#knows(key, operator))
    if (unknown.length > 0) {
      const shown = unknown.map(([key, value]) => `{<<"${key}">>,${erlang(value)}}`)
      const hint = didYouMean(String(unknown[0]?.[0]), this.#keys(operator))
      return `[${shown}] are not recognised policy settings${hint === undefined ? '' : ` (${hint})`}`
    }
    for (const [key, value] of entries) {
      const reader = queueArguments.reader(`x-${key}`)
      const policy = key === 'alternate-exchange' ? ALTERNATE : reader?.policy
      const check = policy?.check ?? reader?.check
      const right = policy === ALTERNATE ? typeof value === 'string' : check?.(value) === undefined
      if (!right) return `${erlang(value)} is not a valid ${policy?.what}`
    }
    return undefined
  }

  #knows(key: string, operator: boolean): boolean {
    const { compatibility, queueArguments } = this.#home.broker
    const policy = queueArguments.reader(`x-${key}`)?.policy
    if (policy !== undefined) return isSince(compatibility, operator ? policy.operator : (policy.since ?? '3.10'))
    if (INERT.test(key)) return true
    if (NEWER.test(key)) return compatibility === '4.3'
    return (
      !operator &&
      (key === 'alternate-exchange' || STREAM_ONLY.test(key) || (compatibility === '3.10' && CLASSIC_ONLY.test(key)))
    )
  }

  #keys(operator: boolean): string[] {
    const keys = this.#home.broker.queueArguments.names.map((name) => name.slice(2))
    return [...keys, 'alternate-exchange'].filter((key) => this.#knows(key, operator))
  }
}

const TARGETS: readonly string[] = ['queues', 'exchanges', 'all']
const TYPE_TARGETS = ['classic_queues', 'quorum_queues', 'streams']
const BOTH: readonly QueueType[] = ['classic', 'quorum']

function isSince(compatibility: Compatibility, since: Compatibility | undefined): boolean {
  return since === '3.10' || since === compatibility
}

/** The stricter of two numbers, where a negative one is no limit at all (POL-10). */
export function least(some: FieldValue, other: number): number {
  if (typeof some !== 'number') return other
  return some < 0 || other < 0 ? Math.max(some, other) : Math.min(some, other)
}

/** A value as Erlang prints it. */
function erlang(value: FieldValue): string {
  return typeof value === 'string' ? `<<"${value}">>` : JSON.stringify(value)
}
