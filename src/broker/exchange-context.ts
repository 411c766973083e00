/** What a router may ask of its exchange, see `RouterContext`: to hold a message, to give an old one to a new binding. */
import type { Destination, RouterContext } from '../exchange-types/exchange-type.js'
import type { Message } from '../message.js'
import type { ExchangeState } from './exchange-state.js'

/** Who routes for all exchanges of a virtual host. */
export interface ContextHome {
  readonly tentative: boolean
  /** Number of the route that is going on. */
  readonly visit: number
  hold(exchange: ExchangeState, message: Message, delay: number): void
  deliver(destination: Destination, message: Message): void
}

export class ExchangeContext implements RouterContext {
  readonly #exchange: ExchangeState
  readonly #home: ContextHome
  #visit = 0

  constructor(exchange: ExchangeState, home: ContextHome) {
    this.#exchange = exchange
    this.#home = home
  }

  get tentative(): boolean {
    return this.#home.tentative
  }

  hold(message: Message, delay: number): void {
    // n.b. `route` is called once a key, and an exchange is visited once a publish.
    if (this.#home.tentative || this.#home.visit === this.#visit) return
    this.#visit = this.#home.visit
    this.#home.hold(this.#exchange, message, delay)
  }

  deliver(destination: Destination, message: Message): void {
    this.#home.deliver(destination, message)
  }
}

/** For a router that is made to be asked only. */
export const NO_CONTEXT: RouterContext = { tentative: true, hold: () => undefined, deliver: () => undefined }
