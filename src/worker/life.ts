/**
 * Whether a thread of a browser lives. Nobody is told there that a worker has ended, by `terminate()` or by itself: so it
 * holds a lock of the Web Locks API for as long as it lives, and whoever serves it waits for that lock.
 */
import { host } from '../internal.js'

let held: Promise<string | undefined> | undefined

/** The name of the lock that this thread holds; undefined where there are none, as outside of a secure context. */
export function lockOfThread(): Promise<string | undefined> {
  held ??= new Promise((resolve) => {
    const locks = host.navigator?.locks
    if (locks === undefined) {
      resolve(undefined)
      return
    }
    const name = `leveret ${Math.random()}${Math.random()}`
    const hold = (): Promise<never> => {
      resolve(name)
      return new Promise(() => undefined)
    }
    // n.b. a sandboxed document is refused.
    locks.request(name, {}, hold).catch(() => resolve(undefined))
  })
  return held
}

/** Calls `listener` when the thread that holds this lock is gone. Answers what makes an end of the wait. */
export function whenFree(name: string | undefined, listener: () => void): () => void {
  const controller = new host.AbortController()
  if (name !== undefined) {
    const waited = host.navigator?.locks?.request(name, { signal: controller.signal }, listener)
    // n.b. it rejects when the wait is ended.
    waited?.catch(() => undefined)
  }
  return () => controller.abort()
}
