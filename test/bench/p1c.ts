/** P1c: what may not slow P1 down: an async context, limits that never apply, other consumers and routers at work. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Bar, type Variant, variant } from './harness.js'
import { leveret, prepareLeveret } from './p1.js'

const COUNT = 600_000
const WARM_UP = 400_000

/** A web framework's request context, made before the broker and active while it is used. */
const inContext: Variant = variant(COUNT, WARM_UP, async () => {
  const storage = new AsyncLocalStorage<{ request: number }>()
  const work = await storage.run({ request: 1 }, () => prepareLeveret())
  return (count) => storage.run({ request: 2 }, () => work(count))
})

const limited = leveret({
  maxLength: 1_000_000,
  messageTtl: 3_600_000,
  deadLetterExchange: 'dead',
  deadLetterRoutingKey: 'orders',
})

/** Every verb, exchange type and store is used first, and stays attached: call sites have seen several shapes. */
async function useEverything(): Promise<void> {
  const { Broker } = await import('leveret')
  const bus = new Broker().virtualHost('/')
  const types = ['direct', 'fanout', 'topic', 'headers'] as const
  const exchanges = await Promise.all(types.map((type) => bus.declareExchange(`in-${type}`, type)))
  const shapes = [{}, { maxPriority: 5 }, { type: 'quorum' }, { maxLength: 1000 }, { messageTtl: 1000 }] as const
  for (const [index, shape] of shapes.entries()) {
    const queue = await bus.declareQueue<number>(`all-${index}`, {
      ...shape,
      bindings: exchanges.map((exchange) => exchange.key('a.b', exchange.name === 'in-headers' ? { a: 1 } : {})),
    })
    let taken = 0
    queue.createConsumer({ priority: 1, prefetch: 10 }).consume((delivery) => {
      if (++taken % 100 === 0 && !delivery.redelivered) delivery.requeue()
      else if (taken % 101 === 0) delivery.reject()
      else delivery.ack()
    })
    queue.createConsumer({ prefetch: 5 }).run(async () => undefined, { concurrency: 5 })
    queue.createConsumer({ noAck: true, prefetch: 5 }).consume(() => undefined)
    void (async () => {
      for await (const delivery of queue.createConsumer({ prefetch: 5 })) delivery.ack()
    })()
  }
  for (let i = 0; i < 20_000; i++) {
    for (const exchange of exchanges) exchange.publish('a.b', i, i % 2 === 0 ? { headers: { a: 1 } } : undefined)
    if (i % 20 === 0) await bus.queue(`all-${i % 5}`).send(i, { priority: i % 5 })
    if (i % 50 === 0) await bus.queue('all-0').get({ noAck: true })
    if (i % 100 === 0) await exchanges[0]?.drained()
  }
}

const amongOthers: Variant = variant(COUNT, WARM_UP, async () => {
  await useEverything()
  return prepareLeveret()
})

export const bar: Bar = {
  id: 'P1c',
  title: 'P1 in company: share of the speed that P1 has alone',
  variants: { alone: leveret(), 'in an async context': inContext, limited, 'among others': amongOthers },
  roundsFactor: 1.6,
  comparisons: [
    {
      title: 'with an AsyncLocalStorage active',
      value: (of) => of('alone') / of('in an async context'),
      atLeast: 0.8,
    },
    {
      title: 'with maxLength, TTL and dead letters that never apply',
      value: (of) => of('alone') / of('limited'),
      atLeast: 0.7,
    },
    {
      title: 'with consumers and routers of every kind in the process',
      value: (of) => of('alone') / of('among others'),
      atLeast: 0.8,
    },
  ],
}
