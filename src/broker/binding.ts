/** A binding: from an exchange to a queue or another exchange, by a key and arguments. */
import { type Arguments, canonical } from '../arguments.js'
import type { Destination, RoutedBinding } from '../exchange-types/exchange-type.js'
import type { BindingEvent } from './events.js'

export class Binding implements RoutedBinding {
  readonly source: Destination
  readonly destination: Destination
  readonly routingKey: string
  readonly arguments: Arguments

  constructor(source: Destination, destination: Destination, routingKey: string, args: Arguments) {
    this.source = source
    this.destination = destination
    this.routingKey = routingKey
    this.arguments = args
  }

  /** What events and lists say of it. */
  describe(virtualHost: string): BindingEvent {
    const { source, destination, routingKey } = this
    return {
      virtualHost,
      source: source.name,
      destination: destination.name,
      destinationKind: destination.kind,
      routingKey,
      arguments: this.arguments,
    }
  }
}

/** What makes two bindings of one exchange the same (BIND-02), as a string. */
export function bindingIdentity(kind: 'queue' | 'exchange', name: string, routingKey: string, args: Arguments): string {
  const identity = `${kind} ${name.length} ${name}${routingKey}`
  return Object.keys(args).length === 0 ? identity : `${identity}\n${canonical(args)}`
}
