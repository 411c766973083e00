// Definitions against a live RabbitMQ: what it exports leveret loads and exports alike, and what leveret exports it loads
// and exports alike. Skipped where no server answers to rabbitmqctl.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Channel, type ChannelModel, connect } from 'amqplib'
import fc from 'fast-check'
import { Broker } from 'leveret'
import { type Definitions, diffDefinitions, exportDefinitions, importDefinitions } from 'leveret/definitions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../tools/child.js'

const SECTIONS = [
  'exchanges',
  'queues',
  'bindings',
  'policies',
  'parameters',
  'permissions',
  'topic_permissions',
] as const

const id = `leveret-definitions-${process.pid}`
const [theirs, ours, third] = [`${id}-a`, `${id}-b`, `${id}-c`]

async function ctl(...args: readonly string[]): Promise<string> {
  const { code, output } = await run('rabbitmqctl', ['-q', ...args], { timeout: 60_000 })
  if (code !== 0) throw new Error(`rabbitmqctl ${args.join(' ')}: ${output}`)
  return output
}

const exported = async (): Promise<Definitions> => JSON.parse(await ctl('export_definitions', '-'))

/** What a virtual host is in definitions, in one order. `rename` is what it is called instead. */
function partOf(definitions: Definitions, vhost: string, rename = vhost): Definitions {
  const part = (section: (typeof SECTIONS)[number]) =>
    (definitions[section] ?? [])
      .filter((entry) => entry.vhost === vhost)
      .map((entry) => ({ ...entry, vhost: rename }))
      // n.b. the command line leaves internal exchanges out, and with them the field; it has no field for more.
      .map(({ internal: _, ...entry }: Record<string, unknown>) => sorted(entry))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return Object.fromEntries(SECTIONS.map((section) => [section, part(section)]))
}

