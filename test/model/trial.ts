/** Does the same things to a broker, through its public handles, and to the model, and compares the two after each. */
import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import {
  type Awaitable,
  Broker,
  type Bus,
  type Consumer,
  type Delivery,
  type Exchange,
  type Message,
  PublishRefusedError,
  type PublishStats,
  type Queue,
  type QueueDetails,
  type QueueStats,
  UnroutableError,
} from 'leveret'
import { ManualClock } from '../support/manual-clock.js'
import type { Command } from './commands.js'
import {
  type ModelBus,
  type ModelConsumer,
  type ModelCounters,
  type ModelDelivery,
  type ModelMessage,
  type ModelPublishOptions,
  type ModelQueue,
  type Outcome,
  QueueModel,
  ready,
  type Settlement,
} from './queue-model.js'
import { DELAY, EXPIRATION, STEP, type Topology } from './topologies.js'

interface TriedBus {
  readonly name: string
  readonly bus: Bus
  readonly model: ModelBus
  readonly queues: Map<string, Queue<string>>
}

interface TriedConsumer {
  readonly bus: TriedBus
  readonly consumer: Consumer<string>
  readonly model: ModelConsumer
  readonly received: Delivery<string>[]
  /** Deliveries that were compared. */
  compared: number
}

interface TriedDelivery {
  readonly delivery: Delivery<string>
  readonly model: ModelDelivery
  readonly title: string
}

const MOST_CONSUMERS = 8
/** More than the chunks and rings begin with, so that they grow. */
const MOST_AT_ONCE = 30
const PREFETCHES = [1, 2, 3, 1, 2, 0, 20]
const PRIORITIES = [0, 0, 0, 1, -1]
const SETTLEMENTS: readonly Settlement[] = ['ack', 'requeue', 'retry', 'reject']
const COUNTERS = [
  'enqueued',
  'acked',
  'autoAcked',
  'expired',
  'overflowed',
  'rejected',
  'deliveryLimited',
  'purged',
  'deadLettered',
  'deadLetterLost',
] as const satisfies readonly (keyof ModelCounters)[]
/** A send is a promise of a promise at most, and hand-over one microtask. */
const MICROTASKS = 4
/** Turns of the event loop that the broker may take before it has to be at rest. */
const TURNS = 4

export class Trial {
  /** What was done, in words. */
  readonly story: string[] = []
  readonly #topology: Topology
  readonly #clock = new ManualClock()
  readonly #broker = new Broker({ clock: this.#clock })
  readonly #virtualHost = this.#broker.virtualHost('/')
  readonly #model = new QueueModel()
  readonly #exchanges = new Map<string, Exchange>()
  readonly #buses: TriedBus[]
  readonly #epoch = this.#clock.wallTime()
  #consumers: TriedConsumer[] = []
  #inHand: TriedDelivery[] = []
  readonly #outcomes = new Map<number, Outcome>()
  #outcomesCompared = 0
  #publishes = 0
  #tags = 0
  #connections = 0
  #hurried = false

  constructor(topology: Topology) {
    this.#topology = topology
    this.#buses = [this.#tried('implicit', this.#virtualHost), this.#connect(), this.#connect()]
    for (const exchange of topology.exchanges) {
      const { name, type, alternateExchange } = exchange
      const options = alternateExchange === undefined ? {} : { alternateExchange }
      this.#exchanges.set(name, done(this.#virtualHost.declareExchange(name, type, options)))
      this.#model.declareExchange(exchange)
    }
    for (const { name } of topology.queues) this.#declare(name)
    for (const [exchange, queue, key] of topology.bindings) this.#bind(exchange, queue, key)
  }

