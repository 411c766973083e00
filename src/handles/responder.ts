/** What answers: a handler whose result, or error, is the reply. The reply goes out first, then the request is settled. */
import type { Channel, Connection } from '../channel/channel.js'
import type { Delivery } from '../delivery.js'
import { InvalidOptionError } from '../errors.js'
import { isThenable } from '../host.js'
import { describe } from '../names.js'
import { type Checks, checkOptions } from '../options.js'
import { CONSUMER_CHECKS, type ConsumerOptions } from './consumer.js'
import { PartSender } from './part-sender.js'
import { creditOf, failureOf, type ReplyKind, replyTo } from './reply.js'
import { RUN_CHECKS, type RunOptions } from './runner.js'

/** How requests are answered: options of the consumer and of its `run`. */
export interface RespondOptions<Body> extends Omit<ConsumerOptions, 'noAck'>, RunOptions<Body> {}

/** Answers a request: by the reply, or by an async iterable of its parts. */
export type ResponseHandler<Body, Reply> = (
  body: Body,
  delivery: Delivery<Body>,
) => Reply | AsyncIterable<Reply> | PromiseLike<Reply | AsyncIterable<Reply>>

/**
 * Checks the handler and its options.
 * @throws InvalidOptionError, UnknownOptionError.
 */
export function checkRespond(handler: unknown, options: unknown): void {
  if (typeof handler !== 'function') {
    throw new InvalidOptionError(`respond: expected a function, got ${describe(handler)}`)
  }
  const { noAck: _, ...checks }: Checks = { ...CONSUMER_CHECKS, ...RUN_CHECKS }
  checkOptions('respond', options, checks)
}

export class Responder<Body> {
  readonly #connection: Connection
  readonly #handler: ResponseHandler<Body, unknown>
  // n.b. a channel of its own, not the consumer's: the reply to what was begun goes out when the queue is deleted meanwhile.
  #channel: Channel | undefined

  constructor(connection: Connection, handler: ResponseHandler<Body, unknown>) {
    this.#connection = connection
    this.#handler = handler
  }

  /** Handles a delivery for `run`: what it returns settles nothing but by its end. */
  handle(delivery: Delivery<Body>): unknown {
    let result: unknown
    try {
      result = this.#handler(delivery.body, delivery)
      // n.b. a result may be a getter that throws.
      if (!isThenable(result)) return this.#answer(delivery, result)
    } catch (error) {
      return this.#failed(delivery, error)
    }
    // n.b. no async function: that would take twice as much.
    return result.then(
      (value) => this.#answer(delivery, value),
      (error) => this.#failed(delivery, error),
    )
  }

  /** The schema refused a request, which is rejected: its requester hears why, where there is one. */
  refuse(error: unknown, delivery: Delivery<Body>): void {
    if (delivery.properties.replyTo === undefined) this.#connection.fault(error, 'a message that asks for no reply')
    else this.#reply(delivery, failureOf(error), 'error')
  }

  #answer(delivery: Delivery<Body>, result: unknown): Promise<void> | undefined {
    if (delivery.properties.replyTo === undefined) return undefined
    if (isAsyncIterable(result)) {
      const credit = creditOf(delivery)
      if (credit !== undefined) return new PartSender(this.#connection, delivery, result, credit).send()
      this.#failed(delivery, new InvalidOptionError('the reply comes in parts: ask for it by requestMany()'))
      return undefined
    }
    try {
      this.#reply(delivery, result, undefined)
    } catch (error) {
      this.#failed(delivery, error)
    }
    return undefined
  }

  /** The requester gets the error; where there is none, the request is retried. */
  #failed(delivery: Delivery<Body>, error: unknown): void {
    if (delivery.properties.replyTo === undefined) throw error
    this.#reply(delivery, failureOf(error), 'error')
  }

  #reply(delivery: Delivery<Body>, body: unknown, kind: ReplyKind | undefined): void {
    const connection = this.#connection
    // n.b. then the request has gone back, and is another's to answer.
    if (connection.closed) return
    if (this.#channel === undefined || this.#channel.closed) this.#channel = connection.openChannel({})
    this.#channel.publish(replyTo(delivery, body, kind, connection.bodies), false, 0)
    // n.b. at once, not when `run` hears of it: the requester's next request finds the consumer with credit.
    if (delivery.settled === undefined) delivery.ack()
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
