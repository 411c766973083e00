// Consumers: tags, exclusive use, dispatch, cancel, single active consumer; and their cancellation by the broker.
import { bodies, body, delivery } from '../look.js'
import { scenario } from '../scenario.js'
import type { Inbox } from '../trial.js'

const got = (inboxes: readonly Inbox[]) => inboxes.map(({ bodies: each }) => each)

export const con = [
  scenario(
    'a tag is the client’s or the server’s, once a channel',
    ['CON-01', 'CON-02', 'CON-03', 'CH-26'],
    async (t) => {
      const [connection, q] = [await t.connect(), t.name('q')]
      const [channel, other] = [await t.channel(connection), await t.channel(connection)]
      await channel.assertQueue(q)
      const inbox = await t.consume(channel, q)
      t.note('CON-02', 'made', inbox.tag)
      t.note('CON-02', 'its form', /^amq\.ctag-[A-Za-z0-9_-]{22}$/.test(inbox.tag))
      t.send(channel, q, 'waiting')
      const events: string[] = []
      const late = t.name('late')
      await channel.assertQueue(late)
      t.send(channel, late, 'a')
      const reply = channel.consume(late, (message) => events.push(message === null ? 'cancel' : body(message)), {
        consumerTag: 'mine',
      })
      t.note('CON-01', 'reply', await reply)
      // n.b. amqplib throws away what comes before the consume-ok.
      await t.until(() => events.length > 0)
      t.note('CON-01', 'delivered', events)
      t.note(
        'CON-03',
        'the same tag on another channel',
        (await other.consume(q, () => undefined, { consumerTag: 'mine' })).consumerTag,
      )
      await channel.cancel('mine')
      t.note(
        'CON-03',
        'again after a cancel',
        (await channel.consume(q, () => undefined, { consumerTag: 'mine' })).consumerTag,
      )
      t.note(
        'CON-03',
        'twice',
        await t.fate(channel, () => channel.consume(late, () => undefined, { consumerTag: 'mine' })),
      )
      t.note('CH-26', 'the other channel is closed', t.isClosed(other))
    },
  ),

  scenario('exclusive use needs a queue for itself', ['CON-05', 'CON-06'], async (t) => {
    const [channel, q, single] = [await t.channel(), t.name('q'), t.name('single')]
    await channel.assertQueue(q)
    const first = await t.consume(channel, q)
    const exclusive = () => t.attempt((on) => on.consume(q, () => undefined, { exclusive: true }))
    t.note('CON-05', 'exclusive beside another', await exclusive())
    await channel.cancel(first.tag)
    const sole = await t.consume(channel, q, { exclusive: true })
    t.note('CON-05', 'another beside an exclusive one', await t.attempt((on) => on.consume(q, () => undefined)))
    t.note('CON-05', 'two exclusive ones', await exclusive())
    await channel.cancel(sole.tag)
    t.note('CON-05', 'after it was cancelled', await exclusive())
    await channel.assertQueue(single, { arguments: { 'x-single-active-consumer': true } })
    t.note(
      'CON-06',
      'of a single active consumer',
      await t.attempt((on) => on.consume(single, () => undefined, { exclusive: true })),
    )
  }),

  scenario('own messages come too, with their envelope', ['CON-07', 'CON-14', 'CON-11', 'CON-15'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    await channel.bindQueue(q, 'amq.topic', `${q}.#`)
    t.publish(channel, 'amq.topic', `${q}.a`, 'before')
    t.send(channel, q, 'before too', 'and this')
    const inbox = await t.consume(channel, q, { noLocal: true, consumerTag: 'tag' })
    t.note('CON-11', 'what was there', bodies(await inbox.until(3)))
    t.publish(channel, 'amq.topic', `${q}.b`, 'after')
    await inbox.until(4)
    t.note('CON-07', 'own ones', bodies(inbox.messages))
    t.note(
      'CON-14',
      'fields',
      inbox.messages.map(({ fields }) => fields),
    )
    const args = (values: Record<string, unknown>) =>
      t.attempt((on) => on.consume(q, () => undefined, { arguments: values }))
    t.note('CON-15', 'an unknown argument', await args({ nonsense: 1 }))
    t.note('CON-15', 'one of streams', await args({ 'x-stream-offset': 'first' }))
  }),

  scenario('deliveries without ack are gone, come what may', ['CON-08', 'ACK-01'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.send(channel, q, '1', '2', '3')
    const inbox = await t.consume(channel, q, { noAck: true })
    await inbox.until(3)
    t.note(
      'ACK-01',
      'tags',
      inbox.messages.map(({ fields }) => fields.deliveryTag),
    )
    await channel.close()
    t.note('CON-08', 'left', await t.ready(q))
    const next = await t.channel()
    t.send(next, q, '4')
    const other = await t.consume(next, q, { noAck: true })
    t.note('CON-08', 'acknowledged', await t.fate(next, async () => next.ack(await other.nth(1))))
  }),

  scenario('messages go round among the ready', ['CON-09', 'CON-24', 'QOS-10'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const inboxes = [await t.consume(channel, q), await t.consume(channel, q)]
    t.send(channel, q, ...'0123456789')
    await t.until(() => inboxes.every(({ messages }) => messages.length === 5))
    t.note('CON-09', 'two of one channel', got(inboxes))
    const r = t.name('r')
    await channel.assertQueue(r)
    const [stuck, free] = [await t.channel(), await t.channel(await t.connect())]
    await stuck.prefetch(1)
    const [one, rest] = [await t.consume(stuck, r), await t.consume(free, r)]
    t.send(channel, r, ...'0123456')
    await rest.until(6)
    await t.quiet(one, rest)
    t.note('CON-24', 'one holds its only message', got([one, rest]))
    const limited = await t.channel()
    await limited.prefetch(1, true)
    const queues = [t.name('a'), t.name('b'), t.name('c')]
    const fair: Inbox[] = []
    for (const each of queues) {
      await limited.assertQueue(each)
      fair.push(await t.consume(limited, each))
    }
    for (const each of queues) t.send(channel, each, ...Array.from({ length: 100 }, (_, i) => `${i}`))
    const seen = () => fair.reduce((sum, { messages }) => sum + messages.length, 0)
    for (let i = 1; i <= 120; i++) {
      await t.until(() => seen() >= i)
      limited.ackAll()
    }
    t.note(
      'QOS-10',
      'no queue starves',
      fair.every(({ messages }) => messages.length >= 5),
    )
  }),

  scenario('a higher consumer goes first while it can', ['CON-10'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const limited = async (priority?: number) => {
      await channel.prefetch(1)
      return t.consume(channel, q, priority === undefined ? {} : { priority })
    }
    const [low, none, high] = [await limited(-1), await limited(), await limited(10)]
    t.send(channel, q, '1', '2', '3', '4')
    await low.until(1)
    t.note('CON-10', 'high, none, low', got([high, none, low]))
    channel.ack(await none.nth(1))
    await none.until(2)
    t.note('CON-10', 'the one with room', got([high, none, low]))
    for (const value of ['10', 1.5, true, null])
      t.note(
        'CON-10',
        JSON.stringify(value),
        await t.attempt((on) => on.consume(q, () => undefined, { arguments: { 'x-priority': value } })),
      )
  }),

  scenario('a cancel stops deliveries, and gives nothing back', ['CON-12', 'CON-13', 'QOS-11', 'CCN-03'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    await channel.prefetch(2)
    const inbox = await t.consume(channel, q)
    t.send(channel, q, '1', '2', '3', '4')
    await inbox.until(2)
    t.note('CON-12', 'cancelled', await t.fate(channel, () => channel.cancel(inbox.tag)))
    channel.ack(await inbox.nth(1))
    t.note('CON-13', 'ready with one still out', await t.ready(q))
    await t.quiet(inbox)
    t.note('CON-12', 'delivered', inbox.bodies)
    t.note('CON-12', 'cancelled again', await t.fate(channel, () => channel.cancel(inbox.tag)))
    t.note('CON-12', 'a tag of nobody', await t.fate(channel, () => channel.cancel('nobody')))
    await channel.prefetch(1)
    const next = await t.consume(channel, q)
    await next.until(1)
    await t.quiet(next)
    t.note('QOS-11', 'a new one, while the old one’s is out', next.bodies)
    t.note('CON-13', 'an ack after the cancel', await t.fate(channel, async () => channel.ack(await inbox.nth(2))))
    await channel.close()
    t.note('CCN-03', 'cancels by the broker', [inbox.cancels, next.cancels])
    t.note('CON-13', 'back when the channel closed', (await t.await(q, 2)).map(delivery))
    const wide = await t.channel()
    await wide.prefetch(1, true)
    t.send(wide, q, '5', '6')
    const held = await t.consume(wide, q)
    await held.until(1)
    await wide.cancel(held.tag)
    const starving = await t.consume(wide, q)
    await t.quiet(starving)
    t.note('QOS-11', 'channel-wide, the old one’s counts', starving.bodies)
  }),

  scenario('a single active consumer has all, then the next', ['CON-17', 'CON-18', 'CON-16'], async (t) => {
    const [maker, q] = [await t.channel(), t.name('q')]
    await maker.assertQueue(q, { arguments: { 'x-single-active-consumer': true } })
    const channels = [await t.channel(), await t.channel(), await t.channel(), await t.channel()]
    const inboxes: Inbox[] = []
    for (const [i, each] of channels.entries())
      inboxes.push(await t.consume(each, q, { priority: [0, 0, 5, 0][i] ?? 0 }))
    t.note('CON-16', 'consumers', await t.consumers(q))
    t.send(maker, q, '1', '2')
    await inboxes[0]?.until(2)
    t.note('CON-17', 'the first has all', got(inboxes))
    await channels[0]?.cancel(inboxes[0]?.tag ?? '')
    t.send(maker, q, '3')
    await inboxes[2]?.until(1)
    t.note('CON-18', 'cancelled with two out', got(inboxes))
    await channels[0]?.close()
    await inboxes[2]?.until(3)
    t.note('CON-18', 'its channel closed', inboxes[2]?.messages.map(delivery))
    await channels[2]?.close()
    await inboxes[1]?.until(3)
    t.note('CON-17', 'the next one’s channel closed', inboxes[1]?.messages.map(delivery))
    t.note('CON-17', 'the last', got(inboxes.slice(3)))
  }),
]

