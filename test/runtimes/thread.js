// The other thread of smoke.js: a bus over its port, in plain JavaScript and with nothing but what Node and browsers share.
import { connect } from 'leveret/worker'

const parent = globalThis.process?.getBuiltinModule('node:worker_threads').parentPort ?? globalThis

async function main(port) {
  const bus = await connect(port)
  const results = bus.queue('results')
  const double = await bus.declareQueue('double', { exclusive: true })
  double.respond((n) => {
    if (typeof n !== 'number') throw new TypeError('no number')
    return n * 2
  })
  const jobs = await bus.declareQueue('jobs')
  jobs.createConsumer({ prefetch: 50 }).run(({ body }) => results.send(body))
  const held = await bus.declareQueue('held')
  await results.send('ready')
  held.createConsumer().consume(({ body }) => results.publish(`holding ${body}`))
}

// By the port that was posted here, or by the one to whoever started this thread.
parent.addEventListener('message', ({ data }) => {
  if (data.port !== undefined) void main(data.port)
  if (data === 'connect') void main(parent)
})
