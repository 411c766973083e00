// The brokers that the scenarios run on, a row each.
import { type Answer, type Operator, Rabbitmqctl } from './operator.js'
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
  close(): Promise<void>
}

export interface Target {
  readonly name: string
  /** `undefined`, where the broker is not there; `virtualHost` is free on it. */
  open(virtualHost: string): Promise<Session | undefined>
}

const host = { hostname: '127.0.0.1', port: 5672 }

async function must(answer: Promise<Answer>): Promise<void> {
  const { ok, text } = await answer
  if (!ok) throw new Error(text)
}

const everything = { configure: '.*', write: '.*', read: '.*' }

const rabbitmq: Target = {
  name: 'rabbitmq',
  async open(virtualHost) {
    const operator = new Rabbitmqctl()
    await must(operator.addVirtualHost(virtualHost))
    await must(operator.setPermissions(virtualHost, 'guest', everything))
    const close = () => must(operator.deleteVirtualHost(virtualHost))
    return { amqplib: await import('amqplib'), host, virtualHost, operator, protocol: amqplibProtocol, close }
  },
}

const leveret: Target = {
  name: 'leveret',
  async open(virtualHost) {
    // n.b. a variable: the entry is not there yet, and neither the compiler nor knip shall look for it.
    const entry = 'leveret/amqplib'
    const module = await import(entry).then(
      (found: Amqplib) => found,
      () => undefined,
    )
    if (module === undefined) return undefined
    return { amqplib: module, host, virtualHost, close: async () => undefined }
  },
}

export const TARGETS: readonly Target[] = [rabbitmq, leveret]
