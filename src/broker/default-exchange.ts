/** The default exchange: every queue is bound to it by its name, and nothing else ever is (XT-03, Q-26). */
import type { ExchangeType, Router } from '../exchange-types/exchange-type.js'
import type { QueueState } from './queue-state.js'

/** The type of the default exchange of the virtual host with these queues. It has no bindings of its own. */
export function defaultExchangeType(queues: ReadonlyMap<string, QueueState>): ExchangeType {
  const router: Router = {
    add: () => undefined,
    remove: () => undefined,
    route(routingKey, _message, sink) {
      const queue = queues.get(routingKey)
      if (queue !== undefined) sink.add(queue)
    },
    sole: (routingKey) => queues.get(routingKey),
  }
  return { name: 'direct', createRouter: () => router }
}
