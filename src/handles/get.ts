/** One message by `queue.get`: its options, and the wait for one that is not there yet. */
import type { Channel, Connection, Subscription } from '../channel/channel.js'
import type { Delivery } from '../delivery.js'
import { InvalidOptionError } from '../errors.js'
import type { Signal } from '../host.js'
import { boolean, type Checks, checkOptions, integer, signal } from '../options.js'
import { checkNotAborted, Wait } from './wait.js'

/** How one message is taken. */
export interface GetOptions {
  /**
   * Waits until there is a message.
   * @default false: resolves undefined when there is none
   */
  readonly wait?: boolean
  /** Milliseconds to wait, 0 to 2,147,483,647; then `TimeoutError`. Only with `wait`. @default no limit */
  readonly timeout?: number
  /** Ends the wait with an `AbortError`. Only with `wait`. */
  readonly signal?: Signal
  /**
   * The message is settled when it is taken; there is nothing to acknowledge.
   * @default false
   */
  readonly noAck?: boolean
}

const GET_CHECKS: Checks = { wait: boolean, timeout: integer(0, 2 ** 31 - 1, 'ms'), signal, noAck: boolean }

/**
 * Checks the options of a `get`.
 * @throws UnknownOptionError, InvalidOptionError, AbortError.
 */
export function checkGet(options: GetOptions): { wait: boolean; noAck: boolean } {
  checkOptions('get', options, GET_CHECKS)
  const { wait = false, noAck = false } = options
  if (!wait) {
    const stray = (['timeout', 'signal'] as const).find((name) => options[name] !== undefined)
    if (stray !== undefined) throw new InvalidOptionError(`get: '${stray}' needs 'wait: true'`)
  }
  checkNotAborted('get', options.signal)
  return { wait, noAck }
}

/** Waits for a message of a queue, behind its consumers. `waits` knows the wait while it is open. */
export async function waitForOne(
  connection: Connection,
  channel: Channel,
  queue: string,
  { signal, timeout, noAck = false }: GetOptions,
  waits: Set<{ reject(error: unknown): void }>,
): Promise<Delivery> {
  let subscription: Subscription | undefined
  const waiting = new Wait<Delivery>(connection.scheduler.timers, {
    what: `get from queue '${queue}'`,
    signal,
    timeout,
    ended: () => void subscription?.cancel(),
  })
  waits.add(waiting)
  try {
    if (waiting.open) {
      const once = { consumerTag: '', prefetch: 1, noAck, exclusive: false, priority: 0, once: true }
      const ready = (): void => {
        const delivery = subscription?.take()
        if (delivery === undefined) return
        void subscription?.cancel()
        waiting.resolve(delivery)
      }
      const attached = channel.consume(queue, once, {
        ready,
        cancelled: (error) => waiting.reject(error.cause ?? error),
      })
      // n.b. no `await` of what is there already: the message may come before the next microtask.
      subscription = attached instanceof Promise ? await attached : attached
      // n.b. the wait may have ended while a remote engine attached, and the message may have come.
      if (!waiting.open) void subscription.cancel()
      else if (attached instanceof Promise) ready()
    }
  } catch (error) {
    waiting.reject(error)
  }
  try {
    return await waiting.promise
  } finally {
    waits.delete(waiting)
  }
}
