/**
 * What would become of a message in a queue that it reaches: given to a consumer at once, stored, refused, dropped, or
 * dead already. The queue's hooks and its dispatcher are asked; nothing changes.
 */
import type { Message } from '../message.js'
import type { LimitForecast } from '../queue-arguments/queue-argument.js'
import { timeToLiveOf } from './head-expiry.js'
import type { QueueState } from './queue-state.js'

/**
 * What becomes of the message in a queue. `assigned`: a consumer or a waiting `get` is given it at once. `stored`: it waits
 * among the ready messages. `withheld`: it is stored, and its confirm waits until the queue has room (`block`). `expired`,
 * `dropped`: it is stored and dies at once, of a time to live of 0 or of the length limit. `refused`: the queue does not
 * take it.
 */
export type QueueOutcome = 'assigned' | 'stored' | 'withheld' | 'expired' | 'dropped' | 'refused'

/** Why no consumer is given the message at once. `no-credit`: all consumers hold as many deliveries as their prefetch. */
export type WaitingReason = 'paused' | 'no-consumer' | 'no-credit' | 'behind-others'

/** What would become of a message in a queue. */
export interface QueueForecast {
  /** In one word. */
  readonly outcome: QueueOutcome
  /** Ready messages that would leave the queue before it. */
  readonly ahead: number
  /** Who is given it at once. */
  readonly consumer?: {
    /** Name of the consumer. */
    readonly consumerTag: string
    /** True of a waiting `get`, which is no consumer. */
    readonly get: boolean
  }
  /** Why no consumer is given it at once. Absent when one is, or the queue does not take it. */
  readonly waits?: WaitingReason
  /** True from `pause` to `resume`. */
  readonly paused: boolean
  /** How long it may wait (TTL-01). Absent: for ever. */
  readonly timeToLive?: {
    /** Milliseconds: the smaller of the two. */
    readonly ms: number
    /** What the queue says (`x-message-ttl`). */
    readonly queue?: number
    /** What the message says (`expiration`). */
    readonly message?: number
  }
  /** The queue's length limit, and what it would do. Absent without one. */
  readonly limit?: LimitForecast
}

export function foresee(queue: QueueState, message: Message): QueueForecast {
  const { rules, paused, ready } = queue
  const ahead = rules.maxPriority === undefined ? ready : notBelow(queue, message, Math.max(1, rules.maxPriority))
  let limit: LimitForecast | undefined
  let refused = false
  for (const hook of rules.hooks) {
    const forecast = hook.foresee?.(message, ahead)
    limit ??= forecast
    if (forecast === undefined ? hook.admit?.(message) === false : rejects(forecast)) refused = true
  }
  const given = refused || ready > 0 ? undefined : queue.foresee()
  const drops = limit === undefined || given !== undefined ? 0 : limit.drops
  const ms = timeToLiveOf(message, rules.timeToLive)
  const stored = limit?.full === true && limit.overflow === 'block' ? 'withheld' : 'stored'
  // n.b. what is dropped may uncover what is dead already: it expires, and the message moves up.
  const left = drops === 0 ? ahead : ahead - drops - queue.dueBetween(drops, ahead)
  const kept = drops > ahead ? 'dropped' : ms === 0 && left === 0 ? 'expired' : stored
  const outcome = refused ? 'refused' : given === undefined ? kept : 'assigned'
  return {
    outcome,
    ahead: Math.max(0, left),
    ...(given !== undefined && { consumer: { consumerTag: given.consumerTag, get: given.once } }),
    ...((outcome === 'stored' || outcome === 'withheld') && { waits: waitingReason(queue) }),
    paused,
    ...(ms !== undefined && { timeToLive: timeToLive(ms, message, rules.timeToLive) }),
    ...(limit !== undefined && { limit: { ...limit, drops } }),
  }
}

function rejects({ full, overflow }: LimitForecast): boolean {
  return full && (overflow === 'reject-publish' || overflow === 'reject-publish-dlx')
}

/** Ready messages of its own priority and above: it would stand behind those (PRI-01). */
function notBelow(queue: QueueState, message: Message, highest: number): number {
  const level = ({ properties }: Message) => Math.min(properties.priority ?? 0, highest)
  let count = 0
  for (const other of queue.messages()) if (level(other) >= level(message)) count++
  return count
}

function waitingReason(queue: QueueState): WaitingReason {
  if (queue.paused) return 'paused'
  if (queue.consumerCount === 0) return 'no-consumer'
  return queue.foresee() === undefined ? 'no-credit' : 'behind-others'
}

function timeToLive(ms: number, message: Message, queue: number | undefined): { ms: number } {
  const { expiration } = message.properties
  return { ms, ...(queue !== undefined && { queue }), ...(expiration !== undefined && { message: Number(expiration) }) }
}
