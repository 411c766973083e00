// SOURCE_INDEX_FILES=100000 npx vitest run test/examples runs the large tree at its full size.
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Child } from './child.js'

const MAIN = 'examples/source-index/main.ts'
const HEAP_MB = 96
const { SOURCE_INDEX_FILES = '10000' } = process.env
const MANY = Number(SOURCE_INDEX_FILES)

const make = (): string => mkdtempSync(join(tmpdir(), 'leveret-index-'))
const remove = (made: string): void => rmSync(made, { recursive: true, force: true })

function folder(): string {
  const made = make()
  onTestFinished(() => remove(made))
  return made
}

/** The same folder, with so many small files in it, a thousand to a folder. */
function filled(root: string, count: number): string {
  for (let i = 0; i < count; i++) {
    const parent = join(root, String(Math.floor(i / 1000)))
    if (i % 1000 === 0) mkdirSync(parent)
    const [extension, content] = CONTENTS[i % CONTENTS.length] as readonly [string, string]
    writeFileSync(join(parent, `file-${i}.${extension}`), content)
  }
  return root
}

const CONTENTS = [
  ['ts', "import { a } from 'leveret'\nimport { readFileSync } from 'node:fs'\nimport './b.js'\n"],
  ['md', 'one line\n'],
  ['json', '{}'],
  ['bin', '\0'],
] as const

function start(...args: string[]): Child {
  return new Child(process.execPath, ['--import', 'tsx', MAIN, ...args])
}

/** The numbers of a row of a table, by the row's name. */
function row(out: string, name: string): number[] {
  const line = out.split('\n').find((text) => text.startsWith(`${name} `))
  if (line === undefined) throw new Error(`expected a row '${name}' in:\n${out}`)
  return line
    .slice(name.length)
    .trim()
    .split(/\s+/)
    .map((cell) => Number(cell.replaceAll(',', '')))
}

const CLEAR_LINE = '\r\u001b[K'