  /**
   * Does one command to both, and compares them unless the next one hurries.
   * n.b. no promise unless there is something to wait for: an `await` is time enough to hand deliveries over.
   */
  run(command: Command): Promise<void> | undefined {
    const doing = this.#do(command)
    if (doing !== undefined) return doing.then(() => this.#rest())
    this.#hurried = command.hurry
    return command.hurry ? undefined : this.#rest()
  }

  /** Compares at the end, whatever is left in the queues included. */
  async finish(): Promise<void> {
    await this.#rest()
    for (const [name, queue] of this.#model.queues) {
      const messages = this.#virtualHost.peek(name, 1_000)
      const entries = ready(queue)
      for (const [i, message] of messages.entries()) {
        const difference = this.#messageDifference(message, (entries[i] as (typeof entries)[number]).message)
        if (difference !== undefined) throw new Error(`left in ${name}: ${difference}`)
      }
    }
  }

  // Commands

  #do({ verb, a, b, c }: Command): Promise<void> | undefined {
    const { queues, exchanges, bindings, keys } = this.#topology
    const { name } = pick(queues, a)
    const queue = this.#model.queues.get(name)
    const bus = pick(this.#buses, b)
    switch (verb) {
      case 'idle':
        return undefined
      case 'publish':
        this.#publish('', name, c, this.#properties(a % queues.length, b, c, []))
        return undefined
      case 'flood':
        for (let i = 0; i < b % MOST_AT_ONCE; i++) this.#publish('', name, c, {})
        return undefined
      case 'route': {
        const exchange = pick(exchanges, a).name
        this.#publish(exchange, pick(keys, b), c, this.#properties(undefined, b, c, keys))
        return undefined
      }
      case 'settle':
        this.#settle(a, pick(SETTLEMENTS, b % 7))
        return undefined
      case 'settleMany':
        for (let i = 0; i < c % MOST_AT_ONCE; i++) this.#settle(a, pick(SETTLEMENTS, b % 7))
        return undefined
      case 'consume':
        if (queue !== undefined && this.#consumers.length < MOST_CONSUMERS) this.#consume(bus, queue, c)
        return undefined
      case 'get':
        return queue && this.#get(bus, queue, c % 5 === 0)
      case 'cancel':
        return this.#consumers.length > 0 ? this.#cancel(pick(this.#consumers, a)) : undefined
      case 'close':
        return this.#consumers.length > 0 ? this.#close(pick(this.#consumers, a)) : undefined
      case 'closeBus':
        return this.#closeBus(1 + (a % (this.#buses.length - 1)))
      case 'advance':
        this.#advance(1 + (a % 3))
        return undefined
      case 'pause':
        if (queue !== undefined) this.#pause(queue)
        return undefined
      case 'resume':
        if (queue !== undefined) this.#resume(queue)
        return undefined
      case 'purge':
        if (queue !== undefined) this.#purge(queue)
        return undefined
      case 'remove':
        if (queue !== undefined) this.#remove(queue)
        return undefined
      case 'declare':
        this.#declare(name)
        return undefined
      case 'bind': {
        const [exchange, bound, key] = pick(bindings, a)
        if (this.#model.queues.has(bound)) this.#bind(exchange, bound, key)
        return undefined
      }
      case 'unbind': {
        const [exchange, bound, key] = pick(bindings, a)
        const model = this.#model.queues.get(bound)
        if (model === undefined) return undefined
        this.#tell(`unbind ${bound} from ${exchange} by '${key}'`)
        done(this.#handle(bound).unbind(exchange, key))
        this.#model.unbind(exchange, model, key)
        return undefined
      }
      default:
        return verb satisfies never
    }
  }

  /** Options of a publish; an expiration only where one queue gets the message, for its time must be its own. */
  #properties(queue: number | undefined, b: number, c: number, keys: readonly string[]): ModelPublishOptions {
    const delay = c % 16 === 1 ? (1 + (b % 2)) * STEP + DELAY : 0
    return {
      priority: b % 4,
      ...(queue !== undefined && b % 8 === 1
        ? { expiration: c % 4 === 0 ? 0 : (1 + (c % 3)) * STEP + EXPIRATION * (queue + 1) }
        : {}),
      ...(keys.length > 1 && c % 4 === 2 ? { cc: [pick(keys, b + 1), pick(keys, c)] } : {}),
      ...(keys.length > 1 && c % 8 === 3 ? { bcc: [pick(keys, b + 2)] } : {}),
      ...(delay > 0 ? { delay } : { mandatory: c % 2 === 0 }),
    }
  }

  #publish(exchange: string, routingKey: string, c: number, options: ModelPublishOptions): void {
    const id = ++this.#publishes
    const body = `${id}${'.'.repeat(c % 9)}`
    const { cc, bcc, priority = 0, ...rest } = options
    const headers = { ...(cc === undefined ? {} : { CC: cc }), ...(bcc === undefined ? {} : { BCC: bcc }) }
    const given = { ...rest, ...(priority > 0 ? { priority } : {}), ...((cc ?? bcc) ? { headers } : {}) }
    this.#tell(`publish ${body} to '${exchange}' by '${routingKey}' ${JSON.stringify(given)}`)
    const sent =
      exchange === ''
        ? this.#handle(routingKey).send(body, given)
        : (this.#exchanges.get(exchange) as Exchange).send(routingKey, body, given)
    sent.then(
      () => this.#outcomes.set(id, 'confirmed'),
      (error) => this.#outcomes.set(id, outcomeOf(error)),
    )
    this.#model.publish(id, exchange, routingKey, body, options)
  }

  #settle(which: number, how: Settlement): void {
    if (this.#inHand.length === 0) return
    const { delivery, model, title } = pick(this.#inHand, which)
    this.#tell(`${how} ${title}`)
    delivery[how]()
    this.#model.settle(model, how)
    this.#inHand = this.#inHand.filter((other) => other.model !== model)
  }

  #consume(bus: TriedBus, queue: ModelQueue, c: number): void {
    const { name } = queue.options
    const tag = `c${++this.#tags}`
    const options = { prefetch: pick(PREFETCHES, c), priority: pick(PRIORITIES, c >> 2), noAck: c % 11 === 0 }
    this.#tell(`consume ${name} as ${tag} on ${bus.name} ${JSON.stringify(options)}`)
    const received: Delivery<string>[] = []
    const consumer = this.#handle(name, bus).createConsumer({ ...options, consumerTag: tag })
    // n.b. a deleted queue ends its consumers, and an end that nobody hears of is a warning.
    consumer.on('cancelled', () => undefined)
    consumer.consume((delivery) => void received.push(delivery))
    const model = this.#model.consume(bus.model, queue, { ...options, tag })
    this.#consumers.push({ bus, consumer, model, received, compared: 0 })
  }

  async #get(bus: TriedBus, queue: ModelQueue, noAck: boolean): Promise<void> {
    if (this.#hurried) await this.#rest()
    const { name } = queue.options
    this.#tell(`get from ${name} on ${bus.name}${noAck ? ' without acknowledgement' : ''}`)
    const delivery = await this.#handle(name, bus).get({ noAck })
    const model = this.#model.get(bus.model, queue, noAck)
    if (delivery === undefined || model === undefined) {
      if ((delivery ?? model) === undefined) return
      throw new Error(`get from ${name}: expected ${model?.entry.message.body}, got ${delivery?.body}`)
    }
    this.#check(`get from ${name}`, delivery, model)
    if (!noAck) this.#inHand.push({ delivery, model, title: `${delivery.body} of ${name}` })
  }

  async #cancel(tried: TriedConsumer): Promise<void> {
    this.#tell(`cancel ${tried.model.tag}`)
    const cancelled = tried.consumer.cancel()
    this.#model.cancel(tried.model)
    await this.#rest()
    await cancelled
  }

  async #close(tried: TriedConsumer): Promise<void> {
    this.#tell(`close ${tried.model.tag}`)
    const closed = tried.consumer.close()
    this.#model.closeChannel(tried.model.channel)
    await this.#rest()
    await closed
    this.#consumers = this.#consumers.filter((other) => other !== tried)
  }

  async #closeBus(index: number): Promise<void> {
    const tried = this.#buses[index] as TriedBus
    this.#tell(`close ${tried.name}`)
    const closed = tried.bus.close()
    this.#model.closeBus(tried.model)
    this.#buses[index] = this.#connect()
    await this.#rest()
    await closed
    this.#consumers = this.#consumers.filter(({ bus }) => bus !== tried)
  }

