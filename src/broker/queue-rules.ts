/**
 * What the arguments and the policy of a queue ask for, sorted by when the queue has to think of it, so that a queue without a rule pays
 * a comparison and no loop. Plain queues share one set of no rules.
 */
import { type Arguments, type FieldValue, NO_ARGUMENTS } from '../arguments.js'
import type { ArgumentHost, QueueHooks } from '../queue-arguments/queue-argument.js'
import type { QueueArguments } from '../queue-arguments/registry.js'
import { type AppliedPolicy, least } from './policies.js'
import type { Tracker } from './services.js'

export class QueueRules {
  readonly hooks: readonly QueueHooks[]
  /** The arguments that they were made of. */
  readonly arguments: Arguments
  /** The hooks by behaviour, with gaps. */
  readonly made: readonly (QueueHooks | undefined)[]
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

  constructor(made: readonly (QueueHooks | undefined)[], args: Arguments) {
    const hooks = made.filter((each) => each !== undefined)
    this.arguments = args
    this.made = made
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

const NO_RULES = new QueueRules([], NO_ARGUMENTS)

/** A queue whose rules are made. */
interface RuledQueue extends ArgumentHost {
  readonly arguments: Arguments
  readonly policy: AppliedPolicy | undefined
  readonly broker: { readonly queueArguments: QueueArguments; readonly tracker: Tracker | undefined }
  readonly virtualHost: {
    readonly name: string
    readonly firehose?: { hooksOf(queue: string): QueueHooks } | undefined
  }
}

/** The rules of a queue; where `former` ones were, the hooks of behaviours whose arguments are the same go on. */
export function rulesOf(queue: RuledQueue, former?: QueueRules): QueueRules {
  const { queueArguments } = queue.broker
  const args = queue.policy === undefined ? queue.arguments : effectiveArguments(queue, queue.policy.definition)
  let ruled = false
  const made = queueArguments.behaviours.map((behaviour, i) => {
    const same = former && Object.keys(behaviour.arguments).every((name) => args[name] === former.arguments[name])
    const hooks = same ? former.made[i] : behaviour.createHooks(args, queue)
    if (hooks !== undefined) ruled = true
    return hooks
  })
  const { firehose } = queue.virtualHost
  if (firehose !== undefined) made.push(firehose.hooksOf(queue.name))
  const tracked = queue.broker.tracker?.hooksOf(queue) ?? []
  made.push(...tracked)
  const plain = !ruled && firehose === undefined && tracked.length === 0 && Object.keys(args).length === 0
  return plain ? NO_RULES : new QueueRules(made, args)
}

/** The new hooks of a queue take over what the former ones held, and those let go of the rest. */
export function changeRules(former: QueueRules, rules: QueueRules): void {
  rules.made.forEach((hooks, i) => {
    if (hooks !== former.made[i]) hooks?.takeOver?.(former.made[i], former.arguments)
  })
  former.made.forEach((hooks, i) => {
    if (hooks !== rules.made[i]) hooks?.dispose?.()
  })
}

/** The arguments of a queue, and what its policy says where that counts (POL-11). */
function effectiveArguments({ type, arguments: args, broker }: RuledQueue, definition: Arguments): Arguments {
  const effective: Record<string, FieldValue> = { ...args }
  for (const [key, value] of Object.entries(definition)) {
    const name = `x-${key}`
    const wins = broker.queueArguments.reader(name)?.policy?.wins
    const own = args[name]
    if (own === undefined || (wins === 'policy-on-quorum' && type === 'quorum')) effective[name] = value
    else if (wins === 'least') effective[name] = least(own, value as number)
  }
  return effective
}

/** What asks all of them, and ends at the first that refuses: a queue asks one, and mostly there is none. */
function oneOf(admitting: readonly QueueHooks[]): QueueHooks | undefined {
  if (admitting.length < 2) return admitting[0]
  return { admit: (message) => admitting.every((hook) => hook.admit?.(message) !== false) }
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}
