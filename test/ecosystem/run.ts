// Puts the packed leveret in amqplib's place under libraries and test runners as npm has them, each in its own way, and runs
// their everyday use. What npm cannot install here is listed as skipped, with the reason. `.ci/ecosystem` builds first.
//   tsx test/ecosystem/run.ts              everything
//   tsx test/ecosystem/run.ts rascal vitest    these
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { type Outcome, run } from '../tools/child.js'
import { documented, nodeTest, runIn } from './replacements.js'

const INSTALL_LIMIT = 300_000

interface Subject {
  readonly name: string
  /** What npm installs for it, beside leveret; `amqplib` is a package of ours where it is not among them. */
  readonly packages: readonly string[]
  readonly run: (folder: string) => Promise<Outcome>
}

const NEST = ['@nestjs/common@11.2.10', '@nestjs/core@11.2.10', 'reflect-metadata@0.2.2', 'rxjs@7.8.2']
/** For an application with an amqplib of its own, which something has to replace. */
const APPLICATION = ['amqplib@2.3.1', 'amqp-connection-manager@5.0.0']

const SUBJECTS: readonly Subject[] = [
  {
    name: 'rascal',
    packages: ['rascal@21.0.1'],
    run: (folder) => nodeTest(folder, 'rascal.mjs'),
  },
  {
    name: 'nestjs-microservices',
    packages: [...NEST, '@nestjs/microservices@11.2.6', 'amqp-connection-manager@5.0.0'],
    run: (folder) => nodeTest(folder, 'nestjs-microservices.mjs'),
  },
  {
    name: 'vitest',
    packages: [...APPLICATION, 'vitest@4.1.12'],
    run: (folder) => {
      writeFileSync(join(folder, 'fake-amqplib.mjs'), documented('fake-amqplib.mjs'))
      const config = { test: { include: ['vitest.mjs'], setupFiles: ['./fake-amqplib.mjs'] } }
      writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}`)
      return runIn(folder, ['node_modules/vitest/vitest.mjs', 'run'])
    },
  },
]

/** A package by the name of amqplib that is leveret: how every library in a folder is given it at once. */
const STAND_IN = {
  'package.json': JSON.stringify({
    name: 'amqplib',
    version: '2.3.1',
    exports: { '.': './index.cjs', './callback_api': './callback_api.cjs' },
  }),
  'index.cjs': "module.exports = require('leveret/amqplib')",
  'callback_api.cjs': "module.exports = require('leveret/amqplib/callback_api')",
}

/** The first two lines in which npm says what is wrong. */
const npmErrors = (output: string) =>
  (output.match(/(?<=^npm error )(?!A complete log).+/gm) ?? []).slice(0, 2).join(', ')

/** Makes a folder with the package, what it is to run under, and the scripts; or answers why it cannot. */
async function prepare(folder: string, tarball: string, { packages }: Subject): Promise<string | undefined> {
  for (const file of readdirSync('test/ecosystem').filter((name) => /\.[mc]js$/.test(name)))
    cpSync(join('test/ecosystem', file), join(folder, file))
  const dependencies: Record<string, string> = { leveret: `file:${tarball}` }
  for (const each of packages) {
    const at = each.lastIndexOf('@')
    dependencies[each.slice(0, at)] = each.slice(at + 1)
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  // n.b. else npm would fetch the amqplib that is their peer.
  const args = ['install', '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund']
  const { code, output } = await run('npm', args, { cwd: folder, timeout: INSTALL_LIMIT })
  if (code !== 0) return `npm could not install it: ${npmErrors(output)}`
  if (dependencies['amqplib'] !== undefined) return undefined
  mkdirSync(join(folder, 'node_modules/amqplib'))
  for (const [file, text] of Object.entries(STAND_IN)) writeFileSync(join(folder, 'node_modules/amqplib', file), text)
  return undefined
}

/** How many tests passed, failed and were skipped, by the closing lines of node:test and of vitest. */
function countsOf(outcome: Outcome): { passed: number; failed: number; skipped: number } {
  const { code } = outcome
  const output = stripVTControlCharacters(outcome.output)
  const count = (tap: string, vitest: string) =>
    Number(new RegExp(`^# ${tap} (\\d+)$|^ *Tests:? .*?(\\d+) ${vitest}`, 'm').exec(output)?.slice(1).join('') ?? 0)
  const [passed, failed, skipped] = [count('pass', 'passed'), count('fail', 'failed'), count('skipped', 'skipped')]
  // n.b. a run without a test is a failure.
  return { passed, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed, skipped }
}

async function main(): Promise<void> {
  const names = SUBJECTS.map(({ name }) => name)
  const chosen = process.argv.slice(2)
  const unknown = chosen.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`expected ${names.join(', ')}, got ${unknown.join(', ')}`)
  if (!existsSync('dist/amqplib.js')) throw new Error('expected the built package in dist/: npm run build')
  const total = { passed: 0, failed: 0, skipped: 0 }
  const root = mkdtempSync(join(tmpdir(), 'leveret-ecosystem-'))
  try {
    const packing = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', root])
    if (packing.code !== 0) throw new Error(packing.output)
    const tarball = resolve(root, readdirSync(root).find((file) => file.endsWith('.tgz')) ?? '')
    for (const subject of SUBJECTS) {
      if (chosen.length > 0 && !chosen.includes(subject.name)) continue
      const folder = join(root, subject.name)
      mkdirSync(folder)
      const missing = await prepare(folder, tarball, subject)
      if (missing !== undefined) {
        total.skipped++
        console.log(`skipped ${subject.name}: ${missing}`)
        continue
      }
      const outcome = await subject.run(folder)
      const { passed, failed, skipped } = countsOf(outcome)
      total.passed += passed
      total.failed += failed
      total.skipped += skipped
      const verdict = failed === 0 ? 'ok     ' : 'FAILED '
      console.log(`${verdict} ${subject.name} on ${subject.packages.join(' ')}: ${passed} passed, ${failed} failed`)
      if (failed > 0) console.log(outcome.output.replace(/^/gm, '          '))
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  if (total.failed > 0) process.exitCode = 1
}

await main()
