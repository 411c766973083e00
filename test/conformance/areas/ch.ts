// Channels and connections; limits; virtual hosts; alarms.
import { bodies, delivery } from '../look.js'
import { scenario } from '../scenario.js'
import type { Channel, ChannelModel, Trial } from '../trial.js'

const operator = { needs: ['operator'] } as const

/** A virtual host beside that of the run, in which guest may do everything. */
async function virtualHost(t: Trial, word: string): Promise<string> {
  const name = t.name(word)
  await t.operator.addVirtualHost(name)
  t.after(() => t.operator.deleteVirtualHost(name))
  await t.operator.setPermissions(name, 'guest', { configure: '.*', write: '.*', read: '.*' })
  return name
}

/** What the events of a connection say when it ends. */
function end(connection: ChannelModel): Promise<{ events: string[]; code: unknown; text: string }> {
  const events: string[] = []
  connection.on('error', () => events.push('error'))
  return new Promise((resolve) => {
    connection.on('close', (error?: Error) => {
      const { code } = (error ?? {}) as { code?: number }
      resolve({ events: [...events, 'close'], code, text: error?.message ?? '' })
    })
  })
}

export const ch = [
  scenario(
    'a channel is opened once, and flow is the server’s',
    ['CH-01', 'CH-04'],
    async (t) => {
      const open = () => t.attemptApart((on) => t.protocol.call(on, 'channel.open', { outOfBand: '' }))
      t.note('CH-01', 'opened twice', await open())
      const channel = await t.channel()
      t.note('CH-04', 'active', await t.protocol.call(channel, 'channel.flow', { active: true }))
      t.note('CH-04', 'inactive', await t.attemptApart((on) => t.protocol.call(on, 'channel.flow', { active: false })))
    },
    { needs: ['protocol'] },
  ),

  scenario('a number used again is a new channel', ['CH-02', 'CH-03', 'CH-06'], async (t) => {
    const [connection, q, x] = [await t.connect(), t.name('q'), t.name('x')]
    const channel = await t.channel(connection)
    await channel.assertExchange(x, 'direct')
    await channel.assertQueue(q)
    await channel.bindQueue(q, x, 'k')
    await channel.prefetch(1)
    const inbox = await t.consume(channel, q)
    t.send(channel, q, 'a', 'b')
    await inbox.until(1)
    await channel.close()
    t.note('CH-02', 'consumers', await t.consumers(q))
    t.note('CH-02', 'messages', (await t.await(q, 2)).map(delivery))
    const again = await t.channel(connection)
    t.publish(again, x, 'k', 'c')
    t.publish(again, x, 'k', 'd')
    const next = await t.consume(again, q)
    t.note(
      'CH-03',
      'tags and no prefetch',
      (await next.until(2)).map(({ fields }) => fields.deliveryTag),
    )
    again.ackAll()
    const failing = await t.channel(connection)
    await t.fate(failing, () => failing.checkQueue(t.name('none')))
    const afterwards = await t.channel(connection)
    t.note('CH-03', 'after an error', await t.fate(afterwards, () => undefined))
    t.send(again, q, 'e')
    t.note('CH-06', 'another channel’s consumer', bodies(await next.until(3)))
  }),

  scenario(
    'a hard error ends every channel',
    ['CH-07', 'CH-26', 'CH-10'],
    async (t) => {
      // n.b. an unknown exchange type would be a hard error up to 3.10 only.
      const fields = { ticket: 0, exchange: '', routingKey: 'k', mandatory: false, immediate: true, headers: {} }
      const [connection, q, own] = [await t.connect(), t.name('q'), t.name('own')]
      t.note('CH-10', 'capabilities', connection.connection.serverProperties['capabilities'])
      const [one, two] = [await t.channel(connection), await t.channel(connection)]
      await two.assertQueue(q)
      await two.assertQueue(own, { exclusive: true })
      t.send(two, q, 'a')
      await (await t.consume(two, q)).until(1)
      const ended = end(connection)
      t.note('CH-26', 'fate', await t.fate(one, () => t.protocol.publish(one, fields, 'a')))
      t.note('CH-26', 'events', await ended)
      t.note('CH-07', 'both closed', [t.isClosed(one), t.isClosed(two)])
      t.note('CH-07', 'came back', (await t.await(q, 1)).map(delivery))
      t.note('CH-07', 'consumers', await t.consumers(q))
      t.note('CH-07', 'the exclusive queue is gone', await t.until(async () => !(await t.exists(own))))
      const calls = [() => two.checkQueue(q), () => connection.createChannel(), () => connection.close()]
      for (const [i, call] of calls.entries())
        t.note('CH-26', `used afterwards, ${i}`, await t.refusal(async () => call()))
    },
    { needs: ['protocol'] },
  ),

  scenario(
    'an operator closes connections',
    ['CH-21', 'GEN-01'],
    async (t) => {
      const vhost = await virtualHost(t, 'closing')
      const connection = await t.connect({ vhost })
      const channel = await t.channel(connection)
      const ended = end(connection)
      await t.operator.closeConnections(vhost, 'because')
      t.note('CH-21', 'told', await ended)
      t.note('GEN-01', 'the channel is closed', t.isClosed(channel))
    },
    operator,
  ),

  scenario(
    'who may not come in is told why',
    ['CH-11', 'CH-18', 'USR-01', 'VH-02'],
    async (t) => {
      const [user, vhost] = [t.name('user'), t.name('empty')]
      await t.operator.addVirtualHost(vhost)
      t.after(() => t.operator.deleteVirtualHost(vhost))
      await t.operator.addUser(user, 'secret')
      t.after(() => t.operator.deleteUser(user))
      const login = { username: user, password: 'secret' }
      t.note('CH-11', 'a wrong password', await t.refusal(() => t.connect({ username: user, password: 'wrong' })))
      t.note('CH-11', 'nobody', await t.refusal(() => t.connect({ username: t.name('nobody'), password: 'a' })))
      t.note('USR-01', 'no permissions', await t.refusal(() => t.connect(login)))
      t.note('CH-18', 'no such virtual host', await t.refusal(() => t.connect({ vhost: t.name('none') })))
      t.note('VH-02', 'a new one is nobody’s', await t.refusal(() => t.connect({ vhost })))
      await t.operator.setPermissions(vhost, user, { configure: '', write: '', read: '' })
      const granted = await t.connect({ ...login, vhost })
      t.note('USR-01', 'a record that grants nothing', await t.attempt((on) => on.checkExchange('amq.direct'), granted))
    },
    operator,
  ),
]

