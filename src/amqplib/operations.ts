/** The methods of a channel that have a reply: what is checked before they are sent, what the broker does, what it answers. */
import type { AmqpChannel } from '../internal.js'
import { shortField } from './fields.js'
import type * as Options from './options.js'
import type * as Replies from './replies.js'
import type { GetMessage } from './types.js'
import { argumentTable, bindingTable, contentOf, decodeProperties, mandatory, shortString } from './wire.js'

/** Numbers of class and method, by the names that amqplib's errors have for them. */
const METHODS = {
  ChannelOpen: [20, 10],
  ExchangeDeclare: [40, 10],
  ExchangeDelete: [40, 20],
  ExchangeBind: [40, 30],
  ExchangeUnbind: [40, 40],
  QueueDeclare: [50, 10],
  QueueBind: [50, 20],
  QueuePurge: [50, 30],
  QueueDelete: [50, 40],
  QueueUnbind: [50, 50],
  BasicQos: [60, 10],
  BasicConsume: [60, 20],
  BasicCancel: [60, 30],
  BasicGet: [60, 70],
  BasicRecover: [60, 110],
  ConfirmSelect: [85, 10],
} as const

/** One of them, with its arguments. */
export class Operation<Reply> {
  readonly name: keyof typeof METHODS
  readonly run: (channel: AmqpChannel) => Reply

  constructor(name: keyof typeof METHODS, run: (channel: AmqpChannel) => Reply) {
    this.name = name
    this.run = run
  }

  /** True when this is the method that the broker closed the channel for. */
  is(classId: number, methodId: number): boolean {
    const [itsClass, itsMethod] = METHODS[this.name]
    return itsClass === classId && itsMethod === methodId
  }
}

/** The reply of what has none of interest. */
const empty = (run: (channel: AmqpChannel) => unknown) => (channel: AmqpChannel) => {
  run(channel)
  return {}
}

export const openChannel = new Operation<Replies.Empty>('ChannelOpen', () => ({}))

export const selectConfirms = new Operation<Replies.Empty>(
  'ConfirmSelect',
  empty((channel) => channel.confirmSelect()),
)

export function assertQueue(queue?: string, options: Options.AssertQueue = {}): Operation<Replies.AssertQueue> {
  const name = shortString('queue', queue || '')
  const { exclusive, autoDelete, durable = true } = options ?? {}
  const table = argumentTable(options?.arguments, {
    'x-expires': options?.expires,
    'x-message-ttl': options?.messageTtl,
    'x-dead-letter-exchange': options?.deadLetterExchange,
    'x-dead-letter-routing-key': options?.deadLetterRoutingKey,
    'x-max-length': options?.maxLength,
    'x-max-priority': options?.maxPriority,
    'x-overflow': options?.overflow,
    'x-queue-mode': options?.queueMode,
  })
  const flags = { exclusive: !!exclusive, autoDelete: !!autoDelete, durable: !!durable, arguments: table }
  return new Operation('QueueDeclare', (channel) => declared(channel.queueDeclare(name, flags)))
}

export function checkQueue(queue: string): Operation<Replies.AssertQueue> {
  const name = shortString('queue', queue)
  return new Operation('QueueDeclare', (channel) => declared(channel.queueDeclare(name, { passive: true })))
}

const declared = ({ name: queue, messageCount, consumerCount }: ReturnType<AmqpChannel['queueDeclare']>) => ({
  queue,
  messageCount,
  consumerCount,
})

export function deleteQueue(queue: string, options?: Options.DeleteQueue): Operation<Replies.DeleteQueue> {
  const name = shortString('queue', queue)
  const { ifUnused, ifEmpty } = options ?? {}
  return new Operation('QueueDelete', (channel) => ({ messageCount: channel.queueDelete(name, !!ifUnused, !!ifEmpty) }))
}

export function purgeQueue(queue: string): Operation<Replies.PurgeQueue> {
  const name = shortString('queue', queue)
  return new Operation('QueuePurge', (channel) => ({ messageCount: channel.queuePurge(name) }))
}

type Binding = readonly [destination: string, source: string, pattern: string, args?: unknown]

function queueBinding([queue, source, pattern, args]: Binding) {
  const name = shortString('queue', queue)
  return [name, mandatory('exchange', source), shortString('routingKey', pattern), bindingTable(args)] as const
}

