/**
 * What queues do, said a second time: arrays, loops and RabbitMQ's rules in the order in which the manual gives them. It
 * is the oracle of `model.test.ts`, so it imports nothing from the package and never tries to be fast.
 *
 * An operation changes queues at once; the dead letters it causes are published when it is complete. Deliveries are
 * assigned while a message is published or settled, and handed over by `handOver`.
 */

export type Settlement = 'ack' | 'requeue' | 'retry' | 'reject'
export type Outcome = 'confirmed' | 'refused' | 'returned'
type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit'

export interface ModelQueueOptions {
  readonly name: string
  readonly type?: 'quorum'
  readonly autoDelete?: boolean
  readonly messageTtl?: number
  readonly maxLength?: number
  readonly maxLengthBytes?: number
  readonly overflow?: 'reject-publish' | 'reject-publish-dlx' | 'block'
  readonly maxPriority?: number
  readonly deadLetterExchange?: string
  readonly deadLetterRoutingKey?: string
  readonly singleActiveConsumer?: boolean
  readonly deliveryLimit?: number
  readonly delayedRetryType?: 'all' | 'failed' | 'returned'
  readonly delayedRetryMin?: number
  readonly delayedRetryMax?: number
}

export interface ModelExchangeOptions {
  readonly name: string
  readonly type: 'fanout' | 'topic'
  readonly alternateExchange?: string
}

export interface ModelPublishOptions {
  readonly priority?: number
  readonly expiration?: number
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly mandatory?: boolean
  readonly delay?: number
}

export interface Death {
  readonly queue: string
  readonly reason: DeathReason
  readonly count: number
  readonly exchange: string
  readonly routingKeys: readonly string[]
  readonly originalExpiration: string | undefined
  readonly time: number
}

interface DeathPlace {
  readonly reason: string
  readonly queue: string
  readonly exchange: string
}

export interface ModelMessage {
  readonly body: string
  readonly exchange: string
  readonly routingKey: string
  readonly priority: number
  readonly expiration: number | undefined
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  /** Most recent first. */
  readonly deaths: readonly Death[]
  readonly firstDeath: DeathPlace | undefined
  readonly lastDeath: DeathPlace | undefined
}

/** A message in a queue. */
interface Entry {
  readonly message: ModelMessage
  /** Its number in the order of arrival. */
  readonly arrival: number
  readonly deadline: number
  readonly failures: number
  readonly redelivered: boolean
}

export interface ModelDelivery {
  readonly queue: ModelQueue
  readonly entry: Entry
  readonly consumer: ModelConsumer | undefined
  readonly channel: ModelChannel
  handed: boolean
  /** Settled, or taken back by the broker. */
  over: boolean
}

/** What a bus holds deliveries on: one per consumer, one per queue for its gets. */
interface ModelChannel {
  readonly bus: ModelBus
  readonly key: string
  readonly queue: ModelQueue
  consumer: ModelConsumer | undefined
  deliveries: ModelDelivery[]
}

export interface ModelBus {
  /** In the order in which they first held something. */
  channels: ModelChannel[]
}

export interface ModelConsumer {
  readonly tag: string
  readonly queue: ModelQueue
  readonly prefetch: number
  readonly priority: number
  readonly noAck: boolean
  readonly channel: ModelChannel
  /** Assigned, and not handed over yet. */
  outbox: ModelDelivery[]
  /** Everything that was handed over. */
  readonly received: ModelDelivery[]
  open: boolean
}

export interface ModelQueue {
  readonly options: ModelQueueOptions
  /** What came back to a quorum queue, in order of return; it leaves before `ready` does. */
  returned: Entry[]
  ready: Entry[]
  parked: { readonly entry: Entry; readonly due: number }[]
  /** Everything that is out. */
  out: ModelDelivery[]
  consumers: ModelConsumer[]
  /** Whose turn it is; a consumer that was found without credit has none until it has some again. */
  turns: ModelConsumer[]
  active: ModelConsumer | undefined
  paused: boolean
  deleted: boolean
  arrivals: number
  /** True while what a channel held comes back: none of it dies before all of it is back. */
  suspended: boolean
  /** Publishes that hear of their message when the queue has room. */
  withheld: number[]
  readonly counters: ModelCounters
}