  #advance(steps: number): void {
    this.#tell(`advance ${steps} steps`)
    this.#clock.advance(steps * STEP)
    this.#model.advance(steps * STEP)
  }

  #pause(queue: ModelQueue): void {
    this.#tell(`pause ${queue.options.name}`)
    this.#virtualHost.pause(queue.options.name)
    this.#model.pause(queue)
  }

  #resume(queue: ModelQueue): void {
    this.#tell(`resume ${queue.options.name}`)
    this.#virtualHost.resume(queue.options.name)
    this.#model.resume(queue)
  }

  #purge(queue: ModelQueue): void {
    const { name } = queue.options
    this.#tell(`purge ${name}`)
    const purged = done(this.#handle(name).purge())
    const expected = this.#model.purge(queue)
    if (purged !== expected) throw new Error(`purge ${name}: expected ${expected}, got ${purged}`)
  }

  #remove(queue: ModelQueue): void {
    const { name } = queue.options
    this.#tell(`delete ${name}`)
    const deleted = done(this.#handle(name).delete())
    const expected = ready(queue).length
    this.#model.deleteQueue(queue)
    if (deleted !== expected) throw new Error(`delete ${name}: expected ${expected}, got ${deleted}`)
  }

  #declare(queue: string): void {
    const model = this.#topology.queues.find(({ name }) => name === queue) as ModelQueue['options']
    const { name, ...options } = model
    if (this.#tags > 0) this.#tell(`declare ${name}`)
    done(this.#virtualHost.declareQueue(name, options))
    this.#model.declareQueue(model)
  }

  #bind(exchange: string, queue: string, key: string): void {
    if (this.#publishes > 0) this.#tell(`bind ${queue} to ${exchange} by '${key}'`)
    done(this.#handle(queue).bind(exchange, key))
    this.#model.bind(exchange, this.#model.queues.get(queue) as ModelQueue, key)
  }

  // Comparison

  /** Everything that is due without time passing has happened, and is as the model says. */
  async #rest(): Promise<void> {
    this.#model.handOver()
    for (let turns = 0; ; turns++) {
      for (let i = 0; i < MICROTASKS; i++) await undefined
      const difference = this.#difference()
      if (difference === undefined) break
      if (turns === TURNS) throw new Error(difference)
      // n.b. a turn of the event loop that is used up ends before everything is handed over.
      await setImmediate()
    }
    for (const tried of this.#consumers) this.#pair(tried)
    this.#checkInHand()
    this.#hurried = false
  }

  #difference(): string | undefined {
    for (const { received, model } of this.#consumers) {
      if (received.length !== model.received.length) {
        return `${model.tag} of ${model.queue.options.name}: expected ${list(model.received, bodyOf)}, got ${list(received, ({ body }) => body)}`
      }
    }
    const { queues, publishes } = this.#virtualHost.overview()
    if (queues.length !== this.#model.queues.size) {
      return `expected queues ${[...this.#model.queues.keys()]}, got ${list(queues, ({ name }) => name)}`
    }
    for (const queue of queues) {
      const difference = this.#queueDifference(queue)
      if (difference !== undefined) return difference
    }
    return this.#publishDifference(publishes)
  }

  #queueDifference({ name, stats, paused, consumers }: QueueDetails): string | undefined {
    const model = this.#model.queues.get(name)
    if (model === undefined) return `there is no queue ${name}`
    const messages = this.#virtualHost.peek(name, 1_000)
    const difference = bodiesDiffer(messages, model) ?? countsDiffer(stats, model)
    if (difference !== undefined) return `${name}: ${difference}`
    const { ready: waiting, delayed, unacked, acked, autoAcked, expired, overflowed, rejected } = stats
    const ended = acked + autoAcked + expired + overflowed + rejected + stats.deliveryLimited + stats.purged
    if (stats.enqueued !== waiting + delayed + unacked + ended) return `${name} breaks the law of conservation`
    if (waiting === 0 || paused) return undefined
    const idle = consumers.find(({ consumerTag, noAck, active, unsettled, ...consumer }) => {
      const prefetch = this.#consumers.find(({ model }) => model.tag === consumerTag)?.model.prefetch ?? 0
      return active && consumer.waiting === 0 && (noAck || prefetch === 0 || unsettled < prefetch)
    })
    return idle === undefined ? undefined : `stuck: ${waiting} ready in ${name} and ${idle.consumerTag} is idle`
  }

  #publishDifference(publishes: PublishStats): string | undefined {
    const expected = { ...this.#model.publishes, held: this.#model.held.length }
    for (const key of Object.keys(expected) as (keyof typeof expected)[]) {
      if (publishes[key] !== expected[key]) return `${key} messages: expected ${expected[key]}, got ${publishes[key]}`
    }
    const { outcomes } = this.#model
    if (this.#outcomes.size !== outcomes.length) {
      return `answers to publishers: expected ${outcomes.length}, got ${this.#outcomes.size}`
    }
    for (; this.#outcomesCompared < outcomes.length; this.#outcomesCompared++) {
      const { publish, outcome } = outcomes[this.#outcomesCompared] as (typeof outcomes)[number]
      const got = this.#outcomes.get(publish)
      if (got !== outcome) return `publish ${publish}: expected ${outcome}, got ${got}`
    }
    return undefined
  }

  #pair(tried: TriedConsumer): void {
    const { received, model } = tried
    for (; tried.compared < received.length; tried.compared++) {
      const delivery = received[tried.compared] as Delivery<string>
      const expected = model.received[tried.compared] as ModelDelivery
      const title = `${delivery.body} of ${model.tag}`
      this.#check(title, delivery, expected)
      if (!model.noAck) this.#inHand.push({ delivery, model: expected, title })
    }
  }

  /** What the broker took back is lost to its consumer, and nothing else is. */
  #checkInHand(): void {
    for (const { delivery, model, title } of this.#inHand) {
      const expected = model.over ? 'lost' : undefined
      if (delivery.settled !== expected) throw new Error(`${title}: expected ${expected}, got ${delivery.settled}`)
    }
    this.#inHand = this.#inHand.filter(({ model }) => !model.over)
  }

  #check(title: string, delivery: Delivery<string>, { entry, queue }: ModelDelivery): void {
    const count = queue.options.type === 'quorum' ? entry.failures : undefined
    const difference =
      this.#messageDifference(delivery, entry.message) ??
      differs('redelivered', delivery.redelivered, entry.redelivered) ??
      differs('deliveryCount', delivery.deliveryCount, count)
    if (difference !== undefined) throw new Error(`${title}: ${difference}`)
  }

  #messageDifference(message: Delivery | Message, expected: ModelMessage): string | undefined {
    const { priority, expiration, headers } = message.properties
    return (
      differs('body', message.body, expected.body) ??
      differs('exchange', message.exchange, expected.exchange) ??
      differs('routing key', message.routingKey, expected.routingKey) ??
      differs('priority', priority ?? 0, expected.priority) ??
      differs('expiration', expiration, expected.expiration === undefined ? undefined : String(expected.expiration)) ??
      differs('headers', headers ?? {}, this.#headersOf(expected))
    )
  }

  #headersOf({ cc, deaths, firstDeath, lastDeath }: ModelMessage): Record<string, unknown> {
    return {
      ...(cc.length > 0 ? { CC: cc } : {}),
      ...(firstDeath === undefined ? {} : placeHeaders('first', firstDeath)),
      ...(lastDeath === undefined ? {} : placeHeaders('last', lastDeath)),
      ...(deaths.length === 0
        ? {}
        : {
            'x-death': deaths.map(({ routingKeys, originalExpiration, time, ...death }) => ({
              ...death,
              'routing-keys': routingKeys,
              time: new Date((this.#epoch + Math.floor(time / 1000)) * 1000),
              ...(originalExpiration === undefined ? {} : { 'original-expiration': originalExpiration }),
            })),
          }),
    }
  }

  // The broker

  #connect(): TriedBus {
    return this.#tried(`bus ${++this.#connections}`, this.#broker.connect())
  }

  #tried(name: string, bus: Bus): TriedBus {
    return { name, bus, model: { channels: [] }, queues: new Map() }
  }

  /** The handle of a queue on a bus; one for all, since its channel holds what was got by it. */
  #handle(name: string, { bus, queues } = this.#buses[0] as TriedBus): Queue<string> {
    let queue = queues.get(name)
    if (queue === undefined) {
      queue = bus.queue<string>(name)
      queues.set(name, queue)
    }
    return queue
  }

  #tell(line: string): void {
    this.story.push(line)
  }
}