/** A start of Node takes its time on a busy machine. */
describe('the source index', { timeout: 60_000 }, () => {
  /** Nobody changes anything in it. */
  let fourThousand: string
  beforeAll(() => {
    fourThousand = filled(make(), 4_000)
  }, 60_000)
  afterAll(() => remove(fourThousand), 60_000)

  it('reads every file, counts what it imports and comes to the same as a count without the bus', async () => {
    const root = folder()
    mkdirSync(join(root, 'lib/deep'), { recursive: true })
    const sources = [
      "import { x } from '@scope/one/sub'\nimport two = require('two')\nexport * from './b.js'\nimport fs from 'fs'\n",
      "import 'two/register.js'\nawait import('node:path')",
    ] as const
    writeFileSync(join(root, 'lib/a.ts'), sources[0])
    writeFileSync(join(root, 'lib/deep/b b.mjs'), sources[1])
    writeFileSync(join(root, 'readme.MD'), 'one\ntwo\n')
    writeFileSync(join(root, 'größe.json'), '{\n}')
    writeFileSync(join(root, 'LICENSE'), '')
    writeFileSync(join(root, `odd.${'x'.repeat(240)}`), 'a name as long as a routing key may be\n')
    const { code, out, err } = await start(root).ended
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toContain('a count without the bus comes to the same')
    expect(row(out, 'source')).toEqual([2, 6, sources.join('').length])
    expect(row(out, 'text')).toEqual([1, 2, 8])
    expect(row(out, 'data')).toEqual([1, 2, 3])
    expect(row(out, 'other')).toEqual([2, 1, 39])
    expect(row(out, 'files.source').slice(0, 4)).toEqual([2, 2, 0, 0])
    expect(row(out, 'files.other').slice(0, 4)).toEqual([2, 2, 0, 0])
    expect(row(out, 'imports.builtins').slice(0, 2)).toEqual([2, 2])
    expect(row(out, 'two')).toEqual([2])
    expect(row(out, '@scope/one')).toEqual([1])
    expect(out).toContain("and 2 of node's own modules, 1 of files")
    expect(out).toContain('no dead letters')
  })

  it('rejects binary and unreadable files to the dead-letter queue and says why', async () => {
    const root = folder()
    writeFileSync(join(root, 'fine.txt'), 'fine\n')
    writeFileSync(join(root, 'picture.png'), Buffer.from([0x89, 0x50, 0, 1]))
    writeFileSync(join(root, 'built.js'), 'text at first\n\0')
    symlinkSync(join(root, 'nothing'), join(root, 'dangling.md'))
    symlinkSync('itself.json', join(root, 'itself.json'))
    const { code, out } = await start(root).ended
    expect(code).toBe(0)
    expect(row(out, 'text')).toEqual([1, 1, 5])
    expect(row(out, 'dead').slice(0, 2)).toEqual([4, 4])
    expect(row(out, 'files.text').slice(0, 4)).toEqual([2, 1, 0, 1])
    expect(out).toMatch(/1 rejected in files\.other, such as\n +picture\.png/)
    expect(out).toMatch(/1 rejected in files\.source, such as\n +built\.js/)
    expect(out).toMatch(/why: .*2 binary/)
    expect(out).toMatch(/why: .*1 ENOENT/)
    expect(out).toMatch(/why: .*1 ELOOP/)
  })

  it.each([1, 2, 4])('comes to the same with %i threads', { timeout: 180_000 }, async (threads) => {
    const root = filled(folder(), 200)
    writeFileSync(join(root, 'built.js'), 'text at first\n\0')
    const { code, out, err } = await start('--threads', String(threads), root).ended
    expect(err).toBe('')
    expect(out).toContain('a count without the bus comes to the same')
    expect(code).toBe(0)
    expect(out).toContain(`threads that read source files: ${threads}`)
    expect(row(out, 'source').slice(0, 2)).toEqual([50, 150])
    expect(row(out, 'files.source').slice(0, 4)).toEqual([51, 50, 0, 1])
    expect(row(out, 'leveret')).toEqual([50])
    expect(out).toMatch(/1 rejected in files\.source, such as\n +built\.js/)
  })

  // n.b. root may read everything, so there are no such files for it.
  it.skipIf(process.getuid?.() === 0)('rejects what it has no right to read, folders as well', async () => {
    const root = folder()
    writeFileSync(join(root, 'secret.txt'), 'secret\n')
    chmodSync(join(root, 'secret.txt'), 0)
    mkdirSync(join(root, 'locked'), { mode: 0 })
    const { code, out } = await start(root).ended
    expect(code).toBe(0)
    expect(out).toContain('why: 2 EACCES')
  })

  it('walks no loop of links and waits for no pipe', async () => {
    const root = folder()
    mkdirSync(join(root, 'a'))
    writeFileSync(join(root, 'a/file.txt'), 'one\n')
    symlinkSync('..', join(root, 'a/up'))
    symlinkSync(root, join(root, 'again'))
    symlinkSync('a/file.txt', join(root, 'link.txt'))
    execFileSync('mkfifo', [join(root, 'a/pipe.txt')])
    symlinkSync('a/pipe.txt', join(root, 'pipe.txt'))
    const { code, out } = await start(root).ended
    expect(code).toBe(0)
    expect(row(out, 'text')).toEqual([2, 2, 8])
    expect(out).toContain('no dead letters')
  })

  it('has nothing to say about an empty folder', async () => {
    const { code, out } = await start(folder()).ended
    expect(code).toBe(0)
    expect(out).toContain('files to read: 0')
    expect(row(out, 'files.source').slice(0, 5)).toEqual([0, 0, 0, 0, 0])
  })

  it.each([
    ['a missing folder', () => [join(folder(), 'missing')], /cannot index '.*missing': ENOENT/],
    ['a file in place of a folder', () => ['package.json'], /cannot index '.*package\.json': ENOTDIR/],
    ['threads that are no number', () => ['--threads', 'x'], /--threads: expected a number from 0 to 64, got 'x'/],
    ['an option that there is not', () => ['--thread', '2'], /Unknown option '--thread'/],
    ['two folders', () => ['src', 'test'], /expected one folder, got 2 arguments/],
  ])('refuses %s with a message and exit code 2', async (_, args, message) => {
    const { code, out, err } = await start(...args()).ended
    expect(err).toMatch(message)
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(out).toBe('')
    expect(code).toBe(2)
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('finishes what is in the queues and reports a part when interrupted by %s', async (signal, exitCode) => {
    const child = start(fourThousand)
    await child.printed(/files to read/)
    child.kill(signal)
    const { code, out, err } = await child.ended
    expect(err).toBe('')
    expect(code).toBe(exitCode)
    expect(out).toContain(`${signal}: no more files`)
    expect(out).toMatch(/interrupted after [\d.]+ s, 0 messages left/)
    const [published = 0, acked] = row(out, 'files.source')
    expect(published).toBeLessThan(1_000)
    expect(acked).toBe(published)
  })

  it('fails with exit code 1 and names the file when the folder is another at the end', async () => {
    const root = filled(folder(), 500)
    const log = join(root, 'growing.txt')
    const child = start(root)
    const writing = setInterval(() => appendFileSync(log, 'one more line\n'), 1)
    onTestFinished(() => clearInterval(writing))
    const { code, out, err } = await child.ended
    expect(code).toBe(1)
    expect(out).toContain('a count without the bus differs')
    expect(err).toMatch(/different: bytes of text/)
    expect(err).toMatch(/changed meanwhile: .*growing\.txt/)
  })

  it('prints plain lines where there is no terminal', async () => {
    const { out } = await start(filled(folder(), 20)).ended
    expect(out).not.toContain(CLEAR_LINE)
    expect(out).toMatch(/^100 %, 20 of 20 files, \d+ messages, 0 waiting$/m)
  })

  it.skipIf(spawnSync('script', ['--version']).status !== 0)(
    'draws a bar on a terminal and takes it away',
    async () => {
      const command = `"${process.execPath}" --import tsx ${MAIN} ${fourThousand}`
      const { code, out } = await new Child('script', ['-qec', command, '/dev/null']).ended
      expect(code).toBe(0)
      expect(out).toMatch(/[█░]{24} \d+ %, /)
      expect(out).toContain(`${CLEAR_LINE}\r\nqueue `)
    },
  )

  it(`reads ${MANY} files with a heap of ${HEAP_MB} MB`, { timeout: 180_000 }, async () => {
    const root = filled(folder(), MANY)
    const args = [`--max-old-space-size=${HEAP_MB}`, '--import', 'tsx', MAIN, root]
    const { code, out, err } = await new Child(process.execPath, args).ended
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(row(out, 'files.source').slice(0, 4)).toEqual([MANY / 4, MANY / 4, 0, 0])
    expect(row(out, 'files.other').slice(0, 4)).toEqual([MANY / 4, 0, 0, MANY / 4])
    // The limit of a queue, and the one message that filled it.
    expect(row(out, 'files.source')[4]).toBeLessThanOrEqual(1_001)
  })
})
