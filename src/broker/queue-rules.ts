/**
 * What the arguments of a queue ask for, sorted by when the queue has to think of it, so that a queue without a rule pays
 * a comparison and no loop. Plain queues share one set of no rules.
 */
import type { Arguments } from '../arguments.js'
import type { ArgumentHost, QueueArgument, QueueHooks } from '../queue-arguments/queue-argument.js'

export class QueueRules {
  readonly hooks: readonly QueueHooks[]
  readonly admit: QueueHooks | undefined
  readonly stored: readonly QueueHooks[] | undefined
  readonly removed: readonly QueueHooks[] | undefined
  readonly timeToLive: number | undefined
  readonly maxPriority: number | undefined
  readonly deadLetter: QueueHooks['deadLetter']
  readonly measures: boolean
  readonly singleActiveConsumer: boolean
  readonly timesDeliveries: boolean
  readonly backsOff: boolean

  constructor(hooks: readonly QueueHooks[]) {
    this.hooks = hooks
    this.admit = oneOf(hooks.filter((hook) => hook.admit !== undefined))
    this.stored = some(hooks.filter((hook) => hook.stored !== undefined))
    this.removed = some(hooks.filter((hook) => hook.removed !== undefined))
    this.timeToLive = hooks.find((hook) => hook.timeToLive !== undefined)?.timeToLive
    this.maxPriority = hooks.find((hook) => hook.maxPriority !== undefined)?.maxPriority
    this.deadLetter = hooks.find((hook) => hook.deadLetter !== undefined)?.deadLetter
    this.measures = hooks.some((hook) => hook.measures === true)
    this.singleActiveConsumer = hooks.some((hook) => hook.singleActiveConsumer === true)
    this.timesDeliveries = hooks.some((hook) => hook.timesDeliveries === true)
    this.backsOff = hooks.some((hook) => hook.backsOff === true)
  }
}

const NO_RULES = new QueueRules([])

/** The rules of a new queue. */
export function rulesOf(behaviours: readonly QueueArgument[], args: Arguments, host: ArgumentHost): QueueRules {
  const hooks = behaviours.map((behaviour) => behaviour.createHooks(args, host)).filter((made) => made !== undefined)
  return hooks.length === 0 ? NO_RULES : new QueueRules(hooks)
}

/** What asks all of them, and ends at the first that refuses: a queue asks one, and mostly there is none. */
function oneOf(admitting: readonly QueueHooks[]): QueueHooks | undefined {
  if (admitting.length < 2) return admitting[0]
  return { admit: (message) => admitting.every((hook) => hook.admit?.(message) !== false) }
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}
