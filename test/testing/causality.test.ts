// What `settled(callback)` waits for: what the callback caused, by whatever way, and nothing else.
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import type { Delivery, Queue } from 'leveret'
import { type TestKit, testBroker } from 'leveret/testing'
import { describe, expect, test } from 'vitest'

/** Real turns of the event loop: what a file or a socket takes. */
async function io(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await turn()
}

const open = () => testBroker({ strict: false })

/** A queue whose message 'stuck' is never done with, by a consumer of its own. */
async function stuck(kit: TestKit): Promise<void> {
  const queue = await kit.bus.declareQueue('stuck')
  queue.createConsumer().run(() => new Promise(() => undefined))
  await queue.send('stuck')
}

type Consume = (queue: Queue<number>, handle: (delivery: Delivery<number>) => Promise<void>) => void

const FORMS: readonly (readonly [string, Consume])[] = [
  ['a handler', (queue, handle) => void queue.createConsumer().run(handle)],
  ['handlers beside one another', (queue, handle) => void queue.createConsumer().run(handle, { concurrency: 5 })],
  [
    'handlers in lines of a key',
    (queue, handle) => void queue.createConsumer().run(handle, { concurrency: 5, orderBy: () => 'one' }),
  ],
  [
    'a callback',
    (queue, handle) =>
      void queue.createConsumer().consume(async (delivery) => {
        delivery.ack()
        await handle(delivery)
      }),
  ],
  [
    'a loop',
    async (queue, handle) => {
      for await (const delivery of queue.createConsumer()) {
        await handle(delivery)
        delivery.ack()
      }
    },
  ],
  [
    'a loop that acknowledges first',
    async (queue, handle) => {
      for await (const delivery of queue.createConsumer()) {
        delivery.ack()
        await handle(delivery)
      }
    },
  ],
  [
    'a loop without acknowledgement',
    async (queue, handle) => {
      for await (const delivery of queue.createConsumer({ noAck: true })) await handle(delivery)
    },
  ],
  [
    'a handler of batches',
    (queue, handle) =>
      void queue
        .createConsumer()
        .batches({ size: 3 })
        .run(async (batch) => {
          for (const delivery of batch) await handle(delivery)
        }),
  ],
  [
    'a loop over batches',
    async (queue, handle) => {
      for await (const batch of queue.createConsumer().batches({ size: 3 })) {
        batch.ack()
        for (const delivery of batch) await handle(delivery)
      }
    },
  ],
]

describe.each(FORMS)('what %s does', (_, consume) => {
  test('is waited for to its end, and what it sends then', async () => {
    await using kit = open()
    await stuck(kit)
    const [first, second] = [await kit.bus.declareQueue<number>('first'), await kit.bus.declareQueue<number>('second')]
    const done: number[] = []
    consume(first, async ({ body }) => {
      await io()
      await second.send(body * 10)
      await io()
    })
    consume(second, async ({ body }) => {
      await io()
      done.push(body)
    })
    await kit.settled(async () => {
      await first.send(1)
      await first.send(2)
    })
    expect(done.sort()).toEqual([10, 20])
    await kit.settled(() => first.send(3))
    expect(done.at(-1)).toBe(30)
  })
})

