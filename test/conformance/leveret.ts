// leveret as a target: a broker of its own behind amqplib's API, and the methods that the API has no word for by the
// channel underneath.
import type { Channel } from 'amqplib'
import { Broker, type BrokerOptions, type Compatibility } from 'leveret'
import * as amqplib from 'leveret/amqplib'
import { consistentHash, random, recentHistory } from 'leveret/exchange-types'
import type { BaseChannel } from '../../src/amqplib/channel.js'
import { argumentTable, encodeProperties } from '../../src/amqplib/wire.js'
import type { AmqpChannel } from '../../src/internal.js'
import { LeveretOperator } from './leveret-operator.js'
import type { CallName, Fields, Protocol, SendName } from './protocol.js'
import type { Session } from './targets.js'

type Method = (channel: AmqpChannel, fields: Fields, on: BaseChannel) => void

const CALLS: Readonly<Record<CallName, readonly [name: string, classId: number, methodId: number, run: Method]>> = {
  'channel.flow': ['ChannelFlow', 20, 20, (channel, { active }) => channel.channelFlow(active === true)],
  'channel.open': ['ChannelOpen', 20, 10, (channel, _, on) => on.connection.engine.createChannel(on, channel.number)],
  'queue.declare': ['QueueDeclare', 50, 10, declareQueue],
  'exchange.declare': ['ExchangeDeclare', 40, 10, declareExchange],
  'basic.qos': [
    'BasicQos',
    60,
    10,
    (channel, { prefetchSize = 0, prefetchCount = 0, global }) =>
      channel.basicQos(Number(prefetchSize), Number(prefetchCount), global === true),
  ],
  'basic.recover': ['BasicRecover', 60, 110, (channel, { requeue }) => channel.basicRecover(requeue === true)],
  'confirm.select': ['ConfirmSelect', 85, 10, (channel) => channel.confirmSelect()],
  'tx.select': ['TxSelect', 90, 10, (channel) => channel.txSelect()],
  'tx.commit': ['TxCommit', 90, 20, (channel) => channel.txCommit()],
  'tx.rollback': ['TxRollback', 90, 30, (channel) => channel.txRollback()],
}

const SENDS: Readonly<Record<SendName, Method>> = {
  'queue.declare': declareQueue,
  'exchange.declare': declareExchange,
  'queue.bind': (channel, { queue, exchange, routingKey }) =>
    channel.queueBind(String(queue), String(exchange), String(routingKey)),
  'basic.consume': (channel, { queue, consumerTag }) => {
    channel.basicConsume(String(queue), { consumerTag: String(consumerTag) })
  },
  'basic.ack': (channel, { deliveryTag, multiple }) => channel.basicAck(Number(deliveryTag), multiple === true),
  'basic.nack': (channel, { deliveryTag, multiple, requeue }) =>
    channel.basicNack(Number(deliveryTag), multiple === true, requeue !== false),
  'basic.reject': (channel, { deliveryTag, requeue }) => channel.basicReject(Number(deliveryTag), requeue !== false),
  'basic.recover-async': (channel, { requeue }) => channel.basicRecover(requeue === true),
}

function declareQueue(channel: AmqpChannel, { queue, arguments: args, ...flags }: Fields): void {
  channel.queueDeclare(String(queue ?? ''), { ...flags, arguments: argumentTable(args) })
}

function declareExchange(channel: AmqpChannel, { exchange, type, arguments: args, ...flags }: Fields): void {
  channel.exchangeDeclare(String(exchange), String(type), { ...flags, arguments: argumentTable(args) })
}

const inner = (channel: Channel) => channel as unknown as BaseChannel & { ask(operation: unknown): Promise<Fields> }

const protocol: Protocol = {
  call(channel, method, fields = {}) {
    const on = inner(channel)
    const [name, classId, methodId, run] = CALLS[method]
    return on.ask({
      name,
      is: (itsClass: number, itsMethod: number) => itsClass === classId && itsMethod === methodId,
      run: (engine: AmqpChannel) => {
        run(engine, fields, on)
        return method === 'channel.flow' ? fields : {}
      },
    })
  },
  send(channel, method, fields) {
    const on = inner(channel)
    on.perform(() => SENDS[method](on.engine, fields, on))
  },
  publish(channel, { exchange, routingKey, mandatory, immediate, ...properties }, body) {
    const on = inner(channel)
    const flags = { mandatory: mandatory === true, immediate: immediate === true }
    on.perform(() => {
      on.engine.basicPublish(
        String(exchange),
        String(routingKey),
        Buffer.from(body),
        encodeProperties(properties),
        flags,
      )
    })
  },
}

/** n.b. a broker a run, at a port of its own: runs may go on side by side. */
let ports = 40_000

export async function onLeveret(virtualHost: string, compatibility: Compatibility): Promise<Session> {
  const host = { hostname: '127.0.0.1', port: ports++ }
  const brokers: Broker[] = []
  const start = (options: BrokerOptions = {}) => {
    const made = new Broker({ compatibility, exchangeTypes: [consistentHash, random, recentHistory], ...options })
    made.createVirtualHost(virtualHost)
    amqplib.useBroker(made, host)
    brokers.push(made)
    return made
  }
  const broker = start()
  const close = async () => {
    for (const each of brokers) await each.close({ timeout: 0 })
  }
  const operator = new LeveretOperator(broker, (consumerTimeout) => {
    if (consumerTimeout === 0) amqplib.useBroker(broker, host)
    else start({ consumerTimeout })
  })
  const api = amqplib as unknown as typeof import('amqplib')
  return { amqplib: api, host, virtualHost, operator, protocol, plugins: true, close }
}
