/** Redeclaring: what is declared again must be declared alike. The texts are RabbitMQ's (GEN-13). */
import { type FieldValue, fieldKind, sameFieldValue } from '../arguments.js'
import { PreconditionFailedError } from '../errors.js'

/** Compares a property or an argument; undefined is absent, null is nowhere as good as that. */
export function checkEquivalent(title: string, name: string, received: FieldValue, current: FieldValue): void {
  if (sameFieldValue(received, current)) return
  const both = received !== undefined && current !== undefined
  throw new PreconditionFailedError(
    `inequivalent arg '${name}' for ${title}: received ${shown(received, both)} but current is ${shown(current, both)}`,
  )
}

function shown(value: FieldValue, both: boolean): string {
  if (value === undefined) return 'none'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return both ? `'${text}'` : `the value '${text}' of type '${fieldKind(value)}'`
}
