/**
 * Bar P3, routing alone: the topic router against qlobber's `match`. Run with `npx tsx test/bench/topic-route.ts`.
 *
 * Every figure has a process of its own, and the processes take turns: what disturbs the machine disturbs all of them,
 * and only the ratios mean anything. Two shapes of binding keys: "flat", where the first word tells 10,000 keys apart,
 * and "tree", where two words of a hundred each do.
 */
import { fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { NO_CONTEXT } from '../../src/broker/exchange-context.js'
import { topicExchange } from '../../src/exchange-types/topic.js'
import { Message, NO_PROPERTIES } from '../../src/message.js'

// qlobber has no types.
const { Qlobber } = createRequire(import.meta.url)('qlobber') as {
  Qlobber: new () => { add(key: string, value: number): void; match(key: string): number[] }
}

const ROUNDS = 15
/** Keys routed in a round. */
const ROUND = 100_000

interface Shape {
  binding(index: number): string
  key(index: number, serial: number): string
}

const SHAPES: Record<string, Shape> = {
  flat: {
    binding: (index) => `tenant-${index}.*.order.#`,
    key: (index, serial) => `tenant-${index}.user-${serial}.order.created`,
  },
  tree: {
    binding: (index) => `region-${index % 100}.*.shop-${Math.floor(index / 100)}.*`,
    key: (index, serial) => `region-${index % 100}.user-${serial}.shop-${Math.floor(index / 100)}.created`,
  },
}

interface Case {
  readonly matcher: 'leveret' | 'qlobber'
  readonly shape: string
  readonly bindings: number
  readonly keys: number
}

/** Makes the function that routes one round and answers the number of matches. */
function prepare({ matcher, shape, bindings, keys: count }: Case): () => number {
  const { binding, key } = SHAPES[shape] as Shape
  const bindingKeys = Array.from({ length: bindings }, (_, index) => binding(index))
  // n.b. a stride that is prime to both sizes: neighbours in time are no neighbours in memory. Keys are copied, so that
  // they are flat strings of their own, like those that arrive from a caller.
  const keys = Array.from({ length: count }, (_, serial) =>
    Buffer.from(key((serial * 7919) % bindings, serial)).toString(),
  )
  if (matcher === 'qlobber') {
    const qlobber = new Qlobber()
    for (const [index, bindingKey] of bindingKeys.entries()) qlobber.add(bindingKey, index)
    return () => {
      let matches = 0
      for (let i = 0, at = 0; i < ROUND; i++, at = at + 1 === count ? 0 : at + 1) {
        matches += qlobber.match(keys[at] as string).length
      }
      return matches
    }
  }
  const router = topicExchange.createRouter({}, NO_CONTEXT)
  for (const [index, routingKey] of bindingKeys.entries()) {
    router.add({ destination: { kind: 'queue', name: `q${index}` }, routingKey, arguments: {} })
  }
  const message = new Message('x', '', undefined, NO_PROPERTIES)
  const sink = {
    matches: 0,
    add() {
      this.matches++
    },
  }
  return () => {
    sink.matches = 0
    for (let i = 0, at = 0; i < ROUND; i++, at = at + 1 === count ? 0 : at + 1) {
      router.route(keys[at] as string, message, sink)
    }
    return sink.matches
  }
}

/** In a child process: answers each 'round' with its nanoseconds a key. */
function serve(work: Case): void {
  const round = prepare(work)
  const timed = (): number => {
    const start = process.hrtime.bigint()
    const matches = round()
    const nanoseconds = Number(process.hrtime.bigint() - start) / ROUND
    if (matches !== ROUND) throw new Error(`expected ${ROUND} matches, got ${matches}`)
    return nanoseconds
  }
  for (let i = 0; i < 3; i++) timed()
  process.on('message', () => process.send?.(timed()))
  process.send?.('ready')
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number
const name = ({ matcher, bindings, keys }: Case): string => `${matcher}, ${bindings} bindings, ${keys} keys`

async function compare(shape: string): Promise<void> {
  const cases: Case[] = (['leveret', 'qlobber'] as const).flatMap((matcher) => [
    { matcher, shape, bindings: 10_000, keys: 100_000 },
    { matcher, shape, bindings: 100, keys: 100_000 },
    { matcher, shape, bindings: 10_000, keys: 1_000 },
  ])
  const children = cases.map((work) => fork(fileURLToPath(import.meta.url), [JSON.stringify(work)]))
  const answer = (child: (typeof children)[number]): Promise<unknown> =>
    new Promise((resolve) => child.once('message', resolve))
  const rounds: number[][] = []
  try {
    await Promise.all(children.map(answer))
    for (let i = 0; i < ROUNDS; i++) {
      const round: number[] = []
      for (const child of children) {
        child.send('round')
        round.push((await answer(child)) as number)
      }
      rounds.push(round)
    }
  } finally {
    for (const child of children) child.kill()
  }
  console.log(`\n${shape}: ${SHAPES[shape]?.binding(7)}`)
  for (const [at, work] of cases.entries()) {
    const nanoseconds = median(rounds.map((round) => round[at] as number))
    console.log(`  ${name(work).padEnd(42)}${nanoseconds.toFixed(0).padStart(6)} ns a key`)
  }
  const ratio = (title: string, over: number, under: number, bar: string): void => {
    const ratios = rounds.map((round) => (round[over] as number) / (round[under] as number)).toSorted((a, b) => a - b)
    const [low, middle, high] = [ratios[1], median(ratios), ratios.at(-2)].map((value) => value?.toFixed(2))
    console.log(`  ${title.padEnd(42)}${middle?.padStart(6)} x (${low} to ${high}), bar ${bar}`)
  }
  ratio('qlobber / leveret, 100,000 distinct keys', 3, 0, '>= 3')
  ratio('leveret, 10,000 / 100 bindings', 0, 1, '<= 1.5')
  ratio('qlobber / leveret, keys drawn from 1,000', 5, 2, '>= 4')
}

const [work] = process.argv.slice(2)
if (work?.startsWith('{')) serve(JSON.parse(work) as Case)
else for (const shape of Object.keys(SHAPES)) if (work === undefined || work === shape) await compare(shape)
