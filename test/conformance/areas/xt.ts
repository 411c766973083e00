// Exchange types: which bindings a message matches.
import type { Channel } from 'amqplib'
import { scenario } from '../scenario.js'
import type { Trial } from '../trial.js'

type Arguments = Record<string, unknown>

/** Binds one queue per row, publishes each message, and tells which rows had which. */
async function matches<B, M>(
  t: Trial,
  type: string,
  rows: readonly B[],
  messages: readonly M[],
  bind: (row: B) => [key: string, args?: Arguments],
  publish: (message: M) => [key: string, headers?: Arguments],
): Promise<[M, B[]][]> {
  const [channel, x] = [await t.channel(), t.name(`x-${type}-${Math.random().toString(36).slice(2, 6)}`)]
  await channel.assertExchange(x, type)
  const queues: string[] = []
  for (const row of rows) {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    queues.push(queue)
    const [key, args] = bind(row)
    await channel.bindQueue(queue, x, key, args ?? {})
  }
  for (const [i, message] of messages.entries()) {
    const [key, headers] = publish(message)
    t.publish(channel, x, key, `${i}`, headers === undefined ? {} : { headers })
  }
  const had: string[][] = []
  for (const queue of queues) had.push(await t.drain(queue, channel))
  return messages.map((message, i) => [message, rows.filter((_, row) => had[row]?.includes(`${i}`))])
}

const byKey = (t: Trial, type: string, bindings: readonly string[], keys: readonly string[]) =>
  matches(
    t,
    type,
    bindings,
    keys,
    (key) => [key],
    (key) => [key],
  )

const byHeaders = (t: Trial, bindings: readonly Arguments[], headers: readonly Arguments[]) =>
  matches(
    t,
    'headers',
    bindings,
    headers,
    (args) => ['', args],
    (each) => ['any key', each],
  )

async function bound(t: Trial, type: string): Promise<[Channel, string, string]> {
  const [channel, x, q] = [await t.channel(), t.name('x'), t.name('q')]
  await channel.assertExchange(x, type)
  await channel.assertQueue(q)
  return [channel, x, q]
}

const TABLE = [
  'a.b.c', 'a.*.c', 'a.#.b', 'a.b.b.c', '#', '#.#', '#.b', '*.*', 'a.*', '*.b.c', 'a.#', 'a.#.#', 'b.b.c', 'a.b.b',
  'a.b', 'b.c', '', '*.*.*', 'vodka.martini', 'a.b.c', '*.#', '#.*.#', '*.#.#', '#.b.#', 'a.#.b.#', '*', 'oneword',
] // biome-ignore format: a table

