/** Redeclaring: what is declared again must be declared alike. The texts are RabbitMQ's (GEN-13). */
import { type Arguments, Double, type FieldValue, fieldKind, NO_ARGUMENTS, sameFieldValue } from '../arguments.js'
import type { ExchangeDeclaration, QueueDeclaration } from '../declarations.js'
import { PreconditionFailedError } from '../errors.js'
import { locked } from './declaration-checks.js'
import type { ExchangeState } from './exchange-state.js'
import type { QueueState } from './queue-state.js'

/** Compares a property or an argument; undefined is absent, and null is that only beside a value. */
export function checkEquivalent(title: string, name: string, received: FieldValue, current: FieldValue): void {
  if ((received === undefined) === (current === undefined) && sameFieldValue(received, current)) return
  const both = received !== undefined && current !== undefined
  throw new PreconditionFailedError(
    `inequivalent arg '${name}' for ${title}: received ${shown(received, both)} but current is ${shown(current, both)}`,
  )
}

function shown(value: FieldValue, both: boolean): string {
  if (value === undefined || (value === null && both)) return 'none'
  if (value === null) return "the value 'undefined' of type 'void'"
  const plain = typeof value !== 'object' || value instanceof Double
  const text = plain ? String(value) : JSON.stringify(value)
  return both ? `'${text}'` : `the value '${text}' of type '${fieldKind(value)}'`
}

/** Checks that an exchange is declared as it is (EX-03). */
export function checkSameExchange(title: string, exchange: ExchangeState, declaration: ExchangeDeclaration): void {
  checkEquivalent(title, 'type', declaration.type, exchange.type.name)
  checkEquivalent(title, 'durable', declaration.durable, exchange.durable)
  checkEquivalent(title, 'auto_delete', declaration.autoDelete, exchange.autoDelete)
  checkEquivalent(title, 'internal', declaration.internal, exchange.internal)
  const name = 'alternate-exchange'
  checkEquivalent(title, name, declaration.arguments[name], exchange.arguments[name])
}

/** Checks that a queue is declared as it is. */
export function checkSameQueue(queue: QueueState, declaration: QueueDeclaration, owner: object): void {
  if (queue.exclusive !== declaration.exclusive || (queue.exclusive && queue.owner !== owner)) throw locked(queue)
  checkEquivalent(queue.title, 'durable', declaration.durable && !declaration.exclusive, queue.durable)
  checkEquivalent(queue.title, 'auto_delete', declaration.autoDelete, queue.autoDelete)
  const names = new Set([...Object.keys(queue.arguments), ...Object.keys(declaration.arguments)])
  for (const name of ['x-queue-type', ...[...names].sort()]) {
    if (!queue.broker.queueArguments.knows(name)) {
      // n.b. what a new queue would be refused for is refused here too: nothing written is ignored (law 5).
      const written = name in declaration.arguments ? { [name]: declaration.arguments[name] } : NO_ARGUMENTS
      queue.broker.queueArguments.check(queue.title, queue.type, written, declaration.lenient)
      continue
    }
    checkEquivalent(queue.title, name, typed(declaration.arguments, name), typed(queue.arguments, name))
  }
}

/** The argument for comparison: no type is the type classic. */
function typed(args: Arguments, name: string): Arguments[string] {
  return name === 'x-queue-type' && args[name] === 'classic' ? undefined : args[name]
}
