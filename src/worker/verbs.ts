/** What the two ends say to one another, and the version of it. */

/** Both ends have to be of one. */
export const VERSION = 1

/** What a worker says. */
export const ASK = {
  /** channel */
  open: 1,
  /** channel, mandatory, delay, exchange, routing key, packed properties or 0, 0, number of the first, its bytes' offset, bodies… */
  publish: 2,
  /** channel, how, runs of tags… */
  settle: 3,
  /** channel, how, tag, packed reason */
  settleWhy: 4,
  /** call, channel, method, packed arguments */
  call: 5,
  /** call, channel, queue, noAck, tentative */
  get: 11,
  /** call, channel, consumer, queue, options */
  consume: 6,
  /** call, channel, consumer, tag of the last delivery that came, tags of what was not taken… */
  cancel: 7,
  /** channel, consumer, count: so many more may come */
  credit: 8,
  /** packed error, where */
  fault: 9,
  /** call, channel, tag of the last delivery that came, tags of what was not taken… */
  close: 10,
  /** call: the connection */
  leave: 12,
  /** nothing: the answer to an echo */
  echo: 13,
} as const

/** What the broker's side says. */
export const TELL = {
  /** facts about the connection */
  welcome: 21,
  /** call, packed answer */
  answer: 22,
  /** call, tag, history, whether the queue counts failures, message */
  got: 32,
  /** call, packed error */
  failure: 23,
  /** channel, 0, runs of publishes that were taken… */
  confirmed: 24,
  /** channel, 0, runs of publishes whose confirms wait for room… */
  withheld: 33,
  /** channel, publish, packed error or 0: refused by a queue */
  refused: 25,
  /** channel, publish, message */
  returned: 26,
  /** channel, consumer, 0, exchange, routing key, packed properties or 0, history, tag of the first, its bytes' offset, bodies… */
  deliver: 27,
  /** channel, consumer, reason */
  cancelled: 28,
  /** channel, 0, runs of tags… that the broker took back */
  lost: 29,
  /** channel, packed error */
  channelClosed: 30,
  /** packed error */
  closed: 31,
  /** nothing: to be answered when what came before has been handed over */
  echo: 34,
} as const

/** How deliveries are settled, by their numbers. */
export const HOWS = ['ack', 'requeue', 'retry', 'reject'] as const

/** What a worker may call on its channels. */
export type Method =
  | 'declareExchange'
  | 'deleteExchange'
  | 'hasExchange'
  | 'declareQueue'
  | 'checkQueue'
  | 'queueStats'
  | 'deleteQueue'
  | 'purgeQueue'
  | 'bind'
  | 'unbind'
  | 'hasBinding'

/** What a worker learns of its connection at the beginning. */
export interface Welcome {
  readonly name: string
  readonly virtualHost: string
  /** Of the virtual host: equal for all connections to it. */
  readonly home: string
  readonly encoded: boolean
  readonly queueArguments: readonly string[]
}