export const ccn = [
  scenario('a deleted queue cancels its consumers', ['CCN-01', 'CCN-03', 'CCN-04', 'CCN-05'], async (t) => {
    const [channel, other, q] = [await t.channel(), await t.channel(await t.connect()), t.name('q')]
    await channel.assertQueue(q)
    const inboxes = [
      await t.consume(channel, q, { consumerTag: 'a' }),
      await t.consume(channel, q),
      await t.consume(other, q),
    ]
    await channel.deleteQueue(q)
    await t.until(() => inboxes.every(({ cancels }) => cancels > 0))
    t.note(
      'CCN-05',
      'cancels',
      inboxes.map(({ cancels }) => cancels),
    )
    t.note('CCN-01', 'by another', inboxes[2]?.cancels)
    t.note('CCN-04', 'cancelled after it', await t.fate(channel, () => channel.cancel('a')))
    await channel.assertQueue(q)
    t.note(
      'CCN-04',
      'its tag again',
      await t.fate(channel, () => channel.consume(q, () => undefined, { consumerTag: 'a' })),
    )
    const own = await t.consume(other, q)
    await other.cancel(own.tag)
    await t.quiet(own)
    t.note('CCN-03', 'its own cancel', own.cancels)
  }),

  scenario('who does not know of cancels is told nothing', ['CCN-02'], async (t) => {
    const connection = await t.connect({ clientProperties: { capabilities: {} } })
    const [deaf, channel, q] = [await t.channel(connection), await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const inbox = await t.consume(deaf, q)
    await channel.deleteQueue(q)
    await t.quiet(inbox)
    t.note('CCN-02', 'cancels', inbox.cancels)
    t.note('CCN-02', 'the channel', await t.fate(deaf, () => undefined))
  }),
]
