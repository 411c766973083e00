/**
 * Every performance bar: `npm run bench`, or `npm run bench -- P1 P4 --rounds 9`; `--cpu` on a busy machine. Builds the package as it is published,
 * runs each variant in a process of its own, prints a table and writes it as JSON. `--save` keeps the JSON beside this
 * file and draws the plots of docs/performance.md. Nothing asserts on time: a figure is worth what the machine was doing at that moment.
 */
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build as bundle } from 'esbuild'
import { build as buildPackage } from 'tsup'
import { drawPlots } from '../guides/plots.js'
import { BARS } from './bars.js'
import { type Bar, type Comparison, type Figures, type Lookup, median, type Result } from './harness.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const cache = join(here, '../../node_modules/.cache')

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    /** Compares processor time, for a machine that others use too: on the clock, their turns are anybody's. */
    cpu: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    /** Leaves the built files, for a profile of `child.mjs`. */
    keep: { type: 'boolean', default: false },
  },
})

/** Builds the package and the benches, so that the figures are those of what users install. */
async function build(folder: string): Promise<void> {
  await buildPackage({
    format: ['esm'],
    dts: false,
    clean: false,
    silent: true,
    outDir: folder,
    entry: {
      leveret: 'src/index.ts',
      'leveret-amqplib': 'src/amqplib/index.ts',
      'leveret-worker': 'src/worker/index.ts',
    },
    external: [/^node:/],
    outExtension: () => ({ js: '.mjs' }),
  })
  const own = ['child', ...BARS, 'topic-route', 'p7-thread'].map((name) => join(here, `${name}.ts`))
  await bundle({
    entryPoints: own.filter((path) => existsSync(path)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    sourcemap: true,
    plugins: [
      {
        name: 'the package that was just built',
        setup: (built) => {
          built.onResolve({ filter: /^leveret$/ }, () => ({ path: './leveret.mjs', external: true }))
          built.onResolve({ filter: /^leveret\/(amqplib|worker)$/ }, ({ path }) => {
            return { path: `./${path.replace('/', '-')}.mjs`, external: true }
          })
        },
      },
    ],
  })
}

/** The process of a variant. */
class Child {
  readonly #process: ReturnType<typeof fork>
  readonly #what: string

  constructor(folder: string, file: string, name: string, flags: readonly string[]) {
    this.#what = `${file} ${name}`
    this.#process = fork(join(folder, 'child.mjs'), [file, name], { execArgv: [...flags] })
  }

  answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`${this.#what} ended with ${code}`))
      this.#process.once('exit', ended)
      this.#process.once('message', (message) => {
        this.#process.off('exit', ended)
        resolve(message)
      })
    })
  }

  async round(): Promise<Figures> {
    this.#process.send('round')
    return (await this.answer()) as Figures
  }

  kill(): void {
    this.#process.kill()
  }
}

type Table = ReadonlyMap<string, Figures>

const lookup =
  (table: Table): Lookup =>
  (variant, figure = options.cpu ? 'cpu' : 'ns') => {
    const value = table.get(variant)?.[figure]
    if (value === undefined) throw new Error(`no figure '${figure}' of '${variant}'`)
    return value
  }

/** Runs a bar's variants in turns and answers the figures of every round. */
async function measure(folder: string, file: string, bar: Bar, rounds: number): Promise<Table[]> {
  const names = Object.keys(bar.variants)
  const children = names.map((name) => new Child(folder, file, name, bar.variants[name]?.flags ?? []))
  const tables: Table[] = []
  try {
    await Promise.all(children.map((child) => child.answer()))
    // n.b. round 0 does not count: it ends the warm-up with nobody else at work.
    for (let round = 0; round <= rounds; round++) {
      const table = new Map<string, Figures>()
      for (const [index, child] of children.entries()) table.set(names[index] as string, await child.round())
      if (round > 0) tables.push(table)
    }
  } finally {
    for (const child of children) child.kill()
  }
  return tables
}

function medians(tables: readonly Table[]): Table {
  const result = new Map<string, Figures>()
  for (const [name, figures] of tables[0] ?? []) {
    const middle = Object.keys(figures).map((figure) => {
      return [figure, median(tables.map((table) => lookup(table)(name, figure)))] as const
    })
    result.set(name, Object.fromEntries(middle))
  }
  return result
}

