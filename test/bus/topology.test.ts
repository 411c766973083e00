import { body, defineTopology } from 'leveret'
import { type Definitions, fromDefinitions, toDefinitions } from 'leveret/definitions'
import { expect, expectTypeOf, it, vi } from 'vitest'
import { onEveryEngine } from './engines.js'
import { drain } from './helpers.js'

interface Orders {
  'order.created': { id: number }
  'order.cancelled': { why: string }
  'order.paid.eu': { euro: number }
}

const shop = defineTopology({
  exchanges: {
    orders: { type: 'topic', messages: body<Orders>(), alternateExchange: 'lost' },
    lost: { type: 'fanout', body: body<string>() },
    europe: { type: 'headers' },
  },
  queues: {
    audit: { maxLength: 10 },
    mails: { body: body<string>(), retry: { attempts: 3, minDelay: 1_000 }, deadLetter: 'mails.dead' },
    'mails.dead': { maxLength: 5 },
    lost: {},
    eu: {},
  },
  bindings: [
    { from: 'orders', to: 'audit', key: 'order.*' },
    { from: 'orders', to: 'europe', key: '#.eu' },
    { from: 'europe', to: 'eu', arguments: { 'x-match': 'any', vat: true } },
    { from: 'lost', to: 'lost', destinationKind: 'queue' },
    { from: 'amq.topic', to: 'lost', key: 'x', destinationKind: 'queue' },
  ],
})

