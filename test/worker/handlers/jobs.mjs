// What the tests of consumeInWorkers run: a job says what is to become of it.
import { threadId } from 'node:worker_threads'

export default async function handle({ body }, bus) {
  if (body.do === 'throw') throw new Error('not this time')
  if (body.do === 'exit') process.exit(3)
  if (body.do === 'crash') setImmediate(() => Promise.reject(new RangeError('nobody caught this')))
  if (body.do === 'crash') return new Promise(() => undefined)
  if (body.do === 'block') {
    await bus.queue('waiting').send(body.id)
    for (;;);
  }
  if (body.do === 'wait') {
    bus.queue('waiting').publish(body.id)
    const go = await bus.queue('go').get({ wait: true })
    if (go.body === 'exit') process.exit(3)
    go.ack()
  }
  await bus.queue('done').send({ id: body.id, threadId })
}
