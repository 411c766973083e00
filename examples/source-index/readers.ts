/** Attaches the readers: in this thread, and those of source files, who have the most to do, in others on request. */
import type { Queue } from 'leveret'
import { consumeInWorkers, type Workers } from 'leveret/worker'
import { readerTo } from './reader.js'
import type { FileFound, Topology } from './topology.js'

/** Files of one queue that are read at a time, in each thread. */
const CONCURRENCY = 8

/** Works every queue of files off; answers the threads, if there are any. */
export async function readFiles({ unread, findings }: Topology, threads: number): Promise<Workers | undefined> {
  const read = readerTo(findings)
  for (const [kind, queue] of unread) {
    if (kind !== 'source' || threads === 0) queue.createConsumer().run(read, { concurrency: CONCURRENCY })
  }
  if (threads === 0) return undefined
  const source = unread.get('source') as Queue<FileFound>
  return consumeInWorkers(source, new URL('./reader.js', import.meta.url), { threads, concurrency: CONCURRENCY })
}
