// When threads that crash are started again, on a clock driven by hand and with threads of the test's own.
import { EventEmitter } from 'node:events'
import { Broker } from 'leveret'
import { testBroker } from 'leveret/testing'
import { consumeInWorkers, type WorkOptions } from 'leveret/worker'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Workers } from '../../src/worker/pool.js'
import { turn } from '../support/turn.js'

/** A thread that does as the test says. */
class Thread extends EventEmitter {
  readonly heard: unknown[] = []

  postMessage(message: unknown): void {
    this.heard.push(message)
  }

  /** It consumes. */
  ready(): void {
    this.emit('message', { leveret: 'ready' })
  }

  async crash(message = 'crashed'): Promise<void> {
    this.emit('error', new Error(message))
    await this.terminate()
  }

  async terminate(): Promise<void> {
    this.emit('exit', 1)
    await turn()
  }
}

/** A pool of one thread that runs. */
async function pool(options: WorkOptions = {}) {
  const kit = testBroker()
  onTestFinished(() => kit[Symbol.asyncDispose]())
  const queue = await kit.bus.declareQueue('jobs')
  const { connection } = queue as unknown as { connection: never }
  const threads: Thread[] = []
  let refusal: Error | undefined
  const start = (): Thread => {
    if (refusal !== undefined) throw refusal
    const thread = new Thread()
    threads.push(thread)
    return thread
  }
  const workers = new Workers(connection, 'jobs', start, options)
  const told: string[] = []
  workers.on('crashed', ({ message }, thread) => void told.push(`${kit.now} crashed ${thread}: ${message}`))
  workers.on('restarted', (thread) => void told.push(`${kit.now} restarted ${thread}`))
  workers.on('failed', ({ message }, thread) => void told.push(`${kit.now} failed ${thread}: ${message}`))
  const opening = workers.open()
  threads[0]?.ready()
  await opening
  return {
    kit,
    workers,
    threads,
    told,
    last: () => threads.at(-1) as Thread,
    refuse: (error: Error) => {
      refusal = error
    },
  }
}

describe('a thread that crashes', () => {
  it('is started again after a wait that doubles with each crash, up to the longest', async () => {
    const made = await pool({ maxDelay: 1_000 })
    const waits: number[] = []
    for (let crash = 0; crash < 6; crash++) {
      await made.last().crash()
      waits.push(await made.kit.advanceToNext())
      made.last().ready()
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000])
    expect(made.told.slice(0, 4)).toEqual([
      '0 crashed 0: crashed',
      '100 restarted 0',
      '100 crashed 0: crashed',
      '300 restarted 0',
    ])
  })

  it('is started again after the shortest wait once it has run for longer than it waited', async () => {
    const made = await pool()
    const waits: number[] = []
    for (const run of [0, 100, 210, 90]) {
      await made.kit.advance(run)
      await made.last().crash()
      waits.push(await made.kit.advanceToNext())
      made.last().ready()
    }
    expect(waits).toEqual([100, 200, 100, 200])
  })

  it('waits no longer than the longest, though the shortest is longer', async () => {
    const made = await pool({ maxDelay: 50 })
    await made.last().crash()
    expect(await made.kit.advanceToNext()).toBe(50)
  })

  it('is given up when five starts in a row failed, and told as failed', async () => {
    const made = await pool()
    await made.last().crash('the first')
    const waits: number[] = []
    for (let start = 1; start <= 5; start++) {
      waits.push(await made.kit.advanceToNext())
      await made.last().crash(`start ${start}`)
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_600])
    expect(made.told.slice(-3)).toEqual([
      '1500 crashed 0: start 4',
      '3100 crashed 0: start 5',
      '3100 failed 0: start 5',
    ])
    expect(await made.kit.advanceToNext()).toBe(0)
    expect(made.threads).toHaveLength(6)
    expect(made.workers).toMatchObject({ threads: 0, closed: false })
  })

  it('has five starts again once one of them went well', async () => {
    const made = await pool()
    for (let round = 0; round < 2; round++) {
      await made.last().crash()
      for (let start = 1; start <= 4; start++) {
        await made.kit.advanceToNext()
        await made.last().crash()
      }
      await made.kit.advanceToNext()
      made.last().ready()
    }
    expect(made.told.filter((line) => line.includes('failed'))).toEqual([])
  })

  it('is given up likewise where the platform makes no thread', async () => {
    const made = await pool()
    made.refuse(new Error('out of threads'))
    await made.last().crash()
    await made.kit.advance('30s')
    expect(made.told.at(-1)).toBe('3100 failed 0: out of threads')
  })

  it('is not started again by a pool that closed meanwhile', async () => {
    const made = await pool()
    await made.last().crash()
    await made.workers.close()
    expect(await made.kit.advanceToNext()).toBe(0)
    await made.kit.advance(30_000)
    expect(made.threads).toHaveLength(1)
  })

  it('is told to finish when it was only starting while the pool began to close', async () => {
    const made = await pool()
    await made.last().crash()
    await made.kit.advanceToNext()
    const thread = made.last()
    const closing = made.workers.close({ timeout: 500 })
    thread.heard.length = 0
    thread.ready()
    expect(thread.heard).toEqual([{ leveret: 'drain', timeout: 500 }])
    await thread.terminate()
    await closing
    expect(made.workers.threads).toBe(0)
  })
})

describe('consumeInWorkers', () => {
  it('rejects with what the platform has against a thread', async () => {
    const jobs = await new Broker().virtualHost('/').declareQueue('jobs')
    const worker = { execArgv: ['--no-such-flag'] }
    const module = new URL('./handlers/jobs.mjs', import.meta.url)
    await expect(consumeInWorkers(jobs, module, { worker })).rejects.toMatchObject({
      code: 'ERR_WORKER_INVALID_EXEC_ARGV',
    })
  })
})
