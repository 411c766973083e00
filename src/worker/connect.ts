/** The other side: a bus in a thread that has no broker. */
import {
  type Broker,
  Bus,
  type Checks,
  ConnectionLostError,
  checkOptions,
  FrameError,
  host,
  integer,
  type LeveretError,
  PlatformClock,
  Scheduler,
  type Signal,
  signal,
  stateOf,
  TimeoutError,
  Timers,
  Wait,
} from '../internal.js'
import { WorkerConnection } from './connection.js'
import { type Endpoint, endpointOf, type PortLike, pair } from './endpoint.js'
import { asError } from './failure.js'
import { lockOfThread } from './life.js'
import { checkServe, loginOf, Served, type ServeOptions } from './serve.js'
import { type Codec, type Packed, Values } from './values.js'
import { TELL, VERSION, type Welcome } from './verbs.js'

/** How a thread connects. */
export interface ConnectOptions {
  /** How instances of classes cross; the broker's end needs the same ones. @default none */
  readonly codecs?: readonly Codec[]
  /** Milliseconds, 0 to 2,147,483,647, until the broker's end must have answered. @default 30,000 */
  readonly timeout?: number
  /** Ends the attempt with an `AbortError`. */
  readonly signal?: Signal
}

const CONNECT_CHECKS: Checks = { codecs: () => undefined, timeout: integer(0, 2 ** 31 - 1, 'ms'), signal }

/**
 * Connects to the broker that serves the other end of this port: a worker's `parentPort`, or one end of a
 * `MessageChannel`. Resolves with a bus like any other; the thread stays alive until it is closed.
 * @throws (rejects) TimeoutError when nobody serves the port in time, FrameError when the other end is of another version,
 * ConnectionLostError, AbortError, InvalidOptionError, UnknownOptionError.
 */
export async function connect(port: PortLike, options: ConnectOptions = {}): Promise<Bus> {
  checkOptions('connect', options, CONNECT_CHECKS)
  const { timeout = 30_000 } = options
  const values = new Values(options.codecs)
  const endpoint = endpointOf('connect', port, false)
  const scheduler = new Scheduler(new Timers(new PlatformClock()))
  const wait = new Wait<Bus>(scheduler.timers, {
    what: 'connect',
    timeout,
    signal: options.signal,
  })
  const attempt = `${Math.random()}`
  let asked: Endpoint | undefined
  let lock: string | undefined
  const ask = (): void => {
    const { MessageChannel } = host
    if (MessageChannel === undefined) throw new FrameError('this platform has no MessageChannel')
    const { port1, port2 } = new MessageChannel()
    const own = endpointOf('connect', port1, true)
    // n.b. what was asked before may be heard as well: whoever serves knows them by their attempt, and keeps the last.
    asked?.close()
    asked = own
    greet(own, values, wait, scheduler)
    endpoint.post({ leveret: 'connect', version: VERSION, attempt, port: port2, lock }, [port2])
  }
  // n.b. whoever begins to serve later says so, and has not heard what was asked before.
  endpoint.onMessage((message) => {
    if (asked !== undefined && wait.open && (Object(message) as { leveret?: unknown }).leveret === 'serve') ask()
  })
  endpoint.onClose(() => wait.reject(new ConnectionLostError('connect', 'the other end of its port is gone')))
  try {
    // n.b. it must be held before anybody waits for it.
    if (endpoint.web) lock = await Promise.race([lockOfThread(), wait.promise.then(() => undefined)])
    ask()
    return await wait.promise
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error
    throw new TimeoutError('connect', timeout, 'nobody answers at the other end of its port: is that served?')
  } finally {
    endpoint.close()
  }
}

/** Waits for the first operation of the broker's end, and makes the connection of it. */
function greet(endpoint: Endpoint, values: Values, wait: Wait<Bus>, scheduler: Scheduler): void {
  endpoint.onClose(() => wait.reject(new ConnectionLostError('connect', 'the other end of its port is gone')))
  let connection: WorkerConnection | undefined
  endpoint.onMessage((frame) => {
    if (connection !== undefined) return
    try {
      const [[verb, packed]] = JSON.parse((frame as [string])[0]) as [[number, Packed]]
      const extras = (frame as [string, unknown[]?])[1] ?? []
      const first = values.unpack(packed, extras, undefined)
      if (verb === TELL.closed) throw asError(first)
      if (verb !== TELL.welcome) throw new FrameError(`expected a welcome, got operation ${String(verb)}`)
      if (!wait.open) {
        endpoint.close()
        return
      }
      connection = new WorkerConnection(endpoint, values, first as Welcome, scheduler)
      wait.resolve(new Bus(connection))
    } catch (error) {
      endpoint.close()
      wait.reject(isOurs(error) ? error : new FrameError(`a malformed frame: ${String(error)}`))
    }
  })
}

function isOurs(error: unknown): error is LeveretError {
  return typeof (error as { code?: unknown }).code === 'string'
}

/**
 * A bus that reaches the broker as from another thread, in the thread that the broker is in: everything is copied and goes
 * through the same operations, in microtasks. For tests of what an application does in a worker.
 * @throws as `serve` and `connect`.
 */
export async function loopback(broker: Broker, options: ServeOptions = {}): Promise<Bus> {
  const [near, far] = pair(copy)
  return over(near, far, broker, options)
}

function copy(message: unknown): unknown {
  return host.structuredClone?.(message)
}

/** @internal The same over two ends that are given. */
export async function over(near: Endpoint, far: Endpoint, broker: Broker, options: ServeOptions): Promise<Bus> {
  checkServe('loopback', broker, options)
  const served = new Served(loginOf(broker, options), pair(copy)[0], options)
  const { scheduler } = stateOf(broker)
  const wait = new Wait<Bus>(scheduler.timers, { what: 'connect' })
  greet(far, new Values(options.codecs), wait, scheduler)
  served.accept(near)
  return wait.promise
}
