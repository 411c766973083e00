/** Hands every delivery to a callback that settles it: the fastest way to consume. */
import type { Delivery } from '../delivery.js'
import { isThenable } from '../host.js'
import type { DeliverySink } from './attachment.js'
import type { DeliverySource } from './delivery-source.js'

export class CallbackSink<Body> implements DeliverySink {
  readonly scoped = true
  readonly #source: DeliverySource<Delivery<Body>>
  readonly #callback: (delivery: Delivery<Body>) => unknown

  constructor(source: DeliverySource<Delivery<Body>>, callback: (delivery: Delivery<Body>) => unknown) {
    this.#source = source
    this.#callback = callback
  }

  ready(): void {
    const source = this.#source
    const callback = this.#callback
    for (let delivery = source.take(); delivery !== undefined; delivery = source.take()) {
      try {
        const result = callback(delivery)
        if (result !== undefined && isThenable(result)) this.#watch(result, delivery)
      } catch (error) {
        source.failed(delivery, error)
      }
    }
  }

  #watch(result: PromiseLike<unknown>, delivery: Delivery<Body>): void {
    this.#source.tracker?.handling(delivery, result)
    result.then(undefined, (error) => this.#source.failed(delivery, error))
  }
}
