/** The queue arguments that there are, one line each. */
import { type Arguments, fieldKind, optionName } from '../arguments.js'
import { InvalidOptionError, PreconditionFailedError } from '../errors.js'
import { unknownOption } from '../options.js'
import { consumerTimeout } from './consumer-timeout.js'
import { deadLetter } from './dead-letter.js'
import { delayedRetry } from './delayed-retry.js'
import { deliveryLimit } from './delivery-limit.js'
import { expires } from './expires.js'
import { lengthLimit } from './length-limit.js'
import { messageTtl } from './message-ttl.js'
import { placement } from './placement.js'
import { priority } from './priority.js'
import type { ArgumentReader, QueueArgument, QueueType } from './queue-argument.js'
import { singleActiveConsumer } from './single-active-consumer.js'

export const BUILT_IN_QUEUE_ARGUMENTS: readonly QueueArgument[] = [
  messageTtl,
  expires,
  lengthLimit,
  deadLetter,
  deliveryLimit,
  delayedRetry,
  priority,
  singleActiveConsumer,
  consumerTimeout,
  placement,
]

/** RabbitMQ's arguments that have nothing to act on here, and the types of queue that take them. */
const ELSEWHERE: Readonly<Record<string, readonly QueueType[]>> = {
  'x-max-age': [],
  'x-stream-max-segment-size-bytes': [],
  'x-initial-cluster-size': [],
  'x-max-in-memory-length': ['quorum'],
  'x-max-in-memory-bytes': ['quorum'],
  'x-queue-master-locator': ['classic'],
}

/** The checks of these arguments; those of the built-in ones are made once. */
export function queueArgumentsOf(behaviours: readonly QueueArgument[]): QueueArguments {
  return behaviours === BUILT_IN_QUEUE_ARGUMENTS ? BUILT_IN : new QueueArguments(behaviours)
}

/** The arguments that a broker knows: their readers by name, and the checks of a declaration. */
export class QueueArguments {
  readonly behaviours: readonly QueueArgument[]
  readonly #readers = new Map<string, ArgumentReader>()
  /** Every known name, `x-queue-type` included. */
  readonly names: readonly string[]

  constructor(behaviours: readonly QueueArgument[]) {
    this.behaviours = behaviours
    for (const behaviour of behaviours) {
      for (const [name, reader] of Object.entries(behaviour.arguments)) this.#readers.set(name, reader)
    }
    this.names = ['x-queue-type', ...this.#readers.keys()]
  }

  /** Reads the argument of this name. */
  reader(name: string): ArgumentReader | undefined {
    return this.#readers.get(name)
  }

  /** True when redeclaring a queue compares this argument. */
  knows(name: string): boolean {
    return name === 'x-queue-type' || this.#readers.has(name)
  }

  /**
   * The queue's type.
   * @throws PreconditionFailedError for a type that RabbitMQ does not have, or that this broker has no engine for.
   */
  typeOf(what: string, args: Arguments): QueueType {
    const type = args['x-queue-type']
    if (type === undefined || type === 'classic') return 'classic'
    if (type === 'quorum') return 'quorum'
    const detail =
      typeof type === 'string' ? `"unsupported queue type '${type}'"` : `{unacceptable_type,${fieldKind(type)}}`
    const hint = type === 'stream' ? 'streams are not implemented here' : "expected 'classic' or 'quorum'"
    throw new PreconditionFailedError(`invalid arg 'x-queue-type' for ${what}: ${detail}`, hint)
  }

  /**
   * Checks the arguments of a new queue; `lenient` lets pass what nobody knows.
   * @throws UnknownOptionError, PreconditionFailedError with RabbitMQ's text, InvalidOptionError.
   */
  check(what: string, type: QueueType, args: Arguments, lenient = false): void {
    for (const [name, value] of Object.entries(args)) {
      if (name === 'x-queue-type') continue
      const reader = this.#readers.get(name)
      if (reader === undefined && lenient) {
        if (ELSEWHERE[name]?.includes(type) === false) throw unsupported(name, what, type)
        continue
      }
      if (reader === undefined) {
        if (name.startsWith('x-')) throw unknownOption(what, name, this.names)
        throw new InvalidOptionError(`${what}: arguments of a queue begin with 'x-', got '${name}'`)
      }
      if (!reader.types.includes(type)) throw unsupported(name, what, type)
      const detail = reader.check(value)
      if (detail === undefined) continue
      const text = detail.startsWith('invalid type')
        ? `${detail} for arg '${name}' in ${what}`
        : `invalid arg '${name}' for ${what}: ${detail}`
      throw new PreconditionFailedError(text, `'${optionName(name)}' must be ${reader.expected}`)
    }
    for (const behaviour of this.behaviours) {
      const fault = behaviour.validate?.(args, lenient)
      if (fault !== undefined) {
        throw new PreconditionFailedError(`invalid arg '${fault[0]}' for ${what}: ${fault[1]}`, fault[2])
      }
    }
  }
}

const BUILT_IN = new QueueArguments(BUILT_IN_QUEUE_ARGUMENTS)

function unsupported(name: string, what: string, type: QueueType): PreconditionFailedError {
  return new PreconditionFailedError(`invalid arg '${name}' for ${what} of queue type rabbit_${type}_queue`)
}
