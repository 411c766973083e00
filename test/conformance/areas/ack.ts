// Acknowledgement: tags, multiple, requeue, recover.
import { bodies, body, delivery, got, headers } from '../look.js'
import { scenario } from '../scenario.js'

const tags = (messages: readonly { fields: { deliveryTag: number } }[]) =>
  messages.map(({ fields }) => fields.deliveryTag)

export const ack = [
  scenario('delivery tags count deliveries and gets of a channel', ['ACK-01', 'GET-04', 'CON-08'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    await channel.assertQueue(q)
    await channel.assertQueue(r)
    t.send(channel, q, 'a', 'b', 'c')
    t.send(channel, r, 'd', 'e')
    const gets = [await channel.get(q), await channel.get(q, { noAck: true }), await channel.get(q)].map(got)
    t.note('ACK-01', 'tags of get, get without ack, get', tags(gets))
    const inbox = await t.consume(channel, r, { noAck: true })
    t.note('CON-08', 'tags of deliveries without ack', tags(await inbox.until(2)))
    await channel.recover()
    const again = got(await channel.get(q))
    t.note('ACK-01', 'tag after recover', [body(again), again.fields.deliveryTag])
    const other = await t.channel()
    t.note('ACK-01', 'first tag of another channel', got(await other.get(q)).fields.deliveryTag)
    const fate = await t.fate(channel, () => channel.ack(gets[1] ?? got(false)))
    t.note('GET-04', 'acknowledging a get without ack', fate)
  }),

  scenario('an unknown delivery tag kills the channel, and nothing else', ['ACK-02', 'ACK-10', 'CH-06'], async (t) => {
    const [channel, other, q] = [await t.channel(), await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.send(channel, q, 'a', 'b')
    const first = got(await channel.get(q))
    const second = got(await channel.get(q))
    channel.ack(first)
    t.note('ACK-02', 'a tag settled before', await t.fate(channel, () => channel.ack(first)))
    t.note('CH-06', 'the other channel is closed', t.isClosed(other))
    t.note('ACK-02', 'a tag of another channel', await t.fate(other, () => other.ack(second)))
    for (const verb of ['ack', 'nack', 'reject'] as const) {
      const fresh = await t.channel()
      let thrown = 'nothing'
      const fate = await t.fate(fresh, () => {
        try {
          fresh[verb](first)
        } catch (error) {
          thrown = String(error)
        }
      })
      t.note('ACK-02', `${verb} of a tag never issued`, fate)
      t.note('ACK-10', `${verb} itself throws`, thrown)
    }
  }),

  scenario('multiple settles every tag up to one that must be outstanding', ['ACK-03', 'ACK-15'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.send(channel, q, '1', '2', '3', '4', '5')
    const inbox = await t.consume(channel, q)
    const messages = await inbox.until(5)
    channel.ack(await inbox.nth(2))
    const fate = await t.fate(channel, () => channel.ack(messages[1] ?? got(false), true))
    t.note('ACK-03', 'multiple up to a settled tag', fate)
    t.note('ACK-15', 'what came back', (await t.await(q, 4)).map(delivery))
    const next = await t.channel()
    t.send(next, q, '1', '2', '3', '4', '5')
    const another = await t.consume(next, q)
    await another.until(5)
    next.ack(await another.nth(3), true)
    await next.close()
    t.note('ACK-03', 'left after multiple up to 3', bodies(await t.await(q, 2)))
  }),

  scenario('tag 0 with multiple is everything outstanding', ['ACK-04', 'ACK-05'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    t.note('ACK-04', 'all, with nothing outstanding', await t.fate(channel, () => channel.ackAll()))
    t.note('ACK-04', 'all refused, with nothing outstanding', await t.fate(channel, () => channel.nackAll()))
    await channel.assertQueue(q)
    await channel.assertQueue(r)
    t.send(channel, q, 'a', 'b')
    t.send(channel, r, 'c', 'd')
    const inbox = await t.consume(channel, q)
    const second = await t.consume(channel, r, { noAck: false })
    await inbox.until(2)
    await second.until(2)
    t.send(channel, t.name('none'), 'e')
    channel.ackAll()
    await channel.close()
    t.note('ACK-05', 'ready after all were acknowledged', [await t.ready(q), await t.ready(r)])
    const fresh = await t.channel()
    const zero = { fields: { deliveryTag: 0 } } as ReturnType<typeof got>
    t.note('ACK-04', 'tag 0 alone', await t.fate(fresh, () => fresh.ack(zero)))
  }),

  scenario('multiple spans queues, consumers and gets', ['ACK-05', 'ACK-06'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    await channel.assertQueue(q)
    await channel.assertQueue(r)
    t.send(channel, q, 'a')
    t.send(channel, r, 'b', 'c')
    got(await channel.get(q))
    const b = got(await channel.get(r))
    got(await channel.get(r))
    channel.ack(b, true)
    await channel.close()
    t.note('ACK-05', 'left', [await t.drain(q), bodies(await t.await(r, 1))])
    const next = await t.channel()
    t.send(next, q, '1', '2', '3')
    const [one, two] = [got(await next.get(q)), got(await next.get(q)), got(await next.get(q))]
    next.reject(two)
    t.note('ACK-06', 'reject settles one', delivery(got(await next.get(q))))
    next.nack(one)
    t.note('ACK-06', 'nack without more words requeues', delivery(got(await next.get(q))))
  }),

  scenario(
    'a requeued message comes back flagged, a refused one is dead-lettered or dropped',
    ['ACK-07', 'ACK-12', 'ACK-17'],
    async (t) => {
      const [channel, q, dead, plain] = [await t.channel(), t.name('q'), t.name('dead'), t.name('plain')]
      await channel.assertQueue(dead)
      await channel.assertQueue(plain)
      await channel.assertQueue(q, { deadLetterExchange: '', deadLetterRoutingKey: dead })
      t.send(channel, q, 'a')
      const first = got(await channel.get(q))
      t.note('ACK-12', 'redelivered at first', first.fields.redelivered)
      channel.nack(first, false, true)
      const second = got(await channel.get(q))
      t.note('ACK-07', 'after nack with requeue', delivery(second))
      t.note('ACK-17', 'headers after a requeue', headers(second))
      channel.reject(second, false)
      const letter = (await t.await(dead, 1)).map(delivery)
      t.note('ACK-07', 'after reject without requeue', letter)
      t.note(
        'ACK-12',
        'redelivered in the dead-letter queue',
        letter.map((each) => each.redelivered),
      )
      t.send(channel, plain, 'b')
      channel.nack(got(await channel.get(plain)), false, false)
      t.note('ACK-07', 'nack without requeue and dead-letter exchange', await t.drain(plain, channel))
    },
  ),

  scenario('a requeued message regains its place', ['ACK-08', 'ORD-04'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.send(channel, q, '1', '2', '3', '4', '5')
    const messages = []
    for (let i = 0; i < 3; i++) messages.push(got(await channel.get(q)))
    channel.nack(messages[2] ?? got(false), true, true)
    t.note('ACK-08', 'multiple of 1 to 3 requeued', await t.drain(q, channel))
    t.send(channel, q, '1', '2', '3', '4', '5')
    const again = []
    for (let i = 0; i < 4; i++) again.push(got(await channel.get(q)))
    channel.nack(again[2] ?? got(false), false, true)
    channel.nack(again[0] ?? got(false), false, true)
    const back = [got(await channel.get(q)), got(await channel.get(q)), got(await channel.get(q))]
    t.note('ORD-04', '3 requeued, then 1', back.map(delivery))
    channel.nackAll(true)
    t.note('ORD-04', 'all requeued', await t.drain(q, channel))
  }),

  scenario('a requeued message may return to the same consumer at once', ['ACK-09', 'QOS-08'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    await channel.prefetch(1)
    const inbox = await t.consume(channel, q)
    t.send(channel, q, 'a', 'b')
    for (let i = 1; i <= 3; i++) channel.nack(await inbox.nth(i))
    await inbox.until(4)
    t.note('ACK-09', 'deliveries', inbox.messages.slice(0, 4).map(delivery))
    channel.ack(await inbox.nth(4))
    t.note('QOS-08', 'next after an ack', delivery(await inbox.nth(5)))
    channel.reject(await inbox.nth(5), false)
    await t.quiet(inbox)
    t.note('QOS-08', 'deliveries in all', inbox.messages.length)
  }),

  scenario('what a closed channel or connection held comes back in order', ['ACK-11', 'CH-02', 'CH-07'], async (t) => {
    const [connection, q] = [await t.connect(), t.name('q')]
    const channel = await t.channel(connection)
    await channel.assertQueue(q)
    t.send(channel, q, '1', '2', '3', '4', '5')
    await channel.prefetch(3)
    const inbox = await t.consume(channel, q)
    await inbox.until(3)
    channel.ack(await inbox.nth(2))
    await inbox.until(4)
    await channel.close()
    t.note('ACK-11', 'after the channel closed', (await t.await(q, 4)).map(delivery))
    const next = await t.channel(connection)
    t.send(next, q, '1', '2', '3')
    const second = await t.consume(next, q)
    await second.until(3)
    t.note('CH-02', 'consumers while it consumes', await t.consumers(q))
    await connection.close()
    t.note('CH-07', 'consumers after the connection closed', await t.consumers(q))
    t.note('ACK-11', 'after the connection closed', (await t.await(q, 3)).map(delivery))
  }),

  scenario('recover requeues everything of the channel', ['ACK-13', 'ACK-12'], async (t) => {
    const [channel, q, r] = [await t.channel(), t.name('q'), t.name('r')]
    await channel.assertQueue(q)
    await channel.assertQueue(r)
    t.send(channel, q, 'a', 'b')
    t.send(channel, r, 'c')
    const inbox = await t.consume(channel, q)
    await inbox.until(2)
    got(await channel.get(r))
    await channel.recover()
    await inbox.until(4)
    t.note('ACK-13', 'the consumer', inbox.messages.map(delivery))
    t.note('ACK-13', 'tags', tags(inbox.messages))
    t.note('ACK-12', 'the get', (await t.await(r, 1)).map(delivery))
    const old = inbox.messages[0] ?? got(false)
    t.note('ACK-13', 'a tag from before', await t.fate(channel, () => channel.ack(old)))
  }),

  scenario(
    'recover without requeue is not implemented',
    ['ACK-14', 'CH-26', 'ACK-13'],
    async (t) => {
      const [connection, q] = [await t.connect(), t.name('q')]
      const [channel, other] = [await t.channel(connection), await t.channel(connection)]
      const fate = await t.fate(channel, () => t.protocol.call(channel, 'basic.recover', { requeue: false }))
      t.note('ACK-14', 'recover with requeue false', fate)
      t.note('CH-26', 'another channel is closed', t.isClosed(other))
      const next = await t.channel()
      t.note(
        'ACK-14',
        'recover-async',
        await t.fate(next, () => t.protocol.send(next, 'basic.recover-async', { requeue: false })),
      )
      const last = await t.channel(await t.connect())
      await last.assertQueue(q)
      t.send(last, q, 'a')
      const inbox = await t.consume(last, q)
      await inbox.until(1)
      t.protocol.send(last, 'basic.recover-async', { requeue: true })
      t.note('ACK-13', 'recover-async with requeue', (await inbox.until(2)).map(delivery))
    },
    { needs: ['protocol'] },
  ),

  scenario('messages of a deleted queue can still be settled, once', ['ACK-16', 'Q-24'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.send(channel, q, 'a', 'b', 'c')
    const [a, b] = [got(await channel.get(q)), got(await channel.get(q))]
    t.note('Q-24', 'ready messages dropped', await channel.deleteQueue(q))
    t.note('ACK-16', 'ack', await t.fate(channel, () => channel.ack(a)))
    t.note('ACK-16', 'nack', await t.fate(channel, () => channel.nack(b)))
    t.note('Q-24', 'a second ack', await t.fate(channel, () => channel.ack(a)))
  }),
]
