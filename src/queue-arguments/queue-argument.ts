/**
 * The contract of a queue argument: what an `x-` argument accepts, and what it does to a queue. One file here and one
 * line in `registry.ts` add an argument; validation, redeclare equivalence, did-you-mean and the camelCase spelling of
 * the option follow from it.
 */
import { type Arguments, fieldKind } from '../arguments.js'
import type { Compatibility } from '../declarations.js'
import type { Delivery, Settlement } from '../delivery.js'
import type { Message } from '../message.js'
import type { Timer, Timers } from '../timers.js'

/** The two types of queue. */
export type QueueType = 'classic' | 'quorum'

/** Why a message dies (`reason` in `x-death`, DLX-01). */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit'

/** Checks a value: undefined when it is fine, else RabbitMQ's detail, such as `{value_negative,-1}`. */
export type ArgumentCheck = (value: unknown) => string | undefined

/** What policies may say of an argument, under its name without `x-`. */
export interface PolicyKey {
  /** Ends RabbitMQ's words about a wrong value: `-1 is not a valid maximum length`. */
  readonly what: string
  /** Which counts where a queue has an argument as well (POL-11): the lesser, or the policy. @default the argument */
  readonly wins?: 'least' | 'policy-on-quorum'
  /** The first version whose policies have it. @default '3.10' */
  readonly since?: Compatibility
  /** The first version whose operator policies have it. @default none */
  readonly operator?: Compatibility
  /** Types of queue that a policy with it matches. @default those of the argument */
  readonly types?: readonly QueueType[]
  /** Where policies may not have every value. @default as the argument's */
  readonly check?: ArgumentCheck
}

/** One `x-` argument. */
export interface ArgumentReader {
  /** Types of queue that have it. */
  readonly types: readonly QueueType[]
  readonly check: ArgumentCheck
  /** What is right, in words, for the error message. */
  readonly expected: string
  /** How a policy sets it; absent where none can (POL-12). */
  readonly policy?: PolicyKey
}

/** What a length limit would do about one message more. */
export interface LimitForecast {
  /** `x-max-length`, where there is one. */
  readonly maxLength?: number
  /** `x-max-length-bytes`, where there is one. */
  readonly maxLengthBytes?: number
  /** What the queue does with a message too many. */
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx' | 'block'
  /** True when one more ready message is too many. A message that a consumer is given at once is none. */
  readonly full: boolean
  /** With `drop-head`: how many messages leave from the head, this one among them should they be more than `ahead`. */
  readonly drops: number
}

/** A confirm that waits until a full queue has room. */
export interface WithheldConfirm {
  /** False once it was given, or its channel is gone. */
  readonly open?: boolean
  release(): void
}

/** What an argument may see of its queue and do to it. */
export interface ArgumentHost {
  readonly name: string
  readonly type: QueueType
  /** Ready messages. */
  readonly ready: number
  /** Parked messages: they wait for their next attempt, and count towards limits. */
  readonly delayed: number
  readonly consumerCount: number
  readonly timers: Timers
  readonly compatibility: Compatibility
  /** The ready messages in the order in which they would leave. */
  messages(): Iterable<Message>
  /** The parked messages. */
  parked(): Iterable<Message>
  /** The head leaves the queue and dies (`maxlen`). Only when there is one. */
  dropHead(): void
  /** Dead-letters a message that never entered the queue. */
  deadLetterRefused(message: Message): void
  /** Deletes the queue, as `expires` does. */
  expire(): void
  /** The deliveries that are out. */
  readonly holders: {
    /** Takes back every delivery assigned before this time and cancels the consumers that held them. */
    timeOut(assignedBefore: number, timeout: number): void
    /** Time at which the oldest delivery still out was assigned; undefined when none is. */
    oldestAssigned(): number | undefined
  }
}

