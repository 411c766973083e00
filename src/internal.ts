/** What the other entries of this package may use beside the public surface. It is not in the exports map. */
export { canonical, Double, fieldKind, isTable, NO_ARGUMENTS } from './arguments.js'
export { cloneBody, contentTypeOf, decodeBody, encodeBody } from './body.js'
export type { BrokerState } from './broker/broker-state.js'
export type { LocalSubscription } from './broker/local-subscription.js'
export type { QueueState } from './broker/queue-state.js'
export type {
  Declaring,
  Saying,
  TrackedQueue,
  TrackedThread,
  TrackedWire,
  Tracker,
} from './broker/services.js'
export type { VirtualHostState } from './broker/virtual-host-state.js'
export type {
  AmqpChannel,
  AmqpChannelListener,
  MethodId,
} from './channel/amqp-channel.js'
export type { AmqpConnection } from './channel/amqp-connection.js'
export type { Channel, ChannelListener, Connection, Subscription } from './channel/channel.js'
export type { ChannelDeliveries } from './channel/channel-deliveries.js'
export { LocalConnection } from './channel/connection.js'
export type { LocalChannel } from './channel/local-channel.js'
export { Unacked } from './channel/unacked.js'
export { PlatformClock } from './clock.js'
export { Condition } from './condition.js'
export { Fifo } from './data/fifo.js'
export { Heap } from './data/heap.js'
export type {
  BindingDeclaration,
  ConsumeOptions,
  ExchangeDeclaration,
  Outcome,
  QueueDeclaration,
  SubscriptionListener,
} from './declarations.js'
export type { Recipient } from './delivery.js'
export { Emitter } from './emitter.js'
export { BindingList } from './exchange-types/binding-list.js'
export { asTerm } from './exchange-types/headers.js'
export { matchWords, wordsOf } from './exchange-types/topic-words.js'
export { placed } from './handles/topology.js'
export { Wait } from './handles/wait.js'
export { builtIn, host, type Signal, type TimerHandle } from './host.js'
export * from './index.js'
export type {
  BindingDefinition,
  Definitions,
  ExchangeDefinition,
  GlobalParameterDefinition,
  ParameterDefinition,
  PermissionDefinition,
  PolicyDefinition,
  QueueDefinition,
  Section,
  SkippedDefinition,
  TopicPermissionDefinition,
  UserDefinition,
  VirtualHostDefinition,
  VirtualHostSection,
} from './local/definitions.js'
export { DefinitionsReader, type Entry, limitsOf, operatorPolicyOf, type Sections } from './local/definitions-reader.js'
export { loginAs, stateOf } from './local/instruments.js'
export { openConnection } from './local/open-connection.js'
export { fromDefinitions, toDefinitions } from './local/topology-definitions.js'
export { Message, NO_PROPERTIES } from './message.js'
export { describe } from './names.js'
export {
  boolean,
  type Check,
  type Checks,
  checkOptions,
  didYouMean,
  hintAt,
  integer,
  oneOf,
  signal,
  string,
} from './options.js'
export type { DeathReason, QueueHooks, WithheldConfirm } from './queue-arguments/queue-argument.js'
export { afterTurn, Scheduler, type Task } from './scheduler.js'
export { Timers } from './timers.js'
export type { Send } from './tracker.js'
