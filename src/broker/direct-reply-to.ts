/**
 * Direct reply-to: the addresses at which channels take replies (DRT-01 to DRT-08). An address is a queue that is in no
 * list, made for one consumer and gone with it. The default exchange finds it where there is no queue of that name.
 */
import { NO_ARGUMENTS } from '../arguments.js'
import { generateName, REPLY_TO } from '../names.js'
import { type QueueHome, QueueState } from './queue-state.js'
import type { BrokerServices } from './services.js'

export class ReplyAddresses implements QueueHome {
  readonly name: string
  readonly broker: BrokerServices
  readonly #addresses = new Map<string, QueueState>()
  /** What every address of this virtual host begins with. */
  #prefix: string | undefined
  #made = 0
  #nobody: QueueState | undefined

  constructor(virtualHost: string, broker: BrokerServices) {
    this.name = virtualHost
    this.broker = broker
  }

  /** Makes an address for a consumer. */
  open(): QueueState {
    this.#prefix ??= `${generateName(`${REPLY_TO}.`)}.`
    const address = this.#queue(`${this.#prefix}${++this.#made}`, true)
    this.#addresses.set(address.name, address)
    return address
  }

  /** True while somebody takes replies at this address. */
  has(name: string): boolean {
    return this.#addresses.has(name)
  }

  /** Where a reply to this key goes: what was an address once is routed to nobody, without a word (DRT-07). */
  route(key: string): QueueState | undefined {
    const address = this.#addresses.get(key)
    if (address !== undefined || this.#prefix === undefined || !key.startsWith(this.#prefix)) return address
    this.#nobody ??= this.#queue(REPLY_TO, false)
    return this.#nobody
  }

  /** The addresses, as queues. */
  all(): Iterable<QueueState> {
    return this.#addresses.values()
  }

  /** True while replies wait to be handed over. */
  get busy(): boolean {
    for (const { consumers } of this.#addresses.values()) if ((consumers[0]?.waiting ?? 0) > 0) return true
    return false
  }

  deadLetter(): boolean {
    return false
  }

  removeQueue(address: QueueState, reason: string): void {
    this.#addresses.delete(address.name)
    address.delete(reason)
  }

  #queue(name: string, attended: boolean): QueueState {
    const args = attended ? NO_ARGUMENTS : { 'x-max-length': 0 }
    const declaration = { name, durable: false, exclusive: false, autoDelete: true, arguments: args }
    return new QueueState(this, declaration, 'classic', undefined)
  }
}
