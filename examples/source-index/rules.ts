/**
 * What a file is and what it imports: pure rules without a broker in them. The readers and the recount share these and
 * nothing else, so that the check at the end is about messages.
 */
import { isBuiltin } from 'node:module'
import { basename, extname } from 'node:path'

/** What a file is taken for, by its name. */
export type Kind = 'source' | 'text' | 'data' | 'other'

export const KINDS: readonly Kind[] = ['source', 'text', 'data', 'other']

/** Where a file's message goes: its kind and its extension, such as `source.ts` or `other.none`. */
export type FileKey = `${Kind}.${string}`

/** What a source file imports. */
export interface Import {
  readonly kind: 'package' | 'builtin' | 'relative'
  readonly name: string
}

const KIND_BY_EXTENSION = new Map<string, Kind>([
  ...each('source', 'ts tsx mts cts js jsx mjs cjs'),
  ...each('text', 'md mdx txt rst adoc html htm css scss less'),
  ...each('data', 'json json5 jsonl map yml yaml toml xml csv lock'),
])

/** The routing key of a file. */
export function fileKey(path: string): FileKey {
  const extension = extname(basename(path)).slice(1).toLowerCase()
  const kind = KIND_BY_EXTENSION.get(extension) ?? 'other'
  // n.b. a routing key has 255 bytes and a file name may have as many, dots and spaces among them.
  return `${kind}.${/^[a-z0-9]{1,16}$/.test(extension) ? extension : 'none'}`
}

/** The kind that a routing key begins with. */
export function kindOf(key: string): Kind {
  return key.slice(0, key.indexOf('.')) as Kind
}

/** git's rule: a file with a zero byte near its beginning is binary. */
export function isBinary(head: Buffer): boolean {
  return head.subarray(0, 8000).includes(0)
}

/** Bytes of a source file in which imports are looked for, from its beginning: where they stand, but for bundles. */
export const IMPORTS_WITHIN = 256 * 1024

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])([^'"\s]+)\1/g
const PACKAGE = /^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*(?=\/|$)/

/** The imports in a source text. An expression, not a parser: one that stands in a comment counts as well. */
export function findImports(text: string): Import[] {
  const found: Import[] = []
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[2] as string
    const name = PACKAGE.exec(specifier)?.[0]
    if (specifier.startsWith('.') || specifier.startsWith('/')) found.push({ kind: 'relative', name: specifier })
    else if (isBuiltin(specifier)) found.push({ kind: 'builtin', name: specifier.replace(/^node:/, '') })
    else if (name !== undefined) found.push({ kind: 'package', name })
  }
  return found
}

function each(kind: Kind, extensions: string): [string, Kind][] {
  return extensions.split(' ').map((extension) => [extension, kind])
}
