/** Typed events whose listeners cannot harm one another: one that throws is reported, and the next is called. */
import EventEmitter from 'eventemitter3'
import { isThenable } from './host.js'

/** Payloads by event name. */
type EventMap = Record<string, readonly unknown[]>

export class Emitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #emitter = new EventEmitter()
  readonly #failed: (error: unknown, name: string) => void
  /** True while anybody listens to anything: no payload need be built otherwise. */
  heard = false

  /** `failed` hears of listeners that throw. */
  constructor(failed: (error: unknown, name: string) => void) {
    this.#failed = failed
  }

  on<Name extends keyof Events & string>(name: Name, listener: (...payload: Events[Name]) => void): void {
    this.#emitter.on(name, listener as never)
    this.heard = true
  }

  off<Name extends keyof Events & string>(name: Name, listener: (...payload: Events[Name]) => void): void {
    this.#emitter.off(name, listener as never)
    this.heard = this.#emitter.eventNames().length > 0
  }

  listenerCount(name: keyof Events & string): number {
    return this.#emitter.listenerCount(name)
  }

  emit<Name extends keyof Events & string>(name: Name, ...payload: Events[Name]): void {
    if (!this.heard) return
    for (const listener of this.#emitter.listeners(name)) {
      try {
        const result = (listener as (...payload: EventMap[string]) => unknown)(...payload)
        if (isThenable(result)) result.then(undefined, (error) => this.#failed(error, name))
      } catch (error) {
        this.#failed(error, name)
      }
    }
  }
}
