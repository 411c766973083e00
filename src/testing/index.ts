/** leveret/testing: tests of messaging that are exact, instant and explain themselves. */
export {
  assertAcked,
  assertDeadLettered,
  assertEmpty,
  assertPublished,
  assertReady,
  assertRoutes,
  assertUnacked,
} from './assertions.js'
export type { ExpectDefinitionsOptions } from './drift.js'
export type { Duration } from './duration.js'
export { InternalError, TestFailedError } from './errors.js'
export { type ExploreOptions, explore } from './explore.js'
export type { Fault } from './fault.js'
export type { BlockOptions, DelayOptions, DropOptions, FaultOptions, Faults, StorageOptions } from './faults.js'
export type { AnyExchange, AnyQueue, BodyFilter, FilteredBody, MessageFilter, Pattern } from './filter.js'
export { TestKit, testBroker } from './kit.js'
export type { TestBrokerOptions, WaitOptions } from './kit-options.js'
export type { Happening } from './log.js'
export { type KitMatchers, matchers } from './matchers.js'
export type { DelayedConfirms } from './publish-faults.js'
export type { Recorded } from './record.js'
export type { AnyOptions, Recorder } from './recorder.js'
export type { Parked } from './stillness.js'
export type { Allowances, Allowed, Rule, Strictness, StrictnessRules } from './strictness.js'
export type { TimelineOptions } from './timeline.js'
export type { Destination, TimesOptions, Verdict } from './verdicts.js'
