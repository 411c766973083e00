/** What the connections of both APIs have in common. */
import type { EventEmitter } from 'node:events'

/** Emits what a connection emits on the model that applications hold. */
export function forwardEvents(connection: EventEmitter, model: EventEmitter): void {
  for (const event of ['error', 'close', 'blocked', 'unblocked', 'update-secret-ok']) {
    connection.on(event, (...args: readonly unknown[]) => model.emit(event, ...args))
  }
}
