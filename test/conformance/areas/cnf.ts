// Publisher confirms.
import type { Channel } from 'amqplib'
import { scenario } from '../scenario.js'

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
