/**
 * `x-delivery-limit` of quorum queues: a message that came back more often than this dies of `delivery_limit` (QQ-04).
 * What counts is 4.3's rule: a failed delivery and a lost consumer do, a plain requeue does not.
 */
import { integerArgument, type QueueArgument } from './queue-argument.js'

/** RabbitMQ's own default since 4.0; there was none before. */
const DEFAULT = 20

export const deliveryLimit: QueueArgument = {
  arguments: {
    'x-delivery-limit': {
      ...integerArgument(-1, 2 ** 31 - 1, 'failures; -1 = unlimited', ['quorum']),
      policy: { what: 'delivery limit', wins: 'least', operator: '3.10' },
    },
  },
  createHooks: (args, host) => {
    if (host.type !== 'quorum') return undefined
    const limit = (args['x-delivery-limit'] as number | undefined) ?? (host.compatibility === '3.10' ? -1 : DEFAULT)
    if (limit < 0) return undefined
    return { comesBack: (count) => (count > limit ? 'delivery_limit' : undefined) }
  },
}
