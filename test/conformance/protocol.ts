// Methods of AMQP 0-9-1 that RabbitMQ answers and amqplib's API has no word for: transactions, recover without requeue,
// immediate, prefetch size, nowait, flow. A target that cannot send them runs the suite without those scenarios.
import type { Channel } from 'amqplib'

export interface Protocol {
  /** Sends a method and waits for its reply; resolves with the reply's fields. */
  call(channel: Channel, method: CallName, fields?: Fields): Promise<Fields>
  /** Sends a method that has no reply. */
  send(channel: Channel, method: SendName, fields: Fields): void
  /** `basic.publish` with every field, `immediate` among them, and any header table. */
  publish(channel: Channel, fields: Fields, body: string): void
}

export type Fields = Readonly<Record<string, unknown>>
export type CallName = keyof typeof CALLS
export type SendName = keyof typeof SENDS

// class-id, method-id, and of the reply.
const CALLS = {
  'channel.flow': [20, 20, 21],
  'channel.open': [20, 10, 11],
  'queue.declare': [50, 10, 11],
  'exchange.declare': [40, 10, 11],
  'basic.qos': [60, 10, 11],
  'basic.recover': [60, 110, 111],
  'confirm.select': [85, 10, 11],
  'tx.select': [90, 10, 11],
  'tx.commit': [90, 20, 21],
  'tx.rollback': [90, 30, 31],
} as const

const SENDS = {
  'queue.declare': [50, 10],
  'exchange.declare': [40, 10],
  'queue.bind': [50, 20],
  'basic.consume': [60, 20],
  'basic.ack': [60, 80],
  'basic.nack': [60, 120],
  'basic.reject': [60, 90],
  'basic.recover-async': [60, 100],
} as const

/** What amqplib's channels have and its types do not tell; the codec takes a method by `class << 16 | method`. */
interface Innards {
  rpc(method: number, fields: Fields, expected: number): Promise<Fields>
  sendImmediately(method: number, fields: Fields): void
  sendMessage(fields: Fields, properties: Fields, content: Buffer): void
}

const innards = (channel: Channel) => channel as unknown as Innards
const id = (classId: number, methodId: number) => (classId << 16) | methodId

export const amqplibProtocol: Protocol = {
  call(channel, method, fields = {}) {
    const [classId, methodId, replyId] = CALLS[method]
    return innards(channel).rpc(id(classId, methodId), fields, id(classId, replyId))
  },
  send(channel, method, fields) {
    const [classId, methodId] = SENDS[method]
    innards(channel).sendImmediately(id(classId, methodId), fields)
  },
  publish(channel, fields, body) {
    innards(channel).sendMessage(fields, fields, Buffer.from(body))
  },
}
