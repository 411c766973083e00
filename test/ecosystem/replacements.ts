// Ways to put leveret in amqplib's place that need nothing from npm: what docs/amqplib.md says, in a folder that has the
// package, amqplib, amqp-connection-manager and the scripts beside this file.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { type Outcome, run } from '../tools/child.js'

const RUN_LIMIT = 120_000
const NODE_TEST = ['--test', '--test-reporter=tap']

/** The block of the page that begins with the name of this file, so that the page is what is tested. */
export function documented(file: string): string {
  const page = readFileSync('docs/amqplib.md', 'utf8')
  const [, code] = new RegExp(`\`\`\`[^\\n]*\\n(// ${file}[^]*?)\`\`\``).exec(page) ?? []
  if (code === undefined) throw new Error(`expected a block of ${file} in docs/amqplib.md`)
  return code
}

export const runIn = (folder: string, args: readonly string[]): Promise<Outcome> =>
  run(process.execPath, args, { cwd: folder, timeout: RUN_LIMIT, env: { NODE_OPTIONS: '' } })

/** Runs a script of node:test. */
export const nodeTest = (folder: string, script: string, flags: readonly string[] = []): Promise<Outcome> =>
  runIn(folder, [...flags, ...NODE_TEST, script])

export function underNodeTest(folder: string): Promise<Outcome> {
  writeFileSync(join(folder, 'fake-amqplib.mjs'), documented('fake-amqplib.mjs'))
  return nodeTest(folder, 'node-test.mjs', ['--import', './fake-amqplib.mjs'])
}

export function underJest(folder: string): Promise<Outcome> {
  const matching = "module.exports.testMatch = ['**/jest.cjs', '**/examples.cjs']"
  writeFileSync(join(folder, 'jest.config.cjs'), `${documented('jest.config.cjs')}\n${matching}`)
  return runIn(folder, [resolve('node_modules/jest/bin/jest.js'), '--no-cache', '--no-watchman'])
}

export async function bundled(folder: string): Promise<Outcome> {
  await build({
    stdin: { contents: BUNDLED, resolveDir: folder },
    outfile: join(folder, 'bundle.cjs'),
    bundle: true,
    platform: 'node',
    alias: { amqplib: 'leveret/amqplib' },
    tsconfigRaw: {},
  })
  return nodeTest(folder, 'bundle.cjs')
}

const BUNDLED = `
const assert = require('node:assert')
require('node:test').test('a bundle has leveret for amqplib, in node_modules as well', async () => {
  const { send, count, receive } = require('./orders.cjs')
  await send('one')
  assert.equal(await count(), 1)
  assert.equal(await receive(), 'one')
})`
