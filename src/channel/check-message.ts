/** What a broker checks of a message, and changes in it, before it routes it (PUB-01). */
import { stringsOf } from '../broker/publishing.js'
import { PreconditionFailedError } from '../errors.js'
import { Message } from '../message.js'
import { TEN_YEARS } from '../time.js'

/**
 * The message as it is routed: without its BCC header (PUB-10).
 * @throws PreconditionFailedError for CC or BCC that is no array (PUB-09), or a bad expiration (PUB-13).
 */
export function checkMessage(message: Message): Message {
  const { headers, expiration } = message.properties
  if (expiration !== undefined) checkExpiration(expiration)
  if (headers === undefined) return message
  for (const name of ['CC', 'BCC']) {
    const copies = headers[name]
    if (copies !== undefined && !Array.isArray(copies)) {
      throw new PreconditionFailedError(
        `invalid message: {unacceptable_type_in_header,${name}}`,
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

function checkExpiration(expiration: string | number): void {
  const text = String(expiration)
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
