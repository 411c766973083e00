// Runs scenarios on one target, several at once, and keeps what they noted.
import type { ScenarioRecord } from './compare.js'
import type { Scenario } from './scenario.js'
import type { Session, Target } from './targets.js'
import { Trial } from './trial.js'

const AT_ONCE = 12
const LIMIT = 30_000

const isAlone = ({ options }: Scenario) => options.alone === true

/** The records in the order of the scenarios; `undefined` when the target is not there. */
export async function runAll(target: Target, scenarios: readonly Scenario[]): Promise<ScenarioRecord[] | undefined> {
  const name = () => `conformance~${Math.random().toString(36).slice(2, 8).padEnd(6, '0')}`
  const session = await target.open(name())
  if (session === undefined) return undefined
  const records = new Map<Scenario, ScenarioRecord>()
  const [lonely, sociable] = [scenarios.filter(isAlone), scenarios.filter((each) => !isAlone(each))]
  const apart = lonely.length === 0 ? undefined : target.openApart(name())
  // It is waited for only when the others are done.
  apart?.catch(() => undefined)
  const run = async (on: Session, each: Scenario) => void records.set(each, await record(on, each))
  try {
    const queue = [...sociable]
    const lane = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await run(session, next)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    const own = await apart
    if (own !== undefined) for (const each of lonely) await run(own, each)
  } finally {
    await session.close()
    await (await apart)?.close()
  }
  return scenarios.flatMap((each) => records.get(each) ?? [])
}

async function record(session: Session, { title, rules, steps, options }: Scenario): Promise<ScenarioRecord> {
  const missing = options.needs?.find((need) => session[need] === undefined)
  if (missing !== undefined) return { title, rules, notes: [], skipped: `needs ${missing}` }
  const trial = new Trial(session, { title, rules, steps, options })
  let timer: NodeJS.Timeout | undefined
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not over after ${LIMIT} ms`)), LIMIT)
    })
    await Promise.race([steps(trial), late])
    return { title, rules, notes: trial.notes }
  } catch (thrown) {
    return {
      title,
      rules,
      notes: trial.notes,
      crash: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    }
  } finally {
    clearTimeout(timer)
    await trial.end()
  }
}
