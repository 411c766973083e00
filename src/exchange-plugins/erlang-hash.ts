/**
 * Which of so many buckets RabbitMQ's consistent-hash exchange takes for a key: Erlang's `phash2` of the key seeds its
 * generator `exs1024`, whose numbers Jump Consistent Hash follows. The same here, number for number, so that a key leads
 * to the same queue as on a server.
 */

/** What `phash2` is for `undefined`, which stands for a header or property that a message does not have. */
export const HASH_OF_UNDEFINED = 45914356
/** The same for the two booleans. */
export const HASH_OF_TRUE = 506293
export const HASH_OF_FALSE = 7111573

const GOLDEN_RATIO = 0x9e3779b9 | 0
/** What `phash2` begins with for a binary. */
const BINARY = 0x08d12e65

/** Erlang's `phash2` of a binary: Bob Jenkins' hash, of which 27 bits are taken. */
export function phash2(bytes: Uint8Array): number {
  const { length } = bytes
  if (length === 0) return BINARY & 0x7ffffff
  const word = (at: number, from: number) =>
    ((bytes[at] ?? 0) << from) | ((bytes[at + 1] ?? 0) << (from + 8)) | ((bytes[at + 2] ?? 0) << (from + 16))
  let [a, b, c] = [GOLDEN_RATIO, GOLDEN_RATIO, BINARY]
  for (let at = 0, last = false; !last; at += 12) {
    last = at + 12 > length
    a = (a + (word(at, 0) | ((bytes[at + 3] ?? 0) << 24))) | 0
    b = (b + (word(at + 4, 0) | ((bytes[at + 7] ?? 0) << 24))) | 0
    // n.b. the last round has the length where the others have a byte.
    c = last ? (c + word(at + 8, 8) + length) | 0 : (c + (word(at + 8, 0) | ((bytes[at + 11] ?? 0) << 24))) | 0
    a = (a - b - c) ^ (c >>> 13)
    b = (b - c - a) ^ (a << 8)
    c = (c - a - b) ^ (b >>> 13)
    a = (a - b - c) ^ (c >>> 12)
    b = (b - c - a) ^ (a << 16)
    c = (c - a - b) ^ (b >>> 5)
    a = (a - b - c) ^ (c >>> 3)
    b = (b - c - a) ^ (a << 10)
    c = (c - a - b) ^ (b >>> 15)
  }
  return c & 0x7ffffff
}

const STATE = 16
const BITS_21 = 2 ** 21 - 1

/** The multipliers of the two generators, in halves of 32 bits. */
const SEED_HIGH = Number(2685821657736338717n >> 32n)
const SEED_LOW = Number(2685821657736338717n & 0xffffffffn)
const NEXT_HIGH = Number(1181783497276652981n >> 32n)
const NEXT_LOW = Number(1181783497276652981n & 0xffffffffn)

/** `exs1024` of Erlang's `rand`, seeded with one number three times. Numbers of 64 bits are two of 32: bigints are slow. */
class Exs1024 {
  readonly #high = new Int32Array(STATE)
  readonly #low = new Int32Array(STATE)
  #at = 0
  /** The lower half of the last product. */
  #product = 0

  seed(key: number): void {
    const part = (factor: number) => (Math.imul((key & BITS_21) + 1, factor) & BITS_21) >>> 0
    const [first, second, third] = [part(2097131), part(2097133), part(2097143)]
    let high = (first << 11) | (second >>> 10)
    let low = (second << 22) | (third << 1) | 1
    this.#at = 0
    for (let at = STATE - 1; at >= 0; at--) {
      low ^= (low >>> 12) | (high << 20)
      high ^= high >>> 12
      high ^= (high << 25) | (low >>> 7)
      low ^= low << 25
      low ^= (low >>> 27) | (high << 5)
      high ^= high >>> 27
      this.#high[at] = this.#times(high, low, SEED_HIGH, SEED_LOW)
      this.#low[at] = this.#product
    }
  }

  /** From 0 to 1. */
  next(): number {
    let [high0, low0] = [this.#high[this.#at] as number, this.#low[this.#at] as number]
    this.#at = (this.#at + 1) % STATE
    let [high, low] = [this.#high[this.#at] as number, this.#low[this.#at] as number]
    high ^= (high << 31) | (low >>> 1)
    low ^= low << 31
    low ^= (low >>> 11) | (high << 21)
    high ^= high >>> 11
    low0 ^= (low0 >>> 30) | (high0 << 2)
    high0 ^= high0 >>> 30
    high = this.#high[this.#at] = high ^ high0
    low = this.#low[this.#at] = low ^ low0
    const product = this.#times(high, low, NEXT_HIGH, NEXT_LOW)
    return (product >>> 0) / 2 ** 32 + (this.#product >>> 0) / 2 ** 64
  }

  /** The upper half of the lower 64 bits of a product. */
  #times(high: number, low: number, otherHigh: number, otherLow: number): number {
    const [a, b, c, d] = [low >>> 16, low & 0xffff, otherLow >>> 16, otherLow & 0xffff]
    const middle = a * d + ((b * d) >>> 16)
    const other = b * c + (middle & 0xffff)
    this.#product = Math.imul(low, otherLow)
    const carried = a * c + Math.floor(middle / 0x10000) + Math.floor(other / 0x10000)
    return (carried + Math.imul(high, otherLow) + Math.imul(low, otherHigh)) | 0
  }
}

/** Jump Consistent Hash: when a bucket is added, only the keys that go to it go elsewhere than before. */
export class JumpHash {
  readonly #numbers = new Exs1024()

  /** The bucket of a key, from 0 to `buckets` - 1. */
  bucketOf(key: number, buckets: number): number {
    if (buckets === 1) return 0
    this.#numbers.seed(key)
    let bucket = 0
    for (let jump = 0; jump < buckets; jump = Math.trunc((bucket + 1) / this.#numbers.next())) bucket = jump
    return bucket
  }
}
