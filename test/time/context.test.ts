// Async context (AsyncLocalStorage): whoever registers a handler says in which one it runs, never whoever publishes.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Broker, type Consumer, type Delivery } from '../../src/index.js'
import { turn } from '../support/turn.js'
import { run } from '../tools/child.js'
import { Bundle } from './bundle.js'
import { microtasks } from './fakes.js'

const bundle = new Bundle()
const store = new AsyncLocalStorage<string>()

async function start() {
  const broker = new Broker()
  const bus = broker.virtualHost('/')
  return { broker, bus, queue: await bus.declareQueue<number>('q') }
}

const VERBS: readonly {
  readonly verb: string
  attach(consumer: Consumer<number>, handler: (delivery: Delivery<number>) => void): void
}[] = [
  { verb: 'consume', attach: (consumer, handler) => void consumer.consume(handler) },
  { verb: 'run', attach: (consumer, handler) => void consumer.run(handler) },
]

describe.each(VERBS)('a handler of $verb runs in the context in which it was registered', ({ attach }) => {
  test('whoever publishes', async () => {
    const { queue } = await start()
    const seen: unknown[] = []
    store.run('registration', () =>
      attach(queue.createConsumer({ noAck: true }), () => void seen.push(store.getStore())),
    )
    store.run('publisher', () => queue.publish(1))
    await store.run('sender', () => queue.send(2))
    queue.publish(3)
    await microtasks()
    expect(seen).toEqual(['registration', 'registration', 'registration'])
  })

  test('outside of every context, when it was registered there', async () => {
    const { queue } = await start()
    const seen: unknown[] = []
    attach(queue.createConsumer({ noAck: true }), () => void seen.push(store.getStore()))
    store.run('publisher', () => queue.publish(1))
    await microtasks()
    expect(seen).toEqual([undefined])
  })

  test('when a timer or another consumer causes the delivery', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { bus, queue } = await start()
    const other = await bus.declareQueue<number>('other')
    const seen: unknown[] = []
    store.run('registration', () => {
      attach(queue.createConsumer({ noAck: true }), () => void seen.push(store.getStore()))
    })
    store.run('other', () => {
      attach(other.createConsumer({ noAck: true }), () => void queue.publish(2))
    })
    await store.run('publisher', async () => {
      await queue.send(1, { delay: 50 })
      await other.send(1)
    })
    store.run('whoever advances time', () => vi.advanceTimersByTime(50))
    await microtasks()
    expect(seen).toEqual(['registration', 'registration'])
  })

  test('after the turn of the event loop that a busy broker waits for', async () => {
    const { queue } = await start()
    const seen = new Set<unknown>()
    const count = 10_000
    await new Promise<void>((resolve) => {
      let left = count
      store.run('registration', () => {
        attach(queue.createConsumer({ noAck: true }), () => {
          seen.add(store.getStore())
          if (--left === 0) resolve()
        })
      })
      store.run('publisher', () => {
        for (let i = 0; i < count; i++) queue.publish(i)
      })
    })
    expect([...seen]).toEqual(['registration'])
  })
})

test('a handler that awaits keeps its context', async () => {
  const { queue } = await start()
  const seen: unknown[] = []
  store.run('registration', () =>
    queue.createConsumer().run(async () => {
      await null
      seen.push(store.getStore())
    }),
  )
  store.run('publisher', () => queue.publish(1))
  await microtasks()
  expect(seen).toEqual(['registration'])
})

test('a loop keeps the context of whoever awaits it', async () => {
  const { queue } = await start()
  const consumer = store.run('registration', () => queue.createConsumer())
  const seen: unknown[] = []
  const looping = store.run('loop', async () => {
    for await (const delivery of consumer) {
      seen.push(store.getStore())
      delivery.ack()
      if (delivery.body === 2) break
    }
    seen.push(store.getStore())
  })
  store.run('publisher', () => queue.publish(1))
  await microtasks()
  store.run('another publisher', () => queue.publish(2))
  await looping
  expect(seen).toEqual(['loop', 'loop', 'loop'])
})

test('a waiting get keeps the context of whoever awaits it', async () => {
  const { queue } = await start()
  const got = store.run('getter', async () => {
    await queue.get({ wait: true })
    return store.getStore()
  })
  await microtasks()
  store.run('publisher', () => queue.publish(1))
  expect(await got).toBe('getter')
})

describe.each(VERBS)('the scope of $verb', ({ attach }) => {
  test('is entered once a turn, not once a message', async () => {
    const { queue } = await start()
    const entered = vi.spyOn(AsyncResource.prototype, 'runInAsyncScope')
    onTestFinished(() => void entered.mockRestore())
    let handled = 0
    attach(queue.createConsumer({ noAck: true }), () => void handled++)
    // n.b. fewer steps than it takes to use up a turn.
    for (let i = 0; i < 30; i++) queue.publish(i)
    await turn()
    expect(handled).toBe(30)
    expect(entered).toHaveBeenCalledOnce()
    for (let i = 0; i < 30; i++) queue.publish(i)
    await turn()
    expect(handled).toBe(60)
    expect(entered).toHaveBeenCalledTimes(2)
  })
})

test('without process.getBuiltinModule everything works but the context', async () => {
  const script = `
    delete process.getBuiltinModule
    process.getBuiltinModule = undefined
    const { Broker } = require('./leveret.cjs')
    const queue = new Broker().virtualHost('/').declareQueue('q')
    const main = async () => {
      const got = []
      queue.createConsumer({ noAck: true }).consume(({ body }) => got.push(body))
      queue.createConsumer({ noAck: true }).run(({ body }) => { got.push(body) })
      for (let i = 0; i < 4; i++) await queue.send(i)
      setImmediate(() => console.log(got.sort().join()))
    }
    main()`
  writeFileSync(join(bundle.folder, 'old.cjs'), script)
  expect(await run(process.execPath, [join(bundle.folder, 'old.cjs')], { timeout: 10_000 })).toMatchObject({
    code: 0,
    output: '0,1,2,3\n',
  })
})
