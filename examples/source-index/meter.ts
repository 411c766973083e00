/** Watches the queues while the index runs, for the numbers that a queue does not keep itself. */
import { subscribe } from 'node:diagnostics_channel'
import type { MessageEvent, VirtualHost } from 'leveret'
import { count } from './totals.js'

/** What became of the messages of one queue. */
export interface QueueNumbers {
  readonly name: string
  readonly published: number
  readonly acked: number
  readonly requeued: number
  readonly deadLettered: number
  readonly peakBacklog: number
  /** Messages that were done with in a second. */
  readonly rate: number
}

/** How far the index is. */
export interface Standing {
  /** Files that were published, and those of them that are done with. */
  readonly found: number
  readonly done: number
  /** Messages of all queues that are done with, and those that wait. */
  readonly messages: number
  readonly waiting: number
}

export class Meter {
  readonly #virtualHost: VirtualHost
  readonly #peaks = new Map<string, number>()
  readonly #requeues = new Map<string, number>()
  readonly #started = performance.now()

  constructor(virtualHost: VirtualHost) {
    this.#virtualHost = virtualHost
    // What happens to single messages is told on diagnostics channels, which cost nothing until somebody subscribes.
    subscribe('leveret:message.requeued', (event) => count(this.#requeues, (event as MessageEvent).queue ?? ''))
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** Notes the backlogs. They peak when a producer has to wait, so that is when this is called. */
  sample(): void {
    for (const { name, stats } of this.#virtualHost.queues()) {
      if (stats.ready > (this.#peaks.get(name) ?? 0)) this.#peaks.set(name, stats.ready)
    }
  }

  standing(): Standing {
    this.sample()
    const standing = { found: 0, done: 0, messages: 0, waiting: 0 }
    for (const { name, stats } of this.#virtualHost.queues()) {
      const done = stats.acked + stats.rejected + stats.deliveryLimited
      standing.messages += done
      standing.waiting += stats.ready + stats.delayed
      if (!name.startsWith('files.')) continue
      standing.found += stats.enqueued
      standing.done += done
    }
    return standing
  }

  /** The numbers of every queue, also of a broker that is closed. */
  queues(): QueueNumbers[] {
    const { seconds } = this
    return this.#virtualHost.queues().map(({ name, stats }) => ({
      name,
      published: stats.enqueued,
      acked: stats.acked,
      requeued: this.#requeues.get(name) ?? 0,
      deadLettered: stats.deadLettered,
      peakBacklog: this.#peaks.get(name) ?? 0,
      rate: (stats.acked + stats.deadLettered) / seconds,
    }))
  }
}
