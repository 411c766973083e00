/**
 * Reads a file: measures it, passes on what it finds, and rejects what it cannot read. It needs nothing but the message and
 * the bus, so that a thread can do it as well.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus, Delivery, Exchange } from 'leveret'
import { findImports, IMPORTS_WITHIN, type Import, isBinary, kindOf } from './rules.js'
import type { FileFound, Findings } from './topology.js'

/** Errors that pass by themselves: too many open files, a busy disk. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN', 'EIO'])
const NEWLINE = 0x0a

/** A handler of files. How it ends settles the delivery: an acknowledgement, unless it says otherwise. */
export type Reader = (delivery: Delivery<FileFound>) => Promise<unknown>

/** Makes the reader that passes its findings on here. */
export function readerTo(findings: Exchange<Findings>): Reader {
  const tell = async <Key extends keyof Findings>(key: Key, finding: Findings[Key]) => {
    if (!findings.publish(key, finding)) await findings.drained()
  }

  return async (delivery) => {
    const { folder, path } = delivery.body
    const kind = kindOf(delivery.routingKey)
    let measured: Measured
    try {
      measured = await measure(join(folder, path), kind === 'source')
    } catch (error) {
      const why = codeOf(error)
      if (PASSING.has(why)) return delivery.retry(error)
      await tell(why === 'binary' ? 'problem.binary' : 'problem.unreadable', { path, why })
      return 'reject'
    }
    const { lines, bytes, imports } = measured
    for (const found of imports) await tell(`import.${found.kind}`, { ...found, path })
    await tell(`size.${kind}`, { kind, lines, bytes })
  }
}

let reader: Reader | undefined

/** What a thread runs, with the bus that the thread has. */
export default (delivery: Delivery<FileFound>, bus: Bus): Promise<unknown> => {
  reader ??= readerTo(bus.exchange<Findings>('findings'))
  return reader(delivery)
}

interface Measured {
  readonly lines: number
  readonly bytes: number
  readonly imports: readonly Import[]
}

class BinaryFileError extends Error {
  readonly code = 'binary'
}

/** Buffers that no file is being read into: there are as many as files are read at a time, however many there are. */
const idle: Buffer[] = []

async function measure(path: string, isSource: boolean): Promise<Measured> {
  const file = await open(path)
  const buffer = idle.pop() ?? Buffer.allocUnsafe(IMPORTS_WITHIN)
  try {
    let imports: Import[] = []
    let lines = 0
    let bytes = 0
    let last = NEWLINE
    // A file is read short at its end only: no further read is needed to find it.
    for (let bytesRead = buffer.length; bytesRead === buffer.length; ) {
      bytesRead = (await file.read(buffer)).bytesRead
      const chunk = buffer.subarray(0, bytesRead)
      if (bytes === 0) {
        if (isBinary(chunk)) throw new BinaryFileError()
        // n.b. latin1 costs no decoding, and the specifiers of imports are ASCII.
        if (isSource) imports = findImports(chunk.toString('latin1'))
      }
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++
      bytes += bytesRead
      last = chunk.at(-1) ?? last
    }
    // A last line without an end is a line too.
    if (last !== NEWLINE) lines++
    return { lines, bytes, imports }
  } finally {
    idle.push(buffer)
    await file.close()
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error)
}
