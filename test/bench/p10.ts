/** P10: the size of the package, and the time it takes to import. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import type { Bar, Variant } from './harness.js'

const built = new URL('./leveret.mjs', import.meta.url)
const STARTS = 12

/** Bytes that a browser or a serverless bundle gets: minified, with the dependency in it, compressed. */
const size: Variant = {
  prepare: async () => {
    const { build } = await import('esbuild')
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(built)],
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
    })
    const kB = brotliCompressSync(outputFiles[0]?.contents ?? new Uint8Array()).byteLength / 1000
    return () => ({ kB })
  },
}

function start(args: readonly string[]): number {
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, args)
  if (status !== 0) throw new Error(`node ${args.join(' ')}: ${stderr}`)
  return performance.now() - began
}

/** Starts of node with nothing to do and with an import to do, one after the other; the quickest of each. */
const starts: Variant = {
  prepare: () => {
    const path = fileURLToPath(new URL('./import.mjs', import.meta.url))
    writeFileSync(path, "import './leveret.mjs'\n")
    return () => {
      const pairs = Array.from({ length: STARTS }, () => ({ bare: start(['-e', '0']), importing: start([path]) }))
      return {
        bare: Math.min(...pairs.map(({ bare }) => bare)),
        importing: Math.min(...pairs.map(({ importing }) => importing)),
      }
    }
  },
}

export const bar: Bar = {
  id: 'P10',
  title: 'size and import of the core entry',
  variants: { size, starts },
  comparisons: [
    { title: 'minified, dependency included, brotli', unit: 'kB', value: (of) => of('size', 'kB'), atMost: 20 },
    {
      title: 'import, above a bare start of node',
      unit: 'ms',
      value: (of) => of('starts', 'importing') - of('starts', 'bare'),
      atMost: 15,
    },
  ],
}
