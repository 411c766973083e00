// How much room a busy broker leaves for everything else, by count: turns of the event loop against messages. A turn is
// counted by a `setImmediate` that asks for the next one, or by messages of a port where `setImmediate` is faked.
import { MessageChannel } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Broker, type Queue, type StandardSchema } from '../../src/index.js'
import { FAKES, microtasks, Platform } from './fakes.js'

const MESSAGES = 40_000
/** Messages between two turns, at most. */
const LONGEST = 8192

const genuineImmediate = globalThis.setImmediate

/** Measures the longest run of messages without a turn of the event loop. */
class Turns {
  longest = 0
  turns = 0
  #run = 0

  constructor(next: (callback: () => void) => void) {
    let going = true
    const turn = () => {
      if (!going) return
      this.turns++
      this.#run = 0
      next(turn)
    }
    next(turn)
    onTestFinished(() => {
      going = false
    })
  }

  message(): void {
    if (++this.#run > this.longest) this.longest = this.#run
  }
}

function byImmediate(callback: () => void): void {
  genuineImmediate(callback)
}

/** Turns where setImmediate is faked: what the broker may not rest on, the test had better not rest on either. */
function byMessages(): (callback: () => void) => void {
  const { port1, port2 } = new MessageChannel()
  let waiting: (() => void) | undefined
  port1.on('message', () => waiting?.())
  onTestFinished(() => port1.close())
  return (callback) => {
    waiting = callback
    port2.postMessage(undefined)
  }
}

interface Loop {
  readonly what: string
  run(queue: Queue<number>, turns: Turns): Promise<void>
}

async function fill(queue: Queue<number>): Promise<void> {
  for (let i = 0; i < MESSAGES; i++) if (!queue.publish(i)) await queue.drained()
}

const LATER: StandardSchema<number> = {
  '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value: value as number }) },
}

const LOOPS: readonly Loop[] = [
  {
    what: 'awaited sends to a queue without consumer',
    run: async (queue, turns) => {
      for (let i = 0; i < MESSAGES; i++) {
        await queue.send(i)
        turns.message()
      }
    },
  },
  {
    what: 'awaited sends whose schema answers later',
    run: async (queue, turns) => {
      const producer = queue.createProducer({ body: LATER })
      for (let i = 0; i < MESSAGES; i++) {
        await producer.send(i)
        turns.message()
      }
    },
  },
  {
    what: 'a callback over a backlog whose schema answers later',
    run: async (queue, turns) => {
      await fill(queue)
      await new Promise<void>((resolve) => {
        let left = MESSAGES
        queue.createConsumer({ body: LATER }).consume((delivery) => {
          delivery.ack()
          turns.message()
          if (--left === 0) resolve()
        })
      })
    },
  },
  {
    what: 'awaited sends to an idle consumer',
    run: async (queue, turns) => {
      queue.createConsumer().consume((delivery) => delivery.ack())
      for (let i = 0; i < MESSAGES; i++) {
        await queue.send(i)
        turns.message()
      }
    },
  },
  {
    what: 'publishes that await drained when they are told to',
    run: async (queue, turns) => {
      for (let i = 0; i < MESSAGES; i++) {
        if (!queue.publish(i)) await queue.drained()
        turns.message()
      }
    },
  },
  {
    what: 'for await over a backlog',
    run: async (queue, turns) => {
      await fill(queue)
      let left = MESSAGES
      for await (const delivery of queue.createConsumer()) {
        delivery.ack()
        turns.message()
        if (--left === 0) break
      }
    },
  },
  {
    what: 'for await over a backlog without limit of prefetch',
    run: async (queue, turns) => {
      await fill(queue)
      let left = MESSAGES
      for await (const delivery of queue.createConsumer({ prefetch: 0 })) {
        delivery.ack()
        turns.message()
        if (--left === 0) break
      }
    },
  },
  {
    what: 'a callback over a backlog',
    run: async (queue, turns) => {
      await fill(queue)
      await new Promise<void>((resolve) => {
        let left = MESSAGES
        queue.createConsumer().consume((delivery) => {
          delivery.ack()
          turns.message()
          if (--left === 0) resolve()
        })
      })
    },
  },
  {
    what: 'a synchronous handler over a backlog',
    run: async (queue, turns) => {
      await fill(queue)
      await new Promise<void>((resolve) => {
        let left = MESSAGES
        queue.createConsumer().run(() => {
          turns.message()
          if (--left === 0) resolve()
        })
      })
    },
  },
  {
    what: 'gets until the queue is empty',
    run: async (queue, turns) => {
      await fill(queue)
      for (let next = await queue.get(); next !== undefined; next = await queue.get()) {
        next.ack()
        turns.message()
      }
    },
  },
  {
    what: 'a message that is requeued again and again',
    run: async (queue, turns) => {
      queue.publish(1)
      await new Promise<void>((resolve) => {
        let left = MESSAGES
        queue.createConsumer().consume((delivery) => {
          turns.message()
          if (--left > 0) delivery.requeue()
          else {
            delivery.ack()
            resolve()
          }
        })
      })
    },
  },
  {
    what: 'a message that a loop requeues again and again',
    run: async (queue, turns) => {
      queue.publish(1)
      let left = MESSAGES
      for await (const delivery of queue.createConsumer()) {
        turns.message()
        if (--left > 0) {
          delivery.requeue()
          continue
        }
        delivery.ack()
        break
      }
    },
  },
  {
    what: 'two queues that feed each other',
    run: async (queue, turns) => {
      const bus = new Broker().virtualHost('/')
      const ping = await bus.declareQueue<number>('ping')
      const pong = await bus.declareQueue<number>('pong')
      expect(queue.name).toBe('q')
      await new Promise<void>((resolve) => {
        let left = MESSAGES
        const feed = (other: Queue<number>) => {
          turns.message()
          if (--left > 0) other.publish(left)
          else resolve()
        }
        ping.createConsumer().run(() => feed(pong))
        pong.createConsumer().run(() => feed(ping))
        ping.publish(MESSAGES)
      })
    },
  },
]

async function expectTurns(loop: Loop, turns: Turns): Promise<void> {
  const queue = await new Broker().virtualHost('/').declareQueue<number>('q')
  await loop.run(queue, turns)
  expect(turns.longest).toBeLessThanOrEqual(LONGEST)
  expect(turns.turns).toBeGreaterThanOrEqual(Math.floor(MESSAGES / LONGEST))
}

test.each(LOOPS)('the event loop has a turn every 8,192 messages at least in $what', async (loop) => {
  await expectTurns(loop, new Turns(byImmediate))
})

describe.each(FAKES)('while $name fakes setImmediate', (row) => {
  test.each(LOOPS)('the event loop has a turn every 8,192 messages at least in $what', async (loop) => {
    new Platform().fake(row)
    await expectTurns(loop, new Turns(byMessages()))
  })
})

test('a backlog is assigned to a new consumer without limit in slices, with turns between them', async () => {
  const broker = new Broker()
  const bus = broker.virtualHost('/')
  const queue = await bus.declareQueue<number>('q')
  await fill(queue)
  await new Promise(genuineImmediate)
  const assigned = () => MESSAGES - (bus.queues()[0]?.stats.ready ?? 0)
  let most = 0
  let before = 0
  let slices = 0
  const iterator = queue.createConsumer({ prefetch: 0 })[Symbol.asyncIterator]()
  expect(assigned()).toBeLessThanOrEqual(256)
  for (; assigned() < MESSAGES; slices++) {
    before = assigned()
    await new Promise(genuineImmediate)
    most = Math.max(most, assigned() - before)
  }
  expect(most).toBeLessThanOrEqual(LONGEST)
  expect(slices).toBeGreaterThanOrEqual(Math.floor(MESSAGES / LONGEST))
  await iterator.return?.()
  expect(bus.queues()[0]?.stats).toMatchObject({ ready: MESSAGES, unacked: 0 })
})

describe('a handler is never called inside of', () => {
  async function start() {
    const bus = new Broker().virtualHost('/')
    const queue = await bus.declareQueue<number>('q')
    const other = await bus.declareQueue<number>('other')
    const got: string[] = []
    return { bus, queue, other, got }
  }

  test('publish and send', async () => {
    const { queue, got } = await start()
    queue.createConsumer().consume((delivery) => got.push(`consume ${delivery.body}`))
    queue.createConsumer().run((delivery) => void got.push(`run ${delivery.body}`))
    queue.publish(1)
    queue.publish(2)
    const sent = [queue.send(3), queue.send(4)]
    expect(got).toEqual([])
    await Promise.all(sent)
    await microtasks()
    expect(got.length).toBeGreaterThanOrEqual(3)
  })

  test('the call that attaches it, nor of a declare', async () => {
    const { bus, queue, got } = await start()
    queue.publish(1)
    queue.createConsumer().consume((delivery) => got.push(`consume ${delivery.body}`))
    const declared = bus.declareQueue('third', { bindings: [] })
    expect(got).toEqual([])
    await declared
    await microtasks()
    expect(got).toEqual(['consume 1'])
  })

  test('the settlement that frees its credit', async () => {
    const { queue, got } = await start()
    for (let i = 1; i <= 4; i++) queue.publish(i)
    let inside = false
    queue.createConsumer({ prefetch: 1 }).consume((delivery) => {
      expect(inside).toBe(false)
      inside = true
      const before = got.length
      if (delivery.body === 2 && !delivery.redelivered) delivery.requeue()
      else if (delivery.body === 3) delivery.reject()
      else delivery.ack()
      expect(got).toHaveLength(before)
      inside = false
      got.push(`consume ${delivery.body}`)
    })
    await microtasks()
    expect(got).toEqual(['consume 1', 'consume 2', 'consume 2', 'consume 3', 'consume 4'])
  })

  test('a publish that another handler makes', async () => {
    const { queue, other, got } = await start()
    other.createConsumer().consume((delivery) => {
      got.push(`other ${delivery.body}`)
      delivery.ack()
    })
    queue.createConsumer().consume((delivery) => {
      got.push(`begins ${delivery.body}`)
      other.publish(delivery.body)
      delivery.ack()
      got.push(`ends ${delivery.body}`)
    })
    queue.publish(1)
    await microtasks()
    expect(got).toEqual(['begins 1', 'ends 1', 'other 1'])
  })

  test('cancel, resume, and the close of another consumer', async () => {
    const { bus, queue, got } = await start()
    bus.pause('q')
    queue.publish(1)
    queue.publish(2)
    const holder = queue.createConsumer({ prefetch: 1, priority: 1 })
    const iterator = holder[Symbol.asyncIterator]()
    queue.createConsumer().consume((delivery) => got.push(`${delivery.body}`))
    bus.resume('q')
    expect(got).toEqual([])
    await microtasks()
    expect(got).toEqual(['2'])
    void iterator.return?.()
    expect(got).toEqual(['2'])
    await microtasks()
    expect(got).toEqual(['2', '1'])
  })
})
