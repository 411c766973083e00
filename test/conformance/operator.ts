// What an operator does beside the applications: virtual hosts, users, permissions, policies, limits. On a RabbitMQ by
// rabbitmqctl. Nothing throws: a refusal is an answer, to be noted.
import { execFile } from 'node:child_process'

export interface Answer {
  readonly ok: boolean
  /** What was said on the way; nothing that targets share, but where a rule names the text. */
  readonly text: string
}

export interface Permissions {
  readonly configure: string
  readonly write: string
  readonly read: string
}

export interface Policy {
  readonly name: string
  readonly pattern: string
  readonly definition: Readonly<Record<string, unknown>>
  readonly priority?: number
  readonly applyTo?: 'all' | 'queues' | 'exchanges'
}

/** What a queue's policies come to. */
export interface Effective {
  readonly policy: string
  readonly operatorPolicy: string
  readonly definition: unknown
}

type Limits = Readonly<Record<string, number>>

export interface Operator {
  addVirtualHost(name: string): Promise<Answer>
  deleteVirtualHost(name: string): Promise<Answer>
  setVirtualHostLimits(virtualHost: string, limits: Limits): Promise<Answer>
  addUser(name: string, password: string, tag?: string): Promise<Answer>
  deleteUser(name: string): Promise<Answer>
  setUserLimits(user: string, limits: Limits): Promise<Answer>
  setPermissions(virtualHost: string, user: string, permissions: Permissions): Promise<Answer>
  clearPermissions(virtualHost: string, user: string): Promise<Answer>
  setTopicPermissions(
    virtualHost: string,
    user: string,
    exchange: string,
    permissions: Omit<Permissions, 'configure'>,
  ): Promise<Answer>
  setPolicy(virtualHost: string, policy: Policy): Promise<Answer>
  clearPolicy(virtualHost: string, name: string): Promise<Answer>
  setOperatorPolicy(virtualHost: string, policy: Policy): Promise<Answer>
  clearOperatorPolicy(virtualHost: string, name: string): Promise<Answer>
  effectivePolicy(virtualHost: string, queue: string): Promise<Effective | undefined>
  closeConnections(virtualHost: string, reason: string): Promise<Answer>
  /** Makes as if memory was short, on the whole broker. */
  setMemoryAlarm(on: boolean): Promise<Answer>
  /** How long a delivery may stay unacknowledged, for channels opened from now on; 0 is the default again. */
  setConsumerTimeout(milliseconds: number): Promise<Answer>
}

// An Erlang machine is started for each call: on few cores many at once starve the broker.
const AT_ONCE = 2

export class Rabbitmqctl implements Operator {
  readonly #node: readonly string[]
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(node?: string) {
    this.#node = node === undefined ? [] : ['--node', node]
  }

  addVirtualHost = (name: string) => this.#ctl('add_vhost', name)
  deleteVirtualHost = (name: string) => this.#ctl('delete_vhost', name)
  setVirtualHostLimits = (virtualHost: string, limits: Limits) =>
    this.#ctl('set_vhost_limits', '-p', virtualHost, JSON.stringify(limits))

  addUser = async (name: string, password: string, tag?: string) => {
    const added = await this.#ctl('add_user', name, password)
    return tag === undefined || !added.ok ? added : this.#ctl('set_user_tags', name, tag)
  }

  deleteUser = (name: string) => this.#ctl('delete_user', name)
  setUserLimits = (user: string, limits: Limits) => this.#ctl('set_user_limits', user, JSON.stringify(limits))
  setPermissions = (virtualHost: string, user: string, { configure, write, read }: Permissions) =>
    this.#ctl('set_permissions', '-p', virtualHost, user, configure, write, read)

  clearPermissions = (virtualHost: string, user: string) => this.#ctl('clear_permissions', '-p', virtualHost, user)
  setTopicPermissions: Operator['setTopicPermissions'] = (virtualHost, user, exchange, { write, read }) =>
    this.#ctl('set_topic_permissions', '-p', virtualHost, user, exchange, write, read)

  setPolicy = (virtualHost: string, policy: Policy) => this.#policy('set_policy', virtualHost, policy)
  clearPolicy = (virtualHost: string, name: string) => this.#ctl('clear_policy', '-p', virtualHost, name)
  setOperatorPolicy = (virtualHost: string, policy: Policy) => this.#policy('set_operator_policy', virtualHost, policy)
  clearOperatorPolicy = (virtualHost: string, name: string) =>
    this.#ctl('clear_operator_policy', '-p', virtualHost, name)

  effectivePolicy = async (virtualHost: string, queue: string) => {
    const columns = ['name', 'policy', 'operator_policy', 'effective_policy_definition']
    const { text } = await this.#ctl('list_queues', '-p', virtualHost, '--formatter', 'json', ...columns)
    const found = (JSON.parse(text) as Record<string, unknown>[]).find(({ name }) => name === queue)
    return (
      found && {
        policy: String(found['policy'] ?? ''),
        operatorPolicy: String(found['operator_policy'] ?? ''),
        definition: found['effective_policy_definition'],
      }
    )
  }

  closeConnections = (virtualHost: string, reason: string) =>
    this.#ctl('close_all_connections', '-p', virtualHost, reason)

  setMemoryAlarm = (on: boolean) => this.#ctl('set_vm_memory_high_watermark', on ? '0' : '0.4')
  setConsumerTimeout = (milliseconds: number) => {
    const set = (key: string, value: number) => `application:set_env(rabbit, ${key}, ${value})`
    // A channel looks at its clock once a tick.
    const [timeout, tick] = milliseconds > 0 ? [milliseconds, 200] : [1_800_000, 60_000]
    return this.#ctl('eval', `${set('consumer_timeout', timeout)}, ${set('channel_tick_interval', tick)}.`)
  }

  #policy(command: string, virtualHost: string, { name, pattern, definition, priority = 0, applyTo }: Policy) {
    const apply = applyTo === undefined ? [] : ['--apply-to', applyTo]
    const words = ['--priority', String(priority), ...apply, name, pattern, JSON.stringify(definition)]
    return this.#ctl(command, '-p', virtualHost, ...words)
  }

  async #ctl(...words: readonly string[]): Promise<Answer> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#running++
    try {
      return await new Promise((resolve) => {
        execFile('rabbitmqctl', [...this.#node, '--quiet', ...words], { timeout: 25_000 }, (error, stdout, stderr) => {
          resolve({ ok: error === null, text: `${stdout}${stderr}`.trim() })
        })
      })
    } finally {
      this.#running--
      this.#waiting.shift()?.()
    }
  }
}
