/** Numbers that look random, and are the same for the same seed. */
export class Chance {
  #state: number

  /** Takes an integer from 0 to 2 ** 32 - 1. Seeds that are near are not alike. */
  constructor(seed: number) {
    this.#state = mixed(seed)
  }

  /** An integer from 0 up to `end`, and not `end` itself. */
  below(end: number): number {
    return Math.floor(this.#next() * end)
  }

  /** True so often, from 0 = never to 1 = always. */
  happens(probability: number): boolean {
    return probability > 0 && this.#next() < probability
  }

  /** From 0, up to 1 and not 1 itself. */
  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    return mixed(this.#state) / 2 ** 32
  }
}

/** The finish of MurmurHash3: every bit of the answer depends on every bit of the number. */
function mixed(number: number): number {
  let hash = number >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
