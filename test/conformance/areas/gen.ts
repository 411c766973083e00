// What cuts across methods: codes, texts, names, the current queue, order.
import { scenario } from '../scenario.js'

export const gen = [
  scenario('a code says what dies, whatever the method', ['GEN-01', 'GEN-02', 'GEN-03', 'CH-26'], async (t) => {
    const [connection, q, x] = [await t.connect(), t.name('q'), t.name('x')]
    const other = await t.channel(connection)
    await other.assertQueue(q)
    const missing = await t.attempt((channel) => channel.checkQueue(t.name('none')), connection)
    t.note('GEN-01', '404', missing)
    t.note('GEN-03', 'no such exchange', await t.attempt((channel) => channel.checkExchange(x), connection))
    t.note('GEN-01', '406', await t.attempt((channel) => channel.assertQueue(q, { durable: false }), connection))
    t.note('GEN-01', '403', await t.attempt((channel) => channel.deleteExchange('amq.direct'), connection))
    t.note('GEN-01', 'the connection lives', !t.isClosed(other))
    const long = 'k'.repeat(200)
    t.note('GEN-02', 'a long text is cut', await t.attempt((channel) => channel.checkQueue(`${q}${long}`), connection))
    const fate = await t.attempt((channel) => channel.assertExchange(x, 'nope'), connection)
    t.note('GEN-01', 'a hard code', fate)
    t.note('CH-26', 'the other channel died with the connection', t.isClosed(other))
  }),

  scenario('after its close the rest of a channel is discarded', ['GEN-04', 'GEN-05', 'PUB-02'], async (t) => {
    const [channel, q, x] = [await t.channel(), t.name('q'), t.name('x')]
    const tail: Promise<unknown>[] = []
    const fate = await t.fate(channel, async () => {
      t.publish(channel, x, '', 'a')
      tail.push(
        t.refusal(() => channel.assertQueue(q)),
        t.refusal(() => channel.assertQueue(t.name('r'))),
      )
      await Promise.all(tail)
    })
    t.note('GEN-05', 'the error of a publish comes before the reply to what follows', fate)
    t.note('PUB-02', 'no such exchange', fate.text)
    t.note('GEN-04', 'what the later declares were told', await Promise.all(tail))
    t.note('GEN-04', 'the later declares had an effect', [await t.exists(q), await t.exists(t.name('r'))])
  }),

  scenario('effects of a publish are seen by what follows on its channel', ['GEN-05', 'ORD-06'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const seen = []
    for (let i = 0; i < 10; i++) {
      t.send(channel, q, `${i}`)
      seen.push((await t.get(channel, q, { noAck: true })).content.toString())
    }
    t.note('GEN-05', 'got after each publish', seen)
    const order: string[] = []
    const step = (name: string, what: Promise<unknown>) => what.then(() => order.push(name))
    await Promise.all([
      step('declare', channel.assertQueue(t.name('r'))),
      step('get', channel.get(q)),
      step('qos', channel.prefetch(1)),
      step('purge', channel.purgeQueue(q)),
    ])
    t.note('ORD-06', 'replies', order)
  }),

  scenario('line ends go from the names of what is declared and bound', ['GEN-06', 'GEN-07'], async (t) => {
    const [channel, q, x] = [await t.channel(), t.name('a'), t.name('x')]
    t.note('GEN-06', 'declared', (await channel.assertQueue(`a\n\r${q.slice(1)}`)).queue)
    t.note('GEN-06', 'there without', await t.exists(q))
    await channel.assertExchange(`x\r\n${x.slice(1)}`, 'direct')
    t.note('GEN-06', 'the exchange', await t.exchangeExists(x))
    await channel.bindQueue(`${q}\n`, `${x}\r`, 'k')
    t.publish(channel, x, 'k', 'hello')
    t.note('GEN-06', 'bound', await t.drain(q, channel))
    t.note('GEN-06', 'not in a consume', await t.attempt((on) => on.consume(`a\n${q.slice(1)}`, () => undefined)))
    t.note('GEN-06', 'in a delete', await channel.deleteQueue(`${q}\r`))
    const odd = t.name('héllo wörld/π')
    t.note('GEN-07', 'any characters', (await channel.assertQueue(odd)).queue)
    t.send(channel, odd, 'x')
    t.note('GEN-07', 'reached', await t.drain(odd, channel))
    const long = t.name('l').padEnd(255, 'l')
    t.note('GEN-07', '255 bytes', (await channel.assertQueue(long)).queue.length)
  }),

  scenario('the empty queue name is the last one declared', ['GEN-08', 'Q-05'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    await channel.assertQueue(q)
    await channel.bindQueue('', 'amq.direct', q)
    t.publish(channel, 'amq.direct', q, 'a')
    t.publish(channel, 'amq.direct', q, 'b')
    t.note('GEN-08', 'get', (await t.get(channel, '')).content.toString())
    t.note('GEN-08', 'purge', await channel.purgeQueue(''))
    const inbox = await t.consume(channel, '')
    t.send(channel, q, 'c')
    t.note('GEN-08', 'consume', (await inbox.nth(1)).content.toString())
    await channel.unbindQueue('', 'amq.direct', q)
    await channel.assertQueue(r)
    await channel.checkQueue(q)
    t.note('Q-05', 'a passive declare makes it current', await channel.deleteQueue(''))
    t.note('Q-05', 'which is gone', [await t.exists(q), await t.exists(r)])
    const ops = {
      bind: (c: typeof channel) => c.bindQueue('', 'amq.direct', 'k'),
      unbind: (c: typeof channel) => c.unbindQueue('', 'amq.direct', 'k'),
      purge: (c: typeof channel) => c.purgeQueue(''),
      delete: (c: typeof channel) => c.deleteQueue(''),
      get: (c: typeof channel) => c.get(''),
      consume: (c: typeof channel) => c.consume('', () => undefined),
    }
    for (const [name, op] of Object.entries(ops)) t.note('GEN-08', `${name} without one`, await t.attempt(op))
  }),

  scenario('an empty key is the current queue only when the queue is empty too', ['GEN-09'], async (t) => {
    const [channel, q, x] = [await t.channel(), t.name('q'), t.name('x')]
    await channel.assertExchange(x, 'direct')
    await channel.assertQueue(q)
    await channel.bindQueue(q, x, '')
    t.publish(channel, x, '', 'empty')
    t.publish(channel, x, q, 'name')
    t.note('GEN-09', 'queue named', await t.drain(q, channel))
    await channel.unbindQueue(q, x, '')
    await channel.bindQueue('', x, '')
    t.publish(channel, x, '', 'empty')
    t.publish(channel, x, q, 'name')
    t.note('GEN-09', 'both empty', await t.drain(q, channel))
  }),

  scenario(
    'nowait takes the reply away, not the error',
    ['GEN-10'],
    async (t) => {
      const [channel, q] = [await t.channel(), t.name('q')]
      const declare = (durable: boolean) => ({
        ticket: 0,
        queue: q,
        passive: false,
        durable,
        exclusive: false,
        autoDelete: false,
        nowait: true,
        arguments: {},
      })
      t.note('GEN-10', 'declare', await t.fate(channel, () => t.protocol.send(channel, 'queue.declare', declare(true))))
      t.note('GEN-10', 'is there', await t.exists(q))
      t.note('GEN-10', 'unlike', await t.fate(channel, () => t.protocol.send(channel, 'queue.declare', declare(false))))
    },
    { needs: ['protocol'] },
  ),

  scenario(
    'the order of arguments is nothing, their numbers are integers of any width',
    ['GEN-11', 'GEN-12', 'GEN-13'],
    async (t) => {
      const [channel, q, x] = [await t.channel(), t.name('q'), t.name('x')]
      await channel.assertExchange(x, 'headers')
      await channel.assertQueue(q)
      await channel.bindQueue(q, x, '', { a: 1, b: 'two', 'x-match': 'all' })
      await channel.bindQueue(q, x, '', { 'x-match': 'all', b: 'two', a: 1 })
      await channel.unbindQueue(q, x, '', { b: 'two', 'x-match': 'all', a: 1 })
      t.publish(channel, x, '', 'a', { headers: { a: 1, b: 'two' } })
      t.note('GEN-11', 'bound twice in another order, unbound once', await t.drain(q, channel))
      const r = t.name('r')
      await channel.assertQueue(r, { arguments: { 'x-message-ttl': { '!': 'byte', value: 10 } } })
      for (const type of ['short', 'int', 'long', 'unsignedbyte', 'unsignedshort', 'unsignedint'])
        t.note(
          'GEN-12',
          `as ${type}`,
          await t.attempt((on) => on.assertQueue(r, { arguments: { 'x-message-ttl': { '!': type, value: 10 } } })),
        )
      const double = { arguments: { 'x-message-ttl': { '!': 'double', value: 10 } } }
      t.note('GEN-12', 'redeclared as double', await t.attempt((on) => on.assertQueue(r, double)))
      t.note('GEN-12', 'declared as double', await t.attempt((on) => on.assertQueue(t.name('s'), double)))
      const another = await t.attempt((on) => on.assertQueue(r, { messageTtl: 11 }))
      t.note('GEN-13', 'another value', another.text)
      t.note('GEN-13', 'none', (await t.attempt((on) => on.assertQueue(r))).text)
      t.note('GEN-13', 'a flag', (await t.attempt((on) => on.assertQueue(q, { durable: false }))).text)
      t.note('GEN-13', 'added', (await t.attempt((on) => on.assertQueue(q, { messageTtl: 100_000 }))).text)
    },
  ),

  scenario(
    'virtual hosts do not see each other',
    ['GEN-14', 'VH-06', 'VH-01'],
    async (t) => {
      const [vhost, q] = [t.name('odd/name with %'), t.name('q')]
      t.note('VH-06', 'made', (await t.operator.addVirtualHost(vhost)).ok)
      t.after(() => t.operator.deleteVirtualHost(vhost))
      await t.operator.setPermissions(vhost, 'guest', { configure: '.*', write: '.*', read: '.*' })
      const [here, there] = [await t.channel(), await t.channel(await t.connect({ vhost }))]
      await here.assertQueue(q)
      t.note('GEN-14', 'not there', await t.fate(there, () => there.checkQueue(q)))
      const again = await t.channel(await t.connect({ vhost }))
      await again.assertQueue(q, { durable: false })
      t.send(here, q, 'here')
      t.send(again, q, 'there')
      t.note('GEN-14', 'each its own', [await t.drain(q, here), await t.drain(q, again)])
      const born = ['amq.direct', 'amq.fanout', 'amq.topic', 'amq.headers', 'amq.match', 'amq.rabbitmq.trace']
      for (const each of born) t.note('VH-01', each, await t.fate(again, () => again.checkExchange(each)))
      t.note('VH-06', 'made twice', (await t.operator.addVirtualHost(vhost)).ok)
    },
    { needs: ['operator'] },
  ),
]