onEveryEngine('a topology', (scenario) => {
  scenario('declares everything and answers handles that work', async ({ bus }) => {
    const { exchanges, queues } = await shop.apply(bus)
    await exchanges.orders.send('order.created', { id: 1 }, { mandatory: true })
    await exchanges.orders.send('order.paid.eu', { euro: 2 }, { headers: { vat: true } })
    await exchanges.lost.send('', 'a letter')
    await bus.exchange('amq.topic').send('x', 'another')
    expect(await drain(queues.audit)).toEqual([{ id: 1 }])
    expect(await drain(queues.eu)).toEqual([{ euro: 2 }])
    expect(await drain(queues.lost)).toEqual(['a letter', 'another'])
  })

  scenario('types its handles by names, keys and bindings', async ({ bus }) => {
    const { exchanges, queues } = await shop.apply(bus)
    expectTypeOf(queues.mails.send).parameter(0).toEqualTypeOf<string>()
    expectTypeOf(queues.audit.send).parameter(0).toEqualTypeOf<{ id: number } | { why: string }>()
    expectTypeOf(queues.eu.send).parameter(0).toEqualTypeOf<unknown>()
    expectTypeOf(exchanges.lost.send).parameter(1).toEqualTypeOf<string>()
    // @ts-expect-error no such body
    exchanges.orders.publish('order.created', { why: 'not that' })
    // @ts-expect-error no such queue
    expect(queues.audits).toBeUndefined()
  })

  scenario('changes nothing when it is applied again', async ({ bus }) => {
    const { queues } = await shop.apply(bus)
    await queues.audit.send({ id: 1 })
    await shop.apply(bus)
    expect(await shop.diff(bus)).toEqual([])
    expect((await queues.audit.info()).messageCount).toBe(1)
  })

  scenario('leaves a dead-letter queue to its own declaration, and declares one that has none', async ({ bus }) => {
    await shop.apply(bus)
    // n.b. the limit is compared: another one would be refused.
    await bus.declareQueue('mails.dead', { maxLength: 5 })
    await defineTopology({ queues: { jobs: { deadLetter: 'jobs.dead' } } }).apply(bus)
    expect((await bus.queue('jobs.dead').info()).messageCount).toBe(0)
  })

  scenario('applies two queues that are dead-letter queues of each other', async ({ bus }) => {
    const ring = defineTopology({
      queues: { a: { deadLetter: 'b', maxLength: 1 }, b: { deadLetter: 'a', maxLength: 2 } },
    })
    await ring.apply(bus)
    expect(await ring.diff(bus)).toEqual([])
  })

  scenario('says what a bus lacks, by its path in the value', async ({ bus }) => {
    await bus.declareExchange('lost', 'fanout')
    await bus.declareQueue('lost')
    const found = await shop.diff(bus)
    expect(found.every(({ problem }) => problem === 'missing')).toBe(true)
    expect(found.map(({ path, detail }) => `${path}: ${detail}`)).toEqual([
      "exchanges.orders: no exchange 'orders'",
      "exchanges.europe: no exchange 'europe'",
      "queues.audit: no queue 'audit'",
      "queues.mails: no queue 'mails'",
      "queues['mails.dead']: no queue 'mails.dead'",
      "queues.eu: no queue 'eu'",
      "bindings[0]: no binding from exchange 'orders' to 'audit' with key 'order.*'",
      "bindings[1]: no binding from exchange 'orders' to 'europe' with key '#.eu'",
      "bindings[2]: no binding from exchange 'europe' to 'eu' with key ''",
      "bindings[3]: no binding from exchange 'lost' to 'lost' with key ''",
      "bindings[4]: no binding from exchange 'amq.topic' to 'lost' with key 'x'",
    ])
    expect(await bus.exchange('orders').exists()).toBe(false)
  })

  scenario('says when the queue that deadLetter names is missing', async ({ bus }) => {
    const jobs = defineTopology({ queues: { jobs: { deadLetter: 'dead' } } })
    await jobs.apply(bus)
    await bus.queue('dead').delete()
    expect(await jobs.diff(bus)).toEqual([
      { path: 'queues.jobs.deadLetter', problem: 'missing', detail: "no queue 'dead'" },
    ])
    expect(await jobs.diff(bus)).toHaveLength(1)
  })

  scenario("says what a bus has otherwise, in RabbitMQ's words", async ({ bus }) => {
    await bus.declareExchange('orders', 'direct', { alternateExchange: 'lost' })
    await bus.declareQueue('audit', { maxLength: 11 })
    const found = await shop.diff(bus)
    expect(found.filter(({ problem }) => problem === 'different')).toEqual([
      {
        path: 'exchanges.orders',
        problem: 'different',
        detail:
          "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'orders' in vhost '/': received 'topic' but current is 'direct'",
      },
      {
        path: 'queues.audit',
        problem: 'different',
        detail:
          "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'audit' in vhost '/': received '10' but current is '11'",
      },
    ])
    expect((await bus.queue('audit').info()).messageCount).toBe(0)
  })

  scenario('tells a binding by its arguments, and sees when it is gone', async ({ bus }) => {
    const { queues } = await shop.apply(bus)
    await queues.eu.unbind('europe', '', { arguments: { 'x-match': 'any', vat: true } })
    await queues.eu.bind('europe', '', { arguments: { 'x-match': 'any', vat: false } })
    expect((await shop.diff(bus)).map(({ path }) => path)).toEqual(['bindings[2]'])
  })

  scenario('names the path of what cannot be declared, and keeps what came before', async ({ bus }) => {
    await bus.declareQueue('mails', { maxLength: 1 })
    const error = await shop.apply(bus).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'PRECONDITION_FAILED', replyCode: 406 })
    expect(String(error)).toMatch(/^PreconditionFailedError: queues\.mails: PRECONDITION_FAILED - inequivalent arg/)
    expect((error as Error).stack).toContain('queues.mails: PRECONDITION_FAILED')
    expect(await bus.exchange('orders').exists()).toBe(true)
    await bus.queue('mails').delete()
    await shop.apply(bus)
    expect(await shop.diff(bus)).toEqual([])
  })

  scenario('names the path of an argument that this broker does not know', async ({ bus }) => {
    const misspelt = defineTopology({ queues: { jobs: { maxLenght: 1 } as object } })
    const message = "queues.jobs: declareQueue('jobs'): unknown option 'maxLenght'; did you mean 'maxLength'?"
    await expect(misspelt.apply(bus)).rejects.toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION', message }))
  })

  scenario('names the path of a binding that is refused', async ({ bus }) => {
    const wrong = defineTopology({
      exchanges: { h: { type: 'headers' } },
      queues: { q: {} },
      bindings: [{ from: 'h', to: 'q', arguments: { 'x-match': 'some' } }],
    })
    await expect(wrong.apply(bus)).rejects.toThrow(/^bindings\[0\]: PRECONDITION_FAILED - Invalid x-match/)
  })

  scenario('applies to a bus of another copy of the package, and compares with it', async ({ bus }) => {
    vi.resetModules()
    const copy = await import('leveret')
    expect(copy.defineTopology).not.toBe(defineTopology)
    const topology = copy.defineTopology({ queues: { mails: { maxLength: 2 }, audit: {} } })
    await bus.declareQueue('mails', { maxLength: 1 })
    expect(await topology.diff(bus)).toMatchObject([
      { path: 'queues.mails', problem: 'different' },
      { path: 'queues.audit', problem: 'missing' },
    ])
    await expect(topology.apply(bus)).rejects.toThrow(/^queues\.mails: PRECONDITION_FAILED/)
  })

  scenario('takes every name that a broker takes, those that objects have too', async ({ bus }) => {
    const topology = defineTopology({
      exchanges: { constructor: { type: 'direct' } },
      queues: { toString: {}, ['__proto__']: {} },
      bindings: [
        { from: 'constructor', to: 'toString', key: 'k' },
        { from: 'constructor', to: '__proto__', key: 'k' },
      ],
    })
    expect(await topology.diff(bus)).toHaveLength(5)
    const { exchanges, queues } = await topology.apply(bus)
    await exchanges.constructor.send('k', 1)
    expect(await drain(queues.toString)).toEqual([1])
    expect(Object.keys(queues)).toEqual(['toString', '__proto__'])
    expect(await topology.diff(bus)).toEqual([])
  })

  scenario('comes back from definitions as it went', async ({ bus }) => {
    const definitions = JSON.parse(JSON.stringify(toDefinitions(shop))) as Definitions
    const read = fromDefinitions(definitions)
    await read.apply(bus)
    expect(await shop.diff(bus)).toEqual([])
    expect(toDefinitions(read)).toEqual(definitions)
  })
})

