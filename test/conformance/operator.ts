// What an operator does beside the applications: virtual hosts, users, permissions, policies, limits. On a RabbitMQ by
// the functions behind rabbitmqctl. Nothing throws: a refusal is an answer, to be noted.
import type { Arguments } from 'leveret'
import { type Answer, binary, type ErlangShell } from './erlang.js'

export interface Permissions {
  readonly configure: string
  readonly write: string
  readonly read: string
}

export interface Policy {
  readonly name: string
  readonly pattern: string
  readonly definition: Arguments
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
  setTracing(virtualHost: string, on: boolean): Promise<Answer>
  /** Makes as if memory was short, on the whole broker. */
  setMemoryAlarm(on: boolean): Promise<Answer>
  /** How long a delivery may stay unacknowledged, for channels opened from now on; 0 is the default again. */
  setConsumerTimeout(milliseconds: number): Promise<Answer>
}

const ACTING = binary('conformance')

/** An operator of a RabbitMQ node, by the functions that rabbitmqctl calls. */
export class NodeOperator implements Operator {
  readonly #shell: ErlangShell

  constructor(shell: ErlangShell) {
    this.#shell = shell
  }

  addVirtualHost = (name: string) => this.#call('rabbit_vhost:add', name)
  deleteVirtualHost = (name: string) => this.#call('rabbit_vhost:delete', name)
  setVirtualHostLimits = (virtualHost: string, limits: Limits) =>
    this.#call('rabbit_vhost_limit:parse_set', virtualHost, JSON.stringify(limits))

  addUser = async (name: string, password: string, tag?: string) => {
    const added = await this.#call('rabbit_auth_backend_internal:add_user', name, password)
    if (tag === undefined || !added.ok) return added
    return this.#shell.evaluate(`rabbit_auth_backend_internal:set_tags(${binary(name)}, [${tag}], ${ACTING})`)
  }

  deleteUser = (name: string) => this.#call('rabbit_auth_backend_internal:delete_user', name)
  setUserLimits = (user: string, limits: Limits) =>
    this.#call('rabbit_auth_backend_internal:set_user_limits', user, JSON.stringify(limits))

  setPermissions = (virtualHost: string, user: string, { configure, write, read }: Permissions) =>
    this.#call('rabbit_auth_backend_internal:set_permissions', user, virtualHost, configure, write, read)

  clearPermissions = (virtualHost: string, user: string) =>
    this.#call('rabbit_auth_backend_internal:clear_permissions', user, virtualHost)

  setTopicPermissions: Operator['setTopicPermissions'] = (virtualHost, user, exchange, { write, read }) =>
    this.#call('rabbit_auth_backend_internal:set_topic_permissions', user, virtualHost, exchange, write, read)

  setPolicy = (virtualHost: string, policy: Policy) => this.#policy('parse_set', virtualHost, policy)
  clearPolicy = (virtualHost: string, name: string) => this.#call('rabbit_policy:delete', virtualHost, name)
  setOperatorPolicy = (virtualHost: string, policy: Policy) => this.#policy('parse_set_op', virtualHost, policy)
  clearOperatorPolicy = (virtualHost: string, name: string) => this.#call('rabbit_policy:delete_op', virtualHost, name)

  effectivePolicy = async (virtualHost: string, queue: string) => {
    const keys = ['policy', 'operator_policy', 'effective_policy_definition']
    const { ok, text } = await this.#shell.evaluate(`
      {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(${binary(virtualHost)}, queue, ${binary(queue)})),
      [{_, P}, {_, O}, {_, D}] = rabbit_amqqueue:info(Q, [${keys}]),
      Name = fun('') -> <<>>; (N) -> N end,
      rabbit_json:encode([Name(P), Name(O), maps:from_list(D)])`)
    if (!ok) return undefined
    const [policy, operatorPolicy, definition] = JSON.parse(text)
    return { policy, operatorPolicy, definition }
  }

  closeConnections = (virtualHost: string, reason: string) =>
    this.#shell.evaluate(`
      [rabbit_networking:close_connection(element(6, Connection), ${binary(reason)}) ||
        Connection <- rabbit_connection_tracking:list(${binary(virtualHost)})]`)

  setTracing = (virtualHost: string, on: boolean) =>
    this.#shell.evaluate(`rabbit_trace:${on ? 'start' : 'stop'}(${binary(virtualHost)})`)

  setMemoryAlarm = (on: boolean) =>
    this.#shell.evaluate(`vm_memory_monitor:set_vm_memory_high_watermark(${on ? '0' : '0.4'})`)

  setConsumerTimeout = (milliseconds: number) => {
    const set = (key: string, value: number) => `application:set_env(rabbit, ${key}, ${value})`
    // A channel looks at its clock once a tick.
    const [timeout, tick] = milliseconds > 0 ? [milliseconds, 200] : [1_800_000, 60_000]
    return this.#shell.evaluate(`${set('consumer_timeout', timeout)}, ${set('channel_tick_interval', tick)}`)
  }

  #policy(verb: string, virtualHost: string, { name, pattern, definition, priority = 0, applyTo = 'all' }: Policy) {
    const words = [virtualHost, name, pattern, JSON.stringify(definition), String(priority), applyTo].map(binary)
    return this.#shell.evaluate(`rabbit_policy:${verb}(${words.join(', ')}, ${ACTING})`)
  }

  /** Calls a function that takes binaries, and who acts. */
  #call(name: string, ...words: readonly string[]): Promise<Answer> {
    return this.#shell.evaluate(`${name}(${[...words.map(binary), ACTING].join(', ')})`)
  }
}
