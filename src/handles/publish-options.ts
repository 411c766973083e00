/** Options of `send` and `publish`: the message's properties and how it is published. */
import { type BodyMode, cloneBody, contentTypeOf, encodeBody } from '../body.js'
import { InvalidOptionError } from '../errors.js'
import type { Signal } from '../host.js'
import { Message, type MessageProperties, NO_PROPERTIES } from '../message.js'
import { checkShortString, describe } from '../names.js'
import { boolean, type Check, type Checks, checkOptions, integer, signal, string, table } from '../options.js'
import { TEN_YEARS } from '../time.js'

/** How a message is published; properties stand beside these options. */
export interface PublishOptions extends MessageProperties {
  /**
   * A message that reaches no queue comes back: `send` rejects with `UnroutableError`, `publish` emits `returned`
   * (PUB-06).
   * @default false
   */
  readonly mandatory?: boolean
  /**
   * Milliseconds, 0 to 315,360,000,000, that the broker holds the message before it routes it. Not with `mandatory`:
   * where it goes is only known when it is due.
   * @default 0
   */
  readonly delay?: number
  /**
   * Buffers of the body that are moved, not copied: detached here as soon as the call returns, as with `postMessage`, and
   * left alone when it throws. The body goes through structured clone once: an instance of a class becomes a plain object,
   * where no codec of `leveret/worker` carries it. What is named and not part of the body is lost.
   * @default none
   */
  readonly transfer?: readonly ArrayBuffer[]
}

/** `PublishOptions` of a `send`, which waits. */
export interface SendOptions extends PublishOptions {
  /**
   * Ends the wait for the confirm with an `AbortError`; its `accepted` tells whether the broker has the message.
   * Aborted before the call: nothing is published.
   */
  readonly signal?: Signal
}

const expiration: Check = (value) =>
  typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))
    ? undefined
    : 'milliseconds as an integer or a decimal string'

export const buffers: Check = (value) => {
  if (!Array.isArray(value)) return 'an array of ArrayBuffers'
  const unfit = value.findIndex((each, i) => !isAttached(each) || value.indexOf(each) < i)
  if (unfit < 0) return undefined
  return `an array of ArrayBuffers, each once and none detached, unlike [${unfit}], ${describe(value[unfit])}`
}

function isAttached(value: unknown): boolean {
  // n.b. by its tag: test runners have globals of their own.
  if (Object.prototype.toString.call(value) !== '[object ArrayBuffer]') return false
  try {
    return new Uint8Array(value as ArrayBuffer).byteLength >= 0
  } catch {
    // n.b. how Node 20 tells that it is detached.
    return false
  }
}

/** Properties that a request may have: what makes it one is made up. */
export const REQUEST_PROPERTIES: Checks = {
  contentType: string,
  contentEncoding: string,
  headers: table,
  deliveryMode: (value) => (value === 1 || value === 2 ? undefined : '1 (transient) or 2 (persistent)'),
  priority: integer(0, 255),
  messageId: string,
  timestamp: integer(0, Number.MAX_SAFE_INTEGER, 's since 1970'),
  type: string,
  userId: string,
  appId: string,
}

/** n.b. without `transfer`: what streams and explanations take as well, which have no one body. */
export const PUBLISH_CHECKS: Checks = {
  mandatory: boolean,
  delay: integer(0, TEN_YEARS, 'ms'),
  ...REQUEST_PROPERTIES,
  correlationId: string,
  replyTo: string,
  expiration,
}

const ONCE_CHECKS: Checks = { ...PUBLISH_CHECKS, transfer: buffers }
const SEND_CHECKS: Checks = { ...ONCE_CHECKS, signal }

/**
 * Checks the options of a publish.
 * @throws UnknownOptionError, InvalidOptionError.
 */
export function checkPublishOptions(what: string, options: SendOptions, waits: boolean): void {
  checkOptions(what, options, waits ? SEND_CHECKS : ONCE_CHECKS)
  if (options.mandatory === true && (options.delay ?? 0) > 0) {
    throw new InvalidOptionError(
      `${what}: 'mandatory' and 'delay' exclude each other: a delayed message is routed when it is due`,
    )
  }
}

/**
 * The envelope of a publish.
 * @throws BodyEncodingError when the broker is to copy or encode bodies and cannot, InvalidOptionError for a bad key.
 */
export function makeMessage(
  exchange: string,
  routingKey: string,
  body: unknown,
  options: SendOptions | undefined,
  bodies: BodyMode,
): Message {
  checkShortString('routing key', routingKey)
  const properties = options === undefined ? NO_PROPERTIES : propertiesOf(options)
  // n.b. in place: one call more took a tenth of the whole way of a message.
  if (bodies === 'reference') return new Message(exchange, routingKey, body, properties)
  return messageOf(exchange, routingKey, body, properties, bodies, options?.transfer)
}

/** The same with properties that are known to be right. */
export function messageOf(
  exchange: string,
  routingKey: string,
  body: unknown,
  properties: MessageProperties,
  bodies: BodyMode,
  transfer?: readonly ArrayBuffer[],
): Message {
  // n.b. where buffers are taken over, the channel clones the body.
  if (bodies === 'reference' || (bodies === 'clone' && transfer !== undefined)) {
    return new Message(exchange, routingKey, body, properties)
  }
  if (bodies === 'clone') return new Message(exchange, routingKey, cloneBody(body), properties)
  const contentType = properties.contentType ?? contentTypeOf(body)
  return new Message(exchange, routingKey, encodeBody(body, contentType), { ...properties, contentType })
}

function propertiesOf(options: SendOptions): MessageProperties {
  const properties: Record<string, unknown> = {}
  let some = false
  for (const name of Object.keys(options) as (keyof SendOptions)[]) {
    const value = options[name]
    if (value === undefined || name === 'mandatory' || name === 'delay' || name === 'signal' || name === 'transfer')
      continue
    properties[name] = name === 'expiration' ? String(value) : value
    some = true
  }
  return some ? (properties as MessageProperties) : NO_PROPERTIES
}
