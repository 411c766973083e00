import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'

/** Have a process of their own each; they begin first. All other files share two processes, and the modules in them. */
const ALONE = [
  // Replace a package or globals for good, or would see it when another did: amqplib is leveret/amqplib, or a real client.
  'test/amqplib/**/*.test.ts',
  'test/conformance/**/*.test.ts',
  'test/definitions/live.test.ts',
  'test/testing/{amqplib-faults,fake-timers,matchers}.test.ts',
  'test/time/**/*.test.ts',
  'examples/testing/*.test.ts',
  // Take long, and much memory.
  'test/examples/**/*.test.ts',
  'test/model/**/*.test.ts',
  'test/types/**/*.test.ts',
]

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
    // n.b. vitest leaves a core free by default: on a machine with two it would run one file at a time.
    maxWorkers: 2,
    // So that vi.mock('amqplib') reaches into it.
    server: { deps: { inline: ['amqp-connection-manager'] } },
    coverage: { include: ['src/**'] },
    // n.b. what test-d.ts files say of types is checked by tsc, with every other file under test/.
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ALONE],
          // Two thirds of a short file's time would go into starting a process and loading the sources again.
          isolate: false,
        },
      },
    ],
  },
})