export const xt = [
  scenario(
    'direct, fanout and the default exchange go by the whole key, or by none',
    ['XT-01', 'XT-02', 'XT-03', 'PUB-22'],
    async (t) => {
      const keys = ['', 'K', 'k', 'a.b', '#', '*', 'ключ']
      t.note('XT-01', 'direct', await byKey(t, 'direct', ['', 'K', 'k', 'k', '#', '*', 'ключ'], keys))
      t.note('XT-02', 'fanout', await byKey(t, 'fanout', ['', 'a'], keys))
      const [channel, q] = [await t.channel(), t.name('q')]
      await channel.assertQueue(q)
      const returned: string[] = []
      channel.on('return', (message) => returned.push(message.fields.routingKey))
      t.publish(channel, '', q, 'a', { mandatory: true })
      t.publish(channel, '', `${q}x`, 'b', { mandatory: true })
      t.note('XT-03', 'by the name of the queue', await t.drain(q, channel))
      t.note('PUB-22', 'by a name of nothing', returned)
    },
  ),

  scenario(
    'topic words may be empty, and wildcards stand for whole words',
    ['XT-04', 'XT-05', 'XT-06', 'XT-07'],
    async (t) => {
      const dots = ['a.*.b', '*.*', 'a.*', '*.a', '*', '#', 'a.', '.', '']
      t.note('XT-04', 'empty words', await byKey(t, 'topic', dots, ['a..b', '.', 'a.', '.a', '', '..']))
      t.note(
        'XT-05',
        'anywhere',
        await byKey(t, 'topic', ['#.b.#', 'a.#.c', '*.#.*', '#.*'], ['b', 'a.b', 'a.c', 'a', 'a.b.b.c', '']),
      )
      t.note(
        'XT-06',
        'inside a word',
        await byKey(
          t,
          'topic',
          ['a*', '#x', 'a.b#', '*.c'],
          ['ab', 'x', 'yx', 'a*', '#x', 'a.b', 'a.b#', 'a.c', '#', '*'],
        ),
      )
      t.note(
        'XT-07',
        'the table',
        await byKey(t, 'topic', TABLE, [
          'a.b.c',
          'a.b',
          'a.b.b',
          '',
          'b.c.d.e',
          'vodka.gin',
          'oneword',
          'nothing.here.at.all',
        ]),
      )
    },
  ),

  scenario('a queue has one copy, by however many bindings', ['XT-08', 'XT-09', 'BIND-03'], async (t) => {
    const [channel, x, q] = await bound(t, 'topic')
    for (const key of ['x.#', '#.x', 'x.x', '#']) await channel.bindQueue(q, x, key)
    t.publish(channel, x, 'x.x', 'a')
    t.note('XT-08', 'four bindings', await t.drain(q, channel))
    const [y, r] = [t.name('y'), t.name('r')]
    await channel.assertExchange(y, 'direct')
    await channel.assertQueue(r)
    await channel.bindQueue(r, y, 'k', { kind: 'A' })
    await channel.bindQueue(r, y, 'k', { kind: 'B' })
    t.publish(channel, y, 'k', 'a')
    t.note('XT-09', 'two of one key', await t.drain(r, channel))
    await channel.unbindQueue(r, y, 'k', { kind: 'A' })
    t.publish(channel, y, 'k', 'b')
    t.note('XT-09', 'one of them gone', await t.drain(r, channel))
    await channel.bindQueue(r, y, 'other')
    t.publish(channel, y, 'k', 'c', { CC: ['other'] })
    t.note('BIND-03', 'key and CC', await t.drain(r, channel))
  }),

  scenario('headers match all or any of the binding’s', ['XT-11', 'XT-13', 'XT-14', 'XT-16', 'XT-17'], async (t) => {
    const two = { a: 1, b: 'x' }
    const sent = [{ a: 1, b: 'x' }, { a: 1 }, { a: 1, b: 'y' }, { a: 1, b: 'x', c: 2 }, {}]
    const kinds = [two, { ...two, 'x-match': 'all' }, { ...two, 'x-match': 'any' }]
    t.note('XT-11', 'all, any, none', await byHeaders(t, kinds, sent))
    const withX = ['all', 'any', 'all-with-x', 'any-with-x'].flatMap((kind) => [
      { 'x-k': 1, 'x-match': kind },
      { 'x-k': 1, a: 1, 'x-match': kind },
    ])
    t.note(
      'XT-13',
      'x- headers',
      await byHeaders(t, withX, [{ 'x-k': 1 }, { a: 1 }, { 'x-k': 1, a: 1 }, { 'x-k': 2, a: 1 }]),
    )
    const present = [{ h: null, 'x-match': 'any' }, { h: null }]
    t.note('XT-14', 'present', await byHeaders(t, present, [{ h: 1 }, { h: 'x' }, { h: null }, { g: 1 }]))
    const empty = [
      {},
      { 'x-match': 'all' },
      { 'x-match': 'any' },
      { 'x-match': 'any-with-x' },
      { 'x-match': 'all-with-x' },
    ]
    t.note('XT-16', 'nothing to match', await byHeaders(t, empty, [{}, { a: 1 }]))
    t.note('XT-17', 'case and more', await byHeaders(t, [{ A: 1 }], [{ a: 1 }, { A: 1, B: 2 }]))
  }),

  scenario('a wrong x-match is refused, and nothing bound', ['XT-12', 'BIND-10'], async (t) => {
    const [channel, x, q] = await bound(t, 'headers')
    t.note('XT-12', 'another word', await t.attempt((on) => on.bindQueue(q, x, '', { 'x-match': 'both', a: 1 })))
    t.note('XT-12', 'a number', await t.attempt((on) => on.bindQueue(q, x, '', { 'x-match': 23, a: 1 })))
    t.note('XT-12', 'an empty word', await t.attempt((on) => on.bindQueue(q, x, '', { 'x-match': '', a: 1 })))
    t.publish(channel, x, '', 'a', { headers: { a: 1 } })
    t.note('BIND-10', 'routed', await t.drain(q, channel))
    t.note('BIND-10', 'unbind with it', await t.attempt((on) => on.unbindQueue(q, x, '', { 'x-match': 'both' })))
    t.note(
      'BIND-10',
      'on another type',
      await t.attempt((on) => on.bindQueue(q, 'amq.direct', q, { 'x-match': 'both' })),
    )
  }),

  scenario('header values match by value and kind', ['XT-15', 'XT-18'], async (t) => {
    const as = (type: string, value: unknown) => ({ v: { '!': type, value } })
    const values = [
      as('byte', 1),
      as('long', 1),
      as('double', 1),
      { v: '1' },
      { v: true },
      as('timestamp', 1),
      { v: Buffer.from('1') },
      { v: 1.5 },
    ]
    t.note('XT-15', 'kinds', await byHeaders(t, values, values))
    const nested = [
      { v: [1, 'a'] },
      { v: [1, 'b'] },
      { v: { deep: { er: 1 } } },
      { v: { deep: { er: '1' } } },
      { v: [as('long', 1).v, 'a'] },
    ]
    t.note('XT-18', 'nested', await byHeaders(t, nested, nested))
  }),
]
