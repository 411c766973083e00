/** An exchange in the broker: its declaration, its bindings, and the router of its type. */
import type { Arguments } from '../arguments.js'
import type { ExchangeDeclaration } from '../declarations.js'
import type { Destination, ExchangeType, Router, RouterContext } from '../exchange-types/exchange-type.js'
import type { Binding } from './binding.js'
import type { AppliedPolicy } from './policies.js'

/** What makes a channel look an exchange up anew at every publish. */
export const GUARDS = {
  deleted: 1,
  /** Rights to it changed while it was in use, or are limited by key. */
  rights: 2,
  traced: 4,
} as const

export class ExchangeState implements Destination {
  readonly kind = 'exchange'
  readonly name: string
  readonly type: ExchangeType
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Arguments
  readonly router: Router
  /** Exchange that is asked when this one finds no destination (AE-01). */
  alternate: string | undefined
  policy: AppliedPolicy | undefined
  /** Bindings that start here, by identity. */
  readonly bindings = new Map<string, Binding>()
  /** Bindings that end here. */
  readonly incoming = new Set<Binding>()
  deleted = false
  /** Why every publish has to look closer: a sum of `GUARDS`. */
  guarded = 0
  /** Number of the last publish that visited it. */
  visited = 0

  constructor(
    declaration: ExchangeDeclaration,
    type: ExchangeType,
    contextOf: (exchange: ExchangeState) => RouterContext,
  ) {
    this.name = declaration.name
    this.type = type
    this.durable = declaration.durable
    this.autoDelete = declaration.autoDelete
    this.internal = declaration.internal
    this.arguments = declaration.arguments
    this.govern(undefined)
    this.router = type.createRouter(declaration.arguments, contextOf(this))
  }

  /** A policy was set, changed or cleared; the argument counts more (POL-06). */
  govern(policy: AppliedPolicy | undefined): void {
    this.policy = policy
    const name = 'alternate-exchange'
    // n.b. the default exchange asks nobody, whatever policy matches its name.
    if (this.name !== '') this.alternate = (this.arguments[name] ?? policy?.definition[name]) as string | undefined
  }
}