export interface ModelCounters {
  enqueued: number
  acked: number
  autoAcked: number
  expired: number
  overflowed: number
  rejected: number
  deliveryLimited: number
  purged: number
  deadLettered: number
  deadLetterLost: number
}

interface ModelExchange {
  readonly options: ModelExchangeOptions
  bindings: { readonly queue: ModelQueue; readonly key: string }[]
}

const NEVER = Number.POSITIVE_INFINITY
/** RabbitMQ's own since 4.0. */
const DEFAULT_DELIVERY_LIMIT = 20

const COUNTER: Record<DeathReason, keyof ModelCounters> = {
  rejected: 'rejected',
  expired: 'expired',
  maxlen: 'overflowed',
  delivery_limit: 'deliveryLimited',
}

export class QueueModel {
  now = 0
  readonly queues = new Map<string, ModelQueue>()
  readonly exchanges = new Map<string, ModelExchange>()
  readonly publishes = { published: 0, routed: 0, unroutable: 0, returned: 0, refused: 0 }
  /** Delayed sends, in order of publish. */
  held: { readonly due: number; readonly exchange: string; readonly message: ModelMessage }[] = []
  /** What publishers were told, in order of being told. */
  readonly outcomes: { readonly publish: number; readonly outcome: Outcome }[] = []
  /** By number of a publish: the full queues it waits for. */
  readonly #waiting = new Map<number, number>()
  /** Dead letters to be published when the operation is complete. */
  #letters: (() => void)[] = []

  // Topology

  declareExchange(options: ModelExchangeOptions): void {
    this.exchanges.set(options.name, { options, bindings: [] })
  }

  declareQueue(options: ModelQueueOptions): void {
    if (this.queues.has(options.name)) return
    this.queues.set(options.name, {
      options,
      returned: [],
      ready: [],
      parked: [],
      out: [],
      consumers: [],
      turns: [],
      active: undefined,
      paused: false,
      deleted: false,
      arrivals: 0,
      suspended: false,
      withheld: [],
      counters: {
        enqueued: 0,
        acked: 0,
        autoAcked: 0,
        expired: 0,
        overflowed: 0,
        rejected: 0,
        deliveryLimited: 0,
        purged: 0,
        deadLettered: 0,
        deadLetterLost: 0,
      },
    })
  }

  bind(exchangeName: string, queue: ModelQueue, key: string): void {
    const exchange = this.#exchange(exchangeName)
    if (exchange.bindings.some((binding) => binding.queue === queue && binding.key === key)) return
    exchange.bindings.push({ queue, key })
  }

  unbind(exchangeName: string, queue: ModelQueue, key: string): void {
    const exchange = this.#exchange(exchangeName)
    exchange.bindings = exchange.bindings.filter((binding) => binding.queue !== queue || binding.key !== key)
  }

  deleteQueue(queue: ModelQueue): void {
    queue.deleted = true
    this.queues.delete(queue.options.name)
    for (const exchange of this.exchanges.values()) {
      exchange.bindings = exchange.bindings.filter((binding) => binding.queue !== queue)
    }
    for (const consumer of queue.consumers) consumer.open = false
    for (const delivery of queue.out) {
      delivery.over = true
      remove(delivery.channel.deliveries, delivery)
      if (delivery.consumer !== undefined) remove(delivery.consumer.outbox, delivery)
    }
    this.#releaseConfirms(queue)
  }

  purge(queue: ModelQueue): number {
    const count = length(queue)
    queue.ready = []
    queue.returned = []
    queue.counters.purged += count
    if (hasRoom(queue)) this.#releaseConfirms(queue)
    return count
  }

