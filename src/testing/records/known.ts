/** The names that can be met in a test: exchanges and queues that exist, and those that did. */
import {
  type Broker,
  type BrokerState,
  describe,
  didYouMean,
  Exchange,
  InvalidOptionError,
  Queue,
} from '../../internal.js'

export type Kind = 'exchange' | 'queue'

export class Known {
  readonly #state: BrokerState
  readonly #seen: Readonly<Record<Kind, Set<string>>> = { exchange: new Set(), queue: new Set() }

  constructor(broker: Broker, state: BrokerState) {
    this.#state = state
    broker.on('exchange.created', ({ name }) => this.#seen.exchange.add(name))
    broker.on('queue.created', ({ name }) => this.#seen.queue.add(name))
  }

  /**
   * The name of an exchange or queue, given as that or as a handle.
   * @throws InvalidOptionError for anything else, and for a handle of another broker.
   */
  nameOf(what: string, kind: Kind, given: unknown): string {
    if (typeof given === 'string') return given
    const title = kind === 'exchange' ? 'an exchange' : 'a queue'
    if (!(given instanceof (kind === 'exchange' ? Exchange : Queue))) {
      throw new InvalidOptionError(`${what}: expected ${title} or the name of one, got ${describe(given)}`)
    }
    const { home, name } = given as Exchange | Queue
    if ([...this.#state.virtualHosts.values()].some((host) => host === home)) return name
    throw new InvalidOptionError(`${what}: ${kind} '${name}' is a handle of another broker, not of the kit's`)
  }

  /** @throws InvalidOptionError for a name that nothing has or had: no message can ever have to do with it. */
  check(what: string, kind: Kind, name: string): void {
    const names = this.#names(kind)
    if (names.has(name)) return
    const own = [...names].filter((each) => each !== '' && !each.startsWith('amq.'))
    const all = own.length === 0 ? `no ${kind} was declared` : `there are ${own.map((each) => `'${each}'`).join(', ')}`
    const expected = `expected the name of ${kind === 'exchange' ? 'an exchange' : 'a queue'} that exists or did`
    throw new InvalidOptionError(`${what}: ${expected}, got ${describe(name)}; ${didYouMean(name, names) ?? all}`)
  }

  #names(kind: Kind): Set<string> {
    const names = new Set(this.#seen[kind])
    for (const host of this.#state.virtualHosts.values()) {
      for (const name of host[kind === 'exchange' ? 'exchanges' : 'queues'].keys()) names.add(name)
    }
    return names
  }
}
