/** What answers: a handler whose result, or error, is the reply. The reply goes out first, then the request is settled. */
import type { Channel, Connection } from '../channel/channel.js'
import type { Delivery } from '../delivery.js'
import { InvalidOptionError } from '../errors.js'
import { describe } from '../names.js'
import { type Checks, checkOptions } from '../options.js'
import { CONSUMER_CHECKS, type ConsumerOptions } from './consumer.js'
import { PartSender } from './part-sender.js'
import { creditOf, failureOf, type ReplyKind, replyTo } from './reply.js'
import { type Answerer, RUN_CHECKS, type RunOptions } from './runner.js'

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

export class Responder<Body> implements Answerer<Delivery<Body>> {
  readonly #connection: Connection
  readonly #handler: ResponseHandler<Body, unknown>
  // n.b. a channel of its own, not the consumer's: the reply to what was begun goes out when the queue is deleted meanwhile.
  #channel: Channel | undefined

  constructor(connection: Connection, handler: ResponseHandler<Body, unknown>) {
    this.#connection = connection
    this.#handler = handler
  }

  /** Runs the handler. */
  readonly handle = (delivery: Delivery<Body>): unknown => this.#handler(delivery.body, delivery)

  /** The schema refused a request, which is rejected: its requester hears why, where there is one. */
  refuse(error: unknown, delivery: Delivery<Body>): void {
    if (!this.failed(delivery, error)) this.#connection.fault(error, 'a message that asks for no reply')
  }

  answer(delivery: Delivery<Body>, result: unknown): Promise<void> | undefined {
    if (delivery.properties.replyTo === undefined) return undefined
    if (!isAsyncIterable(result)) {
      this.#reply(delivery, result, undefined)
      return undefined
    }
    const credit = creditOf(delivery)
    if (credit !== undefined) return new PartSender(this.#connection, delivery, result, credit).send()
    throw new InvalidOptionError('the reply comes in parts: ask for it by requestMany()')
  }

  /** The requester gets the error; where there is none, the request is retried. */
  failed(delivery: Delivery<Body>, error: unknown): boolean {
    if (delivery.properties.replyTo === undefined) return false
    this.#reply(delivery, failureOf(error), 'error')
    return true
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
