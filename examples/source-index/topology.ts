/**
 * The exchanges and queues of the index, and what travels on them.
 *
 *   scanner --> files (topic) --+--> files.source --+
 *                               +--> files.text     +--> readers --> findings (topic) --+--> imports.packages
 *                               +--> files.data     |                                   +--> imports.builtins
 *                               +--> files.other ---+                                   +--> imports.relative
 *                                         | rejected                                    +--> sizes
 *                                         +--> dead                                     +--> problems
 */
import type { Bus, Exchange, Queue, QueueOptions } from 'leveret'
import { type FileKey, type Import, KINDS, type Kind } from './rules.js'

/** A file was found. */
export interface FileFound {
  /** The folder that is indexed. */
  readonly folder: string
  /** From there. */
  readonly path: string
}

/** A source file imports something. */
export interface ImportFound extends Import {
  /** The file that does. */
  readonly path: string
}

/** A file was read. */
export interface SizeFound {
  readonly kind: Kind
  readonly lines: number
  readonly bytes: number
}

/** A file was rejected. A dead letter tells where it died (`x-death`); why is for the application to say. */
export interface ProblemFound {
  readonly path: string
  /** `binary`, or the error code of the operating system. */
  readonly why: string
}

/** What the exchange `files` takes. */
export type Files = { readonly [Key in FileKey]: FileFound }

/** What the exchange `findings` takes. */
export type Findings = { readonly [Key in `import.${Import['kind']}`]: ImportFound } & {
  readonly [Key in `size.${Kind}`]: SizeFound
} & {
  readonly 'problem.binary': ProblemFound
  readonly 'problem.unreadable': ProblemFound
}

export interface Topology {
  readonly files: Exchange<Files>
  readonly findings: Exchange<Findings>
  readonly unread: ReadonlyMap<Kind, Queue<FileFound>>
  readonly imports: readonly Queue<ImportFound>[]
  readonly sizes: Queue<SizeFound>
  readonly problems: Queue<ProblemFound>
  readonly dead: Queue<FileFound>
}

/** A full queue takes what comes and lets its publishers wait: memory stays bounded, nothing is dropped. */
const LIMITED = { overflow: 'block', maxLength: 1_000 } as const satisfies QueueOptions

const UNREAD: QueueOptions = {
  ...LIMITED,
  // A file that fails for a passing reason, such as too many open ones, is read again a little later.
  retry: { attempts: 10, minDelay: 50, maxDelay: 1_000 },
  deadLetter: 'dead',
}

/** Declares everything. The names are RabbitMQ's business, the types are ours. */
export async function declareTopology(bus: Bus): Promise<Topology> {
  const files = await bus.declareExchange<Files>('files', 'topic')
  const findings = await bus.declareExchange<Findings>('findings', 'topic')
  const unread = new Map<Kind, Queue<FileFound>>()
  for (const kind of KINDS) {
    const bindings = [files.key(`${kind}.*`)]
    unread.set(kind, await bus.declareQueue<FileFound>(`files.${kind}`, { ...UNREAD, bindings }))
  }
  const imports = [
    await bus.declareQueue<ImportFound>('imports.packages', { ...LIMITED, bindings: [findings.key('import.package')] }),
    await bus.declareQueue<ImportFound>('imports.builtins', { ...LIMITED, bindings: [findings.key('import.builtin')] }),
    await bus.declareQueue<ImportFound>('imports.relative', {
      ...LIMITED,
      bindings: [findings.key('import.relative')],
    }),
  ]
  const sizes = await bus.declareQueue<SizeFound>('sizes', { ...LIMITED, bindings: [findings.key('size.*')] })
  const problems = await bus.declareQueue<ProblemFound>('problems', {
    ...LIMITED,
    bindings: [findings.key('problem.*')],
  })
  return { files, findings, unread, imports, sizes, problems, dead: bus.queue<FileFound>('dead') }
}
