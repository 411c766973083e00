// Queues: declare, redeclare, exclusive, auto-delete, delete, purge.
import type { Channel } from 'amqplib'
import { bodies, delivery } from '../look.js'
import { scenario } from '../scenario.js'

export const q = [
  scenario('a declare says the name, what is ready, and who consumes', ['Q-01', 'Q-02', 'CON-16'], async (t) => {
    const [channel, name] = [await t.channel(), t.name('q')]
    t.note('Q-01', 'new', await channel.assertQueue(name))
    t.send(channel, name, 'a', 'b', 'c')
    await t.get(channel, name)
    t.note('Q-01', 'one of three unacked', await t.stable(() => channel.checkQueue(name)))
    await t.consume(channel, name)
    const blocked = await t.channel()
    await blocked.prefetch(1)
    await t.consume(blocked, name)
    t.note('CON-16', 'two consumers', await t.consumers(name))
    const made = await channel.assertQueue('')
    t.note('Q-02', 'a name by the server', made)
    t.note('Q-02', 'its form', /^amq\.gen-[A-Za-z0-9_-]{22}$/.test(made.queue))
    t.note('Q-02', 'another', (await channel.assertQueue('')).queue !== made.queue)
    await channel.deleteQueue(made.queue)
  }),

  scenario('a passive declare looks, and nothing more', ['Q-04', 'Q-06'], async (t) => {
    const [connection, other] = [await t.connect(), await t.connect()]
    const [channel, name] = [await t.channel(connection), t.name('q')]
    await channel.assertQueue(name, { exclusive: true, autoDelete: true, messageTtl: 60_000 })
    t.note('Q-04', 'whatever its properties', await channel.checkQueue(name))
    t.note('Q-04', 'none', await t.attempt((on) => on.checkQueue(t.name('none')), connection))
    t.note('Q-04', 'of another connection', await t.attempt((on) => on.checkQueue(name), other))
    t.note('Q-04', 'the empty name', await t.fate(channel, () => channel.checkQueue('')))
    const next = await t.channel(connection)
    const { queue } = await next.assertQueue('', { exclusive: true })
    t.note(
      'Q-06',
      'a server name declared',
      await t.attempt((on) => on.assertQueue(queue, { exclusive: true }), connection),
    )
    t.note('Q-06', 'looked at', await t.attempt((on) => on.checkQueue(queue), connection))
    t.note('Q-06', 'a new amq. name', await t.attempt((on) => on.assertQueue('amq.foo'), connection))
  }),

  scenario('a redeclare compares in order', ['Q-07', 'Q-08', 'Q-09', 'Q-19'], async (t) => {
    const [channel, name, own] = [await t.channel(), t.name('q'), t.name('own')]
    await channel.assertQueue(name, { messageTtl: 60_000 })
    const steps = { exclusive: true, durable: false, autoDelete: true, messageTtl: 1 }
    t.note('Q-07', 'all differ', await t.attempt((on) => on.assertQueue(name, steps)))
    const { exclusive: _, ...three } = steps
    t.note('Q-07', 'all but exclusive', await t.attempt((on) => on.assertQueue(name, three)))
    const { durable: __, ...two } = three
    t.note('Q-07', 'auto-delete and an argument', await t.attempt((on) => on.assertQueue(name, two)))
    t.note(
      'Q-19',
      'auto-delete',
      await t.attempt((on) => on.assertQueue(name, { messageTtl: 60_000, autoDelete: true })),
    )
    t.note('Q-07', 'an argument', await t.attempt((on) => on.assertQueue(name, { messageTtl: 1 })))
    await channel.assertQueue(own, { exclusive: true, durable: true })
    t.note('Q-08', 'own exclusive as not exclusive', await t.attempt((on) => on.assertQueue(own)))
    t.note(
      'Q-08',
      'shared as exclusive',
      await t.attempt((on) => on.assertQueue(name, { exclusive: true, messageTtl: 60_000 })),
    )
    t.note(
      'Q-09',
      'exclusive, durable or not',
      await t.attempt((on) => on.assertQueue(own, { exclusive: true, durable: false })),
    )
    t.note(
      'Q-09',
      'exclusive, the same',
      await t.attempt((on) => on.assertQueue(own, { exclusive: true, durable: true })),
    )
  }),

  scenario('only arguments that a queue knows are compared', ['Q-10', 'Q-11', 'Q-12', 'Q-29'], async (t) => {
    const [channel, name, plain] = [await t.channel(), t.name('q'), t.name('plain')]
    await channel.assertQueue(plain, { arguments: { foo: 1 } })
    t.note(
      'Q-10',
      'another unknown one',
      await t.attempt((on) => on.assertQueue(plain, { arguments: { foo: 2, bar: 1 } })),
    )
    t.note('Q-10', 'none', await t.attempt((on) => on.assertQueue(plain)))
    await channel.assertQueue(name, { messageTtl: 60_000, maxLength: 10 })
    t.note('Q-11', 'one left out', await t.attempt((on) => on.assertQueue(name, { messageTtl: 60_000 })))
    t.note('Q-11', 'one added', await t.attempt((on) => on.assertQueue(plain, { expires: 60_000 })))
    t.note(
      'Q-12',
      'classic',
      await t.attempt((on) => on.assertQueue(plain, { arguments: { 'x-queue-type': 'classic' } })),
    )
    t.note(
      'Q-12',
      'quorum',
      await t.attempt((on) => on.assertQueue(plain, { arguments: { 'x-queue-type': 'quorum' } })),
    )
    t.note(
      'Q-29',
      'an illegal value for one that is there',
      await t.attempt((on) => on.assertQueue(plain, { expires: 0 })),
    )
    const unknown = { arguments: { 'x-queue-type': 'foo' } }
    t.note('Q-29', 'an unknown type for one that is there', await t.attempt((on) => on.assertQueue(plain, unknown)))
  }),

  scenario('an exclusive queue is its connection’s', ['Q-13', 'Q-14', 'BIND-08', 'GET-02', 'CON-04'], async (t) => {
    const [mine, other, name] = [await t.connect(), await t.connect(), t.name('q')]
    const [channel, sibling] = [await t.channel(mine), await t.channel(mine)]
    await channel.assertQueue(name, { exclusive: true })
    await channel.bindQueue(name, 'amq.direct', name)
    const ops: Record<string, [string, (on: Channel) => unknown]> = {
      declare: ['Q-13', (on) => on.assertQueue(name, { exclusive: true })],
      check: ['Q-13', (on) => on.checkQueue(name)],
      consume: ['CON-04', (on) => on.consume(name, () => undefined)],
      get: ['GET-02', (on) => on.get(name)],
      purge: ['Q-13', (on) => on.purgeQueue(name)],
      bind: ['BIND-08', (on) => on.bindQueue(name, 'amq.direct', 'k')],
      unbind: ['Q-13', (on) => on.unbindQueue(name, 'amq.direct', name)],
      delete: ['Q-13', (on) => on.deleteQueue(name)],
    }
    for (const [what, [rule, op]] of Object.entries(ops)) t.note(rule, `${what} by another`, await t.attempt(op, other))
    const far = await t.channel(other)
    t.send(far, name, 'a')
    t.publish(far, 'amq.direct', name, 'b')
    t.note('Q-14', 'published by another', bodies(await t.await(name, 2, sibling)))
    t.note('GET-02', 'get of none', await t.attempt((on) => on.get(t.name('none'))))
    t.note('CON-04', 'consume of none', await t.attempt((on) => on.consume(t.name('none'), () => undefined)))
    t.note('Q-13', 'deleted by a sibling channel', await sibling.deleteQueue(name))
  }),

  scenario(
    'exclusive queues end with their connection, before it is closed',
    ['Q-15', 'Q-16', 'CH-02', 'CH-07'],
    async (t) => {
      const [mine, other, name] = [await t.connect(), await t.connect(), t.name('q')]
      const [channel, keeper] = [await t.channel(mine), await t.channel(mine)]
      await channel.assertQueue(name, { exclusive: true })
      const inbox = await t.consume(channel, name)
      await channel.cancel(inbox.tag)
      t.note('Q-16', 'after its only consumer', await keeper.checkQueue(name))
      await channel.close()
      t.note('CH-02', 'after the channel that declared it', await keeper.checkQueue(name))
      await mine.close()
      const next = await t.channel(other)
      t.note('CH-07', 'declared elsewhere at once', await next.assertQueue(name, { exclusive: true }))
      await other.close()
      t.note('Q-15', 'is there', await t.exists(name))
      const failing = await t.connect()
      const failed = await t.channel(failing)
      await failed.assertQueue(name, { exclusive: true })
      await t.fate(failed, () => failed.assertExchange(t.name('x'), 'nope'))
      t.note('Q-15', 'is gone after a connection error', await t.until(async () => !(await t.exists(name))))
    },
  ),

  scenario('an auto-delete queue goes with its last consumer', ['Q-17', 'Q-18', 'CON-23'], async (t) => {
    const [channel, name, dead] = [await t.channel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    const make = () =>
      channel.assertQueue(name, { autoDelete: true, deadLetterExchange: '', deadLetterRoutingKey: dead })
    await make()
    t.send(channel, name, 'a', 'b')
    await t.get(channel, name)
    t.note('Q-17', 'never consumed', await t.exists(name))
    const [one, two] = [await t.consume(channel, name), await t.consume(channel, name)]
    await channel.cancel(one.tag)
    t.note('Q-17', 'one of two cancelled', await t.exists(name))
    await channel.cancel(two.tag)
    t.note('Q-18', 'both cancelled', await t.fate(channel, () => channel.checkQueue(name)))
    const next = await t.channel()
    await next.assertQueue(name, { autoDelete: true })
    t.send(next, name, 'a')
    await (await t.consume(next, name)).until(1)
    await next.close()
    t.note('CON-23', 'its channel closed with a message unacked', await t.exists(name))
    const connection = await t.connect()
    const last = await t.channel(connection)
    await last.assertQueue(name, { autoDelete: true })
    await t.consume(last, name)
    await connection.close()
    t.note('CON-23', 'its connection closed', await t.exists(name))
    t.note('Q-18', 'dead letters', await t.ready(dead))
  }),

  scenario('a delete counts what was ready, and may ask first', ['Q-22', 'Q-23', 'Q-24', 'DLX-01'], async (t) => {
    const [channel, name, dead] = [await t.channel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    t.note('Q-22', 'none', await channel.deleteQueue(t.name('none')))
    const options = { deadLetterExchange: '', deadLetterRoutingKey: dead }
    await channel.assertQueue(name, options)
    t.send(channel, name, 'a', 'b')
    t.note('Q-23', 'if empty', await t.attempt((on) => on.deleteQueue(name, { ifEmpty: true })))
    const inbox = await t.consume(channel, name)
    await inbox.until(2)
    t.note('Q-23', 'if unused', await t.attempt((on) => on.deleteQueue(name, { ifUnused: true })))
    const both = t.name('both')
    await channel.assertQueue(both)
    const idle = await t.channel()
    await idle.prefetch(1)
    await t.consume(idle, both)
    t.send(channel, both, 'a', 'b')
    await t.until(async () => (await t.ready(both)) === 1)
    t.note('Q-23', 'both', await t.attempt((on) => on.deleteQueue(both, { ifUnused: true, ifEmpty: true })))
    t.note('Q-23', 'if empty, all unacked', await t.attempt((on) => on.deleteQueue(name, { ifEmpty: true })))
    t.note('Q-24', 'is there', await t.exists(name))
    t.note('Q-24', 'the consumer was cancelled', await t.until(() => inbox.cancels === 1))
    await channel.assertQueue(name, options)
    t.send(channel, name, 'c', 'd', 'e')
    t.note('Q-22', 'three ready', await channel.deleteQueue(name))
    t.note('Q-22', 'again', await channel.deleteQueue(name))
    t.note('DLX-01', 'dead letters of deleted queues', await t.ready(dead))
  }),

  scenario('a purge takes what is ready', ['Q-25', 'DLX-01'], async (t) => {
    const [channel, name, dead] = [await t.channel(), t.name('q'), t.name('dead')]
    await channel.assertQueue(dead)
    await channel.assertQueue(name, { deadLetterExchange: '', deadLetterRoutingKey: dead })
    t.send(channel, name, 'a', 'b', 'c')
    await t.get(channel, name)
    t.note('Q-25', 'two of three', await channel.purgeQueue(name))
    await channel.recover()
    t.note('Q-25', 'left', (await t.take(name, channel)).map(delivery))
    t.note('Q-25', 'none', await t.attempt((on) => on.purgeQueue(t.name('none'))))
    t.note('DLX-01', 'dead letters of a purge', await t.ready(dead))
  }),

  scenario('every queue is bound to the default exchange by its name', ['Q-26', 'XT-03'], async (t) => {
    const [channel, name] = [await t.channel(), t.name('q')]
    await channel.assertQueue(name)
    t.note('Q-26', 'cannot be unbound', await t.attempt((on) => on.unbindQueue(name, '', name)))
    t.send(channel, name, 'a')
    t.note('Q-26', 'reached', (await t.take(name, channel)).map(delivery))
    await channel.deleteQueue(name)
    const returned: unknown[] = []
    channel.on('return', (message) => returned.push(message.fields))
    t.publish(channel, '', name, 'b', { mandatory: true })
    await channel.assertQueue(name)
    t.note('XT-03', 'after it was deleted', returned)
  }),
]

const refused = {
  'QA-04': { 'x-expires': [0, -10, '10', 1.5, { '!': 'long', value: 315_360_000_001 }, true] },
  'QA-05': { 'x-message-ttl': [-1, '10', 1e12, 1.5, null] },
  'QA-06': { 'x-max-length': [-1, '10', 1.5], 'x-max-length-bytes': [-1, '10', true] },
  'QA-07': { 'x-max-priority': [-10, 256, 3000, 'ten', 1.5] },
  'QA-08': { 'x-overflow': ['foo', 1, ''] },
  'QA-09': { 'x-dead-letter-exchange': [133, true] },
  'QA-10': { 'x-dead-letter-routing-key': ['only', 1] },
  'QA-11': { 'x-single-active-consumer': ['true', 1] },
  'QA-12': { 'x-queue-type': ['foo', 1, ''] },
}

const accepted = {
  'QA-04': { 'x-expires': [60_000, { '!': 'long', value: 315_360_000_000 }] },
  'QA-05': { 'x-message-ttl': [0, { '!': 'long', value: 315_360_000_000 }] },
  'QA-06': { 'x-max-length': [0, 10], 'x-max-length-bytes': [0, 10] },
  'QA-07': { 'x-max-priority': [0, 1, 255] },
  'QA-08': { 'x-overflow': ['drop-head', 'reject-publish', 'reject-publish-dlx'] },
  'QA-09': { 'x-dead-letter-exchange': ['', 'of no exchange'] },
  'QA-11': { 'x-single-active-consumer': [true, false] },
  'QA-12': { 'x-queue-type': ['classic'] },
}

type Values = Record<string, Record<string, readonly unknown[]>>

export const qa = [
  ...Object.entries(refused as Values).map(([rule, keys]) =>
    scenario(`${Object.keys(keys).join(' and ')}: what is refused`, [rule, 'Q-28'], async (t) => {
      for (const [key, values] of Object.entries(keys))
        for (const value of values) {
          const fate = await t.attempt((on) => on.assertQueue(t.name('q'), { arguments: { [key]: value } }))
          t.note(rule, `${key}: ${JSON.stringify(value)}`, fate)
        }
      t.note('Q-28', 'the queue was made', await t.exists(t.name('q')))
    }),
  ),

  ...Object.entries(accepted as Values).map(([rule, keys]) =>
    scenario(`${Object.keys(keys).join(' and ')}: what is accepted`, [rule, 'QA-01'], async (t) => {
      const channel = await t.channel()
      for (const [key, values] of Object.entries(keys))
        for (const value of values) {
          const args = { arguments: { [key]: value } }
          t.note(rule, `${key}: ${JSON.stringify(value)}`, await t.attempt((on) => on.assertQueue(t.name('q'), args)))
          t.note('QA-01', `${key} again`, await t.attempt((on) => on.assertQueue(t.name('q'), args)))
          await channel.deleteQueue(t.name('q'))
        }
    }),
  ),

  scenario('an argument that another type of queue knows is refused', ['Q-27', 'QA-01', 'QA-10'], async (t) => {
    const quorum = { 'x-queue-type': 'quorum' }
    const of = (args: Record<string, unknown>) => t.attempt((on) => on.assertQueue(t.name('q'), { arguments: args }))
    t.note('Q-27', 'priorities on quorum', await of({ ...quorum, 'x-max-priority': 10 }))
    t.note('Q-27', 'a delivery limit on classic', await of({ 'x-delivery-limit': 3 }))
    t.note('Q-27', 'max-age on classic', await of({ 'x-max-age': '1D' }))
    t.note('QA-01', 'a key that nobody knows', await of({ 'x-nobody-knows': 1 }))
    t.note(
      'QA-10',
      'a key with its exchange',
      await t.attempt((on) => on.assertQueue(t.name('r'), { deadLetterExchange: '', deadLetterRoutingKey: '' })),
    )
    const all = {
      'x-expires': 60_000,
      'x-message-ttl': 60_000,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'k',
      'x-max-length': 10,
      'x-max-length-bytes': 10_000,
      'x-max-priority': 3,
      'x-overflow': 'reject-publish',
      'x-queue-mode': 'lazy',
      'x-queue-version': 2,
      'x-single-active-consumer': true,
      'x-queue-type': 'classic',
      'x-queue-master-locator': 'client-local',
    }
    t.note(
      'QA-01',
      'all that a classic queue knows',
      await t.attempt((on) => on.assertQueue(t.name('all'), { arguments: all })),
    )
  }),
]
