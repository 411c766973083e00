/**
 * Every error that leveret throws or rejects with: a ladder by what dies, each with a `code` from a closed list, AMQP's
 * reply code and, where RabbitMQ has one, RabbitMQ's own reply text.
 */

/** The closed list of `code`s. Errors are recognised by it, never by `instanceof` across copies of the package. */
export type ErrorCode =
  | 'ACCESS_REFUSED'
  | 'NOT_FOUND'
  | 'RESOURCE_LOCKED'
  | 'PRECONDITION_FAILED'
  | 'CONNECTION_FORCED'
  | 'CHANNEL_ERROR'
  | 'COMMAND_INVALID'
  | 'NOT_ALLOWED'
  | 'NOT_IMPLEMENTED'
  | 'NO_ROUTE'
  | 'PUBLISH_REFUSED'
  | 'CONSUMER_CANCELLED'
  | 'CLOSED'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'REMOTE'
  | 'REPLY_INTERRUPTED'
  | 'INVALID_OPTION'
  | 'UNKNOWN_OPTION'
  | 'BODY_NOT_ENCODABLE'
  | 'BODY_INVALID'
  | 'TEST_FAILED'
  | 'INTERNAL_ERROR'
  | 'FRAME_ERROR'
  | 'CONNECTION_LOST'

/**
 * What an error costs on a real RabbitMQ: one message, the call that was made, the channel, or the whole connection.
 * Handles own a channel each and replace it, so on every engine only the handle that made the mistake notices.
 */
export type ErrorScope = 'message' | 'call' | 'channel' | 'connection'

/** What a `LeveretError` is made of. */
export interface ErrorDetails {
  /** AMQP's reply code, such as 404. */
  readonly replyCode?: number
  /** RabbitMQ's reply text without the leading name, such as `no queue 'jobs' in vhost '/'`. */
  readonly replyText?: string
  /** The error underneath. */
  readonly cause?: unknown
}

/** The ancestor of every error of this package. */
export class LeveretError extends Error {
  /** Which error it is: test this. */
  readonly code: ErrorCode
  /** What dies by it. */
  readonly scope: ErrorScope
  /** AMQP's reply code, where AMQP has one. */
  readonly replyCode?: number
  /** RabbitMQ's reply text, `NAME - explanation`, where RabbitMQ has one. */
  readonly replyText?: string

  /** Used by the classes below; applications receive errors, they do not make them. */
  constructor(code: ErrorCode, scope: ErrorScope, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.scope = scope
    // n.b. what an error does not have it does not print either.
    if (details.replyCode !== undefined) this.replyCode = details.replyCode
    if (details.replyText !== undefined) this.replyText = details.replyText
  }

  /** A plain object that survives JSON and structured clone: name, code, scope, message, reply code and text. */
  toJSON(): Record<string, unknown> {
    const { name, code, scope, message, replyCode, replyText } = this
    return { name, code, scope, message, replyCode, replyText }
  }
}

/** An error that RabbitMQ would answer with `channel.close` or `connection.close`. `hint` is added to the message only. */
abstract class ReplyError extends LeveretError {
  constructor(code: ErrorCode, scope: ErrorScope, replyCode: number, explanation: string, hint?: string) {
    const replyText = `${code} - ${explanation}`
    super(code, scope, hint === undefined ? replyText : `${replyText} (${hint})`, { replyCode, replyText })
  }
}

/** 403: a reserved name, the default exchange, an internal exchange, an exclusive consumer in the way, a missing right. */
export class AccessRefusedError extends ReplyError {
  /** Takes RabbitMQ's explanation and, for the message only, a hint. */
  constructor(explanation: string, hint?: string) {
    super('ACCESS_REFUSED', 'channel', 403, explanation, hint)
  }
}

/** 404: no such queue, exchange or virtual host. */
export class NotFoundError extends ReplyError {
  /** Takes RabbitMQ's explanation and, for the message only, a hint. */
  constructor(explanation: string, hint?: string) {
    super('NOT_FOUND', 'channel', 404, explanation, hint)
  }
}

/** 405: an exclusive queue of another connection. */
export class ResourceLockedError extends ReplyError {
  /** Takes RabbitMQ's explanation and, for the message only, a hint. */
  constructor(explanation: string, hint?: string) {
    super('RESOURCE_LOCKED', 'channel', 405, explanation, hint)
  }
}

