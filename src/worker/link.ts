/**
 * The wire between two threads: what one end says within a turn goes as one post. The first things said go in the next
 * microtask, so that an idle wire adds no latency; while more is said in the same turn of the event loop, it is kept for the
 * end of that turn.
 */
import {
  afterTurn,
  FrameError,
  host,
  Message,
  type MessageProperties,
  NO_PROPERTIES,
  type TimerHandle,
} from '../internal.js'
import type { Endpoint } from './endpoint.js'
import { asError } from './failure.js'
import { Cargo, type Packed, type Values } from './values.js'

/** What is said: a number from `verbs.ts`, and what goes with it. */
export type Operation = [verb: number, ...rest: unknown[]]

/** A message on the wire. */
export type PackedMessage = readonly [exchange: string, routingKey: string, properties: Packed | 0, body: Packed]

/** Messages that follow one another on the same way, with tags in a row. */
type Run = readonly [
  verb: number,
  first: number,
  second: number,
  third: number,
  exchange: string,
  routingKey: string,
  properties: Packed | 0,
  history: number,
  /** Of the first of them. */
  tag: number,
  /** Where in the frame's bytes their bodies begin, which then are lengths; -1 for others. */
  offset: number,
  ...bodies: unknown[],
]

/** Where the bodies of a run begin. */
const BODIES = 10

/**
 * Things said in a post; more make another, so that both ends work at once. n.b. consumers have some hundred out: half of
 * that at a time leaves each end something to do while the next is on its way.
 */
const MOST = 50

/**
 * An end that posted so much at once stays awake for so many turns of the event loop, some 25 us: an answer is near, and to
 * wake a thread that sleeps costs its waker as much as it would have taken to handle ten messages.
 */
const BUSY = 16
const AWAKE_TURNS = 20

/** What a post is. n.b. the first string tells it from anything else that is posted. */
type Frame = readonly [text: string, extras?: readonly unknown[], bytes?: Uint8Array]

const resolved = Promise.resolve()

