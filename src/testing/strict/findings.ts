/** The rules of `strict`, one function each: what is wrong, by the log, the notes and the state of the broker. */
import {
  type BrokerState,
  type Delivery,
  describe,
  didYouMean,
  type LeveretError,
  type Message,
  type QueueState,
  type TrackedQueue,
  type VirtualHost,
} from '../../internal.js'
import type { Follower } from '../log/follower.js'
import type { Entry } from '../log/log.js'
import { type Consuming, consumerOf, MOST_REQUEUES } from '../log/notes.js'
import { connectionOf } from '../log/threads.js'
import { words } from '../time/duration.js'
import { unknownArguments } from './declarations.js'
import { brokenLaws } from './laws.js'
import type { Rule } from './strictness.js'

/** Something that is wrong. */
export interface Finding {
  readonly rule: Rule
  /** What it can be allowed by. */
  readonly names: readonly string[]
  readonly text: string
  /** What it is about: told once, be it found again. */
  readonly about: unknown
}

/** Where rules look. */
export interface Scene {
  readonly broker: BrokerState
  readonly follower: Follower
  readonly host: (name: string) => VirtualHost
}

type Find = (scene: Scene) => Finding[]

/** n.b. the others are told of by those who know. */
export const FIND: Readonly<Record<Exclude<Rule, 'frozen' | 'drift' | 'unfinished' | 'unfired'>, Find>> = {
  errors: ({ follower }) =>
    follower.notes.faults.flatMap((fault) => {
      const { error, where } = fault
      if (isOfSecondSettlement(error, follower)) return []
      const attempt = follower.log.entries.find(({ reason }) => reason === error)
      if (attempt !== undefined) return []
      const names = [...where.matchAll(/'([^']+)'/g)].flatMap(([, name = '']) => (isMadeUp(name) ? [] : name))
      const { code, message } = Object(error) as Partial<LeveretError>
      const held = [...follower.notes.held].some((delivery) => names.includes(delivery.queue.name) && isOut(delivery))
      const hint = held
        ? ': its message waits for another attempt, advance() the clock to see it'
        : where.startsWith('handler')
          ? ': the message was settled before that, so nobody tries again. Settle it when its work is done'
          : ''
      const text = `${readable(where)} failed with ${told(error)}${hint}`
      return [{ rule: 'errors', names: [...names, ...strings(code, message)], text, about: fault }]
    }),

  channelErrors: ({ follower }) =>
    follower.notes.failures.flatMap((failure) => {
      const { connection, error, site } = failure
      if (isUnknownTag(error)) return []
      const text = `${error.scope} of connection '${connection}' was closed${at(site)}: ${error.replyCode} ${error.message}`
      return [
        { rule: 'channelErrors', names: strings(error.code, error.replyText, error.message), text, about: failure },
      ]
    }),

  doubleSettlements: ({ follower }) => [
    ...follower.notes.settledTwice.map((second): Finding => {
      const { delivery, how, site } = second
      const first = follower.log.entries.find((entry) => settlesIt(entry, delivery))
      const before = delivery.recipient?.noAck === true ? 'noAck' : `${delivery.settlement}()`
      const text = `${titleOf(delivery.message, follower)}: ${before} first${at(first?.site)}, then ${how}()${at(site)}`
      return { rule: 'doubleSettlements', names: [delivery.queue.name], text, about: second }
    }),
    ...follower.notes.failures
      .filter(({ error }) => isUnknownTag(error))
      .map((failure): Finding => {
        const { connection, error, site } = failure
        const last = follower.log.entries.findLast(({ what }) => what === 'acked' || what === 'rejected')
        const before =
          last === undefined ? '' : `; last settled before: ${titleOf(last.message, follower)}${at(last.site)}`
        const text = `${error.replyText}${at(site)}, which closes the channel of connection '${connection}'${before}`
        return { rule: 'doubleSettlements', names: strings(last?.queue), text, about: failure }
      }),
  ],

  requeueLoops: ({ follower }) =>
    follower.notes.loops.map((loop) => {
      const { queue, message, site } = loop
      const text = `${titleOf(message, follower)} went back to queue '${queue}' ${MOST_REQUEUES} times${at(site)}`
      return { rule: 'requeueLoops', names: [queue], text, about: loop }
    }),

  dropped({ follower }) {
    const letters = new Set(
      follower.log.entries.filter(({ what }) => what === 'deadLettered').map(({ cause }) => cause),
    )
    return follower.log.entries
      .filter(({ what, message }) => (what === 'rejected' || what === 'deliveryLimited') && !letters.has(message))
      .map((entry) => {
        const { what, message, queue = '', site, reason } = entry
        const why = reason === undefined ? '' : ` because of ${told(reason)}`
        const how = what === 'rejected' ? `was rejected${at(site)}` : 'failed too often'
        const text = `${titleOf(message, follower)} ${how} in queue '${queue}'${why}`
        return { rule: 'dropped', names: [queue], text, about: entry }
      })
  },

  unacked({ follower }) {
    follower.sweep()
    return [...follower.handlings]
      .filter(({ delivery, heldUntil }) => isOut(delivery) && heldUntil === undefined)
      .map(({ delivery, since, asleep }) => {
        const age = follower.now - since
        const when = age > 0 ? ` ${words(age)} ago` : ''
        const sleeping = asleep > 0 ? ": its handler sleeps on the kit's clock, advance() it" : ''
        const text = `${titleOf(delivery.message, follower)}, handed to ${receiverOf(delivery, follower)}${when}${sleeping}`
        return { rule: 'unacked', names: namesOf(delivery), text, about: delivery }
      })
  },

  unconsumed({ broker, follower }) {
    return queuesOf(broker).flatMap(({ queue, virtualHost }): Finding[] => {
      const consumers = consumersOf(queue, virtualHost, follower)
      const ready = [...queue.messages()]
      for (const consumer of queue.consumers) {
        if (!consumer.awake) ready.push(...[...consumer.outbox()].map(({ message }) => message))
      }
      const goesRound = follower.notes.loops.some((loop) => loop.queue === queue.name)
      if (consumers.length === 0 || ready.length === 0 || goesRound) return []
      const open = consumers.filter(({ closed }) => !closed)
      const who = open.length === 0 ? 'its consumers are closed' : 'its consumers take no more'
      const first = titleOf(ready[0] as Message, follower)
      const more = ready.length === 1 ? first : `${ready.length} messages, first the ${first}`
      const paused = queue.paused ? 'it is paused' : who
      return [
        { rule: 'unconsumed', names: [queue.name], text: `queue '${queue.name}': ${more}; ${paused}`, about: queue },
      ]
    })
  },

  unroutable(scene) {
    const { follower, broker } = scene
    const returned = new Set(
      follower.log.entries.filter(({ what }) => what === 'returned').map(({ message }) => message),
    )
    return follower.log.entries
      .filter(({ what, queues, message }) => what === 'published' && queues?.length === 0 && !returned.has(message))
      .filter(({ message }) => !message.routingKey.startsWith('amq.rabbitmq.reply-to'))
      .map((entry) => {
        const { message, virtualHost } = entry
        const { exchange, routingKey } = message
        const why =
          exchange === ''
            ? `there is no queue '${routingKey}'${nearQueue(broker, virtualHost, routingKey)}`
            : bindingsOf(broker, virtualHost, exchange) === 0
              ? `nothing is bound to exchange '${exchange}'`
              : `no binding of exchange '${exchange}' matches${nearMiss(scene, message, virtualHost)}`
        const text = `${titleOf(message, follower)}: ${why}`
        return { rule: 'unroutable', names: strings(exchange, routingKey), text, about: entry }
      })
  },

  unawaited: ({ follower }) =>
    follower.notes.sends
      .filter(({ awaited }) => !awaited)
      .map((sending) => {
        const { exchange, routingKey, site, failure } = sending
        const failed = failure === undefined ? '' : `, and it failed with ${told(failure.error)}`
        const text = `send to ${place(exchange, routingKey)}${at(site)}${failed}`
        return { rule: 'unawaited', names: strings(exchange, routingKey), text, about: sending }
      }),

  pendingRequests(scene) {
    const { follower } = scene
    const replies = new Set(follower.log.entries.map(({ message }) => replyId(message.routingKey, message)))
    const asked = follower.log.entries.filter(
      ({ what, message }) => what === 'published' && message.properties.replyTo?.startsWith('amq.rabbitmq.reply-to'),
    )
    // n.b. handles of another thread are not ours to ask.
    const far = asked
      .filter(({ message }) => !replies.has(replyId(message.properties.replyTo ?? '', message)))
      .filter((entry) => isOfThread(entry, scene))
      .map((entry): Finding => {
        const queue = entry.message.routingKey
        return {
          rule: 'pendingRequests',
          names: [queue],
          text: `request of a thread to queue '${queue}'`,
          about: entry,
        }
      })
    const near = follower.notes.requesters
      .filter(({ pending }) => pending > 0)
      .map((asking): Finding => {
        const { what, pending } = asking
        const [, queue = ''] = /'([^']*)'$/.exec(what) ?? []
        const open = asked.filter(
          ({ message }) =>
            message.routingKey === queue && !replies.has(replyId(message.properties.replyTo ?? '', message)),
        )
        const sites = [...new Set(open.flatMap(({ site }) => site ?? []))].map((site) => at(site)).join(',')
        const text = `${pending === 1 ? what : `${pending} times ${what}`}${sites}`
        return { rule: 'pendingRequests', names: [queue], text, about: asking }
      })
    return [...near, ...far]
  },

  leakedConsumers({ follower }) {
    const open = follower.notes.consumers.filter(({ closed }) => !closed)
    const leaks = open.filter(
      (consumer) => consumer.within !== undefined || open.some((other) => isSameAgain(consumer, other)),
    )
    const groups = grouped(leaks)
    return [...groups].map(([about, consumers]) => {
      const { queue, site, within } = consumers[0] as Consuming
      const many = consumers.length === 1 ? 'a consumer' : `${consumers.length} consumers`
      const each = within === undefined ? ', one more every time' : ', attached while a message was handled'
      const of = queue.startsWith('amq.gen-') ? 'of queues that the broker named' : `of queue '${queue}'`
      return { rule: 'leakedConsumers', names: [queue], text: `${many} ${of}${at(site)}${each}`, about }
    })
  },

  arguments: ({ broker, follower }) =>
    unknownArguments(broker, follower.notes.declared).map(({ names, text, site, about }) => ({
      rule: 'arguments',
      names,
      text: `${text}${at(site)}`,
      about,
    })),

  conservation: ({ broker }) =>
    brokenLaws(broker).map((text) => ({ rule: 'conservation', names: [], text, about: text })),
}

