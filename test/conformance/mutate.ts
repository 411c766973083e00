// Puts each mistake of mutants.ts into leveret, runs the scenarios of its rule, and sees whether the rule's row turns red
// beside what RabbitMQ does: `npx tsx test/conformance/mutate.ts [rule…]`. Not part of the test command.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { run } from '../tools/child.js'
import { areas } from './areas/index.js'
import type { ScenarioRecord } from './compare.js'
import { isKnown, KNOWN } from './known.js'
import { CONFORMANCE_MUTANTS, type ConformanceMutant } from './mutants.js'
import { allDifferences } from './proof.js'
import { runAll } from './record.js'
import { TARGETS } from './targets.js'

const wanted = process.argv.slice(2)
const mutants = CONFORMANCE_MUTANTS.filter(({ rule }) => wanted.length === 0 || wanted.includes(rule))
const about = (rule: string) =>
  Object.values(areas)
    .flat()
    .filter(({ rules }) => rules.includes(rule))

for (const { rule, file, find } of CONFORMANCE_MUTANTS) {
  const times = readFileSync(file, 'utf8').split(find).length - 1
  if (times !== 1) throw new Error(`the text of ${rule} is ${times} times in ${file}, expected once: ${find}`)
  if (about(rule).length === 0) throw new Error(`no scenario is about ${rule}`)
}

const folder = mkdtempSync(resolve('node_modules/.cache/mutant-'))
const [rabbitmq] = TARGETS
if (rabbitmq === undefined) throw new Error('expected a RabbitMQ')
const reference = new Map<string, ScenarioRecord>()
const scenarios = [...new Set(mutants.flatMap(({ rule }) => about(rule)))]
for (const record of (await runAll(rabbitmq, scenarios)) ?? []) reference.set(record.title, record)

/** What leveret notes with the mistake in it. */
async function recordsOf({ rule, file, find, replace }: ConformanceMutant): Promise<ScenarioRecord[] | string> {
  const script = join(folder, `${rule}.mjs`)
  const output = join(folder, `${rule}.json`)
  await build({
    stdin: {
      resolveDir: resolve('test/conformance'),
      contents: `
        import { writeFileSync } from 'node:fs'
        import { areas } from './areas/index.js'
        import { runAll } from './record.js'
        import { TARGETS } from './targets.js'
        const scenarios = Object.values(areas).flat().filter(({ rules }) => rules.includes('${rule}'))
        const target = TARGETS.find(({ name }) => name === 'leveret')
        writeFileSync('${output}', JSON.stringify(await runAll(target, scenarios)))
        process.exit(0)`,
    },
    outfile: script,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    alias: {
      leveret: resolve('src/index.ts'),
      'leveret/amqplib': resolve('src/amqplib/index.ts'),
      'leveret/exchange-types': resolve('src/exchange-plugins/index.ts'),
    },
    plugins: [
      {
        name: 'the mistake',
        setup: (built) => {
          built.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            if (path !== resolve(file)) return undefined
            return { contents: readFileSync(path, 'utf8').replace(find, () => replace), loader: 'ts' }
          })
        },
      },
    ],
  })
  const { code, output: said } = await run(process.execPath, [script], { timeout: 90_000 })
  if (code !== 0) return `ended with ${code}: ${said.slice(-300)}`
  return JSON.parse(readFileSync(output, 'utf8')) as ScenarioRecord[]
}

let survived = 0
const queue = [...mutants]
const lane = async (): Promise<void> => {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { rule } = next
    const records = await recordsOf(next)
    const found =
      typeof records === 'string'
        ? []
        : allDifferences(
            records.map(({ title }) => reference.get(title) as ScenarioRecord),
            records,
          ).filter((each) => each.rule === rule && !KNOWN.some((known) => isKnown(known, each)))
    const red = typeof records === 'string' ? records : found[0] && `${found[0].title}: ${found[0].what}`
    if (red === undefined) survived++
    console.log(
      `${red === undefined ? 'SURVIVED' : 'red     '} ${rule.padEnd(8)} ${red ?? `${next.file}: ${next.find}`}`,
    )
  }
}
await Promise.all([lane(), lane()])
rmSync(folder, { recursive: true })
writeFileSync('node_modules/.cache/conformance-mutants.json', JSON.stringify({ mutants: mutants.length, survived }))
console.log(`${mutants.length} mutants, ${survived} survived`)
process.exit(survived > 0 ? 1 : 0)
