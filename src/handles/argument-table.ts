/** Arguments as they come from several spellings, which must not disagree. */
import { type Arguments, type FieldValue, NO_ARGUMENTS } from '../arguments.js'
import { InvalidOptionError } from '../errors.js'
import { describe } from '../names.js'

export class ArgumentTable {
  readonly #what: string
  readonly #values: Record<string, FieldValue>
  readonly #origins = new Map<string, string>()

  constructor(what: string, raw: Arguments | undefined) {
    this.#what = what
    this.#values = { ...raw }
    for (const name of Object.keys(this.#values)) this.#origins.set(name, `arguments['${name}']`)
  }

  set(name: string, value: unknown, option: string): void {
    const origin = this.#origins.get(name)
    if (origin !== undefined && this.#values[name] !== value) {
      throw new InvalidOptionError(
        `${this.#what}: '${option}' says ${describe(value)} and ${origin} says ${describe(this.#values[name])} for ${name}`,
      )
    }
    this.#values[name] = value as FieldValue
    this.#origins.set(name, `'${option}'`)
  }

  get table(): Arguments {
    for (const [name, value] of Object.entries(this.#values)) if (value === undefined) delete this.#values[name]
    return Object.keys(this.#values).length === 0 ? NO_ARGUMENTS : Object.freeze(this.#values)
  }
}
