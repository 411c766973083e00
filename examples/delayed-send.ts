// Messages for later: the broker holds each for its delay and then routes it.
import assert from 'node:assert/strict'
import { Broker } from 'leveret'

const broker = new Broker()
const reminders = await broker.virtualHost('/').declareQueue<string>('reminders')
const started = performance.now()

await reminders.send('tea is ready', { delay: 300 })
await reminders.send('water boils', { delay: 100 })
await reminders.send('put the kettle on')

const heard: string[] = []
for await (const reminder of reminders.createConsumer()) {
  const after = Math.round(performance.now() - started)
  console.log(`after ${String(after).padStart(3)} ms: ${reminder.body}`)
  heard.push(reminder.body)
  reminder.ack()
  if (heard.length === 3) break
}

assert.deepEqual(heard, ['put the kettle on', 'water boils', 'tea is ready'])
assert.ok(performance.now() - started >= 300)
await broker.close()
