// The brokers that the scenarios run on, a row each.

import type { Compatibility } from 'leveret'
import { type Answer, ErlangShell } from './erlang.js'
import { onLeveret } from './leveret.js'
import { NodeOperator, type Operator } from './operator.js'
import { startPrivateRabbitmq } from './private-rabbitmq.js'
import { amqplibProtocol, type Protocol } from './protocol.js'

export type Amqplib = typeof import('amqplib')

/** A broker made ready for one run. */
export interface Session {
  readonly amqplib: Amqplib
  readonly host: { readonly hostname: string; readonly port: number }
  /** A virtual host that nobody else uses; user guest may do everything in it. */
  readonly virtualHost: string
  readonly operator?: Operator
  readonly protocol?: Protocol
  /** The exchange types x-consistent-hash, x-random and x-recent-history are there. */
  readonly plugins?: true
  close(): Promise<void>
}

export interface Target {
  readonly name: string
  /** `undefined`, where the broker is not there; `virtualHost` is free on it. */
  open(virtualHost: string): Promise<Session | undefined>
  /** A broker that nobody else is on, for scenarios that run alone. */
  openApart(virtualHost: string): Promise<Session | undefined>
}

const host = { hostname: '127.0.0.1', port: 5672 }

async function must(answer: Promise<Answer>): Promise<void> {
  const { ok, text } = await answer
  if (!ok) throw new Error(text)
}

const PLUGINS = ['rabbitmq_consistent_hash_exchange', 'rabbitmq_random_exchange', 'rabbitmq_recent_history_exchange']

const everything = { configure: '.*', write: '.*', read: '.*' }

/** A session on a node, in a virtual host of its own. */
async function onNode(shell: ErlangShell, port: number, virtualHost: string): Promise<Session> {
  const operator = new NodeOperator(shell)
  await must(operator.addVirtualHost(virtualHost))
  await must(operator.setPermissions(virtualHost, 'guest', everything))
  const amqplib = await import('amqplib')
  const close = async () => {
    await must(operator.deleteVirtualHost(virtualHost))
    shell.end()
  }
  return { amqplib, host: { ...host, port }, virtualHost, operator, protocol: amqplibProtocol, close }
}

const rabbitmq: Target = {
  name: 'rabbitmq',
  async open(virtualHost) {
    return onNode(new ErlangShell('rabbit@localhost'), host.port, virtualHost)
  },
  async openApart(virtualHost) {
    const { port, shell, stop } = await startPrivateRabbitmq(PLUGINS)
    return { ...(await onNode(shell, port, virtualHost)), plugins: true, close: stop }
  },
}

const leveretAs = (name: string, compatibility: Compatibility): Target => {
  const open = (virtualHost: string) => onLeveret(virtualHost, compatibility)
  return { name, open, openApart: open }
}

export const TARGETS: readonly Target[] = [rabbitmq, leveretAs('leveret', '3.10')]

/** What leveret is by default; where it differs from 3.10, versions.ts says why. */
export const LEVERET_NOW: Target = leveretAs('leveret as 4.3', '4.3')
