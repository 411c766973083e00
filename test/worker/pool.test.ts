// A queue worked off by threads: started, started again when they crash, drained and ended.
import { Broker, type Queue } from 'leveret'
import { type TestKit, testBroker } from 'leveret/testing'
import { consumeInWorkers, loopback, type Workers, type WorkOptions } from 'leveret/worker'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { turn } from '../support/turn.js'
import { codecs, Money } from './handlers/money.js'

const HANDLERS = new URL('./handlers/', import.meta.url)
/** n.b. they load this package from its sources. */
const worker = { execArgv: ['--import', 'tsx'] }

interface Job {
  readonly id: number
  readonly do?: 'throw' | 'exit' | 'crash' | 'wait' | 'block'
}

interface Done {
  readonly id: number
  readonly threadId: number
}

interface Pool {
  readonly kit: TestKit
  readonly broker: Broker
  readonly jobs: Queue<Job>
  readonly done: Queue<Done>
  readonly workers: Workers
}

/** A pool that works `jobs` off into `done`. */
async function pool(
  options: WorkOptions = {},
  handler = 'jobs.mjs',
  clock: 'platform' | 'virtual' = 'platform',
): Promise<Pool> {
  const kit = testBroker({ clock, timeout: 30_000, strict: false })
  const { broker, bus } = kit
  broker.on('fault', () => undefined)
  const jobs = await bus.declareQueue<Job>('jobs', { type: 'quorum', deliveryLimit: 2, deadLetter: 'dead' })
  const done = await bus.declareQueue<Done>('done')
  await bus.declareQueue('go')
  await bus.declareQueue('waiting')
  const workers = await consumeInWorkers(jobs, new URL(handler, HANDLERS), { worker, minDelay: 1, ...options })
  onTestFinished(async () => {
    await workers.close({ timeout: 0 })
    await kit[Symbol.asyncDispose]()
  })
  return { kit, broker, jobs, done, workers }
}

async function take(queue: Queue<Done>, count: number): Promise<Done[]> {
  const taken: Done[] = []
  for await (const delivery of queue.createConsumer()) {
    taken.push(delivery.body)
    delivery.ack()
    if (taken.length === count) break
  }
  return taken
}

