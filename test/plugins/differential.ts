// The exchange types of leveret/exchange-types against the plug-ins of a RabbitMQ server that is started for it: random
// bindings, unbindings and publishes on both, and what is in the queues then. Takes some twenty seconds, so it is no part of
// the test command:
//   tsx test/plugins/differential.ts [runs] [seed]
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import fc from 'fast-check'
import { Broker, LeveretError, type VirtualHost } from 'leveret'
import { consistentHash, random, recentHistory } from 'leveret/exchange-types'
import { startPrivateRabbitmq } from '../conformance/private-rabbitmq.js'

const PLUGINS = ['rabbitmq_consistent_hash_exchange', 'rabbitmq_random_exchange', 'rabbitmq_recent_history_exchange']
const QUEUES = ['a', 'b', 'c', 'd']

type Table = Readonly<Record<string, string | number | boolean | readonly string[]>>

interface Properties {
  readonly headers?: Table
  readonly messageId?: string
  readonly timestamp?: number
}

/** What is done to both; `declare`, `bind` and `bindExchange` answer the error text, if any. */
interface Side {
  declare(exchange: string, type: string, args: Table): Promise<string>
  bind(queue: string, exchange: string, key: string): Promise<string>
  unbind(queue: string, exchange: string, key: string): Promise<void>
  bindExchange(destination: string, source: string): Promise<string>
  publish(exchange: string, key: string, body: string, properties: Properties): Promise<void>
  /** Takes all messages of a queue. */
  bodies(queue: string): Promise<string[]>
  delete(exchange: string): Promise<void>
}

class Leveret implements Side {
  readonly #host: VirtualHost = new Broker({ exchangeTypes: [consistentHash, random, recentHistory] }).virtualHost('/')

  async start(): Promise<void> {
    for (const queue of QUEUES) await this.#host.declareQueue(queue)
  }

  async #textOf(call: () => unknown): Promise<string> {
    try {
      await call()
      return 'ok'
    } catch (error) {
      return error instanceof LeveretError ? (error.replyText ?? error.message) : String(error)
    }
  }

  declare(exchange: string, type: string, args: Table): Promise<string> {
    return this.#textOf(() => this.#host.declareExchange(exchange, type, { arguments: args }))
  }

  bind(queue: string, exchange: string, key: string): Promise<string> {
    return this.#textOf(() => this.#host.queue(queue).bind(exchange, key))
  }

  async unbind(queue: string, exchange: string, key: string): Promise<void> {
    await this.#host.queue(queue).unbind(exchange, key)
  }

  bindExchange(destination: string, source: string): Promise<string> {
    return this.#textOf(() => this.#host.exchange(destination).bind(source, ''))
  }

  async publish(exchange: string, key: string, body: string, properties: Properties): Promise<void> {
    await this.#host.exchange(exchange).send(key, body, properties)
  }

  async bodies(queue: string): Promise<string[]> {
    const found: string[] = []
    for (
      let next = await this.#host.queue(queue).get();
      next !== undefined;
      next = await this.#host.queue(queue).get()
    ) {
      found.push(String(next.body))
      next.ack()
    }
    return found
  }

  async delete(exchange: string): Promise<void> {
    await this.#host.exchange(exchange).delete()
  }
}

class Server implements Side {
  readonly #connection: ChannelModel
  readonly #channel: ConfirmChannel

  constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection
    this.#channel = channel
  }

  static async start(url: string): Promise<Server> {
    const connection = await connect(url)
    const channel = await connection.createConfirmChannel()
    for (const queue of QUEUES) await channel.assertQueue(queue)
    return new Server(connection, channel)
  }

  /** n.b. on a channel of its own, which an error closes. */
  async #textOf(call: (channel: Channel) => Promise<unknown>): Promise<string> {
    const channel = await this.#connection.createChannel()
    channel.on('error', () => undefined)
    try {
      await call(channel)
      await channel.close()
      return 'ok'
    } catch (error) {
      return /"(.*)"$/s.exec(String(error))?.[1] ?? String(error)
    }
  }

  declare(exchange: string, type: string, args: Table): Promise<string> {
    return this.#textOf((channel) => channel.assertExchange(exchange, type, { arguments: args }))
  }

  bind(queue: string, exchange: string, key: string): Promise<string> {
    return this.#textOf((channel) => channel.bindQueue(queue, exchange, key))
  }

  async unbind(queue: string, exchange: string, key: string): Promise<void> {
    await this.#channel.unbindQueue(queue, exchange, key)
  }

  bindExchange(destination: string, source: string): Promise<string> {
    return this.#textOf((channel) => channel.bindExchange(destination, source, ''))
  }

  async publish(exchange: string, key: string, body: string, properties: Properties): Promise<void> {
    const { headers, ...rest } = properties
    const CC = headers?.['CC']
    const options = { ...rest, ...(headers && { headers: { ...headers } }), ...(CC && { CC: [...(CC as string[])] }) }
    this.#channel.publish(exchange, key, Buffer.from(body), options)
    await this.#channel.waitForConfirms()
  }

  async bodies(queue: string): Promise<string[]> {
    const found: string[] = []
    for (let next = await this.#channel.get(queue, { noAck: true }); next !== false; ) {
      found.push(next.content.toString())
      next = await this.#channel.get(queue, { noAck: true })
    }
    return found
  }

  async delete(exchange: string): Promise<void> {
    await this.#channel.deleteExchange(exchange)
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}