  pause(queue: ModelQueue): void {
    queue.paused = true
  }

  resume(queue: ModelQueue): void {
    queue.paused = false
    this.#assign(queue)
    this.#publishLetters()
  }

  // Publish

  publish(id: number, exchange: string, routingKey: string, body: string, options: ModelPublishOptions = {}): void {
    const { priority = 0, expiration, cc = [], bcc = [], mandatory = false, delay = 0 } = options
    const none = { deaths: [], firstDeath: undefined, lastDeath: undefined }
    const message = { body, exchange, routingKey, priority, expiration, cc, bcc, ...none }
    this.publishes.published++
    if (delay > 0) {
      this.held.push({ due: this.now + delay, exchange, message })
      this.outcomes.push({ publish: id, outcome: 'confirmed' })
      return
    }
    const { outcome, full } = this.#publish(exchange, message, mandatory)
    if (outcome === 'confirmed' && full.length > 0) {
      this.#waiting.set(id, full.length)
      for (const queue of full) queue.withheld.push(id)
    } else {
      this.outcomes.push({ publish: id, outcome })
    }
    this.#publishLetters()
  }

  #publish(exchange: string, message: ModelMessage, mandatory: boolean): { outcome: Outcome; full: ModelQueue[] } {
    const targets = this.#route(exchange, [message.routingKey, ...message.cc, ...message.bcc])
    if (targets.length === 0) {
      this.publishes[mandatory ? 'returned' : 'unroutable']++
      return { outcome: mandatory ? 'returned' : 'confirmed', full: [] }
    }
    const results = targets.map((queue) => this.#enqueue(queue, message))
    const refused = results.includes('refused')
    this.publishes[refused ? 'refused' : 'routed']++
    return { outcome: refused ? 'refused' : 'confirmed', full: targets.filter((_, i) => results[i] === 'full') }
  }

