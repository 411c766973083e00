/** What a broker checks of a message, and changes in it, before it routes it (PUB-01). */
import { fieldKind } from '../arguments.js'
import { stringsOf } from '../broker/publishing.js'
import type { Rights } from '../broker/rights.js'
import { PreconditionFailedError } from '../errors.js'
import { Message } from '../message.js'
import { REPLY_TO } from '../names.js'
import { TEN_YEARS } from '../time.js'

/**
 * The message as it is routed: without its BCC header (PUB-10), with the channel's address where it asks for direct
 * replies (DRT-04).
 * @throws PreconditionFailedError for direct replies without a consumer for them (DRT-03), a user that is not the
 * connection's (PUB-14), a delivery mode that there is not (PUB-15), a bad expiration (PUB-13), CC or BCC that is no array
 * (PUB-09).
 */
export function checkMessage(unaddressed: Message, replyAddress: string | undefined, rights?: Rights): Message {
  const message = unaddressed.properties.replyTo === REPLY_TO ? addressed(unaddressed, replyAddress) : unaddressed
  if (rights !== undefined && message.properties.userId !== undefined) rights.checkUserId(message.properties.userId)
  const { headers, expiration, deliveryMode } = message.properties
  if (deliveryMode !== undefined && deliveryMode !== 1 && deliveryMode !== 2) {
    throw new PreconditionFailedError(`invalid message: {delivery_mode_unknown,${deliveryMode}}`)
  }
  if (expiration !== undefined) checkExpiration(expiration)
  if (headers === undefined) return message
  for (const name of ['CC', 'BCC']) {
    const copies = headers[name]
    if (copies !== undefined && !Array.isArray(copies)) {
      throw new PreconditionFailedError(
        `invalid message: {unacceptable_type_in_header,"${name}",${fieldKind(copies)}}`,
        'expected an array of keys',
      )
    }
  }
  if (headers['BCC'] === undefined) return message
  const { BCC, ...shown } = headers
  const { exchange, routingKey, body, properties } = message
  const checked = new Message(exchange, routingKey, body, { ...properties, headers: shown })
  checked.rare = { bcc: stringsOf(BCC) }
  return checked
}

function addressed(message: Message, replyTo: string | undefined): Message {
  if (replyTo === undefined) {
    throw new PreconditionFailedError(
      'fast reply consumer does not exist',
      `'${REPLY_TO}' is for queue.request(); by hand, name a queue of your own in 'replyTo'`,
    )
  }
  const { exchange, routingKey, body, properties } = message
  return new Message(exchange, routingKey, body, { ...properties, replyTo })
}

function checkExpiration(expiration: string | number): void {
  const text = String(expiration)
  const ms = Number(text)
  if (ms >= 0 && ms <= TEN_YEARS && String(ms) === text && Number.isInteger(ms)) return
  const fault = faultOf(text)
  if (fault === undefined) return
  throw new PreconditionFailedError(
    `invalid expiration '${text}': ${fault}`,
    `expected milliseconds from 0 to ${TEN_YEARS}, as a number or decimal string`,
  )
}

function faultOf(text: string): string | undefined {
  const digits = /^[+-]?\d+/.exec(text)?.[0]
  if (digits === undefined) return 'no_integer'
  if (digits.length < text.length) return `{leftover_string,"${text.slice(digits.length)}"}`
  const value = Number(digits)
  if (value < 0) return `{value_negative,${value}}`
  return value > TEN_YEARS ? `{value_too_large,${value}}` : undefined
}
