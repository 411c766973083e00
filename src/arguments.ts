/**
 * AMQP argument tables: the `x-…` arguments of queues and exchanges, the arguments of bindings and consumers, and the
 * `headers` of a message.
 */

/** A value that an AMQP field table can carry. */
export type FieldValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | Double
  | Uint8Array
  | readonly FieldValue[]
  | { readonly [key: string]: FieldValue }

/** A whole number that came as a double, by AMQP: a `Number` that is no integer and equals none (GEN-12). */
export class Double extends Number {
  /** As RabbitMQ writes it: `10.0`. */
  override toString(): string {
    return `${super.toString()}.0`
  }
}

/** An AMQP field table: arguments or headers by name. Never null. */
export interface Arguments {
  readonly [name: string]: FieldValue
}

/** The empty table, shared by everything that was declared without arguments. */
export const NO_ARGUMENTS: Arguments = Object.freeze({})

/** True when the value is a table: an object that is none of the other field kinds. */
export function isTable(value: unknown): value is Arguments {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Double) &&
    !(value instanceof Uint8Array)
  )
}

/** Deep equality of two field values: integers by value, tables whatever the order of their keys (GEN-11, GEN-12). */
export function sameFieldValue(left: FieldValue, right: FieldValue): boolean {
  if (left === right) return true
  // n.b. headers exchanges compare strings with strings, a message at a time: no text is made of those.
  if (typeof left === typeof right && typeof left !== 'object') return Object.is(left, right)
  return canonical(left) === canonical(right)
}

/** A form of a field value that is equal for equal values: null and undefined are both AMQP's void. */
export function canonical(value: FieldValue): string {
  if (value === null || value === undefined) return 'void'
  // n.b. what AMQP has an integer type for is one kind, however wide (GEN-12).
  if (typeof value === 'bigint' || Number.isInteger(value)) return `integer:${BigInt(value as number | bigint)}`
  if (typeof value !== 'object') return `${typeof value}:${JSON.stringify(String(value))}`
  if (value instanceof Date) return `date:${value.getTime()}`
  if (value instanceof Double) return `double:${value}`
  if (value instanceof Uint8Array) return `bytes:${value.join()}`
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const table = value as Arguments
  return `{${Object.keys(table)
    .sort()
    .map((key) => `${JSON.stringify(key)}=${canonical(table[key])}`)
    .join()}}`
}

/** The camelCase spelling of an argument: `x-message-ttl` is `messageTtl`. */
export function optionName(argument: string): string {
  return argument.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** Where a table holds a value that AMQP has no type for, such as a function; undefined when it holds none. */
export function unfitField(table: Arguments): string | undefined {
  for (const [name, value] of Object.entries(table)) {
    if (typeof value === 'function' || typeof value === 'symbol') return name
    const inner = isTable(value) || Array.isArray(value) ? unfitField(value as Arguments) : undefined
    if (inner !== undefined) return `${name}.${inner}`
  }
  return undefined
}

/** AMQP's name for the kind of a value, as RabbitMQ's error texts use it. */
export function fieldKind(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'longstr'
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'long'
    case 'number':
      if (!Number.isInteger(value)) return 'double'
      // n.b. as clients encode it: in as few bytes as it fits.
      if (value >= -(2 ** 7) && value < 2 ** 7) return 'byte'
      if (value >= -(2 ** 15) && value < 2 ** 15) return 'short'
      return value >= -(2 ** 31) && value < 2 ** 31 ? 'signedint' : 'long'
    default:
      if (value === null || value === undefined) return 'void'
      if (value instanceof Date) return 'timestamp'
      if (value instanceof Double) return 'double'
      if (value instanceof Uint8Array) return 'binary'
      return Array.isArray(value) ? 'array' : 'table'
  }
}
