/** Queues as declared things: names, equivalence, ownership, ends. */
import { expect } from 'vitest'
import { onEveryEngine } from './engines.js'
import { collect, drain, errorOf, hasQueue, sendAll, take, upTo } from './helpers.js'

const locked = {
  code: 'RESOURCE_LOCKED',
  replyCode: 405,
  replyText:
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared " +
    'on another connection or the exclusive property value does not match that of the original declaration.',
}

onEveryEngine('queues', (scenario) => {
  scenario('get a name from the broker when they are declared without one', async ({ bus }) => {
    //
    const [one, two] = [await bus.declareQueue(), await bus.declareQueue({ exclusive: true })]
    expect(one.name).toMatch(/^amq\.gen-[A-Za-z0-9_-]{22}$/)
    expect(two.name).not.toBe(one.name)
    await one.send(1)
    expect(await drain(one)).toEqual([1])
  })

  scenario('cannot be declared by a name that begins with amq., not even by the one they got', async ({ bus }) => {
    //
    const { name } = await bus.declareQueue()
    for (const reserved of [name, 'amq.mine']) {
      expect(await errorOf(() => bus.declareQueue(reserved))).toMatchObject({
        code: 'ACCESS_REFUSED',
        replyText: `ACCESS_REFUSED - queue name '${reserved}' contains reserved prefix 'amq.*'`,
      })
    }
    expect(await bus.queue(name).info()).toMatchObject({ name })
  })

  scenario('take any other name, and lose line breaks from it', async ({ bus }) => {
    // GEN-06, GEN-07
    expect((await bus.declareQueue('héllo wörld/π')).name).toBe('héllo wörld/π')
    expect((await bus.declareQueue('a\nb\r')).name).toBe('ab')
    expect(await hasQueue(bus, 'ab')).toBe(true)
  })

  scenario('are declared again when they are declared alike, raw or by option', async ({ bus }) => {
    await bus.declareQueue('q', { type: 'classic', maxLength: 5, deadLetterExchange: 'x' })
    await bus.declareQueue('q', { arguments: { 'x-dead-letter-exchange': 'x', 'x-max-length': 5 } })
    await bus.declareQueue('mine', { exclusive: true, durable: true })
    await bus.declareQueue('mine', { exclusive: true, durable: false })
  })

  for (const [what, options, text] of [
    [
      'durability',
      { maxLength: 5, durable: false },
      "'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'",
    ],
    [
      'auto-delete',
      { maxLength: 5, autoDelete: true },
      "'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'",
    ],
    [
      'value of an argument',
      { maxLength: 10 },
      "'x-max-length' for queue 'q' in vhost '/': received '10' but current is '5'",
    ],
    [
      'argument less',
      {},
      "'x-max-length' for queue 'q' in vhost '/': received none but current is the value '5' of type 'byte'",
    ],
    [
      'argument more',
      { maxLength: 5, deadLetterExchange: 'a' },
      "'x-dead-letter-exchange' for queue 'q' in vhost '/': received the value 'a' of type 'longstr' but current is none",
    ],
    [
      'type',
      { maxLength: 5, type: 'quorum' },
      "'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none",
    ],
    [
      'wrong value of an argument',
      { maxLength: 5, expires: 0 },
      "'x-expires' for queue 'q' in vhost '/': received the value '0' of type 'byte' but current is none",
    ],
  ] as const) {
    scenario(`refuse to be declared again with another ${what}`, async ({ bus }) => {
      //
      await bus.declareQueue('q', { maxLength: 5 })
      expect(await errorOf(() => bus.declareQueue('q', options))).toMatchObject({
        code: 'PRECONDITION_FAILED',
        replyCode: 406,
        replyText: `PRECONDITION_FAILED - inequivalent arg ${text}`,
      })
    })
  }

  scenario('look at ownership before durability, auto-delete before arguments', async ({ bus }) => {
    //
    await bus.declareQueue('q')
    const all = { exclusive: true, durable: false, autoDelete: true, maxLength: 1 }
    expect(await errorOf(() => bus.declareQueue('q', all))).toMatchObject(locked)
    expect(await errorOf(() => bus.declareQueue('q', { ...all, exclusive: false }))).toMatchObject({
      replyText: expect.stringContaining("'durable'"),
    })
    expect(await errorOf(() => bus.declareQueue('q', { autoDelete: true, maxLength: 1 }))).toMatchObject({
      replyText: expect.stringContaining("'auto_delete'"),
    })
  })

  scenario('that are exclusive serve every handle of their bus, and of no other', async ({ bus, connect }) => {
    //
    const other = await connect()
    await bus.declareExchange('x', 'fanout')
    const queue = await bus.declareQueue('q', { exclusive: true, bindings: [bus.exchange('x').key('')] })
    const theirs = other.queue('q')
    for (const call of [
      () => other.declareQueue('q'),
      () => other.declareQueue('q', { exclusive: true }),
      () => theirs.info(),
      () => theirs.get(),
      () => theirs.createConsumer()[Symbol.asyncIterator]().next(),
      () => theirs.purge(),
      () => theirs.delete(),
      () => theirs.bind('x', 'k'),
      () => theirs.unbind('x', ''),
    ]) {
      expect(await errorOf(call)).toMatchObject(locked)
    }
    expect(await errorOf(() => bus.declareQueue('q'))).toMatchObject(locked)
    await theirs.send('by name')
    await other.exchange('x').send('', 'by exchange')
    expect(await drain(bus.queue('q'))).toEqual(['by name', 'by exchange'])
    await queue.createConsumer().close()
  })

  scenario('that are exclusive go with their bus, at once', async ({ bus, connect }) => {
    //
    const other = await connect()
    const queue = await other.declareQueue('q', { exclusive: true })
    const consumer = queue.createConsumer().consume(() => undefined)
    await consumer.close()
    await queue.close()
    expect(await errorOf(() => bus.queue('q').info())).toMatchObject(locked)
    await other.close()
    expect(await hasQueue(bus, 'q')).toBe(false)
  })

  scenario('that are auto-delete go with their last consumer, and only then', async ({ bus }) => {
    // Q-17, CON-23
    const queue = await bus.declareQueue('q', { autoDelete: true, deadLetter: 'dead' })
    await sendAll(queue, [1, 2])
    ;(await take(queue)).ack()
    expect(await hasQueue(bus, 'q')).toBe(true)
    const [one, two] = [queue.createConsumer(), queue.createConsumer()]
    collect(one)
    collect(two)
    await one.close()
    expect(await hasQueue(bus, 'q')).toBe(true)
    await two.cancel()
    expect(await hasQueue(bus, 'q')).toBe(false)
    expect(await drain(bus.queue('dead'))).toEqual([]) // DLX-01, Q-18
  })

  scenario('answer ready messages and consumers to a look at them', async ({ bus }) => {
    //
    const queue = await bus.declareQueue('q')
    await sendAll(queue, [1, 2, 3])
    await take(queue)
    queue.createConsumer({ prefetch: 1 }).consume(() => undefined)
    expect(await queue.info()).toEqual({ name: 'q', messageCount: 1, consumerCount: 1 })
    expect(await errorOf(() => bus.queue('none').info())).toMatchObject({
      code: 'NOT_FOUND',
      replyCode: 404,
      replyText: "NOT_FOUND - no queue 'none' in vhost '/'",
    })
  })

  scenario('are deleted with what is ready, and more than once', async ({ bus }) => {
    //
    const queue = await bus.declareQueue('q', { deadLetter: 'dead' })
    await sendAll(queue, [1, 2, 3])
    const out = await take(queue)
    expect(await queue.delete()).toBe(2)
    expect(await queue.delete()).toBe(0)
    expect(out.settled).toBe('lost')
    out.ack() // Q-24, ACK-16
    expect(await drain(bus.queue('dead'))).toEqual([])
  })

  scenario('are deleted only without consumers or ready messages when that was asked', async ({ bus }) => {
    //
    const queue = await bus.declareQueue('q')
    await queue.send(1)
    const consumer = queue.createConsumer({ prefetch: 1 }).on('cancelled', () => undefined)
    const inUse = { replyCode: 406, replyText: "PRECONDITION_FAILED - queue 'q' in vhost '/' in use" }
    const notEmpty = { replyCode: 406, replyText: "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty" }
    expect(await errorOf(() => queue.delete({ ifEmpty: true }))).toMatchObject(notEmpty)
    consumer.consume(() => undefined)
    expect(await errorOf(() => queue.delete({ ifUnused: true }))).toMatchObject(inUse)
    await queue.send(2)
    expect(await errorOf(() => queue.delete({ ifUnused: true, ifEmpty: true }))).toMatchObject(notEmpty)
    await queue.purge()
    await queue.delete({ ifEmpty: true }) // an unacknowledged message does not count
    expect(await hasQueue(bus, 'q')).toBe(false)
  })

  for (const option of ['ifUnused', 'ifEmpty'] as const) {
    scenario(`of type quorum refuse a deletion with ${option}`, async ({ bus }) => {
      // QQ-02
      const queue = await bus.declareQueue('q', { type: 'quorum' })
      const flag = option === 'ifUnused' ? 'if-unused' : 'if-empty'
      expect(await errorOf(() => queue.delete({ [option]: true }))).toMatchObject({
        code: 'NOT_IMPLEMENTED',
        replyCode: 540,
        replyText:
          `NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. queue.delete operations with ${flag} flag set are ` +
          'not supported by quorum queues',
      })
      expect(await hasQueue(bus, 'q')).toBe(true)
    })
  }

  scenario('are purged of what is ready, not of what is out', async ({ bus }) => {
    // Q-25, PRI-05
    const queue = await bus.declareQueue('q', { maxPriority: 5, deadLetter: 'dead' })
    await sendAll(queue, upTo(4))
    await queue.send(5, { priority: 3 })
    const out = await take(queue)
    expect(await queue.purge()).toBe(4)
    out.requeue()
    expect(await take(queue)).toMatchObject({ body: 5, redelivered: true })
    expect(await drain(bus.queue('dead'))).toEqual([])
    expect(await errorOf(() => bus.queue('none').purge())).toMatchObject({ code: 'NOT_FOUND' })
  })

  scenario('are born with their bindings, and the queue for their dead letters', async ({ bus }) => {
    const exchange = await bus.declareExchange('x', 'topic')
    const queue = await bus.declareQueue('q', {
      bindings: [exchange.key('a.*'), exchange.key('b.#')],
      deadLetter: 'dead',
    })
    for (const key of ['a.b', 'b', 'c']) await exchange.send(key, key)
    for (const body of ['a.b', 'b']) {
      const delivery = await take(queue)
      expect(delivery.body).toBe(body)
      delivery.reject()
    }
    expect(await drain(bus.queue('dead'))).toEqual(['a.b', 'b'])
    await bus.declareQueue('other', { deadLetter: 'dead' })
  })

  scenario('of type quorum are durable, shared, kept and named', async ({ bus }) => {
    // QQ-01, Q-03
    for (const [property, options] of [
      ['non-durable', { durable: false }],
      ['auto-delete', { autoDelete: true }],
      ['exclusive-owner', { exclusive: true }],
    ] as const) {
      expect(await errorOf(() => bus.declareQueue('q', { type: 'quorum', ...options }))).toMatchObject({
        replyCode: 406,
        replyText: `PRECONDITION_FAILED - invalid property '${property}' for queue 'q' in vhost '/'`,
      })
    }
    expect(await errorOf(() => bus.declareQueue('', { type: 'quorum' }))).toMatchObject({
      replyText: 'PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue',
    })
  })
})
