// Stops docs/architecture.md from naming what is no longer there: every file, every function, and every method of every
// class that stands in backquotes on that page is looked up in src/.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const page = readFileSync('docs/architecture.md', 'utf8')
const quoted = [...new Set([...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text))]
const sources = new Map(
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => [path, readFileSync(join('src', path), 'utf8')]),
)
const files = [...sources.keys()]
const texts = [...sources.values()]

/** The source of a class or interface: from its head to the brace in the first column. */
function bodyOf(name: string): string {
  const head = new RegExp(`^(?:export )?(?:abstract )?(?:class|interface) ${name}\\b[\\s\\S]*?^}`, 'm')
  return texts.map((text) => head.exec(text)?.[0]).find((body) => body !== undefined) ?? ''
}

function hasMethod(name: string, method: string): boolean {
  const modifiers = '(?:(?:protected|override|async|static|abstract) )*'
  return new RegExp(`^\\s+${modifiers}${method}[(<?]`, 'm').test(bodyOf(name))
}

describe('docs/architecture.md', () => {
  test('names files that exist', () => {
    const paths = quoted.filter((text) => /^[\w/-]+\.ts$/.test(text))
    const exists = (path: string) => existsSync(path) || files.some((file) => `/${file}`.endsWith(`/${path}`))
    expect(paths.filter((path) => !exists(path))).toEqual([])
    expect(paths.length).toBeGreaterThan(20)
  })

  test('names methods that exist', () => {
    const methods = quoted.map((text) => /^([A-Z]\w+)\.(#?\w+)$/.exec(text)).filter((match) => match !== null)
    const missing = methods.filter(([, name = '', method = '']) => !hasMethod(name, method))
    expect(missing.map(([text]) => text)).toEqual([])
    expect(methods.length).toBeGreaterThan(40)
  })

  test('names functions and members that exist', () => {
    const names = quoted.filter((text) => /^[a-z]+[A-Z]\w+$/.test(text))
    const exists = (name: string) => texts.some((text) => new RegExp(`\\b${name}\\b`).test(text))
    expect(names.filter((name) => !exists(name))).toEqual([])
  })

  test('names every folder and every top-level file of src', () => {
    const names = new Set(files.map((file) => (file.includes('/') ? `${file.split('/')[0]}/` : file)))
    expect([...names].filter((name) => !quoted.includes(name))).toEqual([])
  })
})
