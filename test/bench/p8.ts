/** P8: the event loop stays free while the broker is at its busiest: delays seen by a timer of 1 ms. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Queue } from 'leveret'
import { type Bar, Countdown, type Figures, type Lookup, type Variant } from './harness.js'

const RUN_MS = 600
const BACKLOG = 1_000_000

interface Job {
  readonly id: number
}

const delays = (histogram: IntervalHistogram): Figures => ({
  p50: histogram.percentile(50) / 1e6,
  p99: histogram.percentile(99) / 1e6,
  max: histogram.max / 1e6,
})

/** The delays of the event loop while `work` goes on. */
async function during(work: () => Promise<void>): Promise<Figures> {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  await work()
  histogram.disable()
  return delays(histogram)
}

/** Tells when the time is over; looks at the clock once in a while, so that looking is not what takes the time. */
function timeIsUp(): () => boolean {
  const end = performance.now() + RUN_MS
  let calls = 0
  return () => ++calls % 64 === 0 && performance.now() > end
}

const loop = (work: (queue: Queue<Job>) => Promise<void>): Variant => ({
  prepare: async () => {
    const { Broker } = await import('leveret')
    const bus = new Broker().virtualHost('/')
    let serial = 0
    const round = async (): Promise<Figures> => {
      const queue = await bus.declareQueue<Job>(`jobs-${serial++}`)
      const figures = await during(() => work(queue))
      await queue.delete()
      return figures
    }
    await round()
    return round
  },
})

const sends = loop(async (queue) => {
  await using _consumer = queue.createConsumer().consume((delivery) => delivery.ack())
  for (const over = timeIsUp(); !over(); ) await queue.send({ id: 1 })
})

const publishes = loop(async (queue) => {
  await using _consumer = queue.createConsumer().consume((delivery) => delivery.ack())
  for (const over = timeIsUp(); !over(); ) if (!queue.publish({ id: 1 })) await queue.drained()
})

const requeues = loop(async (queue) => {
  for (let id = 0; id < 100; id++) queue.publish({ id })
  const over = timeIsUp()
  const countdown = new Countdown()
  const end = countdown.start(100)
  let ending = false
  await using _consumer = queue.createConsumer({ prefetch: 10 }).consume((delivery) => {
    ending ||= over()
    if (ending) {
      delivery.ack()
      countdown.tick()
    } else delivery.requeue()
  })
  await end
})

/** Filled before, so that only the reading is measured. */
const backlog: Variant = {
  prepare: async () => {
    const { Broker } = await import('leveret')
    const bus = new Broker().virtualHost('/')
    const queue = await bus.declareQueue<Job>('jobs')
    return async () => {
      for (let id = 0; id < BACKLOG; id++) if (!queue.publish({ id })) await queue.drained()
      return during(async () => {
        let left = BACKLOG
        for await (const delivery of queue.createConsumer()) {
          delivery.ack()
          if (--left === 0) break
        }
      })
    }
  },
}

/** An event loop with nothing to do but to turn, in a process that holds as much. */
const idle: Variant = {
  prepare: () => {
    const held = Array.from({ length: BACKLOG }, (_, id) => ({ exchange: '', routingKey: 'jobs', body: { id } }))
    return () =>
      during(async () => {
        for (const over = timeIsUp(); !over(); ) await new Promise((resolve) => setImmediate(resolve))
        if (held.length !== BACKLOG) throw new Error('unreachable: keeps the objects alive')
      })
  },
}

const bound = (of: Lookup): number => Math.max(10, 2 * of('idle', 'p99'))

const comparison = (variant: string) => ({
  title: `${variant}: p99 of the delay`,
  unit: 'ms',
  value: (of: Lookup) => of(variant, 'p99'),
  atMost: bound,
})

export const bar: Bar = {
  id: 'P8',
  title: 'event-loop delay in loops that never pause; bar: 10 ms, or twice that of an idle loop with the same heap',
  variants: { sends, publishes, 'for await over 1,000,000': backlog, requeues, idle },
  comparisons: ['sends', 'publishes', 'for await over 1,000,000', 'requeues'].map(comparison),
}
