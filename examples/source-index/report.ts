/** What the index says at the end. */
import type { Deaths } from './findings.js'
import type { QueueNumbers } from './meter.js'
import { KINDS } from './rules.js'
import { sum, type Totals } from './totals.js'

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export function queueTable(queues: readonly QueueNumbers[]): string {
  return table(
    ['queue', 'published', 'acked', 'requeued', 'dead-lettered', 'peak backlog', 'per second'],
    queues.map(({ name, published, acked, requeued, deadLettered, peakBacklog, rate }) => [
      name,
      published,
      acked,
      requeued,
      deadLettered,
      peakBacklog,
      rate,
    ]),
  )
}

export function fileTable({ read }: Totals): string {
  return table(
    ['files', 'read', 'lines', 'bytes'],
    KINDS.map((kind) => [kind, read[kind].files, read[kind].lines, read[kind].bytes]),
  )
}

export function importTable({ packages, builtins, relative }: Totals): string {
  const most = [...packages].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 10)
  const others = `and ${number.format(sum(builtins))} of node's own modules, ${number.format(relative)} of files`
  return `${table(['most imported packages', 'imports'], most)}\n${others}`
}

export function deathList(deaths: ReadonlyMap<string, Deaths>, { unread }: Totals): string {
  const lines: string[] = []
  for (const { reason, queue, count, examples } of deaths.values()) {
    lines.push(`${number.format(count)} ${reason} in ${queue}, such as`, ...examples.map((path) => `    ${path}`))
  }
  if (lines.length === 0) return 'no dead letters'
  const why = [...unread].map(([reason, count]) => `${number.format(count)} ${reason}`)
  return ['dead letters by x-death', ...lines, `why: ${why.join(', ')}`].join('\n')
}

/** The first lines, and how many more there are. */
export function shortened(lines: readonly string[], most = 10): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `and ${lines.length - most} more`]
}

/** Columns as wide as they have to be: a name, then numbers. */
function table(header: readonly string[], rows: readonly (readonly [string, ...number[]])[]): string {
  const cells = rows.map(([name, ...numbers]) => [name, ...numbers.map((value) => number.format(value))])
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line)].join('\n')
}
