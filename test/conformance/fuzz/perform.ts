// Performs a sequence on one target and writes down what a client sees. After every step each channel asks for both
// queues: what is on its way to a client has come by then, so that the record does not depend on who was faster.
import type { Channel, ChannelModel, ConfirmChannel, GetMessage, Message } from 'amqplib'
import type { Name, Operation, Sequence } from './operations.js'

type Seen = readonly unknown[]

/** A delivery that is out: where it came from, and what it is. */
interface Out {
  readonly message: Message
  readonly queue: Name
}

/** One of the two channels of a sequence; a new one when it died or was reopened. */
class Client {
  channel!: Channel
  /** Consumers in the order in which they were made. */
  consumers: { readonly tag: string; readonly queue: Name }[] = []
  out: Out[] = []
  dead = false
  /** True while its consumers have a common limit. */
  limited = false

  readonly number: number
  readonly confirms: boolean

  constructor(number: number, confirms: boolean) {
    this.number = number
    this.confirms = confirms
  }
}

export class Performance {
  readonly #connection: ChannelModel
  readonly #sequence: Sequence
  readonly #prefix: string
  readonly #clients: readonly Client[] = [new Client(0, false), new Client(1, true)]
  /** What was seen since the last step, by whom. */
  #seen: Seen[] = []
  #bodies = 0
  #consumers = 0
  #cancelled = 0
  readonly #gone = new Set<Name>()
  /** What follows differs from run to run. */
  #leftToChance = false
  /** How many were ready after the last step. */
  readonly #ready = new Map<Name, number>()

  constructor(connection: ChannelModel, sequence: Sequence, prefix: string) {
    this.#connection = connection
    this.#sequence = sequence
    this.#prefix = prefix
  }

