/** What the other entries of this package may use beside the public surface. It is not in the exports map. */
export { NO_ARGUMENTS } from './arguments.js'
export type {
  AmqpChannel,
  AmqpChannelListener,
  ConsumeFlags,
  ExchangeFlags,
  GotMessage,
  MethodId,
  PublishFlags,
  QueueFlags,
} from './channel/amqp-channel.js'
export type { AmqpConnection, AmqpConnectionListener, AmqpConnectionSettings } from './channel/amqp-connection.js'
export { exchangeDeclaration } from './handles/exchange.js'
export { queueDeclaration } from './handles/queue-options.js'
export * from './index.js'
export { describe } from './names.js'
