/**
 * How values cross. What JSON carries goes as a part of the batch's one text, which is twice as fast as structured clone;
 * bytes go into one buffer that is transferred; the rest by structured clone. Errors, and instances of classes that have a
 * codec, are marked and made anew at the other end.
 */
import { BodyEncodingError, cloneBody, describe, FrameError, host, InvalidOptionError } from '../internal.js'
import { errorOf, type Failure, failureOf } from './failure.js'

/** How instances of a class cross. Both ends need it, under the same name. */
export interface Codec<Value = unknown, Plain = unknown> {
  /** Names it on the wire. */
  readonly name: string
  /** The class whose instances it is for; those of subclasses too. */
  readonly class: {
    /** Of its instances. */
    readonly prototype: Value
  }
  /** What structured clone can carry. */
  encode(value: Value): Plain
  /** The instance of it. */
  decode(plain: Plain): Value
}

/** A value in a frame: what JSON carries and is no array stands for itself. */
export type Packed =
  | string
  | number
  | boolean
  | null
  | Readonly<Record<string, unknown>>
  | readonly [kind: typeof JSON_VALUE, value: readonly unknown[]]
  | readonly [kind: typeof BYTES, offset: number, length: number]
  | readonly [kind: typeof NOTHING]
  | readonly [kind: typeof CLONED | typeof MARKED, index: number]

const JSON_VALUE = 0
const CLONED = 1
const BYTES = 2
const NOTHING = 3
const MARKED = 4

/** Bytes up to this many go into the buffer of their frame. */
const SMALL = 16_384
/** Values with more parts, or deeper ones, go by structured clone: they may be circular. */
const MOST_PARTS = 2_000
const DEEPEST = 50
/** n.b. about twice as many exhaust the stack of the thread that reads them, and are gone. */
const MOST_LEVELS = 1_000

/** A value that needs to be made anew; no JSON text and no application has such a key. */
const MARK = '\u0000leveret'
/** Stands there for one that could not be posted. No codec has such a name. */
const REFUSED = '\u0000refused'

/** What a value needs to cross. */
interface Look {
  /** It has what JSON has no form for. */
  clone: boolean
  /** It has what must be made anew. */
  marked: boolean
  /** A part that cannot cross. */
  foreign: unknown
  parts: number
  /** What was looked at, once there is so much that it may be circular. */
  seen: Set<object> | undefined
  /** The value, or a copy in which that is marked. */
  ready: unknown
}

/** What a frame carries beside its text. */
export class Cargo {
  readonly extras: unknown[] = []
  readonly bytes: Uint8Array[] = []
  length = 0
  /** Buffers in the extras that go without a copy. */
  readonly moved: ArrayBuffer[] = []
  /** How many of the extras nobody else has. */
  ours = 0

  get empty(): boolean {
    return this.extras.length === 0 && this.length === 0
  }

  /** Takes bytes; answers how many. */
  add(bytes: Uint8Array): number {
    this.bytes.push(bytes)
    this.length += bytes.byteLength
    return bytes.byteLength
  }

  /** True when somebody may still change what is in it. */
  get shared(): boolean {
    return this.length > 0 || this.extras.length > this.ours
  }

  /** The bytes in one piece. */
  buffer(): Uint8Array | undefined {
    if (this.length === 0) return undefined
    const all = new Uint8Array(this.length)
    let offset = 0
    for (const bytes of this.bytes) {
      all.set(bytes, offset)
      offset += bytes.byteLength
    }
    return all
  }

  /** Puts why in the place of what the platform refuses to post: it looked as if it would, as a proxy does. */
  refuse(): void {
    for (const [i, extra] of this.extras.entries()) {
      try {
        host.structuredClone?.(extra)
      } catch (error) {
        this.extras[i] = { [MARK]: REFUSED, value: String(error) }
      }
    }
  }
}

export class Values {
  readonly #codecs: readonly Codec[]

  /** @throws InvalidOptionError for codecs that are none, or two of one name. */
  constructor(codecs: readonly Codec[] = []) {
    checkCodecs(codecs)
    this.#codecs = codecs
  }

  /**
   * Makes a value ready for a frame.
   * @throws BodyEncodingError for functions, symbols, instances of classes without a codec, and more than 1,000 levels.
   */
  pack(value: unknown, cargo: Cargo): Packed {
    if (value === undefined) return [NOTHING]
    if (this.areBytes(value)) return [BYTES, cargo.length, cargo.add(value)]
    const { clone, marked, ready } = this.#ready(value)
    if (!clone) return Array.isArray(value) ? [JSON_VALUE, value] : (value as Packed)
    return [marked ? MARKED : CLONED, cargo.extras.push(ready) - 1]
  }

