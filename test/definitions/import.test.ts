import { Broker, type VirtualHost } from 'leveret'
import { type Definitions, diffDefinitions, exportDefinitions, importDefinitions } from 'leveret/definitions'
import { consistentHash, delayedMessage } from 'leveret/exchange-types'
import { describe, expect, it } from 'vitest'
import { drain } from '../bus/helpers.js'
import { load } from './load.js'

const queue = (name: string, more: object = {}) => {
  return { name, vhost: '/', durable: true, auto_delete: false, arguments: {}, ...more }
}
const names = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name)
const paths = (of: readonly { readonly path: string }[]) => of.map(({ path }) => path)
const thrownBy = (call: () => unknown) => {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('expected an error')
}

describe('an export of a RabbitMQ 3.10', () => {
  const loaded = () => {
    const broker = new Broker({ compatibility: '3.10' })
    const { skipped } = importDefinitions(broker, load('rabbitmq-3.10'))
    return { broker, shop: broker.virtualHost('shop'), skipped }
  }

  it('makes virtual hosts, exchanges, queues and bindings that work', async () => {
    const { shop } = loaded()
    const { arguments: args, durable, autoDelete } = shop.queues().find(({ name }) => name === 'prices') ?? {}
    expect({ args, durable, autoDelete }).toEqual({
      args: { 'x-expires': 60_000, vendor: 'acme', 'x-team': { name: 'pricing', pager: [1, 2] } },
      durable: false,
      autoDelete: true,
    })
    await shop.exchange('orders').send('price.eu', 1, { headers: { region: 'eu' } })
    await shop.exchange('orders').send('order.paid.eu', 2)
    await shop.exchange('orders').send('nobody.wants', 3)
    expect(await drain(shop.queue('prices'))).toEqual([1])
    expect(await drain(shop.queue('billing.invoices'))).toEqual([2])
    expect(await drain(shop.queue('lost')), 'by the policy of orders').toEqual([3])
  })

  it('lets users in by the hashes of their passwords, in as many connections as they may have', () => {
    const { broker } = loaded()
    const login = (user: string, password: string) => broker.connect({ virtualHost: 'shop', user, password })
    const bus = login('billing', 't0psecret')
    expect(() => login('billing', 't0psecret!')).toThrow('Login was refused')
    expect(() => login('ops', ''), 'no password, no login').toThrow('Login was refused')
    // The hash is MD5, and right: what it lacks is a permission.
    expect(() => login('legacy', 'old')).toThrow("access to vhost 'shop' refused for user 'legacy'")
    expect(() => bus.declareQueue('mails.new')).toThrow("refused for user 'billing'")
    expect(broker.users().find(({ name }) => name === 'billing')?.limits).toEqual({
      maxConnections: 50,
      maxChannels: 400,
    })
    expect(broker.users().find(({ name }) => name === 'legacy')?.tags).toEqual(['management', 'policymaker'])
  })

  it('limits the keys of topic permissions', async () => {
    const { broker } = loaded()
    const bus = broker.connect({ virtualHost: 'shop', user: 'billing', password: 't0psecret' })
    await bus.exchange('orders').send('order.paid.eu', 1)
    await expect(bus.exchange('orders').send('order.created', 1)).rejects.toThrow("topic 'order.created'")
  })

  it('sets policies, operator policies that RabbitMQ wrote as pairs, and limits', () => {
    const { shop } = loaded()
    expect(shop.operatorPolicies()).toEqual([
      { name: 'house rules', pattern: '', applyTo: 'queues', priority: 0, definition: { 'max-length': 100_000 } },
    ])
    expect(names(shop.policies())).toEqual(['HA', 'mails', 'lost'])
    expect(shop.queues().find(({ name }) => name === 'mails')).toMatchObject({
      policy: 'mails',
      effectivePolicyDefinition: { 'max-length': 100_000, 'message-ttl': 86_400_000 },
    })
    expect(shop.limits()).toEqual({ maxConnections: 200, maxQueues: 6 })
    expect(() => shop.declareQueue('one more')).toThrow('queue limit in vhost')
  })

  it('says what it left out, and why', () => {
    const { skipped } = loaded()
    expect(skipped.map(({ path, name, reason }) => [path.replace('definitions.', ''), name, reason])).toEqual([
      ['global_parameters[0]', 'cluster_name', 'this broker has no global parameters'],
      ['global_parameters[1]', 'mqtt_port_to_vhost_mapping', 'this broker has no global parameters'],
      ['parameters[2]', 'berlin', "this broker has no component 'federation-upstream'"],
      ['parameters[3]', 'archive', "this broker has no component 'shovel'"],
      ['queues[7]', 'amq.gen-reduEZsx_kwSPkCpy6wfYw', "names that begin with 'amq.' are the broker's own"],
      ['bindings[7]', undefined, "no queue 'console-7f3a' in vhost 'shop'"],
      ['bindings[8]', undefined, "no exchange 'raw' in vhost 'shop'"],
    ])
  })

  it('leaves no drift but the user that is there by default', () => {
    const { broker } = loaded()
    expect(paths(diffDefinitions(broker, load('rabbitmq-3.10')))).toEqual(['users.guest', "permissions['/'].guest"])
  })

  it('is refused by a broker that does not have what the version had', () => {
    // HA went with RabbitMQ 4.0.
    expect(() => importDefinitions(new Broker(), load('rabbitmq-3.10'))).toThrow(
      /^definitions\.policies\[0\] 'HA': .*ha-mode.* are not recognised policy settings/,
    )
  })
})