// Words

/** `at` where something was done. */
export function at(site: string | undefined): string {
  return site === undefined ? '' : ` at ${site}`
}

function place(exchange: string, routingKey: string): string {
  return exchange === '' ? `'${routingKey}'` : `'${routingKey}' of exchange '${exchange}'`
}

function titleOf(message: Message, follower: Follower): string {
  const site = follower.causality.origin(message)?.site
  return `message to ${place(message.exchange, message.routingKey)}${site === undefined ? '' : ` published${at(site)}`}`
}

function isMadeUp(name: string): boolean {
  return name.startsWith('amq.ctag-') || name.startsWith('amq.gen-')
}

/** n.b. nobody knows a tag that the broker made up. */
function readable(where: string): string {
  return where.replace(/ 'amq\.ctag-[^']*'/, '')
}

function told(error: unknown): string {
  return error instanceof Error || Object.prototype.toString.call(error) === '[object Error]'
    ? String(error)
    : describe(error)
}

function receiverOf(delivery: Delivery, follower: Follower): string {
  const queue = delivery.queue.name
  const consumer = consumerOf(delivery)
  if (consumer === undefined) return `a get of queue '${queue}'`
  const tag = consumer.consumerTag.startsWith('amq.ctag-') ? 'the consumer' : `consumer '${consumer.consumerTag}'`
  const attached = follower.notes.consumers.findLast(
    (each) => each.consumerTag === consumer.consumerTag && each.queue === queue,
  )
  return `${tag} of queue '${queue}'${attached?.site === undefined ? '' : ` attached${at(attached.site)}`}`
}

