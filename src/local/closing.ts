/** The end of a broker: what its consumers have in hand may finish, then everything goes. */
import type { BrokerState } from '../broker/broker-state.js'
import type { QueueState } from '../broker/queue-state.js'
import { isAborted } from '../handles/wait.js'
import { onAbort, type Signal } from '../host.js'
import type { Timer } from '../timers.js'

/** How a broker is closed. */
export interface CloseBrokerOptions {
  /**
   * Lets consumers work off what is ready or waits for a retry in their queues, and what they publish meanwhile.
   * @default false: only what they have in hand
   */
  readonly drain?: boolean
  /** Milliseconds that all of it may take, 0 to 2,147,483,647. @default 30,000 */
  readonly timeout?: number
  /** Ends the wait: what is unsettled or undelivered then is dropped at once. @default none */
  readonly signal?: Signal
}

/** What became of the messages when the broker closed. */
export interface ClosedBroker {
  /** Deliveries settled for good while it closed: acknowledged, rejected, or failed once too often. */
  readonly finished: number
  /** Deliveries still unsettled at the end: given back, and dropped with their queues. */
  readonly requeued: number
  /** Further messages that were in the queues at the end, and delayed sends that were not due. */
  readonly dropped: number
}

const TIMEOUT_MS = 30_000

export class Closing {
  readonly done: Promise<ClosedBroker>
  readonly #broker: BrokerState
  readonly #drain: boolean
  readonly #settledBefore: number
  readonly #timer: Timer
  readonly #stopListening: () => void
  readonly #others: (() => void) | undefined
  #resolve!: (result: ClosedBroker) => void

  constructor(broker: BrokerState, options: CloseBrokerOptions) {
    this.#broker = broker
    this.#drain = options.drain === true
    this.#settledBefore = this.#settled()
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    broker.timers.keepAlive()
    this.#timer = broker.timers.after(options.timeout ?? TIMEOUT_MS, () => this.#end())
    this.#stopListening = onAbort(options.signal, () => this.#end())
    if (!this.#drain) this.#stopIntake()
    this.#others = broker.afterOperations
    broker.afterOperations = () => {
      this.#others?.()
      this.#look()
    }
    if (isAborted(options.signal)) this.#end()
    else this.#look()
  }

  #look(): void {
    for (const queue of this.#queues()) if (this.#busy(queue)) return
    // n.b. a reply is on its way when its request is settled.
    for (const { replies } of this.#broker.virtualHosts.values()) if (replies.busy) return
    this.#end()
  }

  #busy(queue: QueueState): boolean {
    const handed = queue.consumers.reduce((sum, consumer) => sum + consumer.unsettled, 0)
    if (!this.#drain) return handed > 0
    const { ready, delayed, unacked } = queue.stats
    return queue.consumerCount > 0 && !queue.paused && ready + delayed + unacked > 0
  }

  /** No message is handed out any more: consumers keep what they took, and give back the rest. */
  #stopIntake(): void {
    for (const queue of this.#queues()) queue.pause()
    for (const queue of this.#queues()) for (const consumer of queue.consumers) consumer.returnUnhanded()
  }

  #end(): void {
    const broker = this.#broker
    broker.afterOperations = this.#others
    broker.timers.cancel(this.#timer)
    this.#stopListening()
    const finished = this.#settled() - this.#settledBefore
    let requeued = 0
    let dropped = 0
    for (const queue of this.#queues()) {
      queue.pause()
      const { ready, delayed, unacked } = queue.stats
      requeued += unacked
      dropped += ready + delayed
    }
    for (const { publishing } of broker.virtualHosts.values()) dropped += publishing.stats.held
    broker.close()
    broker.timers.letGo()
    this.#resolve({ finished, requeued, dropped })
  }

  #settled(): number {
    let settled = 0
    for (const queue of this.#queues()) {
      const { acked, autoAcked, rejected, deliveryLimited } = queue.stats
      settled += acked + autoAcked + rejected + deliveryLimited
    }
    return settled
  }

  *#queues(): Iterable<QueueState> {
    for (const virtualHost of this.#broker.virtualHosts.values()) yield* virtualHost.queues.values()
  }
}
