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
  | Uint8Array
  | readonly FieldValue[]
  | { readonly [key: string]: FieldValue }

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
    !(value instanceof Uint8Array)
  )
}

/** Deep equality of two field values: numbers by value, tables whatever the order of their keys (GEN-11). */
export function sameFieldValue(left: FieldValue, right: FieldValue): boolean {
  if (left === right) return true
  // n.b. null and undefined are both AMQP's void.
  if (left === null || left === undefined || right === null || right === undefined) return left == null && right == null
  if (typeof left === 'bigint' || typeof right === 'bigint')
    return isInteger(left) && isInteger(right) && BigInt(left) === BigInt(right)
  if (typeof left !== 'object' || typeof right !== 'object') return Number.isNaN(left) && Number.isNaN(right)
  if (left instanceof Date || right instanceof Date) {
    return left instanceof Date && right instanceof Date && left.getTime() === right.getTime()
  }
  if (left instanceof Uint8Array || right instanceof Uint8Array || Array.isArray(left) || Array.isArray(right)) {
    return sameList(left, right)
  }
  return sameArguments(left as Arguments, right as Arguments)
}

/** True for what AMQP has an integer type for; their widths do not matter (GEN-12). */
function isInteger(value: FieldValue): value is number | bigint {
  return typeof value === 'bigint' || Number.isInteger(value)
}

function sameList(left: object, right: object): boolean {
  if (Array.isArray(left) !== Array.isArray(right)) return false
  if (left instanceof Uint8Array !== right instanceof Uint8Array) return false
  const a = left as ArrayLike<FieldValue>
  const b = right as ArrayLike<FieldValue>
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!sameFieldValue(a[i], b[i])) return false
  return true
}

/** Equality of two tables, whatever the order of their keys (GEN-11). */
export function sameArguments(left: Arguments, right: Arguments): boolean {
  if (left === right) return true
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => Object.hasOwn(right, key) && sameFieldValue(left[key], right[key]))
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
      if (value instanceof Uint8Array) return 'binary'
      return Array.isArray(value) ? 'array' : 'table'
  }
}