function strings(...values: unknown[]): string[] {
  return values.filter((value): value is string => typeof value === 'string' && value !== '')
}

// Questions

function isOut({ settlement }: Delivery): boolean {
  return settlement === undefined
}

/** What a delivery goes by. */
export function namesOf(delivery: Delivery): string[] {
  return strings(delivery.queue.name, consumerOf(delivery)?.consumerTag)
}

function isUnknownTag({ code, replyText }: LeveretError): boolean {
  return code === 'PRECONDITION_FAILED' && replyText?.includes('unknown delivery tag') === true
}

/** n.b. it was thrown into a handler, which is told of as a double settlement. */
function isOfSecondSettlement(error: unknown, follower: Follower): boolean {
  return (
    error instanceof Error &&
    isUnknownTag(error as LeveretError) &&
    follower.notes.settledTwice.some(({ delivery }) => error.message.includes(`delivery tag ${delivery.deliveryTag}`))
  )
}

function settlesIt({ what, message, delivery }: Entry, settled: Delivery): boolean {
  if (what === 'acked') return delivery === settled
  return (what === 'rejected' || what === 'requeued') && message === settled.message
}

/** True for a request that another thread waits for, as far as the kit's clock tells. */
function isOfThread({ message, virtualHost, at: asked }: Entry, { broker, follower }: Scene): boolean {
  const { replyTo, expiration } = message.properties
  if (asked + Number(expiration) <= follower.now) return false
  const address = [...(broker.virtualHosts.get(virtualHost)?.replies.all() ?? [])].find(({ name }) => name === replyTo)
  return address?.consumers.some((consumer) => follower.threads.of(connectionOf(consumer)) !== undefined) === true
}

