// Real time, for brokers that live in another process.

export const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

const LIMIT = 4_000

/** Asks every few milliseconds; false when it was not so in time. */
export async function waitFor(condition: () => Promise<boolean> | boolean): Promise<boolean> {
  const start = Date.now()
  while (Date.now() - start < LIMIT) {
    if (await condition()) return true
    await sleep(15)
  }
  return false
}
