// An operator of leveret: what rabbitmqctl does there, by the methods of `Broker` and `VirtualHost`.
import type { Broker, VirtualHost } from 'leveret'
import type { Answer } from './erlang.js'
import type { Effective, Operator, Permissions, Policy } from './operator.js'

type Limits = Readonly<Record<string, number>>

export class LeveretOperator implements Operator {
  readonly #broker: Broker
  readonly #setTimeout: (milliseconds: number) => void

  /** `setTimeout` puts a broker with another timeout in place of this one, or this one back: it is no running broker's to change. */
  constructor(broker: Broker, setTimeout: (milliseconds: number) => void) {
    this.#broker = broker
    this.#setTimeout = setTimeout
  }

  // n.b. leveret gives guest all rights in a new virtual host, as management does, and rabbitmqctl does not.
  addVirtualHost = (name: string) =>
    answer(() => {
      if (this.#broker.virtualHosts.includes(name)) return
      this.#broker.createVirtualHost(name)
      this.#broker.clearPermissions('guest', name)
    })

  deleteVirtualHost = (name: string) => answer(() => this.#broker.deleteVirtualHost(name))

  setVirtualHostLimits = (virtualHost: string, limits: Limits) =>
    this.#in(virtualHost, (host) => {
      const { 'max-connections': maxConnections, 'max-queues': maxQueues } = limits
      host.setLimits({
        ...(maxConnections !== undefined && { maxConnections }),
        ...(maxQueues !== undefined && { maxQueues }),
      })
    })

  addUser = (name: string, password: string, tag?: string) =>
    answer(() => this.#broker.addUser(name, { password, tags: tag === undefined ? [] : [tag] }))

  deleteUser = (name: string) => answer(() => this.#broker.deleteUser(name))

  setUserLimits = (user: string, limits: Limits) =>
    answer(() => {
      const { 'max-connections': maxConnections = -1, 'max-channels': maxChannels = -1 } = limits
      this.#broker.setUserLimits(user, { maxConnections, maxChannels })
    })

  setPermissions = (virtualHost: string, user: string, permissions: Permissions) =>
    answer(() => this.#broker.setPermissions(user, { virtualHost, ...permissions }))

  clearPermissions = (virtualHost: string, user: string) =>
    answer(() => this.#broker.clearPermissions(user, virtualHost))

  setTopicPermissions: Operator['setTopicPermissions'] = (virtualHost, user, exchange, permissions) =>
    answer(() => this.#broker.setTopicPermissions(user, { virtualHost, exchange, ...permissions }))

  setPolicy = (virtualHost: string, { name, ...policy }: Policy) =>
    this.#in(virtualHost, (host) => host.setPolicy(name, policy))

  clearPolicy = (virtualHost: string, name: string) => this.#in(virtualHost, (host) => host.clearPolicy(name))

  // n.b. 'all' is what RabbitMQ's own function takes, and no operator policy acts on an exchange.
  setOperatorPolicy = (virtualHost: string, { name, applyTo: _, ...policy }: Policy) =>
    this.#in(virtualHost, (host) => host.setOperatorPolicy(name, policy))

  clearOperatorPolicy = (virtualHost: string, name: string) =>
    this.#in(virtualHost, (host) => host.clearOperatorPolicy(name))

  effectivePolicy = async (virtualHost: string, name: string): Promise<Effective | undefined> => {
    const queue = this.#broker
      .virtualHost(virtualHost)
      .queues()
      .find((each) => each.name === name)
    if (queue === undefined) return undefined
    const { policy = '', operatorPolicy = '', effectivePolicyDefinition: definition } = queue
    return { policy, operatorPolicy, definition }
  }

  closeConnections = (virtualHost: string, reason: string) =>
    this.#in(virtualHost, (host) => host.closeConnections(reason))

  setTracing = (virtualHost: string, on: boolean) => this.#in(virtualHost, (host) => host.trace(on))

  setMemoryAlarm = (on: boolean) =>
    answer(() => (on ? this.#broker.setAlarm('memory') : this.#broker.clearAlarm('memory')))

  setConsumerTimeout = (milliseconds: number) => answer(() => this.#setTimeout(milliseconds))

  #in(virtualHost: string, task: (host: VirtualHost) => void): Promise<Answer> {
    return answer(() => task(this.#broker.virtualHost(virtualHost)))
  }
}

async function answer(task: () => void): Promise<Answer> {
  try {
    task()
    return { ok: true, text: 'ok' }
  } catch (error) {
    return { ok: false, text: (error as Error).message }
  }
}
