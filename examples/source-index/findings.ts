/** Collects what the readers found, and what died. */
import type { Delivery } from 'leveret'
import type { FileFound, ImportFound, Topology } from './topology.js'
import { count, type Totals } from './totals.js'

/** Dead letters that died of one reason in one queue. */
export interface Deaths {
  readonly reason: string
  readonly queue: string
  count: number
  /** The first few, by path. */
  readonly examples: string[]
}

const EXAMPLES = 3

/** Attaches the consumers of imports, sizes and problems. */
export function collectFindings({ imports, sizes, problems }: Topology, totals: Totals): void {
  const collect = (delivery: Delivery<ImportFound>) => {
    const { kind, name } = delivery.body
    if (kind === 'relative') totals.relative++
    else count(kind === 'package' ? totals.packages : totals.builtins, name)
    delivery.ack()
  }
  // A callback is the fastest way to consume, and what it does takes no time.
  for (const queue of imports) queue.createConsumer().consume(collect)
  sizes.createConsumer().consume((delivery) => {
    const { kind, lines, bytes } = delivery.body
    const size = totals.read[kind]
    size.files++
    size.lines += lines
    size.bytes += bytes
    delivery.ack()
  })
  problems.createConsumer().consume((delivery) => {
    count(totals.unread, delivery.body.why)
    delivery.ack()
  })
}

/** Collects the dead letters until the broker closes, by their last death: `x-death` has the most recent first. */
export async function collectDeaths({ dead }: Topology, deaths: Map<string, Deaths>): Promise<void> {
  for await (const delivery of dead.createConsumer()) {
    const { reason, queue } = lastDeath(delivery)
    const key = `${reason} ${queue}`
    const known = deaths.get(key) ?? { reason, queue, count: 0, examples: [] }
    deaths.set(key, known)
    known.count++
    if (known.examples.length < EXAMPLES) known.examples.push(delivery.body.path)
    delivery.ack()
  }
}

function lastDeath(delivery: Delivery<FileFound>): { reason: string; queue: string } {
  const [death] = delivery.headers['x-death'] as unknown as [{ reason: string; queue: string }]
  return death
}
