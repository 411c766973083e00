/** Errors on their way: with class, name, code and cause, and whatever else they carry as own properties. */
import * as leveret from '../internal.js'
import { FrameError, LeveretError } from '../internal.js'

/** An error as plain data. */
export interface Failure {
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
  /** Which class of the platform it is of, and which of this package. */
  readonly native: string
  readonly kind?: string
  readonly cause?: unknown
  /** Its own enumerable properties. */
  readonly own: Readonly<Record<string, unknown>>
}

/** Platform classes by name; others arrive as the one that they extend, with their name. */
const NATIVE: Readonly<Record<string, { readonly prototype: Error }>> = {
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}

/** The error as plain data; `pack` prepares what it carries. */
export function failureOf(error: Error, pack: (value: unknown) => unknown): Failure {
  const own: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(error)) if (key !== 'cause') own[key] = pack(value)
  // n.b. no own property that is listed.
  if (error instanceof AggregateError) own['errors'] = pack(error.errors)
  const { name, message, stack } = error
  const native = Object.entries(NATIVE).find(([, { prototype }]) =>
    Object.prototype.isPrototypeOf.call(prototype, error),
  )
  const failure = { name, message, stack, own, native: native?.[0] ?? 'Error' }
  const kind = error instanceof LeveretError ? error.constructor.name : undefined
  const known = kind === undefined ? failure : { ...failure, kind }
  return error.cause === undefined ? known : { ...known, cause: pack(error.cause) }
}

/** The error of plain data. */
export function errorOf(failure: Failure, unpack: (value: unknown) => unknown): Error {
  const { name, message, stack, native, kind, own } = failure
  const known = kind === undefined ? undefined : (leveret as Readonly<Record<string, unknown>>)[kind]
  const ours = typeof known === 'function' && known.prototype instanceof LeveretError ? known : undefined
  const error = new Error(message)
  const { prototype } = (ours ?? NATIVE[native] ?? Error) as { readonly prototype: object }
  Object.setPrototypeOf(error, prototype)
  const hidden = { configurable: true, writable: true, enumerable: false }
  if (error.name !== name) Object.defineProperty(error, 'name', { ...hidden, value: name })
  if (stack !== undefined) Object.defineProperty(error, 'stack', { ...hidden, value: stack })
  if ('cause' in failure) Object.defineProperty(error, 'cause', { ...hidden, value: unpack(failure.cause) })
  for (const [key, value] of Object.entries(own)) (error as unknown as Record<string, unknown>)[key] = unpack(value)
  return error
}

/** Whatever was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new FrameError(`something was thrown that is no error: ${String(thrown)}`)
}
