/** Request and reply over direct reply-to, against what one message takes that nobody answers (P1b). */
import { type Bar, Countdown, seen, type Variant, variant } from './harness.js'
import type { Order } from './p1.js'

/** P1b's own variant: `await queue.send()` and `run(async handler)`. */
const oneWay: Variant = variant(300_000, 300_000, async () => {
  const { Broker } = await import('leveret')
  const queue = await new Broker().virtualHost('/').declareQueue<Order>('orders')
  const countdown = new Countdown()
  queue.createConsumer().run(async (delivery) => {
    seen.sum += delivery.body.id
    countdown.tick()
  })
  return async (count) => {
    const end = countdown.start(count)
    for (let id = 0; id < count; id++) await queue.send({ id })
    await end
  }
})

const answered = (ahead: number): Variant =>
  variant(100_000, 100_000, async () => {
    const { Broker } = await import('leveret')
    const queue = await new Broker().virtualHost('/').declareQueue<Order, number>('orders')
    queue.respond(async ({ id }) => id, { concurrency: ahead })
    const asker = async (count: number): Promise<void> => {
      for (let id = 0; id < count; id++) seen.sum += await queue.request({ id })
    }
    return (count) => Promise.all(Array.from({ length: ahead }, () => asker(count / ahead)))
  })

const parts: Variant = variant(100_000, 100_000, async () => {
  const { Broker } = await import('leveret')
  const queue = await new Broker().virtualHost('/').declareQueue<number, Order>('orders')
  queue.respond(async function* (count) {
    for (let id = 0; id < count; id++) yield { id }
  })
  return async (count) => {
    for await (const { id } of queue.requestMany(count)) seen.sum += id
  }
})

export const bar: Bar = {
  id: 'request',
  title: 'await queue.request() -> respond(async handler), one at a time',
  variants: {
    request: answered(1),
    'request, 10 at a time': answered(10),
    'a part of a reply': parts,
    'send and run (P1b)': oneWay,
  },
  comparisons: [
    {
      title: 'share of send and run (P1b)',
      value: (of) => of('send and run (P1b)') / of('request'),
      atLeast: 1 / 4,
    },
    {
      title: '10 at a time: share of send and run',
      value: (of) => of('send and run (P1b)') / of('request, 10 at a time'),
    },
    { title: 'a part: share of send and run', value: (of) => of('send and run (P1b)') / of('a part of a reply') },
  ],
}
