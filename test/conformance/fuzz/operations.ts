// What the differential fuzzer does: random operations of two channels on two queues and an exchange, small enough that a
// counterexample can be read.
import fc from 'fast-check'

export type Operation =
  | {
      readonly op: 'publish'
      readonly channel: number
      readonly exchange: 'x' | ''
      readonly key: string
      readonly count: number
      readonly mandatory: boolean
      readonly priority: number
    }
  | { readonly op: 'get'; readonly channel: number; readonly queue: Name; readonly noAck: boolean }
  | {
      readonly op: 'consume'
      readonly channel: number
      readonly queue: Name
      readonly noAck: boolean
      readonly priority: number
      readonly exclusive: boolean
    }
  | { readonly op: 'cancel'; readonly channel: number; readonly nth: number }
  | { readonly op: 'prefetch'; readonly channel: number; readonly count: number; readonly global: boolean }
  | {
      readonly op: 'settle'
      readonly channel: number
      readonly nth: number
      readonly how: 'ack' | 'nack' | 'reject'
      readonly multiple: boolean
      readonly requeue: boolean
    }
  | { readonly op: 'settle all'; readonly channel: number; readonly how: 'ack' | 'nack'; readonly requeue: boolean }
  | { readonly op: 'recover'; readonly channel: number }
  | { readonly op: 'bad tag'; readonly channel: number }
  | { readonly op: 'reopen'; readonly channel: number }
  | { readonly op: 'bind' | 'unbind'; readonly channel: number; readonly queue: Name; readonly key: string }
  | { readonly op: 'purge'; readonly channel: number; readonly queue: Name }
  | { readonly op: 'delete'; readonly channel: number; readonly queue: Name }

export type Name = 'a' | 'b'

/** The queues, the exchange and its bindings, and what is done with them. */
export interface Sequence {
  readonly queues: Readonly<Record<Name, Readonly<Record<string, unknown>>>>
  readonly exchange: 'direct' | 'fanout' | 'topic'
  readonly bindings: readonly (readonly [queue: Name, key: string])[]
  readonly operations: readonly Operation[]
}

// n.b. one of the two more often: most of what is to be found takes several operations on the same queue and channel.
const name = fc.constantFrom<Name>('a', 'a', 'a', 'b')
const channel = fc.constantFrom(0, 0, 0, 1)
const key = fc.constantFrom('k', 'k.l', 'k.*', '#', '')

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('publish' as const),
      channel,
      exchange: fc.constantFrom('x' as const, '' as const),
      key: fc.constantFrom('k', 'k.l', 'a', 'b'),
      count: fc.integer({ min: 1, max: 4 }),
      mandatory: fc.boolean(),
      priority: fc.nat(3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('get' as const), channel, queue: name, noAck: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('consume' as const),
      channel,
      queue: name,
      noAck: fc.boolean(),
      priority: fc.constantFrom(0, 0, 1),
      exclusive: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('cancel' as const), channel, nth: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('prefetch' as const), channel, count: fc.nat(3), global: fc.boolean() }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('settle' as const),
      channel,
      nth: fc.nat(3),
      how: fc.constantFrom('ack' as const, 'nack' as const, 'reject' as const),
      multiple: fc.boolean(),
      requeue: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('settle all' as const),
      channel,
      how: fc.constantFrom('ack' as const, 'nack' as const),
      requeue: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('recover' as const), channel }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('bad tag' as const), channel }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reopen' as const), channel }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constantFrom('bind' as const, 'unbind' as const), channel, queue: name, key }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('purge' as const), channel, queue: name }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), channel, queue: name }) },
)

// n.b. not from both to the other: two live queues that exchange letters do so in any order.
const queueArguments = (...more: readonly Readonly<Record<string, unknown>>[]) =>
  fc.constantFrom<Readonly<Record<string, unknown>>>(
    {},
    {},
    { 'x-max-length': 2 },
    { 'x-max-length': 2, 'x-overflow': 'reject-publish' },
    { 'x-max-priority': 3 },
    { 'x-single-active-consumer': true },
    { 'x-max-length-bytes': 3 },
    {
      'x-max-length': 2,
      'x-overflow': 'reject-publish-dlx',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'c',
    },
    ...more,
  )

const toB = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'b' }

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  queues: fc.record({ a: queueArguments(toB, toB, { ...toB, 'x-max-length': 1 }), b: queueArguments() }),
  exchange: fc.constantFrom('direct' as const, 'fanout' as const, 'topic' as const),
  bindings: fc.array(fc.tuple(name, key), { maxLength: 3 }),
  operations: fc.array(operation, { minLength: 1, maxLength: 18 }),
})