  /**
   * The same, and takes over the buffers of the value that are named: they are detached here at once, and go on with the
   * frame without a copy.
   * @throws as `pack` does; nothing is detached then.
   */
  move(value: unknown, transfer: readonly ArrayBuffer[], cargo: Cargo): Packed {
    const { marked, ready } = this.#ready(value)
    const [moved, buffers] = cloneBody([ready, transfer], transfer) as [unknown, readonly ArrayBuffer[]]
    for (const buffer of buffers) cargo.moved.push(buffer)
    cargo.ours++
    return [marked ? MARKED : CLONED, cargo.extras.push(moved) - 1]
  }

  #ready(value: unknown): Look {
    const look: Look = { clone: false, marked: false, foreign: undefined, parts: 0, seen: undefined, ready: value }
    this.#look(value, look, 0)
    if (look.marked) look.ready = this.#mark(value, look, 0)
    if (look.foreign !== undefined) throw refusal(value, look.foreign)
    return look
  }

  /** The value that a frame brought. */
  unpack(packed: Packed, extras: readonly unknown[], buffer: Uint8Array | undefined): unknown {
    if (!Array.isArray(packed)) return packed
    switch (packed[0]) {
      case JSON_VALUE:
        return packed[1]
      case CLONED: {
        const value = extras[packed[1]]
        return Object(value)[MARK] === REFUSED ? this.#unmark(value) : value
      }
      case BYTES:
        return this.bytes(buffer, packed[1], packed[2])
      case MARKED:
        return this.#unmark(extras[packed[1]])
      default:
        return undefined
    }
  }

  /** True for what goes into the buffer of a frame. */
  areBytes(value: unknown): value is Uint8Array {
    return value instanceof Uint8Array && value.byteLength <= SMALL
  }

  /** Bytes of the buffer that a frame brought. @throws FrameError. */
  bytes(buffer: Uint8Array | undefined, offset: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array()
    if (buffer === undefined) throw new FrameError('a malformed frame: its bytes are missing')
    return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset + offset, length)
  }

  /** Sees what a value needs; the first part that cannot cross is left in `foreign`. */
  #look(value: unknown, look: Look, depth: number): void {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return
      case 'number':
        if (!Number.isFinite(value) || Object.is(value, -0)) look.clone = true
        return
      case 'undefined':
      case 'bigint':
        look.clone = true
        return
      case 'object':
        if (value !== null) this.#lookAt(value, look, depth)
        return
      default:
        look.foreign ??= value
    }
  }

  #lookAt(value: object, look: Look, depth: number): void {
    if (++look.parts > MOST_PARTS || depth > DEEPEST) {
      look.clone = true
      if (depth > MOST_LEVELS) throw new BodyEncodingError(`body is more than ${MOST_LEVELS} levels deep`)
      look.seen ??= new Set()
      if (look.seen.has(value)) return
      look.seen.add(value)
    }
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) this.#look(value[i], look, depth + 1)
    } else if (isPlain(value)) {
      for (const key in value) this.#look((value as Record<string, unknown>)[key], look, depth + 1)
    } else if (this.#codecOf(value) !== undefined || value instanceof Error) {
      look.marked = look.clone = true
    } else {
      look.clone = true
      if (!isCloneable(value)) look.foreign ??= value
      else if (value instanceof Map || value instanceof Set) {
        for (const each of [...value].flat()) this.#look(each, look, depth + 1)
      }
    }
  }

  #codecOf(value: object): Codec | undefined {
    return this.#codecs.find(({ class: { prototype } }) =>
      Object.prototype.isPrototypeOf.call(prototype as object, value),
    )
  }

  /** A copy in which what needs to be made anew is marked. What is in that is looked at only here. */
  #mark(value: unknown, look: Look, depth: number): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') look.foreign ??= value
    if (typeof value !== 'object' || value === null) return value
    if (depth > DEEPEST) {
      throw new BodyEncodingError(
        `body has errors or codecs in it, and is circular or more than ${DEEPEST} levels deep`,
      )
    }
    const next = (each: unknown): unknown => this.#mark(each, look, depth + 1)
    const codec = this.#codecOf(value)
    if (codec !== undefined) return { [MARK]: codec.name, value: next(codec.encode(value)) }
    if (value instanceof Error) return { [MARK]: '', value: failureOf(value, next) }
    if (Array.isArray(value)) return value.map(next)
    if (value instanceof Map) return new Map([...value].map(([key, each]) => [next(key), next(each)]))
    if (value instanceof Set) return new Set([...value].map(next))
    if (!isPlain(value)) {
      if (!isCloneable(value)) look.foreign ??= value
      return value
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, next(each)]))
  }

  #unmark(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const next = (each: unknown): unknown => this.#unmark(each)
    if (Array.isArray(value)) return value.map(next)
    if (value instanceof Map) return new Map([...value].map(([key, each]) => [next(key), next(each)]))
    if (value instanceof Set) return new Set([...value].map(next))
    if (!isPlain(value)) return value
    const name = (value as Readonly<Record<string, unknown>>)[MARK]
    const plain = (value as Readonly<Record<string, unknown>>)['value']
    if (name === '') return errorOf(plain as Failure, next)
    if (name === REFUSED) throw new BodyEncodingError(String(plain))
    if (typeof name === 'string') {
      const codec = this.#codecs.find((each) => each.name === name)
      if (codec === undefined) throw new BodyEncodingError(`there is no codec '${name}' at this end`)
      return codec.decode(next(plain))
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, next(each)]))
  }
}

