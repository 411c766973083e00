/** What can be done to queues, as data that fast-check makes and shrinks; numbers pick among what there is. */
import fc from 'fast-check'

/** How often each command comes; the first is what others shrink to. */
const WEIGHTS = {
  idle: 1,
  publish: 20,
  route: 6,
  flood: 1,
  settle: 22,
  settleMany: 2,
  consume: 7,
  get: 5,
  cancel: 2,
  close: 3,
  closeBus: 1,
  advance: 6,
  pause: 2,
  resume: 4,
  purge: 1,
  remove: 1,
  declare: 3,
  bind: 2,
  unbind: 1,
} as const

export type Verb = keyof typeof WEIGHTS

export interface Command {
  readonly verb: Verb
  readonly a: number
  readonly b: number
  readonly c: number
  /** The next command comes before anything was handed over. */
  readonly hurry: boolean
}

const verbs = Object.entries(WEIGHTS).flatMap(([verb, weight]) => new Array<Verb>(weight).fill(verb as Verb))

const command = fc.record({
  verb: fc.constantFrom(...verbs),
  a: fc.nat(255),
  b: fc.nat(255),
  c: fc.nat(255),
  hurry: fc.constantFrom(false, false, true),
})

/** A run: always as many commands, of which shrinking makes most idle. */
export const commands: fc.Arbitrary<Command[]> = fc.array(command, { minLength: 100, maxLength: 100 })
