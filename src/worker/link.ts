/**
 * The wire between two threads: what one end says within a turn goes as one post. The first things said go in the next
 * microtask, so that an idle wire adds no latency; while more is said in the same turn of the event loop, it is kept for the
 * end of that turn.
 */
import { afterTurn, FrameError, Message, type MessageProperties, NO_PROPERTIES, type TimerHandle } from '../internal.js'
import type { Endpoint } from './endpoint.js'
import { Cargo, type Packed, type Values } from './values.js'

/** What is said: a number from `verbs.ts`, and what goes with it. */
export type Operation = [verb: number, ...rest: unknown[]]

/** A message on the wire. */
export type PackedMessage = readonly [exchange: string, routingKey: string, properties: Packed | 0, body: Packed]

/** The message of a post. @throws BodyEncodingError where a codec is missing. */
export function messageOf([exchange, routingKey, properties, body]: PackedMessage, link: Link): Message {
  const known = properties === 0 ? NO_PROPERTIES : (link.unpack(properties) as MessageProperties)
  return new Message(exchange, routingKey, link.unpack(body), known)
}

/** The messages of an operation that `sayMessage` said, each with its numbers. @throws FrameError. */
export function* messagesOf(operation: Operation): Iterable<[tag: number, history: number, message: PackedMessage]> {
  const [, , , , exchange, routingKey, properties] = operation as unknown as [0, 0, 0, 0, string, string, Packed | 0]
  if (operation.length % 3 !== 1) throw new FrameError('a malformed frame: messages are incomplete')
  for (let i = 7; i < operation.length; i += 3) {
    const [tag, history, body] = [operation[i], operation[i + 1], operation[i + 2]] as [number, number, Packed]
    yield [tag, history, [exchange, routingKey, properties, body]]
  }
}

/** Things said in a post; more make another, so that both ends work at once. */
const MOST = 100

/** What a post is. n.b. the first string tells it from anything else that is posted. */
type Frame = readonly [text: string, extras?: readonly unknown[], bytes?: Uint8Array]

const resolved = Promise.resolve()

export class Link {
  readonly values: Values
  readonly #endpoint: Endpoint
  readonly #take: (operation: Operation) => void
  readonly #lost: (error: FrameError | undefined) => void
  #operations: Operation[] = []
  /** How many things they say. */
  #said = 0
  #cargo = new Cargo()
  #extras: readonly unknown[] = []
  #bytes: Uint8Array | undefined
  #scheduled = false
  /** The end of the turn of the event loop in which something was posted. */
  #turn: TimerHandle | undefined
  #open = true
  readonly #flush = (): void => this.flush()
  readonly #newTurn = (): void => {
    this.#turn = undefined
    if (this.#operations.length > 0) this.flush()
  }

