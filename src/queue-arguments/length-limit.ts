/**
 * `x-max-length`, `x-max-length-bytes`, `x-overflow`: how many ready messages a queue holds and what happens to one too
 * many (LEN-01 to LEN-10). Messages that a consumer has are not counted, nor those assigned at once (LEN-14); those that
 * wait for their next attempt are.
 *
 * `block` is leveret's own: a message that finds the queue full is taken, and its publisher hears of it when the queue
 * is below its limit again.
 */
import type { Arguments } from '../arguments.js'
import { type Message, measure } from '../message.js'
import {
  type ArgumentHost,
  integerArgument,
  type LimitForecast,
  type QueueArgument,
  type QueueHooks,
  type WithheldConfirm,
  wordArgument,
} from './queue-argument.js'

/** What happens to a message too many. */
export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx' | 'block'

/** Those of RabbitMQ: all that a policy may ask for. */
const OVERFLOWS = ['drop-head', 'reject-publish', 'reject-publish-dlx']

export const lengthLimit: QueueArgument = {
  arguments: {
    'x-max-length': {
      ...integerArgument(0, Number.MAX_SAFE_INTEGER, 'messages'),
      policy: { what: 'maximum length', wins: 'least', operator: '3.10' },
    },
    'x-max-length-bytes': {
      ...integerArgument(0, Number.MAX_SAFE_INTEGER, 'bytes'),
      policy: { what: 'maximum length in bytes', wins: 'least', operator: '3.10' },
    },
    'x-overflow': {
      ...wordArgument([...OVERFLOWS, 'block'], 'invalid_overflow'),
      policy: {
        what: 'overflow value',
        wins: 'policy-on-quorum',
        operator: '4.3',
        check: wordArgument(OVERFLOWS, 'invalid_overflow').check,
      },
    },
  },
  validate: (args, lenient) => {
    const unlimited = args['x-max-length'] === undefined && args['x-max-length-bytes'] === undefined
    if (args['x-overflow'] === 'block' && unlimited) {
      return ['x-overflow', 'block_but_no_limit_defined', "'block' needs maxLength or maxLengthBytes"]
    }
    // n.b. RabbitMQ takes it on quorum queues and then acts as drop-head (LEN-15): nothing is ignored natively.
    const refused = !lenient && args['x-queue-type'] === 'quorum' && args['x-overflow'] === 'reject-publish-dlx'
    return refused ? ['x-overflow', 'reject_publish_dlx_on_a_quorum_queue', 'only classic queues have it'] : undefined
  },
  createHooks: (args, host) => {
    if (args['x-max-length'] === undefined && args['x-max-length-bytes'] === undefined) return undefined
    return limitOf(args, host)
  },
}

function limitOf(args: Arguments, host: ArgumentHost): QueueHooks {
  const limit = new Limit(args, host)
  switch (args['x-overflow'] as Overflow | undefined) {
    case undefined:
    case 'drop-head':
      return new DropHead(limit)
    case 'reject-publish':
      return new RejectPublish(limit, false)
    case 'reject-publish-dlx':
      return host.type === 'quorum' ? new DropHead(limit) : new RejectPublish(limit, true)
    case 'block':
      return new Block(limit)
  }
}

/** The limit itself, and the bytes that count towards it. */
class Limit {
  readonly host: ArgumentHost
  readonly #length: number
  readonly #bytes: number
  /** Sizes are kept only where bytes are limited. */
  readonly measures: boolean
  #bytesHeld = 0

  constructor(args: Arguments, host: ArgumentHost) {
    this.host = host
    this.#length = (args['x-max-length'] as number | undefined) ?? Number.POSITIVE_INFINITY
    this.#bytes = (args['x-max-length-bytes'] as number | undefined) ?? Number.POSITIVE_INFINITY
    this.measures = this.#bytes !== Number.POSITIVE_INFINITY
  }

  count(message: Message, sign: 1 | -1): void {
    if (this.measures) this.#bytesHeld += sign * sizeOf(message)
  }

  /** Counts what a queue holds that this limit comes to late. */
  takeOver(): void {
    for (const message of this.host.messages()) this.count(message, 1)
    for (const message of this.host.parked()) this.count(message, 1)
  }

