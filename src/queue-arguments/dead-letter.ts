/**
 * `x-dead-letter-exchange`, `x-dead-letter-routing-key`: where messages go that were rejected, expired, dropped or failed
 * too often. The exchange need not exist yet: it is looked up when a message dies (DLX-02).
 */
import { fieldKind } from '../arguments.js'
import { type ArgumentReader, type QueueArgument, stringArgument, wordArgument } from './queue-argument.js'

const deadLetterExchange: ArgumentReader = {
  types: ['classic', 'quorum'],
  expected: 'the name of an exchange',
  // n.b. the one argument whose wrong type RabbitMQ words as a sentence of its own (QA-09).
  check: (value) => (typeof value === 'string' ? undefined : `invalid type '${fieldKind(value)}'`),
  policy: { what: 'dead letter exchange name' },
}

export const deadLetter: QueueArgument = {
  arguments: {
    'x-dead-letter-exchange': deadLetterExchange,
    'x-dead-letter-routing-key': { ...stringArgument(), policy: { what: 'dead letter routing key' } },
    // at-least-once keeps a message until the dead-letter queues confirmed it; in one process they do so at once.
    'x-dead-letter-strategy': {
      ...wordArgument(['at-most-once', 'at-least-once'], 'invalid_dlx_strategy', ['quorum']),
      policy: { what: 'dead letter strategy' },
    },
  },
  validate: (args) =>
    args['x-dead-letter-routing-key'] !== undefined && args['x-dead-letter-exchange'] === undefined
      ? ['x-dead-letter-routing-key', 'routing_key_but_no_dlx_defined', 'it needs deadLetterExchange']
      : undefined,
  createHooks: (args) => {
    const exchange = args['x-dead-letter-exchange'] as string | undefined
    if (exchange === undefined) return undefined
    return { deadLetter: { exchange, routingKey: args['x-dead-letter-routing-key'] as string | undefined } }
  },
}
