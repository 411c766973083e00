/** What goes wrong as messages are delivered: they come twice, or out of order. */
import type { BrokerState, Delivery, Message, QueueHooks, QueueState, TrackedQueue } from '../../internal.js'
import { type Interference, QueueFault } from './fault.js'

/** Delivers messages again that were acknowledged, as if the acknowledgement had been lost. */
export class Duplicates extends QueueFault implements Interference {
  readonly #repeated = new WeakSet<Message>()

  protected override get hint(): string {
    return 'only what a consumer acknowledges comes again'
  }

  left({ message, queue, settlement }: Delivery): void {
    const state = queue as QueueState
    if (settlement !== 'ack' || state.deleted || !this.concerns(state) || this.#repeated.has(message)) return
    if (!this.fire()) return
    this.#repeated.add(message)
    state.repeat(message)
  }
}

/** Lets messages be overtaken: one that is alone in its queue is held back until another is there, which goes first. */
export class Reordering extends QueueFault implements Interference {
  readonly #broker: BrokerState
  /** The queue that is paused until there is a second message. */
  #holding: QueueState | undefined
  #swapping = false

  /** Made by `kit.faults`. @hidden */
  constructor(what: string, queue: TrackedQueue, times: number, site: string | undefined, broker: BrokerState) {
    super(what, queue, times, site)
    this.#broker = broker
  }

  protected override get hint(): string | undefined {
    const waits = (this.#holding?.ready ?? 0) > 0
    return waits ? 'it holds a message back until there is a second one' : 'it needs two messages each time'
  }

  /** As of any fault; and lets the message go that it holds back. */
  override cancel(): void {
    super.cancel()
    this.#letGo()
  }

  /** Begins with what is there. @internal */
  begin(queue: QueueState): void {
    this.#swap(queue, this.remaining)
    if (queue.ready < 2) this.#hold(queue)
  }

  hooksOf(queue: QueueState): QueueHooks | undefined {
    if (!this.concerns(queue)) return undefined
    return {
      stored: () => {
        if (this.#holding === queue && !this.#swapping && queue.ready > 1) {
          this.#broker.defer({ run: () => this.#overtake(queue) })
        }
        return false
      },
      removed: () => {
        if (!this.#swapping && queue.ready === 0) this.#hold(queue)
      },
    }
  }

  #overtake(queue: QueueState): void {
    if (this.#holding !== queue || queue.ready < 2) return
    this.#swap(queue, 1)
    this.#letGo()
  }

  #swap(queue: QueueState, times: number): void {
    this.#swapping = true
    for (let swapped = queue.swap(Math.min(times, queue.ready)); swapped > 0; swapped--) this.fire()
    this.#swapping = false
  }

  #hold(queue: QueueState): void {
    if (this.remaining === 0 || queue.paused) return
    queue.pause()
    this.#holding = queue
  }

  #letGo(): void {
    const queue = this.#holding
    this.#holding = undefined
    if (queue?.deleted === false) queue.resume()
  }
}
