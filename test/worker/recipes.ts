/** The recipes of docs/worker-threads.md as files, so that tests run what the page says. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { blocksOf } from '../tools/blocks.js'

export interface Recipe {
  readonly title: string
  /** The code of each block, by the name that its first line gives; the one without a name is main.js. */
  readonly files: ReadonlyMap<string, string>
}

const PAGE = 'docs/worker-threads.md'

/** Every recipe of the page: what stands under a heading of its chapter. */
export function recipesOf(page = readFileSync(PAGE, 'utf8')): Recipe[] {
  const [, chapter = ''] = /^## Recipes\n([\s\S]*?)^## /m.exec(page) ?? []
  return chapter
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const { blocks } = blocksOf(PAGE, section)
      const files = blocks.map(({ code }) => [/^\/\/ (\S+\.js)\n/.exec(code)?.[1] ?? 'main.js', code] as const)
      return { title: section.slice(0, section.indexOf('\n')), files: new Map(files) }
    })
}

/** What the comments beside `console.log` promise. */
export function promisesOf(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map(([, promise = '']) => promise)
}

/** Files as a user has them, in a folder where installed packages are found; `leveret` is bundled in from its sources. */
export async function write(files: ReadonlyMap<string, string>): Promise<string> {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache/recipe-'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const entryPoints = [...files].map(([name, code]) => {
    const source = join(folder, name.replace('.js', '.ts'))
    writeFileSync(source, code)
    return source
  })
  await build({
    entryPoints,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['piscina', 'tinypool'],
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'error',
  })
  return folder
}

export function forget(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
