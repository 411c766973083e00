// A burst that is faster than its consumer: `block` keeps every message, and lets the producer wait for room.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Broker } from 'leveret'

const BURST = 2_000
const LIMIT = 100

const broker = new Broker()
const lines = await broker.virtualHost('/').declareQueue<number>('lines', { maxLength: LIMIT, overflow: 'block' })

const received: number[] = []
lines.createConsumer().run(async ({ body }) => {
  if (body % 50 === 0) await sleep(1)
  received.push(body)
})

let pauses = 0
let peak = 0
for (let line = 0; line < BURST; line++) {
  if (lines.publish(line)) continue
  pauses++
  peak = Math.max(peak, (await lines.stats()).ready)
  await lines.drained()
}
await broker.close({ drain: true })

console.log(`${BURST} messages through a queue of ${LIMIT}: ${pauses} pauses, never more than ${peak} waiting`)
assert.equal(received.length, BURST)
assert.ok(received.every((line, i) => line === i))
assert.ok(peak <= LIMIT + 1)
