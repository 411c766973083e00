/** Users, passwords, permissions, topic permissions and limits: who may come in, and do what. */
import { type Broker, type Bus, Broker as LocalBroker } from 'leveret'
import { expect } from 'vitest'
import type { AmqpChannel } from '../../src/channel/amqp-channel.js'
import { openConnection } from '../../src/internal.js'
import { turn } from '../support/turn.js'
import { onEveryEngine } from './engines.js'
import { drain, errorOf, hasQueue } from './helpers.js'

const inside = { needs: ['inside'] } as const
const ALL = { configure: '.*', write: '.*', read: '.*' }
const LOGIN = { user: 'u', password: 'secret' }
const LOGIN_REFUSED =
  'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.'

/** A bus of a user with these rights on '/'. */
function busOf(broker: Broker, permissions = ALL): Bus {
  broker.addUser('u', { password: 'secret' })
  broker.setPermissions('u', permissions)
  return broker.connect(LOGIN)
}

/** An AMQP channel of the user `u`, and what it and its connection were closed with. */
function amqpOf(broker: Broker, login: object = LOGIN) {
  const closed: unknown[] = []
  const connection = openConnection(broker, login, { closed: (error) => closed.push(error.replyText) })
  const channel = (): AmqpChannel =>
    connection.createChannel({
      delivered: () => undefined,
      cancelled: () => undefined,
      returned: () => undefined,
      confirmed: () => undefined,
      closed: (error) => closed.push(error.replyText),
    })
  return { connection, channel, closed }
}

const refused = (right: string, what: string) =>
  `ACCESS_REFUSED - ${right} access to ${what} in vhost '/' refused for user 'u'`

