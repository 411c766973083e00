// A work queue whose jobs are tried again, a little later each time, and end in a dead-letter queue when they never work.
import assert from 'node:assert/strict'
import { Broker } from 'leveret'

interface Mail {
  readonly to: string
}

const broker = new Broker()
const bus = broker.virtualHost('/')
const mails = await bus.declareQueue<Mail>('mails', {
  retry: { attempts: 3, minDelay: 50, maxDelay: 1_000 },
  deadLetter: 'mails.dead',
})

const sending = mails.createConsumer()
sending.on('failed', (error, { body }) => console.log(`failed: ${body.to}, ${(error as Error).message}`))
// How the handler ends settles the message: it resolves = done, it throws = try again.
sending.run(
  async ({ body, redelivered }) => {
    if (body.to === 'flaky@example.com' && !redelivered) throw new Error('the mail server is busy')
    if (body.to === 'nobody@example.com') throw new Error('no such mailbox')
    console.log(`sent:   ${body.to}`)
  },
  { concurrency: 2 },
)

for (const to of ['ada@example.com', 'flaky@example.com', 'nobody@example.com']) await mails.send({ to })

const dead = await bus.queue<Mail>('mails.dead').get({ wait: true, timeout: 2_000 })
console.log(
  `dead:   ${dead.body.to}, ${dead.headers['x-first-death-reason']} of ${dead.headers['x-first-death-queue']}`,
)
assert.equal(dead.body.to, 'nobody@example.com')
assert.equal((await mails.stats()).acked, 2)
dead.ack()
await broker.close({ drain: true })
