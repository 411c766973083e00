/** P4: a backlog of a million messages, queued and then drained with acknowledgements; its memory and its turns. */
import type { QueueOptions } from 'leveret'
import { type Bar, Countdown, type Figures, heapUsed, nextMacrotask, seen, type Variant, variant } from './harness.js'
import type { Order } from './p1.js'

const MILLION = 1_000_000

/** A queue and how it is filled and drained. */
async function prepareQueue(options: QueueOptions = {}) {
  const { Broker } = await import('leveret')
  const bus = new Broker().virtualHost('/')
  const queue = await bus.declareQueue<Order>('orders', options)
  const countdown = new Countdown()
  return {
    fill: async (count: number): Promise<void> => {
      for (let id = 0; id < count; id++) if (!queue.publish({ id })) await queue.drained()
    },
    /** The same body again and again: what is left is the cost of the queue. */
    fillWithOne: async (count: number): Promise<void> => {
      const body = { id: 1 }
      for (let id = 0; id < count; id++) if (!queue.publish(body)) await queue.drained()
    },
    drain: async (count: number): Promise<void> => {
      const end = countdown.start(count)
      const consumer = queue.createConsumer({ prefetch: 100 }).consume((delivery) => {
        seen.sum += delivery.body.id
        delivery.ack()
        countdown.tick()
      })
      await end
      await consumer.close()
    },
  }
}

const CHUNK = 1024
const PROPERTIES = Object.freeze({})

/**
 * What a message is besides its place in a queue. n.b. a class, like the broker's: V8 learns to allocate literals that
 * live long where the garbage collector does not copy them, and instances it does not.
 */
class Envelope {
  readonly exchange = ''
  readonly routingKey = 'orders'
  readonly body: Order
  readonly properties = PROPERTIES
  readonly size = -1
  readonly bcc = undefined

  constructor(body: Order) {
    this.body = body
  }
}

/** The least a queue can be: envelopes in chunks of an array. */
class PlainQueue {
  readonly #chunks: Envelope[][] = [[]]
  #tail = this.#chunks[0] as Envelope[]

  push(envelope: Envelope): void {
    if (this.#tail.length === CHUNK) {
      this.#tail = []
      this.#chunks.push(this.#tail)
    }
    this.#tail.push(envelope)
  }

  drain(take: (envelope: Envelope) => void): void {
    for (let i = 0; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i] as Envelope[]
      for (let j = 0; j < chunk.length; j++) take(chunk[j] as Envelope)
      this.#chunks[i] = []
    }
  }
}

/**
 * Times the work on `count` messages, several times a round: where the collector's turns fall is chance.
 * n.b. no collection is forced: the heap would shrink, and the round would time how it grows again.
 */
function time(count: number, times: number, prepare: () => Promise<(count: number) => unknown>): Variant {
  return variant(count * times, count * 2, async () => {
    const work = await prepare()
    return async (messages) => {
      for (let left = messages; left > 0; left -= count) await work(Math.min(count, left))
    }
  })
}

async function prepareLeveret(): Promise<(count: number) => Promise<void>> {
  const { fill, drain } = await prepareQueue()
  return async (count) => {
    await fill(count)
    await drain(count)
  }
}

async function prepareArray(): Promise<(count: number) => void> {
  return (count) => {
    const queue = new PlainQueue()
    for (let id = 0; id < count; id++) queue.push(new Envelope({ id }))
    queue.drain((taken) => {
      seen.sum += taken.body.id
    })
  }
}

/** Bytes on the heap for each message of a queue that holds a million; the body is one object for all. */
const heap = (options: QueueOptions): Variant => ({
  flags: ['--expose-gc'],
  prepare: async () => {
    const { fillWithOne, drain } = await prepareQueue(options)
    await fillWithOne(10_000)
    await drain(10_000)
    return async () => {
      const before = heapUsed()
      await fillWithOne(MILLION)
      const bytes = (heapUsed() - before) / MILLION
      await drain(MILLION)
      return { bytes }
    }
  },
})

/** The longest time between two macrotasks while `work` goes on. */
async function longestTurn(work: () => Promise<void>): Promise<Figures> {
  let over = false
  let ms = 0
  const watch = async (): Promise<void> => {
    for (let last = performance.now(); !over; ) {
      await nextMacrotask()
      const now = performance.now()
      ms = Math.max(ms, now - last)
      last = now
    }
  }
  const watching = watch()
  await work()
  over = true
  await watching
  return { ms }
}

const turns: Variant = {
  prepare: async () => {
    const work = await prepareLeveret()
    await work(100_000)
    return () => longestTurn(() => work(MILLION))
  },
}

/** The floor of a turn: the same envelopes, 1,000 at a time; what its longest turn takes is garbage collection. */
const plainTurns: Variant = {
  prepare: () => {
    const work = async (count: number): Promise<void> => {
      const queue = new PlainQueue()
      for (let id = 0; id < count; id++) {
        queue.push(new Envelope({ id }))
        if (id % 1000 === 0) await nextMacrotask()
      }
      queue.drain((taken) => {
        seen.sum += taken.body.id
      })
    }
    return () => longestTurn(() => work(MILLION))
  },
}

export const bar: Bar = {
  id: 'P4',
  title: 'a backlog of 1,000,000 queued, then drained with acks',
  variants: {
    leveret: time(MILLION, 1, prepareLeveret),
    'leveret, 300,000': time(300_000, 3, prepareLeveret),
    array: time(MILLION, 3, prepareArray),
    'heap, plain': heap({}),
    'heap, TTL': heap({ messageTtl: 3_600_000 }),
    turns,
    'turns of the array': plainTurns,
  },
  comparisons: [
    {
      title: 'time, of the same envelopes through a plain chunked array',
      value: (of) => of('leveret') / of('array'),
      atMost: 2.2,
    },
    {
      title: 'a message at 1,000,000 costs, of one at 300,000',
      value: (of) => of('leveret') / of('leveret, 300,000'),
      atMost: 1.3,
    },
    { title: 'heap above the body, a message', unit: 'bytes', value: (of) => of('heap, plain', 'bytes'), atMost: 100 },
    {
      title: 'heap above the body, a message with TTL',
      unit: 'bytes',
      value: (of) => of('heap, TTL', 'bytes'),
      atMost: 190,
    },
    {
      title: 'longest turn, of the longest garbage collection of the array',
      value: (of) => of('turns', 'ms') / of('turns of the array', 'ms'),
      atMost: 2,
    },
  ],
}