  /** One entry a step: what it answered, what came by it, and what is ready then. */
  async record(): Promise<unknown[]> {
    for (const client of this.#clients) await this.#open(client)
    await this.#declare()
    const record: unknown[] = []
    try {
      for (const operation of this.#sequence.operations) {
        const answer = await this.#perform(operation)
        const ready = await this.#rest()
        if (this.#leftToChance) break
        // n.b. two queues deliver when they like: what is fixed is the order of each consumer.
        const seen = this.#seen.map((each) => JSON.stringify(each))
        const byWhom = new Map<string, string[]>()
        for (const [index, each] of this.#seen.entries()) {
          const who = String(each[0])
          byWhom.set(who, [...(byWhom.get(who) ?? []), seen[index] as string])
        }
        this.#seen = []
        record.push([
          answer,
          ...[...byWhom].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, all]) => all),
          ready,
        ])
      }
      return record
    } finally {
      await this.#clear()
    }
  }

  get #overflowsToOther(): boolean {
    const { a } = this.#sequence.queues
    return 'x-max-length' in a && 'x-dead-letter-exchange' in a
  }

  /** A channel ends: two queues that hear of it at the same time race, where the one has letters for the other. */
  #ends({ consumers, out }: Client): void {
    const consumed = (queue: Name) => consumers.some((consumer) => consumer.queue === queue)
    const held = (queue: Name) => out.some((each) => each.queue === queue)
    if (!this.#overflowsToOther || !held('a') || consumed('a') !== consumed('b')) return
    if (held('b') || consumed('b')) this.#leftToChance = true
  }

  #name(queue: string): string {
    return `${this.#prefix}.${queue}`
  }

  async #open(client: Client): Promise<void> {
    const channel = client.confirms
      ? await this.#connection.createConfirmChannel()
      : await this.#connection.createChannel()
    client.channel = channel
    client.consumers = []
    client.out = []
    client.dead = false
    client.limited = false
    channel.on('error', (error: Error & { code?: number }) => {
      if (client.channel !== channel) return
      client.dead = true
      this.#ends(client)
      this.#see(`channel ${client.number}`, 'error', error.code, this.#plain(error.message))
    })
    channel.on('return', (message: Message) => {
      this.#see(`returns ${client.number}`, message.content.toString(), this.#plain(message.fields.routingKey))
    })
  }

  #plain(text: string): string {
    return text.replaceAll(this.#prefix, 'fuzz').replace(/amq\.ctag-[\w-]+/g, 'tag')
  }

  #see(who: string, ...what: Seen): void {
    this.#seen.push([who, ...what])
  }

  async #declare(): Promise<void> {
    const [{ channel }] = this.#clients as [Client]
    await channel.assertExchange(this.#name('x'), this.#sequence.exchange, { durable: false })
    for (const queue of ['a', 'b'] as const) {
      const args: Record<string, unknown> = { ...this.#sequence.queues[queue] }
      const target = args['x-dead-letter-routing-key']
      if (typeof target === 'string') args['x-dead-letter-routing-key'] = this.#name(target)
      await channel.assertQueue(this.#name(queue), { durable: false, arguments: args })
    }
    for (const [queue, key] of this.#sequence.bindings) {
      await channel.bindQueue(this.#name(queue), this.#name('x'), key)
    }
  }

  /** Waits until nothing is on its way, and answers the ready messages and consumers of both queues. */
  async #rest(): Promise<unknown> {
    let counts: unknown
    for (let round = 0; round < 2; round++) {
      for (const client of this.#clients) {
        if (client.dead) continue
        counts = await this.#counts(client)
        if (client.confirms) {
          await (client.channel as ConfirmChannel).waitForConfirms().catch((error: Error) => {
            this.#see(`confirms ${client.number}`, this.#plain(error.message))
          })
        }
      }
    }
    // n.b. a client that died hears of it by its channel; the other one has waited long enough by asking.
    return counts ?? 'nobody to ask'
  }

  async #counts(client: Client): Promise<unknown> {
    const counts: unknown[] = []
    // n.b. where both queues are gone this is what there is to wait for.
    await client.channel.checkExchange(this.#name('x')).catch(() => undefined)
    for (const queue of ['a', 'b'] as const) {
      if (this.#gone.has(queue) || client.dead) continue
      try {
        const { messageCount, consumerCount } = await client.channel.checkQueue(this.#name(queue))
        counts.push([queue, messageCount, consumerCount])
        this.#ready.set(queue, messageCount)
      } catch (error) {
        counts.push([queue, this.#plain((error as Error).message)])
      }
    }
    return counts
  }

  async #perform(operation: Operation): Promise<unknown> {
    const client = this.#clients[operation.channel] as Client
    if (client.dead && operation.op !== 'reopen') return 'dead'
    const { channel } = client
    try {
      switch (operation.op) {
        case 'publish':
          for (let n = 0; n < operation.count; n++) {
            const exchange = operation.exchange === '' ? '' : this.#name('x')
            const key = operation.exchange === '' ? this.#name(operation.key) : operation.key
            const { mandatory, priority } = operation
            channel.publish(exchange, key, Buffer.from(String(++this.#bodies)), { mandatory, priority })
            // n.b. the letters of a full queue race with what is published to the other one meanwhile.
            if (this.#overflowsToOther) await this.#rest()
          }
          return 'published'
        case 'get': {
          if (this.#gone.has(operation.queue)) return 'gone'
          const got = await channel.get(this.#name(operation.queue), { noAck: operation.noAck })
          if (got === false) return 'empty'
          if (!operation.noAck) client.out.push({ message: got, queue: operation.queue })
          return [...describe(got), (got as GetMessage).fields.messageCount]
        }
        case 'consume':
          return await this.#consume(client, operation)
        case 'cancel': {
          const consumer = client.consumers[operation.nth]
          if (consumer === undefined) return 'none'
          client.consumers.splice(operation.nth, 1)
          await channel.cancel(consumer.tag)
          return 'cancelled'
        }
        case 'prefetch':
          // n.b. which of two queues fills a common limit is up to them.
          if (operation.global && new Set(client.consumers.map(({ queue }) => queue)).size > 1) return 'two queues'
          client.limited = operation.global && operation.count > 0
          await channel.prefetch(operation.count, operation.global)
          return 'set'
        case 'settle':
          return this.#settle(client, operation)
        case 'settle all':
          if (!this.#fromOneQueue(client)) return 'from two queues'
          if (operation.how === 'nack' && operation.requeue && this.#isOvertaken(client)) return 'overtaken'
          client.out = []
          if (operation.how === 'ack') channel.ackAll()
          else channel.nackAll(operation.requeue)
          return 'settled'
        case 'recover':
          if (!this.#fromOneQueue(client)) return 'from two queues'
          if (this.#isOvertaken(client)) return 'overtaken'
          client.out = []
          await channel.recover()
          return 'recovered'
        case 'bad tag':
          channel.ack({ fields: { deliveryTag: 9_999 } } as Message)
          await this.#until(() => client.dead)
          return 'killed'
        case 'reopen':
          if (!client.dead) {
            this.#ends(client)
            await channel.close()
          }
          await this.#open(client)
          return 'open'
        case 'bind':
        case 'unbind': {
          if (this.#gone.has(operation.queue)) return 'gone'
          const ends = [this.#name(operation.queue), this.#name('x'), operation.key] as const
          await (operation.op === 'bind' ? channel.bindQueue(...ends) : channel.unbindQueue(...ends))
          return operation.op
        }
        case 'purge':
          if (this.#gone.has(operation.queue)) return 'gone'
          return await channel.purgeQueue(this.#name(operation.queue))
        case 'delete':
          return await this.#delete(channel, operation.queue)
        default:
          return operation satisfies never
      }
    } catch (error) {
      await this.#until(() => client.dead)
      return this.#plain((error as Error).message)
    }
  }

  async #delete(channel: Channel, queue: Name): Promise<unknown> {
    this.#gone.add(queue)
    this.#ready.delete(queue)
    let consumers = 0
    for (const each of this.#clients) {
      if (!each.dead) consumers += each.consumers.filter((consumer) => consumer.queue === queue).length
      each.consumers = each.consumers.filter((consumer) => consumer.queue !== queue)
    }
    const before = this.#cancelled
    const answer = await channel.deleteQueue(this.#name(queue))
    // n.b. nobody is left to ask whether the consumers have heard of it.
    await this.#until(() => this.#cancelled - before === consumers)
    return answer
  }

  async #consume(
    client: Client,
    { queue, noAck, priority, exclusive }: Operation & { op: 'consume' },
  ): Promise<unknown> {
    if (this.#gone.has(queue)) return 'gone'
    if (client.limited && client.consumers.some((consumer) => consumer.queue !== queue)) return 'two queues'
    const who = `consumer ${++this.#consumers}`
    const { channel } = client
    const { consumerTag } = await channel.consume(
      this.#name(queue),
      (message) => {
        if (client.channel !== channel) return
        if (message === null) {
          this.#cancelled++
          this.#see(who, 'cancelled')
          return
        }
        this.#see(who, ...describe(message))
        if (!noAck) client.out.push({ message, queue })
      },
      // n.b. RabbitMQ gives back what several consumers had in the order of their tags.
      { noAck, exclusive, priority, consumerTag: who },
    )
    client.consumers.push({ tag: consumerTag, queue })
    return who
  }

  #settle(client: Client, { nth, how, multiple, requeue }: Operation & { op: 'settle' }): unknown {
    const { channel } = client
    // n.b. by queue: which of two is first to deliver is up to them.
    client.out.sort((left, right) => {
      if (left.queue !== right.queue) return left.queue < right.queue ? -1 : 1
      return left.message.fields.deliveryTag - right.message.fields.deliveryTag
    })
    const found = client.out[nth]
    if (found === undefined) return 'none'
    if (how !== 'ack' && requeue && this.#isOvertaken(client, found.queue)) return 'overtaken'
    if (how !== 'reject' && multiple) {
      if (!this.#fromOneQueue(client)) return 'from two queues'
      client.out.splice(0, nth + 1)
    } else {
      client.out.splice(nth, 1)
    }
    if (how === 'ack') channel.ack(found.message, multiple)
    else if (how === 'nack') channel.nack(found.message, multiple, requeue)
    else channel.reject(found.message, requeue)
    return [how, found.message.content.toString()]
  }

  /**
   * True where what is given back races with the queue's next deliveries. RabbitMQ's channel tells the queue what comes
   * back, and its limiter that there is room; the limiter goes by a process of its own, and a queue that finds both in
   * its mailbox looks at the limiter's first (prioritise_cast in rabbit_amqqueue_process.erl). Nothing is to be seen of
   * that where nothing else is ready and nobody else consumes.
   */
  #isOvertaken(client: Client, queue = client.out[0]?.queue): boolean {
    if (!client.limited || queue === undefined) return false
    const others = this.#clients.filter((other) => other !== client && !other.dead)
    const consumed = others.some(({ consumers }) => consumers.some((consumer) => consumer.queue === queue))
    return consumed || (this.#ready.get(queue) ?? 0) > 0
  }

  /** Tags of two queues are given in the order in which these were faster. */
  #fromOneQueue(client: Client): boolean {
    return new Set(client.out.map(({ queue }) => queue)).size < 2
  }

  async #until(condition: () => boolean): Promise<void> {
    for (let n = 0; n < 200 && !condition(); n++) await new Promise((resolve) => setTimeout(resolve, 1))
  }

  async #clear(): Promise<void> {
    for (const client of this.#clients) if (!client.dead) await client.channel.close().catch(() => undefined)
    const channel = await this.#connection.createChannel()
    for (const queue of ['a', 'b']) await channel.deleteQueue(this.#name(queue))
    await channel.deleteExchange(this.#name('x'))
    await channel.close()
  }
}

function describe({ content, fields, properties }: Message): unknown[] {
  const deaths = (properties.headers?.['x-death'] ?? []) as { reason?: string; count?: number }[]
  return [content.toString(), fields.redelivered, ...deaths.map(({ reason, count }) => `${reason} ${count}`)]
}
