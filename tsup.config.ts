import { defineConfig } from 'tsup'

export default defineConfig({
  // One line per entry of the exports map.
  entry: {
    index: 'src/index.ts',
    definitions: 'src/definitions/index.ts',
    'exchange-types': 'src/exchange-plugins/index.ts',
    amqplib: 'src/amqplib/index.ts',
    testing: 'src/testing/index.ts',
    worker: 'src/worker/index.ts',
    'amqplib/callback_api': 'src/amqplib/callback_api/index.ts',
  },
  format: ['esm', 'cjs'],
  // n.b. never below es2022: lowered `#fields` cost up to 49 x on the hot path.
  target: 'es2022',
  platform: 'neutral',
  // n.b. eventemitter3 is CommonJS: loaded by itself it doubles the time that the import takes.
  noExternal: ['eventemitter3'],
  external: [/^node:/],
  splitting: true,
  treeshake: true,
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
  dts: {
    // n.b. Node's types are for the entries that say so in a tsconfig of their own; which those are, the step `types` holds.
    compilerOptions: { ignoreDeprecations: '6.0', types: ['node'] },
    // `Symbol.asyncDispose` is in no `lib: es2022`; with this line a consumer's own `lib` need not name it.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  esbuildOptions(options, { format }) {
    options.mainFields = ['module', 'main']
    if (format === 'cjs') options.define = { ...options.define, 'import.meta.url': '__filename' }
  },
})