/** The same with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]))
}

const isAnswering = (await run('rabbitmqctl', ['-q', 'list_vhosts'], { timeout: 20_000 })).code === 0

// Random topologies

const name = fc.stringMatching(/^[a-z][a-z0-9._ ä-]{0,11}$/)
const value = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.boolean(), fc.constantFrom('x', 'ä', ''))
const table = fc.dictionary(fc.constantFrom('x-team', 'color', 'n', 'ok'), value, { maxKeys: 3 })
const plain = fc.record(
  {
    'x-message-ttl': fc.integer({ min: 0, max: 100_000 }),
    'x-expires': fc.constant(3_600_000),
    'x-max-length': fc.integer({ min: 0, max: 100 }),
    'x-overflow': fc.constantFrom('drop-head', 'reject-publish'),
    'x-dead-letter-exchange': fc.constantFrom('', 'amq.fanout'),
    'x-max-priority': fc.integer({ min: 1, max: 10 }),
    'x-queue-mode': fc.constantFrom('lazy', 'default'),
    'x-queue-type': fc.constant('classic'),
    'x-single-active-consumer': fc.boolean(),
  },
  { requiredKeys: [] },
)
const quorum = fc.record(
  {
    'x-queue-type': fc.constant('quorum'),
    'x-delivery-limit': fc.integer({ min: 0, max: 9 }),
    'x-max-length': fc.nat(9),
  },
  { requiredKeys: ['x-queue-type'] },
)
const queues = fc.uniqueArray(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ name, durable: fc.boolean(), autoDelete: fc.boolean(), args: plain, more: table }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        name,
        durable: fc.constant(true),
        autoDelete: fc.constant(false),
        args: quorum,
        more: table,
      }),
    },
  ),
  { selector: (queue) => queue.name, minLength: 6, maxLength: 12 },
)
const exchanges = fc.uniqueArray(
  fc.record({
    name,
    type: fc.constantFrom('direct', 'fanout', 'topic', 'headers'),
    durable: fc.boolean(),
    autoDelete: fc.boolean(),
    alternate: fc.option(fc.constantFrom('amq.fanout', 'nobody'), { nil: undefined }),
    more: table,
  }),
  { selector: (exchange) => exchange.name, minLength: 4, maxLength: 8 },
)
const bindings = fc.array(
  fc.record({
    from: fc.nat(20),
    to: fc.nat(20),
    isQueue: fc.boolean(),
    key: fc.constantFrom('', 'a.*', '#', 'ä b'),
    args: table,
  }),
  { minLength: 10, maxLength: 30 },
)
const topology = fc.record({ queues, exchanges, bindings })
type Random = typeof topology extends fc.Arbitrary<infer T> ? T : never

async function declare(channel: Channel, { queues, exchanges, bindings }: Random): Promise<void> {
  const made = exchanges.map((exchange) => exchange.name)
  for (const { name, type, durable, autoDelete, alternate, more } of exchanges) {
    const alternateExchange = alternate === undefined ? {} : { alternateExchange: alternate }
    await channel.assertExchange(name, type, { durable, autoDelete, ...alternateExchange, arguments: more })
  }
  for (const { name, durable, autoDelete, args, more } of queues) {
    await channel.assertQueue(name, { durable, autoDelete, arguments: { ...args, ...more } })
  }
  const at = <T>(all: readonly T[], index: number) => all[index % all.length] as T
  for (const { from, to, isQueue, key, args } of bindings) {
    const source = at([...made, 'amq.topic'], from)
    if (isQueue) await channel.bindQueue(at(queues, to).name, source, key, args)
    else await channel.bindExchange(at(made, to), source, key, args)
  }
}

describe.skipIf(!isAnswering)('with a live RabbitMQ', () => {
  const folder = isAnswering ? mkdtempSync(join(tmpdir(), 'leveret-definitions-')) : ''
  let connection: ChannelModel

  beforeAll(async () => {
    await ctl('add_vhost', theirs)
    await ctl('set_permissions', '-p', theirs, 'guest', '.*', '.*', '.*')
    connection = await connect(`amqp://guest:guest@127.0.0.1/${theirs}`)
  }, 60_000)

  afterAll(async () => {
    await connection?.close()
    for (const vhost of [theirs, ours, third]) await run('rabbitmqctl', ['-q', 'delete_vhost', vhost])
    await run('rabbitmqctl', ['-q', 'delete_user', id])
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  it('loads what it exports of a random topology, and exports it alike', { timeout: 120_000 }, async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
    const [random] = fc.sample(topology, { numRuns: 1, seed })
    await declare(await connection.createChannel(), random as Random)
    await ctl('set_operator_policy', '-p', theirs, 'house rules', '^[a-m]', '{"max-length": 1000}')
    await ctl('set_vhost_limits', '-p', theirs, '{"max-queues": 100, "max-connections": -1}')
    const file = await exported()
    const part = partOf(file, theirs)
    const broker = new Broker({ compatibility: '3.10' })
    const only = { ...part, vhosts: file.vhosts?.filter((vhost) => vhost.name === theirs) } as Definitions
    expect(importDefinitions(broker, only).skipped, `seed ${seed}`).toEqual([])
    expect(diffDefinitions(broker, only).filter(({ problem }) => problem !== 'extra')).toEqual([])
    const { parameters: asPairs, ...rest } = part
    const { parameters, ...mine } = partOf(exportDefinitions(broker), theirs)
    expect(mine, `seed ${seed}`).toEqual(rest)
    // n.b. the server writes the definition of an operator policy as pairs, which it does not load itself.
    expect(parameters?.map(({ component }) => component)).toEqual(asPairs?.map(({ component }) => component))
    expect(broker.virtualHost(theirs).operatorPolicies()[0]?.definition).toEqual({ 'max-length': 1000 })

    // And the other way: into a virtual host of another name.
    const back = partOf(exportDefinitions(broker), theirs, ours)
    const path = join(folder, 'topology.json')
    writeFileSync(path, JSON.stringify({ ...back, vhosts: [{ name: ours }] }), { mode: 0o644 })
    await run('chmod', ['755', folder])
    await ctl('import_definitions', path)
    const { parameters: _, ...loaded } = partOf(await exported(), ours)
    const { parameters: __, ...sent } = back
    expect(loaded, `seed ${seed}`).toEqual(sent)
  })

  it('is understood by it in users, rights, policies and limits', { timeout: 120_000 }, async () => {
    const broker = new Broker({ compatibility: '3.10' })
    const host = broker.createVirtualHost(third)
    broker.clearPermissions('guest', third)
    broker.addUser(id, { password: 'secret', tags: ['monitoring', 'management'] })
    broker.setUserLimits(id, { maxChannels: 7 })
    broker.setPermissions(id, { virtualHost: third, configure: '^a', write: '', read: '.*' })
    broker.setTopicPermissions(id, { virtualHost: third, exchange: 'amq.topic', write: '^w', read: '^r' })
    host.setPolicy('p', { pattern: '^a', definition: { 'max-length': 3, overflow: 'drop-head' }, priority: 4 })
    host.setOperatorPolicy('o', { pattern: '^b', definition: { 'max-length': 30 } })
    host.setLimits({ maxConnections: 5 })
    const { users, vhosts, ...rest } = exportDefinitions(broker)
    const mine = users.filter((user) => user.name === id)
    const path = join(folder, 'users.json')
    const file = { ...partOf(rest, third), users: mine, vhosts: vhosts.filter(({ name }) => name === third) }
    writeFileSync(path, JSON.stringify(file), { mode: 0o644 })
    await run('chmod', ['755', folder])
    await ctl('import_definitions', path)
    expect(await ctl('authenticate_user', id, 'secret')).not.toMatch(/Error/)
    const there = await exported()
    expect(there.users?.filter((user) => user.name === id)).toEqual(mine)
    const { policies, parameters, permissions, topic_permissions } = partOf(there, third)
    expect({ policies, parameters, permissions, topic_permissions }).toEqual({
      policies: file.policies,
      parameters: file.parameters,
      permissions: file.permissions,
      topic_permissions: file.topic_permissions,
    })
  })
})
