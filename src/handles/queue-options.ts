/** Options of queues: RabbitMQ's arguments in camelCase, and the two shorthands that stand for several of them. */
import { type Arguments, NO_ARGUMENTS, optionName } from '../arguments.js'
import type { QueueDeclaration } from '../declarations.js'
import { InvalidOptionError } from '../errors.js'
import { describe } from '../names.js'
import { boolean, type Checks, checkOptions, integer, string, table, unknownOption } from '../options.js'
import { TEN_YEARS } from '../time.js'
import { ArgumentTable } from './argument-table.js'
import type { BindingKey } from './binding-key.js'
import { type StandardSchema, schema } from './standard-schema.js'

/**
 * Attempts and backoff of failed deliveries: a shorthand for a quorum queue with a delivery limit and RabbitMQ 4.3's delayed
 * retry. With `deadLetter`, what failed every attempt ends there.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 *
 * const bus = new Broker().virtualHost('/')
 * const retry = { attempts: 5, minDelay: 1_000, maxDelay: 30_000 } // waits 1 s, 2 s, 3 s, 4 s
 * await bus.declareQueue('mails', { retry, deadLetter: 'mails.dead' })
 * ```
 */
export interface RetryOptions {
  /** Deliveries that a message gets before it is dead, 1 to 2,147,483,647 (`x-delivery-limit` = attempts - 1). */
  readonly attempts: number
  /**
   * Milliseconds before the second attempt, 1 to 315,360,000,000; the n-th failure waits n times as long
   * (`x-delayed-retry-min`).
   * @default no delay of the queue: its consumer holds a failed delivery for 100 ms times its attempts
   */
  readonly minDelay?: number
  /**
   * The longest wait in milliseconds, `minDelay` to 315,360,000,000 (`x-delayed-retry-max`).
   * @default no bound
   */
  readonly maxDelay?: number
}

/** Bodies of any type. */
// biome-ignore lint/suspicious/noExplicitAny: options that say nothing of bodies fit every queue
export type AnyBody = any

/**
 * How a queue is declared. What is left out has RabbitMQ's default, but for `durable`. Every argument has its camelCase
 * option here and may be given by its `x-` name in `arguments` as well; a value that its reader refuses throws
 * `PreconditionFailedError` with RabbitMQ's text, an option that does not exist `UnknownOptionError`.
 */
export interface QueueOptions<Body = AnyBody> {
  /**
   * `'classic'` or `'quorum'` (`x-queue-type`).
   * @default 'classic'; 'quorum' with `retry`
   */
  readonly type?: 'classic' | 'quorum'
  /**
   * Survives a restart, on engines where anything does; part of redeclare equivalence everywhere.
   * @default true
   */
  readonly durable?: boolean
  /**
   * Only this bus may use the queue, and it goes with the bus (Q-13, Q-15). Classic queues only.
   * @default false
   */
  readonly exclusive?: boolean
  /**
   * The queue goes when its last consumer does (Q-17). Classic queues only.
   * @default false
   */
  readonly autoDelete?: boolean
  /** Milliseconds that a message may wait, 0 to 315,360,000,000 (`x-message-ttl`, TTL-01). @default no limit */
  readonly messageTtl?: number
  /** Milliseconds after which the unused queue is deleted, 1 to 315,360,000,000 (`x-expires`, TTL-13). @default never */
  readonly expires?: number
  /** Messages that the queue holds, ready or waiting for a retry (`x-max-length`, LEN-01). @default no limit */
  readonly maxLength?: number
  /** Bytes of the bodies of those messages (`x-max-length-bytes`, LEN-01). @default no limit */
  readonly maxLengthBytes?: number
  /**
   * What happens to a message too many (`x-overflow`, LEN-03 to LEN-09): the oldest is dropped, the publish is refused,
   * refused and dead-lettered (classic queues only), or taken while its publisher waits until there is room (`'block'`,
   * leveret's own, which needs a limit).
   * @default 'drop-head'
   */
  readonly overflow?: 'drop-head' | 'reject-publish' | 'reject-publish-dlx' | 'block'
  /** Exchange that dead messages are published to, '' for the default one (`x-dead-letter-exchange`). @default none */
  readonly deadLetterExchange?: string
  /**
   * Routing key of dead letters (`x-dead-letter-routing-key`); needs a dead-letter exchange.
   * @default the keys that the message had
   */
  readonly deadLetterRoutingKey?: string
  /** RabbitMQ's `x-dead-letter-strategy`; in one process dead-letter queues confirm at once either way. Quorum queues. */
  readonly deadLetterStrategy?: 'at-most-once' | 'at-least-once'
  /**
   * Queue for dead messages: stands for `deadLetterExchange: ''` and it as the key. It is declared, durable and classic, if
   * it is missing.
   * @default none: dead messages are dropped
   */
  readonly deadLetter?: string
  /** Attempts and backoff of failed deliveries; makes a quorum queue. @default none */
  readonly retry?: RetryOptions
  /**
   * Failed deliveries that a message survives, to 2,147,483,647; -1 = all (`x-delivery-limit`, QQ-04). Quorum queues.
   * @default 20
   */
  readonly deliveryLimit?: number
  /** Which returns wait before they come again (`x-delayed-retry-type`, QQ-10). Quorum queues. @default 'disabled' */
  readonly delayedRetryType?: 'disabled' | 'all' | 'failed' | 'returned'
  /**
   * Milliseconds that the first return waits, 1 to 315,360,000,000; the n-th waits n times as long (`x-delayed-retry-min`).
   * Quorum queues with a `delayedRetryType`, which needs it.
   */
  readonly delayedRetryMin?: number
  /** The longest wait of a return in milliseconds, from the shortest up (`x-delayed-retry-max`). @default no bound */
  readonly delayedRetryMax?: number
  /**
   * Highest priority told apart, 0 to 255; 0 acts as 1 (`x-max-priority`, PRI-01). Classic queues.
   * @default no priorities: order of arrival
   */
  readonly maxPriority?: number
  /** One consumer at a time gets messages (`x-single-active-consumer`, CON-17). @default false */
  readonly singleActiveConsumer?: boolean
  /**
   * Milliseconds, 1 to 315,360,000,000, after which a consumer that has not settled a delivery is cancelled
   * (`x-consumer-timeout`, CON-20). Quorum queues.
   * @default never
   */
  readonly consumerTimeout?: number
  /** RabbitMQ's storage mode (`x-queue-mode`); compared on redeclare, without effect in memory. Classic queues. */
  readonly queueMode?: 'default' | 'lazy'
  /** RabbitMQ's storage version (`x-queue-version`); compared on redeclare, without effect in memory. Classic queues. */
  readonly queueVersion?: 1 | 2
  /** RabbitMQ's replica count, 1 and up (`x-quorum-initial-group-size`); without effect in one process. Quorum queues. */
  readonly quorumInitialGroupSize?: number
  /** RabbitMQ's placement (`x-queue-leader-locator`); without effect in one process. */
  readonly queueLeaderLocator?: 'client-local' | 'balanced'
  /** Bindings that the queue gets when it is declared: `exchange.key(pattern)` makes them. @default none */
  readonly bindings?: readonly BindingKey<Body>[]
  /**
   * Schema of the bodies: checked when they are published and when they are consumed by this handle. Of the handle, not of
   * the queue.
   * @default none
   */
  readonly body?: StandardSchema
  /** Arguments by their `x-` names. An argument given here and as an option must be the same. @default none */
  readonly arguments?: Arguments
}

