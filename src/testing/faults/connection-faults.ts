/** Connections that are lost, with what was on its way. */
import type {
  BrokerState,
  Delivery,
  LocalConnection,
  LocalSubscription,
  QueueHooks,
  QueueState,
  Recipient,
  TrackedQueue,
} from '../../internal.js'
import type { Follower } from '../log/follower.js'
import { channelOf, connectionOf } from '../log/threads.js'
import { Fault, type Interference, isSameQueue } from './fault.js'

/** Who takes settlements. */
type Settler = Recipient['holder']

export function* connectionsOf(broker: BrokerState): Iterable<LocalConnection> {
  for (const { connections } of broker.virtualHosts.values()) yield* connections as Iterable<LocalConnection>
}

/** Consumers and gets that wait, of all queues. */
function* takersOf(broker: BrokerState): Iterable<LocalSubscription> {
  for (const { queues, replies } of broker.virtualHosts.values()) {
    for (const queue of [...queues.values(), ...replies.all()]) yield* [...queue.consumers, ...queue.gets]
  }
}

/** Who has a delivery over a connection that is lost, and does not know it yet: what they settle goes nowhere. */
class Stranded implements Recipient {
  readonly queue: Recipient['queue']
  readonly holder: Settler = { settle: () => undefined }
  readonly noAck: boolean
  readonly #former: Recipient

  constructor(former: Recipient) {
    this.queue = former.queue
    this.noAck = former.noAck
    this.#former = former
  }

  settled(): void {
    this.#former.settled()
  }

  end(reason: string): void {
    this.#former.end(reason)
  }
}

/** Where messages go wrong that are on their way over what is lost. */
export interface Network {
  readonly broker: BrokerState
  readonly follower: Follower
}

/** Connections and channels that were cut. */
const lost = new WeakSet<object>()

/** True when the connection or the channel of a consumer was cut. n.b. a channel that ends hands over once more, for the flag. */
export function isLost(consumer: LocalSubscription): boolean {
  const connection = connectionOf(consumer)
  return connection.closed || lost.has(connection) || lost.has(consumer.holder)
}

/** Cuts a connection: what was out over it comes back, and its client notices in its own time. */
export function cutConnection(network: Network, connection: LocalConnection): void {
  lost.add(connection)
  if (connection.owner?.cut !== undefined) {
    connection.owner.cut()
    return
  }
  const reason = `connection '${connection.name}' was lost`
  strand(network, reason, (recipient) => connectionOf(recipient) === connection)
  connection.end(reason, true)
}

/** Cuts the channel of a consumer off; of a client that speaks AMQP, the whole connection. */
export function cutConsumer(network: Network, consumer: LocalSubscription): void {
  const { holder } = consumer
  if (connectionOf(consumer).owner !== undefined) {
    cutConnection(network, connectionOf(consumer))
    return
  }
  lost.add(holder)
  strand(network, 'its channel was lost', (recipient) => recipient.holder === holder)
  // n.b. after the consumers have heard of it, as a channel that closes ends them without a word.
  network.broker.scheduler.schedule({ run: () => channelOf(consumer).close() })
}

function strand({ broker, follower }: Network, reason: string, which: (recipient: Recipient) => boolean): void {
  for (const { delivery } of follower.handlings) {
    const { recipient } = delivery
    if (delivery.settled === undefined && recipient !== undefined && !(recipient instanceof Stranded)) {
      if (which(recipient)) delivery.recipient = new Stranded(recipient)
    }
  }
  for (const taker of takersOf(broker)) if (which(taker)) taker.end(reason)
}

/** Calls back when a delivery stands in the outbox of its consumer, which has not seen it. */
export function whenAssigned(broker: BrokerState, act: (consumer: LocalSubscription) => void): QueueHooks {
  const look = (delivery: Delivery): void => {
    const { recipient } = delivery
    if (isConsumer(recipient) && [...recipient.outbox()].includes(delivery)) act(recipient)
  }
  return { timesDeliveries: true, assigned: (_now, delivery) => broker.defer({ run: () => look(delivery) }) }
}

/** When a connection is lost. */
export interface Moment {
  readonly when: 'before' | 'after'
  readonly connection: ((connection: LocalConnection) => boolean) | undefined
  readonly queue: TrackedQueue | undefined
}

/** Loses the connection that gets a delivery. */
export class LostConnections extends Fault implements Interference {
  readonly #network: Network
  readonly #moment: Moment

  /** Made by `kit.faults`. @hidden */
  constructor(what: string, times: number, site: string | undefined, network: Network, moment: Moment) {
    super(what, times, site)
    this.#network = network
    this.#moment = moment
  }

  entering({ recipient }: Delivery): void {
    if (this.#moment.when === 'after') this.#cut(recipient)
  }

  hooksOf(queue: QueueState): QueueHooks | undefined {
    if (this.#moment.when === 'after' || !this.#concerns(queue)) return undefined
    return whenAssigned(this.#network.broker, (consumer) => this.#cut(consumer))
  }

  #cut(recipient: Recipient | undefined): void {
    if (!isConsumer(recipient) || !this.#concerns(recipient.queue as QueueState)) return
    const connection = connectionOf(recipient)
    if (isLost(recipient) || this.#moment.connection?.(connection) === false) return
    if (this.fire()) cutConnection(this.#network, connection)
  }

  #concerns(one: TrackedQueue): boolean {
    const { queue } = this.#moment
    return queue === undefined || isSameQueue(one, queue)
  }
}

/** True for a consumer, false for who took a message by a get. */
export function isConsumer(recipient: Recipient | undefined): recipient is LocalSubscription {
  return recipient !== undefined && (recipient as Partial<LocalSubscription>).once === false
}
