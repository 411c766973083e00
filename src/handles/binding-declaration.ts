/** Checks a binding as applications write it, and names its two ends. */
import type { BindingDeclaration } from '../declarations.js'
import { InvalidOptionError } from '../errors.js'
import { checkShortString, describe } from '../names.js'
import { table } from '../options.js'
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
