// Stops a package that works here and breaks at a user's: the tarball itself is unpacked outside the repository and used
// from ESM, from CommonJS, from both at once, by strict TypeScript with and without Node's and the browser's types, and
// by every examples/*.ts. Nothing is fetched: the dependencies are those installed here.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { transform } from 'esbuild'
import { bundled, underJest, underNodeTest } from '../ecosystem/replacements.js'
import { bin, conclude, inTwos, type Outcome, run } from './child.js'

const EXAMPLE_LIMIT = 30_000

interface Check {
  readonly name: string
  readonly act: () => Promise<Outcome>
}

/** One message through the whole package, as a user writes it on the first day. */
const USE = `
async function use({ Broker }) {
  const broker = new Broker()
  const jobs = await broker.virtualHost('/').declareQueue('jobs')
  await jobs.send({ id: 1 })
  for await (const delivery of jobs.createConsumer()) {
    if (delivery.body.id !== 1) throw new Error('wrong body')
    delivery.ack()
    break
  }
  await broker.close()
}
`
const SAME = `if (esm.Broker !== cjs.Broker) throw new Error('expected one copy')`
const TWO = `if (esm.Broker === cjs.Broker) throw new Error('expected two copies')`
const ENTRY = `if (!(fromDefinitions({}) instanceof Topology)) throw new Error('expected one class')`
const PLUGIN = `
const users = async (key) => {
  const bus = new Broker({ exchangeTypes: [consistentHash] }).virtualHost('/')
  const exchange = await bus.declareExchange('users', 'x-consistent-hash')
  await bus.declareQueue('a', { bindings: [exchange.key(key)] })
}
users('1').then(() => users('no weight')).then(
  () => { throw new Error('expected a refusal') },
  (error) => { if (!(error instanceof PreconditionFailedError)) throw error },
)`
const AMQPLIB = `
const use = async (amqplib) => {
  const channel = await (await amqplib.connect('amqp://localhost')).createChannel()
  await channel.assertQueue('jobs')
  channel.sendToQueue('jobs', Buffer.from('1'))
  const { content } = await channel.get('jobs')
  if (content.toString() !== '1' || amqplib.brokerOf().virtualHosts[0] !== '/') throw new Error('wrong message')
}`
const TESTING = `
const use = async ({ assertAcked, explore, testBroker }) => {
  await testBroker(async (kit) => {
    const jobs = await kit.bus.declareQueue('jobs', { messageTtl: 86400000 })
    await jobs.send('too old')
    await kit.advance('24h')
    if (kit.expired.length !== 1) throw new Error('expected an expired message')
    jobs.createConsumer().run(() => kit.sleep('1h'))
    jobs.publish('in time')
    await kit.advance('1h')
    await kit.settled()
    assertAcked(kit, { queue: jobs, body: 'in time' }, { times: 1 })
  })
  const leaving = testBroker((kit) => kit.bus.exchange('amq.topic').send('key', 1))
  const found = await leaving.then(() => 'nothing', (error) => error.message)
  if (!found.includes('unroutable') || !/testing[.]m?c?js:\\d+/.test(found)) throw new Error(found)
  await explore((kit) => kit.bus.declareQueue('jobs'), { runs: 3 })
}`
const TESTING_TWO = `
const amqplib = createRequire(import.meta.url)('leveret/amqplib')
await testBroker(async (kit) => {
  amqplib.useBroker(kit.broker)
  const channel = await (await amqplib.connect('amqp://localhost')).createChannel()
  await channel.assertQueue('jobs')
  await channel.consume('jobs', (message) => message && channel.ack(message))
  channel.sendToQueue('jobs', Buffer.from('1'))
  await kit.settled()
  if (kit.acked.count({ queue: 'jobs', body: 1 }) !== 1) throw new Error(kit.timeline())
})`
/** n.b. the handlers' modules are written where the scripts are, and find this package from there. */
const WORKER = `
const use = async ({ Broker }, { consumeInWorkers, loopback }, handlers) => {
  const broker = new Broker()
  const jobs = await broker.virtualHost('/').declareQueue('jobs')
  const done = await broker.virtualHost('/').declareQueue('done')
  for (const handler of handlers) {
    const workers = await consumeInWorkers(jobs, new URL(handler, 'file://' + process.argv[1]))
    await (await loopback(broker)).queue('jobs').send(20)
    const { body } = await done.get({ wait: true, noAck: true })
    if (body !== 21) throw new Error('expected 21, got ' + body)
    await workers.close()
  }
  await broker.close()
}`
const HANDLER = "({ body }, bus) => bus.queue('done').send(body + 1)"
const HANDLERS = {
  'handler.mjs': `export default ${HANDLER}`,
  'handler.cjs': `module.exports = ${HANDLER}`,
  'compiled.cjs': `Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = ${HANDLER}`,
  'typed.ts': `import type { Bus, Delivery } from 'leveret'
export default ({ body }: Delivery<number>, bus: Bus) => bus.queue('done').send(body + 1)`,
}
const PLAIN = `['handler.mjs', 'handler.cjs', 'compiled.cjs']`
/** n.b. typed.js is not there: whoever names it means what it is compiled from. */
const TYPED = `['typed.ts', 'typed.js', 'handler.cjs']`
const CALLBACKS = `
callbacks.connect((error, connection) => {
  if (error) throw error
  if (brokerOf().overview().virtualHosts[0].connections.length !== 1) throw new Error('expected one broker')
  connection.close()
})`
const BOTH = `
import { createRequire } from 'node:module'
import * as esm from 'leveret'
const cjs = createRequire(import.meta.url)('leveret')
await Promise.all([use(esm), use(cjs)])
`
/** n.b. with this flag Node neither loads ESM by require() nor knows "module-sync": what Node before 20.19 does. */
const CJS_ONLY = '--no-experimental-require-module'
const TSX = ['--import', import.meta.resolve('tsx')]

