/**
 * AMQP's settlements, which name a delivery by its tag, or all up to it: what is taken out of a channel's unsettled
 * deliveries, to be settled together or put back.
 */
import { LocalSubscription } from '../broker/local-subscription.js'
import type { Delivery, Settlement } from '../delivery.js'
import { PreconditionFailedError } from '../errors.js'
import type { ChannelDeliveries, Lost } from './channel-deliveries.js'

export interface Taken {
  readonly deliveries: readonly Delivery[]
  readonly lost: readonly Lost[]
}

const NOTHING: Taken = { deliveries: [], lost: [] }

/** True for what a consumer was given, false for a get. */
export function isConsumers({ recipient }: Delivery): boolean {
  return recipient instanceof LocalSubscription
}

/** Settles the delivery with this tag by itself, as `takeOut` and `settleTaken` do. */
export function settleOne(held: ChannelDeliveries, deliveryTag: number, how: Settlement): void {
  const delivery = held.unacked?.remove(deliveryTag)
  if (delivery === undefined) settleTaken(held, takeOut(held, deliveryTag, false), how)
  else {
    delivery.settlement = how
    held.finish(delivery, how, undefined)
  }
}

/**
 * Takes deliveries out of those that are out, to be settled by `settleTaken` or put back by `putIn`: the one with the tag,
 * or all up to it; 0 are all.
 * @throws PreconditionFailedError when the tag is not out, and then nothing is taken (ACK-02 to ACK-04).
 */
export function takeOut(held: ChannelDeliveries, deliveryTag: number, multiple: boolean): Taken {
  if (multiple && deliveryTag === 0) return takeUpTo(held, Number.POSITIVE_INFINITY)
  const named = held.unacked?.remove(deliveryTag)
  const lost = held.lost?.get(deliveryTag)
  if (named === undefined && lost === undefined) {
    throw new PreconditionFailedError(`unknown delivery tag ${deliveryTag}`)
  }
  held.lost?.delete(deliveryTag)
  const before = multiple ? takeUpTo(held, deliveryTag) : NOTHING
  return named === undefined
    ? { deliveries: before.deliveries, lost: [...before.lost, lost as Lost] }
    : { deliveries: [...before.deliveries, named], lost: before.lost }
}

function takeUpTo({ unacked, lost }: ChannelDeliveries, deliveryTag: number): Taken {
  const deliveries = [...(unacked ?? [])].filter(({ tag }) => tag <= deliveryTag)
  for (const { tag } of deliveries) unacked?.remove(tag)
  const gone = [...(lost?.values() ?? [])].filter(({ tag }) => tag <= deliveryTag)
  for (const { tag } of gone) lost?.delete(tag)
  return { deliveries, lost: gone }
}

/** Puts back what `takeOut` took, under the same tags (TX-06). */
export function putIn(held: ChannelDeliveries, { deliveries, lost }: Taken): void {
  for (const delivery of deliveries) held.unacked?.add(delivery)
  for (const each of lost) held.lost?.set(each.tag, each)
}

/**
 * Settles what `takeOut` took, in order. What comes back goes back a consumer at a time, each get first and then by
 * consumer tag, as in RabbitMQ; what one had comes back together, and keeps its order.
 */
export function settleTaken(held: ChannelDeliveries, { deliveries, lost }: Taken, how: Settlement): void {
  const out = deliveries.filter(({ settlement }) => settlement === undefined)
  if (how === 'ack') for (const delivery of out) settleAs(delivery, how)
  else for (const together of byConsumer(out)) settleTogether(together, how)
  held.window?.releaseAll(out.filter(isConsumers).length + lost.filter(({ counts }) => counts).length)
  held.settled(out)
}

function settleTogether(deliveries: readonly Delivery[], how: Settlement): void {
  const queue = deliveries[0]?.queue
  queue?.suspend()
  for (const delivery of deliveries) settleAs(delivery, how)
  queue?.release()
}

function settleAs(delivery: Delivery, how: Settlement): void {
  delivery.settlement = how
  delivery.queue.settle(delivery, how)
}

/** The deliveries of each consumer, in the order of their tags; a get is by itself. */
function byConsumer(deliveries: readonly Delivery[]): Delivery[][] {
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
