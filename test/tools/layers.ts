// Stops the mistake that costs most to undo: a lower layer that learns about a higher one (the broker about a handle, a
// queue argument about the broker, the core about Node), or files that import each other in a ring. Type-only imports
// count: they are how a wall begins to leak. The layers are described in docs/architecture.md.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import ts from 'typescript'
import { conclude } from './child.js'

const FOLDERS: Readonly<Record<string, number>> = {
  'data/': 0,
  'wire/': 1,
  'exchange-types/': 2,
  'queue-arguments/': 2,
  'message-stores/': 2,
  'broker/': 3,
  'channel/': 4,
  'handles/': 5,
  'local/': 6,
}
const CONTRACTS = [
  'exchange-types/exchange-type.ts',
  'queue-arguments/queue-argument.ts',
  'message-stores/message-store.ts',
]
const SEAM = 'channel/channel.ts'
const FACES = ['index.ts', 'internal.ts']
const LONG = 400
/** What applications hold is made once, over the seam: an engine that has one of its own has another behaviour. */
const HANDLES = 'Producer|QueueProducer|ExchangeProducer|Consumer|Queue'
const OWN_HANDLE = new RegExp(`^[^*/]*\\bclass (?:(${HANDLES})\\b|[^{;]*?\\bextends (?:\\w+\\.)?(${HANDLES})\\b)`, 'm')

const folderOf = (file: string) => file.slice(0, file.indexOf('/') + 1)

function layerOf(file: string): number {
  if (FACES.includes(file)) return 7
  return folderOf(file) === '' ? 1 : (FOLDERS[folderOf(file)] ?? 8)
}

function mayImport(from: string, to: string): boolean {
  const [lower, upper] = [layerOf(to), layerOf(from)]
  if (from === SEAM) return lower <= 1
  if (folderOf(from) === folderOf(to) && lower === upper) return true
  if (upper === 8) return lower === 7 || folderOf(to) === 'wire/'
  if (upper === 5) return lower <= 1 || to === SEAM
  if (upper === 2) return lower <= 1 || CONTRACTS.includes(to)
  return lower < upper || (lower === 1 && upper === 1)
}

function mayImportPackage(from: string, name: string): boolean {
  const layer = layerOf(from)
  return layer === 8 || (name === 'eventemitter3' && layer >= 1 && layer <= 6)
}

/** Returns one sentence for each import that breaks a rule and one for each ring of imports under `root`. */
export function checkLayers(root: string): { files: number; faults: string[]; notices: string[] } {
  const entries = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  const files = entries.filter((path) => path.endsWith('.ts'))
  const graph = new Map<string, string[]>()
  const faults: string[] = []
  const notices: string[] = []
  for (const file of files.sort()) {
    const text = readFileSync(join(root, file), 'utf8')
    const lines = text.split('\n').length
    const [, named, derived] = (folderOf(file) !== 'handles/' && OWN_HANDLE.exec(text)) || []
    if (named !== undefined) faults.push(`${file} has a class ${named}: the handles are in handles/, for every engine`)
    if (derived !== undefined) faults.push(`${file} extends ${derived}: the handles are in handles/, for every engine`)
    if (lines > LONG) notices.push(`${file} has ${lines} lines: what leaked in?`)
    const imports: string[] = []
    for (const { fileName: name } of ts.preProcessFile(text).importedFiles) {
      if (!name.startsWith('.')) {
        if (!mayImportPackage(file, name)) faults.push(`${file} (layer ${layerOf(file)}) may not import '${name}'`)
        continue
      }
      const stem = normalize(join(dirname(file), name)).replace(/\.js$/, '')
      const target = [`${stem}.ts`, `${stem}.d.ts`].find((path) => files.includes(path))
      if (target === undefined) faults.push(`${file} imports '${name}', which is no file of src/`)
      else if (!mayImport(file, target))
        faults.push(`${file} (layer ${layerOf(file)}) may not import ${target} (layer ${layerOf(target)})`)
      if (target !== undefined) imports.push(target)
    }
    graph.set(file, imports)
  }
  return { files: files.length, faults: [...faults, ...findCycles(graph)], notices }
}

/** Depth first; each ring is reported once, where it was closed. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file)
    if (start >= 0) cycles.push(`import cycle: ${[...path.slice(start), file].join(' -> ')}`)
    if (start >= 0 || done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return cycles
}

if (import.meta.filename === process.argv[1]) {
  const { files, faults, notices } = checkLayers('src')
  for (const notice of notices) console.log(`notice: ${notice}`)
  conclude(files, faults)
}
