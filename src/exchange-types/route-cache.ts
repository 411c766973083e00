/**
 * Remembers where routing keys led. Most applications publish with few keys, again and again, and for those a look-up is
 * many times faster than matching patterns. Where keys do not repeat, the cache notices and rests.
 */
import type { Destination } from './exchange-type.js'

/** So many routing keys are remembered at most. */
const KEYS = 1024
/** A key that reached more destinations is not remembered: going through them takes longer than finding them did. */
const DESTINATIONS = 8
/** So many routes the cache rests after it filled up with keys that did not come again. */
const REST = 32 * KEYS

/** The routes of one exchange by routing key. To be cleared whenever a binding comes or goes. */
export class RouteCache {
  readonly #routes = new Map<string, readonly Destination[]>()
  /** How often a key was known since the cache was last empty; stops counting at KEYS. */
  #hits = 0
  /** The routes left to rest for. */
  #rest = 0

  /** True when the next route should do without the cache; to be asked once a route. */
  resting(): boolean {
    if (this.#rest === 0) return false
    this.#rest--
    return true
  }

  /** Where a routing key led; undefined when that is not known. */
  get(routingKey: string): readonly Destination[] | undefined {
    const destinations = this.#routes.get(routingKey)
    if (destinations !== undefined && this.#hits < KEYS) this.#hits++
    return destinations
  }

  /** Remembers where a routing key led. A full cache starts anew: what is in use is soon back. */
  set(routingKey: string, destinations: readonly Destination[]): void {
    if (destinations.length > DESTINATIONS) return
    if (this.#routes.size === KEYS) {
      if (this.#hits < KEYS) this.#rest = REST
      this.clear()
    }
    this.#routes.set(routingKey, destinations)
  }

  /** Forgets all routes. */
  clear(): void {
    this.#hits = 0
    if (this.#routes.size > 0) this.#routes.clear()
  }
}