it("writes RabbitMQ's definitions, with the queues that deadLetter declares and without exclusive ones", () => {
  const topology = defineTopology({
    exchanges: { e: { type: 'direct', alternateExchange: 'other' } },
    queues: { jobs: { deadLetter: 'dead', messageTtl: 5 }, mine: { exclusive: true } },
    bindings: [{ from: 'e', to: 'jobs', key: 'k' }],
  })
  expect(toDefinitions(topology, 'shop')).toEqual({
    exchanges: [
      {
        name: 'e',
        vhost: 'shop',
        type: 'direct',
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: { 'alternate-exchange': 'other' },
      },
    ],
    queues: [
      {
        name: 'jobs',
        vhost: 'shop',
        durable: true,
        auto_delete: false,
        arguments: { 'x-message-ttl': 5, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' },
      },
      { name: 'dead', vhost: 'shop', durable: true, auto_delete: false, arguments: {} },
    ],
    bindings: [
      { source: 'e', vhost: 'shop', destination: 'jobs', destination_type: 'queue', routing_key: 'k', arguments: {} },
    ],
  })
})

it('reads the part of the definitions that belongs to the virtual host, and skips what every virtual host has', () => {
  const entry = { durable: true, auto_delete: false, arguments: {} }
  const { value } = fromDefinitions(
    {
      exchanges: [
        { ...entry, name: 'amq.topic', vhost: 'a', type: 'topic', internal: false },
        { ...entry, name: 'e', vhost: 'a', type: 'topic', internal: true },
        { ...entry, name: 'f', vhost: 'b', type: 'topic', internal: true },
      ],
      queues: [
        { ...entry, name: 'q' },
        { ...entry, name: 'r', vhost: 'b' },
      ],
    },
    'a',
  )
  expect(value).toEqual({
    exchanges: { e: { type: 'topic', durable: true, autoDelete: false, internal: true, arguments: {} } },
    queues: { q: { durable: true, autoDelete: false, arguments: {} } },
    bindings: [],
  })
})

it.each<[title: string, value: unknown, message: string]>([
  ['an unknown part', { exchange: {} }, "defineTopology: unknown option 'exchange'; did you mean 'exchanges'?"],
  [
    'a list of queues',
    { queues: ['jobs'] },
    "defineTopology: option 'queues' must be an object with an entry per name, got an array",
  ],
  [
    'an exchange without a type',
    { exchanges: { e: {} } },
    "exchanges.e: declareExchange('e'): expected a type such as 'topic', got undefined",
  ],
  [
    'an exchange that is a string',
    { exchanges: { e: 'topic' } },
    "exchanges.e: expected an object of options, got 'topic'",
  ],
  [
    'a wrong option of an exchange',
    { exchanges: { e: { type: 'topic', durable: 1 } } },
    "exchanges.e: declareExchange('e'): option 'durable' must be true or false, got 1",
  ],
  [
    'a wrong retry',
    { queues: { q: { retry: { attempts: 0 } } } },
    "queues.q: declareQueue('q'): retry: option 'attempts' must be an integer from 1 to 2147483647 (deliveries), got 0",
  ],
  [
    'bindings in a queue',
    { queues: { q: { bindings: [] } } },
    "queues.q: 'bindings' stand beside the queues, not in them",
  ],
  ['a binding without an end', { bindings: [{ from: 'amq.topic' }] }, "bindings[0]: expected 'from' and 'to'"],
  [
    'a binding from nowhere',
    { exchanges: { orders: { type: 'topic' } }, queues: { q: {} }, bindings: [{ from: 'order', to: 'q' }] },
    "bindings[0]: from: the topology has no exchange 'order'; did you mean 'orders'?",
  ],
  [
    'a binding from an exchange where there are none',
    { queues: { q: {} }, bindings: [{ from: 'e', to: 'q' }] },
    "bindings[0]: from: the topology has no exchange 'e'; it has none",
  ],
  [
    'a binding to nowhere',
    { queues: { mails: {} }, bindings: [{ from: 'amq.topic', to: 'mail' }] },
    "bindings[0]: to: the topology has no queue or exchange 'mail'; did you mean 'mails'?",
  ],
  [
    'a binding to a name that is both',
    { exchanges: { x: { type: 'fanout' } }, queues: { x: {} }, bindings: [{ from: 'amq.topic', to: 'x' }] },
    "bindings[0]: to: 'x' is an exchange and a queue: say which by 'destinationKind'",
  ],
  [
    'a misspelt binding',
    { bindings: [{ from: 'amq.topic', to: 'q', kee: 'x' }] },
    "bindings[0]: binding: unknown option 'kee'; did you mean 'key'?",
  ],
  [
    'a schema that is none',
    { queues: { q: { body: 3 } } },
    "queues.q: declareQueue('q'): option 'body' must be a Standard Schema, such as one of zod, valibot or arktype, got 3",
  ],
  ['no value at all', undefined, 'expected an object of options, got undefined'],
])('refuses %s and names its path', (_title, value, message) => {
  expect(() => defineTopology(value as never)).toThrow(expect.objectContaining({ message }))
})

it.each<[title: string, definitions: unknown, message: string]>([
  ['no list', { queues: {} }, 'definitions.queues: expected an array, got an object of class Object'],
  [
    'an entry without a name',
    { queues: [{ name: 'a' }, {}] },
    'definitions.queues[1].name: expected a string, got undefined',
  ],
  ['no object', '{"queues": []}', `definitions: expected an object, as JSON.parse makes it, got '{"queues": []}'`],
  [
    'nothing of the virtual host',
    { queues: [{ name: 'q', vhost: 'shop' }] },
    "definitions have nothing of virtual host '/', but of 'shop'",
  ],
  ['an entry that is null', { bindings: [null] }, 'definitions.bindings[0].source: expected a string, got undefined'],
])('refuses definitions with %s', (_title, definitions, message) => {
  expect(() => fromDefinitions(definitions as Definitions)).toThrow(expect.objectContaining({ message }))
})

it('refuses to apply to, or compare with, what is no bus, and to write what is no topology', async () => {
  const message = (what: string) =>
    `${what}: expected a bus, such as broker.virtualHost('/'), got an object of class Object`
  await expect(shop.apply({} as never)).rejects.toThrow(message('apply'))
  await expect(shop.diff({} as never)).rejects.toThrow(message('diff'))
  expect(() => toDefinitions({ value: {} } as never)).toThrow(
    /^toDefinitions: expected what defineTopology answers, got/,
  )
})
