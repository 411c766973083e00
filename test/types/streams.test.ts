/** The structural types of streams against those of the platforms: the core has neither. */
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const SOURCE = `
  import type { Exchange, Queue } from 'leveret'
  declare const queue: Queue<{ id: number }>
  declare const orders: Exchange<{ 'order.created': { id: number }; 'order.paid': string }>
  declare const readable: ReadableStream<{ id: number }>
  void readable.pipeTo(queue.producer.writable())
  void readable.pipeTo(orders.producer.writable('order.created', { mandatory: true }))
  const writable: WritableStream<{ id: number }> = queue.producer.writable({ highWaterMark: 4 })
  // @ts-expect-error not what the queue holds
  void readable.pipeTo(orders.producer.writable('order.paid'))
  // @ts-expect-error no routing key
  void readable.pipeTo(orders.producer.writable('order.payed'))
  void writable.getWriter().write({ id: 1 })
`

/** What the compiler says of the source, with these libraries and types. */
function faultsOf(lib: readonly string[], types: readonly string[]): string[] {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const compilerOptions = { ...config.compilerOptions, lib: [...config.compilerOptions.lib, ...lib], types }
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, process.cwd())
  const path = join(process.cwd(), 'test/types/streams-generated.ts')
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.getSourceFile = (name, target) =>
    name === path ? ts.createSourceFile(name, SOURCE, target) : getSourceFile.call(host, name, target)
  host.fileExists = (name) => name === path || fileExists.call(host, name)
  return ts
    .getPreEmitDiagnostics(ts.createProgram([path], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

test.each([
  ['the web', ['dom'], []],
  ['Node', [], ['node']],
])('a writable producer is a WritableStream by the types of %s', { timeout: 60_000 }, (_, lib, types) => {
  expect(faultsOf(lib, types)).toEqual([])
})
