/** leveret/testing: tests of messaging that are exact, instant and explain themselves. */
export type { Duration } from './duration.js'
export { InternalError, TestFailedError } from './errors.js'
export type { Fault } from './fault.js'
export type { BlockOptions, DelayOptions, DropOptions, FaultOptions, Faults, StorageOptions } from './faults.js'
export { type TestBrokerOptions, TestKit, testBroker, type WaitOptions } from './kit.js'
export type { DelayedConfirms } from './publish-faults.js'
export type { Parked } from './stillness.js'
export type { Allowances, Allowed, Rule, Strictness, StrictnessRules } from './strictness.js'
