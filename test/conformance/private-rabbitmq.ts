// Starts a RabbitMQ of our own: for what everybody on a broker would feel, as an alarm, and for plugins. Up in about ten
// seconds; needs the package `rabbitmq-server`, and to be root or the user rabbitmq.
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ErlangShell } from './erlang.js'
import { sleep } from './waiting.js'

export interface PrivateRabbitmq {
  readonly port: number
  readonly shell: ErlangShell
  stop(): Promise<void>
}

const START_LIMIT = 60_000
const STOP_LIMIT = 10_000

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const ended = (child: ChildProcess) => new Promise<void>((resolve) => child.once('exit', () => resolve()))

/** Rejects with why, where there is none to start or it lacks a plugin. */
export async function startPrivateRabbitmq(plugins: readonly string[] = []): Promise<PrivateRabbitmq> {
  const folder = mkdtempSync(join(tmpdir(), 'leveret-rabbitmq-'))
  const node = `leveret_${process.pid}_${Math.random().toString(36).slice(2, 6)}@localhost`
  const [port, distribution] = [await freePort(), await freePort()]
  const at = (name: string) => join(folder, name)
  // The server runs as its own user, whoever we are.
  chmodSync(folder, 0o777)
  for (const each of ['data', 'log']) {
    mkdirSync(at(each))
    chmodSync(at(each), 0o777)
  }
  writeFileSync(at('plugins'), `[${plugins.join(',')}].\n`)
  // n.b. the machine's own configuration may name the port of the machine's own RabbitMQ.
  writeFileSync(at('rabbitmq.conf'), `listeners.tcp.default = 127.0.0.1:${port}\n`)
  const asRabbitmq = process.getuid?.() === 0
  const command = 'exec $(command -v /usr/lib/rabbitmq/bin/rabbitmq-server || command -v rabbitmq-server)'
  const words = asRabbitmq ? ['rabbitmq', '-s', '/bin/sh', '-c', command] : ['-c', command]
  const server = spawn(asRabbitmq ? 'su' : 'sh', words, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      RABBITMQ_NODENAME: node,
      RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_MNESIA_BASE: at('data'),
      RABBITMQ_LOG_BASE: at('log'),
      RABBITMQ_PID_FILE: at('data/pid'),
      RABBITMQ_ENABLED_PLUGINS_FILE: at('plugins'),
    },
  })
  const gone = ended(server)
  let said = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (said += text))
  const shell = new ErlangShell(node)
  const stop = async () => {
    await shell.evaluate('init:stop()')
    shell.end()
    const timer = setTimeout(() => server.kill('SIGKILL'), STOP_LIMIT)
    await gone
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true })
  }
  const start = Date.now()
  while ((await shell.evaluate('true = rabbit:is_running()')).text !== 'true') {
    if (Date.now() - start > START_LIMIT || server.exitCode !== null) {
      await stop()
      throw new Error(`expected a RabbitMQ that starts, it said: ${said.slice(-2000)}`)
    }
    await sleep(200)
  }
  const { text: missing } = await shell.evaluate(`[${plugins.join(',')}] -- rabbit_plugins:active()`)
  if (missing !== '[]') {
    await stop()
    throw new Error(`expected a RabbitMQ with the plugins ${missing}`)
  }
  return { port, shell, stop }
}
