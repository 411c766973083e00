/** A worker dies, at every point at which it can: nothing that was confirmed is lost, and what it saw comes back flagged. */
import { Broker, type Bus, type Delivery, type Queue } from 'leveret'
import { type Fault, type StopOptions, type TestKit, testBroker } from 'leveret/testing'
import { loopback } from 'leveret/worker'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { takeAll } from '../bus/helpers.js'
import { expectConserved } from '../support/conservation.js'
import { turn } from '../support/turn.js'
import { endThreads, forgetThreads, inThread, prepareThreads } from './threads.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })
beforeAll(prepareThreads)
afterEach(endThreads)
afterAll(forgetThreads)

/** Where a worker dies. */
const POINTS = [
  'before a hand-over',
  'in the handler',
  'between an ack and its post',
  'during a batch post',
  'during a declare',
] as const
type Point = (typeof POINTS)[number]

/** What handlers saw and acknowledged, and what was confirmed to publishers, by body; and what came unflagged again. */
class Book {
  readonly seen: Uint8Array
  readonly acked: Uint8Array
  readonly confirmed: Uint8Array
  readonly unflagged: Uint8Array
  readonly shared: {
    seen: SharedArrayBuffer
    acked: SharedArrayBuffer
    confirmed: SharedArrayBuffer
    unflagged: SharedArrayBuffer
  }

  constructor(size: number) {
    const make = () => new SharedArrayBuffer(size)
    this.shared = { seen: make(), acked: make(), confirmed: make(), unflagged: make() }
    this.seen = new Uint8Array(this.shared.seen)
    this.acked = new Uint8Array(this.shared.acked)
    this.confirmed = new Uint8Array(this.shared.confirmed)
    this.unflagged = new Uint8Array(this.shared.unflagged)
  }

