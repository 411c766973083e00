/** `x-max-priority` of classic queues: highest priority first, first-in first-out inside a level (PRI-01). */
import { type ArgumentReader, integerArgument, type QueueArgument } from './queue-argument.js'

const upTo255 = integerArgument(0, 255, '', ['classic'])

const maxPriority: ArgumentReader = {
  ...upTo255,
  check: (value) => (typeof value === 'number' && value > 255 ? `{max_value_exceeded,${value}}` : upTo255.check(value)),
}

export const priority: QueueArgument = {
  arguments: { 'x-max-priority': maxPriority },
  createHooks: (args) => {
    const highest = args['x-max-priority'] as number | undefined
    return highest === undefined ? undefined : { maxPriority: highest }
  },
}
