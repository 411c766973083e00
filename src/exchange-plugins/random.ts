/** The random exchange: a message goes to one binding, whatever its key (XT-26). */
import {
  BindingList,
  type BindingVerdict,
  type ExchangeType,
  type Message,
  type RoutedBinding,
  type Router,
  type RouteSink,
} from '../internal.js'

class RandomRouter implements Router {
  readonly #bindings = new BindingList<RoutedBinding>()
  /** What was drawn for a message that is explained: one draw for all its bindings. */
  readonly #drawn = new WeakMap<Message, RoutedBinding>()

  add(binding: RoutedBinding): void {
    this.#bindings.add(binding, binding)
  }

  remove(binding: RoutedBinding): void {
    this.#bindings.remove(binding)
  }

  route(_routingKey: string, _message: Message, sink: RouteSink): void {
    const binding = this.#draw()
    if (binding !== undefined) sink.add(binding.destination)
  }

  explain(binding: RoutedBinding, _routingKey: string, message: Message): BindingVerdict {
    const drawn = this.#drawn.get(message) ?? this.#draw() ?? binding
    this.#drawn.set(message, drawn)
    const count = this.#bindings.entries.length
    const matched = drawn === binding
    const text =
      count === 1 ? 'the only binding' : `drawn from ${count} bindings${matched ? ' this time' : ' is another'}`
    return { matched, reason: { kind: 'other', text } }
  }

  #draw(): RoutedBinding | undefined {
    const { entries } = this.#bindings
    return entries[Math.floor(Math.random() * entries.length)]
  }
}

/**
 * The type `x-random`: each message goes to one binding at random. A queue with two bindings is drawn twice as often.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { random } from 'leveret/exchange-types'
 *
 * const bus = new Broker({ exchangeTypes: [random] }).virtualHost('/')
 * const work = await bus.declareExchange('work', 'x-random')
 * await bus.declareQueue('work.a', { bindings: [work.key('')] })
 * await bus.declareQueue('work.b', { bindings: [work.key('')] })
 * await work.send('', 'to one of them')
 * ```
 */
export const random: ExchangeType = {
  name: 'x-random',
  keyless: true,
  createRouter: () => new RandomRouter(),
}