  /** Holds the books against what is left in the queues. */
  async balance(broker: Broker, work: Queue<number>, out: Queue<number>, sent: number): Promise<void> {
    await turn()
    expectConserved(broker, { idle: true })
    const stats = await work.stats()
    const left = await takeAll(work)
    expect(stats).toMatchObject({ unacked: 0, enqueued: sent, acked: sent - left.length })
    for (const { body, redelivered } of left) {
      if (this.seen[body] === 1) expect([body, redelivered]).toEqual([body, true])
    }
    const there = new Set(left.map(({ body }) => body))
    const lost = upTo(sent).filter((body) => this.acked[body] === 0 && !there.has(body))
    const passedOn = new Set((await takeAll(out)).map(({ body }) => body))
    const unconfirmed = upTo(sent).filter((body) => this.confirmed[body] === 1 && !passedOn.has(body))
    expect({ lost, unconfirmed, unflagged: this.unflagged.indexOf(1) }).toEqual({
      lost: [],
      unconfirmed: [],
      unflagged: -1,
    })
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('a thread that dies', () => {
  for (const point of POINTS) {
    it(`${point} loses nothing, 20 times under load`, async () => {
      const broker = new Broker()
      const host = broker.virtualHost('/')
      const [work, out] = [await host.declareQueue<number>('work'), await host.declareQueue<number>('out')]
      const book = new Book(2_000)
      let sent = 0
      for (let round = 0; round < 5; round++) {
        const threads = [0, 1, 2, 3].map((nth) =>
          inThread(
            broker,
            async ({ bus, data: { point, nth, shared } }) => {
              const seen = new Uint8Array(shared.seen)
              const acked = new Uint8Array(shared.acked)
              const confirmed = new Uint8Array(shared.confirmed)
              const unflagged = new Uint8Array(shared.unflagged)
              const out = bus.queue<number>('out')
              let handled = 0
              const handle = (delivery: Delivery<number>) => {
                const { body } = delivery
                if (seen[body] === 1 && !delivery.redelivered) unflagged[body] = 1
                seen[body] = 1
                handled++
                void out.send(body).then(() => {
                  confirmed[body] = 1
                })
                if (point === 'in the handler' && handled === 5 + nth) process.exit(1)
                // n.b. written before: it may be posted at once.
                acked[body] = 1
                delivery.ack()
                if (point === 'between an ack and its post' && handled === 5 + nth) process.exit(1)
              }
              const consumer = bus.queue<number>('work').createConsumer({ prefetch: 10 }).consume(handle)
              if (point === 'before a hand-over') {
                for (let i = 0; i < 5; i++) await undefined
                // Deliveries come while this thread hears nothing.
                Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30)
                process.exit(1)
              }
              if (point === 'during a batch post') {
                await new Promise((resolve) => setTimeout(resolve, nth))
                for (let n = 0; n < 1_200; n++) bus.queue('other').publish(n)
                process.exit(1)
              }
              if (point === 'during a declare') {
                await new Promise((resolve) => setTimeout(resolve, nth))
                for (let n = 0; n < 20; n++) void bus.declareQueue(`own.${nth}.${n}`, { exclusive: true })
                for (let i = 0; i < nth; i++) await undefined
                process.exit(1)
              }
              return consumer
            },
            { point: point as Point, nth, shared: book.shared },
          ),
        )
        const dead = Promise.all(threads.map(({ exited }) => exited))
        let over = false
        void dead.then(() => {
          over = true
        })
        // Load, until all of them died of it; and enough for each to get to its point.
        for (const end = sent + 300; sent < end && !over; sent++) {
          await work.send(sent)
          if (sent % 20 === 0) await turn()
        }
        expect(await dead).toEqual([1, 1, 1, 1])
        expect(threads.flatMap(({ errors }) => errors)).toEqual([])
      }
      await turn()
      expect(host.queues().map(({ name }) => name)).toEqual(['work', 'out'])
      expect(host.overview().connections).toEqual(['virtual host /'])
      await book.balance(broker, work, out, sent)
    })
  }
})

/** The same points as the kit has them. */
const MOMENTS: Readonly<Record<Point, StopOptions>> = {
  'before a hand-over': { before: 'delivery', queue: 'work' },
  'in the handler': { after: 'delivery', queue: 'work' },
  'between an ack and its post': { after: 'ack', queue: 'work' },
  'during a batch post': { during: 'post' },
  'during a declare': { during: 'declare' },
}

describe('a connection that is cut', () => {
  for (const point of POINTS) {
    it(`${point} loses nothing, 40 times under load`, async () => {
      await using kit = testBroker()
      // n.b. what is left in the end is taken to be looked at.
      kit.allow({ unconsumed: 'work', unacked: true })
      const [work, out] = [await kit.bus.declareQueue<number>('work'), await kit.bus.declareQueue<number>('out')]
      const book = new Book(4_000)
      let sent = 0
      for (let nth = 1; nth <= 40; nth++) {
        const bus = await loopback(kit.broker)
        const fault = consume(kit, bus, point, 1 + (nth % 13), book)
        for (const end = sent + 80; sent < end && !bus.closed; sent++) {
          await work.send(sent)
          if (sent % 9 === 0) await kit.settled()
        }
        await kit.settled()
        expect([fault()?.fired, bus.closed]).toEqual([1, true])
        expect(kit.bus.overview().connections).toEqual(['virtual host /'])
        expect(kit.bus.queues().map(({ name }) => name)).toEqual(['work', 'out'])
      }
      await book.balance(kit.broker, work, out, sent)
    })
  }
})

/** Works; after so many deliveries it is to be cut at the point. Answers the fault when there is one. */
function consume(kit: TestKit, bus: Bus, point: Point, after: number, book: Book): () => Fault | undefined {
  const out = bus.queue<number>('out')
  let handled = 0
  let fault: Fault | undefined
  bus
    .queue<number>('work')
    .createConsumer({ prefetch: 10 })
    .on('cancelled', () => undefined)
    .consume((delivery) => {
      const { body } = delivery
      if (book.seen[body] === 1 && !delivery.redelivered) book.unflagged[body] = 1
      book.seen[body] = 1
      if (++handled === after) {
        fault = kit.faults.stopWorker(bus, MOMENTS[point])
        for (let n = 0; point === 'during a declare' && n < 5; n++)
          Promise.resolve(bus.declareQueue(`own.${n}`, { exclusive: true })).catch(() => undefined)
      }
      out.send(body).then(
        () => {
          book.confirmed[body] = 1
        },
        () => undefined,
      )
      book.acked[body] = 1
      delivery.ack()
    })
  return () => fault
}
