// Length limits and overflow.
import { bodies } from '../look.js'
import { scenario } from '../scenario.js'

const deaths = (
  messages: readonly { content: Buffer; properties: { headers?: Record<string, unknown> | undefined } }[],
) =>
  messages.map(({ content, properties }) => {
    const [death] = (properties.headers?.['x-death'] ?? []) as { reason: string; queue: string }[]
    return [content.toString(), death?.reason, death?.queue]
  })

export const len = [
  scenario('only ready messages count, the oldest go', ['LEN-01', 'LEN-02', 'LEN-03', 'CNF-08'], async (t) => {
    const [channel, q, dead] = [await t.confirmChannel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    const letters = { deadLetterExchange: '', deadLetterRoutingKey: dead }
    await channel.assertQueue(q, { maxLength: 3, ...letters })
    const outcomes = []
    for (const each of ['1', '2', '3', '4', '5']) outcomes.push(await t.confirmed(channel, '', q, each))
    t.note('CNF-08', 'confirmed', outcomes)
    t.note('LEN-03', 'dropped', deaths(await t.await(dead, 2)))
    for (let i = 0; i < 2; i++) await t.get(channel, q)
    t.send(channel, q, '6', '7')
    t.note('LEN-01', 'ready beside two unacked', await t.ready(q))
    t.note('LEN-01', 'dropped', await t.drain(dead))
    await channel.close()
    t.note('LEN-03', 'left when those came back', bodies(await t.await(q, 3)))
    const next = await t.channel()
    const bytes = t.name('bytes')
    await next.assertQueue(bytes, { maxLength: 10, arguments: { 'x-max-length-bytes': 5 } })
    t.send(next, bytes, '12', '345', '6')
    t.note('LEN-02', 'bytes', await t.drain(bytes, next))
    t.send(next, bytes, ...'abcdefghijkl')
    t.note('LEN-02', 'bytes, small ones', await t.drain(bytes, next))
    const many = t.name('many')
    await next.assertQueue(many, { maxLength: 2, arguments: { 'x-max-length-bytes': 500 } })
    t.send(next, many, 'a', 'b', 'c')
    t.note('LEN-02', 'length', await t.drain(many, next))
  }),

  scenario('what is delivered at once does not count', ['LEN-04', 'LEN-14', 'LEN-05'], async (t) => {
    const [channel, q, dead] = [await t.channel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    const letters = { deadLetterExchange: '', deadLetterRoutingKey: dead }
    await channel.assertQueue(q, { maxLength: 0, ...letters })
    t.send(channel, q, 'nobody')
    t.note('LEN-04', 'nobody there', deaths(await t.await(dead, 1)))
    const inbox = await t.consume(channel, q)
    t.send(channel, q, '1', '2', '3')
    t.note('LEN-04', 'delivered', bodies(await inbox.until(3)))
    t.note('LEN-14', 'dead', await t.ready(dead))
    const bytes = t.name('bytes')
    await channel.assertQueue(bytes, { arguments: { 'x-max-length-bytes': 10 }, ...letters })
    t.send(channel, bytes, '12345', '67890', 'eleven more')
    t.note('LEN-05', 'dropped by one too large', deaths(await t.await(dead, 3)))
    t.note('LEN-05', 'left', await t.drain(bytes, channel))
    t.send(channel, bytes, '1', '')
    t.note('LEN-05', 'small ones', await t.drain(bytes, channel))
  }),

  scenario('reject-publish asks before anybody is looked for', ['LEN-06', 'LEN-07', 'CNF-07'], async (t) => {
    const [channel, q, zero] = [await t.confirmChannel(), t.name('q'), t.name('zero')]
    await channel.assertQueue(q, { maxLength: 2, overflow: 'reject-publish' })
    const returned: string[] = []
    channel.on('return', (message) => returned.push(message.content.toString()))
    const outcomes = []
    for (const each of ['1', '2', '3', '4']) outcomes.push(await t.confirmed(channel, '', q, each, { mandatory: true }))
    t.note('LEN-06', 'confirmed', outcomes)
    t.note('LEN-07', 'returned', returned)
    t.note('LEN-07', 'the channel is open', !t.isClosed(channel))
    t.note('LEN-06', 'left', await t.drain(q, channel))
    await channel.assertQueue(zero, { maxLength: 0, overflow: 'reject-publish' })
    const inbox = await t.consume(channel, zero)
    t.note('CNF-07', 'with an idle consumer', await t.confirmed(channel, '', zero, 'a'))
    await t.quiet(inbox)
    t.note('LEN-06', 'delivered', inbox.bodies)
    const plain = await t.channel()
    t.send(plain, zero, 'b')
    t.note('LEN-07', 'without confirms', await t.fate(plain, () => undefined))
    const bytes = t.name('bytes')
    await channel.assertQueue(bytes, { overflow: 'reject-publish', arguments: { 'x-max-length-bytes': 5 } })
    const byBytes = []
    for (const each of ['123', '456', '45', '6', '']) byBytes.push([each, await t.confirmed(channel, '', bytes, each)])
    t.note('LEN-06', 'by bytes', byBytes)
    t.note('LEN-06', 'by bytes, left', await t.drain(bytes, channel))
  }),

  scenario('one full queue of several refuses for itself', ['LEN-08', 'LEN-09', 'CNF-07'], async (t) => {
    const [channel, x, q, full, dead] = [
      await t.confirmChannel(),
      t.name('x'),
      t.name('q'),
      t.name('full'),
      t.name('dead'),
    ]
    await channel.assertExchange(x, 'fanout')
    await channel.assertQueue(q)
    await channel.assertQueue(dead)
    await channel.assertQueue(full, {
      maxLength: 1,
      overflow: 'reject-publish-dlx',
      deadLetterExchange: '',
      deadLetterRoutingKey: dead,
    })
    for (const each of [q, full]) await channel.bindQueue(each, x, '')
    t.note('LEN-08', 'confirmed', [await t.confirmed(channel, x, '', 'a'), await t.confirmed(channel, x, '', 'b')])
    t.note('LEN-08', 'the other', await t.drain(q, channel))
    t.note('CNF-07', 'the full one', await t.drain(full, channel))
    t.note('LEN-09', 'dead', deaths(await t.await(dead, 1)))
  }),

  scenario('a requeue may go over the limit', ['LEN-10', 'ACK-08'], async (t) => {
    const [channel, q, refusing] = [await t.channel(), t.name('q'), t.name('refusing')]
    await channel.assertQueue(q, { maxLength: 1 })
    t.send(channel, q, 'm1')
    const first = await t.get(channel, q)
    t.send(channel, q, 'm2')
    channel.nack(first)
    t.note('LEN-10', 'drop-head', await t.drain(q, channel))
    await channel.assertQueue(refusing, { maxLength: 1, overflow: 'reject-publish' })
    t.send(channel, refusing, 'm1')
    const one = await t.get(channel, refusing)
    t.send(channel, refusing, 'm2')
    channel.nack(one)
    t.note('ACK-08', 'reject-publish', await t.drain(refusing, channel))
  }),

  scenario('a full priority queue drops where it delivers', ['LEN-13', 'PRI-01'], async (t) => {
    const [channel, q, dead] = [await t.channel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    await channel.assertQueue(q, { maxLength: 2, maxPriority: 9, deadLetterExchange: '', deadLetterRoutingKey: dead })
    for (const priority of [0, 9, 5, 1]) t.publish(channel, '', q, `${priority}`, { priority })
    t.note('LEN-13', 'dropped', bodies(await t.await(dead, 2)))
    t.note('PRI-01', 'left', await t.drain(q, channel))
  }),
]