describe('settled(callback) waits', () => {
  test('for the dead letter of what was rejected', async () => {
    await using kit = open()
    await stuck(kit)
    const jobs = await kit.bus.declareQueue('jobs', { deadLetter: 'dead' })
    const dead: unknown[] = []
    jobs.createConsumer().run(() => 'reject')
    kit.bus
      .queue('dead')
      .createConsumer()
      .run(async ({ body }) => {
        await io()
        dead.push(body)
      })
    await kit.settled(() => jobs.send('x'))
    expect(dead).toEqual(['x'])
  })

  test('for the reply to a request, and what follows it', async () => {
    await using kit = open()
    await stuck(kit)
    const [double, out] = [
      await kit.bus.declareQueue<number, number>('double'),
      await kit.bus.declareQueue<number>('out'),
    ]
    const done: number[] = []
    double.respond(async (n) => {
      await io()
      return n * 2
    })
    out.createConsumer().run(async ({ body }) => {
      await io()
      done.push(body)
    })
    const asking = await kit.bus.declareQueue<number>('asking')
    asking.createConsumer().run(async ({ body }) => {
      await out.send(await double.request(body))
    })
    await kit.settled(() => asking.send(21))
    expect(done).toEqual([42])
  })

  test('not for a retry that waits for time, and for it once time has passed', async () => {
    await using kit = open()
    const jobs = await kit.bus.declareQueue('jobs', { retry: { attempts: 3, minDelay: 1000 } })
    let attempts = 0
    jobs.createConsumer().run(() => {
      attempts++
      throw new Error('no')
    })
    await kit.settled(() => jobs.send(1))
    expect(attempts).toBe(1)
    await kit.settled(() => kit.advance('1s'))
    expect(attempts).toBe(2)
  })

  test('not for a delayed send, whose handler belongs to it once it is due', async () => {
    await using kit = open()
    const jobs = await kit.bus.declareQueue('jobs')
    const done: unknown[] = []
    jobs.createConsumer().run(async ({ body }) => {
      await io()
      done.push(body)
    })
    await kit.settled(() => jobs.send('later', { delay: 1000 }))
    expect(done).toEqual([])
    await kit.advance(1000)
    expect(done).toEqual(['later'])
  })

  test('for a callback within a callback with the outer one, and not the other way round', async () => {
    await using kit = open()
    const [slow, quick] = [await kit.bus.declareQueue('slow'), await kit.bus.declareQueue('quick')]
    let letGo!: () => void
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const done: string[] = []
    slow.createConsumer().run(async () => {
      await gate
      done.push('slow')
    })
    quick.createConsumer().run(async () => {
      await io()
      done.push('quick')
    })
    const outer = kit.settled(async () => {
      await slow.send(1)
      await kit.settled(() => quick.send(1))
      done.push('inner is done')
    })
    await io(20)
    expect(done).toEqual(['quick', 'inner is done'])
    letGo()
    await outer
    expect(done).toEqual(['quick', 'inner is done', 'slow'])
  })

  test('for what is sent after a loop over other messages, as for its own', async () => {
    await using kit = open()
    const [old, own] = [await kit.bus.declareQueue('old'), await kit.bus.declareQueue('own')]
    await old.send('from before')
    const done: unknown[] = []
    own.createConsumer().run(async ({ body }) => {
      await io()
      done.push(body)
    })
    await kit.settled(async () => {
      for await (const delivery of old.createConsumer()) {
        delivery.ack()
        break
      }
      await own.send('mine')
    })
    expect(done).toEqual(['mine'])
  })

  test('for what is ready behind a message of others, whose consumer takes one at a time', async () => {
    await using kit = open()
    const queue = await kit.bus.declareQueue<string>('q')
    let letGo = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const done: string[] = []
    queue.createConsumer({ prefetch: 1 }).run(async ({ body }) => {
      if (body === 'theirs') await gate
      done.push(body)
    })
    await queue.send('theirs')
    await io()
    let settled = false
    const waiting = kit
      .settled(() => queue.send('ours'))
      .then(() => {
        settled = true
      })
    await io(20)
    expect(settled).toBe(false)
    letGo()
    await waiting
    expect(done).toEqual(['theirs', 'ours'])
  })

  test('not for what listeners of others do', async () => {
    await using kit = open()
    await stuck(kit)
    const jobs = await kit.bus.declareQueue('jobs')
    jobs.createConsumer().run(() => undefined)
    await kit.settled(() => jobs.send(1))
    expect((await jobs.stats()).acked).toBe(1)
  })
})

test('chains at random, beside one another, end when they are done and no later', async () => {
  const node: fc.Memo<Node> = fc.memo((n) =>
    fc.record({
      turns: fc.integer({ min: 0, max: 4 }),
      queue: fc.integer({ min: 0, max: 3 }),
      causes: n > 1 ? fc.array(node(), { maxLength: 2 }) : fc.constant([]),
    }),
  )
  interface Node {
    readonly turns: number
    readonly queue: number
    readonly causes: readonly Node[]
  }
  const size = ({ causes }: Node): number => 1 + causes.reduce((sum, each) => sum + size(each), 0)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(node(3), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
      async (chains) => {
        await using kit = open()
        await stuck(kit)
        const done = chains.map(() => 0)
        const queues: Queue<{ chain: number; node: Node }>[] = []
        for (const [i, [, consume]] of [FORMS[1], FORMS[2], FORMS[4], FORMS[5]].entries() as Iterable<
          [number, readonly [string, Consume]]
        >) {
          const queue = await kit.bus.declareQueue<{ chain: number; node: Node }>(`q${i}`)
          queues.push(queue)
          consume(queue as unknown as Queue<number>, async (delivery) => {
            const { chain, node } = delivery.body as unknown as { chain: number; node: Node }
            await io(node.turns)
            for (const cause of node.causes) await queues[cause.queue]?.send({ chain, node: cause })
            await io(node.turns)
            done[chain] = (done[chain] as number) + 1
          })
        }
        await Promise.all(
          chains.map(async (roots, chain) => {
            await kit.settled(async () => {
              for (const root of roots) await queues[root.queue]?.send({ chain, node: root })
            })
            expect(done[chain]).toBe(roots.reduce((sum, each) => sum + size(each), 0))
          }),
        )
      },
    ),
    { numRuns: 60 },
  )
}, 30_000)
