/** What the compiler knows of records: the body follows from the handles of a filter. */
import type { Exchange, Queue } from 'leveret'
import type { TestKit } from 'leveret/testing'
import { expect, expectTypeOf, test } from 'vitest'

interface Created {
  readonly id: number
  readonly address: { readonly city: string; readonly lines: readonly string[] }
}
interface Paid {
  readonly amount: number
}
interface Orders {
  'order.created': Created
  'order.paid.eu': Paid
}

declare const kit: TestKit
declare const orders: Exchange<Orders, 'topic'>
declare const mails: Queue<Created>

test('an exchange and a key type the body', async () => {
  expectTypeOf((await kit.published.any({ exchange: orders, key: 'order.created' })).body).toEqualTypeOf<Created>()
  expectTypeOf((await kit.published.any({ exchange: orders, key: 'order.*.eu' })).body).toEqualTypeOf<Paid>()
  expectTypeOf(kit.published.all({ exchange: orders })[0]?.body).toEqualTypeOf<Created | Paid | undefined>()
})

test('a queue types the body', async () => {
  expectTypeOf((await kit.acked.any({ queue: mails })).body).toEqualTypeOf<Created>()
  expectTypeOf((await kit.acked.any({ queue: 'mails' })).body).toEqualTypeOf<unknown>()
})

test('a body is asked for in parts, or by a predicate', () => {
  kit.published.count({ queue: mails, body: { address: { city: 'Rome' } } })
  kit.published.count({ queue: mails, body: { address: { city: /^R/ } } })
  kit.published.count({ queue: mails, body: ({ id }) => id > 1 })
  kit.published.count({ queue: 'mails', body: { whatever: 1 } })
  kit.published.count({ queue: 'mails', body: (body: Created) => body.id > 1 })
  // @ts-expect-error: the id is a number
  kit.published.count({ queue: mails, body: { id: 'one' } })
  // @ts-expect-error: no such field
  kit.published.count({ queue: mails, body: { adress: {} } })
  // @ts-expect-error: the body of another key
  kit.published.count({ exchange: orders, key: 'order.paid.eu', body: { id: 1 } })
  // @ts-expect-error: no such filter
  kit.published.count({ quue: mails })
})

test('expect has the matchers', () => {
  expect(kit).toHavePublished({ exchange: orders, key: 'order.paid.eu', body: { amount: 1 } })
  // @ts-expect-error: the amount is a number
  expect(kit).toHavePublished({ exchange: orders, key: 'order.paid.eu', body: { amount: 'one' } })
  expect(mails).toHaveReady(1)
  expect(orders).not.toRoute('order.paid', [mails, 'audit'])
})
