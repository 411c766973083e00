/** Compiles TypeScript that a test wrote, by the repository's flags, in this process. */
import { join } from 'node:path'
import ts from 'typescript'

/** What the compiler said. */
export interface Compiled {
  /** A line each: where and what. */
  readonly faults: readonly string[]
  /** What `--extendedDiagnostics` prints as Instantiations. */
  readonly instantiations: number
}

const folder = join(process.cwd(), 'test/types')
const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
const options: ts.CompilerOptions = {
  ...ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd()).options,
  // What a generated source declares it need not use.
  noUnusedLocals: false,
}

/** The library's and the compiler's own files do not change between programs. */
const parsed = new Map<string, ts.SourceFile | undefined>()

/**
 * Compiles one module, as if it stood beside this file. `leveret` is the source of this repository; with `everything` its
 * files are checked as well, whose faults are told by the type check of the repository.
 */
export function compile(source: string, { everything = false } = {}): Compiled {
  const path = join(folder, 'generated.ts')
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (name, target) => {
    if (name === path) return ts.createSourceFile(name, source, target)
    if (!parsed.has(name)) parsed.set(name, read.call(host, name, target))
    return parsed.get(name)
  }
  const exists = host.fileExists
  host.fileExists = (name) => name === path || exists.call(host, name)
  const program = ts.createProgram([path], options, host)
  const module = program.getSourceFile(path)
  const found = ts.getPreEmitDiagnostics(program, everything ? undefined : module)
  const faults = found
    .filter(({ file }) => file === undefined || file === module)
    .map(({ file, start = 0, messageText }) => {
      const line = file === undefined ? '' : `${file.getLineAndCharacterOfPosition(start).line + 1}: `
      return `${line}${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
  return { faults, instantiations: program.getInstantiationCount() }
}
