/** Arguments that nobody knows: RabbitMQ takes them without a word, and does nothing. */
import { type BrokerState, type Declaring, hintAt } from '../../internal.js'
import type { Declared } from '../log/notes.js'

/** What is wrong with a declaration. */
export interface Flaw {
  readonly names: readonly string[]
  readonly text: string
  readonly site: string | undefined
  readonly about: unknown
}

/** Arguments of exchanges by type; a type that is not here may know any. */
const EXCHANGE_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  direct: [],
  fanout: [],
  topic: [],
  headers: [],
  'x-random': [],
  'x-consistent-hash': ['hash-header', 'hash-property'],
  'x-delayed-message': ['x-delayed-type'],
  'x-recent-history': ['x-recent-history-length'],
}

/** RabbitMQ's own that mean nothing to a broker in one process. */
const QUEUE_ARGUMENTS_ELSEWHERE = [
  'x-ha-policy',
  'x-ha-nodes',
  'x-queue-master-locator',
  'x-max-in-memory-length',
  'x-max-in-memory-bytes',
  'x-quorum-target-group-size',
  'x-dead-letter-strategy',
]

/** The arguments that nobody knows, each once. */
export function unknownArguments(broker: BrokerState, declared: readonly Declared[]): Flaw[] {
  const flaws = new Map<string, Flaw>()
  for (const declaration of declared) {
    const { title, name, known, given } = argumentsOf(broker, declaration)
    if (known === undefined) continue
    for (const argument of given) {
      if (known.includes(argument)) continue
      const text = `unknown argument '${argument}' of ${title}; ${hintAt(argument, known, 'argument')}`
      const flaw = { names: [argument, name], text, site: declaration.site, about: text }
      if (!flaws.has(text)) flaws.set(text, flaw)
    }
  }
  return [...flaws.values()]
}

interface Given {
  readonly title: string
  readonly name: string
  readonly given: readonly string[]
  /** Undefined where any may be. */
  readonly known: readonly string[] | undefined
}

function argumentsOf(broker: BrokerState, { virtualHost, what }: Declared): Given {
  if ('queue' in what) {
    const { name, arguments: args } = what.queue
    const known = [...broker.queueArguments.names, ...QUEUE_ARGUMENTS_ELSEWHERE]
    return { title: `queue '${name}'`, name, given: Object.keys(args), known }
  }
  if ('exchange' in what) {
    const { name, type, arguments: args } = what.exchange
    const own = EXCHANGE_ARGUMENTS[type]
    const known = own === undefined ? undefined : ['alternate-exchange', ...own]
    return { title: `${type} exchange '${name}'`, name, given: Object.keys(args), known }
  }
  return bindingArguments(broker, virtualHost, what)
}

/** n.b. a headers exchange leaves out names that begin with `x-`: a misspelt `x-match` is no header that anybody meant. */
function bindingArguments(
  broker: BrokerState,
  virtualHost: string,
  { binding }: Extract<Declaring, { binding: unknown }>,
): Given {
  const { source, destination, arguments: args } = binding
  const isHeaders = broker.virtualHosts.get(virtualHost)?.exchanges.get(source)?.type.name === 'headers'
  const counts = String(args['x-match']).endsWith('-with-x')
  const given = Object.keys(args).filter((name) => name.startsWith('x-'))
  const title = `the binding of '${destination}' to headers exchange '${source}'`
  return { title, name: source, given, known: isHeaders && !counts ? ['x-match'] : undefined }
}
