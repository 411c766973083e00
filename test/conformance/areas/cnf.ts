// Publisher confirms, transactions, direct reply-to.
import type { Channel } from 'amqplib'
import { bodies, body, delivery } from '../look.js'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

type Answer = { deliveryTag: number; multiple: boolean }

/** Every answer of a confirm channel, its tags spelt out: confirms of several at once come as one. */
function answers(channel: Channel): { tags: [number, string][]; count(): number } {
  const seen: [number, string][] = []
  let lowest = 1
  const open = new Set<number>()
  const take =
    (what: string) =>
    ({ deliveryTag, multiple }: Answer) => {
      for (let tag = lowest; tag <= deliveryTag; tag++) if (!seen.some(([each]) => each === tag)) open.add(tag)
      lowest = Math.max(lowest, deliveryTag + 1)
      for (const tag of [...open])
        if (tag === deliveryTag || (multiple && tag <= deliveryTag)) {
          open.delete(tag)
          seen.push([tag, what])
        }
    }
  channel.on('ack', take('ack'))
  channel.on('nack', take('nack'))
  return { tags: seen, count: () => seen.length }
}

const sorted = (tags: readonly [number, string][]) => [...tags].sort(([a], [b]) => a - b)

export const cnf = [
  scenario(
    'confirms count from the first select',
    ['CNF-01', 'CNF-02'],
    async (t) => {
      const [channel, q] = [await t.channel(), t.name('q')]
      await channel.assertQueue(q)
      t.send(channel, q, 'a', 'b')
      t.note('CNF-01', 'select', await t.protocol.call(channel, 'confirm.select', { nowait: false }))
      const { tags, count } = answers(channel)
      t.send(channel, q, 'c')
      await t.until(() => count() === 1)
      t.note('CNF-02', 'the first after two before it', tags.slice())
      t.note(
        'CNF-01',
        'again',
        await t.fate(channel, () => t.protocol.call(channel, 'confirm.select', { nowait: false })),
      )
      t.send(channel, q, 'd')
      await t.until(() => count() === 2)
      t.note('CNF-01', 'goes on', tags)
    },
    { needs: ['protocol'] },
  ),

  scenario('every publish is answered once', ['CNF-03', 'CNF-04', 'CNF-06', 'CNF-07', 'CNF-09'], async (t) => {
    const [channel, q, full, transient] = [await t.confirmChannel(), t.name('q'), t.name('full'), t.name('transient')]
    await channel.assertQueue(q)
    await channel.assertQueue(transient, { durable: false })
    await channel.assertQueue(full, { maxLength: 1, overflow: 'reject-publish' })
    const { tags, count } = answers(channel)
    const targets = [q, full, t.name('none'), q, full, transient, q, t.name('none'), full, q]
    for (const [i, each] of targets.entries()) t.publish(channel, '', each, 'a', { persistent: i % 2 === 0 })
    await t.until(() => count() === targets.length)
    await t.pass(100)
    t.note('CNF-03', 'answers', sorted(tags))
    t.note('CNF-09', 'each tag', new Set(tags.map(([tag]) => tag)).size)
    t.note(
      'CNF-07',
      'refused',
      sorted(tags).filter(([, what]) => what === 'nack'),
    )
    const to = (queue: string, persistent: boolean) => t.confirmed(channel, '', queue, 'b', { persistent })
    t.note('CNF-06', 'persistent, durable', await to(q, true))
    t.note('CNF-06', 'transient queue', await to(transient, true))
    t.note('CNF-04', 'unroutable', await to(t.name('none'), true))
    const [burst, all] = [await t.confirmChannel(), t.name('all')]
    await burst.assertQueue(all)
    for (let i = 0; i < 100; i++) t.publish(burst, '', all, `${i}`, { persistent: true })
    await burst.waitForConfirms()
    t.note('CNF-03', 'a burst', await t.ready(all))
  }),

  scenario(
    'what becomes of a message does not matter to its confirm',
    ['CNF-06', 'CNF-08', 'CNF-13', 'CNF-12'],
    async (t) => {
      const [channel, q] = [await t.confirmChannel(), t.name('q')]
      await channel.assertQueue(q)
      const inbox = await t.consume(channel, q)
      const { tags, count } = answers(channel)
      t.publish(channel, '', q, 'a', { persistent: true })
      channel.nack(await inbox.nth(1))
      channel.reject(await inbox.nth(2), false)
      await t.until(() => count() === 1)
      t.note('CNF-13', 'nacked and rejected by its consumer', tags.slice())
      t.publish(channel, '', q, 'b', { persistent: true })
      await inbox.until(3)
      await t.until(() => count() === 2)
      t.note('CNF-12', 'delivery tags beside', [
        inbox.messages.map(({ fields }) => fields.deliveryTag),
        tags.map(([tag]) => tag),
      ])
      const unread = await t.consume(channel, t.name('q'), { noAck: true })
      channel.ack(await inbox.nth(3))
      await channel.cancel(inbox.tag)
      t.note('CNF-06', 'taken without ack', await t.confirmed(channel, '', q, 'c', { persistent: true }))
      await unread.until(1)
      const brief = t.name('brief')
      await channel.assertQueue(brief)
      const confirms = ['1', '2', '3'].map((each) => t.confirmed(channel, '', brief, each, { persistent: true }))
      await channel.deleteQueue(brief)
      t.note('CNF-08', 'queue deleted', await Promise.all(confirms))
      await channel.assertQueue(brief)
      const purged = t.confirmed(channel, '', brief, 'd', { persistent: true })
      await channel.purgeQueue(brief)
      t.note('CNF-08', 'purged', await purged)
    },
  ),

  scenario('a publish that kills its channel is not confirmed', ['CNF-10'], async (t) => {
    const [channel, none] = [await t.confirmChannel(), t.name('none')]
    const { tags } = answers(channel)
    let outcome = 'none'
    const fate = await t.fate(channel, () => {
      t.confirmed(channel, none, 'k', 'a').then(
        (each) => {
          outcome = each
        },
        () => undefined,
      )
    })
    t.note('CNF-10', 'fate', fate)
    t.note('CNF-10', 'answers', tags)
    await t.until(() => outcome !== 'none')
    t.note('CNF-10', 'told', outcome)
  }),

  scenario(
    'confirms and transactions exclude each other',
    ['CNF-11', 'TX-01'],
    async (t) => {
      const select = { nowait: false }
      t.note(
        'CNF-11',
        'confirm after tx',
        await t.attempt(async (on) => {
          await t.protocol.call(on, 'tx.select')
          await t.protocol.call(on, 'confirm.select', select)
        }),
      )
      t.note(
        'CNF-11',
        'tx after confirm',
        await t.attempt(async (on) => {
          await t.protocol.call(on, 'confirm.select', select)
          await t.protocol.call(on, 'tx.select')
        }),
      )
      t.note('TX-01', 'commit without select', await t.attempt((on) => t.protocol.call(on, 'tx.commit')))
      t.note('TX-01', 'rollback without select', await t.attempt((on) => t.protocol.call(on, 'tx.rollback')))
      t.note(
        'TX-01',
        'select twice',
        await t.attempt(async (on) => {
          await t.protocol.call(on, 'tx.select')
          return t.protocol.call(on, 'tx.select')
        }),
      )
    },
    { needs: ['protocol'] },
  ),
]

