/** A fault: what is to go wrong, how often, and how often it has. */
import type {
  Delivery,
  Message,
  QueueHooks,
  QueueState,
  Saying,
  TrackedQueue,
  TrackedThread,
  WithheldConfirm,
} from '../../internal.js'

/** Takes the confirm of the publish that is going on, until it calls `release`. */
export type Withhold = (confirm: WithheldConfirm, release: () => void) => void

/** What a fault may do to a broker, and when it is asked. */
export interface Interference {
  /**
   * A message was routed to these queues and is about to be stored. May answer who takes its confirm, if one is awaited.
   * What it throws the publisher gets, and nothing is stored.
   */
  publishing?(message: Message, queues: readonly QueueState[], awaited: boolean): Withhold | undefined
  /** A delivery is about to be handed over. */
  entering?(delivery: Delivery): void
  /** A consumer has settled a delivery. */
  left?(delivery: Delivery): void
  /** Another thread says something. False when that does not arrive. */
  hears?(thread: TrackedThread, saying: Saying): boolean
  /** What a queue is to do, asked when the rules of the queue are made. */
  hooksOf?(queue: QueueState): QueueHooks | undefined
}

/** Something that goes wrong because a test says so. */
export class Fault {
  /** What goes wrong, such as `rejectConfirms of queue 'jobs'`. */
  readonly what: string
  readonly #times: number
  readonly #site: string | undefined
  #fired = 0
  #cancelled = false
  /** Called when it will not fire again. @internal */
  onEnd: (() => void) | undefined

  /** Made by `kit.faults`. @hidden */
  constructor(what: string, times: number, site: string | undefined) {
    this.what = what
    this.#times = times
    this.#site = site
  }

  /** How often it went wrong. */
  get fired(): number {
    return this.#fired
  }

  /** How often it will go wrong still; 0 once it is cancelled. */
  get remaining(): number {
    return this.#cancelled ? 0 : this.#times - this.#fired
  }

  /** From now on nothing goes wrong any more, and it counts as no finding that less did than was asked for. */
  cancel(): void {
    if (this.#cancelled) return
    this.#cancelled = true
    this.onEnd?.()
  }

  /** What is wrong with it at the end of a test: it went wrong less often than it was told to. @internal */
  get finding(): string | undefined {
    const enough = this.#times === Number.POSITIVE_INFINITY ? 1 : this.#times
    if (this.#cancelled || this.#fired >= enough) return undefined
    const where = this.#site === undefined ? '' : `, asked for at ${this.#site},`
    const hint = this.hint
    return `${this.what}${where} fired ${this.#fired} of ${enough} times${hint === undefined ? '' : `: ${hint}`}`
  }

  /** Why it did not fire, where that is known. @internal */
  protected get hint(): string | undefined {
    return undefined
  }

  /** True, and counted, while it is to go wrong. @internal */
  fire(): boolean {
    if (this.remaining <= 0) return false
    if (++this.#fired === this.#times) this.onEnd?.()
    return true
  }
}

/** What has happened already. */
export function firedBy(what: string, times: number): Fault {
  const fault = new Fault(what, times, undefined)
  while (fault.fire());
  return fault
}

/** One who withholds for all of these: the confirm is given when the last of them lets go. */
export function allOf(withholding: readonly Withhold[]): ((confirm: WithheldConfirm) => void) | undefined {
  if (withholding.length === 0) return undefined
  return (confirm) => {
    let left = withholding.length
    const release = (): void => {
      if (--left === 0 && confirm.open !== false) confirm.release()
    }
    for (const withhold of withholding) withhold(confirm, release)
  }
}

/** True for one queue, whichever has that name at the time. */
export function isSameQueue(one: TrackedQueue, other: TrackedQueue): boolean {
  return one.name === other.name && one.virtualHost.name === other.virtualHost.name
}

/** A fault of one queue, whichever queue has that name at the time. */
export class QueueFault extends Fault {
  readonly #queue: TrackedQueue

  /** Made by `kit.faults`. @hidden */
  constructor(what: string, queue: TrackedQueue, times: number, site: string | undefined) {
    super(`${what} of queue '${queue.name}'`, times, site)
    this.#queue = queue
  }

  /** True for the queue that it is of. @internal */
  protected concerns(queue: TrackedQueue): boolean {
    return isSameQueue(queue, this.#queue)
  }
}
