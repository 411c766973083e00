/** The typed events of a broker: each name with its payload, when the change is complete. */
import { Broker, type BrokerEventName, type BrokerEvents, type VirtualHost } from 'leveret'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../support/manual-clock.js'
import { turn } from '../../support/turn.js'

/** Everything there is to hear. A name that is missing here is a compile error, one too many as well. */
const NAMES: Record<BrokerEventName, true> = {
  'vhost.created': true,
  'vhost.deleted': true,
  'exchange.created': true,
  'exchange.deleted': true,
  'queue.created': true,
  'queue.deleted': true,
  'binding.created': true,
  'binding.deleted': true,
  'connection.created': true,
  'connection.closed': true,
  'consumer.created': true,
  'consumer.deleted': true,
  'user.created': true,
  'user.deleted': true,
  'user.authentication.success': true,
  'user.authentication.failure': true,
  'permission.created': true,
  'permission.deleted': true,
  'topic.permission.created': true,
  'topic.permission.deleted': true,
  'vhost.limits.set': true,
  'policy.set': true,
  'policy.cleared': true,
  'alarm.set': true,
  'alarm.cleared': true,
  'queue.purged': true,
  'queue.backlog': true,
  fault: true,
}

const names = Object.keys(NAMES) as BrokerEventName[]

type Heard = { [Name in BrokerEventName]: readonly [name: Name, payload: BrokerEvents[Name][0]] }[BrokerEventName]

function listen(broker: Broker, ...which: BrokerEventName[]): Heard[] {
  const heard: Heard[] = []
  for (const name of which.length === 0 ? names : which) {
    broker.on(name, (payload: unknown) => void heard.push([name, payload] as unknown as Heard))
  }
  return heard
}

const binding = (destination: string, destinationKind: 'queue' | 'exchange', routingKey: string) => ({
  virtualHost: '/',
  source: 'x',
  destination,
  destinationKind,
  routingKey,
  arguments: {},
})