async function transactional(t: Trial): Promise<Channel> {
  const channel = await t.channel()
  await t.protocol.call(channel, 'tx.select')
  return channel
}

const needs = { needs: ['protocol'] } as const

export const tx = [
  scenario(
    'publishes wait for the commit',
    ['TX-02', 'TX-03', 'TX-08', 'TX-14', 'TX-04'],
    async (t) => {
      const [channel, q, x] = [await transactional(t), t.name('q'), t.name('x')]
      const commit = () => t.protocol.call(channel, 'tx.commit')
      await channel.assertQueue(q)
      await channel.assertExchange(x, 'direct')
      t.note('TX-14', 'declared before a commit', [await t.exists(q), await t.exchangeExists(x)])
      t.send(channel, q, 'a')
      t.note('TX-02', 'before', await channel.get(q))
      t.note('TX-02', 'commit', await commit())
      t.note('TX-02', 'after', await t.drain(q, channel))
      t.send(channel, q, 'b')
      t.note('TX-08', 'the next one', await t.ready(q))
      await t.protocol.call(channel, 'tx.rollback')
      await commit()
      t.note('TX-08', 'rolled back', await t.drain(q, channel))
      t.publish(channel, x, 'k', 'routed when published')
      await channel.bindQueue(q, x, 'k')
      await commit()
      t.note('TX-03', 'bound before the commit', await t.drain(q, channel))
      const gone = t.name('gone')
      await channel.assertQueue(gone)
      t.send(channel, gone, 'c')
      await (await t.service()).deleteQueue(gone)
      t.note('TX-03', 'its queue deleted', await t.fate(channel, commit))
      const events: string[] = []
      channel.on('return', (message) => events.push(`return ${body(message)}`))
      t.publish(channel, '', gone, 'd', { mandatory: true })
      await t.protocol.call(channel, 'tx.rollback')
      t.publish(channel, '', gone, 'e', { mandatory: true })
      await channel.checkExchange(x)
      events.push('commit')
      await commit().then(() => events.push('ok'))
      t.note('TX-04', 'returns', events)
      t.note('TX-03', 'a fault', await t.fate(channel, () => t.publish(channel, t.name('none'), 'k', 'f')))
    },
    needs,
  ),

  scenario(
    'acknowledgements wait too',
    ['TX-05', 'TX-06', 'TX-09', 'TX-10', 'QOS-13'],
    async (t) => {
      const [channel, q] = [await transactional(t), t.name('q')]
      const [commit, rollback] = [
        () => t.protocol.call(channel, 'tx.commit'),
        () => t.protocol.call(channel, 'tx.rollback'),
      ]
      await channel.assertQueue(q)
      const outside = await t.channel()
      t.send(outside, q, 'a', 'b', 'c')
      const a = await t.get(channel, q)
      channel.ack(a)
      await rollback()
      t.note('TX-06', 'acknowledged again with its tag', await t.fate(channel, () => channel.ack(a)))
      await commit()
      await t.get(channel, q, { noAck: true })
      await rollback()
      t.note('TX-09', 'got without ack, rolled back', await t.drain(q, outside))
      t.send(outside, q, '1', '2')
      const first = await t.get(channel, q)
      await t.get(channel, q)
      channel.ack(first)
      await channel.recover()
      t.note('TX-10', 'recovered beside an ack', (await t.await(q, 1, outside)).map(delivery))
      await rollback()
      await channel.recover()
      t.note('TX-10', 'recovered after the rollback', (await t.await(q, 1, outside)).map(delivery))
      t.send(outside, q, '3', '4')
      await channel.prefetch(1)
      const inbox = await t.consume(channel, q)
      channel.ack(await inbox.nth(1))
      await t.quiet(inbox)
      t.note('QOS-13', 'acknowledged', inbox.bodies)
      await commit()
      t.note('QOS-13', 'committed', bodies(await inbox.until(2)))
      const second = await inbox.nth(2)
      channel.ack(second)
      t.note('TX-05', 'twice in one', await t.fate(channel, () => channel.ack(second)))
    },
    needs,
  ),

  scenario(
    'closing takes an open transaction back',
    ['TX-07', 'TX-11', 'ORD-07', 'TX-12'],
    async (t) => {
      const [channel, q] = [await transactional(t), t.name('q')]
      await channel.assertQueue(q)
      const outside = await t.channel()
      t.send(outside, q, 'a')
      const a = await t.get(channel, q)
      channel.ack(a)
      t.send(channel, q, 'never')
      await channel.close()
      t.note('TX-07', 'left', (await t.await(q, 1)).map(delivery))
      const next = await transactional(t)
      t.send(outside, q, 'old')
      const old = await t.get(next, q)
      next.nack(old)
      t.send(next, q, 'new 1', 'new 2')
      t.note('TX-11', 'before', await t.ready(q))
      await t.protocol.call(next, 'tx.commit')
      t.note('TX-11', 'requeued and published', (await t.await(q, 3, next)).map(delivery))
      for (let i = 0; i < 50; i++) t.send(next, q, `${i}`)
      await t.protocol.call(next, 'tx.commit')
      t.note('ORD-07', 'in order', (await t.drain(q, next)).join(' '))
      const full = t.name('full')
      await next.assertQueue(full, { maxLength: 0, overflow: 'reject-publish' })
      t.send(next, full, 'refused')
      t.send(next, q, 'kept')
      t.note('TX-12', 'one refused', await t.fate(next, () => t.protocol.call(next, 'tx.commit')))
      t.note('TX-12', 'the other', bodies(await t.await(q, 1)))
    },
    needs,
  ),
]

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
