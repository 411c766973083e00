// A headless Chromium for what needs a real browser, without a package for it: spoken to over its own pipe, so that there
// is no port to wait for. Every call has a time limit; a browser that hangs must fail by name.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

const CALL_LIMIT = 60_000
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // n.b. else a background page's timers come round once a second.
  '--disable-background-timer-throttling',
  '--hide-scrollbars',
  '--remote-debugging-pipe',
]

/** The path of the browser, or undefined where there is none; `CHROMIUM` names another. */
export function findChromium(): string | undefined {
  return [process.env['CHROMIUM'] ?? '', ...PLACES].find((path) => path !== '' && existsSync(path))
}

interface Answer {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** One browser process, with a profile of its own that is gone after it. */
export class Chromium {
  readonly #process: ChildProcess
  readonly #profile = mkdtempSync(join(tmpdir(), 'leveret-chromium-'))
  readonly #calls = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>()
  readonly #ended: Promise<void>
  #lastId = 0

  constructor(path: string) {
    this.#process = spawn(path, [...FLAGS, `--user-data-dir=${this.#profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    })
    this.#ended = new Promise((resolve) => {
      const end = (error: Error) => {
        for (const { reject } of this.#calls.values()) reject(error)
        this.#calls.clear()
        resolve()
      }
      this.#process.once('error', end)
      this.#process.once('exit', (code, signal) => end(new Error(`chromium ended with ${code ?? signal}`)))
    })
    let rest = ''
    const output = this.#process.stdio[4] as Readable
    output.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\0')
      rest = parts.pop() ?? ''
      for (const part of parts) this.#answered(JSON.parse(part) as Answer)
    })
  }

  /** Calls a method of the DevTools protocol. */
  call(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id)
        reject(new Error(`${method}: no answer within ${CALL_LIMIT} ms`))
      }, CALL_LIMIT)
      const settle =
        <Value>(then: (value: Value) => void) =>
        (value: Value) => {
          clearTimeout(timer)
          then(value)
        }
      this.#calls.set(id, { resolve: settle(resolve), reject: settle(reject) })
      const input = this.#process.stdio[3] as Writable
      input.write(`${JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) })}\0`)
    })
  }

  #answered({ id, result, error }: Answer): void {
    const call = this.#calls.get(id ?? 0)
    this.#calls.delete(id ?? 0)
    if (error === undefined) call?.resolve(result ?? {})
    else call?.reject(new Error(error.message))
  }

  /** Opens a page. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true })
    const page = new Page(this, sessionId as string)
    await page.goTo(url)
    return page
  }

  async close(): Promise<void> {
    // n.b. by the protocol: what it started writes to the profile until it has ended. By force when that takes long.
    this.call('Browser.close').catch(() => undefined)
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5_000)
    await this.#ended
    clearTimeout(timer)
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

/** One page of the browser. */
export class Page {
  readonly #browser: Chromium
  readonly #session: string

  constructor(browser: Chromium, session: string) {
    this.#browser = browser
    this.#session = session
  }

  call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#browser.call(method, params, this.#session)
  }

  /** Loads another document, to the end. */
  async goTo(url: string): Promise<void> {
    const { errorText } = await this.call('Page.navigate', { url })
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`)
    await this.evaluate(
      'document.readyState === "complete" || new Promise((resolve) => addEventListener("load", () => resolve(true)))',
    )
  }

  /** The value of an expression in the page, or of the promise that it is. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    const { result, exceptionDetails } = answer as {
      result: { value?: unknown }
      exceptionDetails?: { text: string; exception?: { description?: string } }
    }
    if (exceptionDetails === undefined) return result.value
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
  }
}
