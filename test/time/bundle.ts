// The package as one script, built once a test file: a child process starts with it in tens of milliseconds, and
// evaluating its text is an import that needs no I/O, which stands still while timers are faked as Jest fakes them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInThisContext } from 'node:vm'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'

export type Package = typeof import('../../src/index.js')

export class Bundle {
  /** Folder that holds `leveret.cjs`, for child processes; gone after the test file. */
  folder = ''
  #text = ''

  constructor() {
    beforeAll(async () => {
      this.folder = mkdtempSync(join(tmpdir(), 'leveret-time-'))
      const entry = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
      const options = { bundle: true, format: 'cjs', target: 'node20.19', write: false } as const
      const { outputFiles } = await build({ ...options, entryPoints: [entry] })
      this.#text = outputFiles[0]?.text ?? ''
      writeFileSync(join(this.folder, 'leveret.cjs'), this.#text)
    })
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  /** Imports the package anew. */
  load(): Package {
    const module = { exports: {} }
    const evaluate = runInThisContext(`(function (module, exports, require) {${this.#text}\n})`)
    evaluate(module, module.exports, createRequire(import.meta.url))
    return module.exports as Package
  }
}
