/** Checks a binding as applications write it, and names its two ends. */
import { type Arguments, NO_ARGUMENTS } from '../arguments.js'
import type { BindingDeclaration } from '../declarations.js'
import { InvalidOptionError } from '../errors.js'
import { checkShortString, describe } from '../names.js'
import { type Checks, checkOptions, table } from '../options.js'
import type { BindingKey } from './binding-key.js'

export function bindingDeclaration(
  what: string,
  key: BindingKey,
  destinationKind: 'queue' | 'exchange',
  destination: string,
  home: unknown,
): BindingDeclaration {
  if (typeof key !== 'object' || key === null || typeof key.exchange !== 'string') {
    const expected = what === 'bindings' ? 'exchange.key(…)' : 'exchange.key(…) or the name of an exchange'
    throw new InvalidOptionError(`${what}: expected ${expected}, got ${describe(key)}`)
  }
  if (key.home !== undefined && key.home !== home) {
    throw new InvalidOptionError(`${what}: exchange '${key.exchange}' is a handle of another broker or virtual host`)
  }
  checkShortString(`${what}: exchange`, key.exchange)
  checkShortString(`${what}: routing key`, key.routingKey)
  const fault = table(key.arguments)
  if (fault !== undefined)
    throw new InvalidOptionError(`${what}: arguments must be ${fault}, got ${describe(key.arguments)}`)
  const { exchange: source, routingKey } = key
  return { source, destination, destinationKind, routingKey, arguments: key.arguments }
}

const BIND_CHECKS: Checks = { arguments: table }

/** The key of a `bind` or `unbind`, which may be given in parts: an exchange's name, a routing key and options. */
export function givenKey(
  what: string,
  key: BindingKey | string,
  routingKey: string | undefined,
  options: { readonly arguments?: Arguments } | undefined,
): BindingKey {
  checkOptions(what, options, BIND_CHECKS)
  if (typeof key !== 'string') return key
  return { exchange: key, routingKey: routingKey as string, arguments: options?.arguments ?? NO_ARGUMENTS }
}