const SCRIPTS = [
  { name: 'ESM import', file: 'esm.mjs', flags: [], code: `import * as esm from 'leveret'\n${USE}\nawait use(esm)` },
  {
    name: 'require() of the CommonJS build',
    file: 'cjs.cjs',
    flags: [CJS_ONLY],
    code: `${USE}\nuse(require('leveret'))`,
  },
  {
    name: 'require() where Node can load ESM by it',
    file: 'cjs.cjs',
    flags: [],
    code: `${USE}\nuse(require('leveret'))`,
  },
  {
    name: 'a further entry, of the same classes by ESM',
    file: 'entry.mjs',
    flags: [],
    code: `import { Topology } from 'leveret'\nimport { fromDefinitions } from 'leveret/definitions'\n${ENTRY}`,
  },
  {
    name: 'a further entry, of the same classes by require()',
    file: 'entry.cjs',
    flags: [CJS_ONLY],
    code: `const { Topology } = require('leveret')\nconst { fromDefinitions } = require('leveret/definitions')\n${ENTRY}`,
  },
  {
    name: 'leveret/exchange-types by ESM',
    file: 'types.mjs',
    flags: [],
    code: `import { Broker, PreconditionFailedError } from 'leveret'\nimport { consistentHash } from 'leveret/exchange-types'\n${PLUGIN}`,
  },
  {
    name: 'leveret/exchange-types by require()',
    file: 'types.cjs',
    flags: [CJS_ONLY],
    code: `const { Broker, PreconditionFailedError } = require('leveret')\nconst { consistentHash } = require('leveret/exchange-types')\n${PLUGIN}`,
  },
  {
    name: 'leveret/amqplib by ESM',
    file: 'amqplib.mjs',
    flags: [],
    code: `import amqplib from 'leveret/amqplib'\n${AMQPLIB}\nawait use(amqplib)`,
  },
  {
    name: 'leveret/amqplib by require()',
    file: 'amqplib.cjs',
    flags: [CJS_ONLY],
    code: `${AMQPLIB}\nuse(require('leveret/amqplib'))`,
  },
  {
    name: 'leveret/amqplib/callback_api by require(), of the same brokers as a copy of leveret/amqplib',
    file: 'callbacks.mjs',
    flags: [CJS_ONLY],
    code: `import { createRequire } from 'node:module'\nimport { brokerOf } from 'leveret/amqplib'
const callbacks = createRequire(import.meta.url)('leveret/amqplib/callback_api')${CALLBACKS}`,
  },
  {
    name: 'leveret/testing by ESM',
    file: 'testing.mjs',
    flags: [],
    code: `import * as testing from 'leveret/testing'\n${TESTING}\nawait use(testing)`,
  },
  {
    name: 'leveret/testing by require()',
    file: 'testing.cjs',
    flags: [CJS_ONLY],
    code: `${TESTING}\nuse(require('leveret/testing'))`,
  },
  {
    name: 'leveret/testing by ESM, of a copy of leveret/amqplib by require()',
    file: 'testing-two.mjs',
    flags: [CJS_ONLY],
    code: `import { createRequire } from 'node:module'\nimport { testBroker } from 'leveret/testing'\n${TESTING_TWO}`,
  },
  {
    name: 'leveret/worker by ESM, and in threads',
    file: 'worker.mjs',
    flags: [],
    code: `import * as leveret from 'leveret'\nimport * as worker from 'leveret/worker'\n${WORKER}\nawait use(leveret, worker, ${PLAIN})`,
  },
  {
    name: 'leveret/worker by require(), and in threads',
    file: 'worker.cjs',
    flags: [CJS_ONLY],
    code: `${WORKER}\nuse(require('leveret'), require('leveret/worker'), ${PLAIN})`,
  },
  {
    name: 'leveret/worker under tsx, with a handler in TypeScript',
    file: 'worker-typed.mts',
    flags: TSX,
    code: `import * as leveret from 'leveret'\nimport * as worker from 'leveret/worker'\n${WORKER}\nawait use(leveret, worker, ${TYPED})`,
  },
  {
    name: 'leveret/worker under tsx by require(), with a handler in TypeScript',
    file: 'worker-typed.cts',
    flags: [...TSX, CJS_ONLY],
    code: `${WORKER}\nuse(require('leveret'), require('leveret/worker'), ${TYPED})`,
  },
  { name: 'import and require() as two copies', file: 'two.mjs', flags: [CJS_ONLY], code: `${BOTH}${TWO}\n${USE}` },
  { name: 'import and require() as one copy', file: 'one.mjs', flags: [], code: `${BOTH}${SAME}\n${USE}` },
]

