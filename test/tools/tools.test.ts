// A gate that lets everything through looks the same as a clean repository; so each is shown the mistake it stops.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blocksOf } from './blocks.js'
import { inTwos, run } from './child.js'
import { checkLayers } from './layers.js'

function faultsOf(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'leveret-layers-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return checkLayers(root).faults
}

describe('the layer gate', () => {
  test.each([
    ['data/ring.ts', '../errors.js'],
    ['errors.ts', './broker/queue-state.js'],
    ['errors.ts', './index.js'],
    ['exchange-types/topic.ts', '../broker/queue-state.js'],
    ['exchange-types/topic.ts', '../message-stores/fifo.js'],
    ['broker/queue-state.ts', '../channel/channel.js'],
    ['broker/queue-state.ts', '../handles/queue.js'],
    ['channel/channel.ts', '../broker/queue-state.js'],
    ['handles/queue.ts', '../broker/queue-state.js'],
    ['handles/queue.ts', '../channel/local-channel.js'],
    ['local/broker.ts', '../index.js'],
    ['index.ts', './testing/index.js'],
    ['testing/index.ts', '../errors.js'],
    ['testing/index.ts', '../amqplib/index.js'],
  ])('refuses that %s imports %s', (file, name) => {
    const target = join(dirname(file), name).replace(/\.js$/, '.ts')
    expect(faultsOf({ [file]: `import type { It } from '${name}'`, [target]: '' })).toEqual([
      expect.stringContaining(`${file} (layer`),
    ])
  })

  test.each([
    ['handles/queue.ts', '../channel/channel.js'],
    ['queue-arguments/priority.ts', '../message-stores/message-store.js'],
    ['exchange-types/registry.ts', './topic.js'],
    ['local/broker.ts', '../handles/queue.js'],
    ['testing/index.ts', '../internal.js'],
    ['worker/index.ts', '../wire/frames.js'],
  ])('allows that %s imports %s', (file, name) => {
    const target = join(dirname(file), name).replace(/\.js$/, '.ts')
    expect(faultsOf({ [file]: `import type { It } from '${name}'`, [target]: '' })).toEqual([])
  })

  test.each([
    'export { it } from "../broker/it.js"',
    'export type { it } from "../broker/it.js"',
    'const it = await import("../broker/it.js")',
    'let it: import("../broker/it.js").It',
  ])('sees through %s', (text) => {
    expect(faultsOf({ 'handles/queue.ts': text, 'broker/it.ts': '' })).toHaveLength(1)
  })

  test.each([
    'export class Queue {}',
    'class Consumer<Body> {}',
    'abstract class Producer implements It {}',
    'export class WorkerQueue<Body> extends Queue<Body> {}',
    'export class Sender extends leveret.QueueProducer {}',
    'const it = class extends Consumer {}',
  ])('refuses handles that an engine makes for itself: %s', (text) => {
    const [fault, ...others] = faultsOf({ 'worker/it.ts': text })
    expect([fault, others]).toEqual([expect.stringContaining('the handles are in handles/, for every engine'), []])
    expect(faultsOf({ 'handles/it.ts': text })).toEqual([])
  })

  test.each([
    'class HostConsumer {}',
    'class QueueState extends State {}',
    'export type Of<Q> = Q extends Queue<infer Body> ? Body : never',
    '/** A class Queue, in words. */',
  ])('has nothing against %s', (text) => {
    expect(faultsOf({ 'worker/it.ts': text })).toEqual([])
  })

  test('keeps node: out of the core and foreign packages out of everything but the entries', () => {
    expect(faultsOf({ 'local/broker.ts': "import 'node:fs'" })).toHaveLength(1)
    expect(faultsOf({ 'handles/queue.ts': "import 'lodash'" })).toHaveLength(1)
    expect(faultsOf({ 'data/ring.ts': "import 'eventemitter3'" })).toHaveLength(1)
    expect(faultsOf({ 'local/broker.ts': "import 'eventemitter3'", 'worker/index.ts': "import 'node:fs'" })).toEqual([])
  })

  test('reports a cycle, of type-only imports too, with its whole path', () => {
    const files = {
      'broker/a.ts': "import './b.js'",
      'broker/b.ts': "import type { C } from './c.js'",
      'broker/c.ts': "import './a.js'",
    }
    expect(faultsOf(files)).toEqual(['import cycle: broker/a.ts -> broker/b.ts -> broker/c.ts -> broker/a.ts'])
  })

  test('reports an import of no file', () => {
    expect(faultsOf({ 'broker/a.ts': "import './b.js'" })).toEqual([expect.stringContaining('no file')])
  })
})

