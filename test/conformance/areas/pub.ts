// Publishing: checks, returns, CC and BCC, properties.
import { bodies, body, delivery, headers, properties } from '../look.js'
import { scenario } from '../scenario.js'

export const pub = [
  scenario('the first of several faults is told', ['PUB-01', 'PUB-02', 'PUB-04'], async (t) => {
    const [channel, x, inner, none] = [await t.channel(), t.name('x'), t.name('inner'), t.name('none')]
    await channel.assertExchange(x, 'direct')
    await channel.assertExchange(inner, 'direct', { internal: true })
    const reply = { replyTo: 'amq.rabbitmq.reply-to' }
    const user = { userId: 'somebody' }
    const expiration = { expiration: 'abc' }
    const cc = { headers: { CC: 'k' } }
    t.note(
      'PUB-02',
      'a missing exchange before all',
      await t.attempt((on) => t.publish(on, none, 'k', 'a', { ...reply, ...user, ...expiration, ...cc })),
    )
    t.note(
      'PUB-04',
      'an internal exchange',
      await t.attempt((on) => t.publish(on, inner, 'k', 'a', { ...reply, ...user, ...expiration, ...cc })),
    )
    t.note(
      'PUB-01',
      'reply-to',
      await t.attempt((on) => t.publish(on, x, 'k', 'a', { ...reply, ...user, ...expiration, ...cc })),
    )
    t.note('PUB-01', 'user', await t.attempt((on) => t.publish(on, x, 'k', 'a', { ...user, ...expiration, ...cc })))
    t.note('PUB-01', 'expiration', await t.attempt((on) => t.publish(on, x, 'k', 'a', { ...expiration, ...cc })))
    t.note('PUB-01', 'CC', await t.attempt((on) => t.publish(on, x, 'k', 'a', cc)))
    t.note(
      'PUB-02',
      'a missing exchange, mandatory',
      await t.attempt((on) => t.publish(on, none, 'k', 'a', { mandatory: true })),
    )
  }),

  scenario(
    'immediate is not implemented',
    ['PUB-03', 'CH-26'],
    async (t) => {
      const fields = {
        ticket: 0,
        exchange: t.name('none'),
        routingKey: 'k',
        mandatory: false,
        immediate: true,
        headers: {},
      }
      t.note('PUB-03', 'immediate', await t.attemptApart((on) => t.protocol.publish(on, fields, 'a')))
      const connection = await t.connect()
      const [channel, other] = [await t.channel(connection), await t.channel(connection)]
      await t.fate(channel, () => t.protocol.publish(channel, fields, 'a'))
      t.note('CH-26', 'the other channel is closed', t.isClosed(other))
    },
    { needs: ['protocol'] },
  ),

  scenario('what reaches no queue is dropped, or returned', ['PUB-05', 'PUB-06', 'PUB-07', 'CNF-04'], async (t) => {
    const [channel, x, y, full, brief] = [
      await t.confirmChannel(),
      t.name('x'),
      t.name('y'),
      t.name('full'),
      t.name('brief'),
    ]
    const returned: unknown[] = []
    channel.on('return', (message) => returned.push([message.fields, properties(message), body(message)]))
    await channel.assertExchange(x, 'direct')
    await channel.assertExchange(y, 'direct')
    await channel.bindExchange(y, x, 'dead end')
    t.note('CNF-04', 'not mandatory', await t.confirmed(channel, x, 'k', 'a'))
    t.note('PUB-05', 'returned', returned)
    const options = {
      mandatory: true,
      messageId: 'id',
      headers: { h: 1, deep: { er: [1, 'x'] } },
      priority: 3,
      CC: ['cc'],
      BCC: ['bcc'],
    }
    t.note('PUB-06', 'confirmed', await t.confirmed(channel, x, 'k', 'hello', options))
    t.note('PUB-06', 'returned', returned.splice(0))
    await t.confirmed(channel, x, 'dead end', 'b', { mandatory: true })
    t.note('PUB-06', 'by way of an exchange', returned.splice(0).length)
    t.note('PUB-06', 'the channel is open', !t.isClosed(channel))
    await channel.assertQueue(full, { maxLength: 0, overflow: 'reject-publish' })
    await channel.assertQueue(brief, { messageTtl: 0 })
    t.note('PUB-07', 'refused', await t.confirmed(channel, '', full, 'c', { mandatory: true }))
    t.note('PUB-07', 'expired', await t.confirmed(channel, '', brief, 'd', { mandatory: true }))
    t.note('PUB-07', 'returned', returned)
  }),

  scenario('CC and BCC are further keys', ['PUB-08', 'PUB-10', 'PUB-11', 'PUB-12'], async (t) => {
    const [channel, x, q, r, s] = [await t.channel(), t.name('x'), t.name('q'), t.name('r'), t.name('s')]
    await channel.assertExchange(x, 'direct')
    for (const [queue, key] of [
      [q, 'k1'],
      [r, 'k2'],
      [s, 'k3'],
    ] as const) {
      await channel.assertQueue(queue)
      await channel.bindQueue(queue, x, key)
    }
    t.publish(channel, x, 'k1', 'all', { CC: ['k2', 'k1'], BCC: ['k3', 'k2'] })
    for (const queue of [q, r, s]) {
      const messages = await t.take(queue, channel)
      t.note('PUB-08', 'copies', bodies(messages))
      t.note('PUB-10', 'headers', messages.map(headers))
      t.note(
        'PUB-11',
        'key',
        messages.map(({ fields }) => fields.routingKey),
      )
    }
    t.publish(channel, x, 'none', 'odd', { headers: { CC: [1, 'k2', true, null], cc: ['k1'], Bcc: ['k3'] } })
    for (const queue of [q, r, s]) t.note('PUB-08', 'elements that are no strings', await t.drain(queue, channel))
    t.publish(channel, '', q, 'default', { CC: [r], BCC: [s] })
    for (const queue of [q, r, s]) t.note('PUB-12', 'default exchange', await t.drain(queue, channel))
    for (const type of ['fanout', 'headers', 'topic']) {
      const y = t.name(type)
      await channel.assertExchange(y, type)
      await channel.bindQueue(q, y, 'k1', { h: 1 })
      await channel.bindQueue(r, y, 'k2', { h: 2 })
      t.publish(channel, y, 'k1', type, { CC: ['k2'], headers: { h: 1 } })
      t.note('PUB-12', type, [await t.drain(q, channel), await t.drain(r, channel)])
    }
  }),

  scenario('a CC or BCC that is no array is refused', ['PUB-09'], async (t) => {
    for (const key of ['CC', 'BCC'])
      for (const value of ['k', 1, { a: 1 }, null])
        t.note(
          'PUB-09',
          `${key}: ${JSON.stringify(value)}`,
          await t.attempt((on) => t.publish(on, 'amq.direct', 'k', 'a', { headers: { [key]: value } })),
        )
  }),

  scenario('an expiration is a whole number in a string', ['PUB-13'], async (t) => {
    const values = [
      'abc',
      '',
      '10x',
      '-1',
      '315360000001',
      '+10',
      ' 10',
      '10 ',
      '1.5',
      '0',
      '315360000000',
      '0x10',
      '1e3',
      '007',
    ]
    for (const expiration of values)
      t.note('PUB-13', expiration, await t.attempt((on) => t.publish(on, 'amq.direct', 'k', 'a', { expiration })))
  }),

  scenario('a user id is the connection’s user', ['PUB-14'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.publish(channel, '', q, 'mine', { userId: 'guest' })
    t.note('PUB-14', 'own', (await t.take(q, channel)).map(properties))
    t.note('PUB-14', 'another’s', await t.attempt((on) => t.publish(on, '', q, 'a', { userId: 'other' })))
    t.note('PUB-14', 'empty', await t.attempt((on) => t.publish(on, '', q, 'a', { userId: '' })))
  }),

  scenario('a delivery mode is 1 or 2', ['PUB-15', 'PUB-16'], async (t) => {
    const [channel, q, p] = [await t.channel(), t.name('q'), t.name('p')]
    await channel.assertQueue(q)
    await channel.assertQueue(p, { maxPriority: 10 })
    for (const deliveryMode of [1, 2]) t.publish(channel, '', q, 'a', { deliveryMode })
    t.publish(channel, '', q, 'absent')
    t.note('PUB-15', 'delivered', (await t.take(q, channel)).map(properties))
    for (const deliveryMode of [0, 3, 255])
      t.note('PUB-15', `${deliveryMode}`, await t.attempt((on) => t.publish(on, '', q, 'a', { deliveryMode })))
    t.publish(channel, '', p, 'high', { priority: 200 })
    const plain = t.name('plain')
    await channel.assertQueue(plain)
    t.publish(channel, '', plain, 'low', { priority: 1 })
    t.publish(channel, '', plain, 'high', { priority: 200 })
    t.note(
      'PUB-16',
      'clamped',
      (await t.take(p, channel)).map((each) => each.properties.priority),
    )
    t.note(
      'PUB-16',
      'no priority queue',
      (await t.take(plain, channel)).map((each) => [body(each), each.properties.priority]),
    )
  }),

  scenario('properties and headers are delivered as they came', ['PUB-17', 'PUB-18', 'PUB-21'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const all = {
      contentType: 'text/plain', contentEncoding: 'utf8', deliveryMode: 1, priority: 4, correlationId: 'c', replyTo: 'r',
      expiration: '60000', messageId: 'm', timestamp: 1234567890, type: 't', userId: 'guest', appId: 'a',
      headers: { z: 1, a: 2 },
    } // biome-ignore format: a table
    const fields = {
      t: true, b: { '!': 'int8', value: -5 }, B: { '!': 'uint8', value: 200 }, s: { '!': 'int16', value: -3000 },
      u: { '!': 'uint16', value: 60000 }, I: { '!': 'int32', value: -70000 }, i: { '!': 'uint32', value: 4_000_000_000 },
      l: { '!': 'int64', value: 5_000_000_000 }, f: { '!': 'float', value: 0.5 }, d: { '!': 'double', value: 2 }, e: 0.1,
      D: { '!': 'decimal', value: { places: 2, digits: 314 } }, S: 'text', A: [1, 'x', [true], null], T: { '!': 'timestamp', value: 1 },
      F: { deep: { er: 1 } }, V: null, x: Buffer.from([0, 255]), empty: '', ключ: 'значение',
    } // biome-ignore format: a table
    t.publish(channel, '', q, 'all', all)
    t.publish(channel, '', q, 'fields', { headers: fields })
    t.publish(channel, '', q, '')
    const [first, second, third] = await t.await(q, 3, channel)
    t.note('PUB-17', 'properties', first && properties(first))
    t.note('PUB-17', 'order of headers', first && Object.keys(headers(first)))
    t.note('PUB-17', 'field types', second && headers(second))
    t.note('PUB-18', 'empty body', third && [third.content.length, Buffer.isBuffer(third.content)])
    t.note('PUB-21', 'nothing was added', third && properties(third))
    t.note('PUB-21', 'absent ones', third && Object.keys(third.properties))
  }),

  scenario('a body of any size arrives whole', ['PUB-19', 'CH-16'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const sizes = [0, 1, 4095, 4096, 131_063, 131_064, 131_065, 1_000_000]
    for (const size of sizes) channel.sendToQueue(q, Buffer.alloc(size, size % 251))
    const arrived = await t.await(q, sizes.length, channel)
    t.note(
      'PUB-19',
      'sizes',
      arrived.map(({ content }) => content.length),
    )
    t.note(
      'CH-16',
      'whole',
      arrived.map(({ content }, i) => content.equals(Buffer.alloc(sizes[i] ?? 0, (sizes[i] ?? 0) % 251))),
    )
  }),

  scenario('each queue has a copy of its own', ['PUB-24', 'ACK-12'], async (t) => {
    const [channel, x, q, r] = [await t.channel(), t.name('x'), t.name('q'), t.name('r')]
    await channel.assertExchange(x, 'fanout')
    for (const each of [q, r]) {
      await channel.assertQueue(each)
      await channel.bindQueue(each, x, '')
    }
    t.publish(channel, x, '', 'a')
    channel.nack(await t.get(channel, q))
    t.note(
      'PUB-24',
      'requeued in one',
      [await t.take(q, channel), await t.take(r, channel)].map((each) => each.map(delivery)),
    )
    const [brief, long] = [t.name('brief'), t.name('long')]
    await channel.assertQueue(brief, { messageTtl: 0 })
    await channel.assertQueue(long)
    for (const each of [brief, long]) await channel.bindQueue(each, x, '')
    t.publish(channel, x, '', 'b')
    t.note('ACK-12', 'expired in one', [await t.drain(brief, channel), (await t.take(long, channel)).map(delivery)])
  }),

  scenario('an x-death of the client’s is history', ['PUB-25'], async (t) => {
    const [channel, q, dead] = [await t.channel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    await channel.assertQueue(q, { deadLetterExchange: '', deadLetterRoutingKey: dead })
    const die = async (headersOf: Record<string, unknown>) => {
      t.publish(channel, '', q, 'a', { headers: headersOf })
      channel.reject(await t.get(channel, q), false)
      const [letter] = await t.await(dead, 1)
      return letter === undefined ? {} : headers(letter)
    }
    const once = await die({})
    t.note('PUB-25', 'republished with its history', await die(once))
    t.note('PUB-25', 'no array', await die({ 'x-death': 'once' }))
  }),
]