/** n.b. names nothing that lib es2022 alone does not have, neither console nor AbortSignal. */
const TYPED_USE = `
import { Broker } from 'leveret'

interface Job { readonly id: number }

export async function use(): Promise<number> {
  const broker = new Broker()
  const jobs = await broker.virtualHost('/').declareQueue<Job>('jobs')
  await jobs.send({ id: 1 })
  // @ts-expect-error the body has the queue's type
  await jobs.send({ id: 'one' })
  let sum = 0
  for await (const delivery of jobs.createConsumer()) {
    sum += delivery.body.id
    delivery.ack()
    break
  }
  await broker.close()
  return sum
}
`
const LIBRARIES = [
  { name: 'lib es2022 alone', compilerOptions: { lib: ['es2022'], types: [] } },
  {
    name: 'the browser types',
    compilerOptions: { lib: ['es2022', 'dom', 'dom.iterable', 'dom.asynciterable'], types: [] },
  },
  { name: "Node's types", compilerOptions: { lib: ['es2022'], types: ['node'] } },
]
/** The kit is Node's, and so are its types. */
const TYPED_TESTING = `
import { explore, testBroker, type Recorded } from 'leveret/testing'

interface Job { readonly id: number }

export async function use(): Promise<void> {
  await testBroker(async (kit) => {
    const jobs = await kit.bus.declareQueue<Job>('jobs')
    const first: Recorded<Job> = await kit.published.any({ queue: jobs, body: { id: 1 } })
    // @ts-expect-error the filter has the queue's type
    await kit.published.any({ queue: jobs, body: { id: 'one' } })
    console.log(first.body.id)
  })
  await explore((kit) => kit.settled(), { runs: 2 })
}
`
const STRICT = {
  target: 'es2022',
  // n.b. node16, so that the .mts file is given index.d.ts and the .cts file index.d.cts.
  module: 'node16',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  verbatimModuleSyntax: false,
  skipLibCheck: false,
  noEmit: true,
}

/** What leveret stands in for, and a library that has it. */
const AMQPLIBS = ['amqplib', 'amqp-connection-manager', 'promise-breaker']

