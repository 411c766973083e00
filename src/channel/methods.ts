/** The methods of AMQP 0-9-1 that can fail, by the numbers under which `channel.close` names them. */
import type { MethodId } from './amqp-channel.js'

const numbers = {
  'channel.open': [20, 10],
  'channel.flow': [20, 20],
  'exchange.declare': [40, 10],
  'exchange.delete': [40, 20],
  'exchange.bind': [40, 30],
  'exchange.unbind': [40, 40],
  'queue.declare': [50, 10],
  'queue.bind': [50, 20],
  'queue.purge': [50, 30],
  'queue.delete': [50, 40],
  'queue.unbind': [50, 50],
  'basic.qos': [60, 10],
  'basic.consume': [60, 20],
  'basic.cancel': [60, 30],
  'basic.publish': [60, 40],
  'basic.get': [60, 70],
  'basic.ack': [60, 80],
  'basic.reject': [60, 90],
  'basic.recover': [60, 110],
  'basic.nack': [60, 120],
  'confirm.select': [85, 10],
  'tx.select': [90, 10],
  'tx.commit': [90, 20],
  'tx.rollback': [90, 30],
} as const satisfies Record<string, readonly [classId: number, methodId: number]>

/** Name of a method. */
export type MethodName = keyof typeof numbers

/** The methods' numbers. */
export const METHODS = Object.fromEntries(
  Object.entries(numbers).map(([name, [classId, methodId]]) => [name, { classId, methodId }]),
) as Readonly<Record<MethodName, MethodId>>

/** The numbers where no method is to blame. */
export const NO_METHOD: MethodId = { classId: 0, methodId: 0 }
