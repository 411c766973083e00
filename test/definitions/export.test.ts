import { Broker, defineTopology } from 'leveret'
import {
  type Definitions,
  diffDefinitions,
  exportDefinitions,
  importDefinitions,
  toDefinitions,
} from 'leveret/definitions'
import { describe, expect, it } from 'vitest'
import { load } from './load.js'

/** A broker with one of each. */
async function furnished(): Promise<Broker> {
  const broker = new Broker()
  broker.addUser('u', { password: 'secret', tags: ['monitoring'] })
  broker.setUserLimits('u', { maxConnections: 3 })
  broker.setPermissions('u', { configure: '^a', write: '', read: '.*' })
  broker.setTopicPermissions('u', { exchange: 'orders', write: '^w', read: '^r' })
  const host = broker.virtualHost('/')
  host.setPolicy('p', { pattern: '^a', definition: { 'max-length': 3 }, priority: 4, applyTo: 'queues' })
  host.setOperatorPolicy('o', { pattern: '', definition: { 'max-length': 30 } })
  host.setLimits({ maxQueues: 50 })
  const orders = await host.declareExchange('orders', 'topic', { alternateExchange: 'lost' })
  const lost = await host.declareExchange('lost', 'headers', { internal: true, durable: false })
  await host.declareQueue('audit', {
    maxLength: 9,
    bindings: [orders.key('order.*'), lost.key('', { 'x-match': 'any', a: 1 })],
  })
  await host.declareQueue('mails', { retry: { attempts: 3 }, deadLetter: 'mails.dead' })
  await lost.bind(orders.key('#'))
  await broker.connect().declareQueue('mine', { exclusive: true, bindings: [orders.key('#')] })
  return broker
}

describe('exportDefinitions', () => {
  it("writes RabbitMQ's shape", async () => {
    const definitions = exportDefinitions(await furnished())
    const hash = expect.stringMatching(/^[A-Za-z0-9+/]{48}$/)
    const by = { hashing_algorithm: 'rabbit_password_hashing_sha256', password_hash: hash }
    const all = { configure: '.*', write: '.*', read: '.*' }
    const vhost = '/'
    expect(definitions).toEqual({
      rabbit_version: '4.3.0',
      rabbitmq_version: '4.3.0',
      users: [
        { name: 'guest', ...by, tags: ['administrator'], limits: {} },
        { name: 'u', ...by, tags: ['monitoring'], limits: { 'max-connections': 3 } },
      ],
      vhosts: [{ name: '/', limits: [['max-queues', 50]], metadata: { description: '', tags: [] } }],
      permissions: [
        { user: 'guest', vhost, ...all },
        { user: 'u', vhost, configure: '^a', write: '', read: '.*' },
      ],
      topic_permissions: [{ user: 'u', vhost, exchange: 'orders', write: '^w', read: '^r' }],
      parameters: [
        {
          vhost,
          component: 'operator_policy',
          name: 'o',
          value: { pattern: '', 'apply-to': 'queues', priority: 0, definition: { 'max-length': 30 } },
        },
        { vhost, component: 'vhost-limits', name: 'limits', value: { 'max-queues': 50 } },
      ],
      global_parameters: [],
      policies: [
        { vhost, name: 'p', pattern: '^a', 'apply-to': 'queues', priority: 4, definition: { 'max-length': 3 } },
      ],
      exchanges: [
        {
          name: 'orders',
          vhost,
          type: 'topic',
          durable: true,
          auto_delete: false,
          internal: false,
          arguments: { 'alternate-exchange': 'lost' },
        },
        { name: 'lost', vhost, type: 'headers', durable: false, auto_delete: false, internal: true, arguments: {} },
      ],
      queues: [
        { name: 'audit', vhost, type: 'classic', durable: true, auto_delete: false, arguments: { 'x-max-length': 9 } },
        {
          name: 'mails',
          vhost,
          type: 'quorum',
          durable: true,
          auto_delete: false,
          arguments: {
            'x-queue-type': 'quorum',
            'x-delivery-limit': 2,
            'x-dead-letter-exchange': '',
            'x-dead-letter-routing-key': 'mails.dead',
          },
        },
        { name: 'mails.dead', vhost, type: 'classic', durable: true, auto_delete: false, arguments: {} },
      ],
      bindings: [
        {
          source: 'orders',
          vhost,
          destination: 'audit',
          destination_type: 'queue',
          routing_key: 'order.*',
          arguments: {},
        },
        { source: 'orders', vhost, destination: 'lost', destination_type: 'exchange', routing_key: '#', arguments: {} },
        {
          source: 'lost',
          vhost,
          destination: 'audit',
          destination_type: 'queue',
          routing_key: '',
          arguments: { 'x-match': 'any', a: 1 },
        },
      ],
    })
    expect(exportDefinitions(new Broker({ compatibility: '3.10' })).rabbit_version).toBe('3.10.8')
  })

  it('comes back as it went, through JSON', async () => {
    const definitions: Definitions = JSON.parse(JSON.stringify(exportDefinitions(await furnished())))
    const copy = new Broker()
    expect(importDefinitions(copy, definitions).skipped).toEqual([])
    expect(exportDefinitions(copy)).toEqual(definitions)
    expect(exportDefinitions(copy), 'and again').toEqual(definitions)
  })

  it('writes what JSON has no type for', async () => {
    const broker = new Broker()
    const exchange = await broker.virtualHost('/').declareExchange('e', 'headers', {
      arguments: {
        big: 5n,
        time: new Date(123_999),
        text: Uint8Array.of(0xc3, 0xa4),
        bytes: Uint8Array.of(1, 200),
        nothing: null,
        deep: [1, { at: new Date(1000) }, null],
      },
    })
    expect(exportDefinitions(broker).exchanges.find(({ name }) => name === exchange.name)?.arguments).toEqual({
      big: 5,
      time: 123,
      text: 'ä',
      bytes: 'Not UTF-8, base64 is: Acg=',
      nothing: null,
      deep: [1, { at: 1 }, null],
    })
  })

  it('takes what toDefinitions writes', () => {
    const topology = defineTopology({
      exchanges: { orders: { type: 'topic' } },
      queues: { audit: { maxLength: 10 }, mails: { deadLetter: 'mails.dead' } },
      bindings: [{ from: 'orders', to: 'audit', key: '#' }],
    })
    const broker = new Broker()
    const definitions = toDefinitions(topology)
    expect(importDefinitions(broker, definitions).skipped).toEqual([])
    expect(diffDefinitions(broker, definitions)).toEqual([])
    const { exchanges, queues, bindings } = exportDefinitions(broker)
    expect({ exchanges, queues: queues.map(({ type: _, ...rest }) => rest), bindings }).toEqual(definitions)
  })
})