async function unpack(tarball: string, folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'leveret'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const unpacked = await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'leveret')])
  if (unpacked.code !== 0) throw new Error(unpacked.output)
  const { dependencies } = JSON.parse(readFileSync(join(modules, 'leveret/package.json'), 'utf8'))
  // Node's types are there for the consumer that asks for them; those who do not have `types: []`.
  const types = ['@types/node', 'undici-types']
  for (const name of [...Object.keys(dependencies ?? {}), ...types, ...AMQPLIBS])
    cpSync(join('node_modules', name), join(modules, name), { recursive: true })
}

function checks(folder: string): Check[] {
  for (const [file, code] of Object.entries(HANDLERS)) writeFileSync(join(folder, file), code)
  const scripts = SCRIPTS.map(({ name, file, flags, code }) => ({
    name,
    act: () => {
      writeFileSync(join(folder, file), code)
      return run(process.execPath, [...flags, file], { cwd: folder, timeout: EXAMPLE_LIMIT })
    },
  }))
  const consumers = LIBRARIES.map(({ name, compilerOptions }, index) => ({
    name: `strict TypeScript with ${name}`,
    act: () => {
      const project = join(folder, `typed-${index}`)
      mkdirSync(project)
      writeFileSync(join(project, 'use.mts'), TYPED_USE)
      writeFileSync(join(project, 'use-cjs.cts'), TYPED_USE)
      const config = { compilerOptions: { ...STRICT, ...compilerOptions }, include: ['.'] }
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
      return run(process.execPath, [resolve(bin('tsc')), '-p', project])
    },
  }))
  const examples = existsSync('examples') ? readdirSync('examples').filter((file) => file.endsWith('.ts')) : []
  const runs = examples.sort().map((file) => ({
    name: `examples/${file}`,
    act: async () => {
      const source = readFileSync(join('examples', file), 'utf8')
      const { code } = await transform(source, {
        loader: 'ts',
        target: 'node20.19',
        sourcemap: 'inline',
        sourcefile: resolve('examples', file),
      })
      const script = join(folder, file.replace(/\.ts$/, '.mjs'))
      writeFileSync(script, code)
      return run(process.execPath, ['--enable-source-maps', script], { cwd: folder, timeout: EXAMPLE_LIMIT })
    },
  }))
  for (const file of ['orders.cjs', 'node-test.mjs', 'jest.cjs'])
    cpSync(join('test/ecosystem', file), join(folder, file))
  const standIns = [
    { name: "amqplib's place under node:test, by --import", act: () => underNodeTest(folder) },
    { name: "amqplib's place under Jest, and examples/testing/jest.cjs", act: () => underJest(folder) },
    { name: "amqplib's place in a bundle of esbuild's, by an alias", act: () => bundled(folder) },
  ]
  cpSync('examples/testing/node-test.mjs', join(folder, 'examples.mjs'))
  cpSync('examples/testing/jest.cjs', join(folder, 'examples.cjs'))
  const kits = [
    {
      name: 'examples/testing/node-test.mjs',
      act: () => run(process.execPath, ['--test', 'examples.mjs'], { cwd: folder, timeout: EXAMPLE_LIMIT }),
    },
    // n.b. each in a program of its own: Jest's matchers are global, and those of two copies are not alike.
    ...['mts', 'cts'].map((extension) => ({
      name: `leveret/testing with strict TypeScript and Node's types, .${extension}`,
      act: () => {
        const project = join(folder, `typed-testing-${extension}`)
        mkdirSync(project)
        writeFileSync(join(project, `use.${extension}`), TYPED_TESTING)
        const compilerOptions = { ...STRICT, lib: ['es2022'], types: ['node'] }
        writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['.'] }))
        return run(process.execPath, [resolve(bin('tsc')), '-p', project])
      },
    })),
  ]
  return [...scripts, ...standIns, ...consumers, ...kits, ...runs]
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'leveret-packed-'))
  try {
    const packing = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder])
    if (packing.code !== 0) throw new Error(packing.output)
    const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'))
    await unpack(join(folder, tarball ?? ''), folder)
    const all = checks(folder)
    const failures = await inTwos(all, async ({ name, act }) => {
      const { code, output, seconds } = await act()
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
      return code === 0 ? undefined : `${name}: exit code ${code}\n${output}`
    })
    const failed = failures.filter((failure) => failure !== undefined)
    conclude(all.length - failed.length, failed)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
