/** Walks the folder and publishes what it finds, no faster than the queues take it. */
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Meter } from './meter.js'
import { fileKey } from './rules.js'
import type { Topology } from './topology.js'

/** Publishes every file of the folder, until all are published or the signal says to stop. */
export async function scan(folder: string, { files }: Topology, meter: Meter, signal: AbortSignal): Promise<void> {
  for await (const path of walk(folder)) {
    if (signal.aborted) return
    // False when a queue is full or the event loop is due a turn: to wait then is all there is to backpressure.
    if (files.publish(fileKey(path), { folder, path })) continue
    meter.sample()
    await files.drained()
  }
}

/** How many files a scan will find. */
export async function countFiles(folder: string, signal: AbortSignal): Promise<number> {
  let found = 0
  for await (const _ of walk(folder)) {
    if (signal.aborted) break
    found++
  }
  return found
}

/**
 * Paths of all files under the folder, from there. A link to a file counts as a file, one to a folder is left alone: no
 * loop of links is walked. What cannot be opened as a folder comes as a file, and its reader finds out why.
 */
async function* walk(folder: string): AsyncGenerator<string, void, undefined> {
  const left = ['']
  for (let parent = left.pop(); parent !== undefined; parent = left.pop()) {
    try {
      // n.b. not `readdir`: one folder may hold more names than there is memory for.
      for await (const entry of await opendir(join(folder, parent), { bufferSize: 256 })) {
        const path = join(parent, entry.name)
        if (entry.isDirectory()) left.push(path)
        else if (entry.isFile() || (entry.isSymbolicLink() && (await leadsToFile(join(folder, path))))) yield path
      }
    } catch {
      yield parent
    }
  }
}

/** n.b. a link that leads nowhere is an unreadable file; one to a pipe would be waited for without end. */
async function leadsToFile(link: string): Promise<boolean> {
  const target = await stat(link).catch(() => undefined)
  return target === undefined || target.isFile()
}