/** Threads take their time to start on a busy machine. */
describe('a queue worked off by threads', { timeout: 60_000 }, () => {
  it('is worked off by all of them, each with a bus of its own', async () => {
    const { kit, broker, jobs, done, workers } = await pool({ threads: 2 })
    expect(workers.threads).toBe(2)
    for (let id = 0; id < 2; id++) await jobs.send({ id, do: 'wait' })
    // n.b. both wait, so that they are in a thread each.
    for (let id = 0; id < 2; id++) await kit.delivered.any({ queue: jobs, body: { id } })
    for (let id = 0; id < 2; id++) await broker.virtualHost('/').queue('go').send(id)
    const taken = await take(done, 2)
    expect(new Set(taken.map(({ threadId }) => threadId)).size).toBe(2)
  })

  it('starts a thread again that crashed, and sends the message that does it to the dead-letter queue', async () => {
    const { kit, broker, jobs, done, workers } = await pool({ prefetch: 1 })
    const told: string[] = []
    workers.on('crashed', ({ message }, thread) => void told.push(`crashed ${thread}: ${message}`))
    workers.on('restarted', (thread) => void told.push(`restarted ${thread}`))
    await jobs.send({ id: 1, do: 'exit' })
    await jobs.send({ id: 2 })
    expect(await take(done, 1)).toMatchObject([{ id: 2 }])
    const dead = await broker.virtualHost('/').queue<Job>('dead').get({ wait: true })
    expect(dead?.body).toEqual({ id: 1, do: 'exit' })
    dead?.ack()
    const crash = ['crashed 0: thread 0 ended by itself, with exit code 3', 'restarted 0']
    expect(told).toEqual([...crash, ...crash, ...crash])
    await kit.settled()
    expect(await jobs.stats()).toMatchObject({ acked: 1, deliveryLimited: 1, ready: 0, unacked: 0 })
  })

  it('gives back all that a thread had when it crashes, flagged and as failed', async () => {
    // n.b. with a clock that stands still it is not started again.
    const kit = testBroker({ timeout: 30_000, strict: false })
    const { bus } = kit
    await bus.declareQueue('go')
    const jobs = await bus.declareQueue<Job>('jobs', { type: 'quorum', deliveryLimit: 2 })
    const workers = await consumeInWorkers(jobs, new URL('jobs.mjs', HANDLERS), { worker, prefetch: 3 })
    onTestFinished(() => workers.close({ timeout: 0 }))
    const crashed = new Promise<number>((resolve) => workers.on('crashed', (_, thread) => resolve(thread)))
    await jobs.send({ id: 0, do: 'wait' })
    for (const id of [1, 2, 3]) await jobs.send({ id })
    await kit.delivered.any({ queue: jobs, body: { id: 2 } })
    await bus.queue('go').send('exit')
    expect(await crashed).toBe(0)
    expect(await jobs.stats()).toMatchObject({ unacked: 0, ready: 4, acked: 0, consumers: 0 })
    const back = [await jobs.get(), await jobs.get(), await jobs.get(), await jobs.get()]
    expect(back.map((each) => [each?.body.id, each?.redelivered, each?.deliveryCount])).toEqual([
      [0, true, 1],
      [1, true, 1],
      [2, true, 1],
      [3, false, 0],
    ])
  })

  it('runs as many handlers at once in a thread as its concurrency says', async () => {
    const { kit, jobs } = await pool({ concurrency: 3 })
    for (let id = 0; id < 4; id++) await jobs.send({ id, do: 'wait' })
    for (let id = 0; id < 3; id++) await kit.published.any({ key: 'waiting', body: id })
    expect(await jobs.stats()).toMatchObject({ unacked: 3, ready: 1 })
  })

  it('takes instances of classes by the codecs that both sides have', async () => {
    const broker = new Broker()
    const jobs = await broker.virtualHost('/').declareQueue<Money>('jobs')
    const done = await broker.virtualHost('/').declareQueue<Money>('done')
    const workers = await consumeInWorkers(jobs, new URL('money.ts', HANDLERS), { worker, codecs })
    onTestFinished(() => workers.close({ timeout: 0 }))
    await jobs.send(new Money(1))
    expect((await done.get({ wait: true }))?.body).toStrictEqual(new Money(2))
  })

  it('has the permissions of whoever its queue is of', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const jobs = await host.declareQueue<Job>('jobs', { deadLetter: 'dead' })
    const done = await host.declareQueue('done')
    broker.addUser('worker', { password: 'secret' })
    broker.setPermissions('worker', { configure: '', write: '', read: 'jobs' })
    const bus = broker.connect({ user: 'worker', password: 'secret' })
    const workers = await consumeInWorkers(bus.queue('jobs'), new URL('refused.mjs', HANDLERS), { worker })
    onTestFinished(() => workers.close({ timeout: 0 }))
    await jobs.send({ id: 1 })
    const dead = await host.queue<Job>('dead').get({ wait: true, noAck: true })
    expect([dead?.body, (await done.stats()).enqueued]).toEqual([{ id: 1 }, 0])
  })

  it('tells the error that nobody caught, to the broker where nobody listens', async () => {
    const { broker, jobs } = await pool()
    const fault = new Promise<unknown>((resolve) => broker.on('fault', resolve))
    await jobs.send({ id: 1, do: 'crash' })
    expect(await fault).toMatchObject({
      error: { name: 'RangeError', message: 'nobody caught this' },
      where: "thread 0 of queue 'jobs'",
    })
  })

  it('treats a handler that throws as any other, without a crash', async () => {
    const { broker, jobs, workers } = await pool()
    let crashes = 0
    workers.on('crashed', () => void crashes++)
    await jobs.send({ id: 1, do: 'throw' })
    const dead = await broker.virtualHost('/').queue<Job>('dead').get({ wait: true })
    expect(dead?.body.id).toBe(1)
    dead?.ack()
    expect(crashes).toBe(0)
  })

  it('finishes what is in hand when it closes, and leaves the rest in the queue', async () => {
    const { kit, broker, jobs, done, workers } = await pool({ prefetch: 10 })
    for (let id = 0; id < 5; id++) await jobs.send({ id, do: 'wait' })
    await kit.published.any({ key: 'waiting', body: 0 })
    const closing = workers.close()
    await expect.poll(async () => (await jobs.stats()).unacked).toBe(1)
    await broker.virtualHost('/').queue('go').send(1)
    await closing
    expect(workers).toMatchObject({ threads: 0, closed: true })
    expect(await take(done, 1)).toMatchObject([{ id: 0 }])
    expect(await jobs.stats()).toMatchObject({ acked: 1, ready: 4, unacked: 0, consumers: 0 })
    expect((await jobs.get())?.redelivered).toBe(false)
  })

  it('ends threads whose handlers take too long to finish', async () => {
    const { kit, jobs, workers } = await pool()
    await jobs.send({ id: 1, do: 'wait' })
    await kit.published.any({ key: 'waiting', body: 1 })
    await workers.close({ timeout: 10 })
    expect(await jobs.stats()).toMatchObject({ ready: 1, unacked: 0 })
  })

  it('ends threads that a handler blocks, though the clock of the broker stands still', async () => {
    const { kit, jobs, workers } = await pool({}, 'jobs.mjs', 'virtual')
    jobs.publish({ id: 1, do: 'block' })
    await kit.published.any({ key: 'waiting', body: 1 })
    await workers.close({ timeout: 0 })
    expect(workers.threads).toBe(0)
  })

  it('ends threads that a handler blocks ten seconds after the broker closed', async () => {
    const { kit, broker, jobs, workers } = await pool()
    await jobs.send({ id: 1, do: 'block' })
    await kit.published.any({ key: 'waiting', body: 1 })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await broker.close({ signal: AbortSignal.abort() })
    await vi.advanceTimersByTimeAsync(10_000)
    vi.useRealTimers()
    await expect.poll(() => workers.threads).toBe(0)
  })

  it('ends with the broker', async () => {
    const { broker, workers } = await pool()
    await broker.close()
    await expect.poll(() => workers.threads).toBe(0)
    expect(workers.closed).toBe(true)
  })

  it.each([
    ['before its threads start', () => undefined],
    ['while they do', turn],
  ])('is not begun when the broker closes %s', async (_when, wait) => {
    const broker = new Broker()
    const jobs = await broker.virtualHost('/').declareQueue('jobs')
    const beginning = consumeInWorkers(jobs, new URL('jobs.mjs', HANDLERS), { worker })
    const refused = expect(beginning).rejects.toMatchObject({ code: 'CLOSED' })
    await wait()
    await broker.close()
    await refused
  })

  it.each([
    ['in TypeScript', 'typed.ts'],
    ['in TypeScript, under the name of what it is compiled to', 'typed.js'],
  ])('takes a handler %s', async (_what, name) => {
    const { done, jobs } = await pool({}, name)
    await jobs.send({ id: 1 })
    expect(await take(done, 1)).toMatchObject([{ id: 1 }])
  })

  it.each([
    ['missing.mjs', /Cannot find module .*missing\.mjs/],
    ['broken.mjs', /this module is broken/],
    ['none.mjs', /expected a function as default export of .*none\.mjs, got undefined/],
  ])('refuses a module that is of no use: %s', async (name, message) => {
    const jobs = await new Broker().virtualHost('/').declareQueue('jobs')
    await expect(consumeInWorkers(jobs, new URL(name, HANDLERS), { worker, threads: 2 })).rejects.toThrow(message)
    expect(await jobs.stats()).toMatchObject({ consumers: 0 })
  })

  it('refuses what is no queue of a broker here, no URL, no such queue and no such option', async () => {
    const broker = new Broker()
    const jobs = await broker.virtualHost('/').declareQueue('jobs')
    const url = new URL('none.mjs', HANDLERS)
    const far = (await loopback(broker)).queue('jobs')
    await expect(consumeInWorkers(far, url)).rejects.toThrow(
      'consumeInWorkers: expected a queue of a broker in this thread',
    )
    await expect(consumeInWorkers(jobs, './jobs.js' as never)).rejects.toThrow(
      "consumeInWorkers: expected the URL of a module, got './jobs.js'",
    )
    await expect(consumeInWorkers(broker.virtualHost('/').queue('none'), url)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    await expect(consumeInWorkers(jobs, url, { thread: 2 } as never)).rejects.toThrow("did you mean 'threads'")
    await expect(consumeInWorkers(jobs, url, { codecs: 5 as never })).rejects.toThrow(
      'codecs: expected an array, got 5',
    )
    await expect(consumeInWorkers(jobs, url, { threads: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(consumeInWorkers(jobs, url, { minDelay: 60_000 })).rejects.toThrow(
      "option 'minDelay' must not be more than maxDelay, 30000 ms, got 60000",
    )
    await expect(consumeInWorkers(jobs, url, { worker: { workerData: 1 } })).rejects.toThrow(
      "option 'worker' must be an object without workerData",
    )
  })
})
