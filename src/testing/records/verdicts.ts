/** What tests assert of messages: each a function that answers whether it holds, and the text for when it should not have. */
import {
  checkOptions,
  describe,
  Exchange,
  type ExplainOptions,
  InvalidOptionError,
  integer,
  type Message,
  Queue,
  type QueueState,
  type VirtualHostState,
} from '../../internal.js'
import type { Happening } from '../log/log.js'
import type { AnyExchange, AnyQueue, MessageFilter } from './filter.js'
import { counted, indent, preview, target } from './preview.js'
import { bodyOf } from './record.js'
import { Recorder } from './recorder.js'
import { recordersOf } from './recorders.js'
import { NAMES, recordLine, surroundings } from './why-not.js'

/** What Jest's and vitest's `expect.extend` take. */
export interface Verdict {
  /** True when it holds. */
  readonly pass: boolean
  /** What is wrong: that it does not hold, or, under `.not`, that it does. */
  message(): string
}

/** How often. */
export interface TimesOptions {
  /** Exactly so many, from 0 up. @default at least one */
  readonly times?: number
}

const times = integer(0, Number.MAX_SAFE_INTEGER)

/** A message of the kit, or of this exchange or queue, was published that the filter means. */
export function toHavePublished(
  subject: unknown,
  filter: MessageFilter | object = {},
  options: TimesOptions = {},
): Verdict {
  return happened('toHavePublished', 'published', subject, filter, options)
}

/** A message of the kit, or of this queue, died and went on as a dead letter that the filter means. */
export function toHaveDeadLettered(
  subject: unknown,
  filter: MessageFilter | object = {},
  options: TimesOptions = {},
): Verdict {
  return happened('toHaveDeadLettered', 'deadLettered', subject, filter, options)
}

/** A message of the kit, or of this exchange or queue, was acknowledged that the filter means. */
export function toHaveBeenAcked(
  subject: unknown,
  filter: MessageFilter | object = {},
  options: TimesOptions = {},
): Verdict {
  return happened('toHaveBeenAcked', 'acked', subject, filter, options)
}

function happened(
  what: string,
  happening: Happening,
  subject: unknown,
  filter: object,
  options: TimesOptions,
): Verdict {
  checkOptions(what, options, { times })
  const recorders = recordersOf(what, subject)
  const own = subject instanceof Exchange ? 'exchange' : subject instanceof Queue ? 'queue' : undefined
  if (own !== undefined && own in Object(filter)) {
    throw new InvalidOptionError(`${what}: expected no '${own}' in the filter, as the subject is one`)
  }
  if (subject instanceof Recorder && subject.what !== happening) {
    throw new InvalidOptionError(`${what}: expected a kit or its '${happening}', got its '${subject.what}'`)
  }
  const whole = own === undefined ? filter : { [own]: subject, ...filter }
  const { found, criteria } = recorders.of(happening).select(what, whole)
  const pass = options.times === undefined ? found.length > 0 : found.length === options.times
  const often = options.times === undefined ? '' : ` ${options.times} times`
  const message = (): string => {
    if (found.length === 0) return recorders.whyNot(`${what}: it did not happen${often}`, happening, criteria)
    const list = found.slice(0, 10).map(recordLine)
    if (found.length > 10) list.push(`… and ${found.length - 10} more`)
    const wanted = criteria.map((criterion) => `\n  ${criterion.field}: ${criterion.wanted}`).join('')
    const asked = pass ? `not expected${often}` : `expected${often}`
    const title = `${what}: ${asked}, and there ${found.length === 1 ? 'is' : 'are'} ${counted(found.length, NAMES[happening])}`
    const with_ = wanted === '' ? '' : ` with${wanted}`
    return `${title}${with_}\n${indent(list.join('\n'))}\n\n${surroundings(recorders.circumstances())}`
  }
  return { pass, message }
}

/** So many messages of the queue are ready; without a number, at least one. */
export function toHaveReady(subject: unknown, count?: number): Verdict {
  return holds('toHaveReady', 'ready', subject, count, ({ ready }) => ready)
}

/** So many messages of the queue are delivered and not settled; without a number, at least one. */
export function toHaveUnacked(subject: unknown, count?: number): Verdict {
  return holds('toHaveUnacked', 'unacknowledged', subject, count, ({ stats }) => stats.unacked)
}

