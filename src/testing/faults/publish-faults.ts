/** What goes wrong as messages are published: confirms that are refused or late, and storage that fails. */
import type { Message, QueueHooks, QueueState, TrackedQueue, WithheldConfirm } from '../../internal.js'
import { InternalError } from '../errors.js'
import type { Follower } from '../log/follower.js'
import { words } from '../time/duration.js'
import { type Interference, QueueFault, type Withhold } from './fault.js'

/** What `virtualHost.explain` tells of a queue that refuses. */
const REFUSES = { overflow: 'reject-publish', full: true, drops: 0 } as const

/** Refuses publishes, as a full queue does. Dead letters and delayed sends have no confirm, and pass. */
export class RejectedConfirms extends QueueFault implements Interference {
  /** The message that is being published. */
  #publishing: Message | undefined

  publishing(message: Message, _queues: readonly QueueState[], awaited: boolean): undefined {
    this.#publishing = awaited ? message : undefined
  }

  hooksOf(queue: QueueState): QueueHooks | undefined {
    if (!this.concerns(queue)) return undefined
    return { foresee: () => REFUSES, admit: (message) => message !== this.#publishing || !this.fire() }
  }
}

/** A confirm that is held back, and how it is let go. */
interface Held {
  readonly confirm: WithheldConfirm
  readonly release: () => void
}

/** Holds confirms back. */
export class DelayedConfirms extends QueueFault implements Interference {
  readonly #follower: Follower
  readonly #by: number | undefined
  readonly #held = new Set<Held>()

  /** Made by `kit.faults`. @hidden */
  constructor(
    what: string,
    queue: TrackedQueue,
    times: number,
    site: string | undefined,
    follower: Follower,
    by: number | undefined,
  ) {
    super(what, queue, times, site)
    this.#follower = follower
    this.#by = by
  }

  /** Confirms that are held back now. */
  get held(): number {
    return this.#held.size
  }

  /** Gives the confirms that are held back. Further ones are held back all the same. */
  release(): void {
    for (const held of [...this.#held]) this.#letGo(held)
    this.#follower.changed()
  }

  /** As of any fault; and gives the confirms that are held back. */
  override cancel(): void {
    super.cancel()
    this.release()
  }

  /** @hidden */
  publishing(_message: Message, queues: readonly QueueState[], awaited: boolean): Withhold | undefined {
    if (!awaited || this.remaining === 0 || !queues.some((queue) => this.concerns(queue))) return undefined
    return (confirm, release) => this.#hold({ confirm, release })
  }

  #hold(held: Held): void {
    this.fire()
    this.#held.add(held)
    const by = this.#by
    const until =
      by === undefined ? 'release() it' : `${words(this.#follower.now + by)} on the kit's clock, advance() it`
    this.#follower.heldBack.set(held.confirm, `held back by ${this.what}: ${until}`)
    if (by !== undefined) this.#follower.after(by, () => this.#letGo(held))
  }

  #letGo(held: Held): void {
    if (this.#held.delete(held)) held.release()
  }
}

/** Fails to store messages: nothing is stored anywhere, and the publisher gets an error. */
export class FailedStorage extends QueueFault implements Interference {
  readonly #error: unknown

  /** Made by `kit.faults`. @hidden */
  constructor(what: string, queue: TrackedQueue, times: number, site: string | undefined, error: unknown) {
    super(what, queue, times, site)
    this.#error = error
  }

  publishing(_message: Message, queues: readonly QueueState[]): undefined {
    const queue = queues.find((each) => this.concerns(each))
    if (queue !== undefined && this.fire())
      throw new InternalError(`${queue.title} could not store a message`, this.#error)
  }

  hooksOf(queue: QueueState): QueueHooks | undefined {
    if (!this.concerns(queue)) return undefined
    // n.b. who publishes was thrown at before: this is a dead letter, and lost.
    return { foresee: () => REFUSES, admit: () => !this.fire() }
  }
}