export class Link {
  readonly values: Values
  readonly #endpoint: Endpoint
  readonly #take: (operation: Operation) => void
  readonly #lost: (error: FrameError | undefined) => void
  #operations: Operation[] = []
  /** The last of them. */
  #last: Operation | undefined
  /** How many things they say. */
  #said = 0
  #cargo = new Cargo()
  /** Where the bytes of the last message ended. */
  #bytesEnd = 0
  #extras: readonly unknown[] = []
  #bytes: Uint8Array | undefined
  #scheduled = false
  /** The end of the turn of the event loop in which something was posted. */
  #turn: TimerHandle | undefined
  #open = true
  readonly #flush = (): void => this.flush()
  /** Turns that it stays awake for. */
  #awake = 0
  readonly #newTurn = (): void => {
    this.#turn = undefined
    if (this.#operations.length > 0) this.flush()
    else if (this.#awake > 0 && --this.#awake > 0) this.#awaitTurn()
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
    this.#last = operation
    this.#saidMore()
  }

  #saidMore(): void {
    if (++this.#said >= MOST) this.flush()
    else if (!this.#scheduled) this.#schedule()
  }

  /** Says something of a number: what is said of several in a row goes as one operation, as runs of them. */
  sayNumber(verb: number, first: number, second: number, number: number): void {
    const last = this.#last
    if (last === undefined || last[0] !== verb || last[1] !== first || last[2] !== second) {
      this.say(verb, first, second, number, 1)
      return
    }
    const count = last[last.length - 1] as number
    if (number === (last[last.length - 2] as number) + count) last[last.length - 1] = count + 1
    else last.push(number, 1)
    this.#saidMore()
  }

  /**
   * Says a message, its history and its tag: those that follow one another on the same way, with tags in a row, go as one
   * operation.
   * @throws BodyEncodingError.
   */
  sayMessage(
    verb: number,
    first: number,
    second: number,
    third: number,
    { exchange, routingKey, properties, body }: Message,
    history: number,
    tag: number,
    transfer?: readonly ArrayBuffer[],
  ): void {
    // n.b. what was said before may have the same buffers, and is posted while they are whole.
    if (transfer !== undefined && this.#cargo.shared) this.flush()
    const known = properties === NO_PROPERTIES ? 0 : this.pack(properties)
    const offset = transfer === undefined && this.values.areBytes(body) ? this.#cargo.length : -1
    const packed = offset === -1 ? this.pack(body, transfer) : this.#cargo.add(body as Uint8Array)
    const last = this.#last as Run | undefined
    const goesOn =
      last !== undefined &&
      known === 0 &&
      last[0] === verb &&
      last[1] === first &&
      last[2] === second &&
      last[3] === third &&
      last[4] === exchange &&
      last[5] === routingKey &&
      last[6] === 0 &&
      last[7] === history &&
      last[8] + last.length - BODIES === tag &&
      (last[9] === -1 ? offset === -1 : offset === this.#bytesEnd)
    this.#bytesEnd = this.#cargo.length
    if (goesOn) {
      ;(last as unknown as unknown[]).push(packed)
      this.#saidMore()
    } else this.say(verb, first, second, third, exchange, routingKey, known, history, tag, offset, packed)
  }

  /** A value for the post that is being filled, and its buffers that are taken over. @throws BodyEncodingError. */
  pack(value: unknown, transfer?: readonly ArrayBuffer[]): Packed {
    const { values } = this
    return transfer === undefined ? values.pack(value, this.#cargo) : values.move(value, transfer, this.#cargo)
  }

  /** The value that came with the post that is being read. */
  unpack(packed: unknown): unknown {
    return this.values.unpack(packed as Packed, this.#extras, this.#bytes)
  }

  /** Takes the numbers of an operation that `sayNumber` said. @throws FrameError. */
  eachNumber(operation: Operation, take: (number: number) => void): void {
    for (let i = 3; i < operation.length; i += 2) {
      const [first, count] = [operation[i] as number, operation[i + 1] as number]
      if (!(count <= MOST)) throw new FrameError(`a malformed frame: ${String(count)} numbers in a row`)
      for (let n = 0; n < count; n++) take(first + n)
    }
  }

  /** Takes the messages of an operation that `sayMessage` said, or what is wrong with one, each with its tag. @throws FrameError. */
  eachMessage(operation: Operation, take: (message: Message | Error, tag: number, history: number) => void): void {
    const run = operation as unknown as Run
    const [, , , , exchange, routingKey, properties, history, tag, offset] = run
    if (run.length <= BODIES) throw new FrameError('a malformed frame: a message is incomplete')
    let at = offset
    for (let i = BODIES; i < run.length; i++) {
      const body = run[i] as Packed
      if (offset === -1) take(this.messageOf([exchange, routingKey, properties, body]), tag + i - BODIES, history)
      else {
        const bytes = this.values.bytes(this.#bytes, at, body as number)
        at += body as number
        take(new Message(exchange, routingKey, bytes, this.#propertiesOf(properties)), tag + i - BODIES, history)
      }
    }
  }

  /** A message that came, or what is wrong with it: there may be no codec for its body at this end. */
  messageOf([exchange, routingKey, properties, body]: PackedMessage): Message | Error {
    try {
      return new Message(exchange, routingKey, this.unpack(body), this.#propertiesOf(properties))
    } catch (error) {
      return asError(error)
    }
  }

  #propertiesOf(packed: Packed | 0): MessageProperties {
    return packed === 0 ? NO_PROPERTIES : (this.unpack(packed) as MessageProperties)
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
    this.#awake = this.#said >= BUSY && host.setImmediate !== undefined ? AWAKE_TURNS : 0
    this.#operations = []
    this.#last = undefined
    this.#said = 0
    if (!cargo.empty) this.#cargo = new Cargo()
    try {
      this.#postAll(JSON.stringify(operations), cargo)
    } catch (error) {
      this.#end(new FrameError(`a frame cannot be posted: ${String(error)}`))
      return
    }
    // n.b. an end in the same thread has no turns to save.
    if (this.#endpoint.near !== true && this.#turn === undefined) this.#awaitTurn()
  }

  #awaitTurn(): void {
    this.#turn = afterTurn(this.#newTurn)
    // n.b. that a turn ends is no work: only what is said meanwhile keeps the thread alive, and awake.
    if (this.#awake === 0) this.#turn?.unref?.()
  }

  /** n.b. values are looked at when they are packed, and what the platform refuses all the same costs nothing else. */
  #postAll(text: string, cargo: Cargo): void {
    try {
      this.#post(text, cargo)
    } catch {
      cargo.refuse()
      this.#post(text, cargo)
    }
  }

  #post(text: string, cargo: Cargo): void {
    const bytes = cargo.buffer()
    const { extras, moved } = cargo
    if (bytes !== undefined) this.#endpoint.post([text, extras, bytes] satisfies Frame, [...moved, bytes.buffer])
    else if (cargo.empty) this.#endpoint.post([text] satisfies Frame, [])
    else this.#endpoint.post([text, extras] satisfies Frame, moved)
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
    // n.b. what is said to all of them goes as one post.
    if (this.#endpoint.near !== true && this.#turn === undefined) this.#awaitTurn()
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