export const lim = [
  scenario(
    'a virtual host has so many queues',
    ['LIM-02', 'LIM-06', 'Q-30', 'Q-29'],
    async (t) => {
      const vhost = await virtualHost(t, 'limited')
      const connection = await t.connect({ vhost })
      const declare = (word: string, options = {}) =>
        t.attempt((on) => on.assertQueue(t.name(word), options), connection)
      await declare('a')
      await declare('b', { exclusive: true })
      await declare('c', { durable: false })
      await t.operator.setVirtualHostLimits(vhost, { 'max-queues': 2 })
      t.note('LIM-06', 'those there stay', [
        await declare('a'),
        await declare('b', { exclusive: true }),
        await declare('c', { durable: false }),
      ])
      t.note('LIM-02', 'one more', await declare('d'))
      t.note('Q-30', 'exclusive', await declare('e', { exclusive: true }))
      t.note('Q-30', 'passive', await t.attempt((on) => on.checkQueue(t.name('a')), connection))
      t.note('Q-29', 'an illegal argument', await declare('f', { expires: 0 }))
      const cleaning = await t.channel(connection)
      await cleaning.deleteQueue(t.name('a'))
      await cleaning.deleteQueue(t.name('b'))
      t.note('LIM-02', 'below the limit', await declare('d'))
      await t.operator.setVirtualHostLimits(vhost, { 'max-queues': -1 })
      t.note('LIM-02', 'no limit', await declare('g'))
    },
    operator,
  ),

  scenario(
    'connections and channels have limits',
    ['LIM-01', 'LIM-03', 'LIM-04', 'LIM-06'],
    async (t) => {
      const vhost = await virtualHost(t, 'limited')
      const first = await t.connect({ vhost })
      await t.operator.setVirtualHostLimits(vhost, { 'max-connections': 0 })
      t.note('LIM-01', 'none allowed', await t.refusal(() => t.connect({ vhost })))
      t.note('LIM-06', 'the one there', await t.attempt((on) => on.checkExchange('amq.direct'), first))
      await t.operator.setVirtualHostLimits(vhost, { 'max-connections': -1 })
      t.note('LIM-01', 'any number', await t.refusal(() => t.connect({ vhost })))
      const user = t.name('user')
      const login = { vhost, username: user, password: 'secret' }
      await t.operator.addUser(user, 'secret')
      t.after(() => t.operator.deleteUser(user))
      await t.operator.setPermissions(vhost, user, { configure: '.*', write: '.*', read: '.*' })
      await t.operator.setUserLimits(user, { 'max-channels': 2, 'max-connections': 1 })
      const connection = await t.connect(login)
      t.note('LIM-03', 'a second connection', await t.refusal(() => t.connect(login)))
      await t.channel(connection)
      await t.channel(connection)
      // The counts of channels are kept aside, and lag.
      await t.pass(300)
      const ended = end(connection)
      await t.refusal(() => t.channel(connection))
      t.note('LIM-04', 'a third channel', await ended)
    },
    operator,
  ),
]