describe('diffDefinitions', () => {
  const drift = (broker: Broker, definitions: Definitions, options?: { virtualHost: string }) =>
    diffDefinitions(broker, definitions, options).map(({ path, problem }) => `${problem} ${path}`)

  it('finds none in the broker that was exported, and changes nothing', async () => {
    const broker = await furnished()
    const before = structuredClone(broker.overview())
    expect(diffDefinitions(broker, exportDefinitions(broker))).toEqual([])
    expect(diffDefinitions(broker, {})).toEqual([])
    expect(broker.overview()).toEqual(before)
  })

  it('names every field that is different, with what was expected and what was found', async () => {
    const broker = await furnished()
    const definitions: Definitions = JSON.parse(JSON.stringify(exportDefinitions(broker)))
    const host = broker.virtualHost('/')
    broker.addUser('u', { password: 'other', tags: ['monitoring', 'management'] })
    broker.setUserLimits('u', { maxConnections: 4, maxChannels: 1 })
    broker.setPermissions('u', { configure: '^a', write: 'x', read: '.*' })
    broker.setTopicPermissions('u', { exchange: 'orders', write: '^w', read: '' })
    host.setPolicy('p', { pattern: '^b', definition: { 'max-length': 4, expires: 5 }, priority: 5, applyTo: 'all' })
    host.setOperatorPolicy('o', { pattern: '', definition: { 'max-length': 31 } })
    host.setLimits({ maxQueues: 51 })
    await host.queue('audit').delete()
    await host.declareQueue('audit', { durable: false, messageTtl: 7 })
    await host.exchange('lost').delete()
    await host.declareExchange('lost', 'fanout', { autoDelete: true })
    const found = diffDefinitions(broker, definitions)
    expect(found.map(({ path, problem }) => `${problem} ${path}`)).toEqual([
      'different users.u.password_hash',
      'different users.u.tags',
      "different users.u.limits['max-connections']",
      "different users.u.limits['max-channels']",
      "different permissions['/'].u.write",
      "different topic_permissions['/'].u.orders.read",
      "different exchanges['/'].lost.type",
      "different exchanges['/'].lost.durable",
      "different exchanges['/'].lost.auto_delete",
      "different exchanges['/'].lost.internal",
      "different policies['/'].p.pattern",
      "different policies['/'].p['apply-to']",
      "different policies['/'].p.priority",
      "different policies['/'].p.definition['max-length']",
      "different policies['/'].p.definition.expires",
      "different parameters['/'].operator_policy.o.definition['max-length']",
      "different parameters['/']['vhost-limits'].limits['max-queues']",
      "different queues['/'].audit.durable",
      "different queues['/'].audit.arguments['x-max-length']",
      "different queues['/'].audit.arguments['x-message-ttl']",
      "missing bindings['/'].orders.queue.audit['order.*']",
      "missing bindings['/'].orders.exchange.lost['#']",
      `missing bindings['/'].lost.queue.audit['']['{"x-match":"any","a":1}']`,
    ])
    expect(found.find(({ path }) => path.endsWith("['x-max-length']"))).toEqual({
      path: "queues['/'].audit.arguments['x-max-length']",
      problem: 'different',
      expected: 9,
      found: undefined,
    })
    importDefinitions(broker, definitions)
    expect(drift(broker, definitions), 'queues and exchanges that exist are left as they are').toEqual([
      "different exchanges['/'].lost.type",
      "different exchanges['/'].lost.durable",
      "different exchanges['/'].lost.auto_delete",
      "different exchanges['/'].lost.internal",
      "different queues['/'].audit.durable",
      "different queues['/'].audit.arguments['x-max-length']",
      "different queues['/'].audit.arguments['x-message-ttl']",
    ])
  })

  it('lists what is missing and what is extra, of the sections that there are', async () => {
    const broker = await furnished()
    const definitions = exportDefinitions(broker)
    expect(drift(new Broker(), { ...definitions, users: [] })).toEqual([
      'extra users.guest',
      "missing permissions['/'].u",
      "missing topic_permissions['/'].u.orders",
      "missing exchanges['/'].orders",
      "missing exchanges['/'].lost",
      "missing policies['/'].p",
      "missing parameters['/'].operator_policy.o",
      "missing parameters['/']['vhost-limits'].limits",
      "missing queues['/'].audit",
      "missing queues['/'].mails",
      "missing queues['/']['mails.dead']",
      "missing bindings['/'].orders.queue.audit['order.*']",
      "missing bindings['/'].orders.exchange.lost['#']",
      `missing bindings['/'].lost.queue.audit['']['{"x-match":"any","a":1}']`,
    ])
    const [extra] = diffDefinitions(broker, { queues: definitions.queues.slice(1) })
    expect(extra).toEqual({
      path: "queues['/'].audit",
      problem: 'extra',
      expected: undefined,
      found: expect.objectContaining({ name: 'audit' }),
    })
    broker.createVirtualHost('further')
    expect(drift(broker, { vhosts: [{ name: '/' }, { name: 'gone' }] })).toEqual([
      'missing vhosts.gone',
      'extra vhosts.further',
    ])
  })

  it('compares a file of one virtual host with that one', async () => {
    const broker = await furnished()
    const file = exportDefinitions(broker, { virtualHost: '/' })
    expect(diffDefinitions(broker, file, { virtualHost: '/' })).toEqual([])
    const other = broker.createVirtualHost('other')
    await other.declareQueue('audit', { maxLength: 9 })
    await other.declareQueue('stray')
    expect(drift(broker, { queues: file.queues }, { virtualHost: 'other' })).toEqual([
      'missing queues.other.mails',
      "missing queues.other['mails.dead']",
      'extra queues.other.stray',
    ])
  })

  it('makes no difference between spellings of the same', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    await host.declareQueue('q')
    const e = await host.declareExchange('e', 'fanout')
    await host.queue('q').bind(e.key('k', { b: 1, a: { c: 2, d: 3 } }))
    broker.addUser('u', { password: 'x', tags: ['b', 'a'] })
    const same = {
      users: [
        { name: 'u', password: 'in clear', tags: 'a, b' },
        { name: 'guest', tags: ['administrator'] },
      ],
      queues: [{ name: 'q', vhost: '/', arguments: { 'x-queue-type': 'classic' } }],
      exchanges: [{ name: 'e', vhost: '/', type: 'fanout', arguments: [] }],
      parameters: [{ vhost: '/', component: 'vhost-limits', name: 'limits', value: { 'max-queues': -1 } }],
      bindings: [
        { source: '', vhost: '/', destination: 'q', destination_type: 'queue', routing_key: 'q' },
        {
          source: 'e',
          vhost: '/',
          destination: 'q',
          destination_type: 'queue',
          routing_key: 'k',
          arguments: { a: { d: 3, c: 2 }, b: 1 },
        },
      ],
    }
    expect(drift(broker, same as never)).toEqual([])
  })

  it('leaves out what no import takes', () => {
    const { global_parameters, bindings, queues, parameters, vhosts, exchanges, policies } = load('rabbitmq-3.10')
    const broker = new Broker({ compatibility: '3.10' })
    const file = { global_parameters, bindings, queues, parameters, vhosts, exchanges, policies } as Definitions
    expect(importDefinitions(broker, file).skipped).toHaveLength(7)
    expect(drift(broker, file)).toEqual([])
  })
})
