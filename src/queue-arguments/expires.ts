/**
 * `x-expires`: a queue without consumers that nobody declares or gets from is deleted after so long (TTL-13 to TTL-15).
 * On a quorum queue a redeclare does not renew the lease (TTL-17): the queue does not call `used` then.
 */

import { TEN_YEARS } from '../time.js'
import {
  type ArgumentHost,
  integerArgument,
  type QueueArgument,
  type QueueHooks,
  type Timer,
} from './queue-argument.js'

export const expires: QueueArgument = {
  arguments: {
    'x-expires': {
      ...integerArgument(1, TEN_YEARS, 'ms'),
      policy: { what: 'queue expiry', wins: 'least', operator: '3.10' },
    },
  },
  createHooks: (args, host) => {
    const lease = args['x-expires'] as number | undefined
    return lease === undefined ? undefined : new Lease(lease, host)
  },
}

class Lease implements QueueHooks {
  readonly #lease: number
  readonly #host: ArgumentHost
  #until = 0
  #timer: Timer | undefined

  constructor(lease: number, host: ArgumentHost) {
    this.#lease = lease
    this.#host = host
    this.used()
  }

  used(): void {
    if (this.#host.consumerCount > 0) return
    this.#until = this.#host.timers.now() + this.#lease
    // n.b. a renewal moves no timer: the armed one looks again when it fires.
    this.#timer ??= this.#host.timers.at(this.#until, () => this.#look())
  }

  consumersChanged(): void {
    if (this.#host.consumerCount === 0) this.used()
    else this.dispose()
  }

  dispose(): void {
    if (this.#timer !== undefined) this.#host.timers.cancel(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    if (this.#host.timers.now() >= this.#until) this.#host.expire()
    else this.#timer = this.#host.timers.at(this.#until, () => this.#look())
  }
}
