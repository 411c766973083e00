/**
 * A scheduler that runs tasks in any order that a RabbitMQ could: consumers are handed their deliveries in turns that chance
 * gives, with time for handlers to go on in between. No clock decides anything.
 */
import { setImmediate } from 'node:timers'
import { type LocalSubscription, Scheduler, type Task, type Timers } from '../../internal.js'
import { connectionOf } from '../log/threads.js'
import type { Chance } from './chance.js'

const resolved = Promise.resolve()

export class ExploringScheduler extends Scheduler {
  readonly #chance: Chance
  readonly #rested: () => void
  #waiting: Task[] = []
  #running = false
  /** Sends and gets that wait for their turn. */
  #turns = 0
  /** A task that runs does something in any case. */
  #fresh = false

  /** `rested` is called when there is nothing more to do. */
  constructor(timers: Timers, chance: Chance, rested: () => void) {
    super(timers)
    this.#chance = chance
    this.#rested = rested
  }

  override schedule(task: Task): void {
    this.#waiting.push(task)
    if (this.#running) return
    this.#running = true
    this.#later(() => this.#runOne())
  }

  override get idle(): boolean {
    return !this.#running && this.#turns === 0
  }

  override step(): boolean {
    const goesOn = this.#fresh || !this.#chance.happens(1 / 3)
    this.#fresh = false
    return !goesOn
  }

  override steps(): void {
    // n.b. a backlog goes on in a task of its own anyway.
  }

  override nextTurn(): Promise<void> {
    this.#turns++
    return new Promise((resolve) => {
      this.#later(() => {
        this.#turns--
        resolve()
        this.#rest()
      })
    })
  }

  #runOne(): void {
    const candidates = firstOfLanes(this.#waiting)
    const task = candidates[this.#chance.below(candidates.length)] as Task
    this.#waiting.splice(this.#waiting.indexOf(task), 1)
    this.#fresh = true
    try {
      task.run()
    } finally {
      this.#fresh = false
      this.#running = this.#waiting.length > 0
      if (this.#running) this.#later(() => this.#runOne())
      else this.#rest()
    }
  }

  #rest(): void {
    if (this.idle) this.#rested()
  }

  /** Calls back after some microtasks, mostly few, or in another turn of the event loop. */
  #later(callback: () => void): void {
    const range = this.#chance.below(16)
    if (range === 0) {
      setImmediate(callback)
      return
    }
    let left = range < 8 ? 0 : this.#chance.below(range < 12 ? 4 : 32)
    const tick = (): void => {
      if (left-- === 0) callback()
      else void resolved.then(tick)
    }
    void resolved.then(tick)
  }
}

/**
 * The tasks that may be next: the first of each native consumer, and of each AMQP connection, which keeps its order. What has
 * no lane comes when all before it is done, and before all that is after it.
 */
function firstOfLanes(tasks: readonly Task[]): Task[] {
  const lanes = new Map<object, Task>()
  for (const task of tasks) {
    const lane = laneOf(task)
    if (lane === undefined) {
      if (lanes.size === 0) return [task]
      break
    }
    if (!lanes.has(lane)) lanes.set(lane, task)
  }
  return [...lanes.values()]
}

function laneOf(task: Task): object | undefined {
  if (!('holder' in task)) return task.lane
  const connection = connectionOf(task as LocalSubscription)
  return connection.owner === undefined ? task : connection
}