/** 406: an inequivalent redeclare, an invalid argument, a violated `ifUnused` or `ifEmpty`, a second settlement. */
export class PreconditionFailedError extends ReplyError {
  /** Takes RabbitMQ's explanation and, for the message only, a hint. */
  constructor(explanation: string, hint?: string) {
    super('PRECONDITION_FAILED', 'channel', 406, explanation, hint)
  }
}

/** 530: what this connection may not do, such as the use of a missing virtual host. */
export class NotAllowedError extends ReplyError {
  /** Takes RabbitMQ's explanation and, for the message only, a hint. */
  constructor(explanation: string, hint?: string) {
    super('NOT_ALLOWED', 'connection', 530, explanation, hint)
  }
}

/** 320: the broker or an operator ends the connection. */
export class ConnectionForcedError extends ReplyError {
  /** Takes RabbitMQ's explanation. */
  constructor(explanation: string) {
    super('CONNECTION_FORCED', 'connection', 320, explanation)
  }
}

/** 503: a request that makes no sense, such as an exchange type that RabbitMQ 3.10 does not know. */
export class CommandInvalidError extends ReplyError {
  /** Takes RabbitMQ's explanation and, for the message only, a hint. */
  constructor(explanation: string, hint?: string) {
    super('COMMAND_INVALID', 'connection', 503, explanation, hint)
  }
}

/** 504: a channel that is opened twice. */
export class ChannelError extends ReplyError {
  /** Takes RabbitMQ's explanation. */
  constructor(explanation: string) {
    super('CHANNEL_ERROR', 'connection', 504, explanation)
  }
}

/** 540: what RabbitMQ does not implement, such as `ifEmpty` on the deletion of a quorum queue. */
export class NotImplementedError extends ReplyError {
  /** Takes RabbitMQ's explanation and, for the message only, a hint. */
  constructor(explanation: string, hint?: string) {
    super('NOT_IMPLEMENTED', 'connection', 540, explanation, hint)
  }
}

/** An option of the wrong type or out of range, two spellings of one option that disagree, a missing argument. */
export class InvalidOptionError extends LeveretError {
  /** Takes the whole message: what was expected and what came. */
  constructor(message: string) {
    super('INVALID_OPTION', 'call', message)
  }
}

/** An option or `x-` argument that does not exist. The message names the nearest one that does. */
export class UnknownOptionError extends LeveretError {
  /** Takes the whole message. */
  constructor(message: string) {
    super('UNKNOWN_OPTION', 'call', message)
  }
}

/** A mandatory message matched no queue (312). */
export class UnroutableError extends LeveretError {
  /** Made from what the message was published to. */
  constructor(exchange: string, routingKey: string) {
    const where = exchange === '' ? `queue '${routingKey}'` : `exchange '${exchange}' with routing key '${routingKey}'`
    super('NO_ROUTE', 'message', `NO_ROUTE - a mandatory message to ${where} reached no queue`, {
      replyCode: 312,
      replyText: 'NO_ROUTE',
    })
  }
}

/** A full queue with `overflow: 'reject-publish'` refused the message: RabbitMQ's `basic.nack`. */
export class PublishRefusedError extends LeveretError {
  /** Made from what the message was published to. */
  constructor(exchange: string, routingKey: string) {
    super(
      'PUBLISH_REFUSED',
      'message',
      `a queue reached from exchange '${exchange}' with routing key '${routingKey}' is full and refuses publishes`,
    )
  }
}

/** The broker ended a consumer: its queue was deleted or expired, a delivery timed out, or the connection went away. */
export class ConsumerCancelledError extends LeveretError {
  /** The consumer's tag. */
  readonly consumerTag: string
  /** Takes the tag and the reason in words. */
  constructor(consumerTag: string, reason: string, cause?: unknown) {
    super('CONSUMER_CANCELLED', 'channel', `consumer '${consumerTag}' was cancelled by the broker: ${reason}`, {
      cause,
    })
    this.consumerTag = consumerTag
  }
}

/** The handle, bus or broker that was used is closed. */
export class ClosedError extends LeveretError {
  /** Takes the thing that is closed, such as `producer of queue 'jobs'`. */
  constructor(what: string) {
    super('CLOSED', 'call', `${what} is closed`)
  }
}

/** A wait took longer than the `timeout` it was given. */
export class TimeoutError extends LeveretError {
  /** Takes what was waited for, the time in milliseconds and, for the message only, a hint. */
  constructor(what: string, timeout: number, hint?: string) {
    super('TIMEOUT', 'call', `${what} took longer than ${timeout} ms${hint === undefined ? '' : `: ${hint}`}`)
  }
}

