/**
 * Bindings whose order does not matter, each with what its exchange type keeps for it: added and removed in O(1), read
 * as a plain array so that routing neither allocates nor calls back.
 */
import type { RoutedBinding } from './exchange-type.js'

/** Up to this length a scan is faster, and much smaller, than an index. */
const SCANNED = 16

/** A set of bindings with an entry each. `Entry` is the destination, or what was prepared from the arguments. */
export class BindingList<Entry> {
  /** The entries, to read only. A removal moves the last entry into the gap. */
  readonly entries: Entry[] = []
  /** The binding of each entry. */
  readonly #bindings: RoutedBinding[] = []
  /** Where each binding stands; kept once the list has outgrown a scan. */
  #positions: Map<RoutedBinding, number> | undefined

  /** Takes a binding that is not in the list. */
  add(binding: RoutedBinding, entry: Entry): void {
    const position = this.entries.push(entry) - 1
    this.#bindings.push(binding)
    if (this.#positions !== undefined) this.#positions.set(binding, position)
    else if (position >= SCANNED) this.#positions = new Map(this.#bindings.map((other, at) => [other, at]))
  }

  /** Forgets a binding; no-op if it is not in the list. */
  remove(binding: RoutedBinding): void {
    const positions = this.#positions
    const position = positions === undefined ? this.#bindings.indexOf(binding) : (positions.get(binding) ?? -1)
    if (position < 0) return
    const lastBinding = this.#bindings.pop()
    const lastEntry = this.entries.pop()
    positions?.delete(binding)
    if (lastBinding === undefined || lastEntry === undefined || position === this.entries.length) return
    this.#bindings[position] = lastBinding
    this.entries[position] = lastEntry
    positions?.set(lastBinding, position)
  }
}
