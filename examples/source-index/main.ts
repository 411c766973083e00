/**
 * Indexes the files of a folder over a message bus in this process. Begin with `topology.ts`: scanner, readers and
 * collectors know each other by its exchanges and queues alone.
 *
 *   npm start                  the installed dependencies
 *   npm start -- FOLDER        another folder
 *   npm start -- --threads 2   source files are read by two threads: it shows how, and no gain, for they mostly wait
 *
 * Exit codes: 0 done and checked, 1 the check found a difference, 2 no such folder or option; 130 (Ctrl-C) and 143 (SIGTERM) after
 * what was published is worked off. A second Ctrl-C ends it at once.
 */
import { opendirSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Broker } from 'leveret'
import { collectDeaths, collectFindings, type Deaths } from './findings.js'
import { Interrupt } from './interrupt.js'
import { Meter } from './meter.js'
import { Progress } from './progress.js'
import { readFiles } from './readers.js'
import { recount } from './recount.js'
import { deathList, fileTable, importTable, queueTable, shortened } from './report.js'
import { countFiles, scan } from './scanner.js'
import { declareTopology } from './topology.js'
import { differences, emptyTotals } from './totals.js'

const DEPENDENCIES = fileURLToPath(new URL('../../node_modules', import.meta.url))

/** What is in the queues may take so long after an interrupt, and for ever without: disks can be slow. */
const SHUTDOWN_MS = 10_000
const FOR_EVER_MS = 2 ** 31 - 1

const MOST_THREADS = 64

/** What there is to do. */
interface Task {
  readonly folder: string
  /** Threads that read source files; 0 = this one does. */
  readonly threads: number
}

/** Indexes the folder, prints the report and answers the exit code. */
async function index({ folder, threads }: Task): Promise<number> {
  const began = Date.now()
  const broker = new Broker()
  const virtualHost = broker.virtualHost()
  const topology = await declareTopology(virtualHost)
  const meter = new Meter(virtualHost)
  const totals = emptyTotals()
  const deaths = new Map<string, Deaths>()
  const progress = new Progress(meter, process.stdout)
  const interrupt = new Interrupt((signal) => progress.print(`${signal}: no more files, working off the queues`))
  progress.print(`indexing ${folder}`)
  progress.total = await countFiles(folder, interrupt.signal)
  progress.print(`files to read: ${progress.total}`)

  const workers = await readFiles(topology, threads)
  if (workers !== undefined) progress.print(`threads that read source files: ${workers.threads}`)
  collectFindings(topology, totals)
  const collected = collectDeaths(topology, deaths)
  await scan(folder, topology, meter, interrupt.signal)
  const timeout = interrupt.signal.aborted ? SHUTDOWN_MS : FOR_EVER_MS
  const { requeued, dropped } = await broker.close({ drain: true, timeout })
  await Promise.all([collected, workers?.close()])
  progress.stop()
  interrupt.release()

  const { seconds } = meter
  const report = [queueTable(meter.queues()), fileTable(totals), importTable(totals), deathList(deaths, totals)]
  console.log(`\n${report.join('\n\n')}\n`)
  const left = requeued + dropped
  if (interrupt.signal.aborted) {
    console.log(`interrupted after ${seconds.toFixed(1)} s, ${left} messages left; a part is not checked`)
    return interrupt.exitCode
  }
  console.log(`done in ${seconds.toFixed(1)} s`)
  const { totals: counted, changed } = recount(folder, began)
  const wrong = differences(totals, counted)
  if (left > 0) wrong.push(`${left} messages left in the queues`)
  const verdict = wrong.length === 0 ? 'comes to the same' : 'differs'
  console.log(`checked: a count without the bus ${verdict}`)
  if (wrong.length === 0) return 0
  for (const line of shortened(wrong)) console.error(`different: ${line}`)
  for (const line of shortened(changed)) console.error(`changed meanwhile: ${line}`)
  return 1
}

/** What the arguments ask for; undefined, with a message, when that cannot be done. */
function taskOf(args: string[]): Task | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { threads: { type: 'string' } },
    })
    const { threads = '0' } = values
    if (!/^\d+$/.test(threads) || Number(threads) > MOST_THREADS) {
      throw new Error(`--threads: expected a number from 0 to ${MOST_THREADS}, got '${threads}'`)
    }
    if (positionals.length > 1) throw new Error(`expected one folder, got ${positionals.length} arguments`)
    return { folder: folderOf(positionals[0]), threads: Number(threads) }
  } catch (error) {
    console.error(`source-index: ${(error as Error).message}`)
    return undefined
  }
}

/** @throws where there is no such folder. */
function folderOf(given: string | undefined): string {
  // n.b. npm runs a script beside package.json, wherever it was typed.
  const { INIT_CWD = '.' } = process.env
  const folder = given === undefined ? DEPENDENCIES : resolve(INIT_CWD, given)
  try {
    opendirSync(folder).closeSync()
    return folder
  } catch (cause) {
    throw new Error(`cannot index '${folder}': ${(cause as Error).message}`, { cause })
  }
}

// Whoever closes the other end of the pipe, such as `head`, has read enough.
process.stdout.on('error', () => process.exit(1))

const task = taskOf(process.argv.slice(2))
process.exitCode = task === undefined ? 2 : await index(task)