  #route(exchangeName: string, keys: readonly string[]): ModelQueue[] {
    if (exchangeName === '') {
      const queues = keys.map((key) => this.queues.get(key))
      return [...new Set(queues.filter((queue) => queue !== undefined))]
    }
    const { options, bindings } = this.#exchange(exchangeName)
    const found = new Set<ModelQueue>()
    for (const key of keys) {
      for (const binding of bindings) {
        if (options.type === 'fanout' || topicMatches(binding.key.split('.'), key.split('.'))) found.add(binding.queue)
      }
    }
    if (found.size === 0 && options.alternateExchange !== undefined) return this.#route(options.alternateExchange, keys)
    return [...found]
  }

  #enqueue(queue: ModelQueue, message: ModelMessage): 'taken' | 'full' | 'refused' {
    const { overflow, messageTtl = NEVER } = queue.options
    if (overflow === 'reject-publish' || overflow === 'reject-publish-dlx') {
      if (wouldExceed(queue, message)) {
        if (overflow === 'reject-publish-dlx') this.#letters.push(() => this.#deadLetter(queue, message, 'maxlen'))
        return 'refused'
      }
    }
    queue.counters.enqueued++
    const deadline = this.now + Math.min(messageTtl, message.expiration ?? NEVER)
    const entry = { message, arrival: ++queue.arrivals, deadline, failures: 0, redelivered: false }
    if (length(queue) === 0) {
      const consumer = this.#nextConsumer(queue)
      if (consumer !== undefined) {
        this.#give(consumer, entry)
        return 'taken'
      }
    }
    queue.ready.push(entry)
    queue.ready.sort(inOrder(queue))
    const full = overflow === 'block' && exceeded(queue)
    this.#becameReady(queue)
    return full ? 'full' : 'taken'
  }

  // Ready messages

  /** A message became ready: first the limit is looked at, then the time of the head. */
  #becameReady(queue: ModelQueue): void {
    if (queue.suspended) return
    if (queue.options.overflow === undefined) {
      while (exceeded(queue) && length(queue) > 0) this.#die(queue, this.#takeHead(queue).message, 'maxlen')
    }
    this.#expireHead(queue)
  }

  /** Only the head expires; whatever stands behind a live message waits for its turn. */
  #expireHead(queue: ModelQueue): void {
    while (length(queue) > 0 && headDeadline(queue) <= this.now) {
      this.#die(queue, this.#takeHead(queue).message, 'expired')
    }
  }

  #takeHead(queue: ModelQueue): Entry {
    const entry = (queue.returned.length > 0 ? queue.returned.shift() : queue.ready.shift()) as Entry
    if (hasRoom(queue)) this.#releaseConfirms(queue)
    return entry
  }

  #giveBack(queue: ModelQueue, entry: Entry): void {
    if (queue.options.type === 'quorum') queue.returned.push(entry)
    else {
      queue.ready.push(entry)
      queue.ready.sort(inOrder(queue))
    }
    this.#becameReady(queue)
  }

  #releaseConfirms(queue: ModelQueue): void {
    for (const publish of queue.withheld) {
      const left = (this.#waiting.get(publish) ?? 0) - 1
      this.#waiting.set(publish, left)
      if (left === 0) this.outcomes.push({ publish, outcome: 'confirmed' })
    }
    queue.withheld = []
  }

  // Assign

  /** Gives ready messages to consumers with credit, one at a time. */
  #assign(queue: ModelQueue): void {
    for (;;) {
      this.#expireHead(queue)
      if (length(queue) === 0) return
      const consumer = this.#nextConsumer(queue)
      if (consumer === undefined) return
      this.#give(consumer, this.#takeHead(queue))
    }
  }

  #nextConsumer(queue: ModelQueue): ModelConsumer | undefined {
    if (queue.paused) return undefined
    if (queue.options.singleActiveConsumer) {
      return queue.active !== undefined && hasCredit(queue.active) ? queue.active : undefined
    }
    for (const consumer of [...queue.turns].sort((a, b) => b.priority - a.priority)) {
      if (hasCredit(consumer)) return consumer
      remove(queue.turns, consumer)
    }
    return undefined
  }

  #give(consumer: ModelConsumer, entry: Entry): void {
    const { queue, channel } = consumer
    const delivery = { queue, entry, consumer, channel, handed: false, over: false }
    consumer.outbox.push(delivery)
    channel.deliveries.push(delivery)
    queue.out.push(delivery)
    remove(queue.turns, consumer)
    // n.b. a classic queue finds out that a consumer has no credit when its turn comes, a quorum queue at once.
    if (queue.options.type !== 'quorum' || hasCredit(consumer)) queue.turns.push(consumer)
  }

  #creditCameBack(consumer: ModelConsumer | undefined): void {
    if (consumer?.open && !consumer.queue.turns.includes(consumer)) consumer.queue.turns.push(consumer)
  }

  /** What the consumers of all queues were assigned reaches them; a delivery without acknowledgement is settled by it. */
  handOver(): void {
    for (const queue of this.queues.values()) {
      for (const consumer of queue.consumers) {
        for (const delivery of consumer.outbox) {
          delivery.handed = true
          consumer.received.push(delivery)
          if (consumer.noAck) {
            this.#over(delivery)
            queue.counters.autoAcked++
          }
        }
        consumer.outbox = []
      }
    }
  }

  /** Settles nothing: the delivery is no longer out. */
  #over(delivery: ModelDelivery): void {
    delivery.over = true
    remove(delivery.queue.out, delivery)
    remove(delivery.channel.deliveries, delivery)
  }

  // Consumers

  consume(
    bus: ModelBus,
    queue: ModelQueue,
    options: { readonly tag: string; prefetch: number; priority: number; noAck: boolean },
  ): ModelConsumer {
    const channel: ModelChannel = { bus, key: options.tag, queue, consumer: undefined, deliveries: [] }
    const consumer = { ...options, queue, channel, outbox: [], received: [], open: true }
    channel.consumer = consumer
    bus.channels.push(channel)
    queue.consumers.push(consumer)
    queue.active ??= consumer
    queue.turns.push(consumer)
    this.#assign(queue)
    this.#publishLetters()
    return consumer
  }

  get(bus: ModelBus, queue: ModelQueue, noAck: boolean): ModelDelivery | undefined {
    this.#expireHead(queue)
    let delivery: ModelDelivery | undefined
    if (length(queue) > 0) {
      const entry = this.#takeHead(queue)
      const key = `get ${queue.options.name}`
      let channel = bus.channels.find((known) => known.key === key && known.queue === queue)
      if (channel === undefined) {
        channel = { bus, key, queue, consumer: undefined, deliveries: [] }
        bus.channels.push(channel)
      }
      delivery = { queue, entry, consumer: undefined, channel, handed: true, over: noAck }
      if (noAck) queue.counters.autoAcked++
      else {
        channel.deliveries.push(delivery)
        queue.out.push(delivery)
      }
      this.#expireHead(queue)
    }
    this.#publishLetters()
    return delivery
  }

  settle(delivery: ModelDelivery, how: Settlement): void {
    if (delivery.over) return
    const { queue, entry, consumer } = delivery
    this.#over(delivery)
    if (how === 'ack') queue.counters.acked++
    else if (how === 'reject') this.#die(queue, entry.message, 'rejected')
    else this.#comeBack(queue, entry, how)
    this.#creditCameBack(consumer)
    this.#assign(queue)
    this.#publishLetters()
  }

  /** A plain requeue is no failure; `retry` and the loss of a consumer are. */
  #comeBack(
    queue: ModelQueue,
    { message, arrival, deadline, failures: before }: Entry,
    how: 'requeue' | 'retry',
  ): void {
    const { type, deliveryLimit = DEFAULT_DELIVERY_LIMIT, delayedRetryType } = queue.options
    const { delayedRetryMin = 0, delayedRetryMax = NEVER } = queue.options
    const failures = how === 'retry' ? before + 1 : before
    if (type === 'quorum' && deliveryLimit >= 0 && failures > deliveryLimit) {
      this.#die(queue, message, 'delivery_limit')
      return
    }
    const entry = { message, arrival, deadline, failures, redelivered: true }
    const kind = how === 'retry' ? 'failed' : 'returned'
    if (delayedRetryType === kind || delayedRetryType === 'all') {
      const delay = Math.min(delayedRetryMin * Math.max(1, failures), delayedRetryMax)
      queue.parked.push({ entry, due: this.now + delay })
      // n.b. what waits for its next attempt counts towards the length limit.
      this.#becameReady(queue)
    } else {
      this.#giveBack(queue, entry)
    }
  }

  /** Stops the deliveries: what was not handed over goes back as if it had never been assigned. */
  cancel(consumer: ModelConsumer): void {
    if (!consumer.open) return
    this.#detach(consumer)
    for (const delivery of [...consumer.outbox]) this.#putBack(delivery)
    this.#assign(consumer.queue)
    this.#deleteIfUnused(consumer.queue)
    this.#publishLetters()
  }

  /** The channel of a consumer or of gets is gone, and with it everything that it held. */
  closeChannel(channel: ModelChannel): void {
    const { queue, consumer, bus } = channel
    remove(bus.channels, channel)
    if (queue.deleted) return
    const attached = consumer?.open === true
    if (consumer !== undefined) this.#detach(consumer)
    queue.suspended = true
    for (const delivery of [...channel.deliveries]) {
      if (delivery.handed) {
        this.#over(delivery)
        this.#comeBack(queue, delivery.entry, 'retry')
      } else {
        this.#putBack(delivery)
      }
    }
    queue.suspended = false
    this.#becameReady(queue)
    if (attached) this.#deleteIfUnused(queue)
    if (!queue.deleted) this.#assign(queue)
    this.#publishLetters()
  }

  closeBus(bus: ModelBus): void {
    for (const channel of [...bus.channels]) this.closeChannel(channel)
  }

  #detach(consumer: ModelConsumer): void {
    const { queue } = consumer
    consumer.open = false
    remove(queue.consumers, consumer)
    remove(queue.turns, consumer)
    if (queue.active === consumer) queue.active = [...queue.consumers].sort((a, b) => b.priority - a.priority)[0]
  }

  #putBack(delivery: ModelDelivery): void {
    this.#over(delivery)
    if (delivery.consumer !== undefined) remove(delivery.consumer.outbox, delivery)
    this.#giveBack(delivery.queue, delivery.entry)
  }

  #deleteIfUnused(queue: ModelQueue): void {
    if (queue.options.autoDelete && queue.consumers.length === 0) this.deleteQueue(queue)
  }

  // Death

  #die(queue: ModelQueue, message: ModelMessage, reason: DeathReason): void {
    queue.counters[COUNTER[reason]]++
    this.#letters.push(() => {
      queue.counters[this.#deadLetter(queue, message, reason) ? 'deadLettered' : 'deadLetterLost']++
    })
  }

  #publishLetters(): void {
    for (let letter = this.#letters.shift(); letter !== undefined; letter = this.#letters.shift()) letter()
  }

  /** True when the dead letter reached a queue. */
  #deadLetter(queue: ModelQueue, message: ModelMessage, reason: DeathReason): boolean {
    const { name, deadLetterExchange: exchange, deadLetterRoutingKey: key } = queue.options
    // n.b. it is looked up when the message dies; without it the message is lost.
    if (exchange === undefined || (exchange !== '' && !this.exchanges.has(exchange))) return false
    const place = { reason, queue: name, exchange: message.exchange }
    const letter: ModelMessage = {
      ...message,
      exchange,
      routingKey: key ?? message.routingKey,
      expiration: undefined,
      bcc: key === undefined ? message.bcc : [],
      deaths: this.#recordDeath(name, message, reason),
      firstDeath: message.firstDeath ?? place,
      lastDeath: place,
    }
    const keys = key === undefined ? [letter.routingKey, ...letter.cc, ...letter.bcc] : [key]
    const targets = this.#route(exchange, keys).filter(
      (target) => reason === 'rejected' || !isCycle(target.options.name, letter.deaths),
    )
    return targets.filter((target) => this.#enqueue(target, letter) !== 'refused').length > 0
  }

  #recordDeath(queue: string, message: ModelMessage, reason: DeathReason): Death[] {
    const known = message.deaths.find((death) => death.queue === queue && death.reason === reason)
    const others = message.deaths.filter((death) => death !== known)
    if (known !== undefined) return [{ ...known, count: known.count + 1 }, ...others]
    const death = {
      queue,
      reason,
      count: 1,
      exchange: message.exchange,
      routingKeys: [message.routingKey, ...message.cc],
      originalExpiration: message.expiration === undefined ? undefined : String(message.expiration),
      time: this.now,
    }
    return [death, ...others]
  }

  // Time

  /** Lets time pass; whatever falls due on the way happens at its time, the earliest first. */
  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const due = this.#nextDue()
      if (due > end) break
      this.now = Math.max(this.now, due)
      this.#passTime()
    }
    this.now = end
  }

  #nextDue(): number {
    const times = this.held.map((held) => held.due)
    for (const queue of this.queues.values()) {
      times.push(headDeadline(queue))
      for (const parked of queue.parked) times.push(parked.due)
    }
    return Math.min(...times, NEVER)
  }

  /** Everything that is due now. n.b. the driver chooses times so that no two queues have something due at once. */
  #passTime(): void {
    for (const held of this.held.filter(({ due }) => due <= this.now)) {
      remove(this.held, held)
      this.#publish(held.exchange, held.message, false)
      this.#publishLetters()
    }
    for (const queue of [...this.queues.values()]) {
      this.#expireHead(queue)
      this.#publishLetters()
      for (const parked of queue.parked.filter(({ due }) => due <= this.now)) {
        remove(queue.parked, parked)
        this.#giveBack(queue, parked.entry)
        this.#assign(queue)
        this.#publishLetters()
      }
    }
  }

  #exchange(name: string): ModelExchange {
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) throw new Error(`the model has no exchange '${name}'`)
    return exchange
  }
}

