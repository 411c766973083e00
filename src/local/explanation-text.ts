/** An explanation as text: what comes of it, the way there as a tree, each queue, and what was nearly matched. */
import type {
  ExplainedBinding,
  ExplainedExchange,
  ExplainedPublish,
  ExplainedQueue,
  NearMiss,
} from '../broker/explain.js'
import type { QueueOutcome } from '../broker/foresee.js'
import type { BindingReason, HeaderVerdict, PatternWord } from '../exchange-types/verdict.js'
import { describe } from '../names.js'

/** So many bindings of one exchange that are not matched are listed, so many near misses, so many names in a row. */
const MOST_BINDINGS = 20
const MOST_MISSES = 5
const MOST_NAMES = 5

export function explanationText(explanation: ExplainedPublish): string {
  const { exchange, routingKey, exchanges, queues, nearMisses } = explanation
  const lines = [`'${routingKey}' to ${titleOf(exchange)}: ${resultOf(explanation)}`]
  const all = new Map(exchanges.map((each) => [each.name, each]))
  if (all.has(exchange)) {
    lines.push('')
    writeTree(lines, exchange, all, '')
  }
  for (const queue of queues) lines.push('', ...queueLines(queue))
  if (nearMisses.length > 0) lines.push('', 'near misses', ...nearMisses.slice(0, MOST_MISSES).map(missLine))
  if (nearMisses.length > MOST_MISSES) lines.push(`  … and ${nearMisses.length - MOST_MISSES} more`)
  return lines.join('\n')
}

function resultOf({ outcome, alarmed, queues }: ExplainedPublish): string {
  const get = queues.length === 1 ? '1 queue gets a copy' : `${queues.length} queues get a copy`
  const named = (which: QueueOutcome) => list(queues.filter((queue) => queue.outcome === which))
  switch (outcome) {
    case 'accepted':
      return queues.every((queue) => queue.outcome === 'expired' || queue.outcome === 'dropped')
        ? `${get}, where it dies at once`
        : get
    case 'pending':
      return `${get}, and the confirm waits for room in ${alarmed ? 'the broker' : named('withheld')}`
    case 'refused':
      return `refused by ${named('refused')}${queues.some((queue) => queue.outcome !== 'refused') ? ', though others take a copy' : ''}`
    case 'unroutable':
      return 'no queue gets it, and it is dropped (if it were mandatory, it would come back)'
    case 'returned':
      return 'no queue gets it, and it comes back, as it is mandatory'
    case 'held':
      return queues.length === 0 ? 'held, and then no queue gets it' : `held, and then ${get}`
    case 'internal':
      return 'refused, for the exchange is internal: it takes messages from other exchanges only'
    default:
      return outcome satisfies never
  }
}

// The way

const ALTERNATES = {
  asked: '✓ asked, as no binding matched',
  'not-needed': '– not asked, as a binding matched',
  missing: '✗ there is no such exchange',
  visited: '– visited already',
}

type Exchanges = ReadonlyMap<string, ExplainedExchange>

function writeTree(lines: string[], name: string, all: Exchanges, margin: string): void {
  const { type, holds, bindings, alternate } = all.get(name) as ExplainedExchange
  const inner = indent(margin)
  const write = (line: string) => lines.push(inner + line)
  const first = holds === undefined ? '' : `, which holds it for ${holds} ms first`
  lines.push(margin + (name === '' ? titleOf(name) : `${type} ${titleOf(name)}${first}`))
  let missed = 0
  for (const binding of bindings) {
    if (!binding.matched && ++missed > MOST_BINDINGS) continue
    write(bindingLine(binding))
    const { matched, again, destination, destinationKind } = binding
    if (matched && !again && destinationKind === 'exchange') writeTree(lines, destination, all, indent(inner))
  }
  if (missed > MOST_BINDINGS) write(`✗ … and ${missed - MOST_BINDINGS} more that do not match`)
  if (bindings.length === 0) write(name === '' ? '✗ there is no queue of that name' : '✗ nothing is bound to it')
  if (alternate === undefined) return
  const { exchange, verdict } = alternate
  const [mark = '', why] = ALTERNATES[verdict].split(/ (.*)/)
  write(`${mark} alternate ${titleOf(exchange)}: ${why}`)
  if (verdict === 'asked') writeTree(lines, exchange, all, indent(inner))
}

