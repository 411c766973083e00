/** leveret: a RabbitMQ that lives inside your process. */
export type { Arguments, Double, FieldValue } from './arguments.js'
export type { BodyMode } from './body.js'
export type {
  AlarmEvent,
  AlarmResource,
  BacklogEvent,
  BindingEvent,
  BrokerEventName,
  BrokerEvents,
  ConnectionEvent,
  ConsumerEvent,
  ExchangeCreatedEvent,
  FaultEvent,
  LimitsEvent,
  MessageEvent,
  MessageEventName,
  NamedEvent,
  PermissionCreatedEvent,
  PermissionEvent,
  PolicyEvent,
  QueueCreatedEvent,
  QueueDeletedEvent,
  TopicPermissionCreatedEvent,
  UserEvent,
  VirtualHostEvent,
} from './broker/events.js'
export type {
  AlternateVerdict,
  ExplainedBinding,
  ExplainedDeadLetter,
  ExplainedExchange,
  ExplainedKey,
  ExplainedOutcome,
  ExplainedQueue,
  KeyVerdict,
  NearMiss,
} from './broker/explain.js'
export type { QueueForecast, QueueOutcome, WaitingReason } from './broker/foresee.js'
export type { Policy, PolicyTarget } from './broker/policies.js'
export type { PublishStats } from './broker/publishing.js'
export type { Permissions, TopicPermissions, UserLimits } from './broker/users.js'
export type { Clock } from './clock.js'
export type { Compatibility, QueueInfo, QueueStats } from './declarations.js'
export { Delivery, type Settlement, type Settler } from './delivery.js'
export * from './errors.js'
export type {
  Destination,
  ExchangeType,
  RoutedBinding,
  Router,
  RouterContext,
  RouteSink,
} from './exchange-types/exchange-type.js'
export type {
  BindingReason,
  BindingVerdict,
  HeadersReason,
  HeaderVerdict,
  KeyReason,
  Nearness,
  OtherReason,
  PatternWord,
  WordsReason,
} from './exchange-types/verdict.js'
export { Batch } from './handles/batch.js'
export { Batches, type BatchOptions, type RunBatchesOptions } from './handles/batches.js'
export type { BindingKey, BodyOf } from './handles/binding-key.js'
export { Bus, type ExchangeTypeName, type UncheckedExchangeOptions } from './handles/bus.js'
export { type CloseConsumerOptions, Consumer, type ConsumerEvents, type ConsumerOptions } from './handles/consumer.js'
export {
  type AnyMessages,
  type AnyType,
  type DeleteExchangeOptions,
  Exchange,
  type ExchangeOptions,
} from './handles/exchange.js'
export type { GetOptions } from './handles/get.js'
export type { CheckedPattern, MatchingKeys } from './handles/key-types.js'
export type { MoveOptions, MoveResult } from './handles/move.js'
export {
  type DrainedOptions,
  ExchangeProducer,
  Producer,
  type ProducerEvents,
  QueueProducer,
} from './handles/producer.js'
export type { PublishOptions, SendOptions } from './handles/publish-options.js'
export { type DeleteQueueOptions, Queue } from './handles/queue.js'
export type { AnyBody, QueueOptions, RetryOptions } from './handles/queue-options.js'
export type { RequestManyOptions } from './handles/reply-parts.js'
export type { RequestOptions } from './handles/request.js'
export { Requester, type RequesterEvents, type StrayReply } from './handles/requester.js'
export type { RespondOptions, ResponseHandler } from './handles/responder.js'
export type { RunOptions } from './handles/runner.js'
export {
  body,
  type InputOf,
  type InputsOf,
  type MessageSchemas,
  type OutputOf,
  type OutputsOf,
  type SchemaFailure,
  type SchemaResult,
  type SchemaSuccess,
  type SchemaTypes,
  type StandardSchema,
} from './handles/standard-schema.js'
export { defineTopology, Topology, type TopologyDifference, type TopologyValue } from './handles/topology.js'
export type {
  TopologyBinding,
  TopologyExchange,
  TopologyExchanges,
  TopologyHandles,
  TopologyQueue,
  TopologyQueues,
} from './handles/topology-types.js'
export type { BodyWriter, WritableBodies, WritableOptions } from './handles/writable.js'
export type { AbortSignalLike, Awaitable, HashingAlgorithm, Signal, TimerHandle } from './host.js'
export { Broker } from './local/broker.js'
export type { BrokerOptions, ConnectOptions } from './local/broker-options.js'
export type { CloseBrokerOptions, ClosedBroker } from './local/closing.js'
export { type ExplainOptions, Explanation } from './local/explanation.js'
export type { BrokerOverview, ConsumerInfo, ExchangeInfo, QueueDetails, VirtualHostOverview } from './local/overview.js'
export type {
  PermissionInfo,
  PermissionOptions,
  TopicPermissionInfo,
  TopicPermissionOptions,
  UserInfo,
  UserOptions,
} from './local/user-options.js'
export { type PolicyOptions, VirtualHost, type VirtualHostLimits } from './local/virtual-host.js'
export type { Message, MessageProperties } from './message.js'
export type { DeathReason, LimitForecast } from './queue-arguments/queue-argument.js'
