/** RabbitMQ's definitions: the JSON of `rabbitmqctl export_definitions` and of the management plug-in, as types. */
import type { Arguments } from '../arguments.js'
import type { PolicyTarget } from '../broker/policies.js'
import type { HashingAlgorithm } from '../host.js'

/** Definitions: of a whole broker, or of one virtual host, whose entries do not name it. */
export interface Definitions {
  /** Version of the broker that wrote them. */
  readonly rabbit_version?: string
  /** The same. */
  readonly rabbitmq_version?: string
  /** Who may log in. */
  readonly users?: readonly UserDefinition[]
  /** Virtual hosts. */
  readonly vhosts?: readonly VirtualHostDefinition[]
  /** What users may do in them. */
  readonly permissions?: readonly PermissionDefinition[]
  /** Keys that users may publish and bind with. */
  readonly topic_permissions?: readonly TopicPermissionDefinition[]
  /** Operator policies, the limits of virtual hosts, and what plug-ins keep. */
  readonly parameters?: readonly ParameterDefinition[]
  /** What plug-ins keep for the whole broker. */
  readonly global_parameters?: readonly GlobalParameterDefinition[]
  /** Policies. */
  readonly policies?: readonly PolicyDefinition[]
  /** Exchanges. */
  readonly exchanges?: readonly ExchangeDefinition[]
  /** Queues. */
  readonly queues?: readonly QueueDefinition[]
  /** Bindings. */
  readonly bindings?: readonly BindingDefinition[]
}

/** The sections that a broker in this process has something of. */
export type Section = Exclude<keyof Definitions, 'rabbit_version' | 'rabbitmq_version' | 'global_parameters'>

/** The sections of one virtual host. */
export type VirtualHostSection = 'exchanges' | 'queues' | 'bindings' | 'policies' | 'parameters'

/** A user in definitions. */
export interface UserDefinition {
  /** Its name. */
  readonly name: string
  /** Base64 of a salt and the hash of it and the password; '' lets nobody in. */
  readonly password_hash?: string
  /** The password in clear, in files that are written by hand. */
  readonly password?: string
  /** How it was hashed. */
  readonly hashing_algorithm?: HashingAlgorithm
  /** Such as `administrator`; one string with commas in old files. */
  readonly tags: readonly string[] | string
  /** Limits by RabbitMQ's names, such as `max-connections`. */
  readonly limits?: Arguments
}

/** A virtual host in definitions. */
export interface VirtualHostDefinition {
  /** Its name. */
  readonly name: string
  /** Limits, which are set by the parameter `vhost-limits`. */
  readonly limits?: unknown
  /** Description, tags and default queue type. */
  readonly metadata?: Arguments
  /** Whether the firehose is on. */
  readonly tracing?: boolean
}

/** Permissions in definitions. */
export interface PermissionDefinition {
  /** Name of the user. */
  readonly user: string
  /** Name of the virtual host. */
  readonly vhost: string
  /** What may be declared and deleted: a regular expression. */
  readonly configure: string
  /** What may be published to and bound. */
  readonly write: string
  /** What may be consumed and bound to. */
  readonly read: string
}

/** Topic permissions in definitions. */
export interface TopicPermissionDefinition {
  /** Name of the user. */
  readonly user: string
  /** Name of the virtual host. */
  readonly vhost: string
  /** Name of the exchange. */
  readonly exchange: string
  /** Routing keys: a regular expression. */
  readonly write: string
  /** Binding keys. */
  readonly read: string
}

/** A runtime parameter in definitions. */
export interface ParameterDefinition {
  /** Name of its virtual host. */
  readonly vhost?: string
  /** What it belongs to: `operator_policy`, `vhost-limits`, or a plug-in. */
  readonly component: string
  /** Its name. */
  readonly name: string
  /** Its value. */
  readonly value: unknown
}

/** A global runtime parameter in definitions. */
export interface GlobalParameterDefinition {
  /** Its name. */
  readonly name: string
  /** Its value. */
  readonly value: unknown
}

/** A policy in definitions. */
export interface PolicyDefinition {
  /** Its name. */
  readonly name: string
  /** Name of its virtual host. */
  readonly vhost?: string
  /** Which queues and exchanges: a regular expression. */
  readonly pattern: string
  /** What it is for. */
  readonly 'apply-to': PolicyTarget
  /** The highest one that matches counts. */
  readonly priority: number
  /** Keys and values. */
  readonly definition: Arguments
}

/** An exchange in definitions. */
export interface ExchangeDefinition {
  /** Its name. */
  readonly name: string
  /** Name of its virtual host. */
  readonly vhost?: string
  /** Name of its type. */
  readonly type: string
  /** Survives a restart. */
  readonly durable: boolean
  /** Goes with its last binding. */
  readonly auto_delete: boolean
  /** Takes messages from other exchanges only. */
  readonly internal: boolean
  /** Arguments by name. */
  readonly arguments: Arguments
}

/** A queue in definitions. */
export interface QueueDefinition {
  /** Its name. */
  readonly name: string
  /** Name of its virtual host. */
  readonly vhost?: string
  /** Its type, which is its argument `x-queue-type` again. */
  readonly type?: string
  /** Survives a restart. */
  readonly durable: boolean
  /** Goes with its last consumer. */
  readonly auto_delete: boolean
  /** Arguments by their `x-` names. */
  readonly arguments: Arguments
}

/** A binding in definitions. */
export interface BindingDefinition {
  /** The exchange that it starts at. */
  readonly source: string
  /** Name of its virtual host. */
  readonly vhost?: string
  /** What it ends at. */
  readonly destination: string
  /** What that is. */
  readonly destination_type: 'queue' | 'exchange'
  /** The binding key. */
  readonly routing_key: string
  /** What a headers exchange matches. */
  readonly arguments: Arguments
}

/** Something that an import left out, as this broker has no place for it. */
export interface SkippedDefinition {
  /** Where it stands, such as `definitions.parameters[2]`. */
  readonly path: string
  /** Its name, if it has one. */
  readonly name: string | undefined
  /** Why. */
  readonly reason: string
}
