// What an application takes along that imports from the core.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

/** The files of src/ that end up in a bundle, as paths from there. */
async function bundled(contents: string): Promise<string[]> {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const { metafile } = await build({
    absWorkingDir: root,
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    metafile: true,
    write: false,
  })
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs))
  return inputs.flatMap(([path, { bytesInOutput }]) =>
    bytesInOutput > 0 && path.startsWith('src/') ? [path.slice(4)] : [],
  )
}

const AMQP = [
  'channel/amqp-connection.ts',
  'channel/local-amqp-channel.ts',
  'channel/methods.ts',
  'channel/taken.ts',
  'channel/transaction.ts',
  'channel/window.ts',
]

test('an application bundles nothing of AMQP’s own channels and connections', async () => {
  const files = await bundled("export * from './src/index.ts'")
  expect(files).toContain('channel/local-channel.ts')
  expect(files.filter((file) => AMQP.includes(file))).toEqual([])
  // n.b. so that the list is not one of files that nobody has.
  const facade = await bundled("export { openConnection } from './src/internal.ts'")
  expect(facade).toEqual(expect.arrayContaining(AMQP))
})

test('an application that only makes brokers bundles no topologies', async () => {
  const files = await bundled("export { Broker } from './src/index.ts'")
  expect(files).toContain('local/broker.ts')
  expect(files).not.toContain('handles/topology.ts')
})
