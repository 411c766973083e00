/** The default exchange: every queue is bound to it by its name, and nothing else ever is (XT-03, Q-26). */
import { explainKey } from '../exchange-types/direct.js'
import type { ExchangeType, Router } from '../exchange-types/exchange-type.js'
import { nearKey } from '../exchange-types/near-key.js'
import type { ReplyAddresses } from './direct-reply-to.js'
import type { QueueState } from './queue-state.js'

/** The type of the default exchange of the virtual host with these queues and addresses. It has no bindings of its own. */
export function defaultExchangeType(queues: ReadonlyMap<string, QueueState>, replies: ReplyAddresses): ExchangeType {
  const find = (key: string) => queues.get(key) ?? replies.route(key)
  const router: Router = {
    add: () => undefined,
    remove: () => undefined,
    route(routingKey, _message, sink) {
      const queue = find(routingKey)
      if (queue !== undefined) sink.add(queue)
    },
    sole: find,
    explain: explainKey,
    near: (binding, routingKey) => nearKey(binding.routingKey, routingKey, false),
  }
  return { name: 'direct', createRouter: () => router }
}
