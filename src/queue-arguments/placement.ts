/**
 * Arguments that say where and how RabbitMQ stores a queue. They are checked and compared on redeclare as there, so that
 * one declaration serves both, and have nothing to act on in a broker of one process with messages in memory.
 */
import { type ArgumentReader, integerArgument, type QueueArgument, wordArgument } from './queue-argument.js'

const modes = wordArgument(['default', 'lazy'], '', ['classic'])
const queueMode: ArgumentReader = {
  ...modes,
  check: (value) => {
    const detail = modes.check(value)
    return detail === '' ? `"unsupported queue mode '${String(value)}'"` : detail
  },
  policy: { what: 'queue-mode value' },
}

const versions = integerArgument(1, 2, '', ['classic'])
const queueVersion: ArgumentReader = {
  ...versions,
  check: (value) => {
    const detail = versions.check(value)
    return detail?.startsWith('{') ? `"unsupported queue version '${String(value)}'"` : detail
  },
  // n.b. on a quorum queue it is taken, and nothing (POL-04).
  policy: { what: 'queue-version value', operator: '4.3', types: ['classic', 'quorum'] },
}

export const placement: QueueArgument = {
  arguments: {
    'x-queue-mode': queueMode,
    'x-queue-version': queueVersion,
    'x-quorum-initial-group-size': integerArgument(1, Number.MAX_SAFE_INTEGER, 'replicas', ['quorum']),
    'x-queue-leader-locator': {
      // n.b. the last two are deprecated, and taken as 'balanced' is.
      ...wordArgument(['client-local', 'balanced', 'random', 'least-leaders'], 'invalid_queue_locator_arg'),
      policy: { what: 'queue leader locator value', types: ['quorum'] },
    },
  },
  createHooks: () => undefined,
}