describe('an export of a RabbitMQ 4', () => {
  it('is refused for a queue type or exchange type that the broker does not have, by its name', () => {
    const later = thrownBy(() => importDefinitions(new Broker(), load('rabbitmq-4')))
    expect(later).toMatchObject({ code: 'PRECONDITION_FAILED', message: expect.stringContaining("[1] 'later'") })
    const broker = new Broker({ exchangeTypes: [delayedMessage] })
    const spread = thrownBy(() => importDefinitions(broker, load('rabbitmq-4')))
    expect(spread).toMatchObject({ replyText: "PRECONDITION_FAILED - unknown exchange type 'x-modulus-hash'" })
    const { queues, vhosts } = load('rabbitmq-4')
    const events = thrownBy(() => importDefinitions(new Broker(), { queues, vhosts } as Definitions))
    expect((events as Error).message).toMatch(/^definitions\.queues\[2\] 'events': .*unsupported queue type 'stream'/)
  })

  it('loads without them where one says so, and says what it left out', async () => {
    const broker = new Broker({ exchangeTypes: [delayedMessage, consistentHash] })
    const { skipped } = importDefinitions(broker, load('rabbitmq-4'), { unsupported: 'skip' })
    expect(skipped.map(({ path, reason }) => [path.replace('definitions.', ''), reason])).toEqual([
      ['vhosts[1].metadata.default_queue_type', 'queues are classic by default here'],
      ['global_parameters[0]', 'this broker has no global parameters'],
      ['global_parameters[1]', 'this broker has no global parameters'],
      ['exchanges[2]', "this broker has no exchange type 'x-modulus-hash'"],
      ['parameters[1]', "this broker has no component 'federation-upstream-set'"],
      ['queues[2]', "this broker has no queue type 'stream'"],
      ['bindings[2]', "no queue 'events' in vhost 'shop'"],
      ['bindings[3]', "no exchange 'spread' in vhost 'shop'"],
    ])
    const bus = broker.connect({ virtualHost: 'shop', user: 'app', password: 'app' })
    await bus.exchange('later').send('mails', 'now')
    expect(await drain(bus.queue('mails'))).toEqual(['now'])
    expect(broker.virtualHost('shop').queues()[0]).toMatchObject({ type: 'quorum', policy: 'backoff' })
  })
})

