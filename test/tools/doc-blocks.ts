// Stops documentation from drifting away from the code: every ```ts and ```js block of README.md, docs/ and the doc
// comments in src/ is compiled under strict flags against the built package and then run, each as a module of its own.
// A block that cannot run says so in its fence, with the reason: ```ts no-run: needs a server
// One of code that is not ours, such as how it is done with a package that is not installed: ```ts no-check: needs bullmq
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { transform } from 'esbuild'
import ts from 'typescript'
import { type Block, blocksOf } from './blocks.js'
import { conclude, inTwos, run } from './child.js'

const RUN_LIMIT = 15_000

/** Compiles all blocks as one program. n.b. a block keeps its line numbers, by the empty lines put before it. */
function typeFaults(paths: ReadonlyMap<string, Block>): Map<Block, string[]> {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const shared = ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd()).options
  const program = ts.createProgram([...paths.keys()], {
    ...shared,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    paths: {},
    noUnusedLocals: false,
    allowJs: true,
    checkJs: true,
  })
  const faults = new Map<Block, string[]>()
  for (const { file, start, messageText } of ts.getPreEmitDiagnostics(program)) {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n')
    const block = file && paths.get(file.fileName)
    if (block === undefined) throw new Error(`${file?.fileName ?? 'compiler options'}: ${message}`)
    const line = file?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0
    faults.set(block, [...(faults.get(block) ?? []), `${block.file}:${line + 1} does not compile: ${message}`])
  }
  return faults
}

async function runFault(block: Block, path: string, folder: string): Promise<string | undefined> {
  const { code } = await transform(readFileSync(path, 'utf8'), {
    loader: block.language,
    target: 'node20.19',
    sourcemap: 'inline',
    sourcefile: resolve(block.file),
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  })
  const script = `${path}.run.mjs`
  writeFileSync(script, code)
  const outcome = await run(process.execPath, ['--enable-source-maps', script], { cwd: folder, timeout: RUN_LIMIT })
  if (outcome.code === 0) return undefined
  const meaning = outcome.code === 13 ? ' (an await that nothing settles)' : ''
  return `${block.file}:${block.line} does not run: exit code ${outcome.code}${meaning}\n${outcome.output}`
}

async function main(): Promise<void> {
  const below = (folder: string, extension: string) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
          .filter((path) => path.endsWith(extension))
          .map((path) => join(folder, path))
      : []
  const sources = [...['README.md'].filter(existsSync), ...below('docs', '.md').sort(), ...below('src', '.ts').sort()]
  const found = sources.map((file) => blocksOf(file, readFileSync(file, 'utf8')))
  const all = found.flatMap((one) => one.blocks)
  for (const { file, line, noCheck } of all) if (noCheck) console.log(`not compiled: ${file}:${line} (${noCheck})`)
  const blocks = all.filter(({ noCheck }) => noCheck === undefined)

  // Inside the repository, so that blocks find what is installed here; `leveret` is the built package.
  const folder = resolve('node_modules/.cache/leveret', `doc-blocks-${process.pid}`)
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  try {
    symlinkSync(process.cwd(), join(folder, 'node_modules/leveret'), 'dir')
    const paths = new Map(
      blocks.map((block) => {
        const path = join(folder, `${block.file.replaceAll(/\W/g, '-')}-${block.line}.m${block.language}`)
        writeFileSync(path, `${'\n'.repeat(block.line - 1)}${block.code}\nexport {}\n`)
        return [path, block]
      }),
    )
    const uncompiled = typeFaults(paths)
    const runnable = [...paths].filter(([, block]) => block.noRun === undefined && !uncompiled.has(block))
    const unrun = await inTwos(runnable, ([path, block]) => runFault(block, path, folder))
    for (const { file, line, noRun } of blocks) if (noRun) console.log(`compiled only: ${file}:${line} (${noRun})`)
    const faults = [
      ...found.flatMap((one) => one.faults),
      ...[...uncompiled.values()].map((several) => several.join('\n')),
    ]
    const failures = [...faults, ...unrun.filter((fault) => fault !== undefined)]
    const failed = uncompiled.size + unrun.filter((fault) => fault !== undefined).length
    conclude(blocks.length - failed, failures)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.filename === process.argv[1]) await main()
