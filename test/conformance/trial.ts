// What the steps of a scenario work with: connections and channels that end with it, names of its own, and the ways to
// see what a broker does. Nothing in here compares, and nothing waits for an expected value: what has not come in time is
// missing in the notes.
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, GetMessage, Message, Options } from 'amqplib'
import { normalise } from './compare.js'
import { Inbox } from './inbox.js'
import { body, got } from './look.js'
import type { Operator } from './operator.js'
import type { Protocol } from './protocol.js'
import type { Note, Scenario } from './scenario.js'
import type { Session } from './targets.js'
import { sleep, waitFor } from './waiting.js'

/** What became of an operation: what died, and by which close method. */
export interface Fate {
  readonly died: 'nothing' | 'channel' | 'connection'
  readonly code?: number
  readonly classId?: number
  readonly methodId?: number
  /** RabbitMQ's reply text. */
  readonly text?: string
  /** What the operation's promise was rejected with, or what it threw. */
  readonly rejected?: string
}

interface AmqpError extends Error {
  readonly code?: number
  readonly classId?: number
  readonly methodId?: number
}

/** What the events of a channel or a connection said so far. */
interface Life {
  closed: boolean
  error?: AmqpError
}

interface ConnectOptions {
  readonly username?: string
  readonly password?: string
  readonly vhost?: string
  readonly channelMax?: number
  readonly clientProperties?: Record<string, unknown>
}

const asError = (thrown: unknown): AmqpError => (thrown instanceof Error ? thrown : new Error(String(thrown)))
const replyText = (error: AmqpError | undefined) => /with message "(.*)"$/s.exec(error?.message ?? '')?.[1]

export class Trial {
  readonly notes: Note[] = []
  readonly #session: Session
  readonly #scenario: Scenario
  readonly #suffix = `~${Math.random().toString(36).slice(2, 8).padEnd(6, '0')}`
  readonly #connections: ChannelModel[] = []
  readonly #lives = new Map<object, Life>()
  readonly #teardown: (() => Promise<unknown>)[] = []
  #main: Promise<ChannelModel> | undefined
  #service: Promise<Channel> | undefined

  constructor(session: Session, scenario: Scenario) {
    this.#session = session
    this.#scenario = scenario
  }

  get virtualHost(): string {
    return this.#session.virtualHost
  }

