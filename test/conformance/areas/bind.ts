// Bindings of queues.
import { bodies } from '../look.js'
import { scenario } from '../scenario.js'

export const bind = [
  scenario('a binding is its ends, its key and its arguments', ['BIND-02', 'BIND-04', 'BIND-05'], async (t) => {
    const [channel, x, q] = [await t.channel(), t.name('x'), t.name('q')]
    await channel.assertExchange(x, 'headers')
    await channel.assertQueue(q)
    const arrives = async (content: string) => {
      t.publish(channel, x, 'k', content, { headers: { a: 1 } })
      return t.drain(q, channel)
    }
    t.note('BIND-02', 'reply', await channel.bindQueue(q, x, 'k', { a: 1 }))
    await channel.bindQueue(q, x, 'k', { a: 1 })
    await channel.unbindQueue(q, x, 'k', { a: 1 })
    t.note('BIND-02', 'bound twice, unbound once', await arrives('a'))
    await channel.bindQueue(q, x, 'k', { a: 1 })
    await channel.bindQueue(q, x, 'other', { a: 1 })
    await channel.unbindQueue(q, x, 'k', { a: 1 })
    t.note('BIND-02', 'another key is another binding', await arrives('b'))
    t.note('BIND-05', 'unbind without its arguments', await channel.unbindQueue(q, x, 'other', {}))
    t.note('BIND-05', 'still routed', await arrives('c'))
    t.note('BIND-05', 'unbind with more', await channel.unbindQueue(q, x, 'other', { a: 1, b: 2 }))
    t.note('BIND-05', 'still routed', await arrives('d'))
    await channel.unbindQueue(q, x, 'other', { a: 1 })
    t.note('BIND-05', 'with the same', await arrives('e'))
    const [none, nil] = [t.name('none'), t.name('nil')]
    t.note('BIND-04', 'no such key', await t.attempt((on) => on.unbindQueue(q, x, 'never')))
    t.note('BIND-04', 'no such queue', await t.attempt((on) => on.unbindQueue(none, x, '')))
    t.note('BIND-04', 'no such exchange', await t.attempt((on) => on.unbindQueue(q, none, '')))
    t.note('BIND-04', 'neither', await t.attempt((on) => on.unbindQueue(none, nil, '')))
  }),

  scenario('the default exchange is not bound', ['BIND-07', 'EX-07'], async (t) => {
    const [channel, q] = [await t.channel(), t.name('q')]
    await channel.assertQueue(q)
    t.note('BIND-07', 'bind', await t.attempt((on) => on.bindQueue(q, '', 'k')))
    t.note('BIND-07', 'unbind', await t.attempt((on) => on.unbindQueue(q, '', q)))
    t.note('BIND-07', 'an exchange', await t.attempt((on) => on.bindExchange('amq.direct', '', 'k')))
    t.note('BIND-07', 'unbind an exchange', await t.attempt((on) => on.unbindExchange('amq.direct', '', 'k')))
    t.note('EX-07', 'bind of a queue that is not there', await t.attempt((on) => on.bindQueue(t.name('none'), '', 'k')))
  }),

  scenario('a binding counts for every later publish, from anywhere', ['BIND-13', 'BIND-12'], async (t) => {
    const [channel, far, x, q] = [await t.channel(), await t.channel(await t.connect()), t.name('x'), t.name('q')]
    await channel.assertExchange(x, 'direct', { autoDelete: true })
    await channel.assertQueue(q)
    for (let i = 0; i < 5; i++) {
      await channel.bindQueue(q, x, `${i}`)
      t.publish(far, x, `${i}`, `${i}`)
    }
    t.note('BIND-13', 'arrived', bodies(await t.await(q, 5)))
    for (let i = 0; i < 4; i++) await channel.unbindQueue(q, x, `${i}`)
    const returned: string[] = []
    far.on('return', (message) => returned.push(message.content.toString()))
    for (let i = 0; i < 5; i++) t.publish(far, x, `${i}`, `${i}`, { mandatory: true })
    await far.checkExchange(x)
    t.note('BIND-13', 'returned after the unbinds', returned)
    await channel.unbindQueue(q, x, '4')
    t.note('BIND-12', 'exchange and queue', [await t.exchangeExists(x), await t.exists(q)])
  }),
]
