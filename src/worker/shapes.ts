/** What the broker is asked for over the wire is looked at first: a frame may be broken, or of nobody of ours. */
import { describe, FrameError } from '../internal.js'
import type { Method } from './verbs.js'

type Shape = 'string' | Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object'>>

const EXCHANGE: Shape = {
  name: 'string',
  type: 'string',
  durable: 'boolean',
  autoDelete: 'boolean',
  internal: 'boolean',
  arguments: 'object',
}
const QUEUE: Shape = {
  name: 'string',
  durable: 'boolean',
  exclusive: 'boolean',
  autoDelete: 'boolean',
  arguments: 'object',
}
const BINDING: Shape = {
  source: 'string',
  destination: 'string',
  destinationKind: 'string',
  routingKey: 'string',
  arguments: 'object',
}

/** The first argument of each call. */
const CALLS: Readonly<Record<Method, Shape>> = {
  declareExchange: EXCHANGE,
  deleteExchange: 'string',
  hasExchange: 'string',
  declareQueue: QUEUE,
  checkQueue: 'string',
  queueStats: 'string',
  deleteQueue: 'string',
  purgeQueue: 'string',
  bind: BINDING,
  unbind: BINDING,
  hasBinding: BINDING,
}

const CONSUMER: Shape = {
  consumerTag: 'string',
  prefetch: 'number',
  noAck: 'boolean',
  exclusive: 'boolean',
  priority: 'number',
  once: 'boolean',
}

/** @throws FrameError. */
export function checkCall(method: Method, args: unknown): asserts args is unknown[] {
  if (!Object.hasOwn(CALLS, method)) throw new FrameError(`'${String(method)}' cannot be called`)
  if (!Array.isArray(args)) throw new FrameError(`${method}: expected arguments, got ${describe(args)}`)
  check(method, args[0], CALLS[method])
  if (method === 'declareQueue') for (const binding of args[1] ?? []) check(method, binding, BINDING)
}

/** @throws FrameError. */
export function checkConsume(queue: unknown, options: unknown): void {
  check('consume', queue, 'string')
  check('consume', options, CONSUMER)
}

function check(what: string, value: unknown, shape: Shape): void {
  if (shape === 'string') {
    if (typeof value !== 'string') throw new FrameError(`${what}: expected a string, got ${describe(value)}`)
    return
  }
  for (const [name, type] of Object.entries(shape)) {
    const member = (Object(value) as Readonly<Record<string, unknown>>)[name]
    if (typeof member !== type || member === null) {
      throw new FrameError(`${what}: expected ${name} to be of type ${type}, got ${describe(member)}`)
    }
  }
}
