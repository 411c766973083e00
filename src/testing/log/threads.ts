/** The other threads that a broker serves, as a kit knows them. */
import {
  type Bus,
  type ChannelDeliveries,
  hintAt,
  type LocalChannel,
  type LocalConnection,
  NotFoundError,
  type Recipient,
  type TrackedThread,
} from '../../internal.js'

/** Which threads are meant. */
export type WhichThread = (thread: TrackedThread) => boolean

export class Threads {
  /** Those that are served, or were. */
  readonly all: TrackedThread[] = []

  /** The thread whose connection this is. */
  of(connection: LocalConnection): TrackedThread | undefined {
    return this.all.find(({ wires }) => wires.has(connection))
  }

  /**
   * Those of a name, or the one of a bus.
   * @throws NotFoundError.
   */
  called(target: string | Bus): WhichThread {
    const isIt = typeof target === 'string' ? hasName(target) : hasBus(target)
    if (this.all.some(isIt)) return isIt
    const name = typeof target === 'string' ? target : connectionOfBus(target).name
    throw new NotFoundError(`no thread '${name}'`, hintAt(name, this.all.flatMap(namesOf), 'thread'))
  }
}

/** Who takes settlements. */
type Settler = Recipient['holder']

/** The channel that a delivery or consumer is of. */
export function channelOf({ holder }: { readonly holder: Settler }): LocalChannel {
  return (holder as ChannelDeliveries).channel as LocalChannel
}

/** The connection that a delivery or consumer is of. n.b. what is stranded has none any more. */
export function connectionOf(recipient: { readonly holder: Settler }): LocalConnection {
  return (channelOf(recipient) as LocalChannel | undefined)?.owner as LocalConnection
}

function hasName(name: string): WhichThread {
  return (thread) => namesOf(thread).includes(name)
}

function hasBus(bus: Bus): WhichThread {
  const { name, home } = connectionOfBus(bus)
  // n.b. what is at this end has another connection of this name.
  return ({ wires }) => [...wires].some(([own, wire]) => (own as LocalConnection).name === name && wire.home === home)
}

function connectionOfBus(bus: Bus): { readonly name: string; readonly home: unknown } {
  return (bus as unknown as { readonly connection: { readonly name: string; readonly home: unknown } }).connection
}

function namesOf({ name, wires }: TrackedThread): string[] {
  const names = [...wires.keys()].map((connection) => (connection as LocalConnection).name)
  return name === undefined || names.includes(name) ? names : [name, ...names]
}
