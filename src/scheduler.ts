/**
 * When things run. Tasks (a consumer with deliveries to hand over, a queue with a backlog to assign) run in a microtask,
 * never inside the publish, ack or declare that made them due; and they, awaited sends and gets together leave the
 * event loop a turn when they have used up theirs.
 */
import { Condition } from './condition.js'
import { Fifo } from './data/fifo.js'
import { host, type Port, type TimerHandle } from './host.js'
import type { Timers } from './timers.js'

/** Steps between two looks at the clock, which costs as much as half a delivery. */
const STEPS_PER_CHECK = 64
/** How long steps may follow one another before the event loop gets a turn. */
const TURN_MS = 2
/** How many steps may, however fast they are. */
const TURN_STEPS = 4096

/** Something that has work to do soon. Scheduling it again while it waits is up to its owner to avoid. */
export interface Task {
  /** Tasks of one lane keep their order, as clients of one connection rely on it, even where a test kit changes that of others. */
  readonly lane?: object
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
  readonly #nextTurn = new Condition()
  readonly #pump = (): void => this.#runTasks()
  readonly #turn = (): void => this.#newTurn()
  // n.b. captured while it is likely to be genuine: the last resort where there is nothing better to yield with.
  readonly #setTimeout = host.setTimeout

  constructor(timers: Timers) {
    this.timers = timers
  }

  /** Runs the task in a microtask, or after the next yield when this turn is used up. */
  schedule(task: Task): void {
    this.#tasks.push(task)
    if (this.#pumping) return
    this.#pumping = true
    this.#goOn()
  }

  /** True when no task waits, and nobody for the next turn. */
  get idle(): boolean {
    return !this.#pumping && !this.#nextTurn.awaited
  }

  /** Counts one hand-over, confirm or get. True when the turn is used up: go on in `nextTurn()`, or schedule a task. */
  step(): boolean {
    if ((++this.#steps & (STEPS_PER_CHECK - 1)) === 0) this.#check()
    return this.#spent
  }

  /** Counts so many steps that were made in one go. */
  steps(count: number): void {
    this.#steps += count
    this.#check()
  }

  /** Never keeps the process alive again. */
  unref(): void {
    this.#unreferenced = true
    this.#yieldHandle?.unref?.()
  }

  /** Resolves when the event loop has had its turn; at once when it need not have one. */
  nextTurn(): Promise<void> {
    if (!this.#spent) return resolved
    if (!this.#nextTurn.awaited) this.#keepAlive()
    return this.#nextTurn.wait()
  }

  /** Somebody waits for the next turn. */
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
    this.#yieldHandle = afterTurn(this.#turn) ?? this.#setTimeout.call(globalThis, this.#turn, 0)
    // n.b. asking for a turn is no work by itself: only whoever waits for it makes it keep the process alive.
    this.#yieldHandle.unref?.()
  }

  #newTurn(): void {
    this.#yielding = this.#spent = false
    this.#yieldHandle = undefined
    this.#steps = 0
    this.#nextTurn.notify()
    if (this.#pumping) this.#runTasks()
  }

  #runTasks(): void {
    try {
      for (let task = this.#nextTask(); task !== undefined; task = this.#nextTask()) task.run()
    } finally {
      this.#pumping = this.#tasks.length > 0
      if (this.#pumping) this.#goOn()
    }
  }

  #nextTask(): Task | undefined {
    return this.#spent ? undefined : this.#tasks.shift()
  }

  /** Runs the tasks in a microtask, or when there is a new turn. */
  #goOn(): void {
    if (this.#spent) this.#keepAlive()
    // n.b. not `queueMicrotask`: Jest's fake timers replace it, and it is slower.
    else void resolved.then(this.#pump)
  }
}

/** Calls back in a macrotask that no fake stands in for; undefined where the platform has none but its timers. */
export function afterTurn(callback: () => void): TimerHandle | undefined {
  const { setImmediate, MessageChannel } = host
  if (setImmediate !== undefined && isGenuine(setImmediate)) return setImmediate(callback)
  return MessageChannel === undefined ? undefined : postTo(new MessageChannel(), callback)
}

/** True for the platform's own `setImmediate`: fakes carry a clock (sinon) or are bound functions (node:test). */
function isGenuine(immediate: object): boolean {
  return (
    (immediate as { clock?: unknown }).clock === undefined && (immediate as { name?: string }).name === 'setImmediate'
  )
}

/** A macrotask where `setImmediate` is missing or faked. n.b. a channel is closed after use: an open one is never freed. */
function postTo({ port1, port2 }: { port1: Port; port2: Port }, callback: () => void): TimerHandle {
  port1.onmessage = () => {
    port1.close()
    callback()
  }
  port2.postMessage(undefined)
  return port1
}
