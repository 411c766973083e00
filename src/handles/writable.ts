/** Producers as the end of a stream: every chunk is the body of a message, and backpressure is the confirm. */
import { InvalidOptionError } from '../errors.js'
import { type AbortSignalLike, host, type Signal } from '../host.js'
import { type Checks, checkOptions, integer } from '../options.js'
import { PUBLISH_CHECKS, type PublishOptions, type SendOptions } from './publish-options.js'

/** Options of `writable`: what `send` takes, for every chunk, and how many wait. */
export interface WritableOptions extends Omit<PublishOptions, 'transfer'> {
  /**
   * Chunks, 1 to 2,147,483,647, that the stream takes before it says that it is full.
   * @default 1
   */
  readonly highWaterMark?: number
}

/** The part of a platform's `WritableStream` that others use: assignable to it, wherever its types come from. */
export interface WritableBodies<Body> {
  /** True while a writer or a pipe has it. */
  readonly locked: boolean
  /** Ends the stream at once, and the wait of the chunk that is being sent. */
  abort(reason?: unknown): Promise<void>
  /** Ends the stream when every chunk is confirmed. */
  close(): Promise<void>
  /** Locks the stream, to write by hand. */
  getWriter(): BodyWriter<Body>
}

/** The part of a platform's `WritableStreamDefaultWriter` that others use. */
export interface BodyWriter<Body> {
  /** Resolves when the stream is closed, and rejects with what ended it. */
  readonly closed: Promise<undefined>
  /** Chunks that it still takes; null when it failed. */
  readonly desiredSize: number | null
  /** Resolves when it takes more. */
  readonly ready: Promise<undefined>
  /** As that of the stream. */
  abort(reason?: unknown): Promise<void>
  /** As that of the stream. */
  close(): Promise<void>
  /** Lets others have the stream. */
  releaseLock(): void
  /** Resolves when the message is confirmed. */
  write(body: Body): Promise<void>
}

/** What a platform's `WritableStream` is made of here. */
interface UnderlyingSink<Body> {
  write(body: Body, controller: { readonly signal: AbortSignalLike }): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

const WRITABLE_CHECKS: Checks = { ...PUBLISH_CHECKS, highWaterMark: integer(1, 2 ** 31 - 1, 'chunks') }

/**
 * A stream over a producer that is its own and ends with it.
 * @throws InvalidOptionError, also where the platform has no streams, UnknownOptionError.
 */
export function writableOf<Body>(
  send: (body: Body, options: SendOptions) => Promise<void>,
  close: () => Promise<void>,
  options: WritableOptions = {},
): WritableBodies<Body> {
  checkOptions('writable', options, WRITABLE_CHECKS)
  const { WritableStream } = host
  if (WritableStream === undefined) {
    throw new InvalidOptionError('writable: expected a platform with WritableStream, got one without; use send()')
  }
  const { highWaterMark = 1, ...others } = options
  const sink: UnderlyingSink<Body> = {
    async write(body, { signal }) {
      try {
        await send(body, { ...others, signal: signal as Signal })
      } catch (error) {
        // n.b. a stream that fails by its own doing asks for no end.
        await close()
        throw error
      }
    },
    close,
    abort: close,
  }
  return new WritableStream(sink, { highWaterMark }) as WritableBodies<Body>
}
