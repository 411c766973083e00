// Users and permissions.
import type { Channel, ChannelModel } from 'amqplib'
import { bodies } from '../look.js'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

const operator = { needs: ['operator'] } as const

interface Rights {
  readonly configure?: string
  readonly write?: string
  readonly read?: string
}

/** A user with these rights in the virtual host of the run, connected. */
async function user(t: Trial, rights: Rights, word = 'user'): Promise<[name: string, connection: ChannelModel]> {
  const name = t.name(word)
  t.after(() => t.operator.deleteUser(name))
  await t.operator.addUser(name, 'secret')
  await grant(t, name, rights)
  return [name, await t.connect({ username: name, password: 'secret' })]
}

const grant = (t: Trial, name: string, { configure = '', write = '', read = '' }: Rights) =>
  t.operator.setPermissions(t.virtualHost, name, { configure, write, read })

type Operation = (on: Channel) => unknown

export const usr = [
  scenario(
    'each operation needs its right',
    ['USR-03', 'USR-04', 'USR-06', 'GET-02', 'CON-04'],
    async (t) => {
      const [q, x, y] = [t.name('q'), t.name('x'), t.name('y')]
      const owner = await t.channel()
      await owner.assertQueue(q)
      for (const each of [x, y]) await owner.assertExchange(each, 'direct')
      const operations: Record<string, Operation> = {
        'exchange.declare': (on) => on.assertExchange(t.name('new x'), 'direct'),
        'exchange.delete': (on) => on.deleteExchange(t.name('new x')),
        'queue.declare': (on) => on.assertQueue(t.name('new q')),
        'queue.delete': (on) => on.deleteQueue(t.name('new q')),
        'queue.bind': (on) => on.bindQueue(q, x, 'k'),
        'queue.unbind': (on) => on.unbindQueue(q, x, 'k'),
        'exchange.bind': (on) => on.bindExchange(y, x, 'k'),
        'exchange.unbind': (on) => on.unbindExchange(y, x, 'k'),
        'basic.publish': (on) => t.publish(on, x, 'k', 'a'),
        'basic.publish to the default exchange': (on) => t.send(on, q, 'a'),
        'basic.get': (on) => on.get(q),
        'basic.consume': (on) => on.consume(q, () => undefined),
        'queue.purge': (on) => on.purgeQueue(q),
        'queue.declare passive': (on) => on.checkQueue(q),
        'exchange.declare passive': (on) => on.checkExchange(x),
      }
      const kinds: Rights[] = [{}, { configure: '.*' }, { write: '.*' }, { read: '.*' }, { write: '.*', read: '.*' }]
      for (const [i, rights] of kinds.entries()) {
        const [, connection] = await user(t, rights, `user${i}`)
        for (const [name, operation] of Object.entries(operations)) {
          const { died, text } = await t.attempt(operation, connection)
          const rule = name.endsWith('passive')
            ? 'USR-04'
            : name === 'basic.get'
              ? 'GET-02'
              : name === 'basic.consume'
                ? 'CON-04'
                : 'USR-03'
          t.note(rule, `${Object.keys(rights).join(', ') || 'none'}: ${name}`, { died, text })
        }
        if (i === 0) t.note('USR-06', 'denied', await t.attempt((on) => on.assertQueue(t.name('new q')), connection))
      }
    },
    operator,
  ),

  scenario(
    'an alternate or dead-letter exchange needs rights of its own',
    ['AE-07', 'DLX-16', 'USR-03', 'E2E-06', 'BIND-09'],
    async (t) => {
      const [x, q, dead] = [t.name('x'), t.name('q'), t.name('dead')]
      const owner = await t.channel()
      for (const each of [x, dead]) await owner.assertExchange(each, 'direct')
      await owner.assertQueue(q)
      const [name] = await user(t, {})
      const as = async (rights: Rights, operation: Operation) => {
        await grant(t, name, rights)
        // n.b. a channel remembers what it was allowed: every try has a connection of its own.
        const connection = await t.connect({ username: name, password: 'secret' })
        const { died, text } = await t.attempt(operation, connection)
        await connection.close()
        return { died, text }
      }
      const [own, foreign] = ['^own', '^dead']
      const exchange: Operation = (on) => on.assertExchange(t.name('own x'), 'direct', { alternateExchange: dead })
      const queue: Operation = (on) => on.assertQueue(t.name('own q'), { deadLetterExchange: dead })
      for (const [rule, what, operation] of [
        ['AE-07', 'alternate', exchange],
        ['DLX-16', 'dead letters', queue],
      ] as const) {
        t.note(rule, `${what}: configure only`, await as({ configure: own }, operation))
        t.note(rule, `${what}: and read`, await as({ configure: own, read: own }, operation))
        t.note(rule, `${what}: and write`, await as({ configure: own, write: foreign }, operation))
        t.note('USR-03', `${what}: all`, await as({ configure: own, read: own, write: foreign }, operation))
      }
      const bind: Operation = (on) => on.bindExchange(dead, x, 'k')
      const bindQueue: Operation = (on) => on.bindQueue(q, x, 'k')
      const unbindQueue: Operation = (on) => on.unbindQueue(q, x, 'k')
      t.note('E2E-06', 'write on the destination', await as({ write: '^dead' }, bind))
      t.note('E2E-06', 'read on the source', await as({ read: '^x' }, bind))
      t.note('E2E-06', 'both', await as({ write: '^dead', read: '^x' }, bind))
      t.note('BIND-09', 'write on the queue', await as({ write: '^q' }, bindQueue))
      t.note('BIND-09', 'read on the exchange', await as({ read: '^x' }, bindQueue))
      t.note('BIND-09', 'both', await as({ write: '^q', read: '^x' }, bindQueue))
      t.note('BIND-09', 'unbind with one', await as({ read: '^x' }, unbindQueue))
    },
    operator,
  ),

  scenario(
    'a pattern is found anywhere, an empty one nowhere',
    ['USR-02', 'USR-05', 'PUB-23', 'USR-13', 'USR-07'],
    async (t) => {
      const [, connection] = await user(t, { configure: 'foo|^amq\\.gen', write: '^amq\\.default', read: '' })
      const of = async (operation: Operation) => {
        const { died, text } = await t.attempt(operation, connection)
        return { died, text }
      }
      t.note('USR-02', 'inside a name', await of((on) => on.assertQueue(t.name('xfoox'))))
      t.note('USR-02', 'not in it', await of((on) => on.assertQueue(t.name('bar'))))
      t.note('USR-02', 'an empty one', await of((on) => on.get(t.name('xfoox'))))
      t.note('USR-05', 'a name by the server', await of((on) => on.assertQueue('', { exclusive: true })))
      t.note('PUB-23', 'the default exchange', await of((on) => t.send(on, t.name('xfoox'), 'a')))
      t.note('PUB-23', 'arrived', bodies(await t.await(t.name('xfoox'), 1)))
      t.note('USR-05', 'another exchange', await of((on) => t.publish(on, 'amq.direct', 'k', 'a')))
      const name = t.name('user')
      t.note('USR-13', 'an illegal pattern', (await grant(t, name, { configure: '(' })).ok)
      const channel = await t.channel(connection)
      await channel.assertQueue(t.name('xfoox'))
      t.note('USR-13', 'cleared', (await t.operator.clearPermissions(t.virtualHost, name)).ok)
      t.note(
        'USR-07',
        'a channel that was allowed before',
        await t.fate(channel, () => channel.assertQueue(t.name('xfoox'))),
      )
      t.note('USR-07', 'a new channel', await of((on) => on.assertQueue(t.name('xfoox'))))
      t.note('USR-07', 'the connection', t.isClosed(connection))
      t.note('USR-13', 'cleared again', (await t.operator.clearPermissions(t.virtualHost, name)).ok)
    },
    operator,
  ),

  scenario(
    'topic permissions look at the key',
    ['USR-08', 'USR-09', 'BIND-09'],
    async (t) => {
      const [x, y, q] = [t.name('x'), t.name('y'), t.name('q')]
      const owner = await t.channel()
      await owner.assertExchange(x, 'topic')
      await owner.assertExchange(y, 'topic')
      await owner.assertExchange(t.name('direct'), 'direct')
      await owner.assertQueue(q)
      const all = { configure: '.*', write: '.*', read: '.*' }
      const [name] = await user(t, all)
      await t.operator.setTopicPermissions(t.virtualHost, name, x, { write: '^{username}\\.', read: '^{vhost}\\.' })
      await t.operator.setTopicPermissions(t.virtualHost, name, t.name('direct'), { write: '^never', read: '^never' })
      const connection = await t.connect({ username: name, password: 'secret' })
      const of = (operation: Operation) => t.attempt(operation, connection)
      t.note('USR-08', 'publish', await of((on) => t.publish(on, x, `other.k`, 'a')))
      t.note('USR-09', 'publish with its name', await of((on) => t.publish(on, x, `${name}.k`, 'a')))
      t.note('USR-08', 'publish with a CC', await of((on) => t.publish(on, x, `${name}.k`, 'a', { CC: ['other.k'] })))
      t.note('BIND-09', 'bind', await of((on) => on.bindQueue(q, x, 'other.k')))
      t.note('USR-09', 'bind with the virtual host', await of((on) => on.bindQueue(q, x, `${t.virtualHost}.k`)))
      t.note('BIND-09', 'unbind', await of((on) => on.unbindQueue(q, x, 'other.k')))
      t.note('BIND-09', 'bind an exchange', await of((on) => on.bindExchange(y, x, 'other.k')))
      t.note('USR-09', 'an exchange without any', await of((on) => t.publish(on, y, 'other.k', 'a')))
      t.note('USR-08', 'an exchange of another type', await of((on) => t.publish(on, t.name('direct'), 'other.k', 'a')))
    },
    operator,
  ),

  scenario(
    'only an impersonator may name another user',
    ['PUB-14', 'USR-10'],
    async (t) => {
      const q = t.name('q')
      await (await t.channel()).assertQueue(q)
      const all = { configure: '.*', write: '.*', read: '.*' }
      for (const tag of ['impersonator', 'administrator']) {
        const name = t.name(tag)
        await t.operator.addUser(name, 'secret', tag)
        t.after(() => t.operator.deleteUser(name))
        await t.operator.setPermissions(t.virtualHost, name, all)
        const connection = await t.connect({ username: name, password: 'secret' })
        const fate = await t.attempt((on) => t.publish(on, '', q, 'a', { userId: 'guest' }), connection)
        t.note(tag === 'impersonator' ? 'USR-10' : 'PUB-14', tag, fate)
      }
      t.note(
        'USR-10',
        'delivered',
        (await t.await(q, 1)).map(({ properties }) => properties.userId),
      )
    },
    operator,
  ),
]
