/** `x-message-ttl`: how long messages may wait (TTL-01). Expiry itself, at the head only, is the queue's. */

import { TEN_YEARS } from '../time.js'
import { integerArgument, type QueueArgument } from './queue-argument.js'

export const messageTtl: QueueArgument = {
  arguments: {
    'x-message-ttl': {
      ...integerArgument(0, TEN_YEARS, 'ms'),
      policy: { what: 'message TTL', wins: 'least', operator: '3.10' },
    },
  },
  createHooks: (args) => {
    const ttl = args['x-message-ttl'] as number | undefined
    return ttl === undefined ? undefined : { timeToLive: ttl }
  },
}
