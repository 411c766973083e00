/**
 * Arguments that say where and how RabbitMQ stores a queue. They are checked and compared on redeclare as there, so that
 * one declaration serves both, and have nothing to act on in a broker of one process with messages in memory.
 */
import { type ArgumentReader, integerArgument, type QueueArgument, wordArgument } from './queue-argument.js'

const queueMode: ArgumentReader = {
  ...wordArgument(['default', 'lazy'], '', ['classic']),
  check: (value) =>
    value === 'default' || value === 'lazy' ? undefined : `"unsupported queue mode '${String(value)}'"`,
  policy: { what: 'queue-mode value' },
}

const queueVersion: ArgumentReader = {
  ...integerArgument(1, 2, '', ['classic']),
  check: (value) => (value === 1 || value === 2 ? undefined : `"unsupported queue version '${String(value)}'"`),
  // n.b. on a quorum queue it is taken, and nothing (POL-04).
  policy: { what: 'queue-version value', operator: '4.3', types: ['classic', 'quorum'] },
}

export const placement: QueueArgument = {
  arguments: {
    'x-queue-mode': queueMode,
    'x-queue-version': queueVersion,
    'x-quorum-initial-group-size': integerArgument(1, Number.MAX_SAFE_INTEGER, 'replicas', ['quorum']),
    'x-queue-leader-locator': {
      ...wordArgument(['client-local', 'balanced'], 'invalid_queue_leader_locator'),
      policy: { what: 'queue leader locator value', types: ['quorum'] },
    },
  },
  createHooks: () => undefined,
}
