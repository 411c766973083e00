/** What a kit throws when a test is not as it should be. */
import { LeveretError } from '../internal.js'

/** A test failed: an expectation is not met, or the bus does not come to rest. The message says what there was instead. */
export class TestFailedError extends LeveretError {
  /** Made by kits. @hidden */
  constructor(message: string, cause?: unknown) {
    super('TEST_FAILED', 'call', message, cause === undefined ? {} : { cause })
  }
}

/** 541: a queue could not store a message, see `kit.faults.failStorage`. Nothing was stored anywhere. */
export class InternalError extends LeveretError {
  /** Made by kits. @hidden */
  constructor(what: string, cause?: unknown) {
    const reply = { replyCode: 541, replyText: 'INTERNAL_ERROR' }
    super('INTERNAL_ERROR', 'connection', `INTERNAL_ERROR - ${what}`, cause === undefined ? reply : { ...reply, cause })
  }
}
