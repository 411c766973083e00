/** What an index adds up to. Two of them, from the bus and from the folder, have to be the same. */
import { KINDS, type Kind } from './rules.js'

export interface Size {
  files: number
  lines: number
  bytes: number
}

export interface Totals {
  /** Files that were read, by kind. */
  readonly read: Readonly<Record<Kind, Size>>
  /** Files that were not read, by the reason: `binary`, or the error code of the operating system. */
  readonly unread: Map<string, number>
  /** How often each is imported. */
  readonly packages: Map<string, number>
  readonly builtins: Map<string, number>
  /** Imports of a file by its path. */
  relative: number
}

export function emptyTotals(): Totals {
  const empty = (): Size => ({ files: 0, lines: 0, bytes: 0 })
  return {
    read: { source: empty(), text: empty(), data: empty(), other: empty() },
    unread: new Map(),
    packages: new Map(),
    builtins: new Map(),
    relative: 0,
  }
}

/** Adds one to what is counted under a name. */
export function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

export function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0
  for (const value of counts.values()) total += value
  return total
}

/** Where two totals differ, in words; empty when they agree. */
export function differences(bus: Totals, folder: Totals): string[] {
  const found: string[] = []
  const compare = (what: string, inBus = 0, inFolder = 0) => {
    if (inBus !== inFolder) found.push(`${what}: ${inBus} by the bus, ${inFolder} in the folder`)
  }
  for (const kind of KINDS) {
    for (const measure of ['files', 'lines', 'bytes'] as const) {
      compare(`${measure} of ${kind}`, bus.read[kind][measure], folder.read[kind][measure])
    }
  }
  for (const what of ['unread', 'packages', 'builtins'] as const) {
    const names = new Set([...bus[what].keys(), ...folder[what].keys()])
    for (const name of names) compare(`${what} ${name}`, bus[what].get(name), folder[what].get(name))
  }
  compare('relative imports', bus.relative, folder.relative)
  return found
}
