/** Who took a message by `get`: it has no credit to give back, and no end to hear of. */
import type { HomeQueue, Recipient, Settler } from '../delivery.js'

export class Taker implements Recipient {
  readonly queue: HomeQueue
  readonly holder: Settler
  readonly noAck: boolean
  readonly tentative: boolean

  constructor(queue: HomeQueue, holder: Settler, noAck: boolean, tentative: boolean) {
    this.queue = queue
    this.holder = holder
    this.noAck = noAck
    this.tentative = tentative
  }

  settled(): void {}

  end(): void {}
}
