/** What the compiler knows of a topology: names, routing keys, and the bodies that reach each queue. */
import type { Arguments } from '../arguments.js'
import type { ExchangeTypeName } from './bus.js'
import type { AnyMessages, Exchange, ExchangeOptions } from './exchange.js'
import type { MatchingKeys } from './key-types.js'
import type { Queue } from './queue.js'
import type { QueueOptions } from './queue-options.js'
import type { InputOf, InputsOf, MessageSchemas, OutputOf, OutputsOf, StandardSchema } from './standard-schema.js'

/** An exchange of a topology. */
export interface TopologyExchange extends ExchangeOptions {
  /** Its type. */
  readonly type: ExchangeTypeName
}

/** A queue of a topology; its bindings stand beside the queues. */
export type TopologyQueue = Omit<QueueOptions, 'bindings'>

/** A binding of a topology. */
export interface TopologyBinding {
  /** The exchange that it starts at: one of the topology, or a predeclared `amq.…`. */
  readonly from: string
  /** The queue or exchange of the topology that it ends at. */
  readonly to: string
  /** The binding key. @default '' */
  readonly key?: string
  /** What a headers exchange matches. @default none */
  readonly arguments?: Arguments
  /** Which one `to` means. @default the queue of that name, else the exchange */
  readonly destinationKind?: 'queue' | 'exchange'
}

/** Exchanges by name. */
export type TopologyExchanges = Readonly<Record<string, TopologyExchange>>
/** Queues by name. */
export type TopologyQueues = Readonly<Record<string, TopologyQueue>>

/** Types of what an exchange of a topology delivers, by routing key. */
export type MessagesOf<Declared> = Declared extends { readonly messages: infer S extends MessageSchemas }
  ? OutputsOf<S>
  : Declared extends { readonly body: infer S extends StandardSchema }
    ? Record<string, OutputOf<S>>
    : AnyMessages

type PublishedTo<Declared> = Declared extends { readonly messages: infer S extends MessageSchemas }
  ? InputsOf<S>
  : Declared extends { readonly body: infer S extends StandardSchema }
    ? Record<string, InputOf<S>>
    : AnyMessages

type KeyOf<Declared> = Declared extends { readonly key: infer Key extends string } ? Key : ''
type TypeOf<Declared> = Declared extends { readonly type: infer Type extends string } ? Type : string

/** The bodies that come by one binding. */
type BodyBy<Exchanges, Declared> = Declared extends { readonly from: infer From extends keyof Exchanges }
  ? MessagesOf<Exchanges[From]> extends infer Messages
    ? Messages[MatchingKeys<keyof Messages & string, KeyOf<Declared>, TypeOf<Exchanges[From]>> & keyof Messages]
    : never
  : unknown

type BodyThrough<Exchanges, Bindings extends readonly unknown[], Name> = {
  [At in keyof Bindings]: Bindings[At] extends { readonly to: Name } ? BodyBy<Exchanges, Bindings[At]> : never
}[number]

type Known<Body> = [Body] extends [never] ? unknown : 0 extends 1 & Body ? unknown : Body

type QueueHandle<Declared, Exchanges, Bindings extends readonly unknown[], Name> = Declared extends {
  readonly body: infer S extends StandardSchema
}
  ? Queue<OutputOf<S>, unknown, InputOf<S>>
  : Queue<Known<BodyThrough<Exchanges, Bindings, Name>>>

/** The handles that `apply` answers, by name. */
export interface TopologyHandles<Exchanges, Queues, Bindings extends readonly unknown[]> {
  /** Of the exchanges. */
  readonly exchanges: {
    readonly [Name in keyof Exchanges]: MessagesOf<Exchanges[Name]> extends infer Messages extends object
      ? PublishedTo<Exchanges[Name]> extends infer Inputs extends object
        ? Exchange<Messages, TypeOf<Exchanges[Name]>, Inputs>
        : never
      : never
  }
  /** Of the queues. */
  readonly queues: { readonly [Name in keyof Queues]: QueueHandle<Queues[Name], Exchanges, Bindings, Name> }
}

/** A binding as it is, or with what is wrong with it in the place where it is wrong. */
export type CheckedBinding<Exchanges, Queues, Declared> = Declared extends {
  readonly from: infer From
  readonly to: infer To
}
  ? From extends keyof Exchanges | `amq.${string}`
    ? To extends keyof Exchanges | keyof Queues
      ? From extends keyof Exchanges
        ? CheckedKey<keyof MessagesOf<Exchanges[From]> & string, Declared, TypeOf<Exchanges[From]>>
        : Declared
      : { readonly from: From; readonly to: keyof Exchanges | keyof Queues; readonly key?: string }
    : { readonly from: keyof Exchanges; readonly to: To; readonly key?: string }
  : Declared

type CheckedKey<Keys, Declared, Type extends string> = [MatchingKeys<Keys, KeyOf<Declared>, Type>] extends [never]
  ? Omit<Declared, 'key'> & { readonly key: `no routing key of this exchange matches '${KeyOf<Declared>}'` }
  : Declared
