/** What is taken out of a channel's unsettled deliveries, to be settled together or put back. */
import { LocalSubscription } from '../broker/local-subscription.js'
import type { Delivery } from '../delivery.js'

export interface Taken {
  readonly deliveries: readonly Delivery[]
  readonly lost: readonly Lost[]
}

/** A delivery whose queue is gone; the delivery itself would keep its message. */
export interface Lost {
  readonly tag: number
  /** True when a consumer was given it: settled, it makes room in the limit of the channel. */
  readonly counts: boolean
}

export const NOTHING: Taken = { deliveries: [], lost: [] }

/** True for what a consumer was given, false for a get. */
export function isConsumers({ recipient }: Delivery): boolean {
  return recipient instanceof LocalSubscription
}

/** The deliveries of each consumer, in the order of their tags; a get is by itself. */
export function byConsumer(deliveries: readonly Delivery[]): Delivery[][] {
  const groups = new Map<string, Delivery[]>()
  for (const delivery of deliveries) {
    const { recipient, queue, tag } = delivery
    // n.b. by number where it was got, by tag where a consumer was given it, and the former first.
    const who =
      recipient instanceof LocalSubscription ? `\u0001${recipient.consumerTag}` : String(tag).padStart(17, '\u0000')
    const key = `${queue.name}\u0000${who}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [delivery])
    else group.push(delivery)
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group)
}
