// One exchange, many listeners: a message goes to every queue with a matching key, whoever that is.
import assert from 'node:assert/strict'
import { Broker } from 'leveret'

interface Order {
  readonly id: number
}
interface OrderEvents {
  readonly 'order.created.eu': Order
  readonly 'order.created.us': Order
  readonly 'order.cancelled.eu': Order & { readonly reason: string }
}

const broker = new Broker()
const bus = broker.virtualHost('/')
const orders = await bus.declareExchange<OrderEvents>('orders', 'topic')

// `*` stands for one word, `#` for any number of them.
const keys = { audit: 'order.#', shipping: 'order.created.*', europe: 'order.*.eu' }
const seen: string[] = []
for (const [name, key] of Object.entries(keys)) {
  const queue = await bus.declareQueue<Order>(name, { bindings: [orders.key(key)] })
  queue.createConsumer().run(({ routingKey, body }) => {
    seen.push(`${name} ${body.id}`)
    console.log(`${name.padEnd(8)} got ${routingKey} ${body.id}`)
  })
}

await orders.send('order.created.eu', { id: 1 })
await orders.send('order.created.us', { id: 2 })
// A key that is not in `OrderEvents`, or a body that is not its own, is a compile error.
await orders.send('order.cancelled.eu', { id: 1, reason: 'too slow' })

// To drain is to let the consumers work off what is there.
await broker.close({ drain: true })
const expected = ['audit 1', 'audit 1', 'audit 2', 'europe 1', 'europe 1', 'shipping 1', 'shipping 2']
assert.deepEqual(seen.sort(), expected)