function bindingLine({ matched, again, routingKey, destinationKind, destination, keys }: ExplainedBinding): string {
  const reasons = keys
    .filter((key) => key.matched === matched)
    .map(
      (key) =>
        (keys.length === 1 ? '' : `${key.from === 'publish' ? '' : `${key.from} `}'${key.key}': `) + reasonText(key),
    )
  const kind = keys[0]?.reason.kind
  const by = routingKey === '' && (kind === 'every-binding' || kind === 'headers') ? '' : `'${routingKey}' `
  const to = `→ ${destinationKind} '${destination}'${again ? ' (reached already)' : ''}`
  return `${matched ? '✓' : '✗'} ${by}${to}: ${reasons.join('; ')}`
}

function reasonText({ matched, reason }: { matched: boolean; reason: BindingReason }): string {
  switch (reason.kind) {
    case 'every-binding':
      return 'fanout goes to every binding'
    case 'equal-key':
      return 'the same key'
    case 'other-key':
      return 'another key'
    case 'words':
      return wordsText(matched, reason.words, reason.left)
    case 'headers':
      return `${reason.match} of: ${reason.headers.map(headerText).join(', ') || 'no headers'}`
    case 'router':
      return matched ? 'its type routes there' : 'its type does not route there'
    case 'other':
      return reason.text
    default:
      return reason satisfies never
  }
}

function wordsText(matched: boolean, words: readonly PatternWord[], left: readonly string[]): string {
  const position = words.flatMap(({ took }) => took).length
  const parts: string[] = []
  for (const { pattern, took, agrees } of words) {
    const met = took.length === 0 ? 'nothing' : `'${took.join('.')}'`
    if (!agrees && took.length === 0) parts.push(`no word is left for '${pattern}'`)
    else if (!agrees) parts.push(`word ${position} is ${met}, not '${pattern}'`)
    else if (pattern === '#' || (matched && pattern === '*')) parts.push(`${pattern} is ${met}`)
  }
  if (left.length > 0) parts.push(`'${left.join('.')}' is left over`)
  return parts.join(', ') || 'word for word'
}

function headerText({ name, wanted, actual, verdict }: HeaderVerdict): string {
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : describe(value))
  switch (verdict) {
    case 'equal':
      return `✓ ${name} is ${text(wanted)}`
    case 'present':
      return `✓ ${name} is there`
    case 'missing':
      return `✗ ${name} is missing`
    case 'other-value':
      return `✗ ${name} is ${text(actual)}, not ${text(wanted)}`
    case 'other-type':
      return `✗ ${name} is the ${typeof actual} ${text(actual)}, not the ${typeof wanted} ${text(wanted)}`
    case 'ignored':
      return `(${name} does not count)`
    default:
      return verdict satisfies never
  }
}

// The queues

const WAITS = {
  paused: 'the queue is paused',
  'no-consumer': 'it has no consumer',
  'no-credit': 'its consumers are at their prefetch limit',
  'behind-others': 'those go first',
}

