/** leveret/testing: tests of messaging that are exact, instant and explain themselves. */
export type { Duration } from './duration.js'
export { TestFailedError } from './errors.js'
export { type TestBrokerOptions, TestKit, testBroker, type WaitOptions } from './kit.js'
export type { Parked } from './stillness.js'
