// Exchanges bound to exchanges, and alternate exchanges.
import { bodies, delivery } from '../look.js'
import { scenario } from '../scenario.js'

export const e2e = [
  scenario(
    'each exchange on the way applies its type to the original key',
    ['E2E-01', 'E2E-05', 'E2E-07', 'PUB-06'],
    async (t) => {
      const [channel, q] = [await t.channel(), t.name('q')]
      const [top, mid, end] = ['top', 'mid', 'end'].map((each) => t.name(each)) as [string, string, string]
      await channel.assertExchange(top, 'topic')
      await channel.assertExchange(mid, 'direct')
      await channel.assertExchange(end, 'headers')
      await channel.assertQueue(q)
      await channel.bindExchange(mid, top, 'a.#')
      await channel.bindExchange(end, mid, 'a.b')
      await channel.bindQueue(q, end, '', { h: 1 })
      const returned: unknown[] = []
      channel.on('return', (message) => returned.push([message.content.toString(), message.fields]))
      t.publish(channel, top, 'a.b', 'all match', { headers: { h: 1 }, mandatory: true })
      t.publish(channel, top, 'a.c', 'not the direct one', { headers: { h: 1 }, mandatory: true })
      t.publish(channel, top, 'a.b', 'not the headers', { headers: { h: 2 }, mandatory: true })
      const arrived = await t.take(q, channel)
      t.note('E2E-01', 'arrived', bodies(arrived))
      t.note('E2E-05', 'envelope', arrived.map(delivery))
      t.note('E2E-07', 'returned', returned)
      t.note('PUB-06', 'returned', returned.length)
    },
  ),

  scenario('a queue has one copy by any graph', ['E2E-02', 'E2E-04'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    const ring = ['e0', 'e1', 'e2'].map((each) => t.name(each))
    for (const each of ring) await channel.assertExchange(each, 'fanout')
    for (const [i, each] of ring.entries()) await channel.bindExchange(ring[(i + 1) % 3] ?? '', each, '')
    await channel.bindExchange(ring[0] ?? '', ring[0] ?? '', '')
    await channel.assertQueue(q)
    for (const each of ring) await channel.bindQueue(q, each, '')
    for (const each of ring) t.publish(channel, each, '', each)
    t.note('E2E-02', 'published to each of a ring', await t.drain(q, channel))
    const [a = '', b = ''] = ring
    await channel.bindExchange(b, a, '')
    await channel.unbindExchange(b, a, '')
    await channel.unbindQueue(q, a, '')
    t.publish(channel, a, '', 'after one unbind of two binds')
    t.note('E2E-04', 'arrived', await t.drain(q, channel))
    t.note('E2E-04', 'unbind again', await t.attempt((on) => on.unbindExchange(b, a, '')))
    t.note('E2E-04', 'unbind of none', await t.attempt((on) => on.unbindExchange(t.name('none'), t.name('nil'), '')))
  }),

  scenario('a missing end of a binding is named, the source first', ['E2E-03', 'BIND-01'], async (t) => {
    const [channel, x, q] = [await t.channel(), t.name('x'), t.name('q')]
    const [none, nil] = [t.name('none'), t.name('nil')]
    await channel.assertExchange(x, 'fanout')
    await channel.assertQueue(q)
    t.note('E2E-03', 'no destination', await t.attempt((on) => on.bindExchange(none, x, '')))
    t.note('E2E-03', 'no source', await t.attempt((on) => on.bindExchange(x, none, '')))
    t.note('E2E-03', 'neither', await t.attempt((on) => on.bindExchange(none, nil, '')))
    t.note('BIND-01', 'no queue', await t.attempt((on) => on.bindQueue(none, x, '')))
    t.note('BIND-01', 'no exchange', await t.attempt((on) => on.bindQueue(q, none, '')))
    t.note('BIND-01', 'neither', await t.attempt((on) => on.bindQueue(none, nil, '')))
  }),
]

export const ae = [
  scenario('an alternate exchange is asked when its exchange found nothing', ['AE-01', 'AE-03', 'AE-04'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    const [x, y, dead] = ['x', 'y', 'dead'].map((each) => t.name(each)) as [string, string, string]
    await channel.assertExchange(y, 'fanout')
    await channel.assertExchange(dead, 'fanout')
    await channel.assertExchange(x, 'direct', { alternateExchange: y })
    await channel.assertQueue(q)
    await channel.assertQueue(r)
    await channel.bindQueue(q, x, 'k')
    await channel.bindQueue(r, y, '')
    await channel.bindExchange(dead, x, 'dead end')
    const returned: string[] = []
    channel.on('return', (message) => returned.push(message.content.toString()))
    t.publish(channel, x, 'k', 'found', { mandatory: true })
    t.publish(channel, x, 'z', 'not found', { mandatory: true })
    t.publish(channel, x, 'dead end', 'found an exchange that leads nowhere', { mandatory: true })
    t.note('AE-01', 'by the exchange', await t.drain(q, channel))
    t.note('AE-04', 'by the alternate', (await t.take(r, channel)).map(delivery))
    t.note('AE-01', 'returned', returned)
    const lone = t.name('lone')
    await channel.assertExchange(lone, 'direct', { alternateExchange: t.name('none') })
    returned.length = 0
    t.publish(channel, lone, 'k', 'a', { mandatory: true })
    await channel.checkExchange(lone)
    t.note('AE-03', 'an alternate that is not there', returned)
    const confirming = await t.confirmChannel()
    t.note('AE-04', 'confirmed', await t.confirmed(confirming, x, 'z', 'b', { mandatory: true }))
  }),

  scenario('alternates of alternates, in a circle too', ['AE-02', 'AE-05'], async (t) => {
    const channel = await t.channel()
    const [x, u, v] = ['x', 'u', 'v'].map((each) => t.name(each)) as [string, string, string]
    const queues = ['qx', 'qu', 'qv'].map((each) => t.name(each))
    await channel.assertExchange(x, 'direct', { alternateExchange: u })
    await channel.assertExchange(u, 'direct', { alternateExchange: v })
    await channel.assertExchange(v, 'direct', { alternateExchange: x })
    for (const each of queues) await channel.assertQueue(each)
    for (const [i, each] of [x, u, v].entries()) await channel.bindQueue(queues[i] ?? '', each, each)
    const returned: string[] = []
    channel.on('return', (message) => returned.push(message.content.toString()))
    for (const key of [x, u, v, 'z']) t.publish(channel, x, key, key, { mandatory: true })
    for (const key of [x, u, v]) t.publish(channel, u, key, `u ${key}`, { mandatory: true })
    const found = []
    for (const each of queues) found.push(await t.drain(each, channel))
    t.note('AE-02', 'found', found)
    t.note('AE-02', 'returned', returned)
    t.publish(channel, x, 'z', 'by CC', { CC: [x] })
    t.publish(channel, x, 'z', 'by the CC of the alternate', { CC: [u] })
    const byCopies = []
    for (const each of queues) byCopies.push(await t.drain(each, channel))
    t.note('AE-05', 'with CC', byCopies)
  }),
]
