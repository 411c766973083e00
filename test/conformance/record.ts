// Runs scenarios on one target, several at once, and keeps what they noted.
import type { ScenarioRecord } from './compare.js'
import type { Scenario } from './scenario.js'
import type { Session, Target } from './targets.js'
import { Trial } from './trial.js'

const AT_ONCE = 12
const LIMIT = 30_000

/** The records in the order of the scenarios; `undefined` when the target is not there. */
export async function runAll(target: Target, scenarios: readonly Scenario[]): Promise<ScenarioRecord[] | undefined> {
  const session = await target.open(`conformance~${Math.random().toString(36).slice(2, 8).padEnd(6, '0')}`)
  if (session === undefined) return undefined
  const records = new Map<Scenario, ScenarioRecord>()
  const run = async (each: Scenario) => void records.set(each, await record(session, each))
  try {
    const queue = scenarios.filter(({ options }) => options.alone !== true)
    const lane = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await run(next)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    for (const each of scenarios) if (each.options.alone) await run(each)
  } finally {
    await session.close()
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
