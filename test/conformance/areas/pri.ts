// Priorities, basic.get, and order.
import { bodies, body, delivery } from '../look.js'
import { scenario } from '../scenario.js'

export const pri = [
  scenario('the highest priority goes first, within one the oldest', ['PRI-01', 'PRI-02', 'PRI-05'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q, { maxPriority: 5 })
    const fill = () => {
      for (const [i, priority] of [1, 3, 2, 3, 200, undefined, 5, 0].entries())
        t.publish(channel, '', q, `${priority}#${i}`, priority === undefined ? {} : { priority })
    }
    fill()
    t.note('PRI-05', 'count', await t.ready(q))
    t.note('PRI-01', 'order', await t.drain(q, channel))
    fill()
    const highest = await t.get(channel, q)
    await t.get(channel, q)
    channel.nack(await t.get(channel, q))
    channel.nack(highest)
    t.note('PRI-02', 'requeued to their places', (await t.take(q, channel)).map(delivery))
    channel.nackAll()
    fill()
    t.note('PRI-05', 'purged', await channel.purgeQueue(q))
    fill()
    t.note('PRI-05', 'deleted', await channel.deleteQueue(q))
  }),

  scenario('what was prefetched is not overtaken', ['PRI-03', 'PRI-04'], async (t) => {
    const [channel, q, plain] = [await t.channel(), t.name('q'), t.name('plain')]
    await channel.assertQueue(q, { maxPriority: 9 })
    const all = await t.consume(channel, q)
    for (const priority of [1, 5, 9, 3]) t.publish(channel, '', q, `${priority}`, { priority })
    t.note('PRI-03', 'no prefetch limit', bodies(await all.until(4)))
    await channel.close()
    const next = await t.channel()
    await next.prefetch(1)
    const one = await t.consume(next, q)
    for (let i = 1; i <= 4; i++) next.ack(await one.nth(i))
    t.note('PRI-03', 'prefetch 1', one.bodies)
    await next.assertQueue(plain)
    for (const priority of [1, 5, 9, 3]) t.publish(next, '', plain, `${priority}`, { priority })
    t.note('PRI-04', 'no x-max-priority', await t.drain(plain, next))
    t.note('PRI-04', 'changed', await t.attempt((on) => on.assertQueue(q, { maxPriority: 8 })))
    t.note('PRI-04', 'left out', await t.attempt((on) => on.assertQueue(q)))
  }),
]

export const get = [
  scenario('a get takes one, and says how many are left', ['GET-01', 'GET-02', 'GEN-08'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.note('GET-01', 'empty', await channel.get(q))
    t.publish(channel, 'amq.direct', 'nothing', 'dropped')
    await channel.bindQueue(q, 'amq.direct', q)
    t.publish(channel, 'amq.direct', q, 'a', { messageId: 'm' })
    t.send(channel, q, 'b')
    const [a, b] = [await t.get(channel, q), await t.get(channel, '')]
    t.note('GET-01', 'fields', [a.fields, b.fields])
    t.note('GET-02', 'the current queue', body(b))
    t.note('GET-01', 'empty again', await channel.get(q))
    t.note('GEN-08', 'no such queue', await t.attempt((on) => on.get('')))
  }),

  scenario('a get is bound by no prefetch and no other consumer', ['GET-03', 'QOS-07', 'GET-04'], async (t) => {
    const [channel, q, single] = [await t.channel(), t.name('q'), t.name('single')]
    await channel.assertQueue(q)
    await channel.prefetch(1)
    await channel.prefetch(1, true)
    const inbox = await t.consume(channel, q, { exclusive: true })
    t.send(channel, q, 'a', 'b', 'c')
    await inbox.until(1)
    const b = await t.get(channel, q)
    const c = await t.get(channel, q)
    t.note('GET-03', 'beside an exclusive consumer at its limit', [inbox.bodies, body(b), body(c)])
    t.send(channel, q, 'd')
    channel.ack(b)
    channel.ack(c)
    await t.quiet(inbox)
    t.note('QOS-07', 'delivered after the gets were acknowledged', inbox.bodies)
    channel.ack(await inbox.nth(1))
    t.note('QOS-07', 'and after the delivery was', bodies(await inbox.until(2)))
    await channel.assertQueue(single, { arguments: { 'x-single-active-consumer': true } })
    const other = await t.channel()
    await other.prefetch(1)
    await t.consume(other, single)
    t.send(channel, single, 'e', 'f')
    await t.until(async () => (await t.ready(single)) === 1)
    t.note('GET-03', 'of a single-active-consumer queue', body(await t.get(channel, single)))
    const fresh = await t.channel()
    t.send(fresh, t.name('free'), 'x')
    await fresh.assertQueue(t.name('free'))
    t.send(fresh, t.name('free'), 'g')
    const free = await t.get(fresh, t.name('free'), { noAck: true })
    t.note('GET-04', 'without ack', [free.fields.deliveryTag, await t.ready(t.name('free'))])
    t.note('GET-04', 'acknowledged', await t.fate(fresh, () => fresh.ack(free)))
  }),
]

