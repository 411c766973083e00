// Prefetch, per consumer and per channel.
import { bodies } from '../look.js'
import { scenario } from '../scenario.js'

export const qos = [
  scenario(
    'a prefetch size is not implemented',
    ['QOS-01'],
    async (t) => {
      const fields = { prefetchSize: 1000, prefetchCount: 0, global: false }
      t.note('QOS-01', 'a size', await t.attemptApart((on) => t.protocol.call(on, 'basic.qos', fields)))
    },
    { needs: ['protocol'] },
  ),

  scenario('a limit per consumer is for those that come later', ['QOS-02', 'QOS-03', 'QOS-12'], async (t) => {
    const [channel, other, q, r, s] = [await t.channel(), await t.channel(), t.name('q'), t.name('r'), t.name('s')]
    for (const each of [q, r, s]) await channel.assertQueue(each)
    for (const each of [q, r, s]) t.send(channel, each, '1', '2', '3')
    const before = await t.consume(channel, q)
    await channel.prefetch(1)
    const after = await t.consume(channel, r)
    await channel.prefetch(0)
    const unlimited = await t.consume(channel, s)
    await before.until(3)
    await unlimited.until(3)
    await t.quiet(before, after, unlimited)
    t.note('QOS-02', 'before, and after', [before.bodies, after.bodies])
    t.note('QOS-03', '0', unlimited.bodies)
    await channel.prefetch(1)
    const far = t.name('far')
    await other.assertQueue(far)
    t.send(other, far, '1', '2')
    const elsewhere = await t.consume(other, far)
    t.note('QOS-12', 'another channel', bodies(await elsewhere.until(2)))
    t.note('QOS-03', '65535', await t.attempt((on) => on.prefetch(65_535)))
  }),

  scenario('a limit per channel is shared, at once', ['QOS-04', 'QOS-09', 'QOS-08'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    for (const each of [q, r]) await channel.assertQueue(each)
    await channel.prefetch(3, true)
    const [one, two] = [await t.consume(channel, q), await t.consume(channel, r)]
    const total = () => one.messages.length + two.messages.length
    t.send(channel, q, '1', '2', '3', '4')
    t.send(channel, r, '1', '2', '3', '4')
    await t.until(() => total() >= 3)
    await t.quiet(one, two)
    t.note('QOS-04', 'delivered in all', total())
    channel.ackAll()
    await t.until(() => total() >= 6)
    await t.quiet(one, two)
    t.note('QOS-08', 'after all were acknowledged', total())
    await channel.prefetch(1, true)
    const held = [...one.messages, ...two.messages].sort((a, b) => a.fields.deliveryTag - b.fields.deliveryTag).slice(3)
    for (const each of held.slice(0, 2)) channel.ack(each)
    await t.quiet(one, two)
    t.note('QOS-09', 'lowered, one still out', total())
    for (const each of held.slice(2)) channel.ack(each)
    await t.until(() => total() >= 7)
    await t.quiet(one, two)
    t.note('QOS-09', 'lowered, none out', total())
    await channel.prefetch(0, true)
    await t.until(() => total() >= 8)
    t.note('QOS-09', 'lifted', total())
  }),

  scenario('a running consumer feels a channel’s limit, gets count when it is set', ['QOS-04', 'QOS-07'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    for (const each of [q, r]) await channel.assertQueue(each)
    const inbox = await t.consume(channel, q)
    await channel.prefetch(2, true)
    t.send(channel, q, '1', '2', '3')
    await inbox.until(2)
    await t.quiet(inbox)
    t.note('QOS-04', 'already running', inbox.bodies)
    const next = await t.channel()
    t.send(next, r, '1', '2', '3', '4')
    await t.get(next, r)
    await next.prefetch(2, true)
    const second = await t.consume(next, r)
    await second.until(1)
    await t.quiet(second)
    t.note('QOS-07', 'with a get outstanding when it was set', second.bodies)
  }),

  scenario('with both limits a delivery needs room in both', ['QOS-05'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.send(channel, q, ...'123456789')
    await channel.prefetch(5)
    await channel.prefetch(3, true)
    const inbox = await t.consume(channel, q)
    await inbox.until(3)
    await t.quiet(inbox)
    t.note('QOS-05', '5 each, 3 in all', inbox.bodies)
    await channel.close()
    const next = await t.channel()
    await next.prefetch(3, true)
    await next.prefetch(5)
    const lifted = await t.consume(next, q)
    await lifted.until(5)
    await t.quiet(lifted)
    t.note('QOS-05', '3 in all, then 5 each', lifted.bodies)
  }),

  scenario('deliveries without ack count for nothing, yet wait', ['QOS-06', 'CON-08'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    for (const each of [q, r]) await channel.assertQueue(each)
    await channel.prefetch(1)
    const free = await t.consume(channel, q, { noAck: true })
    t.send(channel, q, '1', '2', '3')
    t.note('QOS-06', 'per consumer', bodies(await free.until(3)))
    await channel.prefetch(1, true)
    t.send(channel, q, '4', '5')
    t.note('CON-08', 'per channel', bodies(await free.until(5)))
    const holding = await t.consume(channel, r)
    t.send(channel, r, 'held')
    const held = await holding.nth(1)
    t.send(channel, q, '6')
    await t.quiet(free)
    t.note('QOS-06', 'while the limit is used up', free.bodies.slice(5))
    channel.ack(held)
    t.note('QOS-06', 'when it is not', bodies(await free.until(6)).slice(5))
  }),
]
