/**
 * How long a channel may leave a delivery unacknowledged, before RabbitMQ 4.3 (CON-20). No delivery is timed: a channel
 * that has some out looks once a tick, and notes how far its tags had come by then. What a note covers has been out since
 * then, or longer.
 */
import { Fifo } from '../data/fifo.js'
import { PreconditionFailedError } from '../errors.js'
import type { Timer, Timers } from '../timers.js'
import type { ChannelDeliveries } from './channel-deliveries.js'

/** How often RabbitMQ looks. */
const TICK = 60_000

/** Where the channel is. */
interface Home {
  /** ms; `Infinity` is none. */
  readonly consumerTimeout: number
  readonly timers: Timers
}

/** Deliveries up to this tag are late from `due` on. */
interface Mark {
  readonly due: number
  readonly tag: number
}

export class AcknowledgementTimeout {
  /** True while no delivery is known to be out: the next one is to call `start`. */
  idle = true
  readonly #timeout: number
  readonly #tick: number
  readonly #timers: Timers
  readonly #held: ChannelDeliveries
  readonly #late: () => void
  readonly #marks = new Fifo<Mark>()
  #timer: Timer | undefined

  /** Calls `late` once, when a delivery was out for too long. */
  constructor(home: Home, held: ChannelDeliveries, late: () => void) {
    this.#timeout = home.consumerTimeout
    this.#tick = Math.min(TICK, this.#timeout)
    this.#timers = home.timers
    this.#held = held
    this.#late = late
  }

  /** A delivery is out. */
  start(): void {
    this.idle = false
    this.#mark(this.#timers.now())
  }

  stop(): void {
    this.idle = false
    if (this.#timer !== undefined) this.#timers.cancel(this.#timer)
  }

  #mark(now: number): void {
    this.#marks.push({ due: now + this.#timeout, tag: this.#held.lastTag })
    this.#timer = this.#timers.at(now + this.#tick, () => this.#look())
  }

  #look(): void {
    this.#timer = undefined
    const oldest = this.#held.oldestTag
    while ((this.#marks.peek()?.tag ?? Number.POSITIVE_INFINITY) < oldest) this.#marks.shift()
    const now = this.#timers.now()
    if (oldest === Number.POSITIVE_INFINITY) this.idle = true
    else if ((this.#marks.peek()?.due ?? Number.POSITIVE_INFINITY) > now) this.#mark(now)
    else this.#late()
  }
}

/** What a channel is closed with that left a delivery unacknowledged for `timeout` ms. */
export function timedOut(channel: number, timeout: number): PreconditionFailedError {
  return new PreconditionFailedError(
    `delivery acknowledgement on channel ${channel} timed out. Timeout value used: ${timeout} ms. ` +
      'This timeout value can be configured, see consumers doc guide to learn more',
  )
}
