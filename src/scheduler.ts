/**
 * When things run. Tasks (a consumer with deliveries to hand over, a queue with a backlog to assign) run in a microtask,
 * never inside the publish, ack or declare that made them due; and they, awaited sends and gets together leave the
 * event loop a turn when they have used up theirs.
 */
import { Fifo } from './data/fifo.js'
import { host, type TimerHandle } from './host.js'
import type { Timers } from './timers.js'

/** Steps between two looks at the clock, which costs as much as half a delivery. */
const STEPS_PER_CHECK = 64
/** How long steps may follow one another before the event loop gets a turn. */
const TURN_MS = 2
/** How many steps may, however fast they are. */
const TURN_STEPS = 4096

/** Something that has work to do soon. Scheduling it again while it waits is up to its owner to avoid. */
export interface Task {
  run(): void
}

const resolved = Promise.resolve()

export class Scheduler {
  readonly timers: Timers
  readonly #tasks = new Fifo<Task>()
  #pumping = false
  #steps = 0
  #spent = false
  #turnStart = 0
  #yielding = false
  #unreferenced = false
  #yieldHandle: TimerHandle | undefined
  #nextTurn: { promise: Promise<void>; resolve: () => void } | undefined
  readonly #pump = (): void => this.#runTasks()
  readonly #turn = (): void => this.#newTurn()
  readonly #port = new YieldPort(this.#turn)

  constructor(timers: Timers) {
    this.timers = timers
  }

  /** Runs the task in a microtask, or after the next yield when this turn is used up. */
  schedule(task: Task): void {
    this.#tasks.push(task)
    if (this.#pumping) return
    this.#pumping = true
    if (this.#spent) this.#keepAlive()
    // n.b. not `queueMicrotask`: Jest's fake timers replace it, and it is slower.
    else void resolved.then(this.#pump)
  }

  /** Counts one hand-over, confirm or get. True when the turn is used up: go on in `nextTurn()`, or schedule a task. */
  step(): boolean {
    if ((++this.#steps & (STEPS_PER_CHECK - 1)) === 0) this.#check()
    return this.#spent
  }

  /** Never keeps the process alive again. */
  unref(): void {
    this.#unreferenced = true
    this.#yieldHandle?.unref?.()
  }

  /** True when the turn is used up. */
  get spent(): boolean {
    return this.#spent
  }

  /** Resolves when the event loop has had its turn; at once when it need not have one. */
  nextTurn(): Promise<void> {
    if (!this.#spent) return resolved
    if (this.#nextTurn === undefined) {
      let resolve!: () => void
      const promise = new Promise<void>((done) => {
        resolve = done
      })
      this.#nextTurn = { promise, resolve }
      this.#keepAlive()
    }
    return this.#nextTurn.promise
  }

  #keepAlive(): void {
    if (!this.#unreferenced) this.#yieldHandle?.ref?.()
  }

  #check(): void {
    const now = host.performance.now()
    if (!this.#yielding) {
      this.#turnStart = now
      this.#yield()
    } else if (now - this.#turnStart > TURN_MS || this.#steps >= TURN_STEPS) {
      this.#spent = true
    }
  }

  #yield(): void {
    this.#yielding = true
    const immediate = host.setImmediate
    if (immediate !== undefined && isGenuine(immediate)) {
      this.#yieldHandle = immediate(this.#turn)
      // n.b. asking for a turn is no work by itself; whoever waits for it makes it keep the process alive.
      this.#yieldHandle.unref?.()
    } else {
      this.#yieldHandle = this.#port.request()
    }
  }

  #newTurn(): void {
    this.#yielding = this.#spent = false
    this.#yieldHandle = undefined
    this.#steps = 0
    const waiting = this.#nextTurn
    this.#nextTurn = undefined
    waiting?.resolve()
    if (this.#pumping) this.#runTasks()
  }

  #runTasks(): void {
    while (this.#tasks.length > 0) {
      if (this.#spent) {
        this.#keepAlive()
        return
      }
      this.#tasks.shift()?.run()
    }
    this.#pumping = false
  }
}

/** True for the platform's own `setImmediate`: fakes carry a clock (sinon) or are bound functions (node:test). */
function isGenuine(immediate: object): boolean {
  return (
    (immediate as { clock?: unknown }).clock === undefined && (immediate as { name?: string }).name === 'setImmediate'
  )
}

/** A macrotask where `setImmediate` is missing or faked: a message to ourselves, or a real timer where there are no ports. */
class YieldPort {
  readonly #callback: () => void
  #ports: { post(): void; handle: TimerHandle } | undefined

  constructor(callback: () => void) {
    this.#callback = callback
  }

  request(): TimerHandle {
    this.#ports ??= this.#open()
    this.#ports.post()
    return this.#ports.handle
  }

  #open(): { post(): void; handle: TimerHandle } {
    const { MessageChannel } = host
    if (MessageChannel === undefined) {
      const { setTimeout } = host
      return { post: () => void setTimeout(this.#callback, 0), handle: {} }
    }
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.unref?.()
      this.#callback()
    }
    port1.unref?.()
    return {
      post: () => port2.postMessage(undefined),
      handle: { ref: () => port1.ref?.(), unref: () => port1.unref?.() },
    }
  }
}
