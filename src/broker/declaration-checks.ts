/** What a name must be to be declared or bound, who may use an exclusive queue, what a quorum queue must be. */
import type { QueueDeclaration } from '../declarations.js'
import { AccessRefusedError, PreconditionFailedError, ResourceLockedError } from '../errors.js'
import type { QueueState } from './queue-state.js'

export function checkNotDefault(name: string): void {
  if (name === '') throw new AccessRefusedError('operation not permitted on the default exchange')
}

export function checkNotReserved(queue: string): void {
  if (queue.startsWith('amq.')) throw new AccessRefusedError(`queue name '${queue}' contains reserved prefix 'amq.*'`)
}

export function checkAccess(queue: QueueState, owner: object): void {
  if (queue.owner !== undefined && queue.owner !== owner) throw locked(queue)
}

export function locked(queue: QueueState): ResourceLockedError {
  return new ResourceLockedError(
    `cannot obtain exclusive access to locked ${queue.title}. It could be originally declared on another connection ` +
      'or the exclusive property value does not match that of the original declaration.',
  )
}

/** What a quorum queue must be (QQ-01). */
export function checkQuorum(title: string, declaration: QueueDeclaration): void {
  if (declaration.name === '') {
    throw new PreconditionFailedError('Cannot declare a server-named queue for type rabbit_quorum_queue')
  }
  const fault = declaration.autoDelete
    ? 'auto-delete'
    : declaration.exclusive
      ? 'exclusive-owner'
      : declaration.durable
        ? undefined
        : 'non-durable'
  if (fault === undefined) return
  throw new PreconditionFailedError(`invalid property '${fault}' for ${title}`, 'a quorum queue is durable and shared')
}
