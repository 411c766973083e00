/** amqplib's errors: their classes, and their words. */
import type { LeveretError, MethodId } from '../internal.js'

/** Something was asked of a channel or a connection that is closed or closing. */
export class IllegalOperationError extends Error {
  override name: 'IllegalOperationError' = 'IllegalOperationError'
  /** Where it was closed. */
  stackAtStateChange: string | undefined
  constructor(msg: string, stack?: string) {
    super(msg)
    this.stackAtStateChange = stack
  }
}

/** The stack of this moment, for the errors of later operations. */
export function stackCapture(reason: string): string {
  return `Stack capture: ${reason}\n${new Error().stack?.split('\n').slice(2).join('\n')}`
}

/** An error that the broker reported, as amqplib reports it. */
export interface ServerError extends Error {
  code?: number
  classId?: number
  methodId?: number
}

/** The broker's close method in words. */
export function closeMessage({ replyCode = 541, replyText = '' }: LeveretError): string {
  const name = /^[A-Z_]+/.exec(replyText)?.[0].replaceAll('_', '-') ?? 'INTERNAL-ERROR'
  return `${replyCode} (${name}) with message "${onWire(replyText)}"`
}

/** An error of the broker's close method; of a connection it tells no method. */
export function serverError(what: string, error: LeveretError, method?: MethodId): ServerError {
  const made: ServerError = new Error(`${what}${closeMessage(error)}`)
  made.code = error.replyCode ?? 541
  return method === undefined ? made : Object.assign(made, { classId: method.classId, methodId: method.methodId })
}

/** True for an error of the engine, whichever copy of the package made it. */
export function isLeveretError(error: unknown): error is LeveretError {
  return error instanceof Error && 'scope' in error && 'code' in error
}

/** n.b. a reply text has 255 bytes at most: RabbitMQ cuts longer ones off. */
function onWire(text: string): string {
  const bytes = Buffer.from(text)
  return bytes.length <= 255 ? text : `${bytes.toString('utf8', 0, 252)}...`
}
