/** The direct exchange: a message goes where its routing key is the binding key, to the byte (XT-01). */
import type { Message } from '../message.js'
import { BindingList } from './binding-list.js'
import type { Destination, ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'
import { nearKey } from './near-key.js'
import type { BindingVerdict, Nearness } from './verdict.js'

class DirectRouter implements Router {
  readonly #byKey = new Map<string, BindingList<Destination>>()

  add(binding: RoutedBinding): void {
    let bindings = this.#byKey.get(binding.routingKey)
    if (bindings === undefined) {
      bindings = new BindingList()
      this.#byKey.set(binding.routingKey, bindings)
    }
    bindings.add(binding, binding.destination)
  }

  remove(binding: RoutedBinding): void {
    const bindings = this.#byKey.get(binding.routingKey)
    if (bindings === undefined) return
    bindings.remove(binding)
    if (bindings.entries.length === 0) this.#byKey.delete(binding.routingKey)
  }

  route(routingKey: string, _message: Message, sink: RouteSink): void {
    const bindings = this.#byKey.get(routingKey)
    if (bindings !== undefined) for (const destination of bindings.entries) sink.add(destination)
  }

  sole(routingKey: string): Destination | undefined {
    const entries = this.#byKey.get(routingKey)?.entries
    return entries !== undefined && entries.length === 1 ? entries[0] : undefined
  }

  explain(binding: RoutedBinding, routingKey: string): BindingVerdict {
    return explainKey(binding, routingKey)
  }

  near(binding: RoutedBinding, routingKey: string): Nearness | undefined {
    return nearKey(binding.routingKey, routingKey, false)
  }
}

/** Whether a key is the binding's; the default exchange has no router of this type and explains itself alike. */
export function explainKey(binding: RoutedBinding, routingKey: string): BindingVerdict {
  const matched = binding.routingKey === routingKey
  return { matched, reason: { kind: matched ? 'equal-key' : 'other-key' } }
}

/** Routes by equality of routing key and binding key; the empty key is a key like any other. */
export const directExchange: ExchangeType = {
  name: 'direct',
  createRouter: () => new DirectRouter(),
}
