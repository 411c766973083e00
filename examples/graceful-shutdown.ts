// SIGTERM while there is work: one line, and the consumers finish it before the process ends by itself.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Broker } from 'leveret'

const broker = new Broker()
process.once('SIGTERM', () => void broker.close({ drain: true, timeout: 5_000 }))

const jobs = await broker.virtualHost('/').declareQueue<number>('jobs')
const finished: number[] = []
jobs.createConsumer().run(
  async ({ body }) => {
    await sleep(20)
    finished.push(body)
  },
  { concurrency: 4 },
)
for (let job = 1; job <= 20; job++) await jobs.send(job)

// Somebody stops the process.
console.log(`SIGTERM with ${finished.length} of 20 jobs finished`)
process.kill(process.pid, 'SIGTERM')
await once(process, 'SIGTERM')

// Closing again answers what the first close does.
const closed = await broker.close()
console.log(`closed with ${finished.length} finished, ${closed.requeued} given back, ${closed.dropped} dropped`)
assert.equal(finished.length, 20)
assert.equal(closed.requeued + closed.dropped, 0)
