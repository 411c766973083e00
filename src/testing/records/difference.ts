/** How a value differs from what a filter asks for: what it names must be alike, what it leaves out may be anything. */
import { isDeepStrictEqual } from 'node:util'
import { preview } from './preview.js'

/** What Jest and vitest make by `expect.any` and its like. */
interface AsymmetricMatcher {
  asymmetricMatch(value: unknown): boolean
}

/** The first difference, with the path to it; undefined when there is none. */
export function difference(expected: unknown, actual: unknown, path: string): string | undefined {
  const other = `${path}: expected ${preview(expected)}, got ${preview(actual)}`
  if (Object.is(expected, actual) || expected === actual) return undefined
  if (typeof expected !== 'object' || expected === null) return other
  if (isMatcher(expected)) return expected.asymmetricMatch(actual) ? undefined : other
  if (expected instanceof RegExp && typeof actual === 'string') return actual.search(expected) >= 0 ? undefined : other
  if (typeof actual !== 'object' || actual === null) return other
  if (Array.isArray(expected)) return listDifference(expected, actual, path)
  if (isWhole(expected) || isWhole(actual)) return isAlike(expected, actual) ? undefined : other
  for (const [name, value] of Object.entries(expected)) {
    const found = difference(value, (actual as Record<string, unknown>)[name], `${path}.${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

function listDifference(expected: readonly unknown[], actual: object, path: string): string | undefined {
  if (!Array.isArray(actual)) return `${path}: expected ${preview(expected)}, got ${preview(actual)}`
  if (expected.length !== actual.length) {
    return `${path}: expected ${expected.length} items, got ${actual.length}: ${preview(actual)}`
  }
  for (const [index, value] of expected.entries()) {
    const found = difference(value, actual[index], `${path}[${index}]`)
    if (found !== undefined) return found
  }
  return undefined
}

/** What has no parts of its own to compare. */
function isWhole(value: object): boolean {
  return (
    value instanceof Uint8Array ||
    value instanceof Date ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof RegExp
  )
}

function isAlike(expected: object, actual: object): boolean {
  // n.b. a Buffer and a Uint8Array of the same bytes are the same body.
  if (expected instanceof Uint8Array && actual instanceof Uint8Array) return Buffer.compare(expected, actual) === 0
  return isDeepStrictEqual(expected, actual)
}

function isMatcher(value: object): value is AsymmetricMatcher {
  return 'asymmetricMatch' in value && typeof value.asymmetricMatch === 'function'
}
