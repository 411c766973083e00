/** Typed events whose listeners cannot harm one another: one that throws is reported, and the next is called. */
import EventEmitter from 'eventemitter3'
import { InvalidOptionError } from './errors.js'
import { isThenable } from './host.js'
import { describe } from './names.js'
import { fn, unknownOption } from './options.js'

/** Payloads by event name. */
type EventMap = Record<string, readonly unknown[]>

export class Emitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #emitter = new EventEmitter()
  readonly #names: readonly (keyof Events & string)[]
  readonly #failed: (error: unknown, name: string) => void
  /** True while anybody listens to anything: no payload need be built otherwise. */
  heard = false

  /** `names` are the events there are; `failed` hears of listeners that throw. */
  constructor(names: readonly (keyof Events & string)[], failed: (error: unknown, name: string) => void) {
    this.#names = names
    this.#failed = failed
  }

  on<Name extends keyof Events & string>(name: Name, listener: (...payload: Events[Name]) => void): void {
    if (!this.#names.includes(name)) throw unknownOption('on', name, this.#names, 'event')
    const fault = fn(listener)
    if (fault !== undefined) throw new InvalidOptionError(`on('${name}'): expected ${fault}, got ${describe(listener)}`)
    this.#emitter.on(name, listener as never)
    this.heard = true
  }

  off<Name extends keyof Events & string>(name: Name, listener: (...payload: Events[Name]) => void): void {
    this.#emitter.off(name, listener as never)
    this.heard = this.#emitter.eventNames().length > 0
  }

  /** Calls the listeners of an event; false when it has none. */
  emit<Name extends keyof Events & string>(name: Name, ...payload: Events[Name]): boolean {
    const listeners = this.#emitter.listeners(name)
    for (const listener of listeners) {
      try {
        const result = (listener as (...payload: EventMap[string]) => unknown)(...payload)
        if (isThenable(result)) result.then(undefined, (error) => this.#failed(error, name))
      } catch (error) {
        this.#failed(error, name)
      }
    }
    return listeners.length > 0
  }
}
