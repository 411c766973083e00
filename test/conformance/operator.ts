// What an operator does beside the applications: users, permissions, policies, limits, virtual hosts. On a RabbitMQ by
// rabbitmqctl, whose refusals are noted by their text.
import { execFile } from 'node:child_process'

export interface Operator {
  /** The exit code and what was said on the way, without the greeting. */
  ctl(...words: readonly string[]): Promise<Answer>
}

export interface Answer {
  readonly ok: boolean
  readonly text: string
}

// An Erlang machine is started for each call: on few cores many at once starve the broker.
const AT_ONCE = 2
let running = 0
const waiting: (() => void)[] = []

async function rabbitmqctl(words: readonly string[]): Promise<Answer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  running++
  try {
    return await new Promise((resolve) => {
      execFile('rabbitmqctl', ['--quiet', ...words], { timeout: 20_000 }, (error, stdout, stderr) => {
        resolve({ ok: error === null, text: `${stdout}${stderr}`.trim() })
      })
    })
  } finally {
    running--
    waiting.shift()?.()
  }
}

export const rabbitmqOperator: Operator = { ctl: (...words) => rabbitmqctl(words) }
