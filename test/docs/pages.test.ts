// Stops the tables of the documentation from falling behind: what is a closed list in the source (arguments, error codes,
// events) stands on its page whole, and every link and every test file that is named leads somewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { messageEvents } from '../../src/broker/events.js'
import { BUILT_IN_EXCHANGE_TYPES } from '../../src/exchange-types/registry.js'
import { BUILT_IN_QUEUE_ARGUMENTS } from '../../src/queue-arguments/registry.js'

const page = (path: string) => readFileSync(path, 'utf8')
const guides = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
const pages = ['README.md', 'CONTRIBUTING.md', ...guides.map((name) => join('docs', name))]

/** The words of a `type` or `interface` in a source file: its string literals, or the keys of its members. */
function wordsOf(file: string, head: RegExp, word: RegExp): string[] {
  const body = head.exec(page(file))?.[0] ?? ''
  return [...body.matchAll(word)].map(([, found = '']) => found)
}

describe('the tables of the documentation', () => {
  test('docs/queues.md has every queue argument in both spellings', () => {
    const names = BUILT_IN_QUEUE_ARGUMENTS.flatMap((behaviour) => Object.keys(behaviour.arguments))
    const camel = (name: string) => name.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const text = page('docs/queues.md')
    expect(names.filter((name) => !text.includes(`| \`${camel(name)}\` | \`${name}\` |`))).toEqual([])
    expect(names.length).toBeGreaterThan(15)
  })

  test('docs/policies.md has every key of a policy', () => {
    const readers = BUILT_IN_QUEUE_ARGUMENTS.flatMap((behaviour) => Object.entries(behaviour.arguments))
    const keys = readers.filter(([, { policy }]) => policy !== undefined).map(([name]) => name.slice(2))
    const text = page('docs/policies.md')
    expect([...keys, 'alternate-exchange'].filter((key) => !text.includes(`\`${key}\``))).toEqual([])
    expect(keys.length).toBeGreaterThan(12)
  })

  test('docs/exchanges-and-bindings.md has every exchange type', () => {
    const text = page('docs/exchanges-and-bindings.md')
    expect(BUILT_IN_EXCHANGE_TYPES.filter(({ name }) => !text.includes(`| \`${name}\` |`))).toEqual([])
  })

  test('docs/errors.md has every code', () => {
    const codes = wordsOf('src/errors.ts', /export type ErrorCode =[^\n]*\n(?: {2}\| .*\n)+/, /'(\w+)'/g)
    const text = page('docs/errors.md')
    expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([])
    expect(codes.length).toBeGreaterThan(15)
  })

  test('docs/observability.md has every event and every diagnostics channel', () => {
    const events = wordsOf('src/broker/events.ts', /export interface BrokerEvents {[\s\S]*?^}/m, /^ {2}'?([\w.]+)'?:/gm)
    const text = page('docs/observability.md')
    expect(events.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
    expect(events.length).toBeGreaterThan(15)
    const channels = Object.keys(messageEvents)
    expect(channels.filter((name) => !text.includes(`message.${name}\``) && !text.includes(`\`.${name}\``))).toEqual([])
  })

  test('docs/publishing.md and docs/consuming.md have every option', () => {
    const keys = /^ {2}readonly (\w+)\??:/gm
    const message = wordsOf('src/message.ts', /export interface MessageProperties {[\s\S]*?^}/m, keys)
    const publish = wordsOf('src/handles/publish-options.ts', /export interface [\s\S]*$/, keys)
    const publishing = page('docs/publishing.md')
    expect([...message, ...publish].filter((name) => !publishing.includes(`\`${name}\``))).toEqual([])
    const consumer = wordsOf('src/handles/consumer.ts', /export interface ConsumerOptions {[\s\S]*?^}/m, keys)
    const consuming = page('docs/consuming.md')
    expect(consumer.filter((name) => !consuming.includes(`| \`${name}\` |`))).toEqual([])
    expect(message.length + publish.length + consumer.length).toBeGreaterThan(18)
  })

  test('docs/testing.md has every rule, recorder and fault of the kit', () => {
    const text = page('docs/testing.md')
    const rules = wordsOf(
      'src/testing/strict/strictness.ts',
      /export interface StrictnessRules {[\s\S]*?^}/m,
      /^ {2}readonly (\w+)\?:/gm,
    )
    expect(rules.filter((rule) => !text.includes(`| \`${rule}\` |`))).toEqual([])
    const recorders = wordsOf('src/testing/log/log.ts', /export type Happening =\n(?: {2}\| .*\n)+/, /'(\w+)'/g)
    expect(recorders.filter((name) => !text.includes(`${name}\``))).toEqual([])
    const faults = wordsOf(
      'src/testing/faults/faults.ts',
      /export class Faults {[\s\S]*?^}/m,
      /^ {2}(\w+)\(.*(?:Fault|void) {$/gm,
    )
    expect(faults.filter((name) => !text.includes(`\`${name}(`) && !/^(begin)$/.test(name))).toEqual([])
    expect([rules.length, recorders.length, faults.length > 7]).toEqual([17, 10, true])
  })

  test.each([
    ['docs/batches.md', 'src/handles/batches.ts', 'BatchOptions'],
    ['docs/replaying-dead-letters.md', 'src/handles/move.ts', 'MoveOptions'],
    ['docs/streams.md', 'src/handles/writable.ts', 'WritableOptions'],
    ['docs/definitions.md', 'src/definitions/import.ts', 'ImportOptions'],
  ])('%s has every option of %s', (path, file, name) => {
    const options = wordsOf(
      file,
      new RegExp(`export interface ${name}\\b[\\s\\S]*?^}`, 'm'),
      /^ {2}readonly (\w+)\??:/gm,
    )
    expect(options.filter((option) => !page(path).includes(`| \`${option}\` |`))).toEqual([])
    expect(options.length).toBeGreaterThan(0)
  })
})

/** As GitHub makes the anchor of a heading. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

test.each(pages)('every link of %s leads somewhere', (path) => {
  const links = [...page(path).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
  const broken = links.filter(([, target = '', anchor]) => {
    const file = target === '' ? path : join(dirname(path), target)
    return !existsSync(file) || (anchor !== undefined && !anchorsOf(page(file)).includes(anchor))
  })
  expect(broken.map(([link]) => link)).toEqual([])
})

test('every test file that is named exists', () => {
  const named = pages.flatMap((path) => page(path).match(/\btest\/[\w./-]+\.ts\b/g) ?? [])
  expect(named.filter((path) => !existsSync(path))).toEqual([])
  expect(named.length).toBeGreaterThan(10)
})
