/** leveret/testing: tests of messaging that are exact, instant and explain themselves. */

export { InternalError, TestFailedError } from './errors.js'
export { type ExploreOptions, explore } from './faults/explore.js'
export type { Fault } from './faults/fault.js'
export type {
  BlockOptions,
  DelayOptions,
  DropOptions,
  FaultOptions,
  Faults,
  StopOptions,
  StorageOptions,
} from './faults/faults.js'
export type { DelayedConfirms } from './faults/publish-faults.js'
export { TestKit, testBroker } from './kit.js'
export type { TestBrokerOptions, WaitOptions } from './kit-options.js'
export type { Happening } from './log/log.js'
export {
  assertAcked,
  assertDeadLettered,
  assertEmpty,
  assertPublished,
  assertReady,
  assertRoutes,
  assertUnacked,
} from './records/assertions.js'
export type { AnyExchange, AnyQueue, BodyFilter, FilteredBody, MessageFilter, Pattern } from './records/filter.js'
export { type KitMatchers, matchers } from './records/matchers.js'
export type { Recorded } from './records/record.js'
export type { AnyOptions, Recorder } from './records/recorder.js'
export type { TimelineOptions } from './records/timeline.js'
export type { Destination, TimesOptions, Verdict } from './records/verdicts.js'
export type { ExpectDefinitionsOptions } from './strict/drift.js'
export type { Allowances, Allowed, Rule, Strictness, StrictnessRules } from './strict/strictness.js'
export type { Duration } from './time/duration.js'
export type { Parked } from './time/stillness.js'