function bodiesDiffer(messages: readonly Message[], model: ModelQueue): string | undefined {
  const { returned } = model
  const count = returned.length + model.ready.length
  for (let i = 0; i < Math.max(count, messages.length); i++) {
    const entry = i < returned.length ? returned[i] : model.ready[i - returned.length]
    if (entry?.message.body === messages[i]?.body) continue
    const expected = list(ready(model), ({ message }) => message.body)
    return `ready: expected ${expected}, got ${list(messages, ({ body }) => String(body))}`
  }
  return undefined
}

function countsDiffer(stats: QueueStats, { counters, returned, ready, parked, out, consumers }: ModelQueue) {
  for (const name of COUNTERS) {
    if (stats[name] !== counters[name]) return `${name}: expected ${counters[name]}, got ${stats[name]}`
  }
  return (
    differs('ready', stats.ready, returned.length + ready.length) ??
    differs('delayed', stats.delayed, parked.length) ??
    differs('unacked', stats.unacked, out.length) ??
    differs('consumers', stats.consumers, consumers.length) ??
    // n.b. a queue that is there has no messages that were deleted with it.
    differs('deleted', stats.deleted, 0)
  )
}

function placeHeaders(which: string, place: { reason: string; queue: string; exchange: string }) {
  return Object.fromEntries(Object.entries(place).map(([key, value]) => [`x-${which}-death-${key}`, value]))
}

function differs(what: string, got: unknown, expected: unknown): string | undefined {
  if (got === expected || isDeepStrictEqual(got, expected)) return undefined
  return `${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof PublishRefusedError) return 'refused'
  if (error instanceof UnroutableError) return 'returned'
  throw error
}

/** The answer of a broker in this process, which does not keep anybody waiting. */
function done<T>(answer: Awaitable<T>): T {
  if (answer instanceof Promise) throw new Error('expected an answer at once, got a promise')
  return answer
}

function pick<T>(from: readonly T[], number: number): T {
  return from[number % from.length] as T
}

function list<T>(items: readonly T[], text: (item: T) => string): string {
  return `[${items.map(text).join(' ')}]`
}

function bodyOf({ entry }: ModelDelivery): string {
  return entry.message.body
}
