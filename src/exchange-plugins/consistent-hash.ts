/**
 * The consistent-hash exchange: a message goes to one destination, the same for the same key, and each gets a share by
 * its weight (XT-20 to XT-25). A ring of buckets: a binding adds as many as its binding key says.
 */
import {
  type Arguments,
  asTerm,
  type BindingVerdict,
  canonical,
  describe,
  type ExchangeType,
  type FieldValue,
  fieldKind,
  host,
  type Message,
  PreconditionFailedError,
  type RoutedBinding,
  type Router,
  type RouteSink,
} from '../internal.js'
import { HASH_OF_FALSE, HASH_OF_TRUE, HASH_OF_UNDEFINED, JumpHash, phash2 } from './erlang-hash.js'

/** The argument's word for each property. */
const PROPERTIES = { correlation_id: 'correlationId', message_id: 'messageId', timestamp: 'timestamp' } as const
type Property = keyof typeof PROPERTIES

/** The most buckets that one binding may have, as of RabbitMQ 4.3. */
const MAX_WEIGHT = 10_000

/** The buckets of one destination: those below `end` that no other has before it. */
interface Share {
  readonly binding: RoutedBinding
  readonly weight: number
  end: number
}

class ConsistentHashRouter implements Router {
  readonly #header: string | undefined
  readonly #property: Property | undefined
  readonly #encoder = new host.TextEncoder()
  readonly #jump = new JumpHash()
  #shares: Share[] = []
  #buckets = 0

  constructor(args: Arguments) {
    this.#header = args['hash-header'] as string | undefined
    this.#property = args['hash-property'] as Property | undefined
  }

  add(binding: RoutedBinding): void {
    // n.b. a destination has the buckets of its first binding, whatever others say (XT-23).
    if (this.#shares.some((share) => share.binding.destination === binding.destination)) return
    const weight = Number(binding.routingKey)
    this.#buckets += weight
    this.#shares.push({ binding, weight, end: this.#buckets })
  }

  /** n.b. as in RabbitMQ the first binding that goes takes all buckets of its destination along. */
  remove({ destination }: RoutedBinding): void {
    this.#shares = this.#shares.filter((share) => share.binding.destination !== destination)
    this.#buckets = 0
    for (const share of this.#shares) share.end = this.#buckets += share.weight
  }

  route(routingKey: string, message: Message, sink: RouteSink): void {
    const share = this.#shareOf(this.#bucketOf(routingKey, message))
    if (share !== undefined) sink.add(share.binding.destination)
  }

  explain(binding: RoutedBinding, routingKey: string, message: Message): BindingVerdict {
    const bucket = this.#bucketOf(routingKey, message)
    const matched = this.#shareOf(bucket)?.binding === binding
    const input = describe(this.#inputOf(routingKey, message))
    const text = this.#shares.some((share) => share.binding === binding)
      ? `bucket ${bucket + 1} of ${this.#buckets}, by ${this.#header ?? this.#property ?? 'routing key'} ${input}`
      : 'it has no buckets: another binding of its destination came before it'
    return { matched, reason: { kind: 'other', text } }
  }

  /** -1 without any. */
  #bucketOf(routingKey: string, message: Message): number {
    if (this.#buckets === 0) return -1
    return this.#jump.bucketOf(this.#hash(this.#inputOf(routingKey, message)), this.#buckets)
  }

  #shareOf(bucket: number): Share | undefined {
    const shares = this.#shares
    let low = 0
    for (let high = shares.length; low < high; ) {
      const middle = (low + high) >>> 1
      if ((shares[middle] as Share).end > bucket) high = middle
      else low = middle + 1
    }
    return bucket < 0 ? undefined : shares[low]
  }

  #inputOf(routingKey: string, { properties }: Message): FieldValue {
    if (this.#header !== undefined) {
      const headers = properties.headers ?? {}
      return Object.hasOwn(headers, this.#header) ? headers[this.#header] : undefined
    }
    if (this.#property === undefined) return routingKey
    const value = properties[PROPERTIES[this.#property]]
    return value === undefined ? undefined : String(value)
  }

  #hash(input: FieldValue): number {
    if (input === undefined || input === null) return HASH_OF_UNDEFINED
    if (typeof input === 'boolean') return input ? HASH_OF_TRUE : HASH_OF_FALSE
    // n.b. an integer is its own hash, of which the lowest 21 bits count.
    if (typeof input === 'bigint' || Number.isInteger(input)) return Number(BigInt.asUintN(21, BigInt(input as number)))
    return phash2(this.#encoder.encode(typeof input === 'string' ? input : canonical(input)))
  }
}

/**
 * The type `x-consistent-hash`. A binding key is a weight, 1 to 10000. The exchange's argument `hash-header` or
 * `hash-property` (`correlation_id`, `message_id`, `timestamp`) names what is hashed in place of the routing key.
 *
 * @example
 * ```ts
 * import { Broker } from 'leveret'
 * import { consistentHash } from 'leveret/exchange-types'
 *
 * const bus = new Broker({ exchangeTypes: [consistentHash] }).virtualHost('/')
 * const users = await bus.declareExchange('users', 'x-consistent-hash')
 * await bus.declareQueue('users.a', { bindings: [users.key('1')] })
 * await bus.declareQueue('users.b', { bindings: [users.key('2')] }) // twice the share
 * await users.send('user-42', 'always to the same queue')
 * ```
 */
export const consistentHash: ExchangeType = {
  name: 'x-consistent-hash',
  // n.b. one hash a message: CC and BCC have no say.
  keyless: true,
  validateArguments({ 'hash-header': header, 'hash-property': property }) {
    if (header !== undefined && property !== undefined) {
      throw new PreconditionFailedError('hash-header and hash-property are mutually exclusive')
    }
    if (header !== undefined && typeof header !== 'string') {
      throw new PreconditionFailedError(`invalid type '${fieldKind(header)}' for arg 'hash-header'`)
    }
    if (property !== undefined && !Object.hasOwn(PROPERTIES, String(property))) {
      throw new PreconditionFailedError(`Unsupported property: ${property}`, `one of ${Object.keys(PROPERTIES).join()}`)
    }
  },
  validateBinding(routingKey) {
    if (!/^[+-]?\d+$/.test(routingKey)) {
      throw new PreconditionFailedError(`The binding key must be an integer: ${asTerm(routingKey)}`, 'it is the weight')
    }
    const weight = Number(routingKey)
    if (weight < 1) throw new PreconditionFailedError('The binding key must be greater than 0')
    if (weight > MAX_WEIGHT) throw new PreconditionFailedError(`The binding key must not exceed ${MAX_WEIGHT}`)
  },
  createRouter: (args) => new ConsistentHashRouter(args),
}
