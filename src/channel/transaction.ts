/** A transaction of a channel: publishes and settlements that wait for their commit (TX-02, TX-05). */
import type { Outcome } from '../declarations.js'
import type { Settlement } from '../delivery.js'
import { PreconditionFailedError } from '../errors.js'
import type { ChannelDeliveries } from './channel-deliveries.js'
import { putIn, settleTaken, type Taken } from './taken.js'

export class Transaction {
  readonly #held: ChannelDeliveries
  #publishes: (() => Outcome)[] = []
  #settlements: { readonly taken: Taken; readonly how: Settlement }[] = []

  constructor(held: ChannelDeliveries) {
    this.#held = held
  }

  /** A message that is checked and routed. */
  publishes(publish: () => Outcome): void {
    this.#publishes.push(publish)
  }

  /** Deliveries that were taken out of the channel's unsettled ones. */
  settles(taken: Taken, how: Settlement): void {
    this.#settlements.push({ taken, how })
  }

  /**
   * Publishes first, then settlements, in the order in which they were issued (TX-11); the next transaction begins.
   * @throws PreconditionFailedError when a full queue refused a message (TX-12); the others are published.
   */
  commit(): void {
    const [publishes, settlements] = [this.#publishes, this.#settlements]
    this.#publishes = []
    this.#settlements = []
    let refused = false
    for (const publish of publishes) if (publish() === 'refused') refused = true
    for (const { taken, how } of settlements) settleTaken(this.#held, taken, how)
    if (refused) throw new PreconditionFailedError('partial tx completion')
  }

  /** Forgets the publishes; what was settled is out again, under the same tags (TX-06). */
  rollback(): void {
    const settlements = this.#settlements
    this.#publishes = []
    this.#settlements = []
    for (const { taken } of settlements) putIn(this.#held, taken)
  }
}