/** What a queue calls. Absent hooks cost nothing. All are synchronous and call no user code. */
export interface QueueHooks {
  /** Milliseconds a message may wait in the queue. */
  readonly timeToLive?: number
  /** True when the size of bodies has to be known before they are enqueued. */
  readonly measures?: boolean
  /** Highest priority that the queue tells apart. */
  readonly maxPriority?: number
  /** True when one consumer at a time gets messages. */
  readonly singleActiveConsumer?: boolean
  /** True when deliveries must note when they were assigned. */
  readonly timesDeliveries?: boolean
  /** True when a failed delivery waits before it comes again. */
  readonly backsOff?: boolean
  /** Where dead messages go. */
  readonly deadLetter?: { readonly exchange: string; readonly routingKey: string | undefined }
  /** Asked before a publish is taken. False refuses it. */
  admit?(message: Message): boolean
  /**
   * What a limit would do about this message, were it to stand behind `ahead` ready ones; changes nothing. Where a hook has
   * `admit` and not this, `virtualHost.explain` asks `admit`, which then must change nothing either.
   */
  foresee?(message: Message, ahead: number): LimitForecast
  /** A message became ready, or was parked. True withholds the publisher's confirm; `withhold` then follows. */
  stored?(message: Message): boolean
  /** A parked message became ready. */
  unparked?(): void
  /** Takes the confirm of the publish that `stored` just answered true for. */
  withhold?(confirm: WithheldConfirm): void
  /** A ready message left: assigned, expired, dropped or purged. */
  removed?(message: Message): void
  /** A delivery comes back for the `count`th time that counts. `'delivery_limit'` kills it, a number parks it for so many ms. */
  comesBack?(count: number, how: Settlement): 'delivery_limit' | number | undefined
  /** A delivery is being assigned; called only with `timesDeliveries`. */
  assigned?(now: number, delivery: Delivery): void
  /** The number of consumers changed. */
  consumersChanged?(): void
  /** The queue was declared or asked for a message. */
  used?(): void
  /**
   * A policy made these the hooks of a queue that was there before, with messages in it. `former` are those that did the
   * same until now, if any, made of `args`; `dispose` of theirs follows.
   */
  takeOver?(former: QueueHooks | undefined, args: Arguments): void
  /** The queue is gone, or a policy took the hooks away. */
  dispose?(): void
}

/** A behaviour of queues and the arguments it owns. */
export interface QueueArgument {
  /** Its arguments by name. */
  readonly arguments: Readonly<Record<`x-${string}`, ArgumentReader>>
  /**
   * Checks across arguments, after each was checked by itself: the argument at fault, RabbitMQ's detail, and what helps.
   * `lenient` lets pass what RabbitMQ takes and does not act on.
   */
  validate?(args: Arguments, lenient: boolean): readonly [argument: string, detail: string, hint: string] | undefined
  /** Makes the hooks of a new queue; undefined when its arguments ask for nothing. */
  createHooks(args: Arguments, host: ArgumentHost): QueueHooks | undefined
}

export type { Timer }

const ANY: readonly QueueType[] = ['classic', 'quorum']

/** An integer argument; the details are RabbitMQ's (Q-28). */
export function integerArgument(least: number, most: number, unit: string, types = ANY): ArgumentReader {
  return {
    types,
    expected: `an integer from ${least} to ${most}${unit === '' ? '' : ` (${unit})`}`,
    check: (value) => {
      if (typeof value !== 'number' || !Number.isInteger(value)) return `"expected integer, got ${fieldKind(value)}"`
      if (value < least) return value < 0 ? `{value_negative,${value}}` : `{value_zero,${value}}`
      return value > most ? `{value_too_large,${value}}` : undefined
    },
  }
}

/** A string argument with a closed list of values. */
export function wordArgument(words: readonly string[], detail: string, types = ANY): ArgumentReader {
  return {
    types,
    expected: `one of ${words.map((word) => `'${word}'`).join(', ')}`,
    check: (value) => {
      if (typeof value !== 'string') return `{unacceptable_type,${fieldKind(value)}}`
      return words.includes(value) ? undefined : detail
    },
  }
}

/** A string argument. */
export function stringArgument(types = ANY): ArgumentReader {
  return {
    types,
    expected: 'a string',
    check: (value) => (typeof value === 'string' ? undefined : `{unacceptable_type,${fieldKind(value)}}`),
  }
}

/** A true-or-false argument. */
export function booleanArgument(types = ANY): ArgumentReader {
  return {
    types,
    expected: 'true or false',
    check: (value) => (typeof value === 'boolean' ? undefined : `{unacceptable_type,${fieldKind(value)}}`),
  }
}
