// Message TTL and queue expiry. Live deadlines are short and far apart; what is noted is fate and order, never duration.
import { bodies, type headers, properties } from '../look.js'
import { scenario } from '../scenario.js'

const deathsOf = (message: Parameters<typeof headers>[0]) =>
  (message.properties.headers?.['x-death'] ?? []).map(({ reason, queue, count }) => [reason, queue, count])

export const ttl = [
  scenario('the shorter of queue and message TTL counts', ['TTL-01', 'TTL-05', 'TTL-08'], async (t) => {
    const [channel, slow, fast, dead] = [await t.channel(), t.name('slow'), t.name('fast'), t.name('dead')]
    const letters = { deadLetterExchange: '', deadLetterRoutingKey: dead }
    await channel.assertQueue(dead)
    await channel.assertQueue(slow, { messageTtl: 60_000, ...letters })
    await channel.assertQueue(fast, { messageTtl: 60, ...letters })
    t.publish(channel, '', slow, 'brief in slow', { expiration: '60' })
    t.publish(channel, '', fast, 'long in fast', { expiration: '60000' })
    t.publish(channel, '', fast, 'none in fast')
    const arrived = await t.await(dead, 3)
    t.note('TTL-05', 'dead with no consumer about', bodies(arrived).sort())
    t.note('TTL-01', 'why', arrived.map(deathsOf).map(String).sort())
    t.note('TTL-01', 'left', [await t.ready(slow), await t.ready(fast)])
    t.publish(channel, '', slow, 'at once', { expiration: '50000' })
    t.note('TTL-08', 'consumed in time', (await t.take(slow, channel)).map(properties))
  }),

  scenario('a message out does not expire, and keeps its deadline', ['TTL-02', 'TTL-03'], async (t) => {
    const [channel, q, dead] = [await t.channel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    await channel.assertQueue(q, { messageTtl: 800, deadLetterExchange: '', deadLetterRoutingKey: dead })
    t.send(channel, q, 'acked', 'requeued')
    const [acked, requeued] = [await t.get(channel, q), await t.get(channel, q)]
    await t.pass(1_300)
    t.note('TTL-03', 'dead while out', await t.ready(dead))
    t.note('TTL-03', 'ack', await t.fate(channel, () => channel.ack(acked)))
    channel.nack(requeued)
    const [letter] = await t.await(dead, 1)
    t.note('TTL-02', 'requeued late', letter && [bodies([letter]), deathsOf(letter)])
    t.note('TTL-02', 'ready', await t.drain(q, channel))
  }),

  scenario('only the head expires', ['TTL-04', 'TTL-07', 'TTL-11'], async (t) => {
    const [channel, q, p] = [await t.channel(), t.name('q'), t.name('p')]
    await channel.assertQueue(q)
    t.publish(channel, '', q, 'long', { expiration: '60000' })
    for (const each of ['1', '2']) t.publish(channel, '', q, each, { expiration: '30' })
    t.publish(channel, '', q, 'last')
    await channel.checkQueue(q)
    await t.pass(150)
    t.note('TTL-04', 'counted behind a live head', await t.ready(q))
    const first = await t.get(channel, q)
    t.note('TTL-07', 'left after the head was taken', first.fields.messageCount)
    t.note('TTL-04', 'next', await t.drain(q, channel))
    t.send(channel, q, 'head')
    t.publish(channel, '', q, 'none', { expiration: '0' })
    t.note('TTL-07', 'TTL 0 behind a head', await t.drain(q, channel))
    await channel.assertQueue(p, { maxPriority: 9 })
    t.publish(channel, '', p, 'high', { priority: 9 })
    await channel.checkQueue(p)
    t.publish(channel, '', p, 'low', { expiration: '30' })
    await channel.checkQueue(p)
    await t.pass(150)
    t.note('TTL-11', 'counted behind a higher one', await t.ready(p))
    t.note('TTL-11', 'taken', await t.drain(p, channel))
  }),

  scenario('TTL 0 is for who is ready now', ['TTL-06', 'TTL-09', 'DLX-22', 'CNF-08'], async (t) => {
    const [channel, q, dead] = [await t.confirmChannel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    await channel.assertQueue(q, { messageTtl: 0, deadLetterExchange: '', deadLetterRoutingKey: dead })
    t.note('DLX-22', 'confirmed', await t.confirmed(channel, '', q, 'nobody', { persistent: true }))
    t.note('TTL-06', 'dead', bodies(await t.await(dead, 1)))
    t.note('TTL-06', 'ready', await t.drain(q, channel))
    const inbox = await t.consume(channel, q)
    t.note('CNF-08', 'confirmed to a consumer', await t.confirmed(channel, '', q, 'somebody'))
    t.note('TTL-06', 'delivered', bodies(await inbox.until(1)))
    const plain = t.name('plain')
    await channel.assertQueue(plain)
    const returned: string[] = []
    channel.on('return', (message) => returned.push(message.content.toString()))
    const options = { expiration: '0', mandatory: true }
    t.note('TTL-09', 'no dead-letter exchange', await t.confirmed(channel, '', plain, 'a', options))
    t.note('TTL-09', 'returned', returned)
    t.note('TTL-06', 'by its own expiration', await t.drain(plain, channel))
    const other = await t.consume(channel, plain)
    t.publish(channel, '', plain, 'b', options)
    t.note('TTL-06', 'its own, to a consumer', bodies(await other.until(1)))
  }),

  scenario(
    'an unused queue expires, and takes its messages along',
    ['TTL-13', 'TTL-15', 'DLX-01', 'GET-05', 'Q-05'],
    async (t) => {
      const channel = await t.channel()
      const names = ['idle', 'published', 'declared', 'passive', 'got', 'empty'].map((each) => t.name(each))
      const [idle, published, declared, passive, gotten, empty] = names as [
        string,
        string,
        string,
        string,
        string,
        string,
      ]
      const dead = t.name('dead')
      await channel.assertQueue(dead)
      // n.b. by a wide margin: all targets share a processor, and a pause of a second is no rarity on a busy machine.
      const options = { expires: 2_800, deadLetterExchange: '', deadLetterRoutingKey: dead }
      for (const each of names) await channel.assertQueue(each, options)
      t.send(channel, gotten, ...Array.from({ length: 20 }, (_, i) => `${i}`))
      t.send(channel, idle, 'never read')
      await channel.bindQueue(idle, 'amq.direct', idle)
      for (let i = 0; i < 15; i++) {
        await t.pass(250)
        t.send(channel, published, 'a')
        await channel.assertQueue(declared, options)
        await channel.checkQueue(passive)
        await channel.get(gotten, { noAck: true })
        await channel.get(empty)
      }
      t.note('TTL-13', 'idle, published to, declared', [
        await t.exists(idle),
        await t.exists(published),
        await t.exists(declared),
      ])
      t.note('Q-05', 'passively declared', await t.exists(passive))
      t.note('GET-05', 'got from, got nothing from', [await t.exists(gotten), await t.exists(empty)])
      t.note('DLX-01', 'dead letters', await t.ready(dead))
      await channel.assertQueue(idle)
      t.publish(channel, 'amq.direct', idle, 'b')
      t.note('TTL-15', 'bound after it was made anew', await t.drain(idle, channel))
    },
  ),

  scenario('a consumer keeps a queue', ['TTL-14', 'TTL-15', 'CCN-01'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q, { expires: 2_800 })
    const inbox = await t.consume(channel, q)
    await t.pass(3_400)
    t.note('TTL-14', 'with a consumer', await t.exists(q))
    await channel.cancel(inbox.tag)
    // n.b. to look is to renew: the queue is looked at once only.
    await t.pass(300)
    t.note('TTL-14', 'soon after it left', await t.exists(q))
    await t.pass(4_400)
    t.note('TTL-15', 'long after', await t.exists(q))
    t.note('CCN-01', 'cancels', inbox.cancels)
  }),
]