export function bindQueue(...given: Binding): Operation<Replies.Empty> {
  const binding = queueBinding(given)
  return new Operation(
    'QueueBind',
    empty((channel) => channel.queueBind(...binding)),
  )
}

export function unbindQueue(...given: Binding): Operation<Replies.Empty> {
  const binding = queueBinding(given)
  return new Operation(
    'QueueUnbind',
    empty((channel) => channel.queueUnbind(...binding)),
  )
}

function exchangeBinding([destination, source, pattern, args]: Binding) {
  const to = mandatory('destination', destination)
  return [to, mandatory('source', source), shortString('routingKey', pattern), bindingTable(args)] as const
}

export function bindExchange(...given: Binding): Operation<Replies.Empty> {
  const binding = exchangeBinding(given)
  return new Operation(
    'ExchangeBind',
    empty((channel) => channel.exchangeBind(...binding)),
  )
}

export function unbindExchange(...given: Binding): Operation<Replies.Empty> {
  const binding = exchangeBinding(given)
  return new Operation(
    'ExchangeUnbind',
    empty((channel) => channel.exchangeUnbind(...binding)),
  )
}

export function assertExchange(
  exchange: string,
  type: string,
  options?: Options.AssertExchange,
): Operation<Replies.AssertExchange> {
  const name = mandatory('exchange', exchange)
  const ofType = type === undefined ? 'direct' : shortString('type', type)
  const { durable = true, autoDelete, internal, alternateExchange } = options ?? {}
  const table = argumentTable(options?.arguments, { 'alternate-exchange': alternateExchange })
  const flags = { durable: !!durable, autoDelete: !!autoDelete, internal: !!internal, arguments: table }
  return new Operation('ExchangeDeclare', (channel) => {
    channel.exchangeDeclare(name, ofType, flags)
    return { exchange }
  })
}

export function checkExchange(exchange: string): Operation<Replies.Empty> {
  const name = mandatory('exchange', exchange)
  return new Operation(
    'ExchangeDeclare',
    empty((channel) => channel.exchangeDeclare(name, '', { passive: true })),
  )
}

export function deleteExchange(exchange: string, options?: Options.DeleteExchange): Operation<Replies.Empty> {
  const name = mandatory('exchange', exchange)
  return new Operation(
    'ExchangeDelete',
    empty((channel) => channel.exchangeDelete(name, !!options?.ifUnused)),
  )
}

export function consume(queue: string, options?: Options.Consume): Operation<Replies.Consume> {
  const name = shortString('queue', queue)
  const { noAck, exclusive, consumerTag, priority } = options ?? {}
  const tag = shortString('consumerTag', consumerTag || '')
  const table = argumentTable(options?.arguments, { 'x-priority': priority })
  const flags = { consumerTag: tag, noAck: !!noAck, exclusive: !!exclusive, arguments: table }
  return new Operation('BasicConsume', (channel) => ({ consumerTag: channel.basicConsume(name, flags) }))
}

export function cancel(consumerTag: string): Operation<Replies.Cancel> {
  const tag = mandatory('consumerTag', consumerTag)
  return new Operation('BasicCancel', (channel) => {
    channel.basicCancel(tag)
    return { consumerTag: tag }
  })
}

export function get(queue: string, options?: Options.Get): Operation<GetMessage | false> {
  const name = shortString('queue', queue)
  const noAck = !!options?.noAck
  return new Operation('BasicGet', (channel) => {
    const got = channel.basicGet(name, noAck)
    if (got === undefined) return false
    const { deliveryTag, redelivered, exchange, routingKey, message } = got.delivery
    const fields = { deliveryTag, redelivered, exchange, routingKey, messageCount: got.messageCount }
    // n.b. a get tells of the deliveries even where there was none.
    return { fields, properties: decodeProperties(message, got.delivery.deliveryCount), content: contentOf(message) }
  })
}

export function prefetch(count: number, global?: boolean): Operation<Replies.Empty> {
  const limit = shortField('prefetchCount', count || 0)
  return new Operation(
    'BasicQos',
    empty((channel) => channel.basicQos(0, limit, !!global)),
  )
}

export const recover = new Operation<Replies.Empty>(
  'BasicRecover',
  empty((channel) => channel.basicRecover(true)),
)
