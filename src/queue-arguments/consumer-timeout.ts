/**
 * `x-consumer-timeout` of quorum queues: a consumer that does not settle a delivery in time is cancelled, and what it
 * held goes back (CON-20, RabbitMQ 4.3).
 */

import { TEN_YEARS } from '../time.js'
import {
  type ArgumentHost,
  integerArgument,
  type QueueArgument,
  type QueueHooks,
  type Timer,
} from './queue-argument.js'

export const consumerTimeout: QueueArgument = {
  arguments: {
    'x-consumer-timeout': {
      ...integerArgument(1, TEN_YEARS, 'ms', ['quorum']),
      policy: { what: 'consumer timeout', wins: 'least', since: '4.3' },
    },
  },
  createHooks: (args, host) => {
    const timeout = args['x-consumer-timeout'] as number | undefined
    return timeout === undefined ? undefined : new ConsumerTimeout(timeout, host)
  },
}

class ConsumerTimeout implements QueueHooks {
  readonly timesDeliveries = true
  readonly #timeout: number
  readonly #host: ArgumentHost
  #timer: Timer | undefined
  /** When the delivery that the timer is for was assigned. */
  #oldest = 0

  constructor(timeout: number, host: ArgumentHost) {
    this.#timeout = timeout
    this.#host = host
  }

  // n.b. one timer for the oldest delivery, looked at again when it fires: settlements in time cost nothing.
  assigned(now: number): void {
    if (this.#timer !== undefined) return
    this.#oldest = now
    this.#timer = this.#host.timers.at(now + this.#timeout, () => this.#look())
  }

  /** Deliveries that are out have been timed since they were assigned, or since now. */
  takeOver(): void {
    const oldest = this.#host.holders.oldestAssigned()
    if (oldest !== undefined) this.assigned(oldest)
  }

  dispose(): void {
    if (this.#timer !== undefined) this.#host.timers.cancel(this.#timer)
  }

  #look(): void {
    this.#timer = undefined
    // n.b. `now - timeout` may be a rounding error short of it: the timer would fire for the same delivery for ever.
    const before = Math.max(this.#host.timers.now() - this.#timeout, this.#oldest)
    this.#host.holders.timeOut(before, this.#timeout)
    const oldest = this.#host.holders.oldestAssigned()
    if (oldest !== undefined) this.assigned(oldest)
  }
}
