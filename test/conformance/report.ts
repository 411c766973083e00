// Writes docs/conformance.md: of every rule, whether the suite proves it, and what differs. `npm run conformance`.
import { CORRECTIONS } from './corrections.js'
import { CHANCES, RUN } from './fuzz/chance.js'
import type { Known } from './known.js'
import type { Proof } from './proof.js'
import type { RuleKind } from './rules.js'
import { PARTLY, UNOBSERVABLE } from './unobservable.js'

const SUBJECTS: Readonly<Record<string, string>> = {
  GEN: 'Errors, names, arguments',
  EX: 'Exchanges',
  XT: 'Exchange types',
  E2E: 'Bindings between exchanges',
  AE: 'Alternate exchanges',
  Q: 'Queues',
  QA: 'Queue arguments',
  BIND: 'Bindings',
  PUB: 'Publishing',
  TTL: 'Time to live',
  LEN: 'Length limits',
  PRI: 'Priorities',
  GET: 'basic.get',
  CON: 'Consumers',
  QOS: 'Prefetch',
  ACK: 'Acknowledgement',
  ORD: 'Order',
  DLX: 'Dead letters',
  CNF: 'Confirms',
  TX: 'Transactions',
  DRT: 'Direct reply-to',
  CCN: 'Consumer cancellation',
  CH: 'Channels and connections',
  LIM: 'Limits',
  VH: 'Virtual hosts',
  USR: 'Users and permissions',
  POL: 'Policies',
  ALM: 'Alarms',
  QQ: 'Quorum queues',
}

/** What the page is made of. */
export interface Findings {
  readonly proofs: readonly Proof[]
  readonly kinds: ReadonlyMap<string, RuleKind>
  readonly known: readonly Known[]
  readonly since: readonly Known[]
}

export function report({ proofs, kinds, known, since }: Findings): string {
  const proved = proofs.filter(({ verdict }) => verdict === 'proved')
  const core = proved.filter(({ rule }) => kinds.get(rule) === 'core')
  const coreRules = [...kinds.values()].filter((kind) => kind === 'core').length
  const lines = [
    '# Conformance',
    '',
    'The scenarios of `test/conformance` are written against amqplib. They run on `leveret/amqplib` and, by the same code, on a live',
    'RabbitMQ 3.10.8, and note what they see: counts, orders, flags, headers, error codes and texts. Each note carries the rule that it',
    'is about. A rule is **proved** when notes with its name were made on both, and all of them agree. This page is written by that run.',
    '',
    `**${proved.length} rules are proved**, ${core.length} of them among the ${coreRules} that users of the library rely on.`,
    '',
  ]
  for (const [area, subject] of Object.entries(SUBJECTS)) {
    const rows = proofs.filter(({ rule }) => rule.startsWith(`${area}-`)).flatMap((proof) => rowOf(proof, kinds, known))
    if (rows.length > 0)
      lines.push(`## ${subject}`, '', '| rule | leveret beside RabbitMQ | notes | |', '|---|---|---|---|', ...rows, '')
  }
  lines.push(...tableOf('Known differences', "From RabbitMQ 3.10.8, with `compatibility: '3.10'`.", known))
  lines.push(...tableOf('Since 3.10', "What differs with `compatibility: '4.3'`, as in RabbitMQ since.", since))
  lines.push(
    '## Random sequences',
    '',
    'Beside the scenarios random sequences of operations are held on both: two channels, two queues with arguments, an exchange; publish,',
    'get, consume, cancel, prefetch, settle, recover, bind, purge, delete, errors and channels that close. What each consumer saw, in order,',
    'and what is ready after each step must be equal. Each counterexample is a scenario since (`areas/found.ts`). The longest run so far',
    `without a difference: ${RUN.sequences.toLocaleString('en')} sequences, \`tsx test/conformance/fuzz/run.ts --runs ${RUN.sequences} --seed ${RUN.seed} --lanes ${RUN.lanes}\`; two hundred more are in the tests.`,
    '',
    'Left out is what RabbitMQ leaves to chance:',
    '',
    '| what | why |',
    '|---|---|',
    ...CHANCES.map(({ what, why }) => `| ${cell(what)} | ${cell(why)} |`),
    '',
    '## What was read wrong',
    '',
    'Where the rules, compiled by reading, said something else than RabbitMQ 3.10.8 does. RabbitMQ wins.',
    '',
  )
  lines.push('| rule | was read as | RabbitMQ |', '|---|---|---|')
  for (const { rule, said, does } of CORRECTIONS) lines.push(`| ${rule} | ${cell(said)} | ${cell(does)} |`)
  return `${lines.join('\n')}\n`
}

function rowOf({ rule, verdict, notes }: Proof, kinds: Findings['kinds'], known: readonly Known[]): string[] {
  const reason = UNOBSERVABLE[rule] ?? PARTLY[rule] ?? known.find((each) => each.rule === rule)?.why ?? ''
  if (verdict === 'none' && kinds.get(rule) !== 'core') return []
  const word = { proved: 'proved', differs: 'differs', reference: 'seen on RabbitMQ only', none: 'not observable' }[
    verdict
  ]
  return [`| ${rule} | ${word} | ${notes === 0 ? '' : notes} | ${cell(reason)} |`]
}

function tableOf(title: string, text: string, all: readonly Known[]): string[] {
  if (all.length === 0) return [`## ${title}`, '', `${text} None.`, '']
  const rows = all.map(
    ({ rule, title: scenario, what, why }) =>
      `| ${rule} | ${cell(`${scenario}${what === undefined ? '' : `: ${what}`}`)} | ${cell(why)} |`,
  )
  return [`## ${title}`, '', text, '', '| rule | where | why |', '|---|---|---|', ...rows, '']
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')
