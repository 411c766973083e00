/** Names of virtual hosts, exchanges, queues and consumers: their rules and the ones that the broker makes up. */
import { InvalidOptionError } from './errors.js'
import { host } from './host.js'

/** AMQP short strings, names and routing keys among them, hold at most this many bytes (GEN-07). */
const LONGEST = 255

/** Length of a string in UTF-8 bytes. */
function byteLength(text: string): number {
  // n.b. no encoder for short strings: three bytes a UTF-16 unit is the most there can be.
  return text.length * 3 <= LONGEST ? text.length : new host.TextEncoder().encode(text).byteLength
}

/**
 * Checks a name or routing key.
 * @throws InvalidOptionError when it is no string or longer than 255 bytes.
 */
export function checkShortString(what: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') {
    throw new InvalidOptionError(`${what}: expected a string, got ${describe(value)}`)
  }
  if (byteLength(value) > LONGEST) {
    throw new InvalidOptionError(`${what}: expected at most ${LONGEST} bytes of UTF-8, got ${byteLength(value)}`)
  }
}

/** Removes the CR and LF that RabbitMQ removes from names in declare, delete and bind (GEN-06). */
export function cleanName(name: string): string {
  return name.includes('\n') || name.includes('\r') ? name.replace(/[\r\n]/g, '') : name
}

/** The name that stands for a channel's own address for replies (DRT-01); what comes after it and a dot is one. */
export const REPLY_TO = 'amq.rabbitmq.reply-to'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** A unique name: the prefix and 22 random characters of URL-safe base64 (Q-02, CON-02). */
export function generateName(prefix: 'amq.gen-' | 'amq.ctag-' | `${typeof REPLY_TO}.`): string {
  // n.b. it has to be unique, not secret. Made in one piece: a string that is added up takes twenty times the memory.
  return prefix + String.fromCharCode(...Array.from({ length: 22 }, () => ALPHABET.charCodeAt(Math.random() * 64)))
}

/** A value as an error message shows it: short, and telling its type. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 40 ? `'${value.slice(0, 40)}…'` : `'${value}'`
    case 'number':
    case 'boolean':
    case 'bigint':
    case 'undefined':
      return String(value)
    case 'function':
      return value.name === '' ? 'a function' : `function ${value.name}`
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return 'an array'
      return `an object of class ${value.constructor?.name ?? 'null'}`
    default:
      return `a ${typeof value}`
  }
}
