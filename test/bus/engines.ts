/**
 * The engines that the `Bus` suite runs on, one row each. A scenario is written once, against a row; what a row cannot do
 * is listed in it, and the scenarios that need it are reported as skipped by name.
 */
import { Broker, type BrokerOptions, type Bus, type VirtualHost } from 'leveret'
import { connect, loopback, serve } from 'leveret/worker'
import { describe, it } from 'vitest'
import { expectConserved } from '../support/conservation.js'
import { ManualClock } from '../support/manual-clock.js'
import { turn } from '../support/turn.js'

/** What a scenario may need and an engine may lack. */
export type Capability =
  /** Time is driven by hand: TTL, backoff, delays, timeouts. */
  | 'time'
  /** Priorities, limits and confirms are decided within the turn of the publish. */
  | 'same-turn'
  /** `broker.virtualHost`: peek, pause, lists, overview. */
  | 'inside'
  /** `overflow: 'block'`. */
  | 'block'
  /** Exchange types registered by the user. */
  | 'user-exchange-types'
  /** A body arrives as the very value that was published, whatever that is. */
  | 'by-reference'
  /** What is wrong with a publish or a consumer is thrown by the call. */
  | 'throws-at-once'
  /** An answer takes microtasks, no turn of the event loop. */
  | 'microtasks'
  /** What a consumer has not taken is known to the broker as not handed over. */
  | 'outbox'
  /** Delayed retry and consumer timeout of RabbitMQ 4.3. */
  | 'delayed-retry'

/** A broker that a scenario runs against. */
export interface OpenEngine {
  /** The bus under test. */
  readonly bus: Bus
  /** A further connection to the same virtual host, closed with the scenario. */
  connect(): Promise<Bus>
  /** The broker itself, for scenarios that need `inside`. */
  readonly broker: Broker
  /** The virtual host of the bus, for scenarios that need `inside`. */
  readonly host: VirtualHost
  readonly clock: ManualClock
  /** Lets time pass, and everything that it causes happen. For scenarios that need `time`. */
  advance(ms: number): Promise<void>
  /** Holds the laws of counting, gives everything back, holds them again, and closes. */
  finish(): Promise<void>
}

/** One row. */
export interface Engine {
  readonly name: string
  /** What this engine cannot do, and why. */
  readonly cannot: Partial<Readonly<Record<Capability, string>>>
  open(options?: BrokerOptions): Promise<OpenEngine>
}

/** What an engine cannot do whose broker is at the other end of a wire. */
const OVER_A_WIRE = {
  'same-turn': 'a publish is decided at the other end of the wire, some microtasks later',
  'by-reference': 'bodies are copied on their way',
  'throws-at-once': 'the error comes back over the wire: as a rejection, a cancellation or a fault',
  outbox: 'what is prefetched is at the other end, and counts as handed over there',
} as const

export const ENGINES: readonly Engine[] = [
  { name: 'local', cannot: {}, open: openLocal },
  {
    name: 'worker, without a thread',
    cannot: OVER_A_WIRE,
    open: openLoopback,
  },
  {
    name: 'worker, by ports',
    cannot: {
      ...OVER_A_WIRE,
      time: 'the far end of a port has a clock of its own',
      microtasks: 'every post takes a turn of the event loop',
    },
    open: openPorts,
  },
]

function openLocal(options?: BrokerOptions): Promise<OpenEngine> {
  return open((broker) => broker.connect(), options)
}

function openLoopback(options?: BrokerOptions): Promise<OpenEngine> {
  return open((broker) => loopback(broker), options)
}

function openPorts(options?: BrokerOptions): Promise<OpenEngine> {
  return open((broker) => {
    const { port1, port2 } = new MessageChannel()
    serve(broker, port1)
    return connect(port2)
  }, options)
}

async function open(
  connectTo: (broker: Broker) => Bus | Promise<Bus>,
  options: BrokerOptions | undefined,
): Promise<OpenEngine> {
  const clock = new ManualClock()
  const broker = new Broker({ clock, ...options })
  const buses: Bus[] = []
  const connect = async (): Promise<Bus> => {
    const bus = await connectTo(broker)
    buses.push(bus)
    return bus
  }
  return {
    bus: await connect(),
    connect,
    broker,
    host: broker.virtualHost('/'),
    clock,
    async advance(ms) {
      await turn()
      clock.advance(ms)
      await turn()
    },
    async finish() {
      if (broker.closed) return
      await turn()
      expectConserved(broker)
      for (const bus of buses) await bus.close()
      await turn()
      // n.b. what was out came back with its connection: a message that was counted wrongly shows now.
      expectConserved(broker, { idle: true })
      await broker.close()
    },
  }
}

type Body = (engine: OpenEngine) => Promise<void> | void

/** What a scenario needs. */
interface Needs {
  readonly needs?: readonly Capability[]
  readonly broker?: BrokerOptions
}

/** Defines one scenario for the engine of the surrounding `onEveryEngine`. */
export interface Scenario {
  (title: string, body: Body): void
  (title: string, needs: Needs, body: Body): void
}

/** Runs a set of scenarios once an engine. */
export function onEveryEngine(subject: string, define: (scenario: Scenario) => void): void {
  for (const engine of ENGINES) {
    describe(`${subject} (${engine.name})`, () => define(scenarioOf(engine)))
  }
}

function scenarioOf(engine: Engine): Scenario {
  return (title: string, second: Needs | Body, third?: Body) => {
    const [needs, body] = typeof second === 'function' ? [{}, second] : [second, third as Body]
    const lacking = (needs.needs ?? []).filter((capability) => engine.cannot[capability] !== undefined)
    if (lacking.length > 0) {
      const why = lacking.map((capability) => `${capability}: ${engine.cannot[capability]}`).join('; ')
      it.skip(`${title} [cannot: ${why}]`)
      return
    }
    it(title, async () => {
      const open = await engine.open(needs.broker)
      await body(open)
      await open.finish()
    })
  }
}
