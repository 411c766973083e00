// Exchange types that come as plug-ins, on a broker that has them; and tracing.
import { bodies, body, headers } from '../look.js'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

const apart = { needs: ['plugins'], alone: true } as const

async function queues(t: Trial, count: number): Promise<string[]> {
  const channel = await t.channel()
  const names = Array.from({ length: count }, (_, i) => t.name(`q${i}`))
  for (const each of names) await channel.assertQueue(each)
  return names
}

async function drained(t: Trial, names: readonly string[]): Promise<string[][]> {
  const found = []
  for (const each of names) {
    await t.ready(each)
    found.push(await t.drain(each))
  }
  return found
}

const sum = (all: readonly (readonly string[])[]) => all.reduce((total, { length }) => total + length, 0)

export const plugins = [
  scenario(
    'a consistent hash picks one, always the same',
    ['XT-20', 'XT-21', 'XT-22', 'XT-23', 'XT-25'],
    async (t) => {
      const [channel, x, names] = [await t.channel(), t.name('x'), await queues(t, 3)]
      await channel.assertExchange(x, 'x-consistent-hash')
      const returned: string[] = []
      channel.on('return', (message) => returned.push(body(message)))
      t.publish(channel, x, 'k', 'nobody', { mandatory: true })
      await channel.checkExchange(x)
      t.note('XT-25', 'returned from an empty ring', returned)
      const [first = ''] = names
      for (const key of ['0', '-1', 'abc', '', '1.5'])
        t.note('XT-20', `weight ${key}`, await t.attempt((on) => on.bindQueue(first, x, key)))
      for (const each of names) t.note('XT-20', 'weight 3', await channel.bindQueue(each, x, '3'))
      for (let i = 0; i < 100; i++) t.publish(channel, x, `key ${i}`, `${i}`)
      const once = await drained(t, names)
      t.note('XT-21', 'in all, of each', [sum(once), once.every(({ length }) => length > 5)])
      for (let i = 0; i < 100; i++) t.publish(channel, x, `key ${i}`, `${i}`)
      t.note('XT-21', 'the same again', JSON.stringify(await drained(t, names)) === JSON.stringify(once))
      t.note('XT-23', 'bound again with another weight', await t.attempt((on) => on.bindQueue(first, x, '30')))
      for (let i = 0; i < 100; i++) t.publish(channel, x, `key ${i}`, `${i}`)
      t.note('XT-23', 'the ring is the same', JSON.stringify(await drained(t, names)) === JSON.stringify(once))
      const y = t.name('y')
      await channel.assertExchange(y, 'x-consistent-hash', { arguments: { 'hash-header': 'h' } })
      for (const each of names) await channel.bindQueue(each, y, '1')
      for (let i = 0; i < 30; i++) t.publish(channel, y, `key ${i}`, `${i}`, { headers: { h: 'same' } })
      t.note('XT-22', 'one header: queues', (await drained(t, names)).filter(({ length }) => length > 0).length)
      for (let i = 0; i < 30; i++) t.publish(channel, y, `key ${i}`, `${i}`)
      t.note('XT-22', 'no header: queues', (await drained(t, names)).filter(({ length }) => length > 0).length)
      for (let i = 0; i < 60; i++) t.publish(channel, y, 'k', `${i}`, { headers: { h: `${i}` } })
      t.note('XT-22', 'many headers: queues', (await drained(t, names)).filter(({ length }) => length > 0).length)
    },
    apart,
  ),

  scenario(
    'arguments of a consistent hash are checked',
    ['XT-24', 'EX-20', 'XT-22'],
    async (t) => {
      const declare = (args: Record<string, unknown>, word: string) =>
        t.attempt((on) => on.assertExchange(t.name(word), 'x-consistent-hash', { arguments: args }))
      t.note('XT-24', 'header and property', await declare({ 'hash-header': 'h', 'hash-property': 'message_id' }, 'a'))
      t.note('XT-24', 'a property of nothing', await declare({ 'hash-property': 'p' }, 'b'))
      for (const property of ['correlation_id', 'message_id', 'timestamp'])
        t.note('XT-22', property, await declare({ 'hash-property': property }, property))
      t.note('EX-20', 'for one that is there', await declare({ 'hash-property': 'p' }, 'message_id'))
    },
    apart,
  ),

  scenario(
    'a random exchange picks one',
    ['XT-26'],
    async (t) => {
      const [channel, x, names] = [await t.channel(), t.name('x'), await queues(t, 3)]
      await channel.assertExchange(x, 'x-random')
      const returned: string[] = []
      channel.on('return', (message) => returned.push(body(message)))
      t.publish(channel, x, 'k', 'nobody', { mandatory: true })
      await channel.checkExchange(x)
      t.note('XT-26', 'returned from none', returned)
      for (const [i, each] of names.entries()) await channel.bindQueue(each, x, `${i}`)
      for (let i = 0; i < 90; i++) t.publish(channel, x, 'any', `${i}`)
      const found = await drained(t, names)
      t.note('XT-26', 'in all, of each', [sum(found), found.every(({ length }) => length > 5)])
    },
    apart,
  ),

  scenario(
    'a recent history is for who comes late',
    ['XT-27', 'XT-28'],
    async (t) => {
      const [channel, x, names] = [await t.channel(), t.name('x'), await queues(t, 4)]
      const [early = '', late = '', short = '', through = ''] = names
      await channel.assertExchange(x, 'x-recent-history')
      await channel.bindQueue(early, x, '')
      for (let i = 0; i < 25; i++) t.publish(channel, x, 'k', `${i}`)
      await channel.checkExchange(x)
      t.note('XT-27', 'bound before', bodies(await t.await(early, 25)).length)
      await channel.bindQueue(late, x, '')
      t.note('XT-27', 'bound after', bodies(await t.await(late, 20)))
      t.publish(channel, x, 'k', 'not kept', { headers: { 'x-recent-history-no-store': true } })
      t.note('XT-28', 'routed', bodies(await t.await(late, 1)))
      const y = t.name('y')
      await channel.assertExchange(y, 'x-recent-history', { arguments: { 'x-recent-history-length': 3 } })
      for (let i = 0; i < 5; i++) t.publish(channel, y, 'k', `${i}`)
      t.publish(channel, y, 'k', 'not kept', { headers: { 'x-recent-history-no-store': true } })
      await channel.checkExchange(y)
      await channel.bindQueue(short, y, '')
      t.note('XT-28', 'published before anything was bound', bodies(await t.await(short, 3)))
      const fan = t.name('fan')
      await channel.assertExchange(fan, 'fanout')
      await channel.bindQueue(through, fan, '')
      await channel.bindExchange(fan, y, '')
      t.note('XT-28', 'through an exchange', bodies(await t.await(through, 3)))
      for (const length of [0, -1, 'three'])
        t.note(
          'XT-27',
          `length ${length}`,
          await t.attempt((on) =>
            on.assertExchange(t.name(`z${length}`), 'x-recent-history', {
              arguments: { 'x-recent-history-length': length },
            }),
          ),
        )
    },
    apart,
  ),
]

