// What must work wherever JavaScript runs: the built package through one day's work, in plain JavaScript and with
// nothing but what Node and browsers share. Run by test/runtimes/run.ts, which says where and what `leveret` stands for.
import {
  AbortError,
  Broker,
  ConsumerCancelledError,
  NotFoundError,
  RemoteError,
  TimeoutError,
  UnroutableError,
} from 'leveret'
import { serve } from 'leveret/worker'

const CASE_LIMIT = 10_000

class Skip extends Error {}

const cases = new Map()
/** Adds a case; it gets a bus of a broker that is closed after it. */
const test = (name, act, options = {}) => cases.set(name, { act, options })

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function same(actual, expected) {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`)
}

async function rejects(promise, type) {
  try {
    await promise
  } catch (error) {
    if (error instanceof type) return error
    throw new Error(`expected ${type.name}, got ${error}`)
  }
  throw new Error(`expected ${type.name}, got no error`)
}

async function bodies(queue) {
  const found = []
  for (let delivery = await queue.get(); delivery !== undefined; delivery = await queue.get()) {
    found.push(delivery.body)
    delivery.ack()
  }
  return found
}

test('routes by every type of exchange', async (bus) => {
  const table = [
    [
      'direct',
      ['a', undefined],
      [
        ['a', 1],
        ['b', 2],
      ],
      [1],
    ],
    [
      'fanout',
      ['', undefined],
      [
        ['a', 1],
        ['b', 2],
      ],
      [1, 2],
    ],
    [
      'topic',
      ['a.*.#', undefined],
      [
        ['a.b', 1],
        ['a.b.c', 2],
        ['a', 3],
      ],
      [1, 2],
    ],
    [
      'headers',
      ['', { 'x-match': 'any', h: 1 }],
      [
        ['a', 1, { headers: { h: 1 } }],
        ['a', 2],
      ],
      [1],
    ],
  ]
  for (const [type, [pattern, args], sends, expected] of table) {
    const exchange = await bus.declareExchange(`of ${type}`, type)
    const queue = await bus.declareQueue(`by ${type}`, { bindings: [exchange.key(pattern, args)] })
    for (const [key, body, options] of sends) await exchange.send(key, body, options)
    same(await bodies(queue), expected)
  }
})

test('goes from exchange to exchange, and to the alternate one', async (bus) => {
  const lost = await bus.declareExchange('lost', 'fanout')
  const events = await bus.declareExchange('events', 'topic', { alternateExchange: 'lost' })
  const bills = await bus.declareExchange('bills', 'direct')
  await bills.bind(events.key('bill.#'))
  const late = await bus.declareQueue('late', { bindings: [bills.key('bill.late')] })
  const rest = await bus.declareQueue('rest', { bindings: [lost.key('')] })
  await events.send('bill.late', 1)
  await events.send('user.new', 2)
  same([await bodies(late), await bodies(rest)], [[1], [2]])
})

test('returns a mandatory message that reaches no queue, and names what is missing', async (bus) => {
  await rejects(bus.queue('nowhere').send(1, { mandatory: true }), UnroutableError)
  const error = await rejects(bus.exchange('nowhere').send('', 1), NotFoundError)
  same([error.code, error.replyCode], ['NOT_FOUND', 404])
})

test('consumes by for await, and gives back what was not handed over', async (bus) => {
  const queue = await bus.declareQueue('jobs')
  for (let id = 1; id <= 5; id++) await queue.send({ id })
  const seen = []
  for await (const delivery of queue.createConsumer({ prefetch: 5 })) {
    seen.push(delivery.body.id)
    delivery.ack()
    if (seen.length === 2) break
  }
  same(
    [seen, await bodies(queue)],
    [
      [1, 2],
      [{ id: 3 }, { id: 4 }, { id: 5 }],
    ],
  )
})

test('consumes by callback', async (bus) => {
  const queue = await bus.declareQueue('jobs')
  let left = 1_000
  await new Promise((resolve) => {
    queue.createConsumer().consume((delivery) => {
      delivery.ack()
      if (--left === 0) resolve()
    })
    for (let i = 0; i < 1_000; i++) queue.publish(i)
  })
  same((await queue.stats()).acked, 1_000)
})

test('runs handlers, so many at once, those of one key in order', async (bus, broker) => {
  const queue = await bus.declareQueue('jobs')
  let [running, most] = [0, 0]
  const order = []
  queue.createConsumer({ prefetch: 20 }).run(
    async ({ body }) => {
      most = Math.max(most, ++running)
      await sleep(body.ms)
      order.push(body.key + body.ms)
      running--
    },
    { concurrency: 3, orderBy: ({ body }) => body.key },
  )
  for (const [key, ms] of [
    ['a', 20],
    ['a', 1],
    ['b', 5],
    ['c', 5],
    ['d', 5],
  ])
    await queue.send({ key, ms })
  await broker.close({ drain: true })
  same([most, order.filter((name) => name[0] === 'a')], [3, ['a20', 'a1']])
})

test('retries with backoff, then dead-letters', async (bus) => {
  const queue = await bus.declareQueue('mails', { retry: { attempts: 3, minDelay: 10 }, deadLetter: 'dead' })
  const failed = []
  const start = performance.now()
  const consumer = queue.createConsumer().run(() => {
    throw new Error('no route')
  })
  consumer.on('failed', (_error, { deliveryCount }) => failed.push(deliveryCount))
  await queue.send('a')
  const dead = await bus.queue('dead').get({ wait: true, timeout: 5_000 })
  dead.ack()
  same([failed, dead.body, dead.headers['x-first-death-reason']], [[0, 1, 2], 'a', 'delivery_limit'])
  if (performance.now() - start < 25) throw new Error('expected a wait of 10 ms and one of 20 ms')
})

test('expires messages by themselves, into dead letters', async (bus) => {
  const dead = await bus.declareQueue('dead')
  const queue = await bus.declareQueue('short', { messageTtl: 20, deadLetter: 'dead' })
  await queue.send(1)
  const delivery = await dead.get({ wait: true, timeout: 5_000 })
  delivery.ack()
  same([delivery.body, delivery.headers['x-death'][0].reason], [1, 'expired'])
})

test('dead-letters what is rejected, with its history', async (bus) => {
  const queue = await bus.declareQueue('jobs', { deadLetter: 'dead' })
  await queue.send(1)
  const first = await queue.get()
  first.reject()
  const dead = await bus.queue('dead').get({ wait: true, timeout: 5_000 })
  dead.ack()
  const [{ count, reason, queue: name }] = dead.headers['x-death']
  same([count, reason, name], [1, 'rejected', 'jobs'])
})

test('waits for one message, for so long, or until aborted', async (bus) => {
  const queue = await bus.declareQueue('jobs')
  const waiting = queue.get({ wait: true })
  await queue.send(1)
  const delivery = await waiting
  delivery.ack()
  same(delivery.body, 1)
  await rejects(queue.get({ wait: true, timeout: 10 }), TimeoutError)
  const controller = new AbortController()
  const aborted = rejects(queue.get({ wait: true, signal: controller.signal }), AbortError)
  controller.abort()
  await aborted
})

test('ends a loop by an AbortSignal', async (bus) => {
  const queue = await bus.declareQueue('jobs')
  const controller = new AbortController()
  const loop = async () => {
    for await (const delivery of queue.createConsumer({ signal: controller.signal })) delivery.ack()
  }
  const ended = rejects(loop(), AbortError)
  await queue.send(1)
  await sleep(5)
  controller.abort()
  await ended
  same((await queue.stats()).acked, 1)
})

test('ends a loop with an error when its queue is deleted', async (bus) => {
  const queue = await bus.declareQueue('jobs')
  const loop = async () => {
    for await (const delivery of queue.createConsumer()) delivery.ack()
  }
  const ended = rejects(loop(), ConsumerCancelledError)
  await sleep(1)
  await queue.delete()
  await ended
})

test('makes a sender wait while a queue is full', async (bus, broker) => {
  const queue = await bus.declareQueue('lines', { maxLength: 10, overflow: 'block' })
  let [written, most] = [0, 0]
  queue.createConsumer().run(async () => void written++)
  for (let n = 0; n < 200; n++) {
    await queue.send(n)
    most = Math.max(most, (await queue.info()).messageCount)
  }
  await broker.close({ drain: true })
  same([written, most <= 11], [200, true])
})

test('drains what is there when it closes', async (bus, broker) => {
  const queue = await bus.declareQueue('jobs')
  const done = []
  for (let id = 1; id <= 3; id++) await queue.send(id)
  queue.createConsumer().run(async ({ body }) => {
    await sleep(5)
    done.push(body)
  })
  const report = await broker.close({ drain: true })
  same([done, report], [[1, 2, 3], { finished: 3, requeued: 0, dropped: 0 }])
})

test('holds a delayed send until it is due', async (bus) => {
  const queue = await bus.declareQueue('reminders')
  const start = performance.now()
  await queue.send('later', { delay: 40 })
  await queue.send('now')
  const order = []
  for await (const delivery of queue.createConsumer()) {
    order.push(delivery.body)
    delivery.ack()
    if (order.length === 2) break
  }
  same([order, performance.now() - start >= 35], [['now', 'later'], true])
})

/** Works until the event loop has had so many turns; a loop that never gives it one would work on. */
async function workFor(turns, work) {
  let had = 0
  const tick = () => {
    if (++had < turns) setTimeout(tick, 1)
  }
  setTimeout(tick, 1)
  for (let rounds = 0; had < turns; rounds++) {
    if (rounds === 2_000_000)
      throw new Error(`expected ${turns} turns of the event loop in ${rounds} rounds, got ${had}`)
    await work()
  }
}

test('leaves the event loop its turns in a loop of sends and in one of publishes', async (bus) => {
  const queue = await bus.declareQueue('jobs', { maxLength: 100 })
  queue.createConsumer().consume((delivery) => delivery.ack())
  await workFor(20, () => queue.send(1))
  await workFor(20, async () => {
    while (queue.publish(1));
    await queue.drained()
  })
})

test(
  'copies bodies by structured clone',
  async (bus) => {
    const queue = await bus.declareQueue('jobs')
    const sent = { at: new Date(0), tags: new Set(['a']), bytes: new Uint8Array([1, 2]) }
    await queue.send(sent)
    sent.tags.add('b')
    const { body } = await queue.get({ noAck: true })
    same([body === sent, body.at.getTime(), [...body.tags], [...body.bytes]], [false, 0, ['a'], [1, 2]])
  },
  { bodies: 'clone' },
)

test(
  'encodes bodies as a wire does',
  async (bus) => {
    const queue = await bus.declareQueue('jobs')
    for (const body of [{ at: new Date(0) }, 'żółw', new Uint8Array([1, 2])]) await queue.send(body)
    const [object, text, bytes] = await bodies(queue)
    same([object, text, [...bytes]], [{ at: '1970-01-01T00:00:00.000Z' }, 'żółw', [1, 2]])
  },
  { bodies: 'encoded' },
)

test('becomes a ReadableStream', async (bus) => {
  if (typeof ReadableStream !== 'function' || ReadableStream.from === undefined)
    throw new Skip('no ReadableStream.from')
  const queue = await bus.declareQueue('jobs')
  for (let id = 1; id <= 3; id++) await queue.send(id)
  const reader = ReadableStream.from(queue.createConsumer()).getReader()
  const seen = []
  while (seen.length < 3) {
    const { value } = await reader.read()
    seen.push(value.body)
    value.ack()
  }
  await reader.cancel()
  same([seen, (await queue.stats()).unacked], [[1, 2, 3], 0])
})

test('is the end of a WritableStream', async (bus) => {
  if (typeof WritableStream !== 'function') throw new Skip('no WritableStream')
  const queue = await bus.declareQueue('jobs')
  const writer = queue.producer.writable().getWriter()
  for (let id = 1; id <= 3; id++) await writer.write(id)
  await writer.close()
  same(await bodies(queue), [1, 2, 3])
})

test('answers requests, in one reply or in many', async (bus) => {
  const double = await bus.declareQueue('double')
  double.respond(async (n) => n * 2)
  same(await Promise.all([1, 2, 3].map((n) => double.request(n, { timeout: 5_000 }))), [2, 4, 6])
  const count = await bus.declareQueue('count')
  count.respond(async function* (n) {
    for (let i = 1; i <= n; i++) yield i
  })
  const parts = []
  for await (const part of count.requestMany(3)) parts.push(part)
  same(parts, [1, 2, 3])
  const failing = await bus.declareQueue('failing')
  failing.respond(() => {
    throw new RangeError('too far')
  })
  const error = await rejects(failing.request(1), RemoteError)
  same(error.cause.message, 'too far')
  await rejects((await bus.declareQueue('nobody')).request(1, { timeout: 10 }), TimeoutError)
})

test('hands over batches, when they are full or have lingered', async (bus, broker) => {
  const queue = await bus.declareQueue('rows')
  const sizes = []
  for (let id = 1; id <= 5; id++) await queue.send(id)
  const batches = queue.createConsumer().batches({ size: 4, linger: 10 })
  batches.run(async (batch) => void sizes.push(batch.bodies.length))
  await broker.close({ drain: true })
  same(sizes, [4, 1])
})

/** Another thread, which runs thread.js: a Worker of Node or of the browser. */
function startThread() {
  const node = globalThis.process?.getBuiltinModule('node:worker_threads')
  // n.b. it lies beside this file, under the like name.
  return node === undefined ? new Worker('/thread.js') : new node.Worker(process.argv[1].replace('smoke', 'thread'))
}

test('serves another thread, which declares, sends, consumes and answers', async (bus, broker) => {
  const thread = startThread()
  const results = await bus.declareQueue('results')
  const served = serve(broker, thread)
  thread.postMessage('connect')
  const ready = await results.get({ wait: true })
  ready.ack()
  same(ready.body, 'ready')
  same(await bus.queue('double').request(21, { timeout: 5_000 }), 42)
  const error = await rejects(bus.queue('double').request('x'), RemoteError)
  same([error.cause.name, error.cause.message], ['TypeError', 'no number'])
  for (let n = 1; n <= 300; n++) await bus.queue('jobs').send({ n, at: new Date(n), bytes: new Uint8Array([n]) })
  for (let n = 1; n <= 300; n++) {
    const result = await results.get({ wait: true, timeout: 5_000 })
    result.ack()
    const { body } = result
    same([body.n, body.at.getTime(), ...body.bytes], [n, n, n % 256])
  }
  await bus.queue('double').request(1)
  same((await bus.queue('jobs').stats()).acked, 300)
  served.close()
  await thread.terminate()
})

test('gets back at once, and flagged, what a thread held that is terminated', async (bus, broker) => {
  const thread = startThread()
  const results = await bus.declareQueue('results')
  const held = await bus.declareQueue('held')
  // n.b. any port will do.
  const { port1, port2 } = new MessageChannel()
  const served = serve(broker, port1)
  thread.postMessage({ port: port2 }, [port2])
  await held.send('kept')
  for (const said of ['ready', 'holding kept']) {
    const delivery = await results.get({ wait: true })
    delivery.ack()
    same(delivery.body, said)
  }
  same([(await held.stats()).unacked, served.connected], [1, true])
  const back = held.get({ wait: true, timeout: 5_000 })
  await thread.terminate()
  const { body, redelivered } = await back
  same([body, redelivered, served.connected], ['kept', true, false])
  same(
    bus.queues().map(({ name }) => name),
    ['results', 'held', 'jobs'],
  )
  port1.close()
})

test('says what is misspelt', async (bus) => {
  try {
    await bus.declareQueue('jobs', { maxLenght: 1 })
  } catch (error) {
    return same([error.code, error.message.includes("'maxLength'")], ['UNKNOWN_OPTION', true])
  }
  throw new Error('expected an error')
})

async function perform({ act, options }) {
  const broker = new Broker(options)
  let timer
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still at it after ${CASE_LIMIT} ms`)), CASE_LIMIT)
  })
  try {
    await Promise.race([act(broker.virtualHost('/'), broker), limit])
  } finally {
    clearTimeout(timer)
    await broker.close({ timeout: 100 })
  }
}

async function main() {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const lines = []
  for (const [name, each] of cases) {
    try {
      await perform(each)
      counts.passed++
    } catch (error) {
      const skipped = error instanceof Skip
      counts[skipped ? 'skipped' : 'failed']++
      lines.push(skipped ? `skipped: ${name}: ${error.message}` : `FAILED: ${name}: ${error?.stack ?? error}`)
    }
  }
  lines.push(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  console.log(lines.join('\n'))
  if (globalThis.process !== undefined && counts.failed > 0) globalThis.process.exitCode = 1
  return lines.join('\n')
}

/** What browsers wait for; in Node the output and the exit code say it all. */
globalThis.smoke = main()
