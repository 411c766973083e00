/** `x-single-active-consumer`: one consumer at a time gets messages, the others wait for their turn (CON-17). */
import { booleanArgument, type QueueArgument } from './queue-argument.js'

export const singleActiveConsumer: QueueArgument = {
  arguments: { 'x-single-active-consumer': booleanArgument() },
  createHooks: (args) => (args['x-single-active-consumer'] === true ? { singleActiveConsumer: true } : undefined),
}
