/**
 * What became of the messages of a queue. Every message that entered is somewhere, and every message that left has one
 * cause: enqueued = ready + delayed + unacked + acked + autoAcked + expired + overflowed + rejected + deliveryLimited
 * + purged + deleted. What is out with consumers is the rest of this sum, so that a message moves two counters at most.
 */
import type { QueueStats } from '../declarations.js'

export class QueueCounters {
  enqueued = 0
  acked = 0
  autoAcked = 0
  expired = 0
  overflowed = 0
  rejected = 0
  delivery_limited = 0
  purged = 0
  deleted = 0
  requeued = 0
  deadLettered = 0
  deadLetterLost = 0

  stats(ready: number, delayed: number, consumers: number): QueueStats {
    const { enqueued, acked, autoAcked, expired, overflowed, rejected, delivery_limited, purged, deleted } = this
    const ended = acked + autoAcked + expired + overflowed + rejected + delivery_limited + purged + deleted
    return {
      enqueued,
      ready,
      delayed,
      unacked: enqueued - ended - ready - delayed,
      acked,
      autoAcked,
      expired,
      overflowed,
      rejected,
      deliveryLimited: delivery_limited,
      purged,
      deleted,
      requeued: this.requeued,
      deadLettered: this.deadLettered,
      deadLetterLost: this.deadLetterLost,
      consumers,
    }
  }
}
