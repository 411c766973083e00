/** Times as tests write them. */
import { describe, InvalidOptionError } from '../../internal.js'

/**
 * Milliseconds, or a number and a unit: `'250ms'`, `'30s'`, `'1.5h'`, `'7d'`.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration.
 * @throws InvalidOptionError, for one that is negative too: time does not go back.
 */
export function milliseconds(what: string, duration: Duration): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration)) ?? []
  const ms = typeof duration === 'number' ? duration : Number(number) * (UNITS[unit ?? ''] ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return Math.round(ms)
  const hint = typeof duration === 'number' && duration < 0 ? ': time does not go back' : ''
  const expected = "milliseconds of 0 and up, or a duration such as '30s', '1.5h'"
  throw new InvalidOptionError(`${what}: expected ${expected}, got ${describe(duration)}${hint}`)
}

/** A duration as people write it, to at most two units. */
export function words(ms: number): string {
  let left = Math.round(ms)
  const parts: string[] = []
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const size = UNITS[unit] as number
    const count = Math.floor(left / size)
    left -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.length === 0 ? '0ms' : parts.slice(0, 2).join(' ')
}