/** The ready messages in the order in which they leave. */
export function ready(queue: ModelQueue): Entry[] {
  return [...queue.returned, ...queue.ready]
}

function length({ returned, ready }: ModelQueue): number {
  return returned.length + ready.length
}

function headDeadline({ returned, ready }: ModelQueue): number {
  return (returned[0] ?? ready[0])?.deadline ?? NEVER
}

/** Highest priority first, then order of arrival. */
function inOrder({ options }: ModelQueue): (left: Entry, right: Entry) => number {
  const level = ({ message }: Entry) => Math.min(message.priority, options.maxPriority ?? 0)
  return (left, right) => level(right) - level(left) || left.arrival - right.arrival
}

/** What counts towards the limits: ready messages, and those that wait for their next attempt. */
function counted(queue: ModelQueue): { length: number; bytes: number } {
  const bytesOf = (entries: readonly Entry[]) => entries.reduce((sum, { message }) => sum + message.body.length, 0)
  const parked = queue.parked.map(({ entry }) => entry)
  return {
    length: length(queue) + parked.length,
    bytes: bytesOf(queue.returned) + bytesOf(queue.ready) + bytesOf(parked),
  }
}

function isLimited({ options }: ModelQueue): boolean {
  return options.maxLength !== undefined || options.maxLengthBytes !== undefined
}

