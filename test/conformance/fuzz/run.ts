// The differential fuzzer: random sequences of operations, performed by amqplib on two targets, whose records must be
// equal. `tsx test/conformance/fuzz/run.ts --runs 1000 --seed 1 --against leveret`; `--against rabbitmq` holds the live
// broker against itself, which shows whether a record depends on who was faster.
import { parseArgs } from 'node:util'
import type { ChannelModel } from 'amqplib'
import fc from 'fast-check'
import { type Session, TARGETS } from '../targets.js'
import { type Sequence, sequences } from './operations.js'
import { Performance } from './perform.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    against: { type: 'string', default: 'leveret' },
    /** Replays a counterexample, with its seed and one lane. */
    path: { type: 'string' },
    /** Sequences at once. */
    lanes: { type: 'string', default: '4' },
  },
})

/**
 * RabbitMQ may deliver on a channel that it has just closed, and amqplib then gives up the connection: of such a sequence
 * nothing can be said.
 */
const GIVEN_UP = /Frame on unknown channel/
let givenUp = 0
let performed = 0

/** A connection that is made again when an error closed it. */
class Line {
  readonly #session: Session
  #connection: ChannelModel | undefined
  #number = 0
  #gaveUp = false

  constructor(session: Session) {
    this.#session = session
  }

  async perform(sequence: Sequence, prefix: string): Promise<unknown[]> {
    if (this.#connection === undefined) {
      const { amqplib, host, virtualHost } = this.#session
      const connection = await amqplib.connect({ ...host, vhost: virtualHost })
      // n.b. one that amqplib gave up is of no use to the next sequence, though it has yet to close.
      const over = () => {
        if (this.#connection === connection) this.#connection = undefined
      }
      connection.on('error', (error: Error) => {
        if (!GIVEN_UP.test(error.message)) return
        this.#gaveUp = true
        over()
      })
      connection.on('close', over)
      this.#connection = connection
    }
    this.#gaveUp = false
    try {
      const record = await new Performance(this.#connection, sequence, `${prefix}.${++this.#number}`).record()
      if (!this.#gaveUp) return record
    } catch (error) {
      if (!this.#gaveUp) throw error
    }
    givenUp++
    fc.pre(false)
    return []
  }

  async close(): Promise<void> {
    await this.#connection?.close()
  }
}

async function open(name: string, virtualHost: string): Promise<Session> {
  const target = TARGETS.find((each) => each.name === name)
  const session = await target?.open(virtualHost)
  if (session === undefined) throw new Error(`target '${name}' is not there`)
  return session
}

const runs = Number(values.runs)
const lanes = Number(values.lanes)
const seed = Number(values.seed)
const HOST = `leveret-fuzz-${process.pid}`
const OTHER = `${HOST}-other`
const [left, right] = [await open('rabbitmq', HOST), await open(values.against, OTHER)]
let failed = 0
const began = performance.now()

async function lane(number: number): Promise<void> {
  const [one, other] = [new Line(left), new Line(right)]
  const property = fc.asyncProperty(sequences, async (sequence) => {
    const [wanted, got] = [await one.perform(sequence, `f${number}`), await other.perform(sequence, `f${number}`)]
    if (++performed % 1_000 === 0) console.log(performed)
    for (const [index, each] of wanted.entries()) {
      const [expected, actual] = [each, got[index]].map((step) => JSON.stringify(step)?.replaceAll(OTHER, HOST))
      if (expected !== actual) {
        throw new Error(
          `step ${index + 1}, ${JSON.stringify(sequence.operations[index])}:\n  rabbitmq ${expected}\n  ${values.against} ${actual}`,
        )
      }
    }
  })
  const result = await fc.check(property, {
    numRuns: Math.ceil(runs / lanes),
    seed: seed + number,
    endOnFailure: false,
    ...(values.path !== undefined && { path: values.path }),
  })
  if (result.failed) {
    failed++
    console.log(`seed ${seed + number}, path '${result.counterexamplePath}':`)
    console.log(JSON.stringify(result.counterexample?.[0], undefined, 1))
    console.log((result.errorInstance as Error | null)?.message)
  }
  await one.close()
  await other.close()
}

await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
await left.close()
await right.close()
console.log(
  `${performed} sequences in ${((performance.now() - began) / 1000).toFixed(0)} s, ${failed} of ${lanes} lanes failed, ${givenUp} given up by the client`,
)
process.exit(failed > 0 ? 1 : 0)
