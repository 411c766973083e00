/** What a kit throws when a test is not as it should be. */
import { LeveretError } from '../internal.js'

/** A test failed: an expectation is not met, or the bus does not come to rest. The message says what there was instead. */
export class TestFailedError extends LeveretError {
  /** Made by kits. @hidden */
  constructor(message: string, cause?: unknown) {
    super('TEST_FAILED', 'call', message, cause === undefined ? {} : { cause })
  }
}
