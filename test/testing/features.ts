/** The features of leveret/testing, each with the edit of one place that turns it off. */
import type { Mutant } from '../mutants/trial.js'

/** A feature, and the test file that is to notice first when it is off. */
export interface Feature extends Mutant {
  readonly by: string
}

type Edit = readonly [name: string, find: string, replace: string]

function of(file: string, by: string, edits: readonly Edit[]): Feature[] {
  return edits.map(([name, find, replace]) => ({ name, file: `src/testing/${file}.ts`, find, replace, by }))
}

/** One edit for each of these names. */
function each(names: readonly string[], edit: (name: string) => Edit): Edit[] {
  return names.map(edit)
}

const rules = [
  'errors',
  'channelErrors',
  'doubleSettlements',
  'requeueLoops',
  'dropped',
  'unacked',
  'unfinished',
  'unconsumed',
  'unroutable',
  'unawaited',
  'pendingRequests',
  'leakedConsumers',
  'arguments',
  'unfired',
  'drift',
  'conservation',
]
const recorders = [
  'published',
  'delivered',
  'acked',
  'rejected',
  'requeued',
  'deadLettered',
  'expired',
  'overflowed',
  'deliveryLimited',
  'returned',
]
const scripted = ['rejectConfirms', 'delayConfirms', 'failStorage', 'duplicate', 'reorder', 'dropConnection']
/** When a thread may be stopped, and how that is found in the source. */
const moments = {
  'before a delivery': "if (when === 'before delivery')",
  'after an ack': "when === 'after ack'",
  'during a post': "when === 'during post'",
  'during a declare': "when === 'during declare' && declares",
}

