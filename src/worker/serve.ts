/** The broker's side: lets another thread connect, over a port that both have. */
import {
  type Broker,
  type BrokerState,
  type Checks,
  ClosedError,
  checkOptions,
  describe,
  FrameError,
  InvalidOptionError,
  LocalConnection,
  loginAs,
  string,
} from '../internal.js'
import { type Endpoint, endpointOf, type PortLike } from './endpoint.js'
import { FollowedThread, FollowedWire } from './followed.js'
import { HostConnection } from './host.js'
import { Link } from './link.js'
import { type Codec, Values } from './values.js'
import { TELL, VERSION, type Welcome } from './verbs.js'

/** Who connects over a port, and to what. The other end has no say in it. */
export interface ServeOptions {
  /** Name of the virtual host, which must exist. @default '/' */
  readonly virtualHost?: string
  /** Name of the user whose permissions the other end has. @default 'guest' */
  readonly user?: string
  /** Name of the connection, for overviews and events. @default generated */
  readonly name?: string
  /** How instances of classes cross; the other end needs the same ones. @default none */
  readonly codecs?: readonly Codec[]
}

const SERVE_CHECKS: Checks = { virtualHost: string, user: string, name: string, codecs: () => undefined }

/** What stands for a virtual host in its connections. */
const homes = new WeakMap<object, string>()

/** Who serves a port. */
const serving = new WeakMap<object, Served>()

/** Who a connection is, and to what. */
type Login = Omit<ReturnType<typeof loginAs>, 'rights'> & Pick<LocalConnection, 'rights'>

/** Logs in as these options say. */
export function loginOf(broker: Broker, { virtualHost, user, name: given }: ServeOptions): (name?: string) => Login {
  return (name = given) => {
    return loginAs(broker, {
      ...(virtualHost !== undefined && { virtualHost }),
      ...(user !== undefined && { user }),
      ...(name !== undefined && { name }),
    })
  }
}

/** A port that is served: its other end connects as often as it likes. */
export class Served {
  readonly #login: (name?: string) => Login
  /** Hears of a connection that ended. */
  readonly #ended: (() => void) | undefined
  readonly #endpoint: Endpoint
  readonly #state: BrokerState
  readonly #values: Values
  /** By connection, which `connect` asked for it. */
  readonly #connections = new Map<LocalConnection, unknown>()
  /** For a test kit, where there is one. */
  readonly #followed: FollowedThread | undefined
  #closed = false

