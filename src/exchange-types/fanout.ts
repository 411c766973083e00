/** The fanout exchange: a message goes to every binding, whatever its key and arguments (XT-02). */
import type { Message } from '../message.js'
import { BindingList } from './binding-list.js'
import type { Destination, ExchangeType, RoutedBinding, Router, RouteSink } from './exchange-type.js'
import type { BindingVerdict } from './verdict.js'

class FanoutRouter implements Router {
  readonly #bindings = new BindingList<Destination>()

  add(binding: RoutedBinding): void {
    this.#bindings.add(binding, binding.destination)
  }

  remove(binding: RoutedBinding): void {
    this.#bindings.remove(binding)
  }

  route(_routingKey: string, _message: Message, sink: RouteSink): void {
    for (const destination of this.#bindings.entries) sink.add(destination)
  }

  explain(): BindingVerdict {
    return { matched: true, reason: { kind: 'every-binding' } }
  }
}

/** Routes to all that is bound. */
export const fanoutExchange: ExchangeType = {
  name: 'fanout',
  keyless: true,
  createRouter: () => new FanoutRouter(),
}
