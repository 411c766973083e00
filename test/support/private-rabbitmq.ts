// A RabbitMQ server of one's own, with plug-ins: own node name, ports and data folder; up in about ten seconds. Needs the
// package `rabbitmq-server` and the right to run it, as root or as the user rabbitmq.
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../tools/child.js'

/** A server that runs. */
export interface PrivateRabbitMQ {
  readonly port: number
  readonly url: string
  /** Runs `rabbitmqctl` on it, and answers what it says. */
  ctl(...args: readonly string[]): Promise<string>
  /** Ends it, and removes its folder. */
  stop(): Promise<void>
}

/** Starts a server with these plug-ins; answers a sentence where there is none to start, or it lacks one of them. */
export async function startRabbitMQ(plugins: readonly string[]): Promise<PrivateRabbitMQ | string> {
  const known = await run('rabbitmq-plugins', ['list', '--minimal', '--silent'], { timeout: 60_000 })
  if (known.code === 'error') return 'rabbitmq-server is not installed'
  const names = known.output.split(/\s+/)
  const missing = plugins.filter((plugin) => !names.includes(plugin))
  if (missing.length > 0) return `the server has no plug-in ${missing.join(', ')}`
  return launch(plugins)
}

async function launch(plugins: readonly string[]): Promise<PrivateRabbitMQ | string> {
  const folder = mkdtempSync(join(tmpdir(), 'leveret-rabbitmq-'))
  const [port, distribution] = [await freePort(), await freePort()]
  const node = `leveret${port}@localhost`
  const config = join(folder, 'rabbitmq.conf')
  const enabled = join(folder, 'enabled_plugins')
  mkdirSync(join(folder, 'log'))
  // n.b. the name of a machine's own listener, so that ours takes its place and not one beside it.
  writeFileSync(config, `listeners.tcp.local = 127.0.0.1:${port}\n`)
  writeFileSync(enabled, `[${plugins.join(', ')}].\n`)
  const env = {
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: config.replace(/\.conf$/, ''),
    RABBITMQ_ENABLED_PLUGINS_FILE: enabled,
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
  }
  await run('chown', ['-R', 'rabbitmq:', folder])
  const server = spawn('rabbitmq-server', [], { env: { ...process.env, ...env }, stdio: 'pipe', detached: true })
  const log = join(folder, 'output')
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => appendFileSync(log, chunk))
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()))
  const ctl = async (...args: readonly string[]) => (await run('rabbitmqctl', ['-n', node, ...args])).output
  const stop = async () => {
    await ctl('stop')
    const late = setTimeout(() => kill(server), 30_000)
    await ended
    clearTimeout(late)
    rmSync(folder, { recursive: true, force: true })
  }
  let outcome: Awaited<ReturnType<typeof run>> | undefined
  let over = false
  void ended.then(() => (over = true))
  // n.b. it gives up at once while there is no node to ask.
  for (const end = Date.now() + 60_000; !over && outcome?.code !== 0 && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    outcome = await run('rabbitmqctl', ['-n', node, 'await_startup', '--timeout', '30'], { timeout: 40_000 })
  }
  if (!over && outcome?.code === 0) return { port, url: `amqp://guest:guest@127.0.0.1:${port}`, ctl, stop }
  const said = readFileSync(log, { encoding: 'utf8', flag: 'a+' })
  if (!over) {
    // n.b. what cannot be asked to stop may still run in a session of its own, and is known by its file.
    const pid = Number(readFileSync(env.RABBITMQ_PID_FILE, { encoding: 'utf8', flag: 'a+' }))
    if (pid > 0) process.kill(pid, 'SIGKILL')
    kill(server)
  }
  rmSync(folder, { recursive: true, force: true })
  return `the server does not start: ${said}`
}

/** n.b. the server is a family of processes: only the group ends them all. */
function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
