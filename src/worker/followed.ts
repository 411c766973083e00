/** A thread that a test kit follows: the kit hears what it says, thing by thing, and may stop it in between. */
import type { LocalConnection, Saying, TrackedThread, TrackedWire, Tracker } from '../internal.js'
import type { Endpoint } from './endpoint.js'
import type { HostConnection } from './host.js'
import type { Link, Operation } from './link.js'
import { ASK, HOWS, TELL } from './verbs.js'

/** What was said, and how it is done. */
interface Heard extends Partial<Saying> {
  readonly perform: () => void
}

export class FollowedThread implements TrackedThread {
  readonly name: string | undefined
  readonly wires = new Map<LocalConnection, FollowedWire>()
  readonly tracker: Tracker
  readonly #endpoint: Endpoint
  readonly #ended: () => void
  /** Nothing that it says arrives any more; and nothing that is said to it. */
  gone = false
  deaf = false

  constructor(tracker: Tracker, name: string | undefined, endpoint: Endpoint, ended: () => void) {
    this.tracker = tracker
    this.name = name
    this.#endpoint = endpoint
    this.#ended = ended
    tracker.serving(this)
  }

  stop(): void {
    if (this.deaf) return
    this.gone = this.deaf = true
    // n.b. a thread takes a while to end, and keeps what it has until then.
    void Promise.resolve(this.#endpoint.stop()).then(this.#ended)
  }

  stopInHandlers(connection: LocalConnection): void {
    this.gone = true
    this.wires.get(connection)?.echo(() => this.stop())
  }
}

/** A connection of such a thread. */
export class FollowedWire implements Endpoint, TrackedWire {
  readonly home: string
  readonly near: boolean
  readonly web: boolean
  readonly #thread: FollowedThread
  readonly #endpoint: Endpoint
  #link!: Link
  #connection!: LocalConnection
  #host!: HostConnection
  /** Publishes and settlements that were said so far in the post that is being read. */
  #said = 0
  #echoed: (() => void) | undefined

  constructor(thread: FollowedThread, endpoint: Endpoint, home: string) {
    this.#thread = thread
    this.#endpoint = endpoint
    this.home = home
    this.near = endpoint.near === true
    this.web = endpoint.web === true
  }

  /** From now on it carries the operations of this connection. */
  join(link: Link, connection: LocalConnection, host: HostConnection): void {
    this.#link = link
    this.#connection = connection
    this.#host = host
    this.#thread.wires.set(connection, this)
  }

  /** Calls back when what is said in this turn has been handed over at the other end. */
  echo(callback: () => void): void {
    this.#echoed = callback
    void Promise.resolve().then(() => this.#link.say(TELL.echo))
  }

  /** Performs an operation as far as it arrives. */
  take(operation: Operation): void {
    const [verb, channel, how, ...rest] = operation as [number, number, number, ...unknown[]]
    const [link, host] = [this.#link, this.#host]
    switch (verb) {
      case ASK.echo:
        this.#echoed?.()
        return
      case ASK.publish:
        link.eachMessage(operation, (message) =>
          this.#hear({ perform: () => host.publish(channel, how === 1, rest[0] as number, message) }),
        )
        return
      case ASK.settle:
        link.eachNumber(operation, (tag) => {
          const acked = () => (HOWS[how] === 'ack' ? host.deliveryOf(channel, tag) : undefined)
          this.#hear({ perform: () => host.settle(channel, how, tag), acked })
        })
        return
      case ASK.settleWhy:
        this.#hear({ perform: () => host.take(operation) })
        return
      default:
        this.#hear({ perform: () => host.take(operation), nth: 0, declares: isDeclare(operation) })
    }
  }

  #hear({ perform, nth = this.#said++, acked = nothing, declares = false }: Heard): void {
    const thread = this.#thread
    if (!thread.gone) thread.tracker.hears(thread, this.#connection, { nth, acked, declares }, perform)
  }

  // The endpoint

  post(message: unknown, transfer: readonly object[]): void {
    if (!this.#thread.deaf) this.#endpoint.post(message, transfer)
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#endpoint.onMessage((message) => {
      this.#said = 0
      listener(message)
    })
  }

  onClose(listener: () => void): void {
    this.#endpoint.onClose(listener)
  }

  close(): void {
    this.#endpoint.close()
  }

  stop(): unknown {
    return this.#endpoint.stop()
  }

  keepAlive(on: boolean): void {
    this.#endpoint.keepAlive(on)
  }
}

const nothing = (): undefined => undefined

function isDeclare([verb, , , method]: Operation): boolean {
  return verb === ASK.call && (method === 'declareQueue' || method === 'declareExchange' || method === 'bind')
}