type Step =
  | { readonly kind: 'bind'; readonly queue: string; readonly key: string }
  | { readonly kind: 'unbind'; readonly queue: string; readonly key: string }
  | { readonly kind: 'publish'; readonly key: string; readonly properties: Properties }

const queue = fc.constantFrom(...QUEUES)
const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const weight = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1, max: 30 }).map(String) },
  fc.constantFrom('', 'x', '+2', '007', '1.5', ' 1', '1e2', '"q"'),
)
const properties: fc.Arbitrary<Properties> = fc.record(
  {
    messageId: text,
    timestamp: fc.nat(2_000_000_000),
    headers: fc.record(
      { 'x-recent-history-no-store': fc.constantFrom(true, false, 'true'), CC: fc.array(fc.string({ maxLength: 5 })) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
)

/** Binds and publishes; unbinds what was bound, so that little of it comes to nothing. */
function stepsOf(key: fc.Arbitrary<string>): fc.Arbitrary<Step[]> {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('bind' as const), queue, key }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('unbind' as const), queue, key }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), key: text, properties }) },
  )
  return fc.array(step, { maxLength: 25 })
}

let exchanges = 0

/** Does it, and answers all that can be seen of it. */
async function observe(
  side: Side,
  exchange: string,
  type: string,
  args: Table,
  steps: readonly Step[],
): Promise<unknown> {
  const seen: unknown[] = [await side.declare(exchange, type, args)]
  if (seen[0] !== 'ok') return seen
  for (const [i, step] of steps.entries()) {
    if (step.kind === 'bind') seen.push(await side.bind(step.queue, exchange, step.key))
    else if (step.kind === 'unbind') await side.unbind(step.queue, exchange, step.key)
    else await side.publish(exchange, step.key, String(i), step.properties)
  }
  // n.b. a replay is no publish: nothing is confirmed when it is there.
  if (type === 'x-recent-history') await new Promise((resolve) => setTimeout(resolve, 30))
  const contents: Record<string, string[]> = {}
  for (const each of QUEUES) contents[each] = await side.bodies(each)
  await side.delete(exchange)
  // Of a draw only the numbers can agree.
  const all = Object.values(contents).flat().sort()
  return [...seen, type === 'x-random' ? all : contents]
}

interface Comparison {
  readonly type: string
  readonly args: fc.Arbitrary<Table>
  readonly key: fc.Arbitrary<string>
}

const COMPARISONS: readonly Comparison[] = [
  {
    type: 'x-consistent-hash',
    key: weight,
    args: fc.constantFrom<Table[]>(
      {},
      {},
      { 'hash-property': 'message_id' },
      { 'hash-property': 'timestamp' },
      { 'hash-property': 'app_id' },
      { 'hash-property': 'message_id', 'hash-header': 'x' },
    ),
  },
  { type: 'x-random', key: fc.constantFrom('', 'k'), args: fc.constant({}) },
  {
    type: 'x-recent-history',
    key: fc.constantFrom('', 'k'),
    args: fc.constantFrom<Table[]>(
      {},
      ...[1, 2, 5, 0, -1, 'x', true, 1.5].map((length) => ({ 'x-recent-history-length': length })),
    ),
  },
]

async function compare(server: Side, leveret: Side, { type, args, key }: Comparison, numRuns: number, seed: number) {
  await fc.assert(
    fc.asyncProperty(args, stepsOf(key), async (table, steps) => {
      const exchange = `x${++exchanges}`
      const [theirs, ours] = [
        await observe(server, exchange, type, table, steps),
        await observe(leveret, exchange, type, table, steps),
      ]
      const [left, right] = [JSON.stringify(theirs), JSON.stringify(ours)]
      if (left !== right) throw new Error(`RabbitMQ: ${left}\nleveret:  ${right}`)
    }),
    { numRuns, seed, endOnFailure: true },
  )
  console.log(`${type}: ${numRuns} sequences agree`)
}

/** Written down one by one: a replay through an exchange. */
async function replayThroughExchange(side: Side): Promise<string[]> {
  await side.declare('history', 'x-recent-history', {})
  await side.declare('behind', 'fanout', {})
  await side.bind('a', 'behind', '')
  for (const body of ['1', '2', '3']) await side.publish('history', '', body, {})
  await side.bindExchange('behind', 'history')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const bodies = await side.bodies('a')
  for (const exchange of ['history', 'behind']) await side.delete(exchange)
  return bodies
}

const numRuns = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
console.log(`seed ${seed}`)
console.log('skipped: x-delayed-message, whose plug-in no package of RabbitMQ has')
const rabbitmq = await startPrivateRabbitmq(PLUGINS).catch((error: Error) => error.message)
if (typeof rabbitmq === 'string') console.log(`skipped: all of it: ${rabbitmq}`)
else {
  try {
    const leveret = new Leveret()
    await leveret.start()
    const server = await Server.start(`amqp://127.0.0.1:${rabbitmq.port}`)
    for (const comparison of COMPARISONS) await compare(server, leveret, comparison, numRuns, seed)
    const [theirs, ours] = [await replayThroughExchange(server), await replayThroughExchange(leveret)]
    if (theirs.join() !== ours.join())
      throw new Error(`replay through an exchange: ${theirs} on RabbitMQ, ${ours} here`)
    console.log('x-recent-history: a replay through an exchange agrees')
    await server.close()
  } finally {
    await rabbitmq.stop()
  }
}
