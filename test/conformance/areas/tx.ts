// Transactions.
import type { Channel } from 'amqplib'
import { bodies, body, delivery } from '../look.js'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

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
    'what went with its queue is out again after a rollback',
    ['TX-06', 'ACK-16'],
    async (t) => {
      const [channel, q] = [await transactional(t), t.name('q')]
      await channel.assertQueue(q)
      t.send(await t.channel(), q, 'a')
      const a = await t.get(channel, q)
      await channel.deleteQueue(q)
      channel.ack(a)
      await t.protocol.call(channel, 'tx.rollback')
      t.note('TX-06', 'acknowledged again', await t.fate(channel, () => channel.ack(a)))
      await t.protocol.call(channel, 'tx.commit')
      t.note('ACK-16', 'and once more', await t.fate(channel, () => channel.ack(a)))
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