export const features: readonly Feature[] = [
  // Rest
  ...of('time/stillness', 'settled', [
    ['settled: rest is known, not two idle turns', 'const holds = look()', 'const holds: Hold[] = []'],
    [
      'settled: waits for deliveries in hand',
      'for (const handling of follower.handlings) {\n      if (handling.heldUntil',
      'for (const handling of [] as Handling[]) {\n      if (handling.heldUntil',
    ],
    [
      'settled: waits for confirms',
      'for (const [confirm, message] of follower.confirms)',
      'for (const [confirm, message] of new Map() as typeof follower.confirms)',
    ],
    ['settled: waits for what is to be handed over', 'if (waiting > 0) hold(', 'if (waiting < 0) hold('],
    ['settled: waits for what is ready for a busy consumer', 'if (ready > 0) hold(', 'if (ready < 0) hold('],
    [
      'settled: a handler does not wait for itself',
      'if (own.has(handling.delivery) &&',
      'if (own.has({} as Delivery) &&',
    ],
    [
      'settled: does not wait for a delivery that its consumer keeps after a failure',
      'if (handling.heldUntil !== undefined && handling.delivery.settled === undefined) continue',
      '',
    ],
    ['settled: names what is in flight', 'holds.map(({ text }) => text)', "['something']"],
    ['settled: its signal ends it', 'AbortSignal.any([limit, signal])', 'limit'],
    ['settled: its timeout ends it', 'AbortSignal.timeout(timeout)', 'new AbortController().signal'],
    ['settled: answers what is ready', "parked.push({ what: 'ready', queue", "void ({ what: 'ready', queue"],
    [
      'settled: answers what waits for its next attempt',
      "parked.push({ what: 'delayed', queue: queue.name",
      "void ({ what: 'delayed', queue: queue.name",
    ],
    ['settled: answers what no consumer takes', "parked.push({ what: 'unhanded'", "void ({ what: 'unhanded'"],
    ['settled: answers what consumers keep after a failure', "parked.push({ what: 'held'", "void ({ what: 'held'"],
    [
      'settled: answers what is published later',
      "parked.push({ what: 'delayed', queue: undefined",
      "void ({ what: 'delayed', queue: undefined",
    ],
    ['advance: does not wait for handlers that sleep', 'handling.asleep > 0 || sleepers', 'false && sleepers'],
    [
      'advance: does not wait for what stands behind a handler that sleeps',
      'const asleep = [...follower.handlings]',
      'const asleep = ([] as Handling[])',
    ],
  ]),

  // Causality
  ...of('log/causality', 'causality', [
    [
      'causality: a chain waits for nothing else',
      'if (next === this) return true\n    return false',
      'if (next === this) return true\n    return true',
    ],
    ['causality: a chain waits for what it caused', 'if (next === this) return true\n', ';\n'],
    ['causality: a message knows its cause', 'cause: cause ?? inmostOf(cell)?.delivery?.message', 'cause: undefined'],
    ['causality: a dead letter is of the chain of what died', 'this.#origins.get(cause)?.chain', 'undefined'],
    [
      'causality: a loop is in the context of its delivery',
      'if (waiting !== undefined) waiting.delivery = delivery',
      '',
    ],
    ['causality: a loop that ended is left', 'this.#context.enterWith(cell.outer)', 'void cell.outer'],
    ['causality: nothing is followed when the kit ends', 'this.#context.disable()', ''],
  ]),

  // Time
  ...of('time/clock', 'kit', [
    ['time: what is due comes in the order of its time', 'a.due < b.due ||', 'a.due > b.due ||'],
    ['time: what is due at once comes in the order of arming', 'a.order < b.order', 'a.order > b.order'],
    ['time: a cleared timer does not fire', ';(handle as Armed).callback = undefined', 'void handle'],
    ['time: the wall clock goes along', 'EPOCH + Math.floor(this.#now / 1000)', 'EPOCH'],
  ]),
  ...of('kit', 'settled', [
    ['time: stands still', "this.#clock = clock === 'virtual' ?", "this.#clock = clock === ('none' as string) ?"],
    [
      'time: the bus comes to rest at each moment',
      "clock.goTo(due)\n        await this.#stillness.restSince('advance', patience, before)",
      'clock.goTo(due)',
    ],
    ['time: a handler may sleep', 'this.#state.timers.after(ms, resolve)', 'resolve()'],
    ['time: advanceToNext says how long that was', 'return due - start', 'return 0'],
    ['time: advances come one after another', 'this.#advancing.then(advance)', 'advance()'],
    ['kit: a disposed one is refused', 'if (this.#disposed) throw', 'if (this.#disposed && this.#timeout === 0) throw'],
    ['kit: what may be the reason becomes the cause', 'error.cause = reason', ''],
  ]),
  ...of('time/duration', 'settled', [
    ['time: units', '* (UNITS[unit ??', '* 1 + 0 * (UNITS[unit ??'],
    ['time: does not go back', 'Number.isFinite(ms) && ms >= 0', 'Number.isFinite(ms)'],
  ]),

  // Recorders
  ...of(
    'records/recorders',
    'recorders',
    each(recorders, (name) => [
      `recorder: ${name}`,
      'this.of(what).add(entry)',
      `if (what !== '${name}') this.of(what).add(entry)`,
    ]),
  ),
  ...of('records/recorders', 'recorders', [
    ['any: resolves on the event', 'if (fits(record, criteria)) resolve(record)', ''],
    [
      'any: fails at rest',
      'Promise.race([met, this.#rest(',
      'Promise.race([met, new Promise<undefined>(() => undefined) ?? this.#rest(',
    ],
    [
      'any: waits for the work of during',
      "if (during !== undefined) this.during('the work",
      "if (during === null) this.during('the work",
    ],
    ['recorded: its cause', 'return from && this.recordOf(from)', 'return undefined && this.recordOf(entry)'],
  ]),
  ...of('records/recorder', 'recorders', [
    ['filter: has to fit', 'criteria.every((criterion)', '[].every((criterion: (typeof criteria)[number])'],
    ['filter: a name that can never match is refused', 'for (const criterion of criteria) criterion.check?.()', ''],
  ]),
  ...of(
    'records/filter',
    'recorders',
    each(['exchange', 'key', 'queue', 'body', 'headers', 'properties'], (name) => [
      `filter: by ${name}`,
      `if (${name} !== undefined) `,
      `if (${name} !== undefined && ${name} === null) `,
    ]),
  ),
  ...of('records/difference', 'recorders', [
    [
      'filter: parts are enough',
      'for (const [name, value] of Object.entries(expected)) {',
      'if (Object.keys(expected).length < Object.keys(actual).length) return other\n  for (const [name, value] of Object.entries(expected)) {',
    ],
    [
      'filter: matchers of the runner',
      'if (isMatcher(expected)) return',
      "if (isMatcher(expected) && path === '') return",
    ],
    [
      'filter: regular expressions',
      'if (expected instanceof RegExp && typeof',
      "if (path === '' && expected instanceof RegExp && typeof",
    ],
  ]),
  ...of('records/record', 'recorders', [
    ['recorded: bytes are decoded', 'if (!(body instanceof Uint8Array)) return body', 'return body'],
  ]),

  // What is said
  ...of('records/timeline', 'recorders', [
    [
      'timeline',
      "if (entries.length === 0) return 'nothing happened'",
      "if (entries.length >= 0) return 'nothing happened'",
    ],
    ['timeline: indented by cause', "'  '.repeat(depth)", "''"],
    ['timeline: times of the clock', 'moment(at).padStart(width)', "''"],
    ['timeline: where it was done', 'const where = site === undefined ?', 'const where = site !== null ?'],
    ['timeline: cut in its middle', 'if (lines.length <= most)', 'if (lines.length >= 0)'],
  ]),
  ...of('records/why-not', 'recorders', [
    [
      'why not: what came near',
      'const near = nearMisses(criteria, records)\n  const count',
      'const near: Miss[] = []\n  const count',
    ],
    [
      'why not: where it goes',
      "if (missed[0]?.field === 'queue') sections.push",
      "if (missed[0]?.field === ('none' as string)) sections.push",
    ],
    [
      'why not: what died without a dead letter',
      "if (happening === 'deadLettered') sections",
      "if (happening === ('none' as string)) sections",
    ],
    ['why not: what waits', 'waits.length === 0 ?', 'waits.length >= 0 ?'],
    ['why not: the timeline', 'indent(timeline)', "''"],
  ]),
  ...of('log/site', 'recorders', [
    ['sites: the line of the application', 'if (site === undefined) return undefined', 'return undefined'],
  ]),

  // Matchers
  ...of('records/verdicts', 'matchers', [
    ...each(['toHavePublished', 'toHaveDeadLettered', 'toHaveBeenAcked'], (name): Edit => {
      const [happening = ''] =
        { toHavePublished: ['published'], toHaveDeadLettered: ['deadLettered'], toHaveBeenAcked: ['acked'] }[name] ?? []
      const call = `happened('${name}', '${happening}', subject, filter, options)`
      return [`matcher: ${name}`, `return ${call}`, `return { ...${call}, pass: true }`]
    }),
    [
      'matcher: toHaveReady',
      "return holds('toHaveReady',",
      "return { pass: true, message: String } ?? holds('toHaveReady',",
    ],
    [
      'matcher: toHaveUnacked',
      "return holds('toHaveUnacked',",
      "return { pass: true, message: String } ?? holds('toHaveUnacked',",
    ],
    ['matcher: toBeEmpty', 'const pass = full.length === 0', 'const pass = full.length >= 0'],
    ['matcher: toBeEmpty of a recorder', '[subject.length === 0,', '[subject.length >= 0,'],
    [
      'matcher: toRoute',
      'const pass = wanted.every((queue) => reached.includes(queue)) &&',
      'const pass = reached.length >= 0 ||',
    ],
    ['matcher: toRoute, exactly', 'const isExact = all === undefined ||', 'const isExact = true ||'],
    ['matcher: times', 'found.length === options.times', 'found.length > 0'],
  ]),
  ...of(
    'records/assertions',
    'matchers',
    (
      [
        ['assertPublished', 'toHavePublished'],
        ['assertDeadLettered', 'toHaveDeadLettered'],
        ['assertAcked', 'toHaveBeenAcked'],
        ['assertReady', 'toHaveReady'],
        ['assertUnacked', 'toHaveUnacked'],
        ['assertEmpty', 'toBeEmpty'],
        ['assertRoutes', 'toRoute'],
      ] as const
    ).map(
      ([name, verdict]): Edit => [`assertion: ${name}`, `check(verdicts.${verdict}(`, `void (verdicts.${verdict}(`],
    ),
  ),

  // Strictness
  ...of(
    'strict/ledger',
    'strictness',
    each(rules, (rule) => [
      `strict: ${rule}`,
      'this.#rules.has(rule) &&',
      `rule !== '${rule}' && this.#rules.has(rule) &&`,
    ]),
  ),
  ...of('log/notes', 'strictness', [
    ['strict: frozen', "if (this.#rules.has('frozen')) freezeDeep(body)", 'void freezeDeep'],
    ['strict: a message that goes round is stopped', '?.queues.get(queue)?.pause()', '?.queues.get(queue)'],
  ]),
  ...of('log/freeze', 'strictness', [['strict: Maps and Sets are frozen', 'refuseChanges(value, kind)', '']]),
  ...of('strict/ledger', 'strictness', [
    ['strict: each finding is told once', 'for (const { about } of findings) this.#told.add(about)', ''],
    ['strict: findings say what to do', 'ADVICE[rule]', "''"],
    ['strict: findings say how to allow them', 'hintOf(first)', "''"],
    ['strict: findings come with the timeline', 'this.#timeline()', "''"],
    [
      'strict: loops are told at once',
      'if (this.#scene.follower.notes.loops.length === 0) return',
      'if (this.#scene.follower.notes.loops.length >= 0) return',
    ],
    ['allow', '!this.#forgiveness.forgives(rule, names)', 'true'],
  ]),
  ...of('strict/strictness', 'strictness', [['strict: rules go by name', 'strict[rule] !== false', 'true']]),

  // Definitions
  ...of('strict/drift', 'drift', [
    ['drift: queues', 'if (isOwn(queue)) return []', 'return []'],
    ['drift: exchanges', "if (name.startsWith('amq.')) return []", 'return []'],
    ['drift: bindings', "if (source === '' || destination", "return []\n    if (source === '' || destination"],
    ['drift: the virtual host', 'this.#root = options.virtualHost ?? ', 'this.#root = '],
    ['drift: a topology', 'if (given instanceof Topology) return toDefinitions(given, virtualHost)', ''],
    ['drift: exclusive queues are left out', 'return exclusive ||', 'return'],
  ]),

  // Faults
  ...of(
    'faults/faults',
    'faults',
    each(scripted, (name) => [
      `fault: ${name}`,
      'this.begin(fault)\n    if',
      `if (!fault.what.startsWith('${name}')) this.begin(fault)\n    if`,
    ]),
  ),
  ...of('faults/faults', 'faults', [
    ['fault: dropConnection now', 'for (const connection of connections) cutConnection(this.#network, connection)', ''],
    ['fault: dropConnection of one', 'return ({ name }) => name === target', 'return () => true'],
    ['fault: cancelConsumer', "for (const consumer of consumers) consumer.end('it was cancelled by a test')", ''],
    ['fault: block', 'this.#broker.setAlarm(resource, true)', ''],
    [
      'fault: unblock',
      "for (const resource of ['memory', 'disk'] as const) this",
      "for (const resource of [] as 'disk'[]) this",
    ],
    ['fault: the end of a block', 'fault.onEnd = () => this.#broker.setAlarm(resource, false)', ''],
    [
      'fault: a queue that does not exist is refused',
      'if (queue !== undefined) return queue\n',
      'return queue as QueueState\n',
    ],
  ]),
  ...of('faults/thread-faults', 'workers', [
    ['fault: stopWorker', 'for (const thread of alive) thread.stop()', ''],
    ...Object.entries(moments).map(
      ([moment, found]): Edit => [
        `fault: stopWorker ${moment}`,
        found,
        found.replace(/when === '[a-z ]+'/, "when === ('never' as never)"),
      ],
    ),
    ['fault: stopWorker after a delivery', 'else thread.stopInHandlers(connection)', ''],
    ['fault: stopWorker of one', '!thread.gone && this.#point.thread(thread)', '!thread.gone'],
    ['fault: stopWorker of a queue', '(queue === undefined || isSameQueue(', '(queue !== null || isSameQueue('],
    ['fault: a thread is stopped once', '!thread.gone && this', 'this'],
  ]),
  ...of('log/threads', 'workers', [
    ['fault: a thread that is not there is refused', 'if (this.all.some(isIt)) return isIt', 'return isIt'],
    ['fault: stopWorker by its bus', ' && wire.home === home', ' && wire.home !== home'],
  ]),
  ...of('log/causality', 'workers', [
    [
      'threads: what they say of themselves is of the callback that is waited for',
      'delivery === undefined ? [...this.#open].at(-1) : undefined',
      'undefined',
    ],
  ]),
  ...of('strict/findings', 'workers', [
    ['threads: their requests without a reply', 'return [...near, ...far]', 'return near'],
  ]),
  ...of('log/follower', 'workers', [
    [
      'threads: what they say is of what they have',
      'else this.causality.within(this.#inHandOf(connection), perform)',
      'else perform()',
    ],
    [
      'threads: what nobody saw is in no hands',
      'if (handling !== undefined) this.handlings.delete(handling)',
      'void handling',
    ],
  ]),
  ...of('faults/fault', 'faults', [
    ['fault: counted', 'if (this.remaining <= 0) return false', ''],
    ['fault: cancel', 'this.#cancelled = true', ''],
  ]),
  ...of('faults/publish-faults', 'faults', [
    ['fault: confirms that are held back are released', 'for (const held of [...this.#held]) this.#letGo(held)', ''],
    [
      'fault: confirms are held back by time',
      'if (by !== undefined) this.#follower.after(by',
      'if (by === -1) this.#follower.after(by',
    ],
  ]),
  ...of('faults/connection-faults', 'faults', [
    ['fault: dropConnection before a delivery', "when === 'after' || !this", "when !== 'never' as never || !this"],
    [
      'fault: dropConnection after a delivery',
      "if (this.#moment.when === 'after') this.#cut",
      "if (this.#moment.when === ('never' as never)) this.#cut",
    ],
    [
      'fault: settlements over a lost connection go nowhere',
      'if (which(recipient)) delivery.recipient',
      'if (which(recipient) && broker === null) delivery.recipient',
    ],
    [
      "fault: AMQP's clients lose their connection",
      'if (connection.owner?.cut !== undefined) {',
      'if (connection.owner?.cut === null) {',
    ],
  ]),

  // Exploration
  ...of('faults/explore', 'explore', [
    ['explore: says the seed', 'Object.entries({ seed, ', 'Object.entries({ seed: 0, '],
    ['explore: each run has another seed', 'const seed = (first + run) % MOST', 'const seed = first'],
    ['explore: the seed decides', 'new Chance(seed)', 'new Chance(Math.floor(Math.random() * MOST))'],
    ['explore: orders', 'broker.scheduler = new Exploring', 'void new Exploring'],
    [
      'explore: another consumer may be next',
      'if (queue.consumerCount > 1) queue.passTurns',
      'if (queue.consumerCount < 0) queue.passTurns',
    ],
    ['explore: redeliveries', 'state.repeat(message)', 'void message'],
    ['explore: crashes', 'cutConsumer(this.#network, consumer)', 'void cutConsumer'],
    ['explore: crashes before a delivery', '(consumer) => this.#mayCrash(consumer))', '() => undefined)'],
    ['explore: crashes after a delivery', 'if (isConsumer(recipient)) this.#mayCrash(recipient)', ''],
    ['explore: a run that hangs ends', 'const fail = (): void => reject(', 'const fail = (): unknown => ('],
    ['explore: what a run leaves behind', 'if (!failed) throw error', ''],
    ['explore: its kit is as asked for', 'testBroker(options.kit)', 'testBroker()'],
  ]),
  ...of('faults/exploring-scheduler', 'explore', [
    ['explore: which consumer is first', 'candidates[this.#chance.below(candidates.length)]', 'candidates[0]'],
    ['explore: how far handlers come in between', 'if (left-- === 0) callback()', 'if (left >= 0) callback()'],
    ['explore: another turn of the event loop', 'if (range === 0) {', 'if (range < 0) {'],
    ["explore: AMQP's connections keep their order", 'connection.owner === undefined ? task : connection', 'task'],
    [
      'explore: a backlog comes in pieces',
      'const goesOn = this.#fresh || !this.#chance.happens(1 / 3)',
      'const goesOn = true',
    ],
  ]),
]