describe('the documentation runner', () => {
  test('finds ts and js blocks with their lines, and leaves other languages alone', () => {
    const text = [
      '# A',
      '```ts',
      'one()',
      '```',
      '```sh',
      'npm ci',
      '```',
      '- list',
      '  ```js',
      '  two()',
      '  ```',
    ].join('\n')
    expect(blocksOf('README.md', text)).toEqual({
      blocks: [
        { file: 'README.md', line: 3, language: 'ts', code: 'one()' },
        { file: 'README.md', line: 10, language: 'js', code: 'two()' },
      ],
      faults: [],
    })
  })

  test('reads only the doc comments of a source file', () => {
    const text = [
      'const a = `',
      '```ts',
      'no()',
      '```',
      '`',
      '/**',
      ' * @example',
      ' * ```ts',
      ' * yes()',
      ' * ```',
      ' */',
    ].join('\n')
    expect(blocksOf('src/a.ts', text)).toEqual({
      blocks: [{ file: 'src/a.ts', line: 9, language: 'ts', code: 'yes()' }],
      faults: [],
    })
  })

  test('keeps the reason of a block that is not run', () => {
    const { blocks, faults } = blocksOf('README.md', '```ts no-run: needs a server\nserve()\n```')
    expect(blocks[0]?.noRun).toBe('needs a server')
    expect(faults).toEqual([])
  })

  test('keeps the reason of a block that is not compiled', () => {
    const { blocks, faults } = blocksOf('README.md', '```ts no-check: needs bullmq\nadd()\n```')
    expect(blocks[0]).toMatchObject({ noCheck: 'needs bullmq' })
    expect(blocks[0]?.noRun).toBeUndefined()
    expect(faults).toEqual([])
  })

  test.each([
    ['no-run without a reason', '```ts no-run\nserve()\n```'],
    ['an empty reason', '```ts no-run: \nserve()\n```'],
    ['no-check without a reason', '```ts no-check:\nserve()\n```'],
    ['a language by another name', '```typescript\nserve()\n```'],
    ['a block that is never closed', '```ts\nserve()'],
  ])('refuses %s', (_name, text) => {
    expect(blocksOf('README.md', text).faults).toHaveLength(1)
  })

  test('refuses an @example without a block', () => {
    expect(blocksOf('src/a.ts', '/**\n * @example\n * yes()\n */').faults).toHaveLength(1)
  })
})

describe('child processes', () => {
  test('are killed at their limit and say so', async () => {
    const outcome = await run(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], {
      timeout: 500,
    })
    expect(outcome).toMatchObject({ code: 'timeout' })
  })

  test('answer with their exit code and both outputs', async () => {
    const outcome = await run(process.execPath, ['-e', 'console.log(1); console.error(2); process.exit(3)'])
    expect(outcome.code).toBe(3)
    expect(outcome.output.trim().split('\n').sort()).toEqual(['1', '2'])
  })

  test('run at most two at once and answer in order', async () => {
    let running = 0
    let most = 0
    const answers = await inTwos([3, 1, 2], async (item) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, item * 5))
      running--
      return item
    })
    expect(answers).toEqual([3, 1, 2])
    expect(most).toBe(2)
  })
})

describe('the package', () => {
  interface Locked {
    readonly optionalDependencies?: Readonly<Record<string, string>>
    readonly resolved?: string
  }
  const packages: Readonly<Record<string, Locked>> = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages

  test('depends on nothing at run time', () => {
    const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect({ ...dependencies, ...peerDependencies, ...optionalDependencies }).toEqual({})
  })

  test('locks its tools without naming a registry, so that npm ci works behind any mirror', () => {
    expect(Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined)).toEqual([])
  })

  test('locks the optional packages of every platform, because npm ci refuses a lockfile that leaves one out', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
      ),
    )
    expect(missing).toEqual([])
  })
})