  get operator(): Operator {
    if (this.#session.operator === undefined) throw new Error('expected the option needs: operator')
    return this.#session.operator
  }

  get protocol(): Protocol {
    if (this.#session.protocol === undefined) throw new Error('expected the option needs: protocol')
    return this.#session.protocol
  }

  /** A name that no other scenario has; the notes show `word` in its place. */
  name(word: string): string {
    return word + this.#suffix
  }

  /** The word of a name made by `name`. */
  short(name: string): string {
    return name.replace(this.#suffix, '')
  }

  note(rule: string, what: string, value: unknown): void {
    if (!this.#scenario.rules.includes(rule)) throw new Error(`expected ${rule} among the rules of the scenario`)
    this.notes.push({ rule, what, value: normalise(value) })
  }

  /** Runs when the scenario is over, the last registered first; for what does not end with its connections. */
  after(step: () => Promise<unknown>): void {
    this.#teardown.push(step)
  }

  async connect(options: ConnectOptions = {}): Promise<ChannelModel> {
    const { clientProperties, ...rest } = options
    const url = { ...this.#session.host, vhost: this.virtualHost, username: 'guest', password: 'guest', ...rest }
    const socket = clientProperties === undefined ? {} : { clientProperties }
    const connection = await this.#session.amqplib.connect(url, socket)
    this.#connections.push(connection)
    const life = this.#born(connection)
    connection.on('close', (error?: Error) => {
      life.closed = true
      if (error !== undefined) life.error = error
    })
    return connection
  }

  async channel(connection?: ChannelModel): Promise<Channel> {
    const channel = await (connection ?? (await this.main())).createChannel()
    this.#watch(channel, channel)
    return channel
  }

  async confirmChannel(connection?: ChannelModel): Promise<ConfirmChannel> {
    const channel = await (connection ?? (await this.main())).createConfirmChannel()
    this.#watch(channel, channel)
    return channel
  }

  /** The scenario's own connection, where it does not say another. */
  main(): Promise<ChannelModel> {
    this.#main ??= this.connect()
    return this.#main
  }

  /** Whether a channel or connection has ended, by whomever. */
  isClosed(of: Channel | ChannelModel): boolean {
    return this.#lifeOf(of).closed
  }

  /** Does something that may fail, now or later, on `channel`; what it does to others is seen by `isClosed`. */
  async fate(channel: Channel, act: () => unknown): Promise<Fate> {
    let rejected: string | undefined
    try {
      await act()
    } catch (thrown) {
      rejected = asError(thrown).message
    }
    // What has no reply fails before the reply to what follows it.
    await channel.checkExchange('amq.direct').catch(() => undefined)
    return this.#fateOf(channel, rejected)
  }

  /** The fate of something on a channel of its own. */
  async attempt(act: (channel: Channel) => unknown, connection?: ChannelModel): Promise<Fate> {
    const channel = await this.channel(connection)
    const fate = await this.fate(channel, () => act(channel))
    if (fate.died === 'nothing') await channel.close()
    return fate
  }

  /** As `attempt`, on a connection of its own: for what may end the connection. */
  async attemptApart(act: (channel: Channel) => unknown): Promise<Fate> {
    return this.attempt(act, await this.connect())
  }

  /** What a promise was rejected with, where there is no channel yet. */
  async refusal(act: () => Promise<unknown>): Promise<string> {
    return act().then(
      () => 'none',
      (thrown: unknown) => asError(thrown).message,
    )
  }

  publish(channel: Channel, exchange: string, key: string, content: string, options?: Options.Publish): void {
    channel.publish(exchange, key, Buffer.from(content), options)
  }

  /** By the default exchange. */
  send(channel: Channel, queue: string, ...contents: readonly string[]): void {
    for (const content of contents) channel.sendToQueue(queue, Buffer.from(content))
  }

  /** How one publish was confirmed. */
  confirmed(
    channel: ConfirmChannel,
    exchange: string,
    key: string,
    content: string,
    options?: Options.Publish,
  ): Promise<string> {
    return new Promise((resolve) => {
      channel.publish(exchange, key, Buffer.from(content), options, (error: Error | null) => {
        resolve(error === null ? 'ack' : error.message)
      })
    })
  }

  /** A get that must find something, now or soon: what another channel published may still be on its way. */
  async get(channel: Channel, queue: string, options?: Options.Get): Promise<GetMessage> {
    let found: GetMessage | false = false
    await waitFor(async () => {
      found = await channel.get(queue, options)
      return found !== false
    })
    return got(found)
  }

  async consume(channel: Channel, queue: string, options?: Options.Consume): Promise<Inbox> {
    const inbox = new Inbox()
    const { consumerTag } = await channel.consume(queue, inbox.take, options)
    inbox.tag = consumerTag
    return inbox
  }

  /** Takes what is ready, and acknowledges it: the bodies, in order. */
  async drain(queue: string, channel?: Channel): Promise<string[]> {
    return (await this.take(queue, channel)).map(body)
  }

  /** As `drain`, the messages. */
  async take(queue: string, channel?: Channel): Promise<Message[]> {
    const on = channel ?? (await this.service())
    const messages: Message[] = []
    for (;;) {
      const message = await on.get(queue, { noAck: true })
      if (message === false) return messages
      messages.push(message)
    }
  }

  /** Takes `count` messages that may still be on their way, or what has come when the time is up. */
  async await(queue: string, count: number, channel?: Channel): Promise<Message[]> {
    const on = channel ?? (await this.service())
    const messages: Message[] = []
    await waitFor(async () => {
      messages.push(...(await this.take(queue, on)))
      return messages.length >= count
    })
    return messages
  }

  /** How many messages are ready, when that no longer changes: counts lag. */
  async ready(queue: string, channel?: Channel): Promise<number> {
    const on = channel ?? (await this.service())
    return this.stable(async () => (await on.checkQueue(queue)).messageCount)
  }

  async consumers(queue: string, channel?: Channel): Promise<number> {
    const on = channel ?? (await this.service())
    return this.stable(async () => (await on.checkQueue(queue)).consumerCount)
  }

  /** Reads until it has read the same three times. */
  async stable<T>(read: () => Promise<T> | T): Promise<T> {
    let [last, times] = [await read(), 1]
    while (times < 3) {
      await sleep(40)
      const next = await read()
      times = JSON.stringify(next) === JSON.stringify(last) ? times + 1 : 1
      last = next
    }
    return last
  }

  /** Asks again until it is so, or the time is up: a state that comes of itself. */
  until(condition: () => Promise<boolean> | boolean): Promise<boolean> {
    return waitFor(condition)
  }

  /** Whether a queue is there. Uses a channel of its own: a miss kills it. */
  async exists(queue: string): Promise<boolean> {
    return this.#isThere((channel) => channel.checkQueue(queue))
  }

  async exchangeExists(exchange: string): Promise<boolean> {
    return this.#isThere((channel) => channel.checkExchange(exchange))
  }

  /** Lets real time pass: for deadlines on a live broker. */
  pass(milliseconds: number): Promise<void> {
    return sleep(milliseconds)
  }

  /** A channel on a connection that no step touches, for looking. */
  service(): Promise<Channel> {
    this.#service ??= this.connect().then((connection) => this.channel(connection))
    return this.#service
  }

  async end(): Promise<void> {
    // n.b. a connection that is blocked or dead answers no close.
    await Promise.allSettled(this.#connections.filter((each) => !this.isClosed(each)).map((each) => each.close()))
    for (const step of this.#teardown.reverse()) await step().catch(() => undefined)
  }

  /** Waits until a consumer was given everything: for the messages of `inboxes`. */
  async quiet(...inboxes: readonly Inbox[]): Promise<void> {
    let [count, before] = [0, -1]
    while (count !== before) {
      await sleep(180)
      before = count
      count = inboxes.reduce((sum, { messages }) => sum + messages.length, 0)
    }
  }

  async #isThere(check: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    const channel = await (await this.main()).createChannel()
    channel.on('error', () => undefined)
    const found = await check(channel).then(
      () => true,
      () => false,
    )
    if (found) await channel.close()
    return found
  }

  #born(of: object): Life {
    const life: Life = { closed: false }
    this.#lives.set(of, life)
    const emitter = of as ChannelModel
    emitter.on('error', (error) => {
      life.error = error
    })
    return life
  }

  #watch(channel: Channel, of: object): void {
    const life = this.#born(of)
    channel.on('close', () => {
      life.closed = true
    })
  }

  #lifeOf(of: object): Life {
    const life = this.#lives.get(of)
    if (life === undefined) throw new Error('expected a channel or connection of this scenario')
    return life
  }

  #fateOf(channel: Channel, rejected: string | undefined): Fate {
    const connection = this.#connections.find((each) => each.connection === channel.connection)
    const [life, under] = [this.#lifeOf(channel), connection && this.#lifeOf(connection)]
    const said = rejected === undefined ? {} : { rejected }
    if (under?.closed) return { died: 'connection', ...facts(under.error), ...said }
    if (life.closed) return { died: 'channel', ...facts(life.error), ...said }
    return { died: 'nothing', ...said }
  }
}

function facts(error: AmqpError | undefined) {
  const { code, classId, methodId } = error ?? {}
  return { code, classId, methodId, text: replyText(error) } as Omit<Fate, 'died'>
}

export type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage, Inbox }