/** @throws InvalidOptionError for codecs that are none, or two of one name. */
export function checkCodecs(codecs: readonly Codec[]): void {
  if (!Array.isArray(codecs)) throw new InvalidOptionError(`codecs: expected an array, got ${describe(codecs)}`)
  const names = new Set<string>()
  for (const codec of codecs) {
    const { name, class: type, encode, decode } = Object(codec) as Partial<Codec>
    const functions = [type, encode, decode].every((member) => typeof member === 'function')
    if (typeof name !== 'string' || !functions) {
      throw new InvalidOptionError(`codecs: expected { name, class, encode, decode }, got ${describe(codec)}`)
    }
    if (names.has(name)) throw new InvalidOptionError(`codecs: there is one named '${name}' already`)
    names.add(name)
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function refusal(value: unknown, foreign: unknown): BodyEncodingError {
  const way = wayTo(value, foreign, new Set())
  const what = way === undefined ? 'something in body' : `body${way}`
  if (typeof foreign !== 'object' || foreign === null) {
    return new BodyEncodingError(`${what} is ${describe(foreign)}, which no other thread can have`)
  }
  const { name } = foreign.constructor ?? {}
  if (name !== undefined && TRANSFERABLE.has(name)) {
    return new BodyEncodingError(
      `${what} is a ${name}, which can only be transferred: post it to the thread by yourself`,
    )
  }
  const type = name === undefined || name === '' ? 'a class' : `class ${name}`
  const help = 'send plain data, or register a codec for it at both ends'
  return new BodyEncodingError(`${what} is an instance of ${type}, which would arrive without it: ${help}`)
}

/** The way to a part of a value, such as `.items[0]`. */
function wayTo(value: unknown, part: unknown, seen: Set<object>): string | undefined {
  if (value === part) return ''
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined
  if (!Array.isArray(value) && !isPlain(value) && !(value instanceof Error)) return undefined
  seen.add(value)
  for (const [key, each] of Object.entries(value)) {
    const rest = wayTo(each, part, seen)
    if (rest !== undefined) return `${Array.isArray(value) ? `[${key}]` : `.${key}`}${rest}`
  }
  return undefined
}

/** True for what structured clone carries with its class. */
function isCloneable(value: object): boolean {
  return CLONEABLE.has(Object.prototype.toString.call(value)) && isPlatforms(value)
}

const CLONEABLE = new Set(
  [
    ...['Date', 'RegExp', 'Map', 'Set', 'ArrayBuffer', 'SharedArrayBuffer', 'DataView'],
    ...['Boolean', 'Number', 'String', 'BigInt'],
    ...['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'],
    ...['Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'Blob', 'CryptoKey'],
    // n.b. in browsers. A File is not among them, as Node 20 makes a Blob of it, nor a URL, of which nothing is left.
    ...['ImageData', 'ImageBitmap'],
  ].map((name) => `[object ${name}]`),
)

const TRANSFERABLE = new Set(['MessagePort', 'ReadableStream', 'WritableStream', 'TransformStream'])

/** n.b. a subclass of Map, say, would arrive as a Map. A Buffer is one of Uint8Array, and arrives as that. */
function isPlatforms(value: object): boolean {
  const type = value.constructor
  if (type === undefined || type.name === 'Buffer' || /\[native code]/.test(String(type))) return true
  // n.b. Node's own Blob is no native code.
  return Reflect.get(globalThis, type.name) === type
}
