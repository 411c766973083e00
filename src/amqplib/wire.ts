/** What amqplib makes of values on their way to the broker and back: field tables, properties, bodies. */

import type { MessageProperties as EngineProperties } from '../index.js'
import { type Arguments, contentTypeOf, encodeBody, type FieldValue, type Message, NO_PROPERTIES } from '../internal.js'
import { Encoding, longField, octetField } from './fields.js'
import type * as Options from './options.js'
import type { MessageProperties, MessagePropertyHeaders } from './types.js'

const wrongType = (field: string, expected: string) =>
  new TypeError(`Field '${field}' is the wrong type; must be ${expected}`)

/** A name. */
export function shortString(field: string, value: unknown): string {
  if (value === undefined) return ''
  // n.b. no character takes more than 3 bytes for each unit of its length: most names need no count of their bytes.
  if (typeof value === 'string' && (value.length < 86 || Buffer.byteLength(value) < 256)) return value
  throw wrongType(field, 'a string (up to 255 chars)')
}

/** A field that must be given. */
export function required(field: string, value: unknown): unknown {
  if (value === undefined) throw new Error(`Missing value for mandatory field '${field}'`)
  return value
}

/** A name that must be given. */
export const mandatory = (field: string, value: unknown): string => shortString(field, required(field, value))

/** What stands where a method has a table and amqplib puts an object of its own before it. */
export function checkTable(given: unknown): void {
  if (given && typeof given !== 'object') {
    throw new TypeError(`Object prototype may only be an Object or null: ${String(given)}`)
  }
}

/** The table of a method; `named` are those that have options of their own and go first. */
export function argumentTable(given: unknown, named: Record<string, unknown> = {}, doubles = true): Arguments {
  checkTable(given)
  const encoding = new Encoding(doubles)
  const own = encoding.table(named)
  return { ...own, ...encoding.table(given ?? {}), ...own }
}

/** The table of a binding. */
export function bindingTable(given: unknown): Arguments {
  if (given === undefined || given === null) return {}
  if (typeof given !== 'object') throw wrongType('arguments', 'an object')
  return new Encoding(false).table(given)
}

function decodeTable(table: Arguments): MessagePropertyHeaders {
  const decoded: MessagePropertyHeaders = {}
  for (const [key, value] of Object.entries(table)) if (value !== undefined) decoded[key] = decodeField(value)
  return decoded
}

function decodeField(value: FieldValue): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(decodeField)
  if (value instanceof Date) return { '!': 'timestamp', value: Math.floor(value.getTime() / 1000) }
  return value instanceof Uint8Array ? Buffer.from(value) : decodeTable(value as Arguments)
}

const STRINGS = [
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'type',
  'userId',
  'appId',
] as const

const copies = (keys: unknown) =>
  keys === undefined ? undefined : Array.isArray(keys) ? keys.map(String) : [String(keys)]

/** The properties that the options of a publish stand for; undefined when there are none. */
export function encodeProperties(options: Options.Publish): EngineProperties | undefined {
  const properties: Record<string, unknown> = {}
  let some = false
  const set = (name: string, value: unknown): void => {
    properties[name] = value
    some = true
  }
  const { CC, BCC, headers, persistent, deliveryMode: mode } = options
  if (CC !== undefined || BCC !== undefined || headers) {
    const table = argumentTable(headers, { CC: copies(CC), BCC: copies(BCC) }, false)
    for (const _ in table) {
      set('headers', table)
      break
    }
  }
  const deliveryMode =
    persistent !== undefined ? (persistent ? 2 : 1) : typeof mode === 'number' ? mode : mode ? 2 : undefined
  if (deliveryMode !== undefined) set('deliveryMode', octetField('deliveryMode', deliveryMode))
  for (const name of STRINGS) {
    const given: unknown = options[name]
    // n.b. amqplib asks for its text, and null has none.
    const value = name === 'expiration' && given !== undefined ? (given as number).toString() : given
    if (value !== undefined && value !== null) set(name, shortString(name, value))
  }
  const { priority, timestamp } = options
  if (priority !== undefined && priority !== null) set('priority', octetField('priority', priority))
  if (timestamp !== undefined && timestamp !== null) set('timestamp', longField('timestamp', timestamp))
  return some ? properties : undefined
}

/** The properties of a message, every one there and undefined where it has none; with the header of QQ-05. */
export function decodeProperties({ properties, body }: Message, deliveryCount?: number): MessageProperties {
  // n.b. most messages have none, and an object of constants is made in one go.
  if (properties === NO_PROPERTIES && deliveryCount === undefined && body instanceof Uint8Array) return noProperties()
  const { expiration } = properties
  const headers =
    deliveryCount === undefined ? properties.headers : { ...properties.headers, 'x-delivery-count': deliveryCount }
  return {
    // n.b. a body that was published natively, and is no bytes yet, says what it becomes.
    contentType: properties.contentType ?? (body instanceof Uint8Array ? undefined : contentTypeOf(body)),
    contentEncoding: properties.contentEncoding,
    headers: headers === undefined ? {} : decodeTable(headers),
    deliveryMode: properties.deliveryMode,
    priority: properties.priority,
    correlationId: properties.correlationId,
    replyTo: properties.replyTo,
    expiration: expiration === undefined ? undefined : String(expiration),
    messageId: properties.messageId,
    timestamp: properties.timestamp,
    type: properties.type,
    userId: properties.userId,
    appId: properties.appId,
    clusterId: undefined,
  }
}

const noProperties = (): MessageProperties => ({
  contentType: undefined,
  contentEncoding: undefined,
  headers: {},
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  messageId: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
})

type MakeBuffer = new (bytes: Uint8Array) => Buffer

/** The class that Node's buffers are of; undefined where it is another. */
const FastBuffer = (Buffer as unknown as Readonly<Record<symbol, MakeBuffer | undefined>>)[Symbol.species]
/** n.b. so few bytes live beside their object, which makes a copy a third as dear as one in a pool. */
const FEW = 64

/** A copy: what a publisher or a consumer does to its own stays its own. */
export function copyOf(bytes: Uint8Array): Buffer {
  return bytes.length <= FEW && FastBuffer !== undefined ? new FastBuffer(bytes) : Buffer.from(bytes)
}

/** The body of a message as bytes of its own. */
export function contentOf({ body, properties }: Message): Buffer {
  if (body instanceof Uint8Array) return copyOf(body)
  const bytes = encodeBody(body, properties.contentType)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
