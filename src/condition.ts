/** A condition that many may wait for: all of them by one promise, which is made when the first asks. */
export class Condition {
  #promise: Promise<void> | undefined
  #resolve: (() => void) | undefined

  /** True while somebody waits. */
  get awaited(): boolean {
    return this.#promise !== undefined
  }

  /** Resolves when `notify` is called next. */
  wait(): Promise<void> {
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    return this.#promise
  }

  /** Lets all go on who wait. */
  notify(): void {
    const resolve = this.#resolve
    this.#promise = this.#resolve = undefined
    resolve?.()
  }
}
