/**
 * P7: a broker here, consumers in worker threads that acknowledge each message, against bare `postMessage`, one a message,
 * which acknowledges nothing; and a request with its reply against a message there and one back.
 */
import { Worker } from 'node:worker_threads'
import { type Bar, type Figures, median, nextMacrotask, type Variant, variant } from './harness.js'

export type Role = 'count' | 'echo' | 'consume' | 'respond' | 'publish'

/** 200 bytes as JSON. */
const json = { id: 1, customer: 'c-000017', items: [1, 2, 3], note: 'x'.repeat(144) }
const bytes = new Uint8Array(200).fill(7)

const threadOf = (role: Role): Worker => new Worker(new URL('./p7-thread.mjs', import.meta.url), { workerData: role })

const next = (worker: Worker): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve))

/** n.b. the port carries the wire's own greetings too. */
async function ready(worker: Worker): Promise<void> {
  while ((await next(worker)) !== 'ready');
}

const raw = (body: object): Variant =>
  variant(100_000, 100_000, () => {
    const worker = threadOf('count')
    return async (count) => {
      const done = next(worker)
      worker.postMessage(count)
      for (let id = 0; id < count; id++) worker.postMessage(body)
      await done
    }
  })

/** A broker whose queue makes its publishers wait, as raw ports cannot. */
async function served(roles: readonly Role[]) {
  const { Broker } = await import('leveret')
  const { serve } = await import('leveret/worker')
  const broker = new Broker()
  const bus = broker.virtualHost('/')
  const queue = await bus.declareQueue<object, number>('orders', { overflow: 'block', maxLength: 1_000 })
  const workers = roles.map(threadOf)
  for (const worker of workers) {
    serve(broker, worker)
    await ready(worker)
  }
  return { queue, workers }
}

const leveret = (body: object, threads = 1): Variant =>
  variant(100_000, 100_000, async () => {
    const { queue } = await served(Array.from({ length: threads }, () => 'consume'))
    const producer = queue.createProducer()
    let acked = 0
    return async (count) => {
      acked += count
      for (let id = 0; id < count; id++) if (!producer.publish(body)) await producer.drained()
      while ((await queue.stats()).acked < acked) await nextMacrotask()
    }
  })

const fromThread = (body: object): Variant =>
  variant(100_000, 100_000, async () => {
    const { queue, workers } = await served(['publish'])
    let left = 0
    let done: (() => void) | undefined
    queue.createConsumer({ prefetch: 100 }).consume((delivery) => {
      delivery.ack()
      if (--left === 0) done?.()
    })
    return (count) => {
      left = count
      workers[0]?.postMessage({ count, body })
      return new Promise<void>((resolve) => {
        done = resolve
      })
    }
  })

/** One at a time; figures are microseconds. */
const roundTrips = (prepare: () => Promise<() => Promise<unknown>>): Variant => ({
  prepare: async () => {
    const ask = await prepare()
    const round = async (count: number): Promise<Figures> => {
      const times: number[] = []
      for (let i = 0; i < count; i++) {
        const start = performance.now()
        await ask()
        times.push((performance.now() - start) * 1e3)
      }
      times.sort((a, b) => a - b)
      const at = (share: number): number => times[Math.floor(times.length * share)] as number
      return { p50: median(times), p90: at(0.9), p99: at(0.99) }
    }
    await round(10_000)
    return () => round(5_000)
  },
})

const rawTrip = roundTrips(async () => {
  const worker = threadOf('echo')
  let answer: ((value: unknown) => void) | undefined
  worker.on('message', (value) => answer?.(value))
  return () => {
    worker.postMessage(json)
    return new Promise((resolve) => {
      answer = resolve
    })
  }
})

const request = roundTrips(async () => {
  const { queue } = await served(['respond'])
  return () => queue.request(json)
})

export const bar: Bar = {
  id: 'P7',
  title: 'publish -> consume callback in a worker thread -> ack; prefetch 100, 200 bytes',
  roundsFactor: 2,
  variants: {
    raw: raw(json),
    leveret: leveret(json),
    'raw, bytes': raw(bytes),
    'leveret, bytes': leveret(bytes),
    '2 threads': leveret(json, 2),
    '4 threads': leveret(json, 4),
    'from a thread': fromThread(json),
    'raw round trip': rawTrip,
    request,
  },
  comparisons: [
    {
      title: 'times as fast as a postMessage each',
      value: (of) => of('raw', 'ns') / of('leveret', 'ns'),
      atLeast: 2,
    },
    {
      title: 'the same with bytes',
      value: (of) => of('raw, bytes', 'ns') / of('leveret, bytes', 'ns'),
      atLeast: 4,
    },
    { title: '2 threads', value: (of) => of('raw', 'ns') / of('2 threads', 'ns') },
    { title: '4 threads', value: (of) => of('raw', 'ns') / of('4 threads', 'ns') },
    { title: 'published by a thread, consumed here', value: (of) => of('raw', 'ns') / of('from a thread', 'ns') },
    {
      title: 'request and reply, p50: round trips of a port',
      value: (of) => of('request', 'p50') / of('raw round trip', 'p50'),
      atMost: 1.5,
    },
    { title: 'the same, p99', value: (of) => of('request', 'p99') / of('raw round trip', 'p99') },
  ],
}
