/** What the other entries of this package may use beside the public surface. It is not in the exports map. */
export { canonical, fieldKind, isTable, NO_ARGUMENTS } from './arguments.js'
export { contentTypeOf, encodeBody } from './body.js'
export type {
  AmqpChannel,
  AmqpChannelListener,
  MethodId,
} from './channel/amqp-channel.js'
export type { AmqpConnection } from './channel/amqp-connection.js'
export type { Channel } from './channel/channel.js'
export { BindingList } from './exchange-types/binding-list.js'
export { asTerm } from './exchange-types/headers.js'
export { exchangeDeclaration } from './handles/exchange.js'
export { queueDeclaration } from './handles/queue-options.js'
export { placed } from './handles/topology.js'
export { host } from './host.js'
export * from './index.js'
export { openConnection } from './local/open-connection.js'
export { Message } from './message.js'
export { describe } from './names.js'
export { boolean, type Checks, checkOptions, hintAt, oneOf, string } from './options.js'
