/** Threads of pools, threads among themselves: the recipes of docs/worker-threads.md, and a pool whose thread dies. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Broker } from 'leveret'
import { serve } from 'leveret/worker'
import { Piscina } from 'piscina'
import { Tinypool } from 'tinypool'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { expectConserved } from '../support/conservation.js'
import { run } from '../tools/child.js'
import { forget, promisesOf, recipesOf, write } from './recipes.js'

vi.setConfig({ testTimeout: 60_000 })

describe('a recipe of docs/worker-threads.md', () => {
  it.each(recipesOf().map((recipe) => [recipe.title, recipe] as const))('%s', async (_, { files }) => {
    const folder = await write(files)
    onTestFinished(() => forget(folder))
    const { code, output } = await run(process.execPath, [join(folder, 'main.js')], { timeout: 30_000 })
    const promises = promisesOf(files.get('main.js') ?? '')
    expect([code, output.trimEnd().split('\n')]).toEqual([0, promises])
    expect(promises).not.toEqual([])
  })
})

/** What a pool runs: it takes three messages, says so, and ends as it is told. */
const HOLDING = `
import { connect } from 'leveret/worker'

export default async ({ port, end }) => {
  const bus = await connect(port)
  await bus.queue('q').get()
  bus.queue('q').createConsumer({ prefetch: 2 }).consume(() => undefined)
  await bus.declareQueue('own', { exclusive: true })
  await bus.queue('said').send('holding')
  if (end === 'exit') process.exit(1)
  if (end === 'throw') setImmediate(() => { throw new Error('crashed') })
  if (end !== 'return') await new Promise(() => undefined)
}
`

let folder: string
beforeAll(async () => {
  folder = await write(new Map([['task.js', HOLDING]]))
})
afterAll(() => forget(folder))

/** n.b. tinypool does not hear of a thread that exits. */
describe.each([
  ['piscina', (filename: string) => new Piscina({ filename, maxThreads: 1 }), ['exit', 'throw', 'abort', 'return']],
  [
    'tinypool',
    (filename: string) => new Tinypool({ filename, minThreads: 1, maxThreads: 1 }),
    ['throw', 'abort', 'return'],
  ],
] as const)('a task of %s', (_, poolOf, ends) => {
  it.each(ends)('gives back at once what it held when it ends by %s', async (end) => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const [q, said] = [await host.declareQueue<number>('q'), await host.declareQueue<string>('said')]
    for (let n = 1; n <= 3; n++) await q.send(n)
    const pool = poolOf(pathToFileURL(join(folder, 'task.js')).href)
    onTestFinished(() => pool.destroy())
    const { port1, port2 } = new MessageChannel()
    serve(broker, port1)
    const controller = new AbortController()
    const ended = pool
      .run({ port: port2, end }, { transferList: [port2], signal: controller.signal })
      .catch((error: Error) => error)
    const word = await said.get({ wait: true })
    word.ack()
    if (end === 'abort') controller.abort()
    expect((await ended) instanceof Error).toBe(end !== 'return')
    // n.b. who comes to its end and leaves its bus open is still there.
    if (end === 'return') port1.close()
    const back: unknown[] = []
    for (let n = 1; n <= 3; n++) {
      const delivery = await q.get({ wait: true })
      back.push([delivery.body, delivery.redelivered])
      delivery.ack()
    }
    expect(back).toEqual([1, 2, 3].map((n) => [n, true]))
    expect(host.overview()).toMatchObject({ connections: ['virtual host /'] })
    expect(host.queues().map(({ name }) => name)).toEqual(['q', 'said'])
    expectConserved(broker, { idle: true })
  })
})
