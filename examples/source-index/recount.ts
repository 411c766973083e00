/**
 * The folder's totals by another way: one file after another, synchronously, without a broker. What the bus lost or
 * delivered twice shows as a difference.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileKey, findImports, IMPORTS_WITHIN, isBinary, kindOf } from './rules.js'
import { count, emptyTotals, type Totals } from './totals.js'

export interface Recount {
  readonly totals: Totals
  /** Files that were written since the index began: reason enough for a difference. */
  readonly changed: string[]
}

export function recount(folder: string, began: number): Recount {
  const counted: Recount = { totals: emptyTotals(), changed: [] }
  addFolder(folder, counted, began)
  return counted
}

function addFolder(folder: string, counted: Recount, began: number): void {
  let entries: ReturnType<typeof namesIn>
  try {
    entries = namesIn(folder)
  } catch {
    addFile(folder, counted, began)
    return
  }
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) addFolder(path, counted, began)
    else if (entry.isFile() || (entry.isSymbolicLink() && !leadsElsewhere(path))) addFile(path, counted, began)
  }
}

function namesIn(folder: string) {
  return readdirSync(folder, { withFileTypes: true })
}

/** True for a link to a folder or to something that cannot be read to its end. */
function leadsElsewhere(link: string): boolean {
  try {
    return !statSync(link).isFile()
  } catch {
    return false
  }
}

const buffer = Buffer.alloc(IMPORTS_WITHIN)

function addFile(path: string, { totals, changed }: Recount, began: number): void {
  try {
    const file = openSync(path, 'r')
    try {
      if (fstatSync(file).mtimeMs >= began) changed.push(path)
      addContent(file, fileKey(path), totals)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    count(totals.unread, (error as NodeJS.ErrnoException).code ?? String(error))
  }
}

function addContent(file: number, key: string, totals: Totals): void {
  const kind = kindOf(key)
  const size = totals.read[kind]
  let read = readSync(file, buffer)
  const head = buffer.subarray(0, read)
  if (isBinary(head)) {
    count(totals.unread, 'binary')
    return
  }
  if (kind === 'source') {
    for (const found of findImports(head.toString('latin1'))) {
      if (found.kind === 'relative') totals.relative++
      else count(found.kind === 'package' ? totals.packages : totals.builtins, found.name)
    }
  }
  size.files++
  let inLine = false
  for (; read > 0; read = readSync(file, buffer)) {
    size.bytes += read
    for (let i = 0; i < read; i++) {
      if (!inLine) size.lines++
      inLine = buffer[i] !== 0x0a
    }
  }
}