describe('an import', () => {
  it('overwrites users, permissions, policies and parameters, and leaves the rest as it is', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    await host.declareExchange('e', 'fanout', { durable: false })
    const q = await host.declareQueue('q', { maxLength: 5 })
    await q.send('kept')
    host.setPolicy('p', { pattern: '^q', definition: { 'max-length': 3 } })
    host.setLimits({ maxQueues: 9 })
    broker.addUser('u', { password: 'old', tags: ['monitoring'] })
    broker.setUserLimits('u', { maxChannels: 1 })
    const definitions = {
      users: [{ name: 'u', password: 'new', tags: [] }],
      permissions: [{ user: 'guest', vhost: '/', configure: '', write: '', read: '.*' }],
      exchanges: [
        { name: 'e', vhost: '/', type: 'topic', durable: true, auto_delete: false, internal: false, arguments: {} },
      ],
      policies: [
        { name: 'p', vhost: '/', pattern: '', definition: { 'max-length': 7 }, priority: 2, 'apply-to': 'queues' },
      ],
      parameters: [{ vhost: '/', component: 'vhost-limits', name: 'limits', value: { 'max-connections': 4 } }],
      queues: [queue('q', { durable: false, arguments: { 'x-max-length': 1 } }), queue('more')],
      bindings: [
        { source: 'e', vhost: '/', destination: 'q', destination_type: 'queue', routing_key: '', arguments: {} },
      ],
    } as const satisfies Definitions
    importDefinitions(broker, definitions)
    expect(importDefinitions(broker, definitions), 'twice').toEqual({ skipped: [] })
    expect(host.exchanges().at(-1)).toMatchObject({ name: 'e', type: 'fanout', durable: false, bindings: 1 })
    expect(host.queues().map(({ name, durable, arguments: args }) => [name, durable, args])).toEqual([
      ['q', true, { 'x-max-length': 5 }],
      ['more', true, {}],
    ])
    expect(host.policies()).toEqual([
      { name: 'p', pattern: '', applyTo: 'queues', priority: 2, definition: { 'max-length': 7 } },
    ])
    expect(host.limits()).toEqual({ maxConnections: 4 })
    expect(broker.users()[1]).toMatchObject({ name: 'u', tags: [], limits: { maxChannels: 1 } })
    expect(broker.permissions()[0]).toMatchObject({ user: 'guest', configure: '', read: '.*' })
    expect(await drain(q)).toEqual(['kept'])
  })

  it('fills in what a file may leave out', async () => {
    const broker = new Broker()
    const short = {
      vhosts: [{ name: 'v', tracing: true }],
      exchanges: [{ name: 'e', vhost: 'v', type: 'direct', arguments: [] }],
      policies: [{ name: 'p', vhost: 'v', pattern: 'q', definition: { 'max-length': 1 } }],
      queues: [{ name: 'q', vhost: 'v' }],
      bindings: [{ source: 'e', vhost: 'v', destination: 'q', destination_type: 'queue', routing_key: 'k' }],
    }
    expect(importDefinitions(broker, short as never).skipped).toEqual([])
    const host = broker.virtualHost('v')
    const made = { durable: true, autoDelete: false, arguments: {} }
    expect(host.exchanges().at(-1)).toMatchObject({ name: 'e', ...made, internal: false })
    expect(host.queues()).toMatchObject([{ name: 'q', ...made, policy: 'p', exclusive: false }])
    expect(host.policies()).toMatchObject([{ applyTo: 'all', priority: 0 }])
    await host.queue('q').bind(host.exchange('amq.rabbitmq.trace').key('publish.#'))
    await host.exchange('e').send('nowhere', 'a message')
    expect((await host.queue('q').get())?.routingKey, 'of the firehose').toBe('publish.e')
  })

  it('hashes with MD5 where a file is older than the field that says how', () => {
    const { users = [] } = load('rabbitmq-3.10')
    const legacy = { ...users.find(({ name }) => name === 'legacy'), hashing_algorithm: undefined }
    for (const [rabbit_version, algorithm] of [
      ['3.5.7', 'md5'],
      ['3.6.1', 'sha256'],
      [undefined, 'sha256'],
    ]) {
      const broker = new Broker()
      importDefinitions(broker, { users: [legacy], ...(rabbit_version && { rabbit_version }) } as never)
      expect(broker.users()[1]?.hashingAlgorithm).toBe(`rabbit_password_hashing_${algorithm}`)
    }
  })

  it('gives nobody a right that is not in the file, not even guest in a new virtual host', () => {
    const broker = new Broker()
    importDefinitions(broker, { vhosts: [{ name: '/' }, { name: 'new' }] })
    expect(broker.permissions().map(({ user, virtualHost }) => [user, virtualHost])).toEqual([['guest', '/']])
  })

  it('leaves what it had imported when an entry is refused', () => {
    const broker = new Broker()
    const refused = {
      users: [{ name: 'u', password: 'x', tags: [] }],
      exchanges: [{ name: 'e', vhost: '/', type: 'topic' }],
      queues: [queue('first'), queue('second', { arguments: { 'x-expires': 0 } }), queue('third')],
    }
    expect(thrownBy(() => importDefinitions(broker, refused as never))).toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringContaining("definitions.queues[1] 'second': PRECONDITION_FAILED - invalid arg 'x-expires'"),
    })
    expect(names(broker.users())).toEqual(['guest', 'u'])
    expect(names(broker.virtualHost('/').queues())).toEqual(['first'])
    expect(names(broker.virtualHost('/').exchanges())).toContain('e')
  })

  it('passes over names of the broker and implicit bindings', () => {
    const broker = new Broker()
    const flags = { vhost: '/', durable: true, auto_delete: false, internal: false, arguments: {} }
    const implicit = {
      source: '',
      vhost: '/',
      destination: 'q',
      destination_type: 'queue',
      routing_key: 'q',
      arguments: {},
    }
    const { skipped } = importDefinitions(broker, {
      exchanges: [
        { name: '', type: 'direct', ...flags },
        { name: 'amq.mine', type: 'fanout', ...flags },
      ],
      queues: [queue('q'), queue('amq.mine')],
      bindings: [{ ...implicit, destination_type: 'queue' }],
    })
    expect(paths(skipped)).toEqual(['definitions.exchanges[0]', 'definitions.exchanges[1]', 'definitions.queues[1]'])
    expect(names(broker.virtualHost('/').queues())).toEqual(['q'])
    expect(names(broker.virtualHost('/').exchanges())).not.toContain('amq.mine')
  })

  it('names what it does not know, with what may have been meant', () => {
    const misspelt = {
      queue: [],
      queues: [{ ...queue('q'), durabel: false }],
      users: [{ name: 'u', tags: [], limits: { 'max-conections': 1 } }],
      parameters: [{ vhost: '/', component: 'vhost-limits', name: 'limits', value: { 'max-queue': 1 } }],
      product_name: 'RabbitMQ',
      rabbitmq_definition_format: 'cluster',
    }
    const { skipped } = importDefinitions(new Broker(), misspelt as never)
    expect(skipped).toEqual([
      { path: 'definitions.queue', name: undefined, reason: "unknown section; did you mean 'queues'?" },
      { path: 'definitions.queues[0].durabel', name: 'q', reason: "unknown field; did you mean 'durable'?" },
      { path: 'definitions.users[0].limits.max-conections', name: 'u', reason: 'unknown limit' },
      { path: 'definitions.parameters[0].value.max-queue', name: 'limits', reason: 'unknown limit' },
    ])
  })

  it('adds no queue where they would be more than the virtual host may have, unless it is the file that limits', () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const limits = { vhost: '/', component: 'vhost-limits', name: 'limits', value: { 'max-queues': 1 } }
    importDefinitions(broker, { parameters: [limits], queues: [queue('a'), queue('b')] })
    expect(names(host.queues())).toEqual(['a', 'b'])
    expect(importDefinitions(broker, { queues: [queue('b'), queue('a')] }).skipped).toEqual([])
    expect(() => importDefinitions(broker, { queues: [queue('b'), queue('c'), queue('d')] })).toThrow(
      'definitions.queues: PRECONDITION_FAILED - Adding 2 queue(s) to virtual host "/" would exceed the limit of 1 queue(s). ' +
        'This virtual host currently has 2 queue(s) defined. Import aborted!',
    )
    expect(names(host.queues())).toEqual(['a', 'b'])
  })

  it('can be that of a node that boots with the file: without the default user and virtual host', () => {
    const broker = new Broker({ compatibility: '3.10' })
    importDefinitions(broker, { users: [], vhosts: [{ name: 'only' }] }, { boot: true })
    expect(broker.users()).toEqual([])
    expect(broker.virtualHosts).toEqual(['only'])
    importDefinitions(broker, load('rabbitmq-3.10'), { boot: true })
    expect(
      diffDefinitions(broker, {
        ...load('rabbitmq-3.10'),
        vhosts: [{ name: '/' }, { name: 'shop' }, { name: 'only' }],
      }),
    ).toEqual([])
  })
})

