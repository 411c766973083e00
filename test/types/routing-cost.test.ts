// Types that follow routing keys are worth little when an editor waits for them: what they cost has a bound, and what they
// say when they refuse is read by people.
import { expect, test } from 'vitest'
import { compile } from './compile.js'

const COMPILE_LIMIT = 60_000

const SUBJECTS = ['order', 'invoice', 'payment', 'user', 'session', 'cart', 'shipment', 'refund', 'product', 'stock']
const EVENTS = ['created', 'updated', 'cancelled', 'paid', 'archived']

/** 100 keys of three and four words. */
const KEYS = SUBJECTS.flatMap((subject, at) =>
  EVENTS.flatMap((event, nth) => [
    `${subject}.${event}.eu`,
    nth % 2 === 1 ? `${subject}.${event}.us` : `shop.${subject}.${event}.${at % 2 === 1 ? 'web' : 'app'}`,
  ]),
)

/** 50 patterns, with wildcards at the beginning, in the middle, at the end, alone. */
const PATTERNS = [
  ...['#', '*.*.*', '*.*.*.*', '#.eu', '*.created.*', '#.created.#', 'shop.#', '*.*.us', '#.web', 'shop.*.created.*'],
  ...SUBJECTS.flatMap((subject) => [`${subject}.#`, `${subject}.*.eu`, `#.${subject}.#`, `shop.${subject}.*.*`]),
]

test(
  '100 routing keys and 50 bindings cost the compiler at most 150,000 instantiations',
  () => {
    expect([new Set(KEYS).size, new Set(PATTERNS).size]).toEqual([100, 50])
    const messages = KEYS.map((key, id) => `  '${key}': { readonly id: ${id}; readonly name: string }\n`)
    const queues = PATTERNS.map(
      (pattern, at) => `await bus.declareQueue('q${at}', { bindings: [events.key('${pattern}')] })\n`,
    )
    const { faults, instantiations } = compile(
      `import type { Bus } from 'leveret'
interface Messages {
${messages.join('')}}
declare const bus: Bus
const events = await bus.declareExchange<Messages>('events', 'topic')
${queues.join('')}`,
      // n.b. tsc counts what the declarations of the library cost as well.
      { everything: true },
    )
    expect(faults).toEqual([])
    expect(instantiations).toBeGreaterThan(10_000)
    expect(instantiations).toBeLessThanOrEqual(150_000)
  },
  COMPILE_LIMIT,
)

test(
  'a misspelt pattern, a wrong body and a wrong key are said in words',
  () => {
    const { faults } = compile(`import type { Bus } from 'leveret'
interface Orders {
  'order.created': { readonly id: number }
  'order.paid.eu': { readonly amount: number }
}
declare const bus: Bus
const orders = await bus.declareExchange<Orders>('orders', 'topic')
const audit = await bus.declareQueue('audit', { bindings: [orders.key('order.created')] })
orders.key('ordr.*')
await orders.send('order.created', { amount: 1 })
await orders.send('order.create', { id: 1 })
await audit.bind(orders.key('order.paid.*'))
`)
    expect(faults).toMatchInlineSnapshot(`
      [
        "9: Argument of type '"ordr.*"' is not assignable to parameter of type '"no routing key of this exchange matches 'ordr.*'"'.",
        "10: Object literal may only specify known properties, and 'amount' does not exist in type '{ readonly id: number; }'.",
        "11: Argument of type '"order.create"' is not assignable to parameter of type '"order.created" | "order.paid.eu"'.",
        "12: Argument of type 'BindingKey<{ readonly amount: number; }>' is not assignable to parameter of type 'BindingKey<{ readonly id: number; }>'.
        Property 'id' is missing in type '{ readonly amount: number; }' but required in type '{ readonly id: number; }'.",
      ]
    `)
  },
  COMPILE_LIMIT,
)