/** A wait was ended by the caller's `AbortSignal`. Its `cause` is the signal's reason; its `name` is `AbortError`. */
export class AbortError extends LeveretError {
  /** True when the broker already has the message: the wait ended, not the message. */
  readonly accepted: boolean
  /** Takes what was waited for, the signal's reason, and whether the message was accepted. */
  constructor(what: string, reason: unknown, accepted = false) {
    super('ABORTED', 'call', `${what} was aborted`, { cause: reason })
    this.name = 'AbortError'
    this.accepted = accepted
  }
}

/** What an error was where it was thrown: plain data, which survives JSON and structured clone. */
export interface RemoteFailure {
  /** Its name, such as `TypeError`. */
  readonly name: string
  /** Its message. */
  readonly message: string
  /** Its code, if it had one. */
  readonly code?: string | number
  /** Its cause, if it had one. */
  readonly cause?: RemoteFailure
}

/** The responder of a request failed. The `cause` is its error, made anew from name, message, code and causes. */
export class RemoteError extends LeveretError {
  /** The responder's error as plain data. */
  readonly remote: RemoteFailure
  /** Takes what was asked for, and what the responder said of its error. */
  constructor(what: string, remote: RemoteFailure) {
    super('REMOTE', 'message', `${what} failed at the responder: ${remote.name}: ${remote.message}`, {
      cause: errorOf(remote),
    })
    this.remote = remote
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), remote: this.remote }
  }
}

function errorOf({ name, message, code, cause }: RemoteFailure): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: errorOf(cause) })
  // n.b. not enumerable, as the name of any error.
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  return code === undefined ? error : Object.assign(error, { code })
}

/** The responder of a reply in parts was lost after some of them; another may have begun anew, which is no continuation. */
export class ReplyInterruptedError extends LeveretError {
  /** Takes what was asked for, and how many parts came. */
  constructor(what: string, parts: number) {
    super('REPLY_INTERRUPTED', 'message', `${what}: the responder was lost after ${parts} parts of its reply`)
  }
}

/** A body that cannot be copied or encoded the way the broker was told to. Nothing was enqueued. */
export class BodyEncodingError extends LeveretError {
  /** Takes the reason and the error of the codec. */
  constructor(reason: string, cause?: unknown) {
    super('BODY_NOT_ENCODABLE', 'message', `the body cannot be encoded: ${reason}`, { cause })
  }
}

/** One thing that a schema finds wrong with a body, as Standard Schema has it. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string
  /** Where in the body: keys, or objects with a `key`, from the outside in. */
  readonly path?: readonly (PropertyKey | SchemaPathSegment)[] | undefined
}

/** A step of a path, as some schema libraries write it. */
export interface SchemaPathSegment {
  /** The key. */
  readonly key: PropertyKey
}

/** A body that its schema refuses: published, nothing is enqueued; consumed, the message is rejected. */
export class BodyInvalidError extends LeveretError {
  /** What is wrong; the `cause` as well. */
  readonly issues: readonly SchemaIssue[]
  /** Takes whose schema it is, such as `queue 'mails'`, and what the schema found. */
  constructor(what: string, issues: readonly SchemaIssue[]) {
    super('BODY_INVALID', 'message', `${what}: the schema refuses the body: ${issues.map(issueText).join('; ')}`, {
      cause: issues,
    })
    this.issues = issues
  }
}

function issueText({ message, path = [] }: SchemaIssue): string {
  return path.length === 0 ? message : `${pathOf(path)}: ${message}`
}

/** A path such as `lines[0].price`. */
export function pathOf(path: NonNullable<SchemaIssue['path']>): string {
  return path
    .map((step) => (typeof step === 'object' ? step.key : step))
    .map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`))
    .join('')
}

/** 501: what came over the wire between two threads is none of leveret's, or of another version of it. */
export class FrameError extends ReplyError {
  /** Takes the explanation. */
  constructor(explanation: string) {
    super('FRAME_ERROR', 'connection', 501, explanation)
  }
}

/** The other end of a connection is gone: its thread exited or crashed, or the port was closed. */
export class ConnectionLostError extends LeveretError {
  /** Takes which connection, and why it ended. */
  constructor(connection: string, reason: string, cause?: unknown) {
    super('CONNECTION_LOST', 'connection', `connection '${connection}' was lost: ${reason}`, { cause })
  }
}