  get #held(): number {
    return this.host.ready + this.host.delayed
  }

  get exceeded(): boolean {
    return this.#held > this.#length || this.#bytesHeld > this.#bytes
  }

  /** True when there is room for more; an empty queue always has some. */
  get hasRoom(): boolean {
    return this.#held === 0 || (this.#held < this.#length && this.#bytesHeld < this.#bytes)
  }

  wouldExceed(message: Message): boolean {
    if (this.#held + 1 > this.#length) return true
    return this.measures && this.#bytesHeld + measure(message) > this.#bytes
  }

  foresee(message: Message, ahead: number, overflow: Overflow): LimitForecast {
    const { ready } = this.host
    let [held, bytes, drops] = [this.#held + 1, this.#bytesHeld, 0]
    if (this.measures) bytes += measure(message)
    const isOver = () => held > this.#length || bytes > this.#bytes
    const full = isOver()
    const leaving = [...(full && overflow === 'drop-head' ? this.host.messages() : [])]
    leaving.splice(ahead, 0, message)
    for (; overflow === 'drop-head' && isOver() && drops <= ready; drops++) {
      held--
      if (this.measures) bytes -= measure(leaving[drops] as Message)
    }
    const [length, most] = [this.#length, this.#bytes]
    return {
      ...(length !== Number.POSITIVE_INFINITY && { maxLength: length }),
      ...(this.measures && { maxLengthBytes: most }),
      overflow,
      full,
      drops,
    }
  }
}

/** The size of a message that may have been taken when nobody asked for it: one that cannot be told is 0. */
function sizeOf(message: Message): number {
  try {
    return measure(message)
  } catch {
    message.rare = { ...message.rare, size: 0 }
    return 0
  }
}

class DropHead implements QueueHooks {
  readonly #limit: Limit
  readonly measures: boolean

  constructor(limit: Limit) {
    this.#limit = limit
    this.measures = limit.measures
  }

  stored(message: Message): boolean {
    this.#limit.count(message, 1)
    this.unparked()
    return false
  }

  foresee(message: Message, ahead: number): LimitForecast {
    return this.#limit.foresee(message, ahead, 'drop-head')
  }

  takeOver(): void {
    this.#limit.takeOver()
    this.unparked()
  }

  unparked(): void {
    const { host } = this.#limit
    while (this.#limit.exceeded && host.ready > 0) host.dropHead()
  }

  removed(message: Message): void {
    this.#limit.count(message, -1)
  }
}

class RejectPublish implements QueueHooks {
  readonly #limit: Limit
  readonly #deadLetters: boolean
  readonly measures: boolean

  constructor(limit: Limit, deadLetters: boolean) {
    this.#limit = limit
    this.#deadLetters = deadLetters
    this.measures = limit.measures
  }

  // n.b. asked before consumers are: with a limit of 0 even an idle consumer gets nothing (LEN-06).
  admit(message: Message): boolean {
    if (!this.#limit.wouldExceed(message)) return true
    if (this.#deadLetters) this.#limit.host.deadLetterRefused(message)
    return false
  }

  foresee(message: Message, ahead: number): LimitForecast {
    return this.#limit.foresee(message, ahead, this.#deadLetters ? 'reject-publish-dlx' : 'reject-publish')
  }

  takeOver(_: QueueHooks | undefined, args: Arguments): void {
    this.#limit.takeOver()
    const { host } = this.#limit
    // LEN-11: a classic queue sets the limit first and then what to do about it; until then it does what it did.
    if (host.type === 'quorum' || (args['x-overflow'] ?? 'drop-head') !== 'drop-head') return
    while (this.#limit.exceeded && host.ready > 0) host.dropHead()
  }

  stored(message: Message): boolean {
    this.#limit.count(message, 1)
    return false
  }

  removed(message: Message): void {
    this.#limit.count(message, -1)
  }
}

class Block implements QueueHooks {
  readonly #limit: Limit
  #withheld: WithheldConfirm[] = []
  readonly measures: boolean

  constructor(limit: Limit) {
    this.#limit = limit
    this.measures = limit.measures
  }

  stored(message: Message): boolean {
    this.#limit.count(message, 1)
    return this.#limit.exceeded
  }

  foresee(message: Message, ahead: number): LimitForecast {
    return this.#limit.foresee(message, ahead, 'block')
  }

  takeOver(former: QueueHooks | undefined): void {
    this.#limit.takeOver()
    if (!(former instanceof Block)) return
    this.#withheld = former.#withheld
    former.#withheld = []
    if (this.#limit.hasRoom) this.dispose()
  }

  withhold(confirm: WithheldConfirm): void {
    this.#withheld.push(confirm)
  }

  removed(message: Message): void {
    this.#limit.count(message, -1)
    if (this.#withheld.length > 0 && this.#limit.hasRoom) this.dispose()
  }

  /** A queue that is gone withholds nothing: its messages are settled (CNF-08). */
  dispose(): void {
    const released = this.#withheld
    this.#withheld = []
    for (const confirm of released) confirm.release()
  }
}