describe('the events of a broker', () => {
  it('tell of topology as it comes and goes, each once', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const heard = listen(broker)
    const exchange = await host.declareExchange('x', 'topic', { autoDelete: true, alternateExchange: 'a' })
    await host.declareExchange('x', 'topic', { autoDelete: true, alternateExchange: 'a' })
    const queue = await host.declareQueue('q', { maxLength: 5, bindings: [exchange.key('k')] })
    await queue.bind(exchange.key('k'))
    await host.declareQueue('q', { maxLength: 5 })
    await host.exchange('amq.fanout').bind(exchange.key('e'))
    await queue.send(1)
    await queue.send(2)
    await queue.get()
    await queue.purge()
    await queue.send(3)
    await queue.unbind(exchange.key('k'))
    await queue.bind(exchange.key('again'))
    await queue.delete()
    await host.exchange('amq.fanout').unbind(exchange.key('e'))
    const x = { virtualHost: '/', name: 'x' }
    const q = { virtualHost: '/', name: 'q' }
    expect(heard).toEqual([
      [
        'exchange.created',
        {
          ...x,
          type: 'topic',
          durable: true,
          autoDelete: true,
          internal: false,
          arguments: { 'alternate-exchange': 'a' },
        },
      ],
      [
        'queue.created',
        { ...q, type: 'classic', durable: true, exclusive: false, autoDelete: false, arguments: { 'x-max-length': 5 } },
      ],
      ['binding.created', binding('q', 'queue', 'k')],
      ['binding.created', binding('amq.fanout', 'exchange', 'e')],
      ['queue.purged', { ...q, messages: 1 }],
      ['binding.deleted', binding('q', 'queue', 'k')],
      ['binding.created', binding('q', 'queue', 'again')],
      ['binding.deleted', binding('q', 'queue', 'again')],
      ['queue.deleted', { ...q, messages: 2 }],
      ['binding.deleted', binding('amq.fanout', 'exchange', 'e')],
      ['exchange.deleted', x],
    ])
  })

  it('tell of virtual hosts, connections and consumers', async () => {
    const broker = new Broker()
    const heard = listen(broker)
    const host = broker.createVirtualHost('tenant')
    broker.createVirtualHost('tenant')
    const bus = broker.connect({ virtualHost: 'tenant', name: 'mine' })
    await host.declareQueue('q')
    const consumer = bus.queue('q').createConsumer({ consumerTag: 'tag' })
    consumer.consume(() => undefined)
    await consumer.close()
    await host.queue('q').get()
    await bus.close()
    await bus.close()
    const virtualHost = 'tenant'
    expect(heard.filter(([name]) => name !== 'queue.created')).toEqual([
      ['vhost.created', { virtualHost }],
      ['permission.created', { user: 'guest', virtualHost, configure: '.*', write: '.*', read: '.*' }],
      ['connection.created', { virtualHost, name: 'virtual host tenant' }],
      ['user.authentication.success', { user: 'guest' }],
      ['connection.created', { virtualHost, name: 'mine' }],
      ['consumer.created', { virtualHost, queue: 'q', consumerTag: 'tag' }],
      ['consumer.deleted', { virtualHost, queue: 'q', consumerTag: 'tag' }],
      ['connection.closed', { virtualHost, name: 'mine' }],
    ])
    heard.length = 0
    broker.deleteVirtualHost('tenant')
    expect(heard.map(([name]) => name)).toEqual([
      'queue.deleted',
      ...Array.from({ length: 6 }, () => 'exchange.deleted'),
      'connection.closed',
      'vhost.deleted',
    ])
  })

  it('do not take a waiting get for a consumer', async () => {
    const broker = new Broker()
    const queue = await broker.virtualHost('/').declareQueue('q')
    const heard = listen(broker)
    const got = queue.get({ wait: true })
    await turn()
    await queue.send(1)
    await got
    expect(heard).toEqual([])
  })

  it('tell of a queue that went by itself', async () => {
    const clock = new ManualClock()
    const broker = new Broker({ clock })
    const host = broker.virtualHost('/')
    const heard = listen(broker, 'queue.deleted')
    await host.declareQueue('expires', { expires: 10 })
    const autoDelete = await host.declareQueue('auto-delete', { autoDelete: true })
    const bus = broker.connect()
    await (await bus.declareQueue('exclusive', { exclusive: true })).send(1)
    clock.advance(10)
    await autoDelete
      .createConsumer()
      .consume(() => undefined)
      .close()
    await bus.close()
    expect(heard.map(([, payload]) => payload)).toEqual([
      { virtualHost: '/', name: 'expires', messages: 0 },
      { virtualHost: '/', name: 'auto-delete', messages: 0 },
      { virtualHost: '/', name: 'exclusive', messages: 1 },
    ])
  })

  it('tell of the high watermark, when it is passed and when it is not any more', async () => {
    const broker = new Broker({ highWatermark: 2 })
    const heard = listen(broker, 'alarm.set', 'alarm.cleared')
    const queue = await broker.virtualHost('/').declareQueue('q')
    for (let i = 0; i < 5; i++) queue.publish(i)
    await queue.purge()
    expect(heard).toEqual([
      ['alarm.set', { resource: 'memory', ready: 3, highWatermark: 2 }],
      ['alarm.cleared', { resource: 'memory', ready: 0, highWatermark: 2 }],
    ])
  })

  it('warn of a backlog once a queue, and not where there is a limit', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const heard = listen(broker, 'queue.backlog')
    const queue = await host.declareQueue('q')
    const limited = await host.declareQueue('limited', { maxLength: 200_000 })
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 100_000; i++) {
        queue.publish(i)
        if (round === 0) limited.publish(i)
      }
      await queue.purge()
    }
    expect(heard).toEqual([['queue.backlog', { virtualHost: '/', name: 'q', ready: 100_000 }]])
  })

  it('come when the change is complete: a listener sees it, and may go on from there', async () => {
    const broker = new Broker()
    const host = broker.virtualHost('/')
    const seen: unknown[] = []
    const look = (what: string, see: (host: VirtualHost) => unknown) => void seen.push([what, see(host)])
    const userExchanges = () => host.exchanges().filter(({ name }) => name === 'x')
    broker.on('exchange.created', () => look('exchange', () => userExchanges().length))
    broker.on('queue.created', ({ name }) => {
      look('queue', () => host.queues().map((queue) => queue.name))
      if (name === 'q') void host.declareQueue('declared by a listener')
    })
    broker.on('binding.created', () =>
      look('binding', () => host.bindings().filter(({ source }) => source === 'x').length),
    )
    broker.on('queue.deleted', () => look('no queue', () => host.queues().map(({ name }) => name)))
    broker.on('binding.deleted', () =>
      look('no binding', () => host.bindings().filter(({ source }) => source === 'x').length),
    )
    broker.on('exchange.deleted', () => look('no exchange', () => userExchanges().length))
    broker.on('queue.purged', () => look('purged', () => host.queues()[0]?.stats.ready))
    broker.on('consumer.created', () => look('consumer', () => host.queues()[0]?.consumers.length))
    broker.on('consumer.deleted', () => look('no consumer', () => host.queues()[0]?.consumers.length))
    const exchange = await host.declareExchange('x', 'fanout')
    const queue = await host.declareQueue('q', { bindings: [exchange.key('')] })
    await queue.send(1)
    await queue.purge()
    await queue
      .createConsumer()
      .consume(() => undefined)
      .close()
    await queue.delete()
    await exchange.delete()
    expect(seen).toEqual([
      ['exchange', 1],
      ['queue', ['q']],
      ['queue', ['q', 'declared by a listener']],
      ['binding', 1],
      ['purged', 0],
      ['consumer', 1],
      ['no consumer', 0],
      ['no binding', 0],
      ['no queue', ['declared by a listener']],
      ['no exchange', 0],
    ])
  })
})
