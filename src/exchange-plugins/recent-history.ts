/** The recent-history exchange: a fanout that gives the last messages to whoever is bound late (XT-27, XT-28). */
import {
  asTerm,
  BindingList,
  type BindingVerdict,
  type Destination,
  type ExchangeType,
  type Message,
  PreconditionFailedError,
  type RoutedBinding,
  type Router,
  type RouterContext,
  type RouteSink,
} from '../internal.js'

/** How many messages are kept without `x-recent-history-length`. */
const DEFAULT_LENGTH = 20

class RecentHistoryRouter implements Router {
  readonly #context: RouterContext
  readonly #length: number
  readonly #bindings = new BindingList<Destination>()
  /** The last messages. Once there are enough, each takes the place of the oldest, which is at #oldest. */
  readonly #kept: Message[] = []
  #oldest = 0

  constructor(length: number, context: RouterContext) {
    this.#length = length
    this.#context = context
  }

  add(binding: RoutedBinding): void {
    const { destination } = binding
    this.#bindings.add(binding, destination)
    const history = [...this.#kept.slice(this.#oldest), ...this.#kept.slice(0, this.#oldest)]
    // n.b. RabbitMQ replays to a queue in order, and to an exchange in the order in which it has them: newest first.
    if (destination.kind === 'exchange') history.reverse()
    for (const message of history) this.#context.deliver(destination, message)
  }

  remove(binding: RoutedBinding): void {
    this.#bindings.remove(binding)
  }

  route(_routingKey: string, message: Message, sink: RouteSink): void {
    if (!this.#context.tentative && message.properties.headers?.['x-recent-history-no-store'] !== true) {
      this.#kept[this.#oldest] = message
      this.#oldest = (this.#oldest + 1) % this.#length
    }
    for (const destination of this.#bindings.entries) sink.add(destination)
  }

  explain(): BindingVerdict {
    return { matched: true, reason: { kind: 'other', text: 'recent-history goes to every binding' } }
  }
}

/**
 * The type `x-recent-history`: goes to every binding, and a new one gets the last 20 messages at once. The argument
 * `x-recent-history-length` says how many, a message's header `x-recent-history-no-store: true` that it is not kept.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { recentHistory } from 'leveret/exchange-types'
 *
 * const bus = new Broker({ exchangeTypes: [recentHistory] }).virtualHost('/')
 * const chat = await bus.declareExchange('chat', 'x-recent-history')
 * await chat.send('', 'said before')
 * const late = await bus.declareQueue<string>('late', { bindings: [chat.key('')] })
 * console.log((await late.get())?.body) // said before
 * ```
 */
export const recentHistory: ExchangeType = {
  name: 'x-recent-history',
  keyless: true,
  validateArguments({ 'x-recent-history-length': length }) {
    if (length === undefined || ((Number.isInteger(length) || typeof length === 'bigint') && Number(length) > 0)) return
    throw new PreconditionFailedError(
      `Invalid argument ${asTerm(length)}, 'x-recent-history-length' must be a positive integer`,
    )
  },
  createRouter: ({ 'x-recent-history-length': length }, context) =>
    new RecentHistoryRouter(Number(length ?? DEFAULT_LENGTH), context),
}
