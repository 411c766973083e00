/**
 * What requesters and responders say to one another besides bodies: in headers, so that a plain reply has none, and a
 * plain AMQP requester or responder can be at the other end.
 */
import type { BodyMode } from '../body.js'
import type { Delivery } from '../delivery.js'
import { LeveretError, RemoteError, type RemoteFailure } from '../errors.js'
import type { Message, MessageProperties } from '../message.js'
import { describe } from '../names.js'
import { messageOf } from './publish-options.js'

/**
 * The header of a reply that is more than its body: one part of several, the end of the parts, an error as plain data, or
 * that the responder was lost before the end.
 */
export const REPLY = 'x-leveret-reply'
export type ReplyKind = 'part' | 'end' | 'error' | 'interrupted'

/**
 * The header with the number of parts that the requester will take: in the request it is the first grant, and says that a
 * reply may come in parts; to the address of the responder, that which every part names in `replyTo`, it is a further
 * grant, and 0 says that no more are wanted.
 */
export const CREDIT = 'x-leveret-credit'

/** The number in the header; undefined where there is none. */
export function creditOf(delivery: Delivery): number | undefined {
  const credit = delivery.headers[CREDIT]
  return typeof credit === 'number' ? credit : undefined
}

/**
 * The reply to a delivery, with the address of its sender where that takes direct replies itself.
 * @throws BodyEncodingError.
 */
export function replyTo(
  delivery: Delivery,
  body: unknown,
  kind: ReplyKind | undefined,
  bodies: BodyMode,
  from?: string,
): Message {
  const { replyTo: address = '', correlationId } = delivery.properties
  // n.b. the plain reply goes without the spreads, which take a tenth of a request.
  if (kind === undefined && correlationId !== undefined && body !== undefined) {
    return messageOf('', address, body, { correlationId }, bodies)
  }
  const properties: MessageProperties = {
    ...(correlationId !== undefined && { correlationId }),
    ...(kind !== undefined && { headers: { [REPLY]: kind } }),
    ...(from !== undefined && { replyTo: from }),
  }
  // n.b. a handler that returns nothing answers nothing, which has no encoding.
  return messageOf('', address, body, properties, body === undefined ? 'reference' : bodies)
}

/** Errors that are told with their causes, so many deep: they may go round. */
const DEEPEST = 8

/** What was thrown, as plain data. */
export function failureOf(thrown: unknown, depth = 1): RemoteFailure {
  try {
    if (!(thrown instanceof Error) && !hasMessage(thrown)) return { name: 'Error', message: textOf(thrown) }
    const { name, message, cause } = thrown
    const { code } = thrown as { code?: unknown }
    return {
      name: typeof name === 'string' ? name : 'Error',
      message: String(message),
      ...((typeof code === 'string' || typeof code === 'number') && { code }),
      ...(cause !== undefined && depth < DEEPEST && { cause: failureOf(cause, depth + 1) }),
    }
  } catch {
    return { name: 'Error', message: 'an error that cannot be read' }
  }
}

// n.b. errors of another realm are no instances of ours.
function hasMessage(thrown: unknown): thrown is Error {
  return typeof thrown === 'object' && thrown !== null && typeof (thrown as Error).message === 'string'
}

function textOf(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : describe(thrown)
}

/** The error that an error reply stands for. */
export function remoteError(what: string, delivery: Delivery): LeveretError {
  try {
    return new RemoteError(what, failureOf(delivery.body))
  } catch (error) {
    return error instanceof LeveretError ? error : new RemoteError(what, failureOf(error))
  }
}
