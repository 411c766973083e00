/** Field tables and numbers as they leave amqplib's codec: what does not fit throws what it throws there. */
import { Double, type FieldValue } from '../internal.js'

/** Bytes that a table may have. */
const MOST_BYTES = 65_536

/** n.b. numbers are written and read back: what is cut off, and what does not fit, is Node's to say, as in amqplib. */
const scratch = Buffer.alloc(8)

type Pass = (value: number) => number

const integer = (value: number) => BigInt(value)

const octet: Pass = (value) => {
  scratch.writeUInt8(value)
  return scratch.readUInt8()
}
const unsignedShort: Pass = (value) => {
  scratch.writeUInt16BE(value)
  return scratch.readUInt16BE()
}
const unsignedInt: Pass = (value) => {
  scratch.writeUInt32BE(value)
  return scratch.readUInt32BE()
}
const unsignedLong: Pass = (value) => {
  scratch.writeBigUInt64BE(integer(value))
  return Number(scratch.readBigUInt64BE())
}
const byte: Pass = (value) => {
  scratch.writeInt8(value)
  return scratch.readInt8()
}
const short: Pass = (value) => {
  scratch.writeInt16BE(value)
  return scratch.readInt16BE()
}
const int: Pass = (value) => {
  scratch.writeInt32BE(value)
  return scratch.readInt32BE()
}
const long: Pass = (value) => {
  scratch.writeBigInt64BE(integer(value))
  return Number(scratch.readBigInt64BE())
}

/** Integers by the name of their type, with the bytes they take. */
const INTEGERS: ReadonlyMap<string, readonly [pass: Pass, bytes: number]> = new Map([
  ['byte', [byte, 1]],
  ['int8', [byte, 1]],
  ['unsignedbyte', [octet, 1]],
  ['uint8', [octet, 1]],
  ['short', [short, 2]],
  ['int16', [short, 2]],
  ['unsignedshort', [unsignedShort, 2]],
  ['uint16', [unsignedShort, 2]],
  ['int', [int, 4]],
  ['int32', [int, 4]],
  ['unsignedint', [unsignedInt, 4]],
  ['uint32', [unsignedInt, 4]],
  ['long', [long, 8]],
  ['int64', [long, 8]],
])

const checked = (pass: Pass) => (field: string, value: unknown) => {
  if (value === undefined) return 0
  if (typeof value === 'number' && !Number.isNaN(value)) return pass(value)
  throw new TypeError(`Field '${field}' is the wrong type; must be a number (but not NaN)`)
}

/** Numbers of a method, or of a message's properties; undefined is 0. */
export const octetField = checked(octet)
export const shortField = checked(unsignedShort)
const anyLong = checked(unsignedLong)

/** n.b. there is one in every settlement: what is plainly in order takes no detour. */
export function longField(field: string, value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : anyLong(field, value)
}

/** One table on its way, and the bytes that are left for it. */
export class Encoding {
  #left = MOST_BYTES
  readonly #doubles: boolean

  /** With `doubles`, a whole number that comes as a double stays one: where it must not pass for an integer. */
  constructor(doubles: boolean) {
    this.#doubles = doubles
  }

  #take(bytes: number): void {
    this.#left -= bytes
    if (this.#left >= 0) return
    throw new RangeError(`Encoded field table (headers or arguments) exceeds the ${MOST_BYTES} byte encoding buffer`)
  }

  // n.b. inherited keys count, undefined ones do not: as amqplib's codec has it.
  table(table: object): Record<string, FieldValue> {
    const encoded: Record<string, FieldValue> = {}
    this.#take(4)
    for (const key in table) {
      const value = (table as Record<string, unknown>)[key]
      if (value === undefined) continue
      this.#take(2 + octet(Buffer.byteLength(key)))
      encoded[key] = this.#field(value)
    }
    return encoded
  }

  #field(value: unknown): FieldValue {
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, '!')) {
      const { '!': type, value: typed } = value as { '!': string; value: unknown }
      return this.#typed(type, typed)
    }
    return this.#typed(typeof value, value)
  }

  #typed(type: string, value: unknown): FieldValue {
    switch (type) {
      case 'string':
        this.#take(4 + Buffer.byteLength(value as string))
        return String(value)
      case 'object':
        return this.#object(value)
      case 'boolean':
        this.#take(1)
        return !!value
      case 'number':
        return this.#number(value as number)
      case 'double':
      case 'float64':
        return this.#double(Number(value), 8)
      case 'float':
        return this.#double(Math.fround(Number(value)), 4)
      case 'timestamp':
        this.#take(8)
        return new Date(unsignedLong(value as number) * 1000)
      case 'decimal':
        return this.#decimal(value as { places: number; digits: number })
    }
    const [pass, bytes] = INTEGERS.get(type) ?? []
    if (pass === undefined || bytes === undefined) throw new TypeError(`Unknown type to encode: ${type}`)
    this.#take(bytes)
    return pass(value as number)
  }

  #object(value: unknown): FieldValue {
    if (value === null) return null
    if (Array.isArray(value)) {
      this.#take(4 + value.length)
      return value.map((each) => this.#field(each))
    }
    if (!Buffer.isBuffer(value)) return this.table(value as object)
    this.#take(4 + value.length)
    return Buffer.from(value)
  }

  /** n.b. from 2^50 on a number passes for a whole one, from 2^63 on for none. */
  #number(value: number): number {
    this.#take(8)
    if (Number.isSafeInteger(value) || value >= 2 ** 63) return value
    return Math.abs(value) < 2 ** 50 && Math.floor(value) !== value ? value : long(value)
  }

  #double(value: number, bytes: number): FieldValue {
    this.#take(bytes)
    return this.#doubles && Number.isInteger(value) ? new Double(value) : value
  }

  #decimal(value: { places: number; digits: number }): FieldValue {
    this.#take(5)
    if (Object.hasOwn(value, 'places') && Object.hasOwn(value, 'digits') && value.places >= 0 && value.places < 256) {
      return { '!': 'decimal', value: { places: value.places, digits: unsignedInt(value.digits) } }
    }
    const expected = "Decimal value must be {'places': 0..255, 'digits': uint32}"
    throw new TypeError(`${expected}, got ${JSON.stringify(value)}`)
  }
}
