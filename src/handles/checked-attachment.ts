/** An attachment whose deliveries pass a schema before anybody sees them; those that do not are rejected. */
import type { Connection } from '../channel/channel.js'
import type { Delivery } from '../delivery.js'
import { BodyInvalidError } from '../errors.js'
import { Attachment, type AttachmentOwner } from './attachment.js'
import type { ConsumedSchemas } from './schemas.js'

export class CheckedAttachment<Body> extends Attachment<Body> {
  readonly #checks: AttachmentOwner<Body>
  readonly #schemas: ConsumedSchemas
  /** The delivery whose schema answers later: those behind it wait, so that order is kept. */
  #checking: Delivery<Body> | undefined
  /** One whose schema answered, to be taken next. */
  #checked: Delivery<Body> | undefined

  constructor(connection: Connection, owner: AttachmentOwner<Body>, scoped: boolean, schemas: ConsumedSchemas) {
    super(connection, owner, scoped)
    this.#checks = owner
    this.#schemas = schemas
  }

  override get checking(): boolean {
    return this.#checking !== undefined
  }

  override take(goesOn?: boolean): Delivery<Body> | undefined {
    const checked = this.#checked
    this.#checked = undefined
    if (checked !== undefined) return checked
    while (this.#checking === undefined) {
      const delivery = super.take(goesOn)
      if (delivery === undefined || this.#passes(delivery)) return delivery
    }
    return undefined
  }

  /** True when the delivery may be handed over now; else it is rejected, or its schema answers later. */
  #passes(delivery: Delivery<Body>): boolean {
    try {
      const checking = this.#schemas.apply(delivery)
      if (checking === undefined) return true
      this.#checking = delivery
      checking.then(
        () => this.#answered(delivery, true),
        (error) => {
          this.#refuse(delivery, error)
          this.#answered(delivery, false)
        },
      )
    } catch (error) {
      this.#refuse(delivery, error)
    }
    return false
  }

  #answered(delivery: Delivery<Body>, passed: boolean): void {
    this.#checking = undefined
    // n.b. nobody will take it any more; a schema that answers later has been seen, so it is flagged redelivered.
    if (passed && this.stopped && delivery.settled === undefined) delivery.requeue()
    else if (passed && delivery.settled !== 'lost') this.#checked = delivery
    this.ready()
  }

  #refuse(delivery: Delivery<Body>, error: unknown): void {
    if (error instanceof BodyInvalidError) {
      if (delivery.settled === undefined) delivery.reject(error)
      this.#checks.invalid(error, delivery)
    } else {
      this.failed(delivery, error)
    }
  }
}