onEveryEngine('users', (scenario) => {
  scenario('log in with their password, and nobody else does', inside, async ({ broker }) => {
    // CH-11, CH-18, USR-01
    broker.addUser('u', { password: 'secret' })
    for (const login of [
      { user: 'u', password: 'wrong' },
      { user: 'u' },
      { user: 'v', password: 'x' },
      { password: '' },
    ]) {
      expect(await errorOf(() => broker.connect(login))).toMatchObject({ replyCode: 403, replyText: LOGIN_REFUSED })
      expect(await errorOf(() => amqpOf(broker, login))).toMatchObject({ replyCode: 403, replyText: LOGIN_REFUSED })
    }
    expect(await errorOf(() => broker.connect({ ...LOGIN, virtualHost: 'none' }))).toMatchObject({
      replyText: 'NOT_ALLOWED - vhost none not found',
    })
    expect(await errorOf(() => broker.connect(LOGIN))).toMatchObject({
      replyCode: 530,
      replyText: "NOT_ALLOWED - access to vhost '/' refused for user 'u'",
    })
    broker.setPermissions('u', { configure: '', write: '', read: '' })
    await broker.connect(LOGIN).close()
    expect(broker.overview().virtualHosts[0]?.connections).toHaveLength(2)
  })

  scenario('log in with a password that only its hash is known of', inside, async ({ broker }) => {
    // USR-11: hashes of `secret` that RabbitMQ made
    for (const [passwordHash, algorithm] of [
      ['ugVfB+sxGQH6uwEWE/+6AGG7u+lUMRWX6nQrLm1+z1iMTUvx', 'sha256'],
      ['FuSubmi9D74+Jdjf0U6tVFviE8QiaeinxpkN7AtIPuA9aT3ugOZh1pWG9nB4109L6oPJpg8/cFvZAoZwBKHSp8la93M=', 'sha512'],
      ['DheX8yF1f+9rq6qvrVJ+nCbYUas=', 'md5'],
    ] as const) {
      broker.addUser('u', { passwordHash, hashingAlgorithm: `rabbit_password_hashing_${algorithm}` })
      broker.setPermissions('u', ALL)
      await broker.connect(LOGIN).close()
      expect(await errorOf(() => broker.connect({ user: 'u', password: 'Secret' }))).toMatchObject({ replyCode: 403 })
      expect(broker.users()[1]).toMatchObject({ name: 'u', passwordHash })
    }
    broker.addUser('u', { password: 'secret' })
    const { passwordHash = '' } = broker.users()[1] ?? {}
    expect(Buffer.from(passwordHash, 'base64')).toHaveLength(36)
    broker.addUser('u', { passwordHash })
    await broker.connect(LOGIN).close()
    for (const options of [{ passwordHash: '' }, { password: '' }, {}]) {
      broker.addUser('u', options)
      expect(await errorOf(() => broker.connect({ user: 'u', password: '' }))).toMatchObject({ replyCode: 403 })
    }
  })

  scenario('are one, guest, in the beginning, who may do everything everywhere', inside, async ({ broker }) => {
    // USR-12, VH-02
    expect(broker.users()).toMatchObject([{ name: 'guest', tags: ['administrator'], limits: {} }])
    broker.createVirtualHost('tenant')
    await broker.connect({ virtualHost: 'tenant' }).declareQueue('q')
    expect(broker.permissions()).toEqual([
      { user: 'guest', virtualHost: '/', ...ALL },
      { user: 'guest', virtualHost: 'tenant', ...ALL },
    ])
    broker.deleteVirtualHost('tenant')
    expect(broker.permissions()).toHaveLength(1)
    broker.createVirtualHost('tenant')
    broker.clearPermissions('guest', 'tenant')
    expect(await errorOf(() => broker.connect({ virtualHost: 'tenant' }))).toMatchObject({ replyCode: 530 })
    broker.deleteVirtualHost('tenant')
  })

  scenario('lose their connections when they are deleted', inside, async ({ broker }) => {
    // VH-07
    const bus = busOf(broker)
    await bus.declareQueue('mine', { exclusive: true })
    const amqp = amqpOf(broker)
    const other = amqpOf(broker, {})
    broker.deleteUser('u')
    await turn()
    expect([bus.closed, amqp.closed, other.closed]).toEqual([true, ["CONNECTION_FORCED - user 'u' is deleted"], []])
    expect(broker.virtualHost().queues()).toEqual([])
    expect(await errorOf(() => broker.connect(LOGIN))).toMatchObject({ replyCode: 403 })
  })

  scenario('may be told the right in the text, or not, by version', inside, async () => {
    // USR-06
    for (const [compatibility, right] of [
      ['3.10', ''],
      ['4.3', 'configure '],
    ] as const) {
      const broker = new LocalBroker({ compatibility })
      const bus = busOf(broker, { ...ALL, configure: '' })
      expect(await errorOf(() => bus.declareQueue('q'))).toMatchObject({
        replyText: `ACCESS_REFUSED - ${right}access to queue 'q' in vhost '/' refused for user 'u'`,
      })
    }
  })

  scenario('need rights for whatever they do', inside, async ({ broker, host }) => {
    // USR-03, USR-05: every row needs exactly these rights, and names the one that is missing
    const x = await host.declareExchange('x', 'topic')
    await host.declareExchange('y', 'fanout')
    await host.declareQueue('q')
    const rows: [needs: string[], (channel: AmqpChannel) => unknown][] = [
      [['configure exchange n'], (c) => c.exchangeDeclare('n', 'fanout')],
      [
        ['configure exchange n', 'read exchange n', 'write exchange y'],
        (c) => c.exchangeDeclare('n', 'fanout', { arguments: { 'alternate-exchange': 'y' } }),
      ],
      [['configure exchange n'], (c) => c.exchangeDelete('n')],
      [['configure queue n'], (c) => c.queueDeclare('n')],
      [
        ['configure queue n', 'read queue n', 'write exchange y'],
        (c) => c.queueDeclare('n', { arguments: { 'x-dead-letter-exchange': 'y' } }),
      ],
      [['configure queue n'], (c) => c.queueDelete('n')],
      [['read queue q'], (c) => c.queuePurge('q')],
      [['read queue q'], (c) => c.basicGet('q')],
      [['read queue q'], (c) => c.basicConsume('q')],
      [['write exchange x'], (c) => c.basicPublish('x', 'k', 'body')],
      [['write exchange amq.default'], (c) => c.basicPublish('', 'k', 'body')],
      [['write queue q', 'read exchange x'], (c) => c.queueBind('q', 'x', 'k')],
      [['write queue q', 'read exchange x'], (c) => c.queueUnbind('q', 'x', 'k')],
      [['write exchange y', 'read exchange x'], (c) => c.exchangeBind('y', 'x', 'k')],
      [['write exchange y', 'read exchange x'], (c) => c.exchangeUnbind('y', 'x', 'k')],
      [[], (c) => c.basicConsume('amq.rabbitmq.reply-to', { noAck: true })],
    ]
    busOf(broker)
    const { channel, closed } = amqpOf(broker)
    for (const [needs, operate] of rows) {
      for (const missing of [...needs, undefined]) {
        const names = (right: string) =>
          needs.filter((need) => need.startsWith(right) && need !== missing).map((need) => `^${need.split(' ')[2]}$`)
        const [configure = '', write = '', read = ''] = ['configure', 'write', 'read'].map((right) =>
          names(right).join('|'),
        )
        broker.setPermissions('u', { configure, write, read })
        const [right = '', kind, name] = missing?.split(' ') ?? []
        const before = host.overview()
        if (missing === undefined) {
          operate(channel())
          await host.exchange('n').delete()
          if (await hasQueue(host, 'n')) await host.queue('n').delete()
        } else {
          const replyText = refused(right, `${kind} '${name}'`)
          expect(await errorOf(() => operate(channel())), replyText).toMatchObject({ replyCode: 403, replyText })
          await turn()
          expect(closed.splice(0)).toEqual([replyText])
          expect(host.overview()).toEqual(before)
        }
      }
    }
    broker.setPermissions('u', { configure: '^q', write: '', read: '' })
    expect(await errorOf(() => channel().queueDeclare(''))).toMatchObject({
      replyText: expect.stringMatching(/^ACCESS_REFUSED - configure access to queue 'amq\.gen-\S{22}' in vhost/),
    })
    broker.setPermissions('u', { configure: '^amq\\.gen', write: '', read: '' })
    expect(channel().queueDeclare('').name).toMatch(/^amq\.gen-/)
    expect(x.name).toBe('x')
  })

  scenario('need rights by native handles as well, and nothing is half done', inside, async ({ broker, host }) => {
    const x = await host.declareExchange('x', 'topic')
    const queue = await host.declareQueue<number>('q', { bindings: [x.key('#')] })
    const bus = busOf(broker, { configure: '^mine', write: '^mine', read: '^mine' })
    const before = host.overview()
    for (const [replyText, operate] of [
      [refused('read', "exchange 'x'"), () => bus.declareQueue('mine', { bindings: [bus.exchange('x').key('a')] })],
      [refused('configure', "queue 'dead'"), () => bus.declareQueue('mine', { deadLetter: 'dead' })],
      [refused('write', "exchange 'amq.default'"), () => bus.declareQueue('mine', { deadLetter: 'mine.dead' })],
      [refused('write', "exchange 'x'"), () => bus.exchange('x').send('k', 1)],
      [refused('write', "exchange 'amq.default'"), () => bus.queue('q').send(1)],
      [refused('read', "queue 'q'"), () => bus.queue('q').get()],
      [refused('read', "queue 'q'"), () => bus.queue('q').purge()],
      [
        refused('read', "queue 'q'"),
        () =>
          bus
            .queue('q')
            .createConsumer()
            .run(() => undefined),
      ],
      [refused('configure', "queue 'q'"), () => bus.queue('q').delete()],
      [refused('configure', "exchange 'x'"), () => bus.exchange('x').delete()],
      [refused('write', "queue 'q'"), () => bus.queue('q').bind(bus.exchange('x').key('k'))],
    ] as const) {
      expect(await errorOf(operate), replyText).toMatchObject({ code: 'ACCESS_REFUSED', replyText })
    }
    expect(host.overview()).toEqual(before)
    await host.exchange('x').send('k', 1)
    expect(await drain(queue)).toEqual([1])
  })

  scenario('may look at what they have any right to, or everybody may, by version', inside, async () => {
    // USR-04
    for (const [compatibility, free] of [
      ['3.10', true],
      ['4.3', false],
    ] as const) {
      const broker = new LocalBroker({ compatibility })
      const host = broker.virtualHost()
      for (const name of ['a', 'b']) await host.declareQueue(name)
      busOf(broker, { configure: '', write: '', read: '^a$' })
      const { channel } = amqpOf(broker)
      expect(channel().queueDeclare('a', { passive: true }).name).toBe('a')
      for (const look of [
        () => channel().queueDeclare('b', { passive: true }),
        () => channel().exchangeDeclare('amq.topic', 'topic', { passive: true }),
      ]) {
        if (free) look()
        else expect(await errorOf(look)).toMatchObject({ replyCode: 403 })
      }
    }
  })

  scenario('match anywhere in a name', inside, async ({ broker }) => {
    // USR-02
    const bus = busOf(broker, { configure: 'foo', write: '', read: '' })
    await bus.declareQueue('xfoox')
    expect(await errorOf(() => bus.declareQueue('fo'))).toMatchObject({ code: 'ACCESS_REFUSED' })
  })

  scenario('lose and gain rights from one operation to the next', inside, async ({ broker, host }) => {
    // USR-07: RabbitMQ's channels may remember for a while
    await host.declareExchange('x', 'fanout')
    const bus = busOf(broker)
    const producer = bus.exchange('x').createProducer()
    await producer.send('k', 1)
    const other = broker.connect().exchange('x').createProducer()
    await other.send('k', 1)
    broker.setPermissions('u', { ...ALL, write: '' })
    expect(await errorOf(() => producer.send('k', 2))).toMatchObject({ code: 'ACCESS_REFUSED' })
    await other.send('k', 2)
    broker.setPermissions('u', ALL)
    await producer.send('k', 3)
    broker.clearPermissions('u')
    broker.clearPermissions('u')
    expect(await errorOf(() => producer.send('k', 4))).toMatchObject({ code: 'ACCESS_REFUSED' })
    expect(bus.closed).toBe(false)
  })

  scenario('are limited in the keys of topic exchanges', inside, async ({ broker, host }) => {
    // USR-08, USR-09
    const x = await host.declareExchange('x', 'topic')
    await host.declareExchange('f', 'fanout')
    const queue = await host.declareQueue('q', { bindings: [x.key('#')] })
    const bus = busOf(broker)
    const producer = bus.exchange('x').createProducer()
    await producer.send('anything', 1)
    broker.setTopicPermissions('u', { exchange: 'x', write: '^{username}-{vhost}\\.', read: '^b' })
    broker.setTopicPermissions('u', { exchange: 'f', write: '', read: '' })
    const topic = (right: string, key: string) => refused(right, `topic '${key}' in exchange 'x'`)
    expect(await errorOf(() => producer.send('anything', 2))).toMatchObject({ replyText: topic('write', 'anything') })
    await producer.send('u-/.a', 3)
    for (const name of ['CC', 'BCC']) {
      const sent = errorOf(() => producer.send('u-/.a', 4, { headers: { [name]: ['u-/.b', 'c'] } }))
      expect(await sent).toMatchObject({ replyText: topic('write', 'c') })
    }
    await bus.exchange('f').send('k', 5)
    await bus.queue('q').bind(bus.exchange('x').key('b'))
    for (const verb of ['bind', 'unbind'] as const) {
      expect(await errorOf(() => bus.queue('q')[verb](bus.exchange('x').key('a')))).toMatchObject({
        replyText: topic('read', 'a'),
      })
    }
    expect(await errorOf(() => bus.declareQueue('p', { bindings: [bus.exchange('x').key('a')] }))).toMatchObject({
      replyText: topic('read', 'a'),
    })
    expect(broker.topicPermissions()).toEqual([
      { user: 'u', virtualHost: '/', exchange: 'x', write: '^{username}-{vhost}\\.', read: '^b' },
      { user: 'u', virtualHost: '/', exchange: 'f', write: '', read: '' },
    ])
    broker.clearTopicPermissions('u', '/', 'x')
    await producer.send('anything', 6)
    broker.clearTopicPermissions('u')
    expect(broker.topicPermissions()).toEqual([])
    expect(await drain(queue)).toEqual([1, 3, 6])
  })

  scenario('are limited in the keys of exchanges that are declared later', inside, async ({ broker }) => {
    const bus = busOf(broker)
    broker.setTopicPermissions('u', { exchange: 'x', write: '^a', read: '' })
    const x = await bus.declareExchange('x', 'topic')
    await x.send('a', 1)
    expect(await errorOf(() => x.send('b', 1))).toMatchObject({ code: 'ACCESS_REFUSED' })
  })

  scenario('sign with their own name, but for impersonators', inside, async ({ broker, host }) => {
    // PUB-14
    const queue = await host.declareQueue('q')
    const bus = busOf(broker)
    await bus.queue('q').send(1, { userId: 'u' })
    const forged = () => bus.queue('q').send(2, { userId: 'guest', expiration: 'x' })
    expect(await errorOf(forged)).toMatchObject({
      replyText: "PRECONDITION_FAILED - user_id property set to 'guest' but authenticated user was 'u'",
    })
    broker.addUser('u', { password: 'secret', tags: ['administrator'] })
    expect(await errorOf(forged)).toMatchObject({ replyCode: 406 })
    broker.addUser('u', { password: 'secret', tags: ['impersonator'] })
    await bus.queue('q').send(3, { userId: 'guest' })
    await host.queue('q').send(4, { userId: 'anybody' })
    expect(await drain(queue)).toEqual([1, 3, 4])
  })

  scenario('are told of by events', inside, async ({ broker }) => {
    const heard: unknown[] = []
    for (const name of [
      'user.created',
      'user.deleted',
      'user.authentication.success',
      'user.authentication.failure',
      'permission.created',
      'permission.deleted',
      'topic.permission.created',
      'topic.permission.deleted',
      'vhost.limits.set',
    ] as const) {
      broker.on(name, (event) => heard.push([name, event]))
    }
    const bus = busOf(broker)
    await errorOf(() => broker.connect({ user: 'u', password: 'x' }))
    broker.setTopicPermissions('u', { exchange: 'x', write: 'a', read: 'b' })
    broker.clearTopicPermissions('u')
    broker.clearPermissions('u')
    broker.clearPermissions('u')
    broker.virtualHost().setLimits({ maxQueues: 3 })
    await bus.close()
    broker.deleteUser('u')
    const at = { user: 'u', virtualHost: '/' }
    expect(heard).toEqual([
      ['user.created', { user: 'u' }],
      ['permission.created', { ...at, ...ALL }],
      ['user.authentication.success', { user: 'u' }],
      ['user.authentication.failure', { user: 'u' }],
      ['topic.permission.created', { ...at, exchange: 'x', write: 'a', read: 'b' }],
      ['topic.permission.deleted', at],
      ['permission.deleted', at],
      ['vhost.limits.set', { virtualHost: '/', maxConnections: -1, maxQueues: 3 }],
      ['user.deleted', { user: 'u' }],
    ])
  })
})

