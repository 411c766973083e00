/** What the methods of a channel answer. */

/** A reply without fields. */
// biome-ignore lint/complexity/noBannedTypes: as amqplib has it
export type Empty = {}

/** Reply of `assertQueue` and `checkQueue`. */
export interface AssertQueue {
  queue: string
  messageCount: number
  consumerCount: number
}

/** Reply of `purgeQueue`. */
export interface PurgeQueue {
  messageCount: number
}

/** Reply of `deleteQueue`. */
export interface DeleteQueue {
  messageCount: number
}

/** Reply of `assertExchange`. */
export interface AssertExchange {
  exchange: string
}

/** Reply of `consume`. */
export interface Consume {
  consumerTag: string
}

/** Reply of `cancel`. */
export interface Cancel {
  consumerTag: string
}
