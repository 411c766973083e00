/** What is said when a record is missing: what was asked for, what came near, why it went elsewhere, and what happened. */
import type { Broker } from '../../internal.js'
import type { Handling } from '../log/follower.js'
import type { Entry, Happening } from '../log/log.js'
import type { Parked } from '../time/stillness.js'
import type { Criterion } from './filter.js'
import { counted, indent, moment, place, preview, target } from './preview.js'
import type { Recorded } from './record.js'

/** So many near misses are shown. */
const NEAREST = 3

/** What there is to say whatever is missing. */
export interface Circumstances {
  readonly broker: Broker
  readonly timeline: string
  readonly log: readonly Entry[]
  readonly parked: readonly Parked[]
  /** Handlers that wait for the kit's clock. */
  readonly asleep: readonly Handling[]
  /** True when nothing is in flight. */
  readonly still: boolean
}

/** Messages as they are called by what happened to them. */
export const NAMES: Readonly<Record<Happening, string>> = {
  published: 'published message',
  delivered: 'delivery',
  acked: 'acknowledged message',
  rejected: 'rejected message',
  requeued: 'requeued message',
  deadLettered: 'dead-lettered message',
  expired: 'expired message',
  overflowed: 'message dropped from a full queue',
  deliveryLimited: 'message over its delivery limit',
  returned: 'returned message',
}

export function failureText(
  title: string,
  happening: Happening,
  criteria: readonly Criterion[],
  records: readonly Recorded[],
  circumstances: Circumstances,
): string {
  const wanted = criteria.map((criterion) => `\n  ${criterion.field}: ${criterion.wanted}`).join('')
  const asked = `Expected ${oneOf(NAMES[happening])}${wanted === '' ? '' : ` with${wanted}`}`
  const sections = [`${title}\n${asked}`, nearestText(happening, criteria, records)]
  const near = nearMisses(criteria, records)
  for (const { record, missed } of near)
    if (missed[0]?.field === 'queue') sections.push(routeText(record, circumstances))
  if (happening === 'deadLettered') sections.push(lostText(circumstances.log))
  sections.push(surroundings(circumstances))
  return sections.filter((section) => section !== '').join('\n\n')
}

function oneOf(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`
}

/** What waits, what is in flight, and the timeline. */
export function surroundings({ timeline, parked, asleep, still }: Circumstances): string {
  const waits = [...parkedLines(parked), ...asleep.map(asleepLine)]
  const sections = [
    ...(still ? [] : ['The bus is not at rest yet: kit.settled() waits for what is in flight, or says what it is.']),
    ...(waits.length === 0 ? [] : [`What waits:\n${indent(waits.join('\n'))}`]),
    `Timeline:\n${indent(timeline)}`,
  ]
  return sections.join('\n\n')
}

/** A record in a line. */
export function recordLine({ exchange, routingKey, body, at, site, queue }: Recorded): string {
  const where = site === undefined ? '' : `, ${place(site)}`
  const from = queue === undefined ? '' : `, in queue '${queue}'`
  return `${target(exchange, routingKey)}  ${preview(body)}${from}, at ${moment(at)}${where}`
}

// What came near

interface Miss {
  readonly record: Recorded
  readonly missed: readonly Criterion[]
}

/** Those that miss by one field. */
function nearMisses(criteria: readonly Criterion[], records: readonly Recorded[]): Miss[] {
  const misses = records.map((record) => ({
    record,
    missed: criteria.filter((criterion) => criterion.misses(record) !== undefined),
  }))
  return misses.filter(({ missed }) => missed.length === 1).slice(0, NEAREST)
}

function nearestText(happening: Happening, criteria: readonly Criterion[], records: readonly Recorded[]): string {
  if (records.length === 0) return 'There is none.'
  const near = nearMisses(criteria, records)
  const count = `There ${records.length === 1 ? 'is' : 'are'} ${counted(records.length, NAMES[happening])}`
  if (near.length === 0) return `${count}, and none that all but one of this fits.`
  const lines = near.flatMap(({ record, missed }) => [
    recordLine(record),
    ...missed.map((criterion) => `  ${criterion.misses(record)}`),
  ])
  return `${count}. Nearest:\n${indent(lines.join('\n'))}`
}

/** Where a message goes, and so why not to the queue that is asked for. */
function routeText(record: Recorded, { broker }: Circumstances): string {
  const { virtualHost, exchange, routingKey, properties, content } = record
  try {
    const explanation = broker.virtualHost(virtualHost).explain(exchange, routingKey, { ...properties, body: content })
    return `Where it goes:\n${indent(String(explanation))}`
  } catch {
    // n.b. its exchange is deleted: there is nothing to explain any more.
    return ''
  }
}

/** What died and went nowhere. */
function lostText(log: readonly Entry[]): string {
  const went = new Set(log.filter(({ what }) => what === 'deadLettered').map(({ cause }) => cause))
  const deaths = log.filter(({ what, message }) => DEATHS.has(what) && !went.has(message))
  const lines = deaths.slice(0, NEAREST).map(({ what, message, queue }) => {
    const why = 'is lost: the queue has no dead-letter exchange, or nothing is bound to that'
    return `${target(message.exchange, message.routingKey)}, ${DEATHS.get(what)} in queue '${queue}', ${why}`
  })
  return lines.length === 0 ? '' : `What died without a dead letter:\n${indent(lines.join('\n'))}`
}

const DEATHS: ReadonlyMap<Happening, string> = new Map([
  ['rejected', 'rejected'],
  ['expired', 'expired'],
  ['overflowed', 'dropped'],
  ['deliveryLimited', 'over the delivery limit'],
])

// What waits

function parkedLines(parked: readonly Parked[]): string[] {
  const counts = new Map<string, { readonly first: Parked; count: number }>()
  for (const each of parked) {
    const key = JSON.stringify([each.what, each.queue, each.until])
    const known = counts.get(key)
    if (known === undefined) counts.set(key, { first: each, count: 1 })
    else known.count++
  }
  return [...counts.values()].map(({ first, count }) => parkedLine(first, count))
}

function parkedLine({ what, queue, until }: Parked, count: number): string {
  const messages = counted(count, 'message')
  const [is, waits] = count === 1 ? ['is', 'waits'] : ['are', 'wait']
  const when = until === undefined ? '' : ` until ${moment(until)}`
  switch (what) {
    case 'ready':
      return `${messages} ${is} ready in queue '${queue}', and no consumer takes ${count === 1 ? 'it' : 'them'}`
    case 'unhanded':
      return `${messages} ${waits} for a consumer of queue '${queue}' that takes nothing now`
    case 'delayed':
      return queue === undefined
        ? `${messages} ${waits}${when} to be published: advance() the clock`
        : `${messages} ${waits} in queue '${queue}' for the next attempt: advance() the clock`
    case 'held':
      return `${messages} ${waits}${when} in the hands of a consumer of queue '${queue}', whose handler failed: advance() the clock`
    default:
      return what satisfies never
  }
}

function asleepLine({ queue }: Handling): string {
  return `a handler of queue '${queue}' sleeps on the kit's clock: advance() it`
}