  constructor(
    endpoint: Endpoint,
    values: Values,
    take: (operation: Operation) => void,
    lost: (error: FrameError | undefined) => void,
  ) {
    this.#endpoint = endpoint
    this.values = values
    this.#take = take
    this.#lost = lost
    endpoint.onMessage((frame) => this.#received(frame))
    endpoint.onClose(() => this.#end(undefined))
  }

  get open(): boolean {
    return this.#open
  }

  /** Says something, soon. */
  say(...operation: Operation): void {
    this.#operations.push(operation)
    this.#saidMore()
  }

  #saidMore(): void {
    if (++this.#said >= MOST) this.flush()
    else if (!this.#scheduled) this.#schedule()
  }

  /** The same for one more number of what was said last, if that was this. */
  sayMore(verb: number, first: number, second: number, number: number): void {
    const last = this.#operations.at(-1)
    if (last !== undefined && last[0] === verb && last[1] === first && last[2] === second) {
      last.push(number)
      this.#saidMore()
    } else this.say(verb, first, second, number)
  }

  /**
   * Says a message and two numbers of it: those that follow one another on the same way go as one operation.
   * @throws BodyEncodingError.
   */
  sayMessage(
    verb: number,
    first: number,
    second: number,
    third: number,
    { exchange, routingKey, properties, body }: Message,
    tag: number,
    history: number,
  ): void {
    const packed = this.pack(body)
    const known = properties === NO_PROPERTIES ? 0 : this.pack(properties)
    const last = this.#operations.at(-1)
    const goesOn =
      last !== undefined &&
      known === 0 &&
      last[0] === verb &&
      last[1] === first &&
      last[2] === second &&
      last[3] === third &&
      last[4] === exchange &&
      last[5] === routingKey &&
      last[6] === 0
    if (goesOn) {
      last.push(tag, history, packed)
      this.#saidMore()
    } else this.say(verb, first, second, third, exchange, routingKey, known, tag, history, packed)
  }

  /** A value for the post that is being filled. @throws BodyEncodingError. */
  pack(value: unknown): Packed {
    return this.values.pack(value, this.#cargo)
  }

  /** The value that came with the post that is being read. */
  unpack(packed: unknown): unknown {
    return this.values.unpack(packed as Packed, this.#extras, this.#bytes)
  }

  packMessage({ exchange, routingKey, body, properties }: Message): PackedMessage {
    return [exchange, routingKey, properties === NO_PROPERTIES ? 0 : this.pack(properties), this.pack(body)]
  }

  /** Posts what was said. */
  flush(): void {
    this.#scheduled = false
    if (!this.#open || this.#operations.length === 0) return
    const operations = this.#operations
    const cargo = this.#cargo
    this.#operations = []
    this.#said = 0
    if (!cargo.empty) this.#cargo = new Cargo()
    try {
      this.#post(JSON.stringify(operations), cargo)
    } catch (error) {
      // n.b. values are looked at when they are packed; what a platform refuses all the same costs the connection.
      this.#end(new FrameError(`a frame cannot be posted: ${String(error)}`))
      return
    }
    // n.b. an end in the same thread has no turns to save.
    if (this.#endpoint.near === true || this.#turn !== undefined) return
    // n.b. that a turn ends is no work: only what is said meanwhile keeps the thread alive.
    this.#turn = afterTurn(this.#newTurn)
    this.#turn?.unref?.()
  }

  #post(text: string, cargo: Cargo): void {
    const bytes = cargo.buffer()
    if (bytes !== undefined) this.#endpoint.post([text, cargo.extras, bytes] satisfies Frame, [bytes.buffer])
    else if (cargo.empty) this.#endpoint.post([text] satisfies Frame, [])
    else this.#endpoint.post([text, cargo.extras] satisfies Frame, [])
  }

  /** Says what is left to say, and nothing more. */
  close(): void {
    if (!this.#open) return
    this.flush()
    this.#open = false
    this.#endpoint.close()
  }

  keepAlive(on: boolean): void {
    this.#endpoint.keepAlive(on)
  }

  #schedule(): void {
    this.#scheduled = true
    if (this.#turn === undefined) void resolved.then(this.#flush)
    else this.#turn.ref?.()
  }

  #received(frame: unknown): void {
    if (!this.#open) return
    let operations: Operation[]
    try {
      operations = this.#read(frame)
    } catch (cause) {
      this.#end(cause instanceof FrameError ? cause : new FrameError(`a malformed frame: ${(cause as Error).message}`))
      return
    }
    for (const operation of operations) {
      if (!this.#open) return
      try {
        this.#take(operation)
      } catch (error) {
        this.#end(error instanceof FrameError ? error : new FrameError(`operation ${operation[0]}: ${String(error)}`))
        return
      }
    }
    this.#extras = []
    this.#bytes = undefined
  }

  #read(frame: unknown): Operation[] {
    if (!Array.isArray(frame) || typeof frame[0] !== 'string') throw new FrameError('a foreign message on the port')
    const [text, extras = [], bytes] = frame as unknown as Frame
    const operations: unknown = JSON.parse(text)
    const wellFormed = Array.isArray(operations) && operations.every((each) => Array.isArray(each) && isVerb(each[0]))
    if (!wellFormed || !Array.isArray(extras)) throw new FrameError('a malformed frame: it has no list of operations')
    this.#extras = extras
    this.#bytes = bytes instanceof Uint8Array ? bytes : undefined
    return operations as Operation[]
  }

  #end(error: FrameError | undefined): void {
    if (!this.#open) return
    this.#open = false
    this.#endpoint.close()
    this.#lost(error)
  }
}

function isVerb(value: unknown): boolean {
  return typeof value === 'number'
}