function replyId(address: string, { properties }: Message): string {
  return JSON.stringify([address, properties.correlationId])
}

function* everyQueue(broker: BrokerState): Iterable<{ queue: QueueState; virtualHost: string }> {
  for (const { name, queues } of broker.virtualHosts.values()) {
    for (const queue of queues.values()) yield { queue, virtualHost: name }
  }
}

function queuesOf(broker: BrokerState): { queue: QueueState; virtualHost: string }[] {
  return [...everyQueue(broker)]
}

function consumersOf({ name }: TrackedQueue, virtualHost: string, { notes }: Follower): Consuming[] {
  return notes.consumers.filter((each) => each.queue === name && each.virtualHost === virtualHost)
}

function bindingsOf(broker: BrokerState, virtualHost: string, exchange: string): number {
  return broker.virtualHosts.get(virtualHost)?.exchanges.get(exchange)?.bindings.size ?? 0
}

function nearQueue(broker: BrokerState, virtualHost: string, name: string): string {
  const near = didYouMean(name, broker.virtualHosts.get(virtualHost)?.queues.keys() ?? [])
  return near === undefined ? '' : `; ${near}`
}

/** The binding that was nearly matched, as things are now. */
function nearMiss({ host }: Scene, { exchange, routingKey, properties }: Message, virtualHost: string): string {
  const { headers } = properties
  const { nearMisses } = host(virtualHost).explain(exchange, routingKey, headers === undefined ? {} : { headers })
  const [first] = nearMisses
  return first?.hint === undefined ? '' : `: ${first.hint}`
}

/** The same line attached a consumer before, or again later, and messages were handled in between. */
function isSameAgain(consumer: Consuming, other: Consuming): boolean {
  return consumer.site !== undefined && groupOf(consumer) === groupOf(other) && consumer.deliveries !== other.deliveries
}

function groupOf({ virtualHost, queue, site }: Consuming): string {
  return JSON.stringify([virtualHost, queue.startsWith('amq.gen-') ? 'amq.gen-' : queue, site])
}

function grouped(consumers: readonly Consuming[]): Map<string, Consuming[]> {
  const groups = new Map<string, Consuming[]>()
  for (const consumer of consumers) groups.set(groupOf(consumer), [...(groups.get(groupOf(consumer)) ?? []), consumer])
  return groups
}
