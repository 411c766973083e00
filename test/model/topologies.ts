/**
 * The queues and exchanges that the model is tried on, a handful at a time so that a hundred commands meet in them.
 *
 * Time goes in steps. What a queue adds to a step (one millisecond, ten, …) is its own, so that two queues never have
 * something due in the same millisecond: the order of two such deaths is nobody's promise.
 */
import type { ModelExchangeOptions, ModelQueueOptions } from './queue-model.js'

export const STEP = 1_000_000
/** What a queue's messages with an expiration add to a step: this, times the number of the queue. */
export const EXPIRATION = 100
/** What a delayed send adds to a step. */
export const DELAY = 1_000

export interface Topology {
  readonly name: string
  readonly queues: readonly ModelQueueOptions[]
  readonly exchanges: readonly ModelExchangeOptions[]
  /** Exchange, queue, key. */
  readonly bindings: readonly (readonly [string, string, string])[]
  /** Routing keys that messages are published with. */
  readonly keys: readonly string[]
}

const limits: Topology = {
  name: 'queues with limits',
  queues: [
    { name: 'plain' },
    { name: 'recent', maxLength: 3, deadLetterExchange: 'graves' },
    { name: 'picky', maxLength: 2, overflow: 'reject-publish' },
    {
      name: 'bounced',
      maxLength: 1,
      overflow: 'reject-publish-dlx',
      deadLetterExchange: '',
      deadLetterRoutingKey: 'dead',
    },
    { name: 'patient', maxLength: 2, overflow: 'block' },
    { name: 'full', maxLength: 0 },
    { name: 'dead', maxLengthBytes: 30 },
  ],
  exchanges: [
    { name: 'graves', type: 'fanout' },
    { name: 'all', type: 'fanout' },
  ],
  bindings: [
    ['graves', 'dead', ''],
    ['graves', 'plain', ''],
    ['all', 'recent', ''],
    ['all', 'picky', ''],
    ['all', 'patient', ''],
  ],
  keys: ['key'],
}

const time: Topology = {
  name: 'queues with time to live, priorities and cycles',
  queues: [
    { name: 'plain' },
    { name: 'timed', messageTtl: 2 * STEP + 4, deadLetterExchange: '', deadLetterRoutingKey: 'dead' },
    { name: 'round', messageTtl: STEP + 1, deadLetterExchange: '', deadLetterRoutingKey: 'again' },
    { name: 'again', messageTtl: 2 * STEP + 2, deadLetterExchange: '', deadLetterRoutingKey: 'round' },
    { name: 'own', messageTtl: 3 * STEP + 10, deadLetterExchange: '' },
    { name: 'instant', messageTtl: 0, deadLetterExchange: 'graves' },
    { name: 'ranked', maxPriority: 2, maxLength: 4, deadLetterExchange: '', deadLetterRoutingKey: 'dead' },
    { name: 'dead' },
  ],
  exchanges: [
    { name: 'graves', type: 'fanout' },
    { name: 'all', type: 'fanout' },
  ],
  bindings: [
    ['graves', 'dead', ''],
    ['all', 'plain', ''],
    ['all', 'timed', ''],
    ['all', 'round', ''],
  ],
  keys: ['key'],
}

const quorum: Topology = {
  name: 'quorum queues and a single active consumer',
  queues: [
    {
      name: 'sturdy',
      type: 'quorum',
      deliveryLimit: 2,
      delayedRetryType: 'failed',
      delayedRetryMin: STEP + 10_000,
      delayedRetryMax: STEP + 15_000,
      deadLetterExchange: '',
      deadLetterRoutingKey: 'dead',
    },
    {
      name: 'steps',
      type: 'quorum',
      deliveryLimit: 4,
      delayedRetryType: 'all',
      delayedRetryMin: STEP + 100_000,
      maxLength: 3,
      deadLetterExchange: '',
      deadLetterRoutingKey: 'dead',
    },
    { name: 'back', type: 'quorum', deliveryLimit: 3, delayedRetryType: 'returned', delayedRetryMin: STEP + 10 },
    {
      name: 'lean',
      type: 'quorum',
      messageTtl: 2 * STEP + 1,
      maxLength: 3,
      overflow: 'reject-publish',
      deadLetterExchange: '',
      deadLetterRoutingKey: 'sturdy',
    },
    { name: 'endless', type: 'quorum', deliveryLimit: -1, deadLetterExchange: '' },
    { name: 'alone', singleActiveConsumer: true },
    { name: 'dead', type: 'quorum' },
  ],
  exchanges: [{ name: 'all', type: 'fanout' }],
  bindings: [
    ['all', 'sturdy', ''],
    ['all', 'endless', ''],
    ['all', 'alone', ''],
  ],
  keys: ['key'],
}

const routing: Topology = {
  name: 'topics, copies, alternate exchanges and auto-delete queues',
  queues: [
    { name: 'europe', deadLetterExchange: 'nowhere' },
    { name: 'limited', maxLength: 2, deadLetterExchange: 'events' },
    { name: 'fleeting', autoDelete: true },
    { name: 'heavy', maxLengthBytes: 25, overflow: 'block' },
    { name: 'rest', deadLetterExchange: 'events', deadLetterRoutingKey: 'order.eu' },
  ],
  exchanges: [
    { name: 'events', type: 'topic', alternateExchange: 'unrouted' },
    { name: 'unrouted', type: 'fanout' },
  ],
  bindings: [
    ['events', 'europe', 'order.*'],
    ['events', 'europe', 'order.paid'],
    ['events', 'europe', '#.eu'],
    ['events', 'limited', 'order.paid'],
    ['events', 'limited', 'mail.#'],
    ['events', 'fleeting', '*.eu'],
    ['events', 'heavy', 'mail.#.eu'],
    ['unrouted', 'rest', ''],
  ],
  keys: ['order.paid', 'order.eu', 'mail', 'mail.sent.eu', 'order', 'eu', 'other'],
}

export const topologies: readonly Topology[] = [limits, time, quorum, routing]