function queueLines(queue: ExplainedQueue): string[] {
  const { name, path, outcome, timeToLive, limit } = queue
  const way = path.map((exchange) => (exchange === '' ? titleOf('') : `'${exchange}'`)).join(' → ')
  const lines = [`queue '${name}', by ${way}`, outcomeText(queue)]
  const drops = limit !== undefined && outcome !== 'dropped' ? limit.drops : 0
  if (drops > 0) {
    lines.push(
      `it drops ${drops === 1 ? 'a message' : `${drops} messages`} from its head, being full${limitText(queue)}`,
    )
  }
  const waits = (outcome === 'stored' || outcome === 'withheld') && timeToLive !== undefined
  if (waits) {
    const { ms, queue: own, message } = timeToLive
    const both = own !== undefined && message !== undefined
    lines.push(
      ms === 0
        ? 'its time to live is 0: it dies when it comes to the head, and no consumer gets it'
        : `it expires after ${ms} ms, ${both ? `the smaller of ${own} (queue) and ${message} (message)` : `as the ${own === undefined ? 'message' : 'queue'} says`}`,
    )
  }
  const dies = waits || outcome === 'expired' || outcome === 'dropped'
  const refused = outcome === 'refused' && limit?.overflow === 'reject-publish-dlx'
  if (dies || drops > 0 || refused) lines.push(deathText(queue, dies || refused))
  return lines.map((line, at) => (at === 0 ? line : indent(line)))
}

function outcomeText(queue: ExplainedQueue): string {
  const { outcome, ahead, consumer, waits } = queue
  switch (outcome) {
    case 'assigned':
      return `given at once to ${consumer?.get === true ? 'a get that waits' : `consumer '${consumer?.consumerTag}'`}`
    case 'stored':
    case 'withheld': {
      const behind = ahead === 0 ? '' : ` behind ${ahead} ready message${ahead === 1 ? '' : 's'}`
      const full = outcome === 'stored' ? '' : `; full${limitText(queue)}, it withholds the confirm`
      return `stored${behind}: ${WAITS[waits ?? 'no-consumer']}${full}`
    }
    case 'expired':
      return 'dies at once: its time to live is 0, and no consumer can take it now'
    case 'dropped':
      return `dropped at once, the queue being full${limitText(queue)}`
    case 'refused':
      return queue.limit?.full === true
        ? `refused, the queue being full${limitText(queue)}`
        : 'refused by its arguments'
    default:
      return outcome satisfies never
  }
}

function limitText({ limit }: ExplainedQueue): string {
  const { maxLength, maxLengthBytes, overflow } = limit ?? {}
  const parts = Object.entries({ maxLength, maxLengthBytes, overflow }).filter(([, value]) => value !== undefined)
  return ` (${parts.map(([name, value]) => `${name} ${value}`).join(', ')})`
}

/** `own`: it is this message that dies; else those that make room for it, whose keys are their own. */
function deathText({ deadLetter }: ExplainedQueue, own: boolean): string {
  if (deadLetter === undefined) return 'what dies here is lost: the queue has no dead-letter exchange'
  const { exchange, routingKey, missing, queues } = deadLetter
  const to = `what dies here goes to ${titleOf(exchange)} with ${routingKey === undefined ? 'its own key' : `key '${routingKey}'`}`
  if (missing) return `${to}: there is no such exchange, so it is lost`
  if (!own && routingKey === undefined) return to
  return queues.length === 0
    ? `${to}, and is lost: no queue gets it`
    : `${to}, and on to ${list(queues.map((name) => ({ name })))}`
}

// Near misses

function missLine({ exchange, destination, destinationKind, bindingKey, hint }: NearMiss): string {
  const by = bindingKey === '' ? '' : `'${bindingKey}' of `
  return `  ${by}${titleOf(exchange)} → ${destinationKind} '${destination}': ${hint}`
}

function titleOf(exchange: string): string {
  return exchange === '' ? 'the default exchange' : `exchange '${exchange}'`
}

function list(queues: readonly { readonly name: string }[]): string {
  const names = queues.slice(0, MOST_NAMES).map(({ name }) => `queue '${name}'`)
  return names.join(', ') + (queues.length > MOST_NAMES ? ` and ${queues.length - MOST_NAMES} more` : '')
}

function indent(line: string): string {
  return `  ${line}`
}
