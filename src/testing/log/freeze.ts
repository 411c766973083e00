/** Bodies that were published belong to the bus: a change would reach whoever consumes them, here and nowhere else. */

const CHANGES = ['set', 'add', 'delete', 'clear'] as const

/**
 * Freezes plain objects, arrays, Maps and Sets, all the way down. Bytes, dates and instances of classes stay as they are:
 * they cannot be frozen, or it is not ours to.
 */
export function freezeDeep(body: unknown): void {
  const seen = new Set<unknown>()
  const left = [body]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value !== 'object' || value === null || seen.has(value) || !isOurs(value)) continue
    seen.add(value)
    const kind = kindOf(value)
    if (kind !== undefined) {
      left.push(...(value as Map<unknown, unknown>).keys(), ...(value as Map<unknown, unknown>).values())
      refuseChanges(value, kind)
    }
    for (const { value: field } of Object.values(Object.getOwnPropertyDescriptors(value))) left.push(field)
    Object.freeze(value)
  }
}

/** n.b. by their shape: test runners have globals of their own. */
function isOurs(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype = Object.getPrototypeOf(value)
  if (prototype === null) return true
  const parent = Object.getPrototypeOf(prototype)
  if (parent === null) return true
  return kindOf(value) !== undefined && Object.getPrototypeOf(parent) === null
}

function kindOf(value: object): 'Map' | 'Set' | undefined {
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  return kind === 'Map' || kind === 'Set' ? kind : undefined
}

/** n.b. what a Map holds is not in its properties, so `Object.freeze` lets it change. */
function refuseChanges(collection: object, kind: string): void {
  if (Object.isFrozen(collection)) return
  for (const name of CHANGES) {
    if (!(name in collection)) continue
    const value = (): never => {
      throw new TypeError(`Cannot ${name}: this ${kind} was published in a message`)
    }
    Object.defineProperty(collection, name, { value })
  }
}