  /** Use `serve()`. @hidden */
  constructor(login: (name?: string) => Login, endpoint: Endpoint, options: ServeOptions, ended?: () => void) {
    this.#login = login
    this.#ended = ended
    this.#values = new Values(options.codecs)
    // n.b. a wrong user or virtual host is told now, not in the other thread.
    this.#state = login('check').state
    this.#endpoint = endpoint
    const gone = (): void => this.#end('its thread is gone')
    endpoint.onMessage((message) => this.#asked(message))
    endpoint.onClose(gone)
    const { tracker } = this.#state
    if (tracker !== undefined) this.#followed = new FollowedThread(tracker, options.name, endpoint, gone)
    endpoint.post({ leveret: 'serve', version: VERSION }, [])
  }

  /** True while the other end has a connection. */
  get connected(): boolean {
    return this.#connections.size > 0
  }

  /** True once it was closed, or the other end is gone. */
  get closed(): boolean {
    return this.#closed
  }

  /** Ends the connections: what they hold goes back to their queues, and what waits at the other end rejects. Idempotent. */
  close(): void {
    this.#end('its port is served no longer')
  }

  /** Same as `close`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #end(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    for (const connection of [...this.#connections.keys()]) connection.end(reason)
    if (this.#followed !== undefined) this.#followed.gone = true
    this.#endpoint.close()
  }

  #asked(message: unknown): void {
    // n.b. the application may say things of its own over the port.
    const { leveret, version, attempt, port, lock } = Object(message) as Readonly<Record<string, unknown>>
    if (leveret !== 'connect') return
    let endpoint: Endpoint
    try {
      endpoint = endpointOf('connect', port, true, typeof lock === 'string' ? lock : undefined)
    } catch (error) {
      this.#state.events.fault(error, 'connect from another thread')
      return
    }
    // n.b. whoever hears late that the port is served asks again, and listens to the last answer only.
    for (const [connection, asked] of [...this.#connections]) {
      if (attempt !== undefined && asked === attempt) connection.end('it was asked for again')
    }
    try {
      if (version !== VERSION) {
        throw new FrameError(`expected version ${VERSION} of leveret's wire, got ${String(version)}`)
      }
      this.accept(endpoint, attempt)
    } catch (error) {
      this.#refuse(endpoint, error)
    }
  }

  #refuse(endpoint: Endpoint, why: unknown): void {
    const link = new Link(
      endpoint,
      this.#values,
      () => undefined,
      () => undefined,
    )
    link.say(TELL.closed, link.pack(why))
    link.close()
  }

  /** @internal Opens a connection for whoever has the other end of this. */
  accept(endpoint: Endpoint, attempt?: unknown): void {
    const { state, virtualHost, name, rights } = this.#login()
    let host: HostConnection | undefined
    const wire = this.#followed && new FollowedWire(this.#followed, endpoint, homeOf(virtualHost))
    const link = new Link(
      wire ?? endpoint,
      this.#values,
      wire === undefined ? (operation) => host?.take(operation) : (operation) => wire.take(operation),
      (error) => {
        if (error !== undefined) state.events.fault(error, `connection '${name}' of another thread`)
        connection.end(error?.message ?? 'its thread is gone')
      },
    )
    const connection = new LocalConnection(state, virtualHost, name, rights, {
      ended: () => {
        this.#connections.delete(connection)
        this.#followed?.wires.delete(connection)
        this.#ended?.()
        if (!link.open) return
        link.say(TELL.closed, link.pack(new ClosedError(`connection '${name}'`)))
        link.close()
      },
    })
    host = new HostConnection(link, connection, state)
    wire?.join(link, connection, host)
    this.#connections.set(connection, attempt)
    link.say(TELL.welcome, link.pack(welcomeOf(connection, state)))
    link.flush()
    link.keepAlive(false)
  }
}

function welcomeOf(connection: LocalConnection, broker: BrokerState): Welcome {
  const { name, virtualHost, home, queueArguments } = connection
  return { name, virtualHost, home: homeOf(home), encoded: broker.bodies === 'encoded', queueArguments }
}

function homeOf(virtualHost: object): string {
  let home = homes.get(virtualHost)
  if (home === undefined) {
    home = `${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`
    homes.set(virtualHost, home)
  }
  return home
}

/**
 * Lets another thread connect to a broker: a `Worker`, or whoever has the other end of a `MessagePort`. What it may do is
 * what its user may do in the virtual host.
 * @throws InvalidOptionError, also for a port that is served already; UnknownOptionError, NotFoundError for a user,
 * NotAllowedError for a virtual host.
 */
export function serve(broker: Broker, port: PortLike, options: ServeOptions = {}): Served {
  checkServe('serve', broker, options)
  const endpoint = endpointOf('serve', port, false)
  // n.b. two of them would both answer, over the same connection.
  if (serving.get(port)?.closed === false) {
    throw new InvalidOptionError('serve: expected a port that nobody serves, got one that is served: close that first')
  }
  const served = new Served(loginOf(broker, options), endpoint, options)
  serving.set(port, served)
  return served
}

/** @throws InvalidOptionError, UnknownOptionError. */
export function checkServe(what: string, broker: Broker, options: ServeOptions): void {
  if (typeof Object(broker).virtualHost !== 'function') {
    throw new InvalidOptionError(`${what}: expected a Broker, got ${describe(broker)}`)
  }
  checkOptions(what, options, SERVE_CHECKS)
}
