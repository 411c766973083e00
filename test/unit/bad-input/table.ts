/** Tables of calls that are refused: what is wrong, the call, the error. */
import type { Broker, VirtualHost } from 'leveret'
import { describe, it } from 'vitest'
import { type ExpectedError, expectRefused, furnished } from '../../support/unchanged.js'

export const invalid = (message: string): ExpectedError => ({ code: 'INVALID_OPTION', message })
export const unknown = (message: string): ExpectedError => ({ code: 'UNKNOWN_OPTION', message })

/** What somebody without types passes. */
export const wrong = <T>(value: unknown): T => value as T

/** One byte more than a name may have. */
export const long = 'n'.repeat(256)

export type Call = readonly [
  what: string,
  call: (host: VirtualHost, broker: Broker) => unknown,
  expected: ExpectedError,
]

/** One test a row, against a broker with one of each: the error, and nothing changed. */
export function table(subject: string, rows: readonly Call[]): void {
  describe(`${subject} refuses`, () => {
    it.each(rows)('%s', async (_what, call, expected) => {
      const { broker, host } = await furnished()
      await expectRefused(broker, () => call(host, broker), expected)
    })
  })
}
