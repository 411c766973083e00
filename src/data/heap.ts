/** A binary heap: the smallest item first, as `before` says. */
export class Heap<T> {
  readonly #before: (left: T, right: T) => boolean
  #items: T[] = []

  constructor(before: (left: T, right: T) => boolean) {
    this.#before = before
  }

  get length(): number {
    return this.#items.length
  }

  /** The smallest item, left in place. */
  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#items.push(item)
    this.#up(this.#items.length - 1)
  }

  /** Takes the smallest item. */
  pop(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (items.length > 0 && last !== undefined) {
      items[0] = last
      this.#down(0)
    }
    return first
  }

  /** Keeps the items that `keep` is true for. */
  filter(keep: (item: T) => boolean): void {
    this.#items = this.#items.filter(keep)
    for (let i = (this.#items.length >> 1) - 1; i >= 0; i--) this.#down(i)
  }

  /** The items in order; sorts a copy. */
  sorted(): T[] {
    return [...this.#items].sort((left, right) => (this.#before(left, right) ? -1 : 1))
  }

  #up(start: number): void {
    const items = this.#items
    const item = items[start] as T
    let index = start
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = items[parent] as T
      if (!this.#before(item, above)) break
      items[index] = above
      index = parent
    }
    items[index] = item
  }

  #down(start: number): void {
    const items = this.#items
    const length = items.length
    const item = items[start] as T
    let index = start
    for (let child = 2 * index + 1; child < length; child = 2 * index + 1) {
      if (child + 1 < length && this.#before(items[child + 1] as T, items[child] as T)) child++
      const below = items[child] as T
      if (!this.#before(below, item)) break
      items[index] = below
      index = child
    }
    items[index] = item
  }
}
