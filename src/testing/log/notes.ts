/** What a kit notes while a test runs, beside the log, to judge it at the end. */
import type {
  BrokerState,
  Declaring,
  Delivery,
  LeveretError,
  LocalSubscription,
  Message,
  Send,
  Settlement,
} from '../../internal.js'
import type { Rule } from '../strict/strictness.js'
import type { Causality } from './causality.js'
import { freezeDeep } from './freeze.js'
import { follow, type Sending } from './sent.js'
import { siteOf } from './site.js'

/** A declaration, and where it was made. */
export interface Declared {
  readonly virtualHost: string
  readonly what: Declaring
  readonly site: string | undefined
}

/** A consumer from its attachment on. */
export interface Consuming {
  readonly virtualHost: string
  readonly queue: string
  readonly consumerTag: string
  readonly site: string | undefined
  /** What was being handled where it was attached. */
  readonly within: Delivery | undefined
  /** Deliveries that were handed over before. */
  readonly deliveries: number
  closed: boolean
}

/** A message that goes round. */
export interface Loop {
  readonly queue: string
  readonly message: Message
  readonly site: string | undefined
}

/** A handle that asks for replies. */
export interface Asking {
  readonly what: string
  readonly pending: number
}

/** A delivery that was settled again. */
export interface SecondSettlement {
  readonly delivery: Delivery
  readonly how: Settlement
  readonly site: string | undefined
}

/** An error that closed a channel or connection. */
export interface Failure {
  readonly connection: string
  readonly error: LeveretError
  readonly site: string | undefined
}

/** How often a message may be requeued while the time stands still. */
export const MOST_REQUEUES = 100

export class Notes {
  readonly sends: Sending[] = []
  readonly declared: Declared[] = []
  readonly consumers: Consuming[] = []
  readonly requesters: Asking[] = []
  readonly loops: Loop[] = []
  readonly settledTwice: SecondSettlement[] = []
  readonly failures: Failure[] = []
  readonly faults: { readonly error: unknown; readonly where: string }[] = []
  /** Deliveries whose handlers failed, and that their consumers kept for a while. */
  readonly held = new Set<Delivery>()
  readonly #broker: BrokerState
  readonly #rules: ReadonlySet<Rule>
  readonly #requeues = new WeakMap<Message, { at: number; count: number }>()
  #deliveries = 0

  constructor(broker: BrokerState, rules: ReadonlySet<Rule>, causality: Causality) {
    this.#broker = broker
    this.#rules = rules
    broker.events.on('consumer.created', ({ virtualHost, queue, consumerTag }) => {
      const [site, within, deliveries] = [siteOf(), causality.current, this.#deliveries]
      this.consumers.push({ virtualHost, queue, consumerTag, site, within, deliveries, closed: false })
    })
    broker.events.on('consumer.deleted', ({ virtualHost, queue, consumerTag }) => {
      const consumer = this.consumers.findLast(
        (each) => each.consumerTag === consumerTag && each.queue === queue && each.virtualHost === virtualHost,
      )
      if (consumer !== undefined) consumer.closed = true
    })
    // n.b. whoever listens takes the warning away that the process would get.
    if (rules.has('errors')) broker.events.on('fault', (fault) => this.faults.push(fault))
  }

  publishing({ body }: Message): void {
    if (this.#rules.has('frozen')) freezeDeep(body)
  }

  sending(send: Send): Send {
    if (!this.#rules.has('unawaited')) return send
    return (exchange, routingKey, body, options) => {
      const sending: Sending = { exchange, routingKey, site: siteOf(), awaited: false, failure: undefined }
      this.sends.push(sending)
      return follow(send(exchange, routingKey, body, options), sending)
    }
  }

  declaring(virtualHost: string, what: Declaring): void {
    this.declared.push({ virtualHost, what, site: siteOf() })
  }

  failed(connection: string, error: LeveretError): void {
    this.failures.push({ connection, error, site: siteOf() })
  }

  twice(delivery: Delivery, how: Settlement): void {
    this.settledTwice.push({ delivery, how, site: siteOf() })
  }

  delivered(): void {
    this.#deliveries++
  }

  /** Counts, and stops what goes round. */
  requeued(virtualHost: string, queue: string, message: Message, site: string | undefined): void {
    const at = this.#broker.timers.now()
    const before = this.#requeues.get(message)
    const count = before?.at === at ? before.count + 1 : 1
    this.#requeues.set(message, { at, count })
    if (count !== MOST_REQUEUES || !this.#rules.has('requeueLoops')) return
    this.loops.push({ queue, message, site })
    this.#broker.virtualHosts.get(virtualHost)?.queues.get(queue)?.pause()
  }
}

/** The consumer that a delivery went to; undefined for a get. */
export function consumerOf(delivery: Delivery): LocalSubscription | undefined {
  const recipient = delivery.recipient as unknown as LocalSubscription | undefined
  return recipient?.consumerTag === undefined || recipient.once ? undefined : recipient
}
