/** Values, places and times as short texts. */
import process from 'node:process'
import { inspect } from 'node:util'
import { words } from '../time/duration.js'

/** So many characters of a body are shown. */
const LONGEST = 72

/** A value on one line, abbreviated. */
export function preview(value: unknown): string {
  const options = { breakLength: Number.POSITIVE_INFINITY, depth: 4, maxArrayLength: 6, maxStringLength: LONGEST }
  const text = asMatcher(value) ?? inspect(value, options)
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
}

/** What Jest and vitest call their own, such as `expect.any(Number)`. */
function asMatcher(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('toAsymmetricMatcher' in value)) return undefined
  const { toAsymmetricMatcher } = value
  return typeof toAsymmetricMatcher === 'function' ? String(toAsymmetricMatcher.call(value)) : undefined
}

/** A place in the application, from the working directory where it is below it. */
export function place(site: string): string {
  const home = `${process.cwd()}/`
  return site.startsWith(home) ? site.slice(home.length) : site
}

/** A moment on the kit's clock. */
export function moment(at: number): string {
  return at === 0 ? '0' : `+${words(at)}`
}

/** `1 message`, `2 messages`. */
export function counted(count: number, noun: string): string {
  return `${count === 0 ? 'no' : count} ${noun}${count === 1 ? '' : 's'}`
}

/** Where a message was published to. */
export function target(exchange: string, routingKey: string): string {
  return exchange === '' ? `'${routingKey}'` : `'${routingKey}' to exchange '${exchange}'`
}

export function indent(text: string, by = '  '): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : by + line))
    .join('\n')
}
