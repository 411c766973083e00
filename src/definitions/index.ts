/**
 * `leveret/definitions`: RabbitMQ's definitions, the JSON of `rabbitmqctl export_definitions` and of the management plug-in,
 * into a broker and out of it, compared with one, and as topologies.
 */
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
} from '../internal.js'
export { fromDefinitions, toDefinitions } from '../internal.js'
export { type DefinitionDifference, type DiffOptions, diffDefinitions } from './diff.js'
export { type ExportOptions, exportDefinitions } from './export.js'
export { type ImportedDefinitions, type ImportOptions, importDefinitions } from './import.js'