function compare(comparison: Comparison, tables: readonly Table[], middle: Table): Result {
  const { title, unit = 'x', atLeast } = comparison
  const values = tables.map((table) => comparison.value(lookup(table)))
  const value = median(values)
  const atMost = typeof comparison.atMost === 'function' ? comparison.atMost(lookup(middle)) : comparison.atMost
  const passed =
    atLeast === undefined && atMost === undefined
      ? undefined
      : value >= (atLeast ?? value) && value <= (atMost ?? value)
  return {
    title,
    unit,
    median: value,
    low: Math.min(...values),
    high: Math.max(...values),
    ...(atLeast !== undefined && { atLeast }),
    ...(atMost !== undefined && { atMost }),
    ...(passed !== undefined && { passed }),
  }
}

function number(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

function line({ title, unit, median: middle, low, high, atLeast, atMost, passed }: Result): string {
  const mark = passed === undefined ? ' ' : passed ? '✓' : '✗'
  const bar = atLeast !== undefined ? `>= ${number(atLeast)}` : atMost !== undefined ? `<= ${number(atMost)}` : '-'
  const value = `${number(middle)} ${unit}`
  const text = `  ${mark} ${title.padEnd(62)}${value.padStart(14)}  (${number(low)} to ${number(high)})`
  return `${text.padEnd(106)}bar ${bar}`
}

function figuresOf(table: Table): string {
  const all = [...table].map(([name, figures]) => {
    return `${name} ${Object.entries(figures)
      .map(([figure, value]) => `${number(value)} ${figure}`)
      .join(', ')}`
  })
  return `      ${all.join(' · ')}`
}

interface BarResult {
  readonly id: string
  readonly title: string
  readonly figures: Record<string, Figures>
  readonly results: readonly Result[]
}

async function run(folder: string, file: string): Promise<BarResult> {
  const { bar } = (await import(pathToFileURL(join(folder, `${file}.mjs`)).href)) as { readonly bar: Bar }
  console.log(`\n${bar.id}  ${bar.title}`)
  const rounds = Math.max(1, Math.round(Number(options.rounds) * (bar.roundsFactor ?? 1)))
  const tables = await measure(folder, file, bar, rounds)
  const middle = medians(tables)
  const results = bar.comparisons.map((comparison) => compare(comparison, tables, middle))
  for (const result of results) console.log(line(result))
  console.log(figuresOf(middle))
  const further = (await bar.further?.(folder)) ?? []
  for (const result of further) console.log(line(result))
  return { id: bar.id, title: bar.title, figures: Object.fromEntries(middle), results: [...results, ...further] }
}

const wanted = positionals.map((name) => name.toLowerCase())
const unknown = wanted.filter((name) => !BARS.some((bar) => bar === name))
if (unknown.length > 0) throw new Error(`no such bar: ${unknown.join(', ')}; there are ${BARS.join(', ')}`)
if (options.save && wanted.length > 0)
  throw new Error(`--save keeps every bar: expected no names, got ${wanted.join(', ')}`)

const started = performance.now()
await mkdir(cache, { recursive: true })
// n.b. inside node_modules, so that the built files find the peers; a folder of its own, so that two runs do not meet.
const folder = await mkdtemp(join(cache, 'leveret-bench-'))
try {
  await build(folder)
  const bars: BarResult[] = []
  for (const file of BARS) {
    if (wanted.length > 0 && !wanted.includes(file)) continue
    if (existsSync(join(folder, `${file}.mjs`))) bars.push(await run(folder, file))
  }
  const all = bars.flatMap(({ results }) => results).filter(({ passed }) => passed !== undefined)
  const passed = all.filter((result) => result.passed)
  console.log(`\n${passed.length} of ${all.length} bars held, in ${Math.round((performance.now() - started) / 1000)} s`)
  const report = {
    node: process.version,
    time: options.cpu ? 'processor' : 'clock',
    cpus: cpus().length,
    rounds: Number(options.rounds),
    bars,
  }
  const path = options.save ? join(here, 'results.json') : join(cache, 'bench-results.json')
  await writeFile(path, `${JSON.stringify(report, undefined, 2)}\n`)
  if (options.save)
    for (const [name, svg] of drawPlots(report)) await writeFile(join(here, '../../docs/media', name), svg)
} finally {
  if (options.keep) console.log(`built files: ${folder}`)
  else await rm(folder, { recursive: true, force: true })
}
