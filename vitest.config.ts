import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    // Tests and examples name the package as a user does, and run on the sources.
    alias: [
      { find: /^leveret$/, replacement: fileURLToPath(new URL('./src/index.ts', import.meta.url)) },
      // The folder exchange-types/ is the core's.
      {
        find: /^leveret\/exchange-types$/,
        replacement: fileURLToPath(new URL('./src/exchange-plugins/index.ts', import.meta.url)),
      },
      { find: /^leveret\/(.+)$/, replacement: fileURLToPath(new URL('./src/$1/index.ts', import.meta.url)) },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    // So that vi.mock('amqplib') reaches into it.
    server: { deps: { inline: ['amqp-connection-manager'] } },
    typecheck: {
      enabled: true,
      include: ['test/**/*.test-d.ts'],
      tsconfig: 'test/tsconfig.json',
      // The tsc step reports every other file's errors.
      ignoreSourceErrors: true,
    },
    coverage: { include: ['src/**'] },
  },
})
