/** What scenarios do again and again. */
import type { Bus, Consumer, Delivery, MessageProperties, Queue } from 'leveret'
import { expect } from 'vitest'

/** Takes every ready message by `get` and acknowledges it; answers the bodies in order. */
export async function drain<Body, Input>(queue: Queue<Body, unknown, Input>): Promise<Body[]> {
  return (await takeAll(queue)).map((delivery) => {
    delivery.ack()
    return delivery.body
  })
}

/** Takes every ready message by `get`, and settles none. */
export async function takeAll<Body, Input>(queue: Queue<Body, unknown, Input>): Promise<Delivery<Body>[]> {
  const taken: Delivery<Body>[] = []
  for (let next = await queue.get(); next !== undefined; next = await queue.get()) taken.push(next)
  return taken
}

/** The next message; fails when there is none. */
export async function take<Body, Input>(queue: Queue<Body, unknown, Input>): Promise<Delivery<Body>> {
  const delivery = await queue.get()
  expect(delivery, `a message in queue '${queue.name}'`).toBeDefined()
  return delivery as Delivery<Body>
}

/** A consumer that keeps what it gets. */
export function collect<Body>(consumer: Consumer<Body>, then?: (delivery: Delivery<Body>) => void): Delivery<Body>[] {
  const got: Delivery<Body>[] = []
  consumer.consume((delivery) => {
    got.push(delivery)
    then?.(delivery)
  })
  return got
}

/** The bodies of deliveries. */
export function bodies<Body>(deliveries: readonly Delivery<Body>[]): Body[] {
  return deliveries.map((delivery) => delivery.body)
}

/** Sends numbers, or other bodies, one after another. */
export async function sendAll<Body>(
  queue: Queue<Body>,
  all: readonly Body[],
  options?: MessageProperties,
): Promise<void> {
  for (const body of all) await queue.send(body, options)
}

/** True when a queue of this name exists. */
export async function hasQueue(bus: Bus, name: string): Promise<boolean> {
  try {
    await bus.queue(name).info()
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'NOT_FOUND' })
    return false
  }
}

/** The error that a call throws or rejects with; fails when it does neither. */
export async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error(`expected ${call.toString()} to fail`)
}

/** Numbers from 1 to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}
