/** A record of something that happened to a message, as tests see it. */
import { type Arguments, decodeBody, type MessageProperties, NO_ARGUMENTS } from '../../internal.js'
import type { Entry, Happening } from '../log/log.js'

/** Something that happened to a message. */
export class Recorded<Body = unknown> {
  /** What happened. */
  readonly what: Happening
  /** Milliseconds on the kit's clock. */
  readonly at: number
  /** The virtual host. */
  readonly virtualHost: string
  /**
   * The body. Bytes that claim to be JSON or text are decoded; so are those of amqplib clients that claim nothing, where
   * they are JSON or text.
   */
  readonly body: Body
  /** The body as it was published: bytes, where an amqplib client published it. */
  readonly content: unknown
  /** The exchange it was published to: '' for a queue, the dead-letter exchange for a dead letter. */
  readonly exchange: string
  /** The routing key. */
  readonly routingKey: string
  /** The queue that it happened in, or that the message died in; undefined for `published` and `returned`. */
  readonly queue: string | undefined
  /** The queues that it went to, of `published` and `deadLettered`; else the one that it happened in. */
  readonly queues: readonly string[]
  /** The message's properties. */
  readonly properties: MessageProperties
  /** The message's headers. */
  readonly headers: Arguments
  /** Where in the application it was done, such as `/app/orders.ts:12:5`; undefined where the broker did it. */
  readonly site: string | undefined
  /** Why: what a consumer gave to `reject(reason)` or `retry(error)`; of a dead letter, the reason in `x-death`. */
  readonly reason: unknown
  /** True when it was delivered again, of `delivered` and `acked`. */
  readonly redelivered: boolean | undefined
  /** Tag of the consumer, of `delivered` and `acked`; undefined for a `get`. */
  readonly consumer: string | undefined
  /**
   * Of `published` and `deadLettered`, the message in whose handler it was published, or whose death it is; else the publish
   * of this message.
   */
  get cause(): Recorded | undefined {
    return this.#cause()
  }

  // n.b. found when it is asked for: chains are long.
  readonly #cause: () => Recorded | undefined

  /** Records are made by kits. @hidden */
  constructor(entry: Entry, cause: () => Recorded | undefined) {
    const { message, delivery, queue } = entry
    this.what = entry.what
    this.at = entry.at
    this.virtualHost = entry.virtualHost
    this.body = bodyOf(message.body, message.properties.contentType) as Body
    this.content = message.body
    this.exchange = message.exchange
    this.routingKey = message.routingKey
    this.queue = queue
    this.queues = entry.queues ?? (queue === undefined ? [] : [queue])
    this.properties = message.properties
    this.headers = message.properties.headers ?? NO_ARGUMENTS
    this.site = entry.site
    this.reason = entry.reason
    this.redelivered = delivery?.redelivered
    this.consumer = entry.consumer ?? tagOf(delivery?.recipient)
    this.#cause = cause
  }
}

/** A body as its consumer would read it. */
export function bodyOf(body: unknown, contentType: string | undefined): unknown {
  if (!(body instanceof Uint8Array)) return body
  try {
    if (contentType !== undefined) return decodeBody(body, contentType)
    return Buffer.isBuffer(body) ? guess(body) : body
  } catch {
    // n.b. bytes that are not what they claim to be are the body itself.
    return body
  }
}

/** What bytes are that amqplib clients sent without a word: JSON, else text, else bytes. */
function guess(bytes: Uint8Array): unknown {
  const text = decodeBody(bytes, 'text/plain') as string
  try {
    return JSON.parse(text)
  } catch {
    const isControl = (code: number) => code < 32 && code !== 9 && code !== 10 && code !== 13
    return [...text].some((character) => isControl(character.charCodeAt(0))) ? bytes : text
  }
}

function tagOf(recipient: object | undefined): string | undefined {
  const { consumerTag, once } = (recipient ?? {}) as { readonly consumerTag?: string; readonly once?: boolean }
  return once === true ? undefined : consumerTag
}