export const ord = [
  scenario('one channel’s publishes keep their order, to each queue', ['ORD-01', 'ORD-02', 'ORD-03'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const inbox = await t.consume(channel, q, { noAck: true })
    const publishers = [await t.channel(), await t.channel(), await t.channel(await t.connect())]
    for (let i = 0; i < 60; i++) for (const [who, each] of publishers.entries()) t.send(each, q, `${who}:${i}`)
    await inbox.until(180)
    for (const [who] of publishers.entries())
      t.note('ORD-02', `of publisher ${who}`, inbox.bodies.filter((each) => each.startsWith(`${who}:`)).join(' '))
    t.note(
      'ORD-03',
      'tags',
      inbox.messages.every(({ fields }, i) => fields.deliveryTag === i + 1),
    )
    const [r, s] = [t.name('r'), t.name('s')]
    for (const each of [r, s]) {
      await channel.assertQueue(each)
      await channel.bindQueue(each, 'amq.fanout', '')
    }
    const numbers = Array.from({ length: 100 }, (_, i) => `${i}`)
    for (const each of numbers) {
      t.send(channel, r, each)
      t.send(channel, s, each)
    }
    const two = [await t.consume(channel, r), await t.consume(channel, s)]
    for (const each of two) t.note('ORD-01', 'a backlog', bodies(await each.until(100)).join(' '))
    const tags = two.flatMap(({ messages }) => messages.map(({ fields }) => fields.deliveryTag))
    t.note('ORD-03', 'tags of two consumers', new Set(tags).size)
    for (const each of two)
      t.note(
        'ORD-03',
        'rising',
        each.messages.every(
          ({ fields }, i, all) => i === 0 || fields.deliveryTag > (all[i - 1]?.fields.deliveryTag ?? 0),
        ),
      )
  }),

  scenario('dead letters keep the order of their queue', ['ORD-05', 'DLX-19'], async (t) => {
    const [channel, dead] = [await t.channel(), t.name('dead')]
    const letters = { deadLetterExchange: '', deadLetterRoutingKey: dead }
    await channel.assertQueue(dead)
    const numbers = ['1', '2', '3', '4', '5']
    const rejecting = t.name('rejecting')
    await channel.assertQueue(rejecting, letters)
    t.send(channel, rejecting, ...numbers)
    const inbox = await t.consume(channel, rejecting)
    await inbox.until(3)
    channel.cancel(inbox.tag).catch(() => undefined)
    await inbox.until(5)
    channel.nackAll(false)
    t.note('ORD-05', 'rejected together', bodies(await t.await(dead, 5)))
    t.send(channel, rejecting, ...numbers)
    for (let i = 0; i < 5; i++) await t.get(channel, rejecting)
    channel.nackAll(false)
    t.note('DLX-19', 'got, rejected together', bodies(await t.await(dead, 5)))
    const expiring = t.name('expiring')
    await channel.assertQueue(expiring, { messageTtl: 40, ...letters })
    t.send(channel, expiring, ...numbers)
    t.note('ORD-05', 'expired', bodies(await t.await(dead, 5)))
    const dropping = t.name('dropping')
    await channel.assertQueue(dropping, { maxLength: 0, ...letters })
    t.send(channel, dropping, ...numbers)
    t.note('ORD-05', 'dropped', bodies(await t.await(dead, 5)))
  }),

  scenario('a return comes before the confirm of its publish', ['ORD-06', 'CNF-05'], async (t) => {
    const [channel, none] = [await t.confirmChannel(), t.name('none')]
    const events: string[] = []
    channel.on('return', (message) => events.push(`return ${message.content}`))
    const publish = (content: string, mandatory: boolean) =>
      t.confirmed(channel, '', none, content, { mandatory }).then((outcome) => events.push(`${outcome} ${content}`))
    await publish('1', true)
    await publish('2', false)
    await publish('3', true)
    t.note('CNF-05', 'events', events.splice(0))
    await Promise.all(['a', 'b', 'c'].map((each) => publish(each, true)))
    const before = (each: string) => events.indexOf(`return ${each}`) < events.indexOf(`ack ${each}`)
    t.note('ORD-06', 'in a burst', ['a', 'b', 'c'].map(before))
  }),
]
