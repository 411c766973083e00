/** Exchanges: declaring, deleting, auto-delete, internal, and what every virtual host is born with. */
import type { Destination } from 'leveret'
import { expect } from 'vitest'
import { onEveryEngine } from './engines.js'
import { drain, errorOf } from './helpers.js'

onEveryEngine('exchanges', (scenario) => {
  scenario('are found in a virtual host from its birth', { needs: ['inside'] }, async ({ bus, host }) => {
    // EX-09
    const born = host.exchanges().map(({ name, type, durable, internal }) => ({ name, type, durable, internal }))
    expect(born).toEqual([
      { name: '', type: 'direct', durable: true, internal: false },
      { name: 'amq.direct', type: 'direct', durable: true, internal: false },
      { name: 'amq.fanout', type: 'fanout', durable: true, internal: false },
      { name: 'amq.topic', type: 'topic', durable: true, internal: false },
      { name: 'amq.headers', type: 'headers', durable: true, internal: false },
      { name: 'amq.match', type: 'headers', durable: true, internal: false },
      { name: 'amq.rabbitmq.trace', type: 'topic', durable: true, internal: true },
    ])
    for (const { name, type, internal } of born) {
      if (name !== '') await bus.declareExchange(name, type, { internal })
    }
  })

  for (const [name, key, matching, other] of [
    ['amq.direct', 'k', 'k', 'K'],
    ['amq.fanout', 'k', 'anything', undefined],
    ['amq.topic', 'a.*', 'a.b', 'a.b.c'],
  ] as const) {
    scenario(`route by the predeclared ${name}`, async ({ bus }) => {
      const exchange = bus.exchange(name)
      const queue = await bus.declareQueue('q', { bindings: [exchange.key(key)] })
      await exchange.send(matching, 1)
      if (other !== undefined) await exchange.send(other, 2)
      expect(await drain(queue)).toEqual([1])
    })
  }

  scenario('route by headers where the type says so', async ({ bus }) => {
    const exchange = await bus.declareExchange('x', 'headers')
    const queue = await bus.declareQueue('q', { bindings: [exchange.key('', { a: 1, 'x-match': 'any', b: 2 })] })
    await exchange.send('', 'matches', { headers: { b: 2 } })
    await exchange.send('', 'does not', { headers: { b: '2' } })
    expect(await drain(queue)).toEqual(['matches'])
  })

  scenario('deliver by the default exchange to the queue that the key names', async ({ bus }) => {
    // XT-03, PUB-22
    const queue = await bus.declareQueue('q')
    await bus.exchange('').send('q', 'hello')
    await bus.exchange('').send('nowhere', 'lost')
    const error = await errorOf(() => bus.exchange('').send('nowhere', 1, { mandatory: true }))
    expect(error).toMatchObject({ code: 'NO_ROUTE', replyCode: 312, replyText: 'NO_ROUTE' })
    expect(await drain(queue)).toEqual(['hello'])
  })

  scenario(
    'route by a type that the user registered',
    {
      needs: ['user-exchange-types'],
      broker: {
        exchangeTypes: [
          {
            name: 'x-last',
            createRouter: () => {
              const destinations: Destination[] = []
              return {
                add: (binding) => void destinations.push(binding.destination),
                remove: (binding) => void destinations.splice(destinations.indexOf(binding.destination), 1),
                route: (_key, _message, sink) => {
                  const last = destinations.at(-1)
                  if (last !== undefined) sink.add(last)
                },
              }
            },
          },
        ],
      },
    },
    async ({ bus }) => {
      const exchange = await bus.declareExchange('x', 'x-last')
      const first = await bus.declareQueue('first', { bindings: [exchange.key('')] })
      const second = await bus.declareQueue('second', { bindings: [exchange.key('')] })
      await exchange.send('', 1)
      await second.unbind(exchange.key(''))
      await exchange.send('', 2)
      expect([await drain(first), await drain(second)]).toEqual([[2], [1]])
    },
  )

  scenario('are declared again when they are declared alike, whatever their other arguments', async ({ bus }) => {
    // EX-01, EX-04
    await bus.declareExchange('x', 'topic', { autoDelete: true, alternateExchange: 'ae' })
    await bus.declareExchange('x', 'topic', { autoDelete: true, alternateExchange: 'ae', arguments: { nonsense: 1 } })
  })

  for (const [what, type, options, text] of [
    [
      'type',
      'topic',
      { alternateExchange: 'a' },
      "inequivalent arg 'type' for exchange 'x' in vhost '/': received 'topic' but current is 'direct'",
    ],
    [
      'durability',
      'direct',
      { alternateExchange: 'a', durable: false },
      "inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'",
    ],
    [
      'auto-delete',
      'direct',
      { alternateExchange: 'a', autoDelete: true },
      "inequivalent arg 'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'",
    ],
    [
      'internal',
      'direct',
      { alternateExchange: 'a', internal: true },
      "inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'",
    ],
    [
      'alternate exchange',
      'direct',
      { alternateExchange: 'b' },
      "inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received 'b' but current is 'a'",
    ],
    [
      'missing alternate exchange',
      'direct',
      {},
      "inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': " +
        "received none but current is the value 'a' of type 'longstr'",
    ],
  ] as const) {
    scenario(`refuse to be declared again with another ${what}`, async ({ bus }) => {
      // EX-03, GEN-13
      await bus.declareExchange('x', 'direct', { alternateExchange: 'a' })
      const error = await errorOf(() => bus.declareExchange('x', type, options))
      expect(error).toMatchObject({
        code: 'PRECONDITION_FAILED',
        replyCode: 406,
        replyText: `PRECONDITION_FAILED - ${text}`,
      })
    })
  }

  scenario('look at the type before anything else', async ({ bus }) => {
    // EX-05, EX-06
    await bus.declareExchange('x', 'direct')
    expect(await errorOf(() => bus.declareExchange('x', 'topik'))).toMatchObject({
      code: 'PRECONDITION_FAILED',
      replyText: "PRECONDITION_FAILED - unknown exchange type 'topik'",
      message: expect.stringContaining("did you mean 'topic'?"),
    })
  })

  scenario('keep amq. names to themselves', async ({ bus }) => {
    // EX-08, EX-10
    expect(await errorOf(() => bus.declareExchange('amq.mine', 'direct'))).toMatchObject({
      replyCode: 403,
      replyText: "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
    })
    expect(await errorOf(() => bus.exchange('amq.fanout').delete())).toMatchObject({
      replyCode: 403,
      replyText: "ACCESS_REFUSED - deletion of system exchange 'amq.fanout' in vhost '/' not allowed",
    })
  })

  scenario('leave the default exchange alone', async ({ bus }) => {
    // EX-07, BIND-07
    const queue = await bus.declareQueue('q')
    const x = await bus.declareExchange('x', 'fanout')
    const refused = 'ACCESS_REFUSED - operation not permitted on the default exchange'
    for (const call of [
      () => bus.declareExchange('', 'direct'),
      () => bus.exchange('').delete(),
      () => queue.bind('', 'k'),
      () => queue.unbind('', 'q'),
      () => x.bind('', 'k'),
      () => bus.exchange('').bind(x.key('k')),
    ]) {
      expect(await errorOf(call)).toMatchObject({ code: 'ACCESS_REFUSED', replyText: refused })
    }
  })

  scenario('are deleted with their bindings, and more than once', async ({ bus }) => {
    // EX-11, EX-13
    const exchange = await bus.declareExchange('x', 'fanout')
    await bus.declareQueue('q', { bindings: [exchange.key('')] })
    await exchange.delete()
    await exchange.delete()
    expect(await errorOf(() => exchange.send('', 1))).toMatchObject({
      code: 'NOT_FOUND',
      replyText: "NOT_FOUND - no exchange 'x' in vhost '/'",
    })
    await bus.declareExchange('x', 'fanout')
    expect(await errorOf(() => exchange.send('', 1, { mandatory: true }))).toMatchObject({ code: 'NO_ROUTE' })
  })

  scenario('are in use while something is bound to them, not while they are bound', async ({ bus }) => {
    // EX-12
    const source = await bus.declareExchange('source', 'fanout')
    const target = await bus.declareExchange('target', 'fanout')
    await target.bind(source.key(''))
    expect(await errorOf(() => source.delete({ ifUnused: true }))).toMatchObject({
      replyCode: 406,
      replyText: "PRECONDITION_FAILED - exchange 'source' in vhost '/' in use",
    })
    await target.delete({ ifUnused: true })
    await source.delete({ ifUnused: true })
  })

  scenario('go with their last binding when they are auto-delete, and not before they had one', async ({ bus }) => {
    // EX-14, EX-16, BIND-12
    const exchange = await bus.declareExchange('x', 'fanout', { autoDelete: true })
    const other = await bus.declareExchange('other', 'fanout')
    const queue = await bus.declareQueue('q')
    await exchange.bind(other.key(''))
    await exchange.unbind(other.key(''))
    await queue.bind(exchange.key('a'))
    await queue.bind(exchange.key('b'))
    await queue.unbind(exchange.key('a'))
    await exchange.send('', 1)
    await queue.unbind(exchange.key('b'))
    expect(await errorOf(() => exchange.send('', 2))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await drain(queue)).toEqual([1])
  })

  scenario('go with the last queue that was bound to them', async ({ bus }) => {
    const exchange = await bus.declareExchange('x', 'fanout', { autoDelete: true })
    const queue = await bus.declareQueue('q', { bindings: [exchange.key('')] })
    await queue.delete()
    expect(await errorOf(() => exchange.send('', 2))).toMatchObject({ code: 'NOT_FOUND' })
  })

  scenario(
    'take the exchanges before them along, around a circle too',
    { needs: ['inside'] },
    async ({ bus, host }) => {
      // EX-15
      const names = ['a', 'b', 'c', 'd']
      for (const name of names) await bus.declareExchange(name, 'fanout', { autoDelete: true })
      for (const [i, name] of names.slice(1).entries()) await bus.exchange(name).bind(names[i] as string, '')
      await bus.exchange('d').delete()
      for (const name of ['e', 'f']) await bus.declareExchange(name, 'fanout', { autoDelete: true })
      await bus.exchange('e').bind('f', '')
      await bus.exchange('f').bind('e', '')
      await bus.exchange('f').unbind('e', '')
      expect(host.exchanges().filter(({ name }) => name !== '' && !name.startsWith('amq.'))).toEqual([])
    },
  )

  scenario('refuse publishes when they are internal, and take messages from exchanges', async ({ bus }) => {
    // EX-17, PUB-04
    const outer = await bus.declareExchange('outer', 'fanout')
    const inner = await bus.declareExchange('inner', 'fanout', { internal: true })
    await inner.bind(outer.key(''))
    const queue = await bus.declareQueue('q', { bindings: [inner.key('')] })
    expect(await errorOf(() => inner.send('', 1))).toMatchObject({
      code: 'ACCESS_REFUSED',
      replyText: "ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'",
    })
    await outer.send('', 2)
    expect(await drain(queue)).toEqual([2])
  })

  scenario('lose line breaks from their names', { needs: ['inside'] }, async ({ bus, host }) => {
    // GEN-06
    await bus.declareExchange('a\nb\r', 'fanout')
    expect(host.exchanges().map(({ name }) => name)).toContain('ab')
  })

  scenario('check the alternate exchange argument by its type only', async ({ bus }) => {
    // EX-19
    await bus.declareExchange('fine', 'fanout', { alternateExchange: 'missing' })
    expect(
      await errorOf(() => bus.declareExchange('x', 'fanout', { arguments: { 'alternate-exchange': 5 } })),
    ).toMatchObject({
      code: 'PRECONDITION_FAILED',
      replyText: expect.stringMatching(/invalid type 'byte' for arg 'alternate-exchange' in exchange 'x' in vhost/),
    })
  })
})
