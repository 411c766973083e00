/**
 * Options are checked once, at the door: every key must be known, every value of its type and in its range. The readers
 * serve the options of handles and the `x-` arguments of queues alike.
 */
import { type Arguments, unfitField } from './arguments.js'
import { InvalidOptionError, UnknownOptionError } from './errors.js'
import { describe } from './names.js'

/** What a value has to be: `undefined` when it is fine, else the words for what was expected. */
export type Check = (value: unknown) => string | undefined

export function integer(least: number, most: number, unit = ''): Check {
  const expected = `an integer from ${least} to ${most}${unit === '' ? '' : ` (${unit})`}`
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? undefined : expected
}

export const boolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false')

export const string: Check = (value) => (typeof value === 'string' ? undefined : 'a string')

export const fn: Check = (value) => (typeof value === 'function' ? undefined : 'a function')

export function oneOf(...words: readonly string[]): Check {
  const expected = `one of ${words.map((word) => `'${word}'`).join(', ')}`
  return (value) => (words.includes(value as string) ? undefined : expected)
}

export const table: Check = (value) => {
  // n.b. a Map, a Date or bytes have no entries of their own: they would be an empty table.
  if (Object.prototype.toString.call(value) !== '[object Object]') return 'a plain object'
  const unfit = unfitField(value as Arguments)
  return unfit === undefined ? undefined : `a plain object of values that AMQP can carry, which '${unfit}' is not`
}

export const signal: Check = (value) =>
  typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value
    ? undefined
    : 'an AbortSignal'

/** Known options by name. */
export type Checks = Readonly<Record<string, Check>>

/**
 * Checks an options object in place: nothing is copied. Undefined values count as absent.
 * @throws UnknownOptionError, with the nearest known name, and InvalidOptionError, with what was expected and what came.
 */
export function checkOptions(what: string, options: unknown, checks: Checks): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(`${what}: expected an options object, got ${describe(options)}`)
  }
  for (const name in options) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) throw unknownOption(what, name, Object.keys(checks))
    const value = (options as Record<string, unknown>)[name]
    if (value === undefined) continue
    const expected = check(value)
    if (expected !== undefined) {
      throw new InvalidOptionError(`${what}: option '${name}' must be ${expected}, got ${describe(value)}`)
    }
  }
}

/** The error for a name that is not known, with the nearest that is. */
export function unknownOption(
  what: string,
  name: string,
  known: readonly string[],
  kind = 'option',
): UnknownOptionError {
  return new UnknownOptionError(`${what}: unknown ${kind} '${name}'; ${hintAt(name, known, kind)}`)
}

/** What is said of a name that is not known: the nearest that is, else all of them. */
export function hintAt(name: string, known: readonly string[], kind: string): string {
  return didYouMean(name, known) ?? `known ${kind}s: ${known.join(', ')}`
}

/** Asks for the nearest known name; undefined when none is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const near = nearest(name, known)
  // n.b. the default exchange has no name to tell.
  return near === undefined || near === '' ? undefined : `did you mean ${describe(near)}?`
}

/** The known word nearest to a misspelt one; undefined when none is near. */
function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  // n.b. of two letters both cannot be wrong.
  let least = Math.min(word.length - 1, Math.max(2, Math.floor(word.length / 3))) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/** How many characters have to be put in, taken out or changed to make one word of the other. */
export function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, i) => i)
  for (let i = 1; i <= left.length; i++) {
    const current = [i]
    for (let j = 1; j <= right.length; j++) {
      const change = left[i - 1] === right[j - 1] ? 0 : 1
      current[j] = Math.min((current[j - 1] ?? 0) + 1, (previous[j] ?? 0) + 1, (previous[j - 1] ?? 0) + change)
    }
    previous = current
  }
  return previous[right.length] ?? 0
}
