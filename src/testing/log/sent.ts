/** The promises of `send`, and whether anybody awaits them. */

/** A send, and what became of its promise. */
export interface Sending {
  readonly exchange: string
  readonly routingKey: string
  readonly site: string | undefined
  awaited: boolean
  /** Why it failed, in an object as it may be anything. */
  failure: { readonly error: unknown } | undefined
}

/** n.b. of a class of its own, as `await` asks a promise of the platform's class without calling its `then`. */
class SentPromise extends Promise<void> {
  sending: Sending | undefined

  // n.b. what `then` answers is a promise like any other.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise that knows when it is awaited
  override then<Result = void, Failure = never>(
    // biome-ignore lint/suspicious/noConfusingVoidType: as the platform declares it
    fulfilled?: ((value: void) => Result | PromiseLike<Result>) | null,
    rejected?: ((reason: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    if (this.sending !== undefined) this.sending.awaited = true
    return super.then(fulfilled, rejected)
  }
}

/** The same promise, which notes that it is awaited, and that it failed. */
export function follow(promise: Promise<void>, sending: Sending): Promise<void> {
  const followed = new SentPromise((resolve, reject) => {
    promise.then(resolve, (error) => {
      sending.failure = { error }
      reject(error)
    })
  })
  followed.sending = sending
  return followed
}
