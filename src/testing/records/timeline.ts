/** What happened to the messages of a broker, as a text for people: what caused what by indentation, times on the left. */
import { type Checks, integer, type Message } from '../../internal.js'
import type { Entry } from '../log/log.js'
import { moment, place, preview, target } from './preview.js'
import { bodyOf } from './record.js'

/** How a timeline is written. */
export interface TimelineOptions {
  /** How many lines at most, from 3 up; a longer one is cut in its middle. @default 60 */
  readonly lines?: number
}

export const TIMELINE_CHECKS: Checks = { lines: integer(3, Number.MAX_SAFE_INTEGER) }

/** What is shown below one message: what happened to it, and what was published in its handlers. */
interface Branch {
  readonly entries: Entry[]
}

/**
 * The timeline. One that is longer than `most` lines is cut in its middle.
 */
export function timelineText(entries: readonly Entry[], most: number): string {
  if (entries.length === 0) return 'nothing happened'
  const roots: Entry[] = []
  const branches = new Map<Message, Branch>()
  for (const entry of entries) {
    if (isBirth(entry) && !branches.has(entry.message)) branches.set(entry.message, { entries: [] })
    const parent = branches.get(isBirth(entry) ? (entry.cause as Message) : entry.message)
    if (parent === undefined) roots.push(entry)
    else parent.entries.push(entry)
  }
  const rows = rowsOf(roots, branches)
  const width = Math.max(...rows.map(({ at }) => moment(at).length))
  return cut(
    rows.map(({ at, depth, text }) => `${moment(at).padStart(width)}  ${'  '.repeat(depth)}${text}`),
    most,
  )
}

interface Row {
  readonly at: number
  readonly depth: number
  readonly text: string
}

/** In the order of a tree. n.b. without recursion: a message may cause the next one ten thousand times. */
function rowsOf(roots: readonly Entry[], branches: ReadonlyMap<Message, Branch>): Row[] {
  const rows: Row[] = []
  const open = roots.map((entry) => ({ entry, depth: 0 })).reverse()
  const shown = new Set<Message>()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { entry, depth } = next
    rows.push({ at: entry.at, depth, text: lineOf(entry) })
    if (!isBirth(entry) || shown.has(entry.message)) continue
    shown.add(entry.message)
    const below = branches.get(entry.message)?.entries ?? []
    for (const child of below.toReversed()) open.push({ entry: child, depth: depth + 1 })
  }
  return rows
}

function isBirth({ what }: Entry): boolean {
  return what === 'published' || what === 'deadLettered'
}

/** One thing that happened, without its time. */
export function lineOf(entry: Entry): string {
  const { message, queue, consumer, reason, site, virtualHost } = entry
  const why = reason === undefined ? '' : `: ${reason instanceof Error ? reason.message : preview(reason)}`
  const where = site === undefined ? '' : `  ${place(site)}`
  const host = virtualHost === '/' ? '' : ` in virtual host '${virtualHost}'`
  switch (entry.what) {
    case 'published': {
      const body = preview(bodyOf(message.body, message.properties.contentType))
      return `published ${target(message.exchange, message.routingKey)}${host}${reached(entry)}  ${body}${where}`
    }
    case 'deadLettered':
      return `dead-lettered (${reason}) from '${queue}' as ${target(message.exchange, message.routingKey)}${reached(entry)}`
    case 'delivered': {
      const again = entry.delivery?.redelivered === true ? ' again' : ''
      return `delivered${again} from '${queue}' to ${consumer === undefined ? 'a get' : `consumer '${consumer}'`}`
    }
    case 'acked':
      return `acknowledged in '${queue}'${where}`
    case 'rejected':
      return `rejected in '${queue}'${why}${where}`
    case 'requeued':
      return `requeued in '${queue}'${why}${where}`
    case 'expired':
      return `expired in '${queue}'`
    case 'overflowed':
      return `dropped from '${queue}', which is full`
    case 'deliveryLimited':
      return `over the delivery limit of '${queue}'${why}${where}`
    case 'returned':
      return 'returned to its publisher: no queue wants it'
    default:
      return entry.what satisfies never
  }
}

function reached({ message, queues = [] }: Entry): string {
  if (queues.length === 0) return ' → no queue'
  // n.b. by the default exchange the key is the queue.
  if (message.exchange === '' && queues.length === 1 && queues[0] === message.routingKey) return ''
  return ` → ${queues.map((name) => `'${name}'`).join(', ')}`
}

function cut(lines: readonly string[], most: number): string {
  if (lines.length <= most) return lines.join('\n')
  const head = Math.ceil((most - 1) / 2)
  const tail = most - 1 - head
  const left = lines.length - head - tail
  return [...lines.slice(0, head), `… ${left} more lines …`, ...lines.slice(lines.length - tail)].join('\n')
}
