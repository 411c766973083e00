/** The laws of counting: no message is lost, none is counted twice, every one that ended has one cause. */
import type { BrokerState, QueueStats } from '../../internal.js'

/** What does not add up, in words. */
export function brokenLaws(broker: BrokerState): string[] {
  const broken: string[] = []
  const hold = (holds: boolean, what: string, counts: object): void => {
    if (!holds) broken.push(`${what}: ${JSON.stringify(counts)}`)
  }
  for (const { name, publishing, queues } of broker.virtualHosts.values()) {
    const { published, routed, unroutable, returned, refused, held } = publishing.stats
    const publishes = `publishes to virtual host '${name}'`
    hold(published === routed + unroutable + returned + refused + held, publishes, publishing.stats)
    hold(areCounts(publishing.stats), publishes, publishing.stats)
    for (const queue of queues.values()) {
      const { stats } = queue
      const { expired, overflowed, rejected, deliveryLimited, deadLettered, deadLetterLost } = stats
      const what = `queue '${queue.name}'`
      const withConsumers = queue.consumers.reduce((sum, { waiting, unsettled }) => sum + waiting + unsettled, 0)
      hold(areCounts(stats) && stats.enqueued === sumOf(stats), what, stats)
      hold(deadLettered + deadLetterLost === expired + overflowed + rejected + deliveryLimited, what, stats)
      hold(stats.unacked >= withConsumers, what, { ...stats, withConsumers })
      hold([...queue.messages()].length === stats.ready, what, stats)
    }
  }
  return broken
}

function areCounts(counts: object): boolean {
  return Object.values(counts).every((count) => Number.isInteger(count) && count >= 0)
}

function sumOf(stats: QueueStats): number {
  const { ready, delayed, unacked } = stats
  const { acked, autoAcked, expired, overflowed, rejected, deliveryLimited, purged, deleted } = stats
  return (
    ready + delayed + unacked + acked + autoAcked + expired + overflowed + rejected + deliveryLimited + purged + deleted
  )
}
