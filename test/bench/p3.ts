/** P3: a topic exchange with 10,000 wildcard bindings, keys of four words; from publish to ack, and routing alone. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Bar, Countdown, type Result, type Variant, variant } from './harness.js'

const BINDINGS = 10_000
const KEYS = 100_000
const QUEUES = 10
const BURST = 100

const pattern = (index: number): string => `region-${index % 100}.*.shop-${Math.floor(index / 100)}.*`

/** Keys that match one binding each, in no order that memory knows. */
function keysOf(count: number, bindings: number): string[] {
  return Array.from({ length: count }, (_, serial) => {
    const index = (serial * 7919) % bindings
    // n.b. flat strings of their own, like those that arrive from a caller.
    return Buffer.from(`region-${index % 100}.user-${serial}.shop-${Math.floor(index / 100)}.created`).toString()
  })
}

const leveret = (bindings: number, distinct: number): Variant =>
  variant(KEYS * 2, KEYS * 4, async () => {
    const { Broker } = await import('leveret')
    const bus = new Broker().virtualHost('/')
    const exchange = await bus.declareExchange<Record<string, { id: number }>>('orders', 'topic')
    const countdown = new Countdown()
    for (let i = 0; i < QUEUES; i++) {
      const queue = await bus.declareQueue(`orders-${i}`)
      queue.createConsumer({ prefetch: 100 }).consume((delivery) => {
        delivery.ack()
        countdown.tick()
      })
    }
    for (let i = 0; i < bindings; i++) await bus.queue(`orders-${i % QUEUES}`).bind(exchange.key(pattern(i)))
    const keys = keysOf(distinct, bindings)
    const producer = exchange.createProducer()
    return async (count) => {
      const end = countdown.start(count)
      for (let id = 0; id < count; ) {
        let free = true
        for (const last = id + BURST; id < last; id++) {
          if (!producer.publish(keys[id % distinct] as string, { id })) free = false
        }
        await (free ? undefined : producer.drained())
      }
      await end
    }
  })

const qlobber = (distinct: number): Variant =>
  variant(KEYS, KEYS * 2, async () => {
    const { Qlobber } = await import('qlobber')
    const matcher = new Qlobber()
    for (let i = 0; i < BINDINGS; i++) matcher.add(pattern(i), i)
    const keys = keysOf(distinct, BINDINGS)
    return (count) => {
      let matches = 0
      for (let id = 0; id < count; id++) matches += matcher.match(keys[id % distinct] as string).length
      if (matches !== count) throw new Error(`expected ${count} matches, got ${matches}`)
    }
  })

/** A line of topic-route.ts, which has a runner of its own. */
const LINE = /^ {2}(.+?) +([\d.]+) x \(([\d.]+) to ([\d.]+)\), bar ([<>]=) ([\d.]+)$/

async function routingAlone(folder: string): Promise<Result[]> {
  const path = join(folder, 'topic-route.mjs')
  if (!existsSync(path)) return []
  const { stdout } = await promisify(execFile)(process.execPath, [path])
  const results: Result[] = []
  let shape = ''
  for (const line of stdout.split('\n')) {
    shape = /^(\w+): /.exec(line)?.[1] ?? shape
    const [, what, ...rest] = LINE.exec(line) ?? []
    if (what === undefined) continue
    const [median, low, high] = rest.slice(0, 3).map(Number) as [number, number, number]
    const bound = Number(rest[4])
    const atLeast = rest[3] === '>='
    results.push({
      title: `routing alone, ${shape}: ${what}`,
      unit: 'x',
      median,
      low,
      high,
      ...(atLeast ? { atLeast: bound } : { atMost: bound }),
      passed: atLeast ? median >= bound : median <= bound,
    })
  }
  return results
}

export const bar: Bar = {
  id: 'P3',
  title: 'topic exchange, keys of 4 words, one hit each, wildcard bindings',
  variants: {
    leveret: leveret(BINDINGS, KEYS),
    '100 bindings': leveret(100, KEYS),
    '1,000 keys': leveret(BINDINGS, 1000),
    qlobber: qlobber(KEYS),
    'qlobber, 1,000 keys': qlobber(1000),
  },
  comparisons: [
    {
      title: "publish to ack: times as fast as qlobber's match alone",
      value: (of) => of('qlobber') / of('leveret'),
      atLeast: 2,
    },
    {
      title: 'publish to ack: cost, of the same with 100 bindings',
      value: (of) => of('leveret') / of('100 bindings'),
      atMost: 1.5,
    },
    {
      title: "publish to ack, 1,000 keys: times as fast as qlobber's match",
      value: (of) => of('qlobber, 1,000 keys') / of('1,000 keys'),
    },
  ],
  further: routingAlone,
}