function exceeded(queue: ModelQueue): boolean {
  if (!isLimited(queue)) return false
  const { maxLength = NEVER, maxLengthBytes = NEVER } = queue.options
  const { length, bytes } = counted(queue)
  return length > maxLength || bytes > maxLengthBytes
}

function wouldExceed(queue: ModelQueue, message: ModelMessage): boolean {
  const { maxLength = NEVER, maxLengthBytes = NEVER } = queue.options
  const { length, bytes } = counted(queue)
  return length + 1 > maxLength || bytes + message.body.length > maxLengthBytes
}

/** A queue has room when it is below its limits; one that is empty always has some. */
function hasRoom(queue: ModelQueue): boolean {
  if (!isLimited(queue)) return true
  const { maxLength = NEVER, maxLengthBytes = NEVER } = queue.options
  const { length, bytes } = counted(queue)
  return length === 0 || (length < maxLength && bytes < maxLengthBytes)
}

function hasCredit(consumer: ModelConsumer): boolean {
  return consumer.noAck || consumer.prefetch === 0 || consumer.channel.deliveries.length < consumer.prefetch
}

/** A letter goes round by itself when it died in the queue before, and nobody rejected it since. */
function isCycle(queue: string, deaths: readonly Death[]): boolean {
  const last = deaths.findIndex((death) => death.queue === queue)
  return last !== -1 && deaths.slice(0, last + 1).every((death) => death.reason !== 'rejected')
}

/** `*` is one word, `#` any number of them. */
function topicMatches(pattern: readonly string[], key: readonly string[]): boolean {
  const [word, ...rest] = pattern
  if (word === undefined) return key.length === 0
  if (word === '#') return topicMatches(rest, key) || (key.length > 0 && topicMatches(pattern, key.slice(1)))
  return key.length > 0 && (word === '*' || word === key[0]) && topicMatches(rest, key.slice(1))
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item)
  if (index !== -1) list.splice(index, 1)
}
