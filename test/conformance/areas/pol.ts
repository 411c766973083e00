// Policies and operator policies, applied while messages are there.
import { bodies } from '../look.js'
import type { Policy } from '../operator.js'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

const operator = { needs: ['operator'] } as const

const exactly = (name: string) => `^${name}$`

async function policy(
  t: Trial,
  name: string,
  pattern: string,
  definition: Policy['definition'],
  more: Partial<Policy> = {},
) {
  t.after(() => t.operator.clearPolicy(t.virtualHost, t.name(name)))
  return t.operator.setPolicy(t.virtualHost, { name: t.name(name), pattern, definition, ...more })
}

async function operatorPolicy(t: Trial, name: string, pattern: string, definition: Policy['definition']) {
  t.after(() => t.operator.clearOperatorPolicy(t.virtualHost, t.name(name)))
  return t.operator.setOperatorPolicy(t.virtualHost, { name: t.name(name), pattern, definition })
}

export const pol = [
  scenario(
    'a policy acts on what is there, until it is cleared',
    ['POL-01', 'POL-05', 'LEN-11', 'POL-14', 'POL-13'],
    async (t) => {
      const [channel, q, late] = [await t.channel(), t.name('q'), t.name('q-late')]
      await channel.assertQueue(q)
      t.send(channel, q, '1', '2', '3', '4', '5')
      t.note('POL-01', 'set', (await policy(t, 'p', `^${q}|${late}`, { 'max-length': 1 })).ok)
      await t.until(async () => (await t.ready(q)) === 1)
      t.note('LEN-11', 'trimmed at once', await t.drain(q, channel))
      t.send(channel, q, 'a', 'b')
      t.note('POL-05', 'existing queue', await t.drain(q, channel))
      await channel.assertQueue(late)
      t.send(channel, late, 'a', 'b')
      t.note('POL-05', 'new queue', await t.drain(late, channel))
      t.note('POL-14', 'declared without it', await t.attempt((on) => on.assertQueue(q)))
      t.note('POL-13', 'shown', await t.operator.effectivePolicy(t.virtualHost, q))
      await t.operator.clearPolicy(t.virtualHost, t.name('p'))
      t.send(channel, q, 'a', 'b')
      t.note('POL-05', 'cleared', await t.drain(q, channel))
      t.note('POL-13', 'shown when cleared', await t.operator.effectivePolicy(t.virtualHost, q))
      const refusing = t.name('refusing')
      await channel.assertQueue(refusing)
      t.send(channel, refusing, '1', '2', '3')
      await channel.checkQueue(refusing)
      await policy(t, 'r', exactly(refusing), { 'max-length': 1, overflow: 'reject-publish' })
      t.send(channel, refusing, '4')
      t.note('LEN-11', 'limit and reject-publish by one policy', await t.drain(refusing, channel))
      const stubborn = t.name('stubborn')
      await channel.assertQueue(stubborn, { overflow: 'reject-publish' })
      t.send(channel, stubborn, '1', '2', '3')
      await channel.checkQueue(stubborn)
      await policy(t, 's', exactly(stubborn), { 'max-length': 1 })
      t.send(channel, stubborn, '4')
      t.note('LEN-11', 'the limit by policy, reject-publish by argument', await t.drain(stubborn, channel))
    },
    operator,
  ),

  scenario(
    'one policy applies, the highest that suits',
    ['POL-02', 'POL-04', 'POL-01', 'POL-06'],
    async (t) => {
      const [channel, q, x, y] = [await t.channel(), t.name('both'), t.name('both-x'), t.name('y')]
      await channel.assertQueue(q)
      await channel.assertExchange(x, 'direct')
      await channel.assertExchange(y, 'fanout')
      const dead = t.name('dead')
      await channel.assertQueue(dead)
      await channel.bindQueue(dead, y, '')
      const pattern = `^both${q.slice(4)}$`
      await policy(t, 'low', pattern, { 'max-length': 1 })
      await policy(t, 'high', pattern, { 'dead-letter-exchange': y }, { priority: 5 })
      t.send(channel, q, '1', '2')
      channel.reject(await t.get(channel, q), false)
      t.note('POL-02', 'not merged', [bodies(await t.await(dead, 1)), await t.drain(q, channel)])
      await policy(t, 'top', pattern, { 'delivery-limit': 3, 'max-length': 2 }, { priority: 9 })
      t.send(channel, q, '1', '2', '3')
      t.note('POL-04', 'a key that a classic queue does not know', await t.drain(q, channel))
      t.note('POL-04', 'shown', await t.operator.effectivePolicy(t.virtualHost, q))
      await policy(t, 'queues', `both.*${q.slice(4)}`, { 'max-length': 1 }, { priority: 20, applyTo: 'queues' })
      await policy(
        t,
        'exchanges',
        `both.*${q.slice(4)}`,
        { 'alternate-exchange': y },
        { priority: 30, applyTo: 'exchanges' },
      )
      t.send(channel, q, '1', '2', '3')
      t.note('POL-01', 'for queues only', await t.drain(q, channel))
      t.publish(channel, x, 'k', 'unroutable')
      t.note('POL-06', 'an alternate exchange', bodies(await t.await(dead, 1)))
      await t.operator.clearPolicy(t.virtualHost, t.name('exchanges'))
      t.publish(channel, x, 'k', 'lost')
      t.note('POL-06', 'cleared', await t.drain(dead))
    },
    operator,
  ),

  scenario(
    'an alternate exchange by policy gives way to an argument',
    ['AE-06', 'POL-06', 'XT-03'],
    async (t) => {
      const [channel, x, y, q] = [await t.channel(), t.name('x'), t.name('y'), t.name('q')]
      const [mine, theirs] = [t.name('mine'), t.name('theirs')]
      for (const each of [mine, theirs]) {
        await channel.assertExchange(each, 'fanout')
        await channel.assertQueue(`${each}-q`)
        await channel.bindQueue(`${each}-q`, each, '')
      }
      await channel.assertExchange(x, 'direct', { alternateExchange: mine })
      await channel.assertExchange(y, 'direct')
      await policy(
        t,
        'ae',
        `^[xy]${q.slice(1)}$|^$|^amq.default$`,
        { 'alternate-exchange': theirs },
        { applyTo: 'exchanges' },
      )
      t.publish(channel, x, 'k', 'argument')
      t.publish(channel, y, 'k', 'policy')
      t.publish(channel, '', t.name('none'), 'default')
      t.note('AE-06', 'argument', await t.drain(`${mine}-q`, channel))
      t.note('POL-06', 'policy', await t.drain(`${theirs}-q`, channel))
      t.publish(channel, '', t.name('none'), 'default')
      t.note('XT-03', 'the default exchange', await t.drain(`${theirs}-q`, channel))
    },
    operator,
  ),

  scenario(
    'what is no setting is refused',
    ['POL-07', 'POL-08', 'POL-09', 'POL-12'],
    async (t) => {
      const set = async (definition: Policy['definition']) => (await policy(t, 'p', '^never$', definition)).ok
      const settings = {
      'dead-letter-exchange': 'x', 'dead-letter-routing-key': 'k', 'dead-letter-strategy': 'at-most-once', 'message-ttl': 0,
      expires: 1, 'max-length': 0, 'max-length-bytes': 0, 'max-in-memory-length': 1, 'max-in-memory-bytes': 1,
      'queue-mode': 'lazy', 'queue-version': 2, overflow: 'reject-publish', 'delivery-limit': 3, 'max-age': '1D',
      'stream-max-segment-size-bytes': 1000, 'queue-leader-locator': 'balanced', 'initial-cluster-size': 1,
      'alternate-exchange': 'x',
    } // biome-ignore format: a table
      t.note('POL-07', 'all together', await set(settings))
      const wrong = [
        { foo: 1 },
        { expires: 0 },
        { 'message-ttl': -1 },
        { overflow: 'foo' },
        { 'dead-letter-exchange': 1 },
        {},
      ]
      for (const each of wrong) t.note('POL-08', JSON.stringify(each), await set(each))
      for (const each of [{ 'max-priority': 5 }, { 'queue-type': 'quorum' }, { 'single-active-consumer': true }])
        t.note('POL-12', JSON.stringify(each), await set(each))
      const limit = async (definition: Policy['definition']) => (await operatorPolicy(t, 'o', '^never$', definition)).ok
      const limits = { expires: 1000, 'message-ttl': 1, 'max-length': 1, 'max-length-bytes': 1, 'delivery-limit': 1 }
      t.note('POL-09', 'limits', await limit(limits))
      for (const each of [{ 'dead-letter-exchange': 'x' }, { overflow: 'reject-publish' }, { 'queue-mode': 'lazy' }])
        t.note('POL-09', JSON.stringify(each), await limit(each))
    },
    operator,
  ),

  scenario(
    'the smaller number of policy, operator policy and argument counts',
    ['POL-03', 'POL-10', 'POL-11', 'LEN-12', 'POL-13'],
    async (t) => {
      const [channel, q, big] = [await t.channel(), t.name('q'), t.name('big')]
      const fill = async (queue: string) => {
        t.send(channel, queue, ...'123456')
        return t.drain(queue, channel)
      }
      await channel.assertQueue(q, { maxLength: 4 })
      await channel.assertQueue(big)
      await policy(t, 'p', exactly(q), { 'max-length': 3, 'dead-letter-exchange': 'amq.fanout' })
      t.note('LEN-12', 'policy below argument', await fill(q))
      await policy(t, 'p', exactly(q), { 'max-length': 5, 'dead-letter-exchange': 'amq.fanout' })
      t.note('POL-11', 'argument below policy', await fill(q))
      await operatorPolicy(t, 'o', exactly(q), { 'max-length': 2, 'message-ttl': 60_000 })
      t.note('POL-10', 'operator policy below both', await fill(q))
      t.note('POL-13', 'shown', await t.operator.effectivePolicy(t.virtualHost, q))
      await operatorPolicy(t, 'alone', exactly(big), { 'max-length': 1 })
      t.note('POL-03', 'an operator policy alone', await fill(big))
      const over = t.name('over')
      await channel.assertQueue(over, { maxLength: 1, overflow: 'reject-publish' })
      await policy(t, 'over', exactly(over), { overflow: 'drop-head' })
      t.note('LEN-12', 'overflow: the argument', await fill(over))
    },
    operator,
  ),

  scenario(
    'dead letters by policy',
    ['DLX-17', 'DLX-18', 'POL-11'],
    async (t) => {
      const [channel, q, own, keyed, dead] = [
        await t.channel(),
        t.name('q'),
        t.name('own'),
        t.name('keyed'),
        t.name('dead'),
      ]
      for (const each of [dead, `${dead}-own`, q, keyed]) await channel.assertQueue(each)
      await channel.assertQueue(own, { deadLetterExchange: '', deadLetterRoutingKey: `${dead}-own` })
      for (const each of [q, own, keyed]) t.send(channel, each, 'a')
      await policy(t, 'p', `^(q|own)${dead.slice(4)}$`, { 'dead-letter-exchange': '', 'dead-letter-routing-key': dead })
      await policy(t, 'k', exactly(keyed), { 'dead-letter-routing-key': dead })
      for (const each of [q, own, keyed]) channel.reject(await t.get(channel, each), false)
      t.note('DLX-17', 'set after the publish', bodies(await t.await(dead, 1)))
      t.note('POL-11', 'the argument wins', bodies(await t.await(`${dead}-own`, 1)))
      t.note('DLX-18', 'a key without an exchange', await t.ready(dead))
    },
    operator,
  ),

  scenario(
    'a TTL or expiry by policy',
    ['TTL-10', 'TTL-16', 'POL-11', 'TTL-01'],
    async (t) => {
      const [channel, q, lease] = [await t.channel(), t.name('q'), t.name('lease')]
      await channel.assertQueue(q, { messageTtl: 60_000 })
      await channel.assertQueue(lease, { expires: 60_000 })
      t.send(channel, q, 'before')
      await channel.checkQueue(q)
      await policy(t, 'ttl', exactly(q), { 'message-ttl': 1 })
      t.send(channel, q, 'after')
      await channel.checkQueue(q)
      await t.pass(200)
      t.note('TTL-10', 'those there', await t.drain(q, channel))
      t.send(channel, q, 'alone')
      await channel.checkQueue(q)
      await t.pass(200)
      t.note('POL-11', 'the smaller TTL', await t.drain(q, channel))
      await t.operator.clearPolicy(t.virtualHost, t.name('ttl'))
      t.send(channel, q, 'cleared')
      await channel.checkQueue(q)
      await t.pass(200)
      t.note('TTL-01', 'without the policy', await t.drain(q, channel))
      await policy(t, 'lease', exactly(lease), { expires: 300 })
      t.note(
        'TTL-16',
        'expired by the smaller',
        await t.until(async () => {
          await t.pass(700)
          return !(await t.exists(lease))
        }),
      )
    },
    operator,
  ),
]