export const trc = [
  scenario(
    'tracing shows what comes in and what goes out',
    ['TRC-01', 'TRC-02', 'TRC-03', 'TRC-04', 'TRC-05'],
    async (t) => {
      const [channel, q, dead, trace] = [await t.channel(), t.name('q'), t.name('dead'), t.name('trace')]
      await channel.assertQueue(dead)
      await channel.assertQueue(q, { deadLetterExchange: '', deadLetterRoutingKey: dead })
      await channel.assertQueue(trace)
      await channel.bindQueue(trace, 'amq.rabbitmq.trace', '#')
      t.send(channel, q, 'untraced')
      await t.get(channel, q, { noAck: true })
      t.note('TRC-01', 'off', await t.ready(trace))
      t.after(() => t.operator.setTracing(t.virtualHost, false))
      await t.operator.setTracing(t.virtualHost, true)
      // n.b. a channel asks whether to trace when it opens, or is told; the new one knows.
      const traced = await t.channel()
      const seen = async (count: number) => {
        const messages = await t.await(trace, count)
        return messages.map((message) => {
          const { node, connection, channel: number, vhost, routed_queues: routed, ...rest } = headers(message)
          const kinds = [typeof node, typeof connection, typeof number, typeof vhost].join(' ')
          return {
            key: message.fields.routingKey,
            body: body(message),
            kinds,
            routed: Array.isArray(routed) ? routed.sort() : 'none',
            headers: rest,
          }
        })
      }
      t.publish(traced, '', q, 'a', { headers: { h: 1 }, messageId: 'm', CC: [dead] })
      t.note('TRC-03', 'publish', await seen(1))
      const message = await t.get(traced, q)
      t.note('TRC-05', 'get', await seen(1))
      traced.reject(message, false)
      await t.await(dead, 2)
      const afterwards = (await seen(2)).map(({ key }) => key)
      t.note(
        'TRC-05',
        'a dead letter, got elsewhere',
        afterwards.filter((key) => key.startsWith('publish')),
      )
      t.publish(traced, 'amq.direct', t.name('nobody'), 'lost')
      t.note('TRC-04', 'unroutable', await seen(1))
      const inbox = await t.consume(traced, q, { noAck: true })
      t.send(traced, q, 'b')
      await inbox.until(1)
      t.note('TRC-02', 'a delivery', (await seen(2)).map(({ key }) => key).sort())
      await t.operator.setTracing(t.virtualHost, false)
      const untraced = await t.channel()
      t.send(untraced, q, 'c')
      await inbox.until(2)
      t.note('TRC-01', 'off again', await t.ready(trace))
    },
    { needs: ['operator'], alone: true },
  ),
]
