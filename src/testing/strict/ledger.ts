/** The reckoning at the end of a test: what is wrong, in one error that says what to do about it. */
import type { Delivery } from '../../internal.js'
import { TestFailedError } from '../errors.js'
import type { ExpectedDefinitions } from './drift.js'
import { at, FIND, type Finding, namesOf, type Scene } from './findings.js'
import { type Allowances, Forgiveness, RULES, type Rule } from './strictness.js'

/** What a rule means, and what to do. */
const ADVICE: Readonly<Record<Rule, string>> = {
  errors: "an error that nobody heard. Catch it in the handler, or listen: consumer.on('failed', …).",
  channelErrors:
    'the broker closed a channel for what the client did on it. What was unacknowledged there is redelivered.',
  doubleSettlements: 'a delivery was settled twice. Settle each once: RabbitMQ closes the channel for a second time.',
  requeueLoops:
    'a message goes round and round: who gets it always gives it back. Reject it, or retry with a delay and a limit of attempts.',
  dropped:
    'a message was given up, and is gone for good: its queue has no dead-letter queue to keep it. Declare the queue with deadLetter (x-dead-letter-exchange).',
  unacked:
    'a delivery was never settled. RabbitMQ keeps it for its consumer, and stops delivering when the prefetch is used up. Settle on every path of the handler: ack(), retry() or reject().',
  unfinished: 'something still ran when the kit gave up waiting.',
  unconsumed: 'messages are left in a queue whose consumers are closed or take no more.',
  unroutable:
    'a message reached no queue, and the broker threw it away. Bind a queue, correct the key, or send it mandatory.',
  unawaited:
    'nobody awaited this send: if it fails, nobody hears of it. Await it, or use publish(), which waits for nothing.',
  pendingRequests: 'a request has no reply: does anybody respond to its queue? advance() the clock to see it time out.',
  leakedConsumers:
    'a consumer was attached and never closed. The broker goes on dealing messages to it. Close it: await consumer.close(), channel.cancel(tag).',
  arguments: 'nobody knows this argument: RabbitMQ takes it without a word, and does nothing.',
  unfired: 'a fault was to go wrong, and did not: the test does not test what it says.',
  drift: 'the application declares something else than the definitions say.',
  conservation: 'leveret lost count of messages: a bug of leveret. Please report it.',
  frozen: 'a body was changed after it was published.',
}

/** Rules whose findings may be why a test fails, and are not left behind because it failed. */
const CAUSES = ['errors', 'channelErrors', 'doubleSettlements', 'requeueLoops', 'dropped', 'unroutable'] as const

/** Findings of a rule that are shown. */
const MOST = 10

export class Ledger {
  readonly #rules: ReadonlySet<Rule>
  readonly #scene: Scene
  readonly #forgiveness = new Forgiveness()
  readonly #told = new Set<unknown>()
  readonly #timeline: () => string
  /** What the application is to declare. */
  expected: ExpectedDefinitions | undefined
  /** Rules that need more than the scene. */
  readonly further: (() => Finding[])[] = []

  constructor(rules: ReadonlySet<Rule>, scene: Scene, timeline: () => string) {
    this.#timeline = timeline
    this.#rules = rules
    this.#scene = scene
  }

  /** True when no rule is on. */
  get idle(): boolean {
    return this.#rules.size === 0
  }

  /** @throws UnknownOptionError, InvalidOptionError. */
  allow(allowances: Allowances): void {
    this.#forgiveness.allow(allowances)
  }

  /** True when the delivery may stay unsettled: nobody need wait for it. */
  allowsUnacked(delivery: Delivery): boolean {
    if (delivery.settled !== undefined) return false
    return !this.#rules.has('unacked') || this.#forgiveness.forgives('unacked', namesOf(delivery))
  }

  /** The error with everything that is wrong and was not told before; undefined when nothing is. */
  failure(what: string, unfinished: readonly string[] = []): TestFailedError | undefined {
    return this.#failureOf(what, [
      ...unfinished.map((text): Finding => ({ rule: 'unfinished', names: [], text, about: text })),
      ...Object.values(FIND).flatMap((find) => find(this.#scene)),
      ...this.#drift(),
      ...this.further.flatMap((find) => find()),
    ])
  }

  /** What may have made a test fail: the same, of what went wrong while it ran. */
  reason(what: string): TestFailedError | undefined {
    return this.#failureOf(
      what,
      CAUSES.flatMap((rule) => FIND[rule](this.#scene)),
    )
  }

  /** @throws TestFailedError with what goes round, which cannot wait until the end. */
  checkLoops(what: string): void {
    if (this.#scene.follower.notes.loops.length === 0) return
    const failure = this.#failureOf(what, FIND.requeueLoops(this.#scene))
    if (failure !== undefined) throw failure
  }

  #drift(): Finding[] {
    const flaws = this.expected?.drift(this.#scene.follower.notes.declared) ?? []
    return flaws.map((flaw) => ({ ...flaw, rule: 'drift', text: `${flaw.text}${at(flaw.site)}` }))
  }

  #failureOf(what: string, all: readonly Finding[]): TestFailedError | undefined {
    const findings = all.filter(
      ({ rule, names, about }) =>
        this.#rules.has(rule) && !this.#told.has(about) && !this.#forgiveness.forgives(rule, names),
    )
    const [first] = findings
    if (first === undefined) return undefined
    for (const { about } of findings) this.#told.add(about)
    const groups = RULES.flatMap((rule) => groupText(rule, findings))
    const count = findings.length === 1 ? 'a problem' : `${findings.length} problems`
    const causes = this.#scene.follower.notes.faults.map(({ error }) => error)
    const text = `${what}: ${count} found.\n\n${groups.join('\n')}${hintOf(first)}\n\nWhat happened:\n${this.#timeline()}`
    return new TestFailedError(text, causes[0])
  }
}

function groupText(rule: Rule, all: readonly Finding[]): string[] {
  const findings = all.filter((finding) => finding.rule === rule)
  if (findings.length === 0) return []
  const shown = findings.slice(0, MOST).map(({ text }) => `  - ${text}\n`)
  const more = findings.length > MOST ? `  - and ${findings.length - MOST} more\n` : ''
  return [`${rule}: ${ADVICE[rule]}\n${shown.join('')}${more}`]
}

function hintOf({ rule, names: [name] }: Finding): string {
  if (rule === 'conservation' || rule === 'unfinished') return ''
  const allow = `kit.allow({ ${rule}: ${name === undefined || name.length > 40 ? 'true' : `'${name}'`} })`
  return `\nIf that is meant: ${allow}, or testBroker({ strict: { ${rule}: false } }).`
}
