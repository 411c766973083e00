/** A connection from a thread that has no broker: what a bus stands on there. */
import {
  type BodyMode,
  type ChannelListener,
  ClosedError,
  type Connection,
  ConnectionLostError,
  FrameError,
  host,
  type LeveretError,
  type Scheduler,
} from '../internal.js'
import { type Got, WorkerChannel } from './channel.js'
import type { Endpoint } from './endpoint.js'
import { asError } from './failure.js'
import { Link, type Operation, type PackedMessage } from './link.js'
import type { Values } from './values.js'
import { ASK, TELL, type Welcome } from './verbs.js'

const GONE = 'the other end of its port is gone'

interface Call {
  resolve(answer: unknown): void
  reject(error: unknown): void
}

export class WorkerConnection implements Connection {
  readonly scheduler: Scheduler
  readonly link: Link
  readonly name: string
  readonly virtualHost: string
  readonly home: unknown
  readonly bodies: BodyMode
  readonly queueArguments: readonly string[]
  closed = false
  readonly #channels = new Map<number, WorkerChannel>()
  readonly #calls = new Map<number, Call>()
  #channelNumber = 0
  #callNumber = 0
  /** Why the broker's end says that it is over. */
  #over: LeveretError | undefined
  #closing: Promise<void> | undefined

  constructor(endpoint: Endpoint, values: Values, welcome: Welcome, scheduler: Scheduler) {
    this.scheduler = scheduler
    this.name = welcome.name
    this.virtualHost = welcome.virtualHost
    this.home = welcome.home
    // n.b. what crosses is copied anyway.
    this.bodies = welcome.encoded ? 'encoded' : 'reference'
    this.queueArguments = welcome.queueArguments
    this.link = new Link(
      endpoint,
      values,
      (operation) => this.#take(operation),
      (error) => {
        // n.b. the port closes after the broker's end said why, and what came before that is handed over first.
        if (this.#over === undefined) this.#end(error ?? new ConnectionLostError(this.name, GONE))
      },
    )
    this.link.keepAlive(true)
  }

  openChannel(listener: ChannelListener): WorkerChannel {
    if (this.closed) throw new ClosedError(`connection '${this.name}'`)
    const number = ++this.#channelNumber
    const channel = new WorkerChannel(this, number, listener)
    this.#channels.set(number, channel)
    this.link.say(ASK.open, number)
    return channel
  }

  forget(channel: number): void {
    this.#channels.delete(channel)
  }

  /** Asks for something, under the number that `ask` is called with. */
  call(ask: (call: number) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new ClosedError(`connection '${this.name}'`))
        return
      }
      const number = ++this.#callNumber
      this.#calls.set(number, { resolve, reject })
      try {
        ask(number)
      } catch (error) {
        this.#calls.delete(number)
        reject(error)
      }
    })
  }

  /** Reports to the broker's `fault` listeners; as a warning of this thread where there is no broker any more. */
  fault(error: unknown, where: string): void {
    if (!this.closed) this.link.say(ASK.fault, this.link.pack(this.portable(error)), where)
    else host.process?.emitWarning?.(new Error(`leveret: ${where} failed: ${String(error)}`, { cause: error }))
  }

  /** What can cross of what was thrown. */
  portable(thrown: unknown): unknown {
    try {
      this.link.values.pack(thrown, { extras: [], bytes: [], length: 0 } as never)
      return thrown
    } catch {
      return thrown instanceof Error ? new Error(thrown.message) : String(thrown)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.closed) return
    for (const channel of [...this.#channels.values()]) void channel.close()
    const left = this.call((call) => this.link.say(ASK.leave, call))
    this.closed = true
    await left.catch(() => undefined)
    this.#end(new ClosedError(`connection '${this.name}'`))
  }

  #take(operation: Operation): void {
    const [verb, first, ...rest] = operation
    const unpack = (value: unknown): unknown => this.link.unpack(value)
    switch (verb) {
      case TELL.deliver: {
        const channel = this.#channels.get(first as number)
        const consumer = rest[0] as number
        this.link.eachMessage(operation, (message, tag, history) => {
          channel?.delivered(consumer, tag, history, message)
        })
        return
      }
      case TELL.confirmed:
        this.link.eachNumber(operation, (number) => this.#channels.get(first as number)?.confirmed(number))
        return
      case TELL.withheld:
        this.link.eachNumber(operation, (number) => this.#channels.get(first as number)?.withheld(number))
        return
      case TELL.refused: {
        const error = rest[1] === 0 ? undefined : (unpack(rest[1]) as LeveretError)
        this.#channels.get(first as number)?.refused(rest[0] as number, error)
        return
      }
      case TELL.returned:
        this.#channels.get(first as number)?.returned(this.link.messageOf(rest[1] as PackedMessage), rest[0] as number)
        return
      case TELL.answer:
      case TELL.failure:
        this.#answered(first as number, verb === TELL.answer, unpack(rest[0]))
        return
      case TELL.got: {
        const [tag, history, countsFailures, message] = rest as [number, number, boolean, PackedMessage]
        const got: Got = { tag, history, countsFailures, message: this.link.messageOf(message) }
        this.#answered(first as number, true, got)
        return
      }
      case TELL.cancelled:
        this.#channels.get(first as number)?.cancelled(rest[0] as number, unpack(rest[1]) as LeveretError)
        return
      case TELL.lost:
        this.link.eachNumber(operation, (tag) => this.#channels.get(first as number)?.lost(tag))
        return
      case TELL.channelClosed: {
        const error = unpack(rest[0]) as LeveretError
        this.#afterTasks(() => this.#channels.get(first as number)?.end(error))
        return
      }
      case TELL.closed: {
        const error = unpack(first) as LeveretError
        this.#over = error
        this.#afterTasks(() => this.#end(error))
        return
      }
      case TELL.echo:
        this.#afterTasks(() => this.link.say(ASK.echo))
        return
      default:
        throw new FrameError(`operation ${String(verb)} is unknown`)
    }
  }

  /** n.b. what came before is handed over first: a reply, or the word that a consumer is cancelled. */
  #afterTasks(run: () => void): void {
    this.scheduler.schedule({ run })
  }

  #answered(number: number, well: boolean, answer: unknown): void {
    const call = this.#calls.get(number)
    this.#calls.delete(number)
    if (well) call?.resolve(answer)
    else call?.reject(asError(answer))
  }

  /** Everything that waits ends with this error. */
  #end(error: LeveretError): void {
    this.closed = true
    for (const channel of [...this.#channels.values()]) channel.end(error)
    for (const { reject } of this.#calls.values()) reject(error)
    this.#calls.clear()
    this.link.close()
  }
}
