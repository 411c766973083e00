// Direct reply-to.
import { bodies, body } from '../look.js'
import { scenario } from '../scenario.js'

const REPLY_TO = 'amq.rabbitmq.reply-to'

export const drt = [
  scenario('replies come to the channel that asked', ['DRT-04', 'DRT-05', 'CNF-14', 'DRT-07'], async (t) => {
    const [asking, answering, q] = [await t.channel(), await t.confirmChannel(await t.connect()), t.name('q')]
    await asking.assertQueue(q)
    const replies = await t.consume(asking, REPLY_TO, { noAck: true })
    t.publish(asking, '', q, 'question', { replyTo: REPLY_TO, correlationId: '1' })
    const question = await t.get(answering, q)
    const address: string = question.properties.replyTo
    t.note('DRT-04', 'address', [address.startsWith(`${REPLY_TO}.`), question.properties.correlationId])
    const returned: string[] = []
    answering.on('return', (message) => returned.push(body(message)))
    t.note('CNF-14', 'confirmed', await t.confirmed(answering, '', address, 'answer', { correlationId: '1' }))
    await t.confirmed(answering, '', address, 'another')
    const arrived = await replies.until(2)
    t.note(
      'DRT-05',
      'fields',
      arrived.map(({ fields }) => ({
        ...fields,
        tag: fields.consumerTag === replies.tag,
        routingKey: fields.routingKey === address,
        consumerTag: 0,
      })),
    )
    t.note('DRT-05', 'bodies', bodies(arrived))
    await t.confirmed(answering, '', address, 'mandatory', { mandatory: true })
    t.note('DRT-07', 'mandatory', [returned.splice(0), bodies(await replies.until(3))])
    t.send(asking, q, 'a', 'b')
    t.note('DRT-05', 'tag of a get after it', (await t.get(asking, q)).fields.deliveryTag)
    await asking.cancel(replies.tag)
    t.note('CNF-14', 'to nobody', await t.confirmed(answering, '', address, 'late'))
    await t.confirmed(answering, '', address, 'late', { mandatory: true })
    t.note('DRT-07', 'to nobody, mandatory', returned)
  }),

  scenario('a reply consumer is one a channel, without ack', ['DRT-01', 'DRT-02', 'DRT-03'], async (t) => {
    const none = () => undefined
    t.note('DRT-01', 'with ack', await t.attempt((on) => on.consume(REPLY_TO, none)))
    const channel = await t.channel()
    const first = await t.consume(channel, REPLY_TO, {
      noAck: true,
      exclusive: true,
      arguments: { 'x-priority': 'nonsense' },
    })
    t.note('DRT-01', 'whatever else', first.tag)
    await channel.cancel(first.tag)
    const again = await t.consume(channel, REPLY_TO, { noAck: true, consumerTag: 'mine' })
    t.note('DRT-02', 'after a cancel', again.tag)
    t.note('DRT-02', 'twice', await t.fate(channel, () => channel.consume(REPLY_TO, none, { noAck: true })))
    t.note(
      'DRT-03',
      'a publish without one',
      await t.attempt((on) => t.publish(on, '', t.name('q'), 'a', { replyTo: REPLY_TO })),
    )
    const other = await t.channel()
    await t.consume(other, REPLY_TO, { noAck: true })
    t.note(
      'DRT-03',
      'one of another channel',
      await t.attempt((on) => t.publish(on, '', t.name('q'), 'a', { replyTo: REPLY_TO })),
    )
    t.note(
      'DRT-03',
      'another reply-to',
      await t.attempt((on) => t.publish(on, '', t.name('q'), 'a', { replyTo: 'anything' })),
    )
    const apart = await t.channel(await t.connect())
    const q = t.name('q')
    await apart.assertQueue(q)
    await t.consume(apart, q, { consumerTag: 'taken' })
    t.note(
      'DRT-02',
      'a tag in use',
      await t.fate(apart, () => apart.consume(REPLY_TO, none, { noAck: true, consumerTag: 'taken' })),
    )
  }),

  scenario('an address is asked for by a declare, and is no queue', ['DRT-06', 'DRT-08'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    const replies = await t.consume(channel, REPLY_TO, { noAck: true })
    t.publish(channel, '', q, 'question', { replyTo: REPLY_TO })
    const address: string = (await t.get(channel, q)).properties.replyTo
    t.note('DRT-06', 'the name', [await t.attempt((on) => on.checkQueue(REPLY_TO)), await channel.checkQueue(REPLY_TO)])
    const far = await t.connect()
    const live = await (await t.channel(far)).checkQueue(address)
    t.note('DRT-06', 'a live address', live)
    t.note('DRT-06', 'declared', await t.attempt((on) => on.assertQueue(address), far))
    t.note('DRT-08', 'bind', await t.attempt((on) => on.bindQueue(address, 'amq.direct', 'k'), far))
    t.note('DRT-08', 'purge', await t.attempt((on) => on.purgeQueue(address), far))
    t.note('DRT-08', 'delete', await t.attempt((on) => on.deleteQueue(address), far))
    t.note('DRT-08', 'get', await t.attempt((on) => on.get(address), far))
    t.note('DRT-08', 'bind of the name', await t.attempt((on) => on.bindQueue(REPLY_TO, 'amq.direct', 'k'), far))
    await channel.cancel(replies.tag)
    t.note('DRT-06', 'a dead address', await t.attempt((on) => on.checkQueue(address), far))
    t.send(channel, address, 'late')
    const next = await t.consume(channel, REPLY_TO, { noAck: true })
    await t.quiet(next)
    t.note('DRT-08', 'what came when nobody was there', [replies.bodies, next.bodies])
  }),
]