onEveryEngine('limits of virtual hosts and users', (scenario) => {
  scenario('refuse one queue too many, and leave those that are there', inside, async ({ bus, host }) => {
    // LIM-02, LIM-06, Q-30
    const declare = (name: string, options = {}) => bus.declareQueue(name, options)
    await declare('a')
    await declare('b', { exclusive: true })
    host.setLimits({ maxQueues: 1 })
    await declare('a')
    await declare('b', { exclusive: true })
    expect(await errorOf(() => declare('c'))).toMatchObject({
      replyCode: 406,
      replyText: "PRECONDITION_FAILED - cannot declare queue 'c': queue limit in vhost '/' (1) is reached",
    })
    host.setLimits({ maxQueues: 3 })
    expect(await errorOf(() => declare('c', { deadLetter: 'd' }))).toMatchObject({ replyCode: 406 })
    expect(host.queues()).toHaveLength(2)
    expect(host.limits()).toEqual({ maxQueues: 3 })
    host.setLimits({})
    await declare('c', { deadLetter: 'd' })
    expect(host.limits()).toEqual({})
  })

  scenario('refuse one connection too many to a virtual host', inside, async ({ broker, host }) => {
    // LIM-01, LIM-06: the engine has one connection
    const limit = (maxConnections: number) => host.setLimits({ maxConnections })
    limit(1)
    const text = (n: number) =>
      `NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (${n}) is reached`
    expect(await errorOf(() => broker.connect())).toMatchObject({ replyCode: 530, replyText: text(1) })
    limit(0)
    expect(await errorOf(() => amqpOf(broker, {}))).toMatchObject({ replyCode: 530, replyText: text(0) })
    limit(2)
    await broker.connect().close()
    await broker.connect().close()
    limit(-1)
    broker.connect()
  })

  scenario('refuse one connection or channel too many to a user', inside, async ({ broker }) => {
    // LIM-03, LIM-04
    const bus = busOf(broker)
    broker.setUserLimits('u', { maxConnections: 2, maxChannels: 2 })
    const { channel, closed, connection } = amqpOf(broker)
    expect(await errorOf(() => broker.connect(LOGIN))).toMatchObject({
      replyCode: 530,
      replyText: "NOT_ALLOWED - connection refused for user 'u': user connection limit (2) is reached",
    })
    await bus.close()
    const second = amqpOf(broker)
    channel().close()
    channel()
    second.channel()
    const text =
      "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of (2)"
    expect(await errorOf(() => channel())).toMatchObject({ replyText: text })
    await turn()
    expect([closed, connection.closed, second.closed]).toEqual([[text], true, []])
    second.channel()
    expect(broker.users()[1]?.limits).toEqual({ maxConnections: 2, maxChannels: 2 })
    broker.setUserLimits('u', {})
    for (let i = 0; i < 5; i++) amqpOf(broker).channel()
  })

  scenario('of an operator’s patience close all connections', inside, async ({ broker, host }) => {
    // CH-21
    const { closed } = amqpOf(broker, {})
    const bus = broker.connect()
    host.closeConnections('because')
    await turn()
    expect([closed, bus.closed, host.closed]).toEqual([['CONNECTION_FORCED - because'], true, false])
  })
})
