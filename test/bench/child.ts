/** The process of one variant: `child.mjs p1 leveret`. Answers each message from the runner with a round's figures. */
import type { Bar } from './harness.js'

const [file, name] = process.argv.slice(2)
const { bar } = (await import(new URL(`${file}.mjs`, import.meta.url).href)) as { readonly bar: Bar }
const variant = bar.variants[name ?? '']
if (variant === undefined) throw new Error(`${file} has no variant '${name}'`)
const round = await variant.prepare()

const answer = async (): Promise<void> => {
  process.send?.(await round())
}
process.on('message', () => void answer())
process.send?.('ready')