export const vh = [
  scenario(
    'deleting a virtual host ends all in it',
    ['VH-03', 'VH-04', 'CCN-01', 'VH-01'],
    async (t) => {
      const [vhost, q, x] = [await virtualHost(t, 'doomed'), t.name('q'), t.name('x')]
      const connection = await t.connect({ vhost })
      const channel = await t.channel(connection)
      await channel.assertQueue(q)
      await channel.assertExchange(x, 'fanout')
      t.send(channel, q, 'a')
      const inbox = await t.consume(channel, q)
      const ended = end(connection)
      await t.operator.deleteVirtualHost(vhost)
      const { events, code, text } = await ended
      t.note('VH-03', 'its connection', { events, code })
      // n.b. either is told first.
      t.note('VH-03', 'told', /CONNECTION_FORCED - vhost '.*' is (deleted|down)/.test(text))
      t.note('CCN-01', 'its consumer', inbox.cancels)
      t.note('VH-04', 'deleted again', (await t.operator.deleteVirtualHost(vhost)).ok)
      t.note('VH-03', 'connect', await t.refusal(() => t.connect({ vhost })))
      await t.operator.addVirtualHost(vhost)
      t.note('VH-03', 'permissions are gone', await t.refusal(() => t.connect({ vhost })))
      await t.operator.setPermissions(vhost, 'guest', { configure: '.*', write: '.*', read: '.*' })
      const again = await t.connect({ vhost })
      t.note('VH-03', 'made anew: queue', await t.attempt((on) => on.checkQueue(q), again))
      t.note('VH-03', 'made anew: exchange', await t.attempt((on) => on.checkExchange(x), again))
      t.note('VH-01', 'made anew: its own', await t.attempt((on) => on.checkExchange('amq.topic'), again))
    },
    operator,
  ),

  scenario(
    'deleting a user ends what it has open',
    ['VH-07'],
    async (t) => {
      const user = t.name('user')
      await t.operator.addUser(user, 'secret')
      t.after(() => t.operator.deleteUser(user))
      await t.operator.setPermissions(t.virtualHost, user, { configure: '.*', write: '.*', read: '.*' })
      const connection = await t.connect({ username: user, password: 'secret' })
      const ended = end(connection)
      await t.operator.deleteUser(user)
      t.note('VH-07', 'its connection', await ended)
      await t.operator.addUser(user, 'secret')
      t.note('VH-07', 'made anew', await t.refusal(() => t.connect({ username: user, password: 'secret' })))
    },
    operator,
  ),
]

