import { defineConfig } from 'tsup'

export default defineConfig({
  // One line per entry of the exports map.
  entry: {
    index: 'src/index.ts',
    definitions: 'src/definitions/index.ts',
    'exchange-types': 'src/exchange-plugins/index.ts',
  },
  format: ['esm', 'cjs'],
  // n.b. never below es2022: lowered `#fields` cost up to 49 x on the hot path.
  target: 'es2022',
  platform: 'neutral',
  // n.b. eventemitter3 is CommonJS: loaded by itself it doubles the time that the import takes.
  noExternal: ['eventemitter3'],
  splitting: true,
  treeshake: true,
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
  dts: {
    compilerOptions: { ignoreDeprecations: '6.0' },
    // `Symbol.asyncDispose` is in no `lib: es2022`; with this line a consumer's own `lib` need not name it.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  esbuildOptions(options) {
    options.mainFields = ['module', 'main']
  },
})
