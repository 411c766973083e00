/** The laws of counting: no message is lost, none is counted twice, every one that ended has one cause. */
import type { Broker, QueueStats } from 'leveret'
import { expect } from 'vitest'

/**
 * Holds law 3 against a broker at rest. `unacked` is what the counters leave over, so a message counted twice or not at
 * all makes it wrong: it is compared with what the consumers say they have. With `idle` nobody may hold anything.
 */
export function expectConserved(broker: Broker, { idle = false } = {}): void {
  const overview = broker.overview()
  let ready = 0
  for (const { name: virtualHost, publishes, queues } of overview.virtualHosts) {
    const { published, routed, unroutable, returned, refused, held } = publishes
    expect(published, `publishes of ${virtualHost}`).toBe(routed + unroutable + returned + refused + held)
    expectCounts(publishes, `publishes of ${virtualHost}`)
    for (const { name, stats, consumers } of queues) {
      const where = `queue '${name}' of ${virtualHost}`
      expectCounts(stats, where)
      expect(stats.enqueued, where).toBe(sumOf(stats))
      expect(stats.deadLettered + stats.deadLetterLost, `${where}: fate of the dead`).toBe(
        stats.expired + stats.overflowed + stats.rejected + stats.deliveryLimited,
      )
      const withConsumers = consumers.reduce((sum, consumer) => sum + consumer.waiting + consumer.unsettled, 0)
      if (idle) expect({ unacked: stats.unacked, withConsumers }, where).toEqual({ unacked: 0, withConsumers: 0 })
      else expect(stats.unacked, where).toBeGreaterThanOrEqual(withConsumers)
      const peeked = broker.virtualHost(virtualHost).peek(name, Number.MAX_SAFE_INTEGER)
      expect(peeked, `${where}: what peek shows`).toHaveLength(stats.ready)
      ready += stats.ready
    }
  }
  expect(overview.ready, 'ready messages of the broker').toBe(ready)
}

function expectCounts(counts: object, where: string): void {
  for (const [name, count] of Object.entries(counts)) {
    expect(Number.isInteger(count) && count >= 0, `${name} of ${where} is ${count}`).toBe(true)
  }
}

function sumOf(stats: QueueStats): number {
  const { ready, delayed, unacked } = stats
  const { acked, autoAcked, expired, overflowed, rejected, deliveryLimited, purged, deleted } = stats
  return (
    ready + delayed + unacked + acked + autoAcked + expired + overflowed + rejected + deliveryLimited + purged + deleted
  )
}