export const alm = [
  scenario(
    'an alarm stops who publishes, and nobody else',
    ['ALM-02', 'ALM-03', 'CH-22', 'CH-23'],
    async (t) => {
      const [publishing, consuming, q, r] = [await t.connect(), await t.connect(), t.name('q'), t.name('r')]
      const [channel, reading] = [await t.confirmChannel(publishing), await t.channel(consuming)]
      await channel.assertQueue(q)
      await channel.assertQueue(r)
      for (const each of ['1', '2', '3']) await t.confirmed(channel, '', q, each)
      const events: string[] = []
      for (const [name, each] of Object.entries({ publishing, consuming })) {
        each.on('blocked', (reason) => events.push(`${name} blocked: ${reason}`))
        each.on('unblocked', () => events.push(`${name} unblocked`))
      }
      const held = await t.consume(channel, r)
      await t.confirmed(channel, '', r, 'held')
      const unacked = await held.nth(1)
      t.after(() => t.operator.setMemoryAlarm(false))
      await t.operator.setMemoryAlarm(true)
      // It takes a publish to be blocked, and a while until the connection knows of the alarm.
      await t.until(async () => {
        t.publish(channel, '', t.name('nobody'), 'x')
        await t.pass(30)
        return events.length > 0
      })
      let confirmed = 'waiting'
      const answer = t.confirmed(channel, '', q, '4').then((each) => {
        confirmed = each
      })
      channel.ack(unacked)
      await t.pass(250)
      t.note('CH-22', 'during', events.slice())
      t.note('ALM-02', 'the publish', confirmed)
      const inbox = await t.consume(reading, q, { noAck: true })
      t.note('ALM-02', 'consumed during it', bodies(await inbox.until(3)))
      const late = await t.connect()
      late.on('blocked', () => events.push('late blocked'))
      t.note('ALM-03', 'a new connection', await t.attempt((on) => on.checkQueue(q), late))
      await t.operator.setMemoryAlarm(false)
      await answer
      await t.until(() => events.some((each) => each.includes('unblocked')))
      t.note('CH-22', 'after', events)
      t.note('ALM-02', 'the publish, after', [confirmed, bodies(await inbox.until(4))])
      await channel.close()
      t.note('CH-23', 'the ack sent during it counted', await t.ready(r))
    },
    { needs: ['operator'], alone: true },
  ),
]

export const timeout = [
  scenario(
    'a delivery must be acknowledged in time',
    ['CON-20', 'ACK-11'],
    async (t) => {
      const q = t.name('q')
      t.after(() => t.operator.setConsumerTimeout(0))
      await t.operator.setConsumerTimeout(700)
      const [channel, other] = [await t.channel(), await t.channel()]
      await channel.assertQueue(q)
      t.send(channel, q, 'a')
      await (await t.consume(channel, q)).until(1)
      const free = t.name('free')
      await other.assertQueue(free)
      const unacked = await t.consume(other, free, { noAck: true })
      t.send(other, free, 'b')
      await unacked.until(1)
      await t.until(() => t.isClosed(channel))
      t.note('CON-20', 'without an ack', await t.fate(channel, () => undefined))
      t.note('ACK-11', 'came back', (await t.await(q, 1)).map(delivery))
      t.note('CON-20', 'one that needs none', await t.fate(other, () => undefined))
      const late: Record<string, (on: Channel, queue: string) => unknown> = {
        'of a get': (on, queue) => t.get(on, queue),
        'of a consumer that is cancelled': async (on, queue) => {
          const inbox = await t.consume(on, queue)
          await inbox.until(1)
          await on.cancel(inbox.tag)
        },
        'of a queue that is gone': async (on, queue) => {
          await (await t.consume(on, queue)).until(1)
          await on.deleteQueue(queue)
        },
        'before one that was acknowledged': async (on, queue) => {
          t.send(on, queue, 'another')
          const inbox = await t.consume(on, queue)
          on.ack(await inbox.nth(2))
        },
      }
      const fates = Object.entries(late).map(async ([what, leave]) => {
        const [on, queue] = [await t.channel(), t.name('late') + what]
        await on.assertQueue(queue)
        t.send(on, queue, 'a')
        await leave(on, queue)
        await t.until(() => t.isClosed(on))
        return [what, (await t.fate(on, () => undefined)).code]
      })
      t.note('CON-20', 'other deliveries', await Promise.all(fates))
    },
    { needs: ['operator'], alone: true },
  ),
]
