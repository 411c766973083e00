/** Dead letters: the envelope of a message that died, and the history it carries in `x-death` (DLX-03 to DLX-13). */
import { type Arguments, type FieldValue, isTable, NO_ARGUMENTS } from '../arguments.js'
import type { Compatibility } from '../declarations.js'
import { BodyInvalidError, pathOf } from '../errors.js'
import { Message, type MessageProperties } from '../message.js'
import type { DeathReason } from '../queue-arguments/queue-argument.js'

/** Where the dead letters of a queue go. */
interface DeadLetterTarget {
  readonly exchange: string
  readonly routingKey: string | undefined
}

/** The new envelope: it shares the body, goes to the dead-letter exchange, and does not expire there again (DLX-05). */
export function deadLetterOf(
  message: Message,
  queue: string,
  reason: DeathReason,
  target: DeadLetterTarget,
  wallTime: number,
  cause?: unknown,
  compatibility: Compatibility = '4.3',
): Message {
  const { expiration, ...properties } = message.properties
  const modern = compatibility !== '3.10'
  const { CC, ...others } = properties.headers ?? NO_ARGUMENTS
  // n.b. a new key replaces all that the message had; 3.10 took the header away with them (DLX-11).
  const old = CC === undefined || (target.routingKey !== undefined && !modern) ? others : { CC, ...others }
  // n.b. what a client says of deaths was history once, and is data since 4.0 (PUB-25).
  const history = modern && message.rare?.dead !== true ? [] : deathsOf(message)
  const headers: Record<string, FieldValue> = {
    ...old,
    'x-death': recordDeath(history, message, queue, reason, wallTime),
  }
  // n.b. 3.10 took what is no history for one, and told of the first death only.
  const told = (modern ? history.length === 0 : old['x-death'] === undefined) ? ['first'] : []
  if (modern) told.push('last')
  for (const which of told) {
    headers[`x-${which}-death-reason`] = reason
    headers[`x-${which}-death-queue`] = queue
    headers[`x-${which}-death-exchange`] = message.exchange
  }
  if (cause instanceof BodyInvalidError) {
    headers['x-schema-issues'] = cause.issues.map(({ message: text, path = [] }) => ({
      message: text,
      path: pathOf(path),
    }))
  }
  const letterProperties: MessageProperties = { ...properties, headers }
  const letter = new Message(target.exchange, target.routingKey ?? message.routingKey, message.body, letterProperties)
  const { bcc, ...rare } = message.rare ?? {}
  letter.rare = { ...rare, ...(bcc !== undefined && target.routingKey === undefined && { bcc }), dead: true }
  return letter
}

/** The history: most recent death first. A second death of the same kind moves to the front and counts (DLX-08). */
function recordDeath(
  history: readonly Arguments[],
  message: Message,
  queue: string,
  reason: DeathReason,
  wallTime: number,
): FieldValue {
  const known = history.find((death) => death['queue'] === queue && death['reason'] === reason)
  if (known !== undefined) {
    const again = { ...known, count: Number(known['count'] ?? 0) + 1 }
    return [again, ...history.filter((death) => death !== known)]
  }
  const { expiration, headers } = message.properties
  const copies = headers?.['CC']
  const death: Record<string, FieldValue> = {
    count: 1,
    reason,
    queue,
    time: new Date(wallTime * 1000),
    exchange: message.exchange,
    'routing-keys': [message.routingKey, ...(Array.isArray(copies) ? copies : [])],
  }
  if (expiration !== undefined) death['original-expiration'] = String(expiration)
  return [death, ...history]
}

function deathsOf(message: Message): Arguments[] {
  const deaths = message.properties.headers?.['x-death']
  // n.b. an `x-death` that is no array of tables is not ours: it is reset (PUB-25).
  return Array.isArray(deaths) ? deaths.filter(isTable) : []
}

/**
 * True when the letter died in the queue before and has not been rejected by anybody since: it would go round for ever
 * (DLX-12).
 */
export function isCycle(queue: string, letter: Message): boolean {
  for (const death of deathsOf(letter)) {
    if (death['reason'] === 'rejected') return false
    if (death['queue'] === queue) return true
  }
  return false
}
