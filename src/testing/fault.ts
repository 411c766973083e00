/** A fault: what is to go wrong, how often, and how often it has. */
import type { Delivery, Message, QueueHooks, QueueState, WithheldConfirm } from '../internal.js'

/** Takes the confirm of the publish that is going on. */
export type Withhold = (confirm: WithheldConfirm) => void

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
  /** What a queue is to do, asked when the rules of the queue are made. */
  hooksOf?(queue: QueueState): QueueHooks | undefined
  /** How a confirm is held back that it took; undefined for another. */
  holding?(confirm: WithheldConfirm): string | undefined
}

/** Something that goes wrong because a test says so. */
export class Fault {
  /** What goes wrong, such as `rejectConfirms of queue 'jobs'`. */
  readonly what: string
  readonly #times: number
  readonly #site: string | undefined
  #fired = 0
  #cancelled = false

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
    this.#cancelled = true
    this.ended()
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
    if (++this.#fired === this.#times) this.ended()
    return true
  }

  /** It will not fire again. @internal */
  protected ended(): void {}
}

/** One who withholds for all of these: the confirm is given when the last of them lets go. */
export function allOf(withholding: readonly Withhold[]): Withhold | undefined {
  const [first] = withholding
  if (withholding.length < 2) return first
  return (confirm) => {
    let left = withholding.length
    const gate: WithheldConfirm = {
      get open() {
        return confirm.open ?? true
      },
      release: () => {
        if (--left === 0) confirm.release()
      },
    }
    for (const withhold of withholding) withhold(gate)
  }
}
