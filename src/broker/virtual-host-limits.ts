/** How many connections and queues a virtual host may have (LIM-01, LIM-02). What is there when a limit is set stays. */
import { NotAllowedError, PreconditionFailedError } from '../errors.js'
import type { Client } from './rights.js'
import type { BrokerServices } from './services.js'

interface Limited {
  readonly name: string
  readonly queues: ReadonlyMap<string, unknown>
  readonly connections: ReadonlySet<Client>
  readonly broker: BrokerServices
}

export class VirtualHostLimits {
  #maxConnections = -1
  #maxQueues = -1

  set(
    { maxConnections = -1, maxQueues = -1 }: Partial<Record<'maxConnections' | 'maxQueues', number>>,
    of: Limited,
  ): void {
    this.#maxConnections = maxConnections
    this.#maxQueues = maxQueues
    of.broker.announce('vhost.limits.set', () => ({ virtualHost: of.name, maxConnections, maxQueues }))
    of.broker.settle()
  }

  list(): { maxConnections?: number; maxQueues?: number } {
    const [maxConnections, maxQueues] = [this.#maxConnections, this.#maxQueues]
    return { ...(maxConnections >= 0 && { maxConnections }), ...(maxQueues >= 0 && { maxQueues }) }
  }

  /** @throws NotAllowedError. */
  checkConnections(user: string, { name, connections }: Limited): void {
    const limit = this.#maxConnections
    // n.b. the broker's own connection, which has no user, is none of them.
    if (limit < 0 || [...connections].filter(({ rights }) => rights !== undefined).length < limit) return
    throw new NotAllowedError(
      `access to vhost '${name}' refused for user '${user}': connection limit (${limit}) is reached`,
    )
  }

  /** `more` are those that will be declared before it. @throws PreconditionFailedError. */
  checkQueues(queue: string, { name, queues }: Limited, more = 0): void {
    const limit = this.#maxQueues
    if (limit < 0 || queues.size + more < limit) return
    throw new PreconditionFailedError(
      `cannot declare queue '${queue}': queue limit in vhost '${name}' (${limit}) is reached`,
    )
  }
}
