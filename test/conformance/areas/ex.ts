// Exchanges: declare, delete, auto-delete, internal.
import { scenario } from '../scenario.js'

export const ex = [
  scenario(
    'a declare makes or asserts, and compares field by field',
    ['EX-01', 'EX-02', 'EX-03', 'EX-04'],
    async (t) => {
      const [channel, x, y] = [await t.channel(), t.name('x'), t.name('y')]
      t.note('EX-01', 'made', await channel.assertExchange(x, 'direct'))
      t.note('EX-01', 'asserted', await channel.assertExchange(x, 'direct'))
      t.note('EX-02', 'passive', await channel.checkExchange(x))
      t.note('EX-02', 'passive of none', await t.attempt((on) => on.checkExchange(t.name('none'))))
      t.note('EX-03', 'type', await t.attempt((on) => on.assertExchange(x, 'fanout')))
      t.note('EX-03', 'durable', await t.attempt((on) => on.assertExchange(x, 'direct', { durable: false })))
      t.note('EX-03', 'auto-delete', await t.attempt((on) => on.assertExchange(x, 'direct', { autoDelete: true })))
      t.note('EX-03', 'internal', await t.attempt((on) => on.assertExchange(x, 'direct', { internal: true })))
      const alternate = { alternateExchange: y }
      t.note('EX-03', 'alternate', await t.attempt((on) => on.assertExchange(x, 'direct', alternate)))
      const wrong = { durable: false, autoDelete: true, internal: true, alternateExchange: y }
      t.note('EX-03', 'all at once', await t.attempt((on) => on.assertExchange(x, 'topic', wrong)))
      t.note('EX-03', 'all but the type', await t.attempt((on) => on.assertExchange(x, 'direct', wrong)))
      const nonsense = { arguments: { nonsense: 1 } }
      t.note('EX-04', 'an unknown argument', await t.attempt((on) => on.assertExchange(x, 'direct', nonsense)))
      await channel.assertExchange(y, 'direct', nonsense)
      t.note('EX-04', 'without it', await t.attempt((on) => on.assertExchange(y, 'direct')))
    },
  ),

  scenario('an unknown type ends the connection, whatever else is wrong', ['EX-05', 'EX-06'], async (t) => {
    const [channel, x] = [await t.channel(), t.name('x')]
    t.note('EX-05', 'unknown type', await t.attemptApart((on) => on.assertExchange(t.name('y'), 'nope')))
    await channel.assertExchange(x, 'direct')
    t.note('EX-06', 'of an exchange that is there', await t.attemptApart((on) => on.assertExchange(x, 'nope')))
    t.note('EX-05', 'empty type', await t.attemptApart((on) => on.assertExchange(x, '')))
  }),

  scenario('the default exchange and amq. names are the server’s', ['EX-07', 'EX-08', 'EX-09', 'EX-10'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.note('EX-07', 'declare', await t.attempt((on) => on.assertExchange('', 'direct')))
    t.note('EX-07', 'passive', await t.attempt((on) => on.checkExchange('')))
    t.note('EX-07', 'delete', await t.attempt((on) => on.deleteExchange('')))
    t.note('EX-07', 'bind a queue', await t.attempt((on) => on.bindQueue(q, '', 'k')))
    t.note('EX-07', 'unbind a queue', await t.attempt((on) => on.unbindQueue(q, '', 'k')))
    t.note('EX-07', 'as source', await t.attempt((on) => on.bindExchange('amq.fanout', '', 'k')))
    t.note('EX-07', 'as destination', await t.attempt((on) => on.bindExchange('', 'amq.fanout', 'k')))
    t.note('EX-08', 'a new amq. name', await t.attempt((on) => on.assertExchange('amq.foo', 'direct')))
    t.note('EX-08', 'one that is there', await t.attempt((on) => on.assertExchange('amq.direct', 'direct')))
    t.note('EX-08', 'with another type', await t.attempt((on) => on.assertExchange('amq.direct', 'topic')))
    const types = { direct: 'direct', fanout: 'fanout', topic: 'topic', headers: 'headers', match: 'headers' }
    for (const [name, type] of Object.entries(types))
      t.note('EX-09', name, await t.attempt((on) => on.assertExchange(`amq.${name}`, type)))
    const trace = await t.attempt((on) => on.assertExchange('amq.rabbitmq.trace', 'topic', { internal: true }))
    t.note('EX-09', 'trace', trace)
    t.note('EX-09', 'publish to trace', await t.attempt((on) => t.publish(on, 'amq.rabbitmq.trace', 'k', 'a')))
    t.note('EX-10', 'delete', await t.attempt((on) => on.deleteExchange('amq.fanout')))
    t.note('EX-10', 'delete of none', await t.attempt((on) => on.deleteExchange('amq.none')))
  }),

  scenario('deleting takes the bindings along', ['EX-11', 'EX-12', 'EX-13'], async (t) => {
    const [channel, x, y, q] = [await t.channel(), t.name('x'), t.name('y'), t.name('q')]
    t.note('EX-11', 'delete of none', await t.attempt((on) => on.deleteExchange(x)))
    for (const each of [x, y]) await channel.assertExchange(each, 'fanout')
    await channel.assertQueue(q, { deadLetterExchange: y })
    await channel.bindQueue(q, x, '')
    t.note('EX-12', 'in use', await t.attempt((on) => on.deleteExchange(x, { ifUnused: true })))
    await channel.bindExchange(y, x, '')
    t.note('EX-12', 'destination only', await t.attempt((on) => on.deleteExchange(y, { ifUnused: true })))
    t.note('EX-12', 'is gone', await t.exchangeExists(y))
    await channel.deleteExchange(x)
    t.note('EX-11', 'delete again', await t.attempt((on) => on.deleteExchange(x)))
    await channel.assertExchange(x, 'fanout')
    t.publish(channel, x, '', 'a')
    t.note('EX-13', 'bound after it was made anew', await t.drain(q, channel))
    t.note('EX-12', 'in use after its bindings went', await t.attempt((on) => on.deleteExchange(x, { ifUnused: true })))
  }),

  scenario('an auto-delete exchange goes with its last binding', ['EX-14', 'EX-16', 'BIND-12'], async (t) => {
    const [channel, x, y, z, q] = [await t.channel(), t.name('x'), t.name('y'), t.name('z'), t.name('q')]
    const make = () => channel.assertExchange(x, 'direct', { autoDelete: true })
    await make()
    await channel.assertExchange(y, 'fanout')
    t.note('EX-14', 'never bound', await t.exchangeExists(x))
    await channel.assertQueue(q)
    await channel.bindQueue(q, x, '1')
    await channel.bindQueue(q, x, '2')
    await channel.unbindQueue(q, x, '1')
    t.note('EX-14', 'one of two unbound', await t.exchangeExists(x))
    await channel.unbindQueue(q, x, '2')
    t.note('EX-14', 'both unbound', await t.exchangeExists(x))
    t.note('BIND-12', 'the queue', await t.exists(q))
    await make()
    await channel.bindQueue(q, x, '1')
    await channel.deleteQueue(q)
    t.note('EX-14', 'its queue deleted', await t.exchangeExists(x))
    await make()
    await channel.bindExchange(y, x, '')
    await channel.deleteExchange(y)
    t.note('EX-14', 'its destination exchange deleted', await t.exchangeExists(x))
    await make()
    await channel.assertExchange(z, 'fanout')
    await channel.bindExchange(x, z, '')
    await channel.unbindExchange(x, z, '')
    t.note('EX-16', 'unbound as destination', await t.exchangeExists(x))
    t.note('BIND-12', 'a source that is not auto-delete', await t.exchangeExists(z))
  }),

  scenario('auto-deletion goes on through exchanges', ['EX-15'], async (t) => {
    const channel = await t.channel()
    const chain = ['a', 'b', 'c', 'd'].map((each) => t.name(each))
    for (const each of chain) await channel.assertExchange(each, 'fanout', { autoDelete: true })
    for (const [i, each] of chain.slice(1).entries()) await channel.bindExchange(each, chain[i] ?? '', '')
    await channel.deleteExchange(chain[3] ?? '')
    t.note('EX-15', 'a chain whose end was deleted', await Promise.all(chain.map((each) => t.exchangeExists(each))))
    const loop = ['x', 'y'].map((each) => t.name(each))
    const [x = '', y = ''] = loop
    for (const each of loop) await channel.assertExchange(each, 'fanout', { autoDelete: true })
    await channel.bindExchange(x, y, '')
    await channel.bindExchange(y, x, '')
    await channel.unbindExchange(x, y, '')
    t.note('EX-15', 'a loop that was cut', await Promise.all(loop.map((each) => t.exchangeExists(each))))
  }),

  scenario('an internal exchange takes nothing from clients', ['EX-17', 'PUB-04'], async (t) => {
    const channel = await t.channel()
    const [inner, outer, refused, q] = [t.name('inner'), t.name('outer'), t.name('refused'), t.name('q')]
    await channel.assertExchange(inner, 'fanout', { internal: true })
    await channel.assertExchange(outer, 'fanout')
    await channel.assertExchange(refused, 'direct', { alternateExchange: inner })
    await channel.assertQueue(q)
    await channel.bindQueue(q, inner, '')
    await channel.bindExchange(inner, outer, '')
    t.note('PUB-04', 'publish', await t.attempt((on) => t.publish(on, inner, 'k', 'a')))
    t.publish(channel, outer, 'k', 'by a binding')
    t.publish(channel, refused, 'k', 'as alternate exchange')
    const source = t.name('source')
    await channel.assertQueue(source, { deadLetterExchange: inner })
    t.send(channel, source, 'as dead-letter exchange')
    channel.nack(await t.get(channel, source), false, false)
    t.note(
      'EX-17',
      'reached',
      (await t.await(q, 3)).map((each) => each.content.toString()),
    )
  }),

  scenario('an alternate exchange is checked for its type, once', ['EX-19', 'EX-20'], async (t) => {
    const [channel, x, y] = [await t.channel(), t.name('x'), t.name('y')]
    const number = { arguments: { 'alternate-exchange': 5 } }
    t.note('EX-19', 'a number', await t.attempt((on) => on.assertExchange(x, 'direct', number)))
    t.note('EX-19', 'made', await t.exchangeExists(x))
    const missing = { alternateExchange: t.name('none') }
    t.note('EX-19', 'a name of nothing', await t.attempt((on) => on.assertExchange(x, 'direct', missing)))
    await channel.assertExchange(y, 'direct')
    t.note('EX-20', 'a number, for one that is there', await t.attempt((on) => on.assertExchange(y, 'direct', number)))
  }),
]
