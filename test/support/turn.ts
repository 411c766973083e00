/** Waiting without sleeping: turns of the event loop. */
import { setImmediate } from 'node:timers/promises'

/** Lets everything that is due without time passing happen: microtasks, and what they put off to a later turn. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await setImmediate()
}

/** Lets the event loop turn until the condition holds; fails when it does not within many turns. */
export async function until(condition: () => boolean, what = condition.toString()): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    if (condition()) return
    await setImmediate()
  }
  throw new Error(`never became true: ${what}`)
}
