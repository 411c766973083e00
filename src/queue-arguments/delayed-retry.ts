/**
 * `x-delayed-retry-type`, `-min`, `-max` of quorum queues (RabbitMQ 4.3): a message that comes back waits for
 * min(min x count, max) before it can be delivered again (QQ-10).
 */
import type { Settlement } from '../delivery.js'
import { TEN_YEARS } from '../time.js'
import { integerArgument, type QueueArgument, wordArgument } from './queue-argument.js'

/** Which returns wait: failed ones (`retry`, a lost consumer), plain requeues, all, or none. */
export type DelayedRetryType = 'disabled' | 'all' | 'failed' | 'returned'

export const delayedRetry: QueueArgument = {
  arguments: {
    'x-delayed-retry-type': {
      ...wordArgument(['disabled', 'all', 'failed', 'returned'], 'invalid_delayed_retry_type', ['quorum']),
      policy: { what: 'delayed retry type', since: '4.3' },
    },
    'x-delayed-retry-min': {
      ...integerArgument(1, TEN_YEARS, 'ms', ['quorum']),
      policy: { what: 'delayed retry min', since: '4.3' },
    },
    'x-delayed-retry-max': {
      ...integerArgument(1, TEN_YEARS, 'ms', ['quorum']),
      policy: { what: 'delayed retry max', since: '4.3' },
    },
  },
  validate: (args) => {
    const { 'x-delayed-retry-type': type, 'x-delayed-retry-min': min, 'x-delayed-retry-max': max } = args
    if (type !== undefined && type !== 'disabled' && min === undefined) {
      return ['x-delayed-retry-type', 'delayed_retry_but_no_min_defined', 'it needs delayedRetryMin']
    }
    if (min !== undefined && (type === undefined || type === 'disabled')) {
      return ['x-delayed-retry-min', 'delayed_retry_min_but_no_type_defined', 'it needs delayedRetryType']
    }
    if (max !== undefined && (min === undefined || Number(max) < Number(min))) {
      return [
        'x-delayed-retry-max',
        min === undefined ? 'delayed_retry_max_but_no_min_defined' : 'delayed_retry_max_below_min',
        'it needs delayedRetryMin, and must not be less',
      ]
    }
    return undefined
  },
  createHooks: (args) => {
    const type = args['x-delayed-retry-type'] as DelayedRetryType | undefined
    const min = args['x-delayed-retry-min'] as number | undefined
    // n.b. a declaration has both or none; what a policy leaves out is not checked, and then nothing waits.
    if (type === undefined || type === 'disabled' || min === undefined) return undefined
    const max = (args['x-delayed-retry-max'] as number | undefined) ?? Number.POSITIVE_INFINITY
    return {
      backsOff: type !== 'returned',
      comesBack: (count, how) => (waits(type, how) ? Math.min(min * Math.max(1, count), max) : undefined),
    }
  },
}

function waits(type: DelayedRetryType, how: Settlement): boolean {
  return type === 'all' || (type === 'failed') === (how === 'retry')
}
