/** The direct exchange: a message goes where its routing key is the binding key, to the byte (XT-01). */
import type { Message } from '../message.js'
import { BindingList } from './binding-list.js'
import type { Destination, ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'

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
}

/** Routes by equality of routing key and binding key; the empty key is a key like any other. */
export const directExchange: ExchangeType = {
  name: 'direct',
  createRouter: () => new DirectRouter(),
}
