// Runs smoke.js on the built package wherever it shall run: Node 20 to 26 as ESM and as CommonJS, headless Chromium in a
// page and in a Web Worker. What cannot be had here is listed as skipped, with the reason. `.ci/runtimes` builds first.
//   tsx test/runtimes/run.ts                 everything
//   tsx test/runtimes/run.ts node@24 chromium  these
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { inTwos, run } from '../tools/child.js'
import { Chromium, findChromium } from './chromium.js'

const SMOKE = 'test/runtimes/smoke.js'
/** What smoke.js starts as another thread. */
const THREAD = 'test/runtimes/thread.js'
const SMOKE_LIMIT = 60_000
const INSTALL_LIMIT = 180_000

/** What smoke.js printed at a place, or why it was not run there. */
interface Report {
  readonly place: string
  readonly text: string
  readonly skipped?: string
  /** How the process ended, if not well. */
  readonly ended?: string
}

/** The suite as ESM and as CommonJS, and how it comes to the package in each. */
const FILES = [
  { file: 'smoke.mjs', format: 'esm', how: 'import' },
  // n.b. which build this loads depends on the version: from 20.19 on, Node can load ESM by require().
  { file: 'smoke-required.cjs', format: 'cjs', how: 'require' },
  {
    file: 'smoke.cjs',
    format: 'cjs',
    how: 'the CommonJS build',
    from: { leveret: resolve('dist/index.cjs'), 'leveret/worker': resolve('dist/worker.cjs') },
  },
] as const

const NODES = ['node@20', 'node@22', 'node@24', 'node@26'].map((name) => ({
  name,
  run: async (folder: string): Promise<Report[]> => {
    const prefix = join(folder, name)
    mkdirSync(prefix)
    const args = ['install', '--prefix', prefix, '--no-save', '--no-audit', '--no-fund', name]
    const { output } = await run('npm', args, { timeout: INSTALL_LIMIT, cwd: prefix })
    const node = join(prefix, 'node_modules/node/bin/node')
    if (!existsSync(node)) return [{ place: name, text: '', skipped: `npm could not install it: ${npmErrors(output)}` }]
    const release = (await run(node, ['--version'])).output.trim()
    const reports: Report[] = []
    for (const { file, how } of FILES) {
      const outcome = await run(node, [join(folder, file)], { timeout: SMOKE_LIMIT })
      const ended = outcome.code === 0 ? undefined : `ended with ${outcome.code}`
      reports.push({ place: `Node ${release}, ${how}`, text: outcome.output, ...(ended !== undefined && { ended }) })
    }
    rmSync(prefix, { recursive: true })
    return reports
  },
}))

const CHROMIUM = {
  name: 'chromium',
  run: async (folder: string): Promise<Report[]> => {
    const path = findChromium()
    if (path === undefined)
      return [{ place: 'Chromium', text: '', skipped: 'not installed (Debian: apt-get install chromium)' }]
    const server = createServer(({ url = '' }, response) => {
      const script = url.endsWith('.js')
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
      response.end(script ? scripts.get(url.slice(1)) : '<!doctype html><title>smoke</title>')
    })
    const scripts = new Map<string, string>()
    for (const [file, entry, footer] of [
      ['page.js', SMOKE, ''],
      ['worker.js', SMOKE, 'smoke.then((text) => postMessage(text))'],
      ['thread.js', THREAD, ''],
    ] as const)
      scripts.set(file, await browserBundle(folder, entry, footer))
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const browser = new Chromium(path)
    try {
      const { product = 'Chromium' } = await browser.call('Browser.getVersion')
      const texts = [
        ['a page', 'import("/page.js").then(() => smoke)'],
        [
          'a Web Worker',
          `new Promise((resolve) => {
            const worker = new Worker('/worker.js')
            worker.onmessage = ({ data }) => resolve(data)
            worker.onerror = ({ message }) => resolve('the worker failed: ' + message)
          })`,
        ],
      ] as const
      const reports: Report[] = []
      for (const [where, expression] of texts) {
        const place = `${product}, ${where}`
        const page = await browser.open(origin)
        const text = await page.evaluate(expression).catch((error: Error) => error.message)
        reports.push({ place, text: String(text) })
      }
      return reports
    } finally {
      await browser.close()
      server.close()
      server.closeAllConnections()
    }
  },
}

/** The first two lines in which npm says what is wrong. */
const npmErrors = (output: string) =>
  (output.match(/(?<=^npm error )(?!A complete log).+/gm) ?? []).slice(0, 2).join(', ')

async function browserBundle(folder: string, entry: string, footer: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    footer: { js: footer },
    // n.b. only `consumeInWorkers` reads it, which is not for browsers.
    logOverride: { 'empty-import-meta': 'silent' },
    // n.b. the package as bundlers find it, by its exports map; the repository's tsconfig.json would lead to the sources.
    nodePaths: [join(folder, 'node_modules')],
    tsconfigRaw: {},
  })
  return outputFiles[0]?.text ?? ''
}

/** Makes a folder as a user has it: the package in node_modules, and the suite as ESM and as CommonJS. */
async function prepare(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'leveret-runtimes-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(resolve('.'), join(folder, 'node_modules/leveret'), 'dir')
  for (const { file, format, ...rest } of FILES) {
    for (const entry of [SMOKE, THREAD]) {
      await build({
        entryPoints: [entry],
        outfile: join(folder, entry === SMOKE ? file : file.replace('smoke', 'thread')),
        bundle: true,
        format,
        target: 'es2022',
        ...('from' in rest ? { alias: rest.from, external: Object.values(rest.from) } : { external: ['leveret'] }),
      })
    }
  }
  return folder
}

/** Prints what there is to say of one place, and adds it up. */
function add({ place, text, skipped, ended }: Report, total: Record<'passed' | 'failed' | 'skipped', number>): void {
  if (skipped !== undefined) {
    total.skipped++
    console.log(`skipped ${place}: ${skipped}`)
    return
  }
  const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(text)
  const [line = 'did not come to its end', passed = 0, failed = 1, more = 0] = counts ?? []
  // n.b. a process that does not end after its last line is a failure, too: something kept it alive.
  const hung = ended !== undefined && Number(failed) === 0
  total.passed += Number(passed)
  total.failed += Number(failed) + Number(hung)
  total.skipped += Number(more)
  console.log(
    `${Number(failed) === 0 && !hung ? 'ok     ' : 'FAILED '} ${place}: ${line}${hung ? `, then ${ended}` : ''}`,
  )
  const details = text.replace(line, '').trim()
  if (details !== '') console.log(details.replace(/^/gm, '          '))
}

async function main(): Promise<void> {
  const all = [...NODES, CHROMIUM]
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !all.some((one) => one.name === name))
  if (unknown.length > 0)
    throw new Error(`expected ${all.map(({ name }) => name).join(', ')}, got ${unknown.join(', ')}`)
  if (!existsSync('dist/index.js')) throw new Error('expected the built package in dist/: npm run build')
  const total = { passed: 0, failed: 0, skipped: 0 }
  const folder = await prepare()
  try {
    const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
    const reports = await inTwos(chosen, async ({ name, run: runThere }) => {
      return runThere(folder).catch((error: Error) => [{ place: name, text: String(error) }])
    })
    for (const report of reports.flat()) add(report, total)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  if (total.failed > 0) process.exitCode = 1
}

await main()