function holds(
  what: string,
  how: string,
  subject: unknown,
  count: unknown,
  of: (queue: QueueState) => number,
): Verdict {
  const expected = count === undefined ? undefined : times(count)
  if (expected !== undefined) throw new InvalidOptionError(`${what}: expected ${expected}, got ${describe(count)}`)
  const recorders = recordersOf(what, subject)
  const queue = recorders.queue(queueOf(what, subject))
  const found = of(queue)
  const pass = count === undefined ? found > 0 : found === count
  const wanted = count === undefined ? `any ${how} message` : counted(count as number, `${how} message`)
  const message = (): string =>
    `${what}: ${pass ? 'not expected' : 'expected'} ${wanted} in queue '${queue.name}', it has ${contents(queue)}\n\n${surroundings(recorders.circumstances())}`
  return { pass, message }
}

/** Nothing is in the queue, or in no queue of the kit: nothing ready, unacknowledged or delayed; or nothing was recorded. */
export function toBeEmpty(subject: unknown): Verdict {
  const what = 'toBeEmpty'
  const recorders = recordersOf(what, subject)
  const surrounds = () => surroundings(recorders.circumstances())
  if (subject instanceof Recorder) {
    const [pass, title] = [subject.length === 0, counted(subject.length, NAMES[subject.what])]
    const list = [...subject].slice(0, 10).map(recordLine)
    const message = () =>
      `${what}: ${pass ? 'not expected' : 'expected no, and there are'} ${title}\n${indent(list.join('\n'))}\n\n${surrounds()}`
    return { pass, message }
  }
  const queues = subject instanceof Queue ? [recorders.queue(subject)] : recorders.queues()
  const full = queues.filter(({ ready, delayed, stats }) => ready + delayed + stats.unacked > 0)
  const pass = full.length === 0
  const lines = (pass ? queues : full).map((queue) => `queue '${queue.name}' has ${contents(queue)}`)
  const message = () => `${what}: ${pass ? 'not expected, yet ' : ''}${lines.join('\n  ')}\n\n${surrounds()}`
  return { pass, message }
}

/** A queue by its name or handle. */
export type Destination = string | AnyQueue

/**
 * A message published to the exchange with this routing key now would reach this queue; with a list, exactly these in any
 * order; with neither, some queue.
 */
export function toRoute(
  subject: unknown,
  routingKey: string,
  to?: Destination | readonly Destination[],
  message: ExplainOptions = {},
): Verdict {
  const what = 'toRoute'
  if (!(subject instanceof Exchange)) {
    throw new InvalidOptionError(`${what}: expected an exchange, got ${describe(subject)}`)
  }
  const recorders = recordersOf(what, subject)
  const all = Array.isArray(to) ? to : undefined
  const wanted = (all ?? (to === undefined ? [] : [to])).map((queue) => recorders.nameOf(what, queue as Destination))
  const { name } = (subject as AnyExchange).home as VirtualHostState
  const explanation = recorders.broker.virtualHost(name).explain(subject, routingKey, message)
  const reached = explanation.queues.map((queue) => queue.name)
  const isExact = all === undefined || reached.every((queue) => wanted.includes(queue))
  const pass = wanted.every((queue) => reached.includes(queue)) && isExact && (to !== undefined || reached.length > 0)
  const list = (names: readonly string[], none: string) =>
    names.length === 0 ? none : names.map((queue) => `'${queue}'`).join(', ')
  const goal = to === undefined ? 'a queue' : `${all === undefined ? '' : 'exactly '}${list(wanted, 'no queue')}`
  const text = () =>
    `${what}: ${pass ? 'not expected' : 'expected'} ${target(subject.name, routingKey)} to reach ${goal}; it reaches ${list(reached, 'none')}\n\n${indent(String(explanation))}`
  return { pass, message: text }
}

function queueOf(what: string, subject: unknown): Queue {
  if (subject instanceof Queue) return subject
  throw new InvalidOptionError(`${what}: expected a queue, such as kit.bus.queue('jobs'), got ${describe(subject)}`)
}

/** How many messages a queue has of each kind, and the first ready ones. */
function contents(queue: QueueState): string {
  const { ready, delayed, stats } = queue
  const waits = delayed === 0 ? '' : `, ${delayed} delayed`
  const bodies: string[] = []
  for (const { body, properties } of queue.messages() as Iterable<Message>) {
    if (bodies.push(`\n  ${preview(bodyOf(body, properties.contentType))}`) === 5) break
  }
  if (ready > 5) bodies.push(`\n  … and ${ready - 5} more`)
  return `${ready} ready, ${stats.unacked} unacknowledged${waits}${bodies.length === 0 ? '' : `:${bodies.join('')}`}`
}
