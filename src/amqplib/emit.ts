/** Events as amqplib emits them. */
import type { EventEmitter } from 'node:events'

// n.b. captured while they are likely to be genuine: fake timers replace them.
const { setImmediate } = globalThis

/** Runs something in the event loop's next turn. */
export const inNextTurn = (callback: () => void): unknown => setImmediate(callback)

/** Emits an event. What a listener throws goes to `handler-error` where anybody listens to that, else on. */
export function safeEmit(emitter: EventEmitter, event: string, ...args: readonly unknown[]): void {
  try {
    emitter.emit(event, ...args)
  } catch (error) {
    if (emitter.listenerCount('handler-error') === 0) throw error
    inNextTurn(() => emitter.emit('handler-error', error, event))
  }
}
