// What one consumer was given, in order.
import type { ConsumeMessage } from 'amqplib'
import { body } from './look.js'
import { waitFor } from './waiting.js'

export class Inbox {
  readonly messages: ConsumeMessage[] = []
  /** How often the broker cancelled it. */
  cancels = 0
  tag = ''
  readonly take = (message: ConsumeMessage | null): void => {
    if (message === null) this.cancels++
    else this.messages.push(message)
  }

  get bodies(): string[] {
    return this.messages.map(body)
  }

  /** Waits for `count` messages in all; what there is, when the time is up. */
  async until(count: number): Promise<ConsumeMessage[]> {
    await waitFor(() => this.messages.length >= count)
    return this.messages.slice(0, count)
  }

  /** The message of that number, counted from 1, when it is there. */
  async nth(count: number): Promise<ConsumeMessage> {
    const message = (await this.until(count))[count - 1]
    if (message === undefined) throw new Error(`expected ${count} deliveries, got ${this.messages.length}`)
    return message
  }
}