const CHECKS: Checks = {
  type: string,
  durable: boolean,
  exclusive: boolean,
  autoDelete: boolean,
  deadLetter: string,
  retry: table,
  body: schema,
  bindings: (value) => (Array.isArray(value) ? undefined : 'an array of exchange.key(…)'),
  arguments: table,
}

const RETRY_CHECKS: Checks = {
  attempts: integer(1, 2 ** 31 - 1, 'deliveries'),
  minDelay: integer(1, TEN_YEARS, 'ms'),
  maxDelay: integer(1, TEN_YEARS, 'ms'),
}

/**
 * The declaration that the options stand for.
 * `known` are the engine's arguments; undefined when it cannot tell.
 * @throws UnknownOptionError, InvalidOptionError.
 */
export function queueDeclaration(
  name: string,
  options: QueueOptions | undefined,
  known: readonly string[] | undefined,
): QueueDeclaration {
  const what = `declareQueue('${name}')`
  if (options === undefined)
    return { name, durable: true, exclusive: false, autoDelete: false, arguments: NO_ARGUMENTS }
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(`${what}: expected an options object, got ${describe(options)}`)
  }
  const own: Record<string, unknown> = {}
  const args = new ArgumentTable(what, options.arguments)
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (Object.hasOwn(CHECKS, option)) own[option] = value
    else args.set(argumentName(what, option, known), value, option)
  }
  checkOptions(what, own, CHECKS)
  if (options.type !== undefined) args.set('x-queue-type', options.type, 'type')
  if (options.retry !== undefined) addRetry(what, options.retry, args)
  if (options.deadLetter !== undefined) {
    args.set('x-dead-letter-exchange', '', 'deadLetter')
    args.set('x-dead-letter-routing-key', options.deadLetter, 'deadLetter')
  }
  const { durable = true, exclusive = false, autoDelete = false } = options
  return { name, durable, exclusive, autoDelete, arguments: args.table }
}

function addRetry(what: string, retry: RetryOptions, args: ArgumentTable): void {
  checkOptions(`${what}: retry`, retry, RETRY_CHECKS)
  const { attempts, minDelay, maxDelay } = retry
  if (attempts === undefined)
    throw new InvalidOptionError(`${what}: retry needs 'attempts', the deliveries of a message`)
  if (maxDelay !== undefined && (minDelay === undefined || maxDelay < minDelay)) {
    throw new InvalidOptionError(
      `${what}: retry.maxDelay must be at least retry.minDelay, got ${maxDelay} and ${minDelay}`,
    )
  }
  args.set('x-queue-type', 'quorum', 'retry')
  args.set('x-delivery-limit', attempts - 1, 'retry')
  if (minDelay === undefined) return
  args.set('x-delayed-retry-type', 'failed', 'retry')
  args.set('x-delayed-retry-min', minDelay, 'retry')
  if (maxDelay !== undefined) args.set('x-delayed-retry-max', maxDelay, 'retry')
}

/** `messageTtl` is `x-message-ttl`. */
function argumentName(what: string, option: string, known: readonly string[] | undefined): string {
  const name = `x-${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  if (known === undefined) return name
  // n.b. the type of a queue has a spelling of its own.
  const options = known.filter((argument) => argument !== 'x-queue-type').map(optionName)
  if (options.includes(option)) return name
  throw unknownOption(what, option, [...Object.keys(CHECKS), ...options])
}