describe('a file of one virtual host', () => {
  const loaded = new Broker({ compatibility: '3.10' })
  importDefinitions(loaded, load('rabbitmq-3.10'))
  const file: Definitions = JSON.parse(JSON.stringify(exportDefinitions(loaded, { virtualHost: 'shop' })))

  it('has no users, and no names of virtual hosts', () => {
    expect(Object.keys(file).sort()).toEqual(['bindings', 'exchanges', 'parameters', 'policies', 'queues'])
    const entries = Object.values(file).flat() as object[]
    expect(entries.length).toBeGreaterThan(20)
    expect(entries.filter((entry) => 'vhost' in entry)).toEqual([])
  })

  it('goes into the virtual host that one names', () => {
    const broker = new Broker({ compatibility: '3.10' })
    const host: VirtualHost = broker.createVirtualHost('copy')
    expect(importDefinitions(broker, file, { virtualHost: 'copy' }).skipped).toEqual([])
    expect(names(host.queues())).toEqual(names(loaded.virtualHost('shop').queues()))
    expect(host.operatorPolicies()).toEqual(loaded.virtualHost('shop').operatorPolicies())
    expect(host.limits()).toEqual({ maxConnections: 200, maxQueues: 6 })
    expect(broker.virtualHost('/').queues()).toEqual([])
    expect(diffDefinitions(broker, file, { virtualHost: 'copy' })).toEqual([])
  })

  it('takes everything there, whatever the entries say, and nothing of the broker', () => {
    const broker = new Broker({ compatibility: '3.10' })
    broker.createVirtualHost('copy')
    const whole = { ...load('rabbitmq-3.10'), parameters: [] }
    const { skipped } = importDefinitions(broker, whole, { virtualHost: 'copy' })
    expect(names(broker.users())).toEqual(['guest'])
    expect(names(broker.virtualHost('copy').queues())).toContain('audit')
    const reason = 'not part of one virtual host'
    expect(skipped.filter((each) => each.reason === reason)).toHaveLength(3 + 2 + 3 + 1 + 2)
  })
})
